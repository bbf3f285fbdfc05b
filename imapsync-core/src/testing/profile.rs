//! Known servers: what each offers, how it names folders, and its habits.

use super::mail::Mail;
use super::quirks::Quirks;

/// A known server. [`Profile::ALL`] has them all.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its name.
    pub name: &'static str,
    /// Its greeting, without the end of the line.
    pub greeting: &'static str,
    /// What CAPABILITY says after login.
    pub capabilities: &'static str,
    /// The hierarchy separator.
    pub separator: char,
    /// The prefix of the personal namespace.
    pub prefix: &'static str,
    /// Its habits.
    pub quirks: fn() -> Quirks,
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
        separator: '/',
        prefix: "",
        quirks: || Quirks { ghosts: super::Ghosts::True, ..Quirks::default() },
    };

    /// Every profile.
    pub const ALL: &'static [Self] = &[Self::DOVECOT];

    /// Makes the account one of such a server.
    pub(super) fn apply(&self, mail: &mut Mail) {
        mail.greeting = format!("{}\r\n", self.greeting);
        mail.capabilities = self.capabilities.to_owned();
        mail.separator = self.separator;
        mail.prefix = self.prefix.to_owned();
        mail.quirks = (self.quirks)();
    }
}
