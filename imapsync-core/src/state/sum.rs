//! What a block of messages comes to: enough to see in a stream of UIDs and flags that nothing has changed.

use super::bytes::{hash128, put_bytes};
use crate::imap::flag::{Flags, SystemFlags};

/// UIDs from `512 n + 1` to `512 n + 512` stand in one block.
const BLOCK: u32 = 512;

/// A block of remembered messages without its rows.
///
/// ```
/// use imapsync_core::imap::flag::Flags;
/// use imapsync_core::state::BlockSums;
/// let sums = |answers: &[(u32, &[&str])]| {
///     let mut sums = BlockSums::default();
///     for (uid, words) in answers {
///         sums.add(*uid, Some(&Flags::parse(words.iter().copied())));
///     }
///     sums.finish()
/// };
/// let remembered = sums(&[(7, &["\\Seen", "$Junk"]), (9, &[]), (513, &[])]);
/// let now = sums(&[(7, &["$JUNK", "\\Recent", "\\seen"]), (9, &["\\Deleted"]), (513, &[])]);
/// assert_eq!((remembered.len(), remembered[0].last, remembered[0].messages), (2, 9, 2));
/// assert_ne!(remembered[0], now[0]);
/// assert_eq!(remembered[1], now[1]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockSum {
    /// The lowest UID.
    pub first: u32,
    /// The highest UID.
    pub last: u32,
    /// How many messages there are.
    pub messages: u32,
    /// Over all UIDs and flags, in whatever order and case the flags are written. `\Recent` does not count.
    pub flags: FlagsDigest,
}

impl BlockSum {
    /// The number of the block in which this UID stands: equal UIDs of a block have equal numbers.
    pub const fn number(uid: u32) -> u32 {
        uid.saturating_sub(1) / BLOCK
    }

    /// The UIDs that stand in this block, whether they exist or not.
    pub const fn range(number: u32) -> std::ops::RangeInclusive<u32> {
        let before = number.saturating_mul(BLOCK);
        before.saturating_add(1)..=before.saturating_add(BLOCK)
    }
}

/// A digest of UIDs and flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FlagsDigest(pub [u8; 16]);

/// Adds up messages, ascending by UID, into the sums of their blocks.
#[derive(Debug, Clone, Default)]
pub struct BlockSums {
    done: Vec<BlockSum>,
    /// First and last UID and number of messages of the block that is open.
    open: Option<(u32, u32, u32)>,
    bytes: Vec<u8>,
}

impl BlockSums {
    /// Adds the next message. None: its flags are unreadable. Messages that do not ascend make sums that no remembered
    /// block has.
    pub fn add(&mut self, uid: u32, flags: Option<&Flags>) {
        match &mut self.open {
            Some((first, last, messages)) if BlockSum::number(*first) == BlockSum::number(uid) => {
                *last = uid;
                *messages += 1;
            }
            _ => {
                self.close();
                self.open = Some((uid, uid, 1));
            }
        }
        self.bytes.extend_from_slice(&uid.to_be_bytes());
        let Some(flags) = flags else {
            self.bytes.push(0xff);
            return;
        };
        // It speaks of the session, not of the message.
        self.bytes.push((flags.system() - SystemFlags::RECENT).bits());
        for keyword in flags.keywords() {
            put_bytes(&mut self.bytes, keyword.to_ascii_lowercase().as_bytes());
        }
        // No keyword is empty.
        self.bytes.push(0);
    }

    fn close(&mut self) {
        if let Some((first, last, messages)) = self.open.take() {
            let flags = FlagsDigest(hash128(&self.bytes));
            self.done.push(BlockSum { first, last, messages, flags });
            self.bytes.clear();
        }
    }

    /// The sums of all blocks.
    pub fn finish(mut self) -> Vec<BlockSum> {
        self.close();
        self.done
    }
}
