//! Gmail, from what others have written down.

use super::Profile;
use crate::testing::quirks::{Quirks, TurnedAway};

impl Profile {
    /// Gmail. Capabilities: github.com/imapsync/imapsync/issues/239 and github.com/jstedfast/MailKit/issues/1396; the
    /// folders: …/MailKit/issues/1180; PERMANENTFLAGS with `\*`: …/MailKit/issues/880; `NO [ALERT] Too many simultaneous
    /// connections`: github.com/zone-eu/wildduck/issues/35. That a message is one in all its folders is described at
    /// github.com/google/import-mailbox-to-gmail/issues/56 and github.com/rgladwell/imap-upload/issues/22. That it stores
    /// the bytes as they come is assumed. No COMPRESS here: the connection would only be slower to read in a log.
    pub const GMAIL: Self = Self {
        name: "gmail",
        greeting: "* OK Gimap ready for requests from 192.0.2.1 k2if6111336rvb",
        capabilities: "IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS ENABLE MOVE CONDSTORE \
            ESEARCH UTF8=ACCEPT LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE APPENDLIMIT=35651584",
        first_capabilities: Some(
            "IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 XYZZY SASL-IR AUTH=PLAIN",
        ),
        separator: '/',
        prefix: "",
        folders: &[
            ("[Gmail]", "\\Noselect"),
            ("[Gmail]/All Mail", "\\All"),
            ("[Gmail]/Drafts", "\\Drafts"),
            ("[Gmail]/Important", "\\Important"),
            ("[Gmail]/Sent Mail", "\\Sent"),
            ("[Gmail]/Spam", "\\Junk"),
            ("[Gmail]/Starred", "\\Flagged"),
            ("[Gmail]/Trash", "\\Trash"),
        ],
        quirks: || Quirks {
            labels: true,
            bare_refusals: true,
            connections: Some(15),
            turned_away: TurnedAway::Login("[ALERT] Too many simultaneous connections. (Failure)"),
            ..Quirks::default()
        },
    };
}
