//! What became of a source message, and the sums.

use super::matching::How;
use crate::error::Error;
use std::fmt;

/// What became of one source message. Every message of a listing ends in exactly one of these.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It was copied, and the destination acknowledged it.
    Copied {
        /// Its UID over there, where the server told it (UIDPLUS).
        destination: Option<u32>,
    },
    /// Its copy was there before.
    Present {
        /// The UID of the copy.
        destination: u32,
        /// How the copy was known.
        how: How,
    },
    /// The same message as the one with this lower UID in the same folder, which was copied or was there.
    DuplicateOf(u32),
    /// It was listed, and gone when it was to be read.
    Vanished,
    /// A rule leaves it out.
    Skipped(SkipReason),
    /// It could not be copied.
    Failed(Error),
}

impl Outcome {
    /// A short name for reports, which stays as it is.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Copied { .. } => "copied",
            Self::Present { .. } => "already-there",
            Self::DuplicateOf(_) => "duplicate",
            Self::Vanished => "vanished",
            Self::Skipped(_) => "skipped",
            Self::Failed(_) => "failed",
        }
    }

    /// Whether the content of the message is on the destination.
    pub fn is_on_destination(&self) -> bool {
        matches!(self, Self::Copied { .. } | Self::Present { .. } | Self::DuplicateOf(_))
    }
}

/// The rule that leaves a message out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SkipReason {
    /// The destination says that it takes no message of this size (APPENDLIMIT, RFC 7889).
    TooLargeForServer {
        /// The largest size it takes, in bytes.
        limit: u64,
    },
}

impl SkipReason {
    /// A short name for reports, which stays as it is.
    pub fn name(&self) -> &'static str {
        match self {
            Self::TooLargeForServer { .. } => "too-large-for-server",
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLargeForServer { limit } => {
                write!(f, "larger than the {limit} bytes that the server takes")
            }
        }
    }
}

/// How many messages ended in which outcome, and their bytes as the source lists them.
///
/// ```
/// use imapsync_core::plan::{Outcome, Tally};
/// let mut tally = Tally::default();
/// tally.add(&Outcome::Copied { destination: Some(7) }, 1000);
/// tally.add(&Outcome::Vanished, 10);
/// assert_eq!((tally.copied, tally.vanished, tally.total()), (1, 1, 2));
/// assert_eq!(tally.bytes.total(), 1010);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages copied.
    pub copied: u64,
    /// Messages whose copy was there before.
    pub already_there: u64,
    /// Duplicates within a folder.
    pub duplicates: u64,
    /// Messages that were gone when they were to be read.
    pub vanished: u64,
    /// Messages left out by a rule.
    pub skipped: u64,
    /// Messages that could not be copied.
    pub failed: u64,
    /// The bytes of each.
    pub bytes: TallyBytes,
}

/// Bytes by outcome, as in [`Tally`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TallyBytes {
    /// Of messages copied.
    pub copied: u64,
    /// Of messages whose copy was there before.
    pub already_there: u64,
    /// Of duplicates.
    pub duplicates: u64,
    /// Of messages that were gone.
    pub vanished: u64,
    /// Of messages left out.
    pub skipped: u64,
    /// Of messages that could not be copied.
    pub failed: u64,
}

impl Tally {
    /// Counts one message. `size` is its RFC822.SIZE on the source.
    pub fn add(&mut self, outcome: &Outcome, size: u64) {
        let (messages, bytes) = match outcome {
            Outcome::Copied { .. } => (&mut self.copied, &mut self.bytes.copied),
            Outcome::Present { .. } => (&mut self.already_there, &mut self.bytes.already_there),
            Outcome::DuplicateOf(_) => (&mut self.duplicates, &mut self.bytes.duplicates),
            Outcome::Vanished => (&mut self.vanished, &mut self.bytes.vanished),
            Outcome::Skipped(_) => (&mut self.skipped, &mut self.bytes.skipped),
            Outcome::Failed(_) => (&mut self.failed, &mut self.bytes.failed),
        };
        *messages = messages.saturating_add(1);
        *bytes = bytes.saturating_add(size);
    }

    /// Takes back that a message was copied: it has failed after all.
    pub fn copied_has_failed(&mut self, size: u64) {
        self.copied = self.copied.saturating_sub(1);
        self.bytes.copied = self.bytes.copied.saturating_sub(size);
        self.failed = self.failed.saturating_add(1);
        self.bytes.failed = self.bytes.failed.saturating_add(size);
    }

    /// Adds the counts of another tally.
    pub fn merge(&mut self, other: &Self) {
        for (sum, more) in self.counts_mut().into_iter().zip(other.counts()) {
            *sum = sum.saturating_add(more);
        }
        for (sum, more) in self.bytes.counts_mut().into_iter().zip(other.bytes.counts()) {
            *sum = sum.saturating_add(more);
        }
    }

    /// All messages counted: the length of the listings, once each message has its outcome.
    pub fn total(&self) -> u64 {
        self.counts().iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    fn counts(mut self) -> [u64; 6] {
        self.counts_mut().map(|count| *count)
    }

    fn counts_mut(&mut self) -> [&mut u64; 6] {
        let Self { copied, already_there, duplicates, vanished, skipped, failed, bytes: _ } = self;
        [copied, already_there, duplicates, vanished, skipped, failed]
    }
}

impl TallyBytes {
    /// All bytes counted.
    pub fn total(&self) -> u64 {
        self.counts().iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    fn counts(mut self) -> [u64; 6] {
        self.counts_mut().map(|count| *count)
    }

    fn counts_mut(&mut self) -> [&mut u64; 6] {
        let Self { copied, already_there, duplicates, vanished, skipped, failed } = self;
        [copied, already_there, duplicates, vanished, skipped, failed]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn every_outcome_has_a_name_and_a_place_in_the_tally() {
        let skipped = SkipReason::TooLargeForServer { limit: 10 };
        // outcome, name, whether the content is over there, its place
        type Place = fn(&Tally) -> (u64, u64);
        let table: [(Outcome, &str, bool, Place); 6] = [
            (Outcome::Copied { destination: None }, "copied", true, |t| (t.copied, t.bytes.copied)),
            (Outcome::Present { destination: 1, how: How::Key }, "already-there", true, |t| {
                (t.already_there, t.bytes.already_there)
            }),
            (Outcome::DuplicateOf(1), "duplicate", true, |t| (t.duplicates, t.bytes.duplicates)),
            (Outcome::Vanished, "vanished", false, |t| (t.vanished, t.bytes.vanished)),
            (Outcome::Skipped(skipped), "skipped", false, |t| (t.skipped, t.bytes.skipped)),
            (Outcome::Failed(Error::new(ErrorKind::Append, "no")), "failed", false, |t| {
                (t.failed, t.bytes.failed)
            }),
        ];
        let mut sum = Tally::default();
        for (n, (outcome, name, there, place)) in table.iter().enumerate() {
            let mut tally = Tally::default();
            let size = 10_u64.pow(n as u32);
            tally.add(outcome, size);
            assert_eq!((outcome.name(), outcome.is_on_destination()), (*name, *there));
            assert_eq!((place(&tally), tally.total(), tally.bytes.total()), ((1, size), 1, size), "{name}");
            sum.merge(&tally);
            sum.merge(&tally);
            assert_eq!(place(&sum), (2, 2 * size), "{name}");
        }
        assert_eq!((sum.total(), sum.bytes.total()), (12, 222_222));
        sum.copied_has_failed(1);
        assert_eq!((sum.copied, sum.failed, sum.total(), sum.bytes.total()), (1, 3, 12, 222_222));
        assert_eq!((sum.bytes.copied, sum.bytes.failed), (1, 200_001));
        assert_eq!(skipped.to_string(), "larger than the 10 bytes that the server takes");
        assert_eq!(skipped.name(), "too-large-for-server");
    }
}
