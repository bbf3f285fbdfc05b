//! Servers that go their own ways, measured: GNU mailutils 3.15, UW 2007f, pymap 0.36.

use super::Profile;
use crate::testing::quirks::{
    AppendedFlags, Dates, Ghosts, Keywords, Parents, Quirks, Rewrite, TryCreate, Validity,
};

impl Profile {
    /// GNU mailutils imap4d 3.15 with Maildir: no UIDPLUS, no keywords, no flags with APPEND, dates from the header.
    pub const MAILUTILS: Self = Self {
        name: "mailutils",
        greeting: "* OK IMAP4rev1",
        capabilities: "IMAP4rev1 NAMESPACE ID IDLE LITERAL+ UNSELECT",
        first_capabilities: None,
        separator: '/',
        prefix: "",
        folders: &[],
        quirks: || Quirks {
            rewrite: Rewrite::Cuts,
            dates: Dates::Header,
            keywords: Keywords::Refused,
            appended_flags: AppendedFlags::Dropped,
            parents: Parents::Usable,
            validity: Validity::Reused,
            subscribes_anything: true,
            bare_refusals: true,
            try_create: TryCreate::InText,
            ghosts: Ghosts::Empty,
            star_finds_nothing: true,
            lame_search: true,
            deaf: true,
            ..Quirks::default()
        },
    };

    /// UW imapd 2007f with mbox files: folders are files, keywords come only by STORE, bytes are rewritten.
    pub const UW: Self = Self {
        name: "uw",
        greeting: "* OK [CAPABILITY IMAP4REV1 I18NLEVEL=1 LITERAL+ SASL-IR LOGIN-REFERRALS AUTH=PLAIN] localhost IMAP4rev1 \
            2007f.404 at Wed, 25 Nov 2026 12:00:00 +0000 (UTC)",
        capabilities: "IMAP4REV1 I18NLEVEL=1 LITERAL+ IDLE UIDPLUS NAMESPACE CHILDREN MAILBOX-REFERRALS BINARY UNSELECT \
            ESEARCH WITHIN SCAN SORT THREAD=REFERENCES THREAD=ORDEREDSUBJECT MULTIAPPEND",
        first_capabilities: None,
        separator: '/',
        prefix: "",
        folders: &[],
        quirks: || Quirks {
            rewrite: Rewrite::Mbox,
            dates: Dates::SinceEpoch,
            keywords: Keywords::ByStore(30),
            drops_unknown_flags: true,
            files: true,
            validity: Validity::Reused,
            bare_refusals: true,
            shrugs_at_status: true,
            ghosts: Ghosts::Missing,
            ..Quirks::default()
        },
    };

    /// pymap 0.36: no NAMESPACE, all lines end in LF, keywords are lost, UIDVALIDITY falls.
    pub const PYMAP: Self = Self {
        name: "pymap",
        greeting: "* OK [CAPABILITY IMAP4rev1 BINARY UIDPLUS MULTIAPPEND OBJECTID LITERAL+ MOVE ID IDLE] Server ready \
            localhost",
        capabilities: "IMAP4rev1 BINARY UIDPLUS MULTIAPPEND OBJECTID LITERAL+ MOVE ID IDLE",
        first_capabilities: None,
        separator: '/',
        prefix: "",
        folders: &[],
        quirks: || Quirks {
            rewrite: Rewrite::LineFeeds,
            keywords: Keywords::Dropped,
            drops_unknown_flags: true,
            names_refuse: ".",
            validity: Validity::Falls,
            subscribes_anything: true,
            try_create: TryCreate::Late,
            longest_line: Some(66_000),
            ..Quirks::default()
        },
    };
}
