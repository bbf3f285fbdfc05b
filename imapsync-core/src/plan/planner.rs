//! The plan as an incremental fold: one source message in, one decision out.
//!
//! The same for `--dry`, for folders that were scanned first, and for the single pass in which messages are decided on
//! while they stream by.

use super::matching::{How, Pair};
use super::outcome::SkipReason;
use crate::message::{Digest, Identity, Key};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// The rules that a plan follows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanRules {
    /// Copy duplicates too (`--syncduplicates`).
    pub sync_duplicates: bool,
    /// What is left over on the destination will be deleted (`--delete2`): it must be sure which one that is.
    pub delete2: bool,
    /// The largest message that the destination takes, in bytes (APPENDLIMIT).
    pub append_limit: Option<u64>,
}

impl PlanRules {
    /// Whether a message of this size is left out, which can be asked before it is fetched.
    pub fn skip(&self, size: u64) -> Option<SkipReason> {
        self.append_limit.filter(|limit| size > *limit).map(|limit| SkipReason::TooLargeForServer { limit })
    }
}

/// A source message to decide on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Its UID.
    pub uid: u32,
    /// Its RFC822.SIZE in bytes.
    pub size: u64,
    /// What it is known by.
    pub identity: Identity,
    /// Its whole digest ([`Digester::whole`](crate::message::Digester::whole)), where it is known.
    pub digest: Option<Digest>,
}

/// What is to be done about a source message, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It has no copy: copy it.
    Copy,
    /// It has one.
    Present {
        /// The UID of the copy.
        destination: u32,
        /// How the copy was known.
        how: How,
    },
    /// It is the same message as one with a lower UID that is present or to be copied. Final once that one is
    /// acknowledged; if it fails, call [`Planner::forget`] for it and decide on this one again.
    Duplicate {
        /// The UID of the other one.
        of: u32,
    },
    /// A rule leaves it out.
    Skip(SkipReason),
    /// It may be a duplicate. Digest the messages with these UIDs, this one or earlier ones, tell the planner
    /// ([`Planner::learn_digest`]), and decide on this one again. An earlier one that cannot be read any more is
    /// [forgotten](Planner::forget).
    NeedDigests(Vec<u32>),
}

/// Decides on the messages of one source folder, in ascending order of UID.
///
/// Duplicates agree in key, size and whole digest, and only messages that agree in key and size need a digest. A folder
/// costs 10 to 20 bytes for each message, and 12 more for each that has a copy.
///
/// ```
/// use imapsync_core::message::{Digester, IdentityRules};
/// use imapsync_core::plan::{Candidate, Decision, PlanRules, Planner};
/// let message = b"Message-Id: <a@b>\r\n\r\nbody\r\n";
/// let identity = IdentityRules::default().from_message(message);
/// let mut digester = Digester::whole();
/// digester.update(message);
/// let digest = digester.finish();
///
/// let mut planner = Planner::new(PlanRules::default(), &[]);
/// let candidate = |uid| Candidate { uid, size: 27, identity, digest: None };
/// assert_eq!(planner.decide(candidate(1)), Decision::Copy);
/// assert_eq!(planner.decide(candidate(2)), Decision::NeedDigests(vec![1, 2]));
/// planner.learn_digest(1, digest);
/// planner.learn_digest(2, digest);
/// assert_eq!(planner.decide(candidate(2)), Decision::Duplicate { of: 1 });
/// ```
#[derive(Debug, Clone, Default)]
pub struct Planner {
    rules: PlanRules,
    /// By source UID.
    pairs: Vec<Pair>,
    /// The first message of each kind that is present or to be copied.
    firsts: HashMap<Kind, u32>,
    /// The kinds of which there are several messages.
    several: HashMap<Kind, Several>,
    digests: Digests,
    forgotten: HashSet<u32>,
    /// Counts what was learnt and forgotten.
    news: u64,
}

/// Key and size, cut to what fits a million times: messages of one kind are suspected, their digests convict them.
type Kind = u32;

fn kind(key: Key, size: u64) -> Kind {
    let high = key.0.first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
    ((high ^ size).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as Kind
}

/// Messages of one kind that are present or to be copied.
#[derive(Debug, Clone, Default)]
struct Several {
    by_digest: HashMap<Digest, u32>,
    undigested: Vec<u32>,
    /// How many of the undigested were asked for.
    asked: usize,
    /// The planner's count of news when the undigested were last looked through.
    news: u64,
}

impl Planner {
    /// For a folder whose messages have these copies already, as [`match_folder`](super::match_folder) found them; none
    /// where the target is missing or empty.
    pub fn new(rules: PlanRules, pairs: &[Pair]) -> Self {
        let mut pairs = pairs.to_vec();
        pairs.sort_unstable_by_key(|pair| pair.source);
        Self { rules, pairs, ..Self::default() }
    }

    /// Makes room for the decisions on so many messages, all at once.
    pub fn reserve(&mut self, messages: usize) {
        self.firsts.reserve(messages);
    }

    /// Decides on the next message. One that was answered with [`Decision::NeedDigests`] or [`Decision::Duplicate`], or was
    /// forgotten, may come again later.
    pub fn decide(&mut self, candidate: Candidate) -> Decision {
        let Candidate { uid, size, identity, digest } = candidate;
        if let Some(digest) = digest {
            self.learn_digest(uid, digest);
        }
        let kind = kind(identity.key, size);
        if let Ok(at) = self.pairs.binary_search_by_key(&uid, |pair| pair.source)
            && let Some(Pair { destination, how, .. }) = self.pairs.get(at).copied()
        {
            self.enlist(kind, uid);
            return Decision::Present { destination, how };
        }
        if let Some(reason) = self.rules.skip(size) {
            return Decision::Skip(reason);
        }
        if self.rules.sync_duplicates {
            return Decision::Copy;
        }
        let earlier = self.judge(kind, uid);
        if earlier.is_none() {
            self.enlist(kind, uid);
        }
        earlier.unwrap_or(Decision::Copy)
    }

    /// The message was not copied after all: it failed, or is gone. Its duplicates may be decided on again.
    pub fn forget(&mut self, uid: u32) {
        self.forgotten.insert(uid);
        self.news += 1;
    }

    /// Tells the whole digest of a message ([`Digester::whole`](crate::message::Digester::whole)).
    pub fn learn_digest(&mut self, uid: u32, digest: Digest) {
        self.digests.insert(uid, digest);
        self.news += 1;
    }

    /// Compares a message with the earlier ones of its kind; None: it is the first of its content.
    fn judge(&mut self, kind: Kind, uid: u32) -> Option<Decision> {
        let first = *self.firsts.get(&kind)?;
        if first == uid {
            return None;
        }
        let several = self.several.entry(kind).or_insert_with(|| Several::of(first));
        if several.news != self.news {
            several.news = self.news;
            several.sort_out(&self.digests, &self.forgotten);
        }
        if several.by_digest.is_empty() && several.undigested.is_empty() {
            return None;
        }
        let digest = self.digests.get(uid);
        // Ask for each only once: whoever decides on all messages before reading any would get them all each time.
        let mut needed = several.undigested.get(several.asked..).unwrap_or_default().to_vec();
        if digest.is_none() {
            needed.push(uid);
        } else if needed.is_empty() {
            needed.clone_from(&several.undigested);
        }
        several.asked = several.undigested.len();
        if !needed.is_empty() {
            return Some(Decision::NeedDigests(needed));
        }
        let of = *several.by_digest.get(digest?)?;
        (of != uid && !self.forgotten.contains(&of)).then_some(Decision::Duplicate { of })
    }

    /// Remembers a message that is present or will be copied.
    fn enlist(&mut self, kind: Kind, uid: u32) {
        self.forgotten.remove(&uid);
        match self.firsts.entry(kind) {
            Entry::Vacant(entry) => {
                entry.insert(uid);
            }
            Entry::Occupied(entry) if *entry.get() == uid => {}
            Entry::Occupied(entry) => {
                let several = self.several.entry(kind).or_insert_with(|| Several::of(*entry.get()));
                match self.digests.get(uid) {
                    Some(digest) => several.learn(*digest, uid, &self.forgotten),
                    None => several.undigested.push(uid),
                }
            }
        }
    }
}

/// Digests by UID, in sorted pages: a hash table is half empty where it has just grown.
#[derive(Debug, Clone, Default)]
struct Digests(HashMap<u32, Vec<(u32, Digest)>>);

impl Digests {
    fn get(&self, uid: u32) -> Option<&Digest> {
        let page = self.0.get(&(uid >> 8))?;
        page.binary_search_by_key(&uid, |(uid, _)| *uid).ok().and_then(|at| page.get(at)).map(|(_, one)| one)
    }

    fn insert(&mut self, uid: u32, digest: Digest) {
        let page = self.0.entry(uid >> 8).or_default();
        match page.binary_search_by_key(&uid, |(uid, _)| *uid) {
            Ok(at) => page[at].1 = digest,
            Err(at) => page.insert(at, (uid, digest)),
        }
    }
}

impl Several {
    fn of(first: u32) -> Self {
        Self { undigested: vec![first], ..Self::default() }
    }

    /// Of messages with the same digest the lowest UID counts.
    fn learn(&mut self, digest: Digest, uid: u32, forgotten: &HashSet<u32>) {
        let known = self.by_digest.entry(digest).or_insert(uid);
        if forgotten.contains(known) || uid < *known {
            *known = uid;
        }
    }

    /// Drops what is forgotten, and moves what has been digested to its place.
    fn sort_out(&mut self, digests: &Digests, forgotten: &HashSet<u32>) {
        let before = self.undigested.len();
        let mut undigested = std::mem::take(&mut self.undigested);
        undigested.retain(|uid| match digests.get(*uid) {
            _ if forgotten.contains(uid) => false,
            Some(digest) => {
                self.learn(*digest, *uid, forgotten);
                false
            }
            None => true,
        });
        self.asked = self.asked.saturating_sub(before - undigested.len());
        self.undigested = undigested;
    }
}

#[cfg(test)]
mod tests;
