//! Dovecot 2.3, measured.

use super::Profile;
use crate::testing::quirks::{Dates, DeletedParents, Ghosts, Quirks, Rewrite};

fn quirks() -> Quirks {
    Quirks {
        rewrite: Rewrite::NulAndLineFeed,
        dates: Dates::Dovecot,
        first_spelling: true,
        longest_keyword: Some(50),
        keywords_refuse: "]",
        ghosts: Ghosts::True,
        longest_name: Some(255),
        ..Quirks::default()
    }
}

impl Profile {
    /// Dovecot 2.3 with sdbox.
    pub const DOVECOT: Self = Self {
        name: "dovecot",
        greeting: "* OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ AUTH=PLAIN] Dovecot ready.",
        capabilities: "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT SORT=DISPLAY THREAD=REFERENCES \
            THREAD=REFS THREAD=ORDEREDSUBJECT MULTIAPPEND URL-PARTIAL CATENATE UNSELECT CHILDREN NAMESPACE UIDPLUS \
            LIST-EXTENDED I18NLEVEL=1 CONDSTORE QRESYNC ESEARCH ESORT SEARCHRES WITHIN CONTEXT=SEARCH LIST-STATUS \
            BINARY MOVE SNIPPET=FUZZY PREVIEW=FUZZY PREVIEW STATUS=SIZE SAVEDATE LITERAL+ NOTIFY SPECIAL-USE AUTH=PLAIN",
        first_capabilities: None,
        separator: '/',
        prefix: "",
        folders: &[],
        quirks,
    };

    /// Dovecot 2.3 with Maildir++ and the layout that it took over from Courier.
    pub const DOVECOT_MAILDIR: Self = Self {
        name: "dovecot-maildir",
        separator: '.',
        prefix: "INBOX.",
        quirks: || Quirks {
            names_refuse: "/",
            longest_name: Some(200),
            deleted_parents: DeletedParents::Ghost,
            ..quirks()
        },
        ..Self::DOVECOT
    };
}
