//! Cyrus: 3.10, measured; 2.1 and 1.5 from what is left of them.

use super::Profile;
use crate::testing::quirks::{Dates, DeletedParents, Ghosts, Keywords, Parents, Quirks, Rewrite};

/// Which characters Cyrus takes in a name has hardly changed over the years.
const NAMES_REFUSE: &str = "/\"\\%[](){}|^~`'$:";

fn quirks() -> Quirks {
    Quirks {
        rewrite: Rewrite::Munges,
        dates: Dates::Cyrus,
        keywords: Keywords::AtMost(100),
        first_spelling: true,
        ghosts: Ghosts::True,
        names_refuse: NAMES_REFUSE,
        longest_name: Some(255),
        parents: Parents::Real,
        deleted_parents: DeletedParents::Refused,
        bare_refusals: true,
        ..Quirks::default()
    }
}

impl Profile {
    /// Cyrus 3.10 as it comes: separator `.`, prefix `INBOX.`, `munge8bit` on.
    pub const CYRUS: Self = Self {
        name: "cyrus",
        greeting: "* OK [CAPABILITY IMAP4rev1 LITERAL+ ID ENABLE AUTH=PLAIN SASL-IR] mail Cyrus IMAP 3.10.2 server ready",
        capabilities: "IMAP4rev1 LITERAL+ ID ENABLE ACL ANNOTATE-EXPERIMENT-1 BINARY CATENATE CHILDREN CONDSTORE \
            CREATE-SPECIAL-USE DIGEST=SHA1 ESEARCH ESORT LIST-EXTENDED LIST-METADATA LIST-MYRIGHTS LIST-STATUS \
            MAILBOX-REFERRALS METADATA MOVE MULTIAPPEND NAMESPACE OBJECTID PREVIEW QRESYNC QUOTA RIGHTS=kxten SAVEDATE \
            SEARCHRES SORT SORT=DISPLAY SORT=MODSEQ SORT=UID SPECIAL-USE STATUS=SIZE THREAD=ORDEREDSUBJECT \
            THREAD=REFERENCES THREAD=REFS UIDPLUS UNSELECT URL-PARTIAL WITHIN IDLE AUTH=PLAIN SASL-IR",
        first_capabilities: None,
        separator: '.',
        prefix: "INBOX.",
        folders: &[],
        quirks,
    };

    /// Cyrus 2.1. Greeting and capabilities as a transcript of `imtest` against 2.1.16 shows them; what it does with
    /// messages, flags, dates and names is taken to be what Cyrus 3 does.
    pub const CYRUS_2_1: Self = Self {
        name: "cyrus-2.1",
        greeting: "* OK servidor Cyrus IMAP4 v2.1.16-IPv6-Debian-2.1.16-6 server ready",
        capabilities: "IMAP4 IMAP4rev1 ACL QUOTA LITERAL+ MAILBOX-REFERRALS NAMESPACE UIDPLUS ID NO_ATOMIC_RENAME \
            UNSELECT CHILDREN MULTIAPPEND SORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES IDLE LISTEXT LIST-SUBSCRIBED \
            ANNOTATEMORE",
        ..Self::CYRUS
    };

    /// Cyrus 1.5. The greeting is the one that the imapsync manual shows; the capabilities are those of the source of
    /// the 1.6 that followed (no UIDPLUS yet), without UNSELECT, which was optional. The rest as Cyrus 3.
    pub const CYRUS_1_5: Self = Self {
        name: "cyrus-1.5",
        greeting: "* OK louloutte Cyrus IMAP4 v1.5.19 server ready",
        capabilities: "IMAP4 IMAP4rev1 ACL QUOTA LITERAL+ NAMESPACE X-NON-HIERARCHICAL-RENAME NO_ATOMIC_RENAME",
        ..Self::CYRUS
    };
}
