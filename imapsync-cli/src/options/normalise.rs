//! The manners of Perl's Getopt::Long in front of the parser: `-x` and `--x`, any case, abbreviations, `--nox`.
//!
//! Scripts that call the original rely on all of these. What leaves here is plain: full names, values attached.

use super::{Kind, Spec, UsageError};
use std::collections::BTreeMap;

/// One option as it was given, its name in full.
#[derive(Debug, Clone)]
pub(super) struct Given {
    /// The row it belongs to.
    pub(super) spec: &'static Spec,
    /// Its full name, with the side.
    pub(super) name: String,
    /// Its value, where it takes one.
    pub(super) value: Option<String>,
    /// Whether it was turned off.
    pub(super) negated: bool,
}

/// A command line that has been understood.
#[derive(Debug, Default)]
pub(super) struct Normalised {
    /// The options in their order.
    pub(super) given: Vec<Given>,
    /// The arguments as they were typed, secrets masked.
    pub(super) shown: Vec<String>,
}

/// What stands in place of a secret.
pub(super) const MASK: &str = "***";

#[derive(Debug, Clone)]
struct Target {
    spec: &'static Spec,
    name: String,
    negated: bool,
}

/// Every spelling of every option.
#[derive(Debug)]
pub(super) struct Spellings(BTreeMap<String, Target>);

impl Spellings {
    pub(super) fn new(table: &'static [Spec]) -> Self {
        let mut spellings = BTreeMap::new();
        for spec in table {
            let names = spec.names();
            for stem in std::iter::once(&spec.name).chain(spec.aliases) {
                for (spelled, name) in spec.spell(stem).into_iter().zip(&names) {
                    if spec.kind == Kind::Negatable {
                        for no in ["no", "no-"] {
                            let target = Target { spec, name: name.clone(), negated: true };
                            spellings.insert(format!("{no}{spelled}"), target);
                        }
                    }
                    spellings.insert(spelled, Target { spec, name: name.clone(), negated: false });
                }
            }
        }
        Self(spellings)
    }

    /// Finds an option by its name in any case, or by a beginning that only one option has.
    fn find(&self, typed: &str) -> Result<&Target, UsageError> {
        let wanted = typed.to_lowercase();
        if let Some(target) = self.0.get(&wanted) {
            return Ok(target);
        }
        let mut candidates: Vec<(&str, &Target)> = Vec::new();
        if !wanted.is_empty() {
            for (spelled, target) in self.0.range(wanted.clone()..) {
                if !spelled.starts_with(&wanted) {
                    break;
                }
                // Two spellings of one option do not compete.
                if !candidates.iter().any(|(_, c)| c.name == target.name && c.negated == target.negated) {
                    candidates.push((spelled, target));
                }
            }
        }
        match candidates.as_slice() {
            [(_, target)] => Ok(target),
            [] => Err(UsageError(match self.nearest(&wanted) {
                Some(near) => format!("unknown option --{typed} (did you mean --{near}?)"),
                None => format!("unknown option --{typed}"),
            })),
            several => {
                let names: Vec<_> = several.iter().map(|(name, _)| format!("--{name}")).collect();
                Err(UsageError(format!("option --{typed} is ambiguous: {}", names.join(", "))))
            }
        }
    }

    /// The spelling that looks most like a misspelt one, if any looks like it at all.
    fn nearest(&self, wanted: &str) -> Option<&str> {
        self.0
            .keys()
            .map(|name| (strsim::jaro_winkler(wanted, name), name))
            .filter(|(likeness, _)| *likeness > 0.8)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, name)| name.as_str())
    }

    /// Understands a command line (without the program's name).
    pub(super) fn normalise(&self, arguments: &[String]) -> Result<Normalised, UsageError> {
        let mut result = Normalised::default();
        let mut rest = arguments.iter();
        let mut options_ended = false;
        while let Some(argument) = rest.next() {
            let dashed = if options_ended { None } else { strip_dashes(argument) };
            let Some(dashed) = dashed else {
                if !argument.is_empty() {
                    return Err(left_over(argument, result.given.last()));
                }
                result.shown.push(argument.clone());
                continue;
            };
            if argument == "--" {
                options_ended = true;
                result.shown.push(argument.clone());
                continue;
            }
            let (typed, attached) = match dashed.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (dashed, None),
            };
            let target = self.find(typed)?;
            let dashes = &argument[..argument.len() - dashed.len()];
            let value = if target.spec.takes_value() && !target.negated {
                // As in Getopt::Long the next argument is the value whatever it looks like: passwords may begin
                // with a dash.
                let value = match attached {
                    Some(value) => value,
                    None => rest
                        .next()
                        .ok_or_else(|| UsageError(format!("option --{} needs a value", target.name)))?,
                };
                let shown = if target.spec.secret { MASK } else { value };
                if attached.is_some() {
                    result.shown.push(format!("{dashes}{typed}={shown}"));
                } else {
                    result.shown.push(argument.clone());
                    result.shown.push(shown.to_owned());
                }
                Some(value.to_owned())
            } else if attached.is_some() {
                return Err(UsageError(format!("option --{typed} takes no value")));
            } else {
                result.shown.push(argument.clone());
                None
            };
            result.given.push(Given {
                spec: target.spec,
                name: target.name.clone(),
                value,
                negated: target.negated,
            });
        }
        Ok(result)
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// What follows `--` or `-`; None where no option can follow.
fn strip_dashes(argument: &str) -> Option<&str> {
    let rest = argument.strip_prefix('-')?;
    match rest.strip_prefix('-') {
        Some(long) => Some(long),
        None if rest.is_empty() => None,
        None => Some(rest),
    }
}

/// An argument that belongs to nothing. It may be the second half of a password with a blank: then it is not shown.
fn left_over(argument: &str, before: Option<&Given>) -> UsageError {
    UsageError(match before {
        Some(given) if given.spec.secret => {
            format!("an argument is left over after --{} (put quotes around a value with blanks)", given.name)
        }
        _ => format!("argument {} is left over: what it belongs to is not clear", quote(argument)),
    })
}

/// The argument as a shell would need it, on one line.
pub(crate) fn quote(argument: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_=+.,:/@%^*".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_owned();
    }
    let mut quoted = String::from("'");
    for c in argument.chars() {
        match c {
            '\'' => quoted.push_str(r"'\''"),
            c if c.is_control() => quoted.extend(c.escape_default()),
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}
