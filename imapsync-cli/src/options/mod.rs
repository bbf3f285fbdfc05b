//! Every option of the program once, as data; the parser, the help and their tests are made from it.

mod command;
#[cfg(feature = "demo")]
mod demo;
mod help;
mod normalise;
#[cfg(feature = "state")]
mod state;
mod table;

pub(crate) use command::{Values, parse};
#[cfg(feature = "demo")]
pub(crate) use demo::DEMO;
pub(crate) use help::help;
#[cfg(feature = "demo")]
pub(crate) use normalise::quote;
#[cfg(feature = "state")]
pub(crate) use state::STATE;
pub(crate) use table::IMAPSYNC;

/// What can be called: the options it takes, and what its help says around them.
#[derive(Debug)]
pub(crate) struct Manual {
    /// What the help says before the options.
    introduction: &'static str,
    /// The options. Within a group the order is that of the help.
    table: &'static [Spec],
    /// What the help says after the options.
    conclusion: &'static str,
}

/// One row of the table: an option, or the pair of options that serve the two sides.
#[derive(Debug)]
pub(crate) struct Spec {
    /// The name without dashes, in lower case; of a sided option also without its `1` or `2`.
    pub(crate) name: &'static str,
    /// Other spellings, sided like the name.
    pub(crate) aliases: &'static [&'static str],
    /// Whether there is one for each side: `port` stands for `port1` and `port2`.
    pub(crate) sided: bool,
    /// What it takes.
    pub(crate) kind: Kind,
    /// Where the help shows it.
    pub(crate) group: Group,
    /// What it does, for the help.
    pub(crate) help: &'static str,
    /// Whether its value must never be shown.
    pub(crate) secret: bool,
}

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing.
    Switch,
    /// Nothing, and it can be turned off: `--nox`, `--no-x`.
    Negatable,
    /// One value; the last one given counts.
    One(Format, &'static str),
    /// A value each time; all of them count.
    Many(Format, &'static str),
}

/// What a value must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Anything.
    Text,
    /// A port number.
    Port,
    /// A whole number.
    Count,
    /// A whole number of any size.
    Number,
    /// A number above zero, fractions allowed.
    Rate,
    /// Seconds, fractions allowed.
    Seconds,
}

/// Where the help shows an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// Hosts, users and passwords.
    Accounts,
    /// TLS and the connection.
    Connection,
    /// Which folders.
    Folders,
    /// What folders are called on the destination.
    Names,
    /// Messages and flags.
    Messages,
    /// What is removed.
    Deleting,
    /// How the run goes and what it tells.
    Running,
    /// Options of the original that are taken and change nothing here.
    Ignored,
}

impl Group {
    /// All groups in the order of the help.
    pub(crate) const ALL: [Self; 8] = [
        Self::Accounts,
        Self::Connection,
        Self::Folders,
        Self::Names,
        Self::Messages,
        Self::Deleting,
        Self::Running,
        Self::Ignored,
    ];

    /// The heading in the help.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Accounts => "The two accounts",
            Self::Connection => "Connection and encryption",
            Self::Folders => "Which folders",
            Self::Names => "What folders are called on host2",
            Self::Messages => "Messages and flags",
            Self::Deleting => "Deleting",
            Self::Running => "The run",
            Self::Ignored => "Accepted for the sake of older command lines, without effect here",
        }
    }
}

impl Spec {
    const fn new(name: &'static str, kind: Kind, group: Group, help: &'static str) -> Self {
        Self { name, aliases: &[], sided: false, kind, group, help, secret: false }
    }

    const fn sided(mut self) -> Self {
        self.sided = true;
        self
    }

    const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// The full names it stands for: one, or one for each side.
    pub(crate) fn names(&self) -> Vec<String> {
        self.spell(self.name)
    }

    /// A name or an alias as it is written in full.
    fn spell(&self, stem: &str) -> Vec<String> {
        if self.sided { vec![format!("{stem}1"), format!("{stem}2")] } else { vec![stem.to_owned()] }
    }

    /// Whether a value follows.
    pub(crate) const fn takes_value(&self) -> bool {
        matches!(self.kind, Kind::One(..) | Kind::Many(..))
    }
}

/// A command line that cannot be understood: the text for the user. The exit status is 64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UsageError(pub(crate) String);

#[cfg(test)]
mod tests;
