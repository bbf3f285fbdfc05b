//! Yahoo, from what others have written down.

use super::Profile;
use crate::testing::quirks::{AppendedFlags, Keywords, Quirks};

impl Profile {
    /// Yahoo. Greeting, capabilities before and after login, `Inbox` and the keywords:
    /// github.com/jstedfast/MailKit/issues/358; the folders: …/MailKit/issues/242; `\Deleted` refused in APPEND:
    /// github.com/imapsync/imapsync/issues/420; the missing CR LF at the end: …/MailKit/issues/251; 10,000 messages of a
    /// folder at most: github.com/rustmailer/bichon/issues/144.
    pub const YAHOO: Self = Self {
        name: "yahoo",
        greeting: "* OK [CAPABILITY IMAP4rev1 ID MOVE NAMESPACE X-ID-ACLID UIDPLUS LITERAL+ CHILDREN XAPPLEPUSHSERVICE \
            XYMHIGHESTMODSEQ AUTH=PLAIN] IMAP4rev1 imapgate-1.8.1_01.20166",
        capabilities: "IMAP4rev1 ID MOVE NAMESPACE X-ID-ACLID UIDPLUS LITERAL+ XAPPLEPUSHSERVICE XYMHIGHESTMODSEQ",
        first_capabilities: Some(
            "IMAP4rev1 ID MOVE NAMESPACE X-ID-ACLID UIDPLUS LITERAL+ CHILDREN XAPPLEPUSHSERVICE XYMHIGHESTMODSEQ \
             AUTH=PLAIN",
        ),
        separator: '/',
        prefix: "",
        folders: &[("Bulk Mail", ""), ("Draft", ""), ("Sent", ""), ("Trash", "")],
        quirks: || Quirks {
            wants_final_newline: true,
            keywords: Keywords::Only(&["$Forwarded", "$Junk", "$NotJunk"]),
            appended_flags: AppendedFlags::NoDeleted,
            inbox: Some("Inbox"),
            listing_window: Some(10_000),
            ..Quirks::default()
        },
    };
}
