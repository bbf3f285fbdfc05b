//! What the output tells of an outcome.

use imapsync_core::ErrorKind;
use imapsync_core::plan::{Outcome, SkipReason};

/// An outcome, as far as the output tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// Copied, to this UID where the server told it.
    Copied(Option<u32>),
    /// Already on host2.
    There,
    /// Left on host1 for a reason that is no failure.
    Left(String),
    /// Not copied although it should have been.
    Failed(String),
    /// The run ended before its turn came.
    NotReached,
}

/// What became of a message.
pub(super) fn fate(outcome: &Outcome) -> Fate {
    match outcome {
        Outcome::Copied { destination } => Fate::Copied(*destination),
        Outcome::Present { .. } => Fate::There,
        Outcome::DuplicateOf(uid) => Fate::Left(format!("duplicate of UID {uid}, not copied again")),
        Outcome::Vanished => Fate::Left("vanished from host1 during the run".to_owned()),
        Outcome::Skipped(SkipReason::TooLargeForServer { limit }) => {
            Fate::Left(format!("skipped: host2 takes no message of more than {limit} bytes"))
        }
        Outcome::Failed(error) if error.kind() == ErrorKind::Cancelled => Fate::NotReached,
        Outcome::Failed(error) => Fate::Failed(super::line::failure(error)),
    }
}
