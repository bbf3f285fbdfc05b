//! A folder that is remembered: only what has changed since is asked for.
//!
//! In one volley for all folders: the flags that have changed (CONDSTORE; all of them where the server counts no changes), which
//! of the remembered messages are there still, what has come, and one remembered message once more, header and all: two
//! mailboxes may bear the same UIDVALIDITY. A folder where anything does not fit is listed like an unknown one.

use crate::error::Error;
use crate::imap::command::{Command, FetchItems, Uids};
use crate::imap::date::InternalDate;
use crate::imap::flag::Flags;
use crate::imap::name::MailboxName;
use crate::imap::response::{Code, Fetch, Item, Status, StatusKind, Untagged};
use crate::imap::uidset::UidSet;
use crate::message::{Identity, IdentityRules};
use crate::state::{Known, KnownIdentity, Mailbox};
use crate::sync::judge::header_names;
use crate::sync::link::Link;
use crate::sync::read::SET_BYTES;
use crate::sync::survey::{LARGEST_HEADER, Listing, Opening, Row, section};
use crate::sync::volley::{Reply, try_volley};
use std::collections::HashMap;

/// A folder as it is now.
#[derive(Debug)]
pub(in crate::sync) struct Refreshed {
    pub(in crate::sync) listing: Listing,
    /// Beside `listing.rows`.
    pub(in crate::sync) identities: Vec<Option<Identity>>,
    /// The UIDs of messages and of their copies, of source folders; ascending.
    pub(in crate::sync) partners: Vec<(u32, u32)>,
}

/// A folder as it was.
pub(super) struct Remembered {
    place: usize,
    mailbox: MailboxName,
    uid_validity: u32,
    uid_next: u32,
    modseq: Option<u64>,
    opening: Opening,
    /// Ascending.
    known: Vec<Known>,
}

impl Remembered {
    pub(super) fn new(place: usize, mailbox: &Mailbox, known: Vec<Known>, opening: Opening) -> Self {
        let Mailbox { name, uid_validity, uid_next, highest_modseq, .. } = mailbox;
        // 0 stands for a folder without mod-sequences.
        let modseq = highest_modseq.filter(|modseq| *modseq > 0);
        Self {
            place,
            mailbox: name.clone(),
            uid_validity: *uid_validity,
            uid_next: *uid_next,
            modseq,
            opening,
            known,
        }
    }

    fn has_flags(&self, uid: u32) -> bool {
        let at = self.known.binary_search_by_key(&uid, |one| one.uid);
        at.is_ok_and(|at| self.known[at].flags.is_some())
    }

    /// Of these messages the one that is to be read again: the newest whose header tells it from others.
    fn witness(&self, among: impl Fn(&Known) -> bool) -> Option<&Known> {
        let message_id =
            |one: &&Known| matches!(one.identity, KnownIdentity::Of(identity) if identity.message_id != 0);
        let newest = || self.known.iter().rev().filter(|one| among(one));
        newest().find(message_id).or_else(|| newest().next())
    }
}

/// What a command of the volley is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Open,
    OpenAgain,
    Changes,
    There,
    Listing,
    Headers,
    Witness,
}

/// The folders as they are now, by their places. One that is not among them has to be listed.
///
/// # Errors
///
/// Only what ends the run.
pub(super) async fn refresh(
    link: &mut Link,
    rules: &IdentityRules,
    wanted: Vec<Remembered>,
) -> Result<HashMap<usize, Refreshed>, Error> {
    let mut folders: Vec<Folder> = wanted.into_iter().map(Folder::new).collect();
    let first: Vec<_> = folders.iter().map(|folder| folder.commands(rules)).collect();
    if !ask(link, rules, &mut folders, first).await? {
        return Ok(HashMap::new());
    }
    let second: Vec<_> = folders.iter_mut().map(|folder| folder.more_commands(rules)).collect();
    if !ask(link, rules, &mut folders, second).await? {
        return Ok(HashMap::new());
    }
    let places = folders.into_iter().filter_map(Folder::finish);
    Ok(places.collect())
}

/// Whether all was answered.
async fn ask(
    link: &mut Link,
    rules: &IdentityRules,
    folders: &mut [Folder],
    asked: Vec<Vec<(Purpose, Command)>>,
) -> Result<bool, Error> {
    let (mut owners, mut commands) = (Vec::new(), Vec::new());
    for (folder, asked) in asked.into_iter().enumerate() {
        for (purpose, command) in asked {
            owners.push((folder, purpose));
            commands.push(command);
        }
    }
    if commands.is_empty() {
        return Ok(true);
    }
    try_volley(link, commands, |_, number, reply| {
        let (folder, purpose) = owners[number];
        folders[folder].take(rules, purpose, reply);
        Ok(())
    })
    .await
}

/// A folder between what was and what is.
struct Folder {
    was: Remembered,
    /// As it was when it was opened first: up to then all changes are known.
    listing: Listing,
    /// UIDVALIDITY when it was opened last.
    uid_validity: u32,
    opened: bool,
    failed: bool,
    /// The remembered UIDs that are there, and others below the remembered UIDNEXT.
    there: UidSet,
    changed: HashMap<u32, Flags>,
    found: HashMap<u32, Option<Identity>>,
    /// The remembered message was read again and is the same.
    witnessed: bool,
    large: Vec<u8>,
}

impl Folder {
    fn new(was: Remembered) -> Self {
        Self {
            was,
            listing: Listing::untold(),
            uid_validity: 0,
            opened: false,
            failed: false,
            there: UidSet::new(),
            changed: HashMap::new(),
            found: HashMap::new(),
            witnessed: false,
            large: Vec::new(),
        }
    }

    fn commands(&self, rules: &IdentityRules) -> Vec<(Purpose, Command)> {
        let was = &self.was;
        let mut commands = vec![(Purpose::Open, was.opening.command(&was.mailbox))];
        if was.uid_next > 1 {
            let old = || Uids::Set(UidSet::range(1, was.uid_next - 1));
            match was.modseq {
                Some(since) => {
                    commands.push((Purpose::Changes, Command::UidChanges { uids: old(), since }));
                    commands.push((Purpose::There, Command::UidSearch(old())));
                }
                None => {
                    let items = FetchItems::Flags;
                    commands.push((Purpose::Changes, Command::UidFetch { uids: old(), items }));
                }
            }
        }
        commands.extend(was.witness(|_| true).map(|witness| look(witness, rules)));
        commands.extend(listing(Uids::From(was.uid_next.max(1)), rules));
        commands
    }

    /// What nobody has seen yet although its UID is not new, as it came while the last run was at work; and another message to
    /// be read again where the first one is gone.
    fn more_commands(&mut self, rules: &IdentityRules) -> Vec<(Purpose, Command)> {
        let known = UidSet::from_uids(self.was.known.iter().map(|one| one.uid));
        let unknown = self.there.difference(&known);
        let witness = self.was.witness(|one| self.there.contains(one.uid)).filter(|_| !self.witnessed);
        let gone = self.was.witness(|_| true).is_some_and(|first| !self.there.contains(first.uid));
        let witness = witness.filter(|_| gone);
        if self.failed || unknown.is_empty() && witness.is_none() {
            return Vec::new();
        }
        let mut commands = vec![(Purpose::OpenAgain, self.was.opening.command(&self.was.mailbox))];
        commands.extend(witness.map(|witness| look(witness, rules)));
        for set in unknown.split(SET_BYTES) {
            commands.extend(listing(Uids::Set(set), rules));
        }
        self.opened = false;
        commands
    }

    fn take(&mut self, rules: &IdentityRules, purpose: Purpose, reply: Reply) {
        match reply {
            Reply::Untagged(data) if purpose == Purpose::Open => {
                self.listing.opened(&data);
                self.uid_validity = self.listing.uid_validity;
            }
            Reply::Untagged(Untagged::Status(status)) if purpose == Purpose::OpenAgain => self.learn(&status),
            Reply::Untagged(_) | Reply::Chunk(_) | Reply::Literal if !self.opened => {}
            Reply::Untagged(Untagged::Search(search)) if purpose == Purpose::There => {
                search.ids.into_iter().for_each(|uid| self.there.insert(uid));
            }
            Reply::Untagged(Untagged::Esearch(search)) if purpose == Purpose::There => {
                self.there = self.there.union(&search.all.unwrap_or_default());
            }
            Reply::Untagged(Untagged::Fetch(fetch)) => self.fetched(rules, purpose, &fetch),
            Reply::Literal => self.large.clear(),
            Reply::Chunk(bytes) => {
                let room = LARGEST_HEADER.saturating_sub(self.large.len());
                self.large.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            Reply::Unreadable => self.failed = true,
            Reply::Untagged(_) => {}
            Reply::Done(status) => {
                let ok = status.kind == StatusKind::Ok;
                if purpose == Purpose::Open {
                    self.listing.code(&status);
                }
                if matches!(purpose, Purpose::Open | Purpose::OpenAgain) {
                    self.learn(&status);
                    // Where UIDNEXT has gone back, UIDs have been given twice.
                    let grown = self.listing.uid_next >= self.was.uid_next;
                    self.opened = ok && grown && self.uid_validity == self.was.uid_validity;
                    self.failed |= !self.opened;
                }
                self.failed |= !ok;
            }
        }
    }

    fn learn(&mut self, status: &Status) {
        if let Some(Code::UidValidity(n)) = status.code {
            self.uid_validity = n;
        }
    }

    fn fetched(&mut self, rules: &IdentityRules, purpose: Purpose, fetch: &Fetch) {
        let Item::Present(uid) = fetch.uid else { return };
        match purpose {
            Purpose::Changes => {
                if self.was.modseq.is_none() {
                    self.there.insert(uid);
                }
                match &fetch.flags {
                    Item::Present(flags) => drop(self.changed.insert(uid, flags.clone())),
                    // They have changed, and nobody knows to what: what is remembered holds no longer.
                    Item::Unreadable => self.failed |= self.was.has_flags(uid),
                    Item::Absent => {}
                }
            }
            Purpose::Listing => self.listing.add(fetch),
            Purpose::Headers => {
                let header = section(fetch, &self.large);
                self.found.insert(uid, rules.from_wanted(&header));
                self.large.clear();
            }
            Purpose::Witness => {
                let header = section(fetch, &self.large);
                self.large.clear();
                let was = self.was.known.binary_search_by_key(&uid, |one| one.uid);
                self.witnessed |= was.is_ok_and(|at| is_same(&self.was.known[at], rules, fetch, &header));
            }
            Purpose::Open | Purpose::OpenAgain | Purpose::There => {}
        }
    }

    /// None: something does not fit.
    fn finish(mut self) -> Option<(usize, Refreshed)> {
        let nothing = !self.was.known.iter().any(|one| self.there.contains(one.uid));
        let witness = self.witnessed || nothing;
        if self.failed || !self.opened || !witness {
            tracing::info!(
                "state: {}: not as it is remembered (answered: {}, opened: {}, the same message: {witness})",
                self.was.mailbox.display(),
                !self.failed,
                self.opened,
            );
            return None;
        }
        let (mut identities, mut partners) = (HashMap::new(), Vec::new());
        for one in self.was.known {
            if !self.there.contains(one.uid) {
                continue;
            }
            if let KnownIdentity::Of(identity) = one.identity {
                identities.insert(one.uid, identity);
            }
            partners.extend(one.partner.map(|partner| (one.uid, partner)));
            let flags = self.changed.remove(&one.uid).or(one.flags);
            self.listing.rows.push(Row { uid: one.uid, size: one.size, date: one.date, flags });
        }
        self.listing.finish();
        if !self.listing.complete {
            tracing::info!("state: {}: fewer messages than the server counts", self.was.mailbox.display());
            return None;
        }
        let of =
            |row: &Row| identities.get(&row.uid).copied().or(self.found.get(&row.uid).copied().flatten());
        let identities = self.listing.rows.iter().map(of).collect();
        Some((self.was.place, Refreshed { listing: self.listing, identities, partners }))
    }
}

/// Reads a message again.
fn look(witness: &Known, rules: &IdentityRules) -> (Purpose, Command) {
    let uids = Uids::Set(UidSet::from_uids([witness.uid]));
    (Purpose::Witness, Command::UidFetch { uids, items: FetchItems::Look(header_names(rules)) })
}

/// What is asked of messages that are not known.
fn listing(uids: Uids, rules: &IdentityRules) -> [(Purpose, Command); 2] {
    let names = rules.wanted().into_iter().map(str::to_owned).collect();
    let rows = Command::UidFetch { uids: uids.clone(), items: FetchItems::Listing };
    [
        (Purpose::Listing, rows),
        (Purpose::Headers, Command::UidFetch { uids, items: FetchItems::Header(names) }),
    ]
}

/// Whether a message is the one that is remembered.
fn is_same(was: &Known, rules: &IdentityRules, fetch: &Fetch, header: &[u8]) -> bool {
    let date = |one: &InternalDate| one.seconds();
    let there = match &fetch.internal_date {
        Item::Present(there) => Some(date(there)),
        _ => None,
    };
    let size = matches!(&fetch.size, Item::Present(size) if *size == was.size);
    let header = match (was.identity, rules.from_header(header)) {
        (KnownIdentity::Of(was), Some(now)) => was == now,
        // What has no header is known by its body, which is not read for this.
        _ => true,
    };
    size && header && was.date.as_ref().map(date).is_none_or(|date| Some(date) == there)
}
