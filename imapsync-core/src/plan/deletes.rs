//! Which messages may be deleted, and how. Nothing here is ever asked about a folder whose listing was not complete.

use crate::imap::uidset::UidSet;
use crate::message::Key;
use std::collections::BTreeSet;

/// A source message once the copying is over. Leave out those that have vanished: no later run will meet them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceMessage {
    /// Its UID.
    pub uid: u32,
    /// Its key; None where it never became known, because the message could not be read or was not reached.
    pub key: Option<Key>,
    /// Its content is on the destination: its copy was acknowledged or found there, or it is a duplicate of a message
    /// for which that is so.
    pub safe: bool,
    /// It bore `\Deleted` when it was listed.
    pub marked: bool,
}

/// The source messages that `--delete1` may mark and expunge, in the order given.
///
/// A message must be safe, and so must be every other one with its key: else a later run, which no longer sees the deleted
/// one, could take its copy for the copy of the one that is left, which would be lost. An unknown key may be any key: so
/// nothing at all is deleted while a message of unknown key is not safe; the next run scans the folder and knows its key.
///
/// ```
/// use imapsync_core::message::Key;
/// use imapsync_core::plan::deletes::{SourceMessage, delete1};
/// let message =
///     |uid, key, safe| SourceMessage { uid, key: Some(Key([key; 16])), safe, marked: false };
/// let messages = [message(1, 7, true), message(2, 8, true), message(3, 8, false)];
/// assert_eq!(delete1(messages.into_iter()), [1]);
/// ```
pub fn delete1(messages: impl Iterator<Item = SourceMessage> + Clone) -> Vec<u32> {
    let at_risk: BTreeSet<Option<Key>> =
        messages.clone().filter(|message| !message.safe).map(|message| message.key).collect();
    if at_risk.contains(&None) {
        return Vec::new();
    }
    // One of unknown key could be the twin of any that is at risk.
    let may_go = |key: Option<Key>| if key.is_some() { !at_risk.contains(&key) } else { at_risk.is_empty() };
    messages.filter(|message| message.safe && may_go(message.key)).map(|message| message.uid).collect()
}

/// The source messages that `--expunge1` may expunge: those that somebody has marked as deleted before the run, and that
/// `--delete1` might delete too.
pub fn expunge1(messages: impl Iterator<Item = SourceMessage> + Clone) -> Vec<u32> {
    let marked: BTreeSet<u32> =
        messages.clone().filter(|message| message.marked).map(|message| message.uid).collect();
    delete1(messages).into_iter().filter(|uid| marked.contains(uid)).collect()
}

/// How messages can be expunged on a server without UIDPLUS, where EXPUNGE removes every marked message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expunge {
    /// A plain EXPUNGE removes exactly the right ones.
    Plain,
    /// It must not be done: they stay marked. Why, as a clause for people.
    Refused(String),
}

/// Whether a plain EXPUNGE is safe: only if the messages that are to go are exactly those that are found
/// marked just before. Where some are not marked any more somebody else is at work in the folder, and it is refused as well.
///
/// ```
/// use imapsync_core::imap::uidset::UidSet;
/// use imapsync_core::plan::deletes::{Expunge, without_uidplus};
/// let set = |uids: &[u32]| UidSet::from_uids(uids.iter().copied());
/// assert_eq!(without_uidplus(&set(&[1, 2]), &set(&[2, 1])), Expunge::Plain);
/// assert!(matches!(without_uidplus(&set(&[1]), &set(&[1, 2])), Expunge::Refused(_)));
/// ```
pub fn without_uidplus(expunges: &UidSet, deleted: &UidSet) -> Expunge {
    let others = deleted.difference(expunges);
    if !others.is_empty() {
        return Expunge::Refused(format!("EXPUNGE would also remove {others}"));
    }
    if expunges != deleted {
        return Expunge::Refused(format!("{} are no longer marked", expunges.difference(deleted)));
    }
    Expunge::Plain
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `1a+ 2a- 3?+d`: UID, key (? unknown), safe or not, d: marked.
    fn messages(text: &str) -> Vec<SourceMessage> {
        let message = |word: &str| {
            let at = word.find(|c: char| !c.is_ascii_digit()).unwrap();
            let rest = &word.as_bytes()[at..];
            SourceMessage {
                uid: word[..at].parse().unwrap(),
                key: (rest[0] != b'?').then_some(Key([rest[0]; 16])),
                safe: rest[1] == b'+',
                marked: rest.get(2) == Some(&b'd'),
            }
        };
        text.split_whitespace().map(message).collect()
    }

    #[test]
    fn what_delete1_and_expunge1_take() {
        // messages, --delete1, --expunge1
        let table: [(&str, &[u32], &[u32]); 10] = [
            ("", &[], &[]),
            ("1a+ 2b+d 3c+", &[1, 2, 3], &[2]),
            ("1a+ 2b- 3c+d", &[1, 3], &[3]),
            // The twin of a message that is not there keeps it.
            ("1a+ 2a- 3b+", &[3], &[]),
            ("1a-d 2a+d 3a+d 4b+d", &[4], &[4]),
            ("1a+ 2a+ 3a+", &[1, 2, 3], &[]),
            // Of unknown key, and safe or not.
            ("1a+ 2?+d", &[1, 2], &[2]),
            ("1a+d 2?- 3b+", &[], &[]),
            ("1a+d 2?+d 3b-", &[1], &[1]),
            ("1a- 2b-d", &[], &[]),
        ];
        for (text, deleted, expunged) in table {
            assert_eq!(delete1(messages(text).into_iter()), deleted, "{text}");
            assert_eq!(expunge1(messages(text).into_iter()), expunged, "{text}");
        }
    }

    #[test]
    fn a_plain_expunge_must_hit_exactly() {
        let set = |text: &str| UidSet::parse(text.as_bytes()).unwrap_or_default();
        // to go, marked, refusal
        let table = [
            ("", "", None),
            ("1:3", "1,2,3", None),
            ("1:3", "1:4", Some("EXPUNGE would also remove 4")),
            ("1:3", "5", Some("EXPUNGE would also remove 5")),
            ("1:4", "1:2", Some("3:4 are no longer marked")),
            ("1:2", "", Some("1:2 are no longer marked")),
        ];
        for (wanted, deleted, refusal) in table {
            let expected = refusal.map_or(Expunge::Plain, |text| Expunge::Refused(text.to_owned()));
            assert_eq!(without_uidplus(&set(wanted), &set(deleted)), expected, "{wanted} of {deleted}");
        }
    }
}
