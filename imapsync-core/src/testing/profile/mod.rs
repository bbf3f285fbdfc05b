//! Known servers: what each offers, how it names folders, and its habits. One file for each family; the comment on a
//! profile says where its facts come from.
//!
//! Mechanisms other than PLAIN are left out of the capabilities, so that a test logs in with a name and a password.

mod apple;
mod communigate;
mod courier;
mod cyrus;
mod dovecot;
mod google;
mod hostile;
mod microsoft;
mod netscape;
mod yahoo;

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
    /// What it says before; None: the same.
    pub first_capabilities: Option<&'static str>,
    /// The hierarchy separator.
    pub separator: char,
    /// The prefix of the personal namespace.
    pub prefix: &'static str,
    /// Folders that every account has beside INBOX, with their attributes.
    pub folders: &'static [(&'static str, &'static str)],
    /// Its habits.
    pub quirks: fn() -> Quirks,
}

impl Profile {
    /// Every profile.
    pub const ALL: &'static [Self] = &[
        Self::DOVECOT,
        Self::DOVECOT_MAILDIR,
        Self::CYRUS,
        Self::CYRUS_2_1,
        Self::CYRUS_1_5,
        Self::COURIER,
        Self::COMMUNIGATE,
        Self::NETSCAPE,
        Self::IPLANET,
        Self::GMAIL,
        Self::OFFICE365,
        Self::YAHOO,
        Self::ICLOUD,
        Self::MAILUTILS,
        Self::UW,
        Self::PYMAP,
    ];

    /// Makes the account one of such a server.
    pub(super) fn apply(&self, mail: &mut Mail) {
        mail.greeting = format!("{}\r\n", self.greeting);
        mail.capabilities = self.capabilities.to_owned();
        mail.first_capabilities = self.first_capabilities.map(str::to_owned);
        mail.separator = self.separator;
        mail.prefix = self.prefix.to_owned();
        mail.quirks = (self.quirks)();
        mail.folders.clear();
        mail.folder("INBOX");
        for (name, attributes) in self.folders {
            mail.folder(name).attributes = attributes.split_whitespace().map(str::to_owned).collect();
        }
    }
}
