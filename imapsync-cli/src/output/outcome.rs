//! What the output tells of an outcome.

use imapsync_core::ErrorKind;
use imapsync_core::plan::{Outcome, SkipReason, Tally};

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

/// How many messages had which outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Copied, or under `--dry` to be copied.
    pub(super) copied: u64,
    /// Duplicates of another one on host1.
    pub(super) duplicates: u64,
    /// What needs no copy: already there, duplicate, or vanished.
    pub(super) settled: u64,
    /// All that was not copied without having failed.
    pub(super) skipped: u64,
}

impl Counts {
    /// The counts of a run.
    pub(super) const fn of(tally: &Tally) -> Self {
        let settled = tally.already_there.saturating_add(tally.duplicates).saturating_add(tally.vanished);
        Self {
            copied: tally.copied,
            duplicates: tally.duplicates,
            settled,
            skipped: settled.saturating_add(tally.skipped),
        }
    }
}
