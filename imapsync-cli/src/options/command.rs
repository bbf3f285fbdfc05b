//! The clap command that a table makes, and the values it yields.

use super::normalise::{Given, MASK, Normalised, Spellings, quote};
use super::{Format, Group, Kind, Manual, Spec, UsageError};
use clap::builder::ValueParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::time::Duration;

/// The values of a command line, by full option names.
#[derive(Debug)]
pub(crate) struct Values {
    matches: ArgMatches,
    /// The command line for a shell, with its secrets masked.
    pub(crate) shown: String,
    /// The arguments with their secrets masked.
    pub(crate) masked: Vec<String>,
    /// The secrets, by the names of their options, that stand in the command line.
    pub(crate) secrets: Vec<(String, String)>,
    /// Names of the options given that have no effect here.
    pub(crate) ignored: Vec<String>,
    /// Whether any option was given.
    pub(crate) any: bool,
}

/// Parses the arguments that follow the name of what is called.
pub(crate) fn parse(manual: &Manual, arguments: &[String]) -> Result<Values, UsageError> {
    let Normalised { given, shown } = Spellings::new(manual.table).normalise(arguments)?;
    let mut ignored: Vec<String> = Vec::new();
    for option in given.iter().filter(|option| option.spec.group == Group::Ignored) {
        let name = format!("--{}{}", if option.negated { "no" } else { "" }, option.name);
        if !ignored.contains(&name) {
            ignored.push(name);
        }
    }
    let matches =
        command(manual).try_get_matches_from(given.iter().map(plain)).map_err(|e| UsageError(reason(&e)))?;
    let typed: Vec<String> = shown.iter().map(|argument| quote(argument)).collect();
    let any = !given.is_empty();
    let secrets = given.into_iter().filter(|option| option.spec.secret);
    let secrets =
        secrets.filter_map(|option| Some((option.name, option.value.filter(|value| value != MASK)?)));
    Ok(Values { matches, shown: typed.join(" "), masked: shown, secrets: secrets.collect(), ignored, any })
}

/// The option in the one form that the clap command knows.
fn plain(given: &Given) -> String {
    let name = &given.name;
    match (&given.value, given.spec.kind) {
        (Some(value), _) => format!("--{name}={value}"),
        (None, Kind::Negatable) => format!("--{name}={}", !given.negated),
        (None, _) => format!("--{name}"),
    }
}

/// The clap command. Only what [`Spellings`] makes of a command line is fed to it.
pub(crate) fn command(manual: &Manual) -> Command {
    Command::new("imapsync")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Copies mailboxes from one IMAP account to another")
        .no_binary_name(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args_override_self(true)
        .args(manual.table.iter().flat_map(arguments))
}

fn arguments(spec: &'static Spec) -> impl Iterator<Item = Arg> {
    spec.names().into_iter().map(|name| {
        let arg = Arg::new(name.clone())
            .long(name)
            .help(spec.help)
            .help_heading(spec.group.title())
            .hide(spec.group == Group::Ignored);
        match spec.kind {
            Kind::Switch => arg.action(ArgAction::SetTrue),
            Kind::Negatable => arg
                .action(ArgAction::Set)
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true")
                .value_parser(clap::value_parser!(bool)),
            Kind::One(format, placeholder) => value(arg, format, placeholder).action(ArgAction::Set),
            Kind::Many(format, placeholder) => value(arg, format, placeholder).action(ArgAction::Append),
        }
    })
}

fn value(arg: Arg, format: Format, placeholder: &'static str) -> Arg {
    let parser: ValueParser = match format {
        Format::Text => clap::value_parser!(String),
        Format::Port => clap::value_parser!(u16).range(1..).into(),
        Format::Count => clap::value_parser!(u32).into(),
        Format::Number => clap::value_parser!(u64).into(),
        Format::Rate => ValueParser::new(rate),
        Format::Seconds => ValueParser::new(seconds),
    };
    arg.num_args(1)
        .require_equals(true)
        .allow_hyphen_values(true)
        .value_name(placeholder)
        .value_parser(parser)
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.trim().parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0);
    rate.ok_or_else(|| "not a number above zero".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.trim()
        .parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "not a number of seconds".to_owned())
}

/// What clap has to say, in one line without its decoration.
fn reason(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

impl Values {
    /// Whether a switch without a negation was given.
    pub(crate) fn switch(&self, name: &str) -> bool {
        self.matches.get_flag(name)
    }

    /// A switch that can be turned off: what was said last, if anything.
    pub(crate) fn toggle(&self, name: &str) -> Option<bool> {
        self.matches.get_one(name).copied()
    }

    /// The last value of an option.
    pub(crate) fn one<T: Clone + Send + Sync + 'static>(&self, name: &str) -> Option<T> {
        self.matches.get_one(name).cloned()
    }

    /// All values of a repeatable option, in order.
    pub(crate) fn many(&self, name: &str) -> Vec<String> {
        self.matches.get_many(name).into_iter().flatten().cloned().collect()
    }

    /// Whether an option was given at all.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.matches.value_source(name) == Some(ValueSource::CommandLine)
    }
}
