//! Exchange as Office 365 has it, from what others have written down.

use super::Profile;
use crate::testing::quirks::{Keywords, Quirks, Rewrite};

impl Profile {
    /// Office 365. Greeting and capabilities: github.com/jstedfast/MailKit/issues/2016 and
    /// github.com/imapsync/imapsync/issues/239 (today it takes only XOAUTH2, here also PLAIN); PERMANENTFLAGS:
    /// github.com/RainLoop/rainloop-webmail/issues/686; UID at the end of FETCH:
    /// github.com/coddingtonbear/django-mailbox/pull/232. It rewrites headers and MIME (imapsync's preset `office2` and
    /// github.com/mguessan/davmail/pull/517 deal with it), here by a header in front. It has a limit for the size of
    /// messages, which imapsync's preset takes for 45 MB; the words of the refusal are not written down anywhere here.
    /// No SPECIAL-USE, names without case.
    pub const OFFICE365: Self = Self {
        name: "office365",
        greeting: "* OK The Microsoft Exchange IMAP4 service is ready. [TABPADIAUAAxADIAMwBDAEEAMAAwADAAMQAuAA==]",
        capabilities: "IMAP4 IMAP4rev1 AUTH=PLAIN SASL-IR UIDPLUS MOVE ID UNSELECT CLIENTACCESSRULES \
            CLIENTNETWORKPRESENCELOCATION BACKENDAUTHENTICATE CHILDREN IDLE NAMESPACE LITERAL+",
        first_capabilities: Some(
            "IMAP4 IMAP4rev1 AUTH=PLAIN SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+",
        ),
        separator: '/',
        prefix: "",
        folders: &[
            ("Archive", ""),
            ("Deleted Items", ""),
            ("Drafts", ""),
            ("Junk Email", ""),
            ("Outbox", ""),
            ("Sent Items", ""),
        ],
        quirks: || Quirks {
            rewrite: Rewrite::Headers,
            too_big: Some((45_000_000, "Message size exceeds the fixed maximum")),
            keywords: Keywords::Only(&["$MDNSent"]),
            caseless_names: true,
            bare_refusals: true,
            uid_last: true,
            ..Quirks::default()
        },
    };
}
