//! What STATUS says of a folder against what is remembered of it. Pure.

use crate::imap::response::MailboxStatus;
use crate::state::Mailbox;

/// How a folder stands to what is remembered of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing has changed.
    Same,
    /// No message has come; flags may have changed, and messages may have gone: the server counts no changes.
    Unsure,
    /// Something has changed, or nobody can tell.
    Changed,
}

/// HIGHESTMODSEQ grows with every change, so the same value means the same messages and flags (RFC 7162 section 3.1.1). Without
/// it equal counts prove nothing.
pub(super) fn standing(remembered: &Mailbox, status: &MailboxStatus) -> Standing {
    let same = status.uid_validity == Some(remembered.uid_validity)
        && status.uid_next == Some(remembered.uid_next)
        && status.messages == Some(remembered.messages);
    match (same, remembered.highest_modseq, status.highest_modseq) {
        (false, ..) => Standing::Changed,
        (true, Some(then), Some(now)) if then == now && now > 0 => Standing::Same,
        (true, Some(_), Some(now)) if now > 0 => Standing::Changed,
        (true, ..) => Standing::Unsure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Side;
    use crate::imap::name::MailboxName;
    use crate::state::Summary;

    #[test]
    fn only_the_same_mod_sequence_proves_that_nothing_has_changed() {
        let remembered = |uid_next, highest_modseq| Mailbox {
            side: Side::Source,
            name: MailboxName::inbox(),
            uid_validity: 5,
            uid_next,
            highest_modseq,
            messages: 3,
            settled: true,
            pair: None,
            summary: Summary::default(),
        };
        let status = |uid_validity, uid_next, messages, highest_modseq| MailboxStatus {
            name: MailboxName::inbox(),
            messages,
            uid_next,
            uid_validity,
            unseen: None,
            size: None,
            highest_modseq,
            append_limit: None,
            mailbox_id: None,
        };
        use Standing::{Changed, Same, Unsure};
        for (then, now, expected) in [
            (remembered(10, Some(7)), status(Some(5), Some(10), Some(3), Some(7)), Same),
            (remembered(10, Some(7)), status(Some(5), Some(10), Some(3), Some(8)), Changed),
            // One has gone and one has come.
            (remembered(10, Some(7)), status(Some(5), Some(11), Some(3), Some(7)), Changed),
            (remembered(10, Some(7)), status(Some(5), Some(10), Some(2), Some(7)), Changed),
            (remembered(10, Some(7)), status(Some(6), Some(10), Some(3), Some(7)), Changed),
            (remembered(10, Some(7)), status(None, Some(10), Some(3), Some(7)), Changed),
            (remembered(10, Some(7)), status(Some(5), None, Some(3), Some(7)), Changed),
            (remembered(10, Some(7)), status(Some(5), Some(10), None, Some(7)), Changed),
            (remembered(10, None), status(Some(5), Some(10), Some(3), Some(7)), Unsure),
            (remembered(10, Some(7)), status(Some(5), Some(10), Some(3), None), Unsure),
            // 0 stands for a folder without mod-sequences.
            (remembered(10, Some(0)), status(Some(5), Some(10), Some(3), Some(0)), Unsure),
        ] {
            assert_eq!(standing(&then, &now), expected, "{then:?} {now:?}");
        }
    }
}
