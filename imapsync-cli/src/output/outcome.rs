//! What the output wants to know of an outcome.

use imapsync_core::plan::Outcome;

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
}

/// What became of a message.
pub(super) fn fate(outcome: &Outcome) -> Fate {
    match outcome {
        Outcome::Copied { uid } => Fate::Copied(*uid),
        Outcome::AlreadyThere { .. } => Fate::There,
        Outcome::DuplicateOf { uid } => Fate::Left(format!("duplicate of UID {uid}, not copied again")),
        Outcome::Vanished => Fate::Left("vanished from host1 during the run".to_owned()),
        Outcome::Skipped { reason } => Fate::Left(format!("skipped: {reason}")),
        Outcome::Failed { reason } => Fate::Failed(reason.clone()),
    }
}
