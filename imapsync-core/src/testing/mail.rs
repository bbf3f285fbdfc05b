//! What a server knows of an account: its folders, what it offers, how it deviates from the book.

use super::folder::Folder;
use super::hook::Hook;
use super::quirks::{Parents, Quirks, Validity};
use std::collections::BTreeMap;
use tokio::time::Instant;

/// Everything a server knows about one account.
pub struct Mail {
    /// The folders by name as it stands on the wire; see [`Mail::folder`].
    pub folders: BTreeMap<String, Folder>,
    /// What CAPABILITY says after login.
    pub capabilities: String,
    /// What it says before; None: the same.
    pub first_capabilities: Option<String>,
    /// The greeting, CR LF included.
    pub greeting: String,
    /// The hierarchy separator.
    pub separator: char,
    /// The prefix of the personal namespace, its separator included: `INBOX.` for Courier.
    pub prefix: String,
    /// The user; None: any.
    pub user: Option<String>,
    /// The password or bearer token; None: any.
    pub password: Option<String>,
    /// An administrator who may log in for the user, with his password.
    pub admin: Option<(String, String)>,
    /// Room for so many bytes of mail; None: no limit, no QUOTA answers.
    pub quota: Option<u64>,
    /// How it deviates from the book.
    pub quirks: Quirks,
    /// Bodies longer than this are kept as length and digest only: a destination for gigabytes.
    pub keep_at_most: u64,
    /// Every command, without tags and literals, secrets as they came.
    pub log: Vec<String>,
    /// Commands that are none by the grammar, or break a rule: a correct client leaves this empty.
    pub offences: Vec<String>,
    /// How many connections have come.
    pub connections: usize,
    /// How many of them are open.
    pub open: usize,
    /// How often the hooks have been asked.
    pub steps: u64,
    pub(super) hooks: Vec<Hook>,
    /// The folders as they were before each of the last changes, where that is kept.
    pub(super) history: Option<Vec<BTreeMap<String, Folder>>>,
    /// What connections see that reach a replica which lags behind, and until when.
    pub(super) stale: Option<(Instant, BTreeMap<String, Folder>)>,
    pub(super) counts: BTreeMap<(u8, String), usize>,
    /// Commands that moved messages since the last pause.
    pub(super) heavy: usize,
    /// Until when nothing is done.
    pub(super) throttled_until: Option<Instant>,
    next_validity: u32,
}

impl Mail {
    /// An account with an empty INBOX.
    pub(super) fn new(capabilities: &str) -> Self {
        let mut mail = Self {
            folders: BTreeMap::new(),
            capabilities: capabilities.to_owned(),
            first_capabilities: None,
            greeting: "* OK ready\r\n".to_owned(),
            separator: '/',
            prefix: String::new(),
            user: None,
            password: None,
            admin: None,
            quota: None,
            quirks: Quirks::default(),
            keep_at_most: u64::MAX,
            log: Vec::new(),
            offences: Vec::new(),
            connections: 0,
            open: 0,
            steps: 0,
            hooks: Vec::new(),
            history: None,
            stale: None,
            counts: BTreeMap::new(),
            heavy: 0,
            throttled_until: None,
            next_validity: 1000,
        };
        mail.folder("INBOX");
        mail
    }

    /// The folder of this name, made where it is missing. A name is modified UTF-7 as on the wire; bytes that are no
    /// UTF-8 stand as the characters U+F700 to U+F7FF.
    pub fn folder(&mut self, name: &str) -> &mut Folder {
        let (next, rule) = (&mut self.next_validity, self.quirks.validity);
        self.folders.entry(name.to_owned()).or_insert_with(|| {
            *next += 1;
            Folder::new(match rule {
                Validity::Grows => *next,
                Validity::Reused => 1_795_608_000,
                Validity::Falls => u32::MAX - *next,
            })
        })
    }

    /// Expunges the messages marked `\Deleted` for which `goes` says so; gives their UIDs.
    pub(super) fn expunge(&mut self, name: &str, goes: impl Fn(u32) -> bool) -> Vec<u32> {
        let Some(folder) = self.folders.get_mut(name) else { return Vec::new() };
        let mut ids = Vec::new();
        let uids = folder.expunge(|message| {
            let goes = message.has("\\Deleted") && goes(message.uid);
            ids.extend(goes.then_some(message.id));
            goes
        });
        if self.quirks.labels {
            self.end(name, &ids);
        }
        uids
    }

    /// The UIDVALIDITY of INBOX, and from where on further folders are numbered.
    pub(super) fn number_from(&mut self, first: u32) {
        self.folder("INBOX").validity = first;
        self.next_validity = first;
    }

    /// Keeps what was there before each change from now on, so that [`Act::Replica`](super::Act::Replica) can show it.
    pub fn keep_history(&mut self) {
        self.history.get_or_insert_default();
    }

    /// Notes what is there before a change.
    pub(super) fn note(&mut self) {
        let Self { history, folders, .. } = self;
        if let Some(history) = history {
            history.push(folders.clone());
        }
    }

    /// From now on new looks show what was there so many changes ago.
    pub(super) fn fall_back(&mut self, changes: usize, until: Instant) {
        let then = self.history.as_ref().and_then(|history| {
            let at = history.len().saturating_sub(changes);
            history.get(at).cloned()
        });
        self.stale = then.map(|folders| (until, folders));
    }

    /// The folders as a session sees them that only reads.
    pub(super) fn seen(&self) -> &BTreeMap<String, Folder> {
        match &self.stale {
            Some((until, folders)) if Instant::now() < *until => folders,
            _ => &self.folders,
        }
    }

    /// Whether the capability is offered after login.
    pub fn has(&self, capability: &str) -> bool {
        self.capabilities.split(' ').any(|one| one.eq_ignore_ascii_case(capability))
    }

    /// The largest message that may be stored in a folder.
    pub(super) fn append_limit(&self, folder: &Folder) -> Option<u64> {
        folder.append_limit.into_iter().chain(self.limit("APPENDLIMIT")).min()
    }

    /// The number of an `NAME=number` capability, such as APPENDLIMIT.
    pub(super) fn limit(&self, capability: &str) -> Option<u64> {
        self.capabilities.split(' ').find_map(|one| {
            let (name, value) = one.split_once('=')?;
            (name.eq_ignore_ascii_case(capability)).then(|| value.parse().ok())?
        })
    }

    /// The name under which the server keeps what a client calls `name`: INBOX in any case, others as they are or, where
    /// the server does not care, in whatever case they were made.
    pub(super) fn resolve(&self, name: &str) -> String {
        if name.eq_ignore_ascii_case("INBOX") {
            return "INBOX".to_owned();
        }
        // INBOX is written in any case in front of other names too, where these stand below it.
        if let (Some(first), Some(rest)) = (name.get(..self.prefix.len()), name.get(self.prefix.len()..))
            && !first.is_empty()
            && first.eq_ignore_ascii_case(&self.prefix)
        {
            return format!("{}{rest}", self.prefix);
        }
        if self.quirks.caseless_names
            && let Some(known) = self.folders.keys().find(|known| known.eq_ignore_ascii_case(name))
        {
            return known.clone();
        }
        name.to_owned()
    }

    /// The folder that a client means, where it can be used.
    pub(super) fn usable(&self, name: &str) -> Option<&Folder> {
        self.usable_of(self.seen(), name)
    }

    /// Whether a folder is in the way of a new one, whatever a replica shows.
    pub(super) fn exists(&self, name: &str) -> bool {
        self.usable_of(&self.folders, name).is_some()
    }

    fn usable_of<'a>(&self, folders: &'a BTreeMap<String, Folder>, name: &str) -> Option<&'a Folder> {
        let noselect = |folder: &Folder| {
            self.quirks.parents != Parents::Usable
                && folder.attributes.iter().any(|one| {
                    one.eq_ignore_ascii_case("\\Noselect") || one.eq_ignore_ascii_case("\\NonExistent")
                })
        };
        folders.get(&self.resolve(name)).filter(|folder| !folder.ghost && !noselect(folder))
    }

    /// Bytes of all messages.
    pub(super) fn used(&self) -> u64 {
        self.folders.values().flat_map(|folder| &folder.messages).map(|message| message.body.len()).sum()
    }
}

/// A name from the wire as text: bytes that are no UTF-8 become characters of their own, so that they can go back.
pub(super) fn name_from_wire(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(
            chunk.invalid().iter().map(|byte| char::from_u32(0xF700 + u32::from(*byte)).unwrap_or('?')),
        );
    }
    out
}

/// The other way of [`name_from_wire`].
pub(super) fn name_to_wire(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for c in name.chars() {
        match u32::from(c) {
            code @ 0xF700..=0xF7FF => out.push((code - 0xF700) as u8),
            _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out
}
