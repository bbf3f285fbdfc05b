//! Netscape's mail server and its heir, from what others have written down. Both are children of Cyrus 1.

use super::Profile;
use crate::testing::quirks::{Parents, Quirks};

fn quirks() -> Quirks {
    Quirks { bare_refusals: true, parents: Parents::Real, ..Quirks::default() }
}

impl Profile {
    /// Netscape Messaging Server 3.6. The greeting has the form that banner collections show for 4.15, and for any
    /// version in part. Its capabilities are written down nowhere here: these are the least that a server of 1998 with
    /// NAMESPACE (RFC 2342) and Netscape's own X-NETSCAPE could say, so that a client can rely on nothing: no UIDPLUS, no
    /// LITERAL+. Of its habits with messages nothing is known here.
    pub const NETSCAPE: Self = Self {
        name: "netscape-3.6",
        greeting: "* OK mail.example.org IMAP4 service (Netscape Messaging Server 3.6)",
        capabilities: "IMAP4 IMAP4rev1 ACL QUOTA NAMESPACE X-NETSCAPE",
        first_capabilities: None,
        separator: '/',
        prefix: "",
        folders: &[],
        quirks,
    };

    /// iPlanet Messaging Server 5.2, later SunONE. The greeting is one that banner collections show; the capabilities are
    /// those of a mock of Sun's server of that time. An administrator becomes a user with PROXYAUTH, which the list of
    /// capabilities does not say. Of its habits with messages nothing is known here.
    pub const IPLANET: Self = Self {
        name: "iplanet-5.2",
        greeting: "* OK mail.example.org IMAP4 service (iPlanet Messaging Server 5.2 HotFix 1.02 (built Sep 16 2002))",
        capabilities: "IMAP4 IMAP4rev1 ACL QUOTA LITERAL+ NAMESPACE UIDPLUS CHILDREN BINARY UNSELECT LANGUAGE XSENDER \
            X-NETSCAPE XSERVERINFO AUTH=PLAIN",
        ..Self::NETSCAPE
    };
}
