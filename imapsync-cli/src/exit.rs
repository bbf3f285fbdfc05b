//! Exit statuses: their numbers and names, and which one an error or a report comes to.

use imapsync_core::sync::Report;
use imapsync_core::{Error, ErrorKind, Side};
use std::collections::BTreeMap;

/// One exit status. Number and name are those of the original, so that scripts written for it go on working.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exit {
    /// The number.
    pub(crate) code: u8,
    /// The name, as in the last line of the output.
    pub(crate) name: &'static str,
    /// What it means.
    pub(crate) meaning: &'static str,
}

/// Every exit status of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Status {
    Ok,
    Signal,
    Connection,
    Connection1,
    Connection2,
    Tls,
    Authentication,
    Authentication1,
    Authentication2,
    Subfolder1,
    Usage,
    NoInput,
    Unavailable,
    Software,
    WithErrors,
    OverQuota,
    Append,
    Fetch,
    Create,
    Select,
    TransferExceeded,
    Flags,
}

impl Status {
    /// Number, name and meaning.
    pub(crate) const fn exit(self) -> Exit {
        let (code, name, meaning) = match self {
            Self::Ok => (0, "EX_OK", "successful termination"),
            Self::Signal => (6, "EXIT_BY_SIGNAL", "stopped by a signal"),
            Self::Connection => (10, "EXIT_CONNECTION_FAILURE", "a server cannot be reached"),
            Self::Connection1 => (101, "EXIT_CONNECTION_FAILURE_HOST1", "host1 cannot be reached"),
            Self::Connection2 => (102, "EXIT_CONNECTION_FAILURE_HOST2", "host2 cannot be reached"),
            Self::Tls => (12, "EXIT_TLS_FAILURE", "no trustworthy encryption"),
            Self::Authentication => (16, "EXIT_AUTHENTICATION_FAILURE", "login refused"),
            Self::Authentication1 => (161, "EXIT_AUTHENTICATION_FAILURE_USER1", "login refused on host1"),
            Self::Authentication2 => (162, "EXIT_AUTHENTICATION_FAILURE_USER2", "login refused on host2"),
            Self::Subfolder1 => (21, "EXIT_SUBFOLDER1_NO_EXISTS", "subfolder1 does not exist"),
            Self::Usage => (64, "EX_USAGE", "command line not understood"),
            Self::NoInput => (66, "EX_NOINPUT", "a file cannot be read"),
            Self::Unavailable => (69, "EX_UNAVAILABLE", "a server is out of service"),
            Self::Software => (70, "EX_SOFTWARE", "an error of this program"),
            Self::WithErrors => (111, "EXIT_WITH_ERRORS", "there were errors"),
            Self::OverQuota => (113, "EXIT_OVERQUOTA", "host2 has no room left"),
            Self::Append => (114, "EXIT_ERR_APPEND", "host2 refused messages"),
            Self::Fetch => (115, "EXIT_ERR_FETCH", "messages of host1 could not be read"),
            Self::Create => (116, "EXIT_ERR_CREATE", "folders could not be created"),
            Self::Select => (117, "EXIT_ERR_SELECT", "folders could not be opened"),
            Self::TransferExceeded => {
                (118, "EXIT_TRANSFER_EXCEEDED", "as much as --exitwhenover allows was copied")
            }
            Self::Flags => (120, "EXIT_ERR_FLAGS", "flags could not be changed"),
        };
        Exit { code, name, meaning }
    }

    /// The status of a run that came to its report; `subfolder1`: that option was given.
    pub(crate) fn of_report(report: &Report, subfolder1: bool) -> Self {
        match Self::of_errors(report.errors.iter().chain(&report.stopped), subfolder1) {
            Self::Ok if !report.is_success() => Self::WithErrors,
            status => status,
        }
    }

    /// The most frequent kind decides, of equally frequent ones the first by name. Nothing but a cancellation means
    /// a signal. What the state could not keep is no failure: all that was asked for was done.
    fn of_errors<'a>(errors: impl Iterator<Item = &'a Error> + Clone, subfolder1: bool) -> Self {
        let errors = errors.filter(|error| error.kind() != ErrorKind::State);
        match most_frequent(errors.clone()) {
            Some(class) => class.status(subfolder1),
            None if errors.clone().next().is_some() => Self::Signal,
            None => Self::Ok,
        }
    }

    /// The status of a run that could not begin.
    pub(crate) fn of_start(error: &Error, subfolder1: bool) -> Self {
        match error.kind() {
            ErrorKind::Io | ErrorKind::State => Self::NoInput,
            ErrorKind::Usage => Self::Usage,
            _ => Self::of_errors(std::iter::once(error), subfolder1),
        }
    }
}

/// A class of errors under the name that the last lines of the output give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Class {
    /// The name.
    pub(crate) name: &'static str,
    status: Status,
    /// What can be done about it.
    pub(crate) hint: &'static str,
}

impl Class {
    fn status(self, subfolder1: bool) -> Status {
        if self.status == Status::Subfolder1 && !subfolder1 { Status::Select } else { self.status }
    }

    /// The class of an error; None for a run that was cancelled, and for what is no failure.
    pub(crate) fn of(error: &Error) -> Option<Self> {
        let (name, status, hint) = match error.kind() {
            ErrorKind::Cancelled | ErrorKind::State => return None,
            ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::ConnectionLost => (
                by_side(error, "ERR_CONNECTION", "ERR_CONNECTION_HOST1", "ERR_CONNECTION_HOST2"),
                by_side(error, Status::Connection, Status::Connection1, Status::Connection2),
                "Check the name, the port and the line; a later run goes on where this one ended.",
            ),
            ErrorKind::Tls => {
                ("ERR_TLS", Status::Tls, "Check the host name; see --cafile1 --pin1 --insecure1 in the help.")
            }
            ErrorKind::Authentication => (
                by_side(error, "ERR_AUTHENTICATION", "ERR_AUTHENTICATION_USER1", "ERR_AUTHENTICATION_USER2"),
                by_side(error, Status::Authentication, Status::Authentication1, Status::Authentication2),
                "Check the user name and the password; some services want an application password.",
            ),
            ErrorKind::OverQuota => (
                "ERR_OVERQUOTA",
                Status::OverQuota,
                "Make room on host2 or have its quota raised, then run again.",
            ),
            ErrorKind::TransferLimit => (
                "ERR_TRANSFER_EXCEEDED",
                Status::TransferExceeded,
                "The next run goes on where this one ended.",
            ),
            ErrorKind::Append => (
                "ERR_APPEND",
                Status::Append,
                "Each refused message is named above with what host2 said about it.",
            ),
            ErrorKind::Fetch => (
                "ERR_FETCH",
                Status::Fetch,
                "Each unreadable message is named above with what host1 said about it.",
            ),
            ErrorKind::Create => (
                "ERR_CREATE",
                Status::Create,
                "See --regextrans2 and --f1f2 to give the folder a name host2 takes.",
            ),
            ErrorKind::Select => (
                "ERR_SELECT",
                Status::Select,
                "The folder may be damaged or in use; --exclude leaves it out.",
            ),
            ErrorKind::FolderMissing => {
                ("ERR_FOLDER_MISSING", Status::Subfolder1, "Check the name: case and separator count.")
            }
            ErrorKind::Flags => ("ERR_FLAGS", Status::Flags, "--noresyncflags leaves the flags alone."),
            ErrorKind::Delete => (
                "ERR_DELETE",
                Status::WithErrors,
                "The messages are still there; nothing else was left undone.",
            ),
            ErrorKind::Unavailable => {
                ("ERR_UNAVAILABLE", Status::Unavailable, "The server asks to come back later.")
            }
            ErrorKind::Protocol => {
                ("ERR_PROTOCOL", Status::Unavailable, "See --debugimap for what the server said.")
            }
            ErrorKind::Io => {
                ("ERR_IO", Status::WithErrors, "Check the disk and the permissions of the files named.")
            }
            _ => ("ERR_UNCLASSIFIED", Status::WithErrors, "See the text of the errors above."),
        };
        Some(Self { name, status, hint })
    }
}

fn by_side<T>(error: &Error, whole: T, first: T, second: T) -> T {
    match error.side() {
        None => whole,
        Some(Side::Source) => first,
        Some(Side::Destination) => second,
    }
}

/// The most frequent class; of equally frequent ones the first by name.
pub(crate) fn most_frequent<'a>(errors: impl Iterator<Item = &'a Error>) -> Option<Class> {
    let mut counts: BTreeMap<Class, usize> = BTreeMap::new();
    for class in errors.filter_map(Class::of) {
        *counts.entry(class).or_default() += 1;
    }
    // The map is sorted by name and only a greater count displaces what was found before.
    let mut best: Option<(Class, usize)> = None;
    for (class, count) in counts {
        if best.is_none_or(|(_, most)| count > most) {
            best = Some((class, count));
        }
    }
    best.map(|(class, _)| class)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ErrorKind, side: u8) -> Error {
        let error = Error::new(kind, "text");
        match side {
            1 => error.on(Side::Source),
            2 => error.on(Side::Destination),
            _ => error,
        }
    }

    #[test]
    fn one_error_of_each_kind() {
        for (kind, side, code) in [
            (ErrorKind::Usage, 0, 64),
            (ErrorKind::Connect, 0, 10),
            (ErrorKind::Connect, 1, 101),
            (ErrorKind::Connect, 2, 102),
            (ErrorKind::Timeout, 1, 101),
            (ErrorKind::ConnectionLost, 2, 102),
            (ErrorKind::Tls, 1, 12),
            (ErrorKind::Authentication, 0, 16),
            (ErrorKind::Authentication, 1, 161),
            (ErrorKind::Authentication, 2, 162),
            (ErrorKind::FolderMissing, 1, 21),
            (ErrorKind::Io, 0, 66),
            (ErrorKind::State, 0, 66),
            (ErrorKind::Unavailable, 2, 69),
            (ErrorKind::Cancelled, 0, 6),
            (ErrorKind::Append, 2, 114),
            (ErrorKind::OverQuota, 2, 113),
            (ErrorKind::Fetch, 1, 115),
            (ErrorKind::Create, 2, 116),
            (ErrorKind::Select, 1, 117),
            (ErrorKind::Flags, 2, 120),
            (ErrorKind::Delete, 1, 111),
            (ErrorKind::Refused, 1, 111),
        ] {
            let status = Status::of_start(&error(kind, side), true);
            assert_eq!(status.exit().code, code, "{kind:?} {side}");
        }
        assert_eq!(Status::of_start(&error(ErrorKind::FolderMissing, 1), false), Status::Select);
    }

    #[test]
    fn the_most_frequent_kind_decides_and_ties_go_by_name() {
        use ErrorKind::{Append, Cancelled, Create, Fetch, Flags, State};
        for (kinds, code) in [
            (&[][..], 0),
            (&[Cancelled], 6),
            (&[Append, Cancelled, Cancelled], 114),
            (&[State], 0),
            (&[State, State, Append], 114),
            (&[State, Cancelled], 6),
            (&[Fetch, Append], 114),
            (&[Flags, Fetch, Create], 116),
            (&[Append, Fetch, Fetch], 115),
        ] {
            let errors: Vec<_> = kinds.iter().map(|kind| error(*kind, 2)).collect();
            assert_eq!(Status::of_errors(errors.iter(), false).exit().code, code, "{kinds:?}");
        }
    }
}
