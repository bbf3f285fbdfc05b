//! A folder and its messages: what is there, and what has become of what was there.

use super::body::Body;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A message as the server stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its UID.
    pub uid: u32,
    /// Its flags and keywords, without `\Recent`.
    pub flags: Vec<String>,
    /// Its internal date as IMAP writes it: `01-Jan-2020 12:00:00 +0000`.
    pub date: Arc<str>,
    /// Its text.
    pub body: Body,
    /// When it was last changed (RFC 7162).
    pub modseq: u64,
    /// What stays the same when it is copied (OBJECTID's EMAILID, Gmail's X-GM-MSGID).
    pub id: u64,
    /// Gmail's labels.
    pub labels: Vec<String>,
}

impl Message {
    /// Whether it has this flag, in any case.
    pub fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|one| one.eq_ignore_ascii_case(flag))
    }
}

/// A mailbox.
#[derive(Debug, Clone)]
pub struct Folder {
    /// UIDVALIDITY.
    pub validity: u32,
    /// UIDNEXT.
    pub next: u32,
    /// HIGHESTMODSEQ.
    pub modseq: u64,
    /// It keeps no mod-sequences: NOMODSEQ (RFC 7162, section 3.1.2.2).
    pub no_modseq: bool,
    /// In order of UID.
    pub messages: Vec<Message>,
    /// Whether LSUB has it.
    pub subscribed: bool,
    /// Whether SELECT gives it only for reading.
    pub read_only: bool,
    /// Listed, but not there: it cannot be selected until it is created.
    pub ghost: bool,
    /// Attributes that LIST shows, such as `\Noselect` or `\Sent`.
    pub attributes: Vec<String>,
    /// A message larger than this is refused here (RFC 7889); None: what holds for all folders.
    pub append_limit: Option<u64>,
    /// Rights of others by identifier (RFC 4314).
    pub acl: BTreeMap<String, String>,
    /// What stays the same when it is renamed (OBJECTID's MAILBOXID, RFC 8474).
    pub id: u64,
    /// The messages that are gone, by UID.
    pub(super) expunged: BTreeMap<u32, Message>,
    /// When each of them went, in that order.
    pub(super) gone: Vec<(u64, u32)>,
    /// The UIDs of those whose flags have changed, in that order.
    pub(super) changed: Vec<u32>,
}

impl Folder {
    pub(super) fn new(validity: u32) -> Self {
        Self {
            validity,
            next: 1,
            modseq: 1,
            no_modseq: false,
            messages: Vec::new(),
            subscribed: false,
            read_only: false,
            ghost: false,
            attributes: Vec::new(),
            append_limit: None,
            acl: BTreeMap::new(),
            id: u64::from(validity),
            expunged: BTreeMap::new(),
            gone: Vec::new(),
            changed: Vec::new(),
        }
    }

    /// Stores a message with these flags and a date in the year 2020; gives its UID.
    pub fn add(&mut self, body: impl Into<Body>, flags: &[&str]) -> u32 {
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        self.store(body.into(), flags, "01-Jan-2020 12:00:00 +0000")
    }

    /// Stores a message; gives its UID.
    pub fn store(&mut self, body: Body, flags: Vec<String>, date: &str) -> u32 {
        let uid = self.next;
        self.next += 1;
        self.modseq += 1;
        let id = u64::from(self.validity) << 32 | u64::from(uid);
        // Many messages of one date share its text.
        let date = match self.messages.last() {
            Some(last) if *last.date == *date => Arc::clone(&last.date),
            _ => Arc::from(date),
        };
        self.messages.push(Message { uid, flags, date, body, modseq: self.modseq, id, labels: Vec::new() });
        uid
    }

    /// The message with this UID.
    pub fn message(&self, uid: u32) -> Option<&Message> {
        self.place(uid).map(|at| &self.messages[at])
    }

    fn place(&self, uid: u32) -> Option<usize> {
        self.messages.binary_search_by_key(&uid, |message| message.uid).ok()
    }

    /// Changes the flags of a message, as another client would; false where there is none.
    pub fn flag(&mut self, uid: u32, change: impl FnOnce(&mut Vec<String>)) -> bool {
        self.change(uid, |message| change(&mut message.flags))
    }

    /// Changes what may change of a message, flags or labels; false where there is none.
    pub fn change(&mut self, uid: u32, change: impl FnOnce(&mut Message)) -> bool {
        let Some(at) = self.place(uid) else { return false };
        self.modseq += 1;
        self.messages[at].modseq = self.modseq;
        change(&mut self.messages[at]);
        self.changed.push(uid);
        true
    }

    /// Removes the messages for which `goes` says so, as another client would; gives their UIDs.
    pub fn expunge(&mut self, mut goes: impl FnMut(&Message) -> bool) -> Vec<u32> {
        let modseq = self.modseq + 1;
        let mut uids = Vec::new();
        for message in self.messages.extract_if(.., |message| goes(message)) {
            uids.push(message.uid);
            self.gone.push((modseq, message.uid));
            self.expunged.insert(message.uid, message);
        }
        if !uids.is_empty() {
            self.modseq = modseq;
        }
        uids
    }

    /// Makes it another folder of the same name: a new UIDVALIDITY, the same messages numbered anew.
    pub fn renumber(&mut self, validity: u32) {
        self.validity = validity;
        for (message, uid) in self.messages.iter_mut().zip(1..) {
            message.uid = uid;
        }
        self.next = self.messages.len() as u32 + 1;
        self.expunged.clear();
        self.gone.clear();
        self.changed.clear();
    }
}

/// Finds messages by UID in rising order, each in no time.
pub(super) struct Finder<'a> {
    messages: &'a [Message],
    at: usize,
}

impl<'a> Finder<'a> {
    pub(super) fn new(folder: &'a Folder) -> Self {
        Self { messages: &folder.messages, at: 0 }
    }

    pub(super) fn find(&mut self, uid: u32) -> Option<&'a Message> {
        // Mostly it is the next one.
        if self.messages.get(self.at).is_none_or(|message| message.uid != uid) {
            self.at = self.messages.partition_point(|message| message.uid < uid);
        }
        let found = self.messages.get(self.at).filter(|message| message.uid == uid)?;
        self.at += 1;
        Some(found)
    }
}
