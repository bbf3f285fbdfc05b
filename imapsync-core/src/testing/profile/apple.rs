//! iCloud, from what others have written down.

use super::Profile;
use crate::testing::quirks::Quirks;

impl Profile {
    /// iCloud. Greeting and capabilities: github.com/nextcloud/mail/issues/3401, to which LIST-EXTENDED is added: a client
    /// that sends RETURN for LIST-STATUS alone meets the same refusal. No LITERAL+, MULTIAPPEND or MOVE, LIST … RETURN
    /// refused, UIDs without a message: measured by github.com/hilli/imapsync-go. Which UIDs are so is set by the test
    /// ([`Quirks::phantoms`]). Of what it does to messages nothing is known here.
    pub const ICLOUD: Self = Self {
        name: "icloud",
        greeting: "* OK [CAPABILITY XAPPLEPUSHSERVICE IMAP4 IMAP4rev1 SASL-IR AUTH=PLAIN] (2109B29-d3afe4d5aba6) \
            pv33p00im-iscream021.me.com",
        capabilities: "XAPPLEPUSHSERVICE IMAP4 IMAP4rev1 CONDSTORE ENABLE QRESYNC QUOTA NAMESPACE UIDPLUS CHILDREN BINARY \
            UNSELECT SORT CATENATE URLAUTH LANGUAGE ESEARCH ESORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES CONTEXT=SEARCH \
            CONTEXT=SORT WITHIN SASL-IR SEARCHRES METADATA ID XMSEARCH X-SUN-SORT ANNOTATE-EXPERIMENT-1 X-UNAUTHENTICATE \
            X-SUN-IMAP XUM1 MULTISEARCH IDLE LIST-STATUS LIST-EXTENDED",
        first_capabilities: Some("XAPPLEPUSHSERVICE IMAP4 IMAP4rev1 SASL-IR AUTH=PLAIN"),
        separator: '/',
        prefix: "",
        folders: &[
            ("Archive", ""),
            ("Deleted Messages", ""),
            ("Drafts", ""),
            ("Junk", ""),
            ("Sent Messages", ""),
        ],
        quirks: || Quirks { bare_refusals: true, refuses_list_return: true, ..Quirks::default() },
    };
}
