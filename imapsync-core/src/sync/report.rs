//! What a run did: every source message in one outcome, and the sums that follow from it.

use super::broken::{self, Broken};
use crate::error::{Error, Side};
use crate::plan::{Outcome, Tally};
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// The result of a run. Every source message of the chosen folders is counted in exactly one outcome of `tally`.
#[derive(Debug, Clone)]
pub struct Report {
    /// When the run began.
    pub started: DateTime<Utc>,
    /// When it ended.
    pub ended: DateTime<Utc>,
    /// Whether it only planned.
    pub dry: bool,
    /// The sums over all folders.
    pub tally: Tally,
    /// Each folder pair, in the order of the copy.
    pub folders: Vec<FolderReport>,
    /// Messages that were skipped, failed, vanished or are duplicates, each by name. At most `NAMED_LIMIT`; the tally
    /// counts them all.
    pub named: Vec<NamedMessage>,
    /// Messages before the run, per side (chosen source folders; their destination folders).
    pub start: [Amount; 2],
    /// Messages after the run, per side, as far as the run itself changed them.
    pub end: [Amount; 2],
    /// Duplicates found within a destination folder.
    pub destination_duplicates: u64,
    /// Destination messages that no source message corresponds to (before `delete2`).
    pub destination_only: u64,
    /// Messages without any identifying header, per side; they are matched by their body.
    pub headerless: [u64; 2],
    /// Messages deleted or marked, per side.
    pub deleted: [u64; 2],
    /// Messages whose flags were changed on the destination.
    pub flags_changed: u64,
    /// Size of the biggest message copied.
    pub biggest: u64,
    /// How often each side was connected again.
    pub reconnections: [u64; 2],
    /// What went wrong, in order; empty means all went well.
    pub errors: Vec<Error>,
    /// Why the run stopped before its end (cancelled, a side out of reach), where it did.
    pub stopped: Option<Error>,
}

/// How many messages are named one by one in a report, so that its memory stays bounded.
pub const NAMED_LIMIT: usize = 100_000;

/// A number of messages and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// Messages.
    pub messages: u64,
    /// Bytes.
    pub bytes: u64,
}

/// One folder pair of a report.
#[derive(Debug, Clone)]
pub struct FolderReport {
    /// The source folder, decoded.
    pub source: Arc<str>,
    /// The destination folder, decoded.
    pub destination: Arc<str>,
    /// Its outcomes.
    pub tally: Tally,
    /// Whether its listing was complete and every message has its outcome without a failure.
    pub complete: bool,
}

/// One message of a report that is neither copied nor already there.
#[derive(Debug, Clone)]
pub struct NamedMessage {
    /// The source folder.
    pub folder: Arc<str>,
    /// Its UID there.
    pub uid: u32,
    /// Its size in bytes.
    pub size: u64,
    /// Its Message-Id and its subject, escaped; empty where neither is known.
    pub title: String,
    /// What became of it, and why.
    pub outcome: Outcome,
}

impl Report {
    /// Whether everything that was asked for was done: the exit status is 0 if and only if this holds.
    pub fn is_success(&self) -> bool {
        self.errors.is_empty() && self.stopped.is_none() || broken::is(Broken::HidesFailures)
    }

    /// How often a side was connected again.
    pub fn reconnections(&self, side: Side) -> u64 {
        self.reconnections[usize::from(side.number() - 1)]
    }
}
