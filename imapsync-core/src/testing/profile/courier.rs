//! Courier 5.0, measured.

use super::Profile;
use crate::testing::quirks::{Dates, Ghosts, Quirks, Rewrite};

impl Profile {
    /// Courier 5.0. It has neither LITERAL+ nor MULTIAPPEND.
    pub const COURIER: Self = Self {
        name: "courier",
        greeting: "* OK [CAPABILITY IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT \
            QUOTA IDLE ACL ACL2=UNION UTF8=ACCEPT] Courier-IMAP ready.",
        capabilities: "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE ACL \
            ACL2=UNION UTF8=ACCEPT",
        first_capabilities: None,
        separator: '.',
        prefix: "INBOX.",
        folders: &[],
        quirks: || Quirks {
            rewrite: Rewrite::LineEnds,
            dates: Dates::Courier,
            first_spelling: true,
            keywords_refuse: "[~]",
            names_refuse: "/",
            longest_name: Some(200),
            no_surrogates: true,
            subscribes_anything: true,
            bare_refusals: true,
            shrugs_at_status: true,
            no_for_bad: true,
            longest_line: Some(33_000),
            ghosts: Ghosts::Fake,
            star_finds_nothing: true,
            ..Quirks::default()
        },
    };
}
