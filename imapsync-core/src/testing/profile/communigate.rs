//! CommuniGate Pro, from what others have written down.

use super::Profile;
use crate::testing::quirks::Quirks;

impl Profile {
    /// CommuniGate Pro. The greeting is the one of 3.4.8 that several banner collections show; the capabilities are those
    /// of a test of Symbian's mail client that quotes it (it alone offers AUTH=MSN), without what came later (ESEARCH).
    /// Separator and namespace as its guide describes them. Of its habits with messages nothing is known here: it has
    /// none.
    pub const COMMUNIGATE: Self = Self {
        name: "communigate",
        greeting: "* OK CommuniGate Pro IMAP Server 3.4.8 at mail.example.org ready",
        capabilities: "IMAP4 IMAP4REV1 ACL NAMESPACE UIDPLUS IDLE LITERAL+ QUOTA ID MULTIAPPEND LISTEXT CHILDREN BINARY \
            LOGIN-REFERRALS UNSELECT",
        first_capabilities: None,
        separator: '/',
        prefix: "",
        folders: &[],
        quirks: || Quirks { bare_refusals: true, ..Quirks::default() },
    };
}
