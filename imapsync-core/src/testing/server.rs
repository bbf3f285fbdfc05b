//! One server: shared by its connections, by those who fill it, and by those who look into it afterwards.

use super::folder::{Folder, Message};
use super::gauge::Gauge;
use super::hook::{Act, Call, Stage};
use super::mail::Mail;
use super::profile::Profile;
use super::session::Session;
use super::wire::Wire;
use crate::net::Stream;
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// An IMAP server for one or more accounts. Clones are the same server.
#[derive(Clone)]
pub struct Server {
    mail: Arc<Mutex<Mail>>,
    accounts: Arc<Mutex<BTreeMap<String, Server>>>,
    pub(super) gauge: Gauge,
    changes: watch::Sender<u64>,
}

/// The mail of an account, for a moment: nobody else has it meanwhile. Who idles is told of a change once it is dropped.
pub struct MailGuard<'a> {
    mail: MutexGuard<'a, Mail>,
    touched: bool,
    changes: &'a watch::Sender<u64>,
}

impl Deref for MailGuard<'_> {
    type Target = Mail;

    fn deref(&self) -> &Mail {
        &self.mail
    }
}

impl DerefMut for MailGuard<'_> {
    fn deref_mut(&mut self) -> &mut Mail {
        self.touched = true;
        &mut self.mail
    }
}

impl Drop for MailGuard<'_> {
    fn drop(&mut self) {
        if self.touched && self.changes.receiver_count() > 0 {
            self.changes.send_modify(|count| *count += 1);
        }
    }
}

impl Server {
    /// A server with these capabilities, one account that lets anybody in, and an empty INBOX.
    pub fn new(capabilities: &str) -> Self {
        Self {
            mail: Arc::new(Mutex::new(Mail::new(capabilities))),
            accounts: Arc::default(),
            gauge: Gauge::default(),
            changes: watch::Sender::default(),
        }
    }

    /// A server that behaves like a known one.
    pub fn like(profile: &Profile) -> Self {
        let server = Self::new("");
        profile.apply(&mut server.mail());
        server
    }

    /// Counts its bytes with this gauge.
    #[must_use]
    pub fn with_gauge(mut self, gauge: &Gauge) -> Self {
        self.gauge = gauge.clone();
        self
    }

    /// Gives INBOX this UIDVALIDITY, and folders that are made from now on the next ones. Two servers that are not to be taken
    /// for one and the same must differ in it.
    #[must_use]
    pub fn with_validity(self, first: u32) -> Self {
        self.mail().number_from(first);
        self
    }

    /// The account's mail. Hold it only for a moment: no command is executed meanwhile.
    pub fn mail(&self) -> MailGuard<'_> {
        let mail = self.mail.lock().unwrap_or_else(PoisonError::into_inner);
        MailGuard { mail, touched: false, changes: &self.changes }
    }

    /// Wakes whenever the mail may have changed.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Adds an account of its own beside the first one, with everything else alike; `login` chooses by name.
    pub fn add_account(&self, user: &str, password: &str) -> Self {
        let other = Self::new("").with_gauge(&self.gauge);
        {
            let (mail, mut guard) = (self.mail(), other.mail());
            let theirs: &mut Mail = &mut guard;
            theirs.capabilities.clone_from(&mail.capabilities);
            theirs.first_capabilities.clone_from(&mail.first_capabilities);
            theirs.separator = mail.separator;
            theirs.prefix.clone_from(&mail.prefix);
            theirs.quirks = mail.quirks.clone();
            theirs.admin.clone_from(&mail.admin);
            theirs.user = Some(user.to_owned());
            theirs.password = Some(password.to_owned());
        }
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).insert(user.to_owned(), other.clone());
        other
    }

    /// The account of this user.
    pub(super) fn account(&self, user: &str) -> Option<Self> {
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.get(user).cloned().or_else(|| {
            let ours = self.mail().user.as_ref().is_none_or(|known| known == user);
            ours.then(|| self.clone())
        })
    }

    /// Adds a hook; the first that does not pass decides.
    pub fn hook(&self, hook: impl FnMut(&mut Mail, &Call<'_>) -> Act + Send + 'static) {
        self.mail().hooks.push(Box::new(hook));
    }

    /// Takes all hooks away: no more misbehaviour.
    pub fn behave(&self) {
        self.mail().hooks.clear();
    }

    /// The messages of a folder; none where it is missing.
    pub fn messages(&self, folder: &str) -> Vec<Message> {
        self.mail().folders.get(folder).map_or_else(Vec::new, |folder: &Folder| folder.messages.clone())
    }

    /// The bodies of a folder, sorted.
    pub fn bodies(&self, folder: &str) -> Vec<Vec<u8>> {
        let messages = self.messages(folder);
        let mut bodies: Vec<_> = messages.iter().map(|message| message.body.to_bytes().to_vec()).collect();
        bodies.sort();
        bodies
    }

    /// How often a command with this beginning came.
    pub fn count(&self, beginning: &str) -> usize {
        self.mail().log.iter().filter(|line| line.starts_with(beginning)).count()
    }

    /// Serves a connection, on a task of its own, until one side closes it.
    pub fn serve(&self, stream: impl Stream + 'static) {
        tokio::spawn(Session::new(self.clone(), Wire::memory(Box::new(stream))).run());
    }

    /// Asks the hooks.
    pub(super) fn ask(&self, connection: usize, stage: Stage, line: &str) -> Act {
        let mut mail = self.mail();
        mail.steps += 1;
        let step = mail.steps;
        let words = if line.starts_with("UID ") { 2 } else { 1 };
        let verb: Vec<&str> = line.split(' ').take(words).collect();
        let count = mail.counts.entry((stage.number(), verb.join(" "))).or_default();
        *count += 1;
        let call = Call { connection, stage, line, nth: *count, step };
        let mut hooks = std::mem::take(&mut mail.hooks);
        let mut act = Act::Pass;
        for hook in &mut hooks {
            act = hook(&mut mail, &call);
            if !matches!(act, Act::Pass) {
                break;
            }
        }
        // A hook may have added others.
        hooks.append(&mut mail.hooks);
        mail.hooks = hooks;
        act
    }

    /// Whether anybody may interfere.
    pub(super) fn is_watched(&self) -> bool {
        !self.mail().hooks.is_empty()
    }
}
