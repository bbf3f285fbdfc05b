//! Which source message has which copy on the destination.
//!
//! Messages are matched as a multiset per key. Servers change sizes, so a size never makes a copy: it only says who
//! belongs to whom. Where that leaves doubt the messages are read; then equal digests decide first, equal sizes second,
//! and order last.

use super::planner::PlanRules;
use crate::error::Side;
use crate::message::{Digest, Identity, Key};
use std::collections::{HashMap, HashSet};

/// One message of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Its UID.
    pub uid: u32,
    /// Its RFC822.SIZE in bytes.
    pub size: u64,
    /// What it is known by.
    pub identity: Identity,
    /// A fingerprint of its flags, of those that both sides can hold; only ever compared.
    pub flags: u64,
}

/// A source message and its copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// UID on the source.
    pub source: u32,
    /// UID on the destination.
    pub destination: u32,
    /// Why they belong together.
    pub how: How,
}

/// Why a message is taken for the copy of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum How {
    /// Same key, same size.
    Key,
    /// Same key; the server changed the size.
    KeyOtherSize,
    /// Same key, same digest of the whole message.
    Digest,
    /// Another key, but a Message-Id that is unique on both sides, and the same Date, From and Subject: a server rewrote
    /// the Received lines.
    Adopted,
    /// An earlier run made the copy, or found it.
    Remembered,
}

/// What was read of single messages to answer [`Questions`].
#[derive(Debug, Clone, Default)]
pub struct Answers {
    digests: HashMap<(Side, u32), Digest>,
    rewrites: HashMap<(Side, u32), Option<[u8; 16]>>,
}

impl Answers {
    /// The digest of a whole message ([`Digester::whole`](crate::message::Digester::whole)).
    pub fn learn_digest(&mut self, side: Side, uid: u32, digest: Digest) {
        self.digests.insert((side, uid), digest);
    }

    /// The [`rewrite_key`](crate::message::rewrite_key) of a message.
    pub fn learn_rewrite(&mut self, side: Side, uid: u32, key: Option<[u8; 16]>) {
        self.rewrites.insert((side, uid), key);
    }

    /// What was learnt of a message.
    pub fn digest(&self, side: Side, uid: u32) -> Option<Digest> {
        self.digests.get(&(side, uid)).copied()
    }
}

/// What must be read before a matching is final: UIDs, ascending.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Questions {
    /// Source messages whose whole digest is wanted.
    pub digests_source: Vec<u32>,
    /// Destination messages whose whole digest is wanted.
    pub digests_destination: Vec<u32>,
    /// Source messages whose rewrite key is wanted: Date, From and Subject.
    pub rewrite_source: Vec<u32>,
    /// Destination messages whose rewrite key is wanted.
    pub rewrite_destination: Vec<u32>,
}

impl Questions {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        let Self { digests_source, digests_destination, rewrite_source, rewrite_destination } = self;
        [digests_source, digests_destination, rewrite_source, rewrite_destination]
            .iter()
            .all(|uids| uids.is_empty())
    }
}

/// The result of [`match_folder`]. Each message of both listings is in one pair or left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matching {
    /// Who belongs to whom, by ascending source UID.
    pub pairs: Vec<Pair>,
    /// Source messages without a copy, ascending.
    pub source_left: Vec<u32>,
    /// Destination messages that are the copy of none, ascending.
    pub destination_left: Vec<u32>,
    /// What must be read first. While there are any, the rest is a guess.
    pub questions: Questions,
    /// Source messages for which it is a guess whether they have a copy, and which, ascending: to make one could double them,
    /// to make none could lose them.
    pub doubtful: Vec<u32>,
}

/// Matches two listings. Call it, read what the questions ask, call it again with the answers, until no question is left.
/// Where something could not be read, the matching that still asks for it is the best that can be had.
///
/// Any order of the listings will do. Takes O(n log n) time and a few machine words for each message.
///
/// ```
/// use imapsync_core::message::IdentityRules;
/// use imapsync_core::plan::{Answers, Listed, PlanRules, match_folder};
/// let message = |uid, size, id: &str| Listed {
///     uid,
///     size,
///     identity: IdentityRules::default().from_message(format!("Message-Id: {id}\n\n").as_bytes()),
///     flags: 0,
/// };
/// let source = [message(1, 100, "<a>"), message(2, 200, "<b>")];
/// let destination = [message(7, 205, "<b>")];
/// let matching = match_folder(&source, &destination, &PlanRules::default(), &Answers::default());
/// assert_eq!((matching.pairs[0].source, matching.pairs[0].destination), (2, 7));
/// assert_eq!(matching.source_left, [1]);
/// assert!(matching.questions.is_empty());
/// ```
pub fn match_folder(
    source: &[Listed],
    destination: &[Listed],
    rules: &PlanRules,
    answers: &Answers,
) -> Matching {
    let mut matcher = Matcher { rules, answers, matching: Matching::default(), left: Sides::default() };
    let all = Sides { source: sorted(source), destination: sorted(destination) };
    // Both are sorted by key: step through them side by side.
    let (mut ours, mut theirs) = (all.source.as_slice(), all.destination.as_slice());
    while let Some(key) =
        ours.first().into_iter().chain(theirs.first()).map(|message| message.identity.key).min()
    {
        let (our_group, our_rest) = split_group(ours, key);
        let (their_group, their_rest) = split_group(theirs, key);
        matcher.group(our_group, their_group);
        (ours, theirs) = (our_rest, their_rest);
    }
    matcher.adopt(source, destination);
    matcher.finish()
}

/// References to the messages, by key, size and UID.
fn sorted(listing: &[Listed]) -> Vec<&Listed> {
    let mut sorted: Vec<&Listed> = listing.iter().collect();
    sorted.sort_unstable_by_key(|message| (message.identity.key, message.size, message.uid));
    sorted
}

/// The messages with this key at the start of a sorted listing, and the others.
fn split_group<'a, 'b>(listing: &'b [&'a Listed], key: Key) -> (&'b [&'a Listed], &'b [&'a Listed]) {
    let length = listing.iter().take_while(|message| message.identity.key == key).count();
    listing.split_at(length)
}

/// Messages of both sides.
#[derive(Default)]
struct Sides<'a> {
    source: Vec<&'a Listed>,
    destination: Vec<&'a Listed>,
}

/// Takes messages with equal values of `value` together, as many as there are on both sides; among equals by order of UID.
/// A message without a value stays.
fn join<'a, V: Ord>(
    sides: &mut Sides<'a>,
    source_value: impl Fn(&Listed) -> Option<V>,
    destination_value: impl Fn(&Listed) -> Option<V>,
) -> Vec<(&'a Listed, &'a Listed)> {
    sides.source.sort_by_cached_key(|message| (source_value(message), message.uid));
    sides.destination.sort_by_cached_key(|message| (destination_value(message), message.uid));
    let mut pairs = Vec::new();
    let mut theirs = std::mem::take(&mut sides.destination).into_iter().peekable();
    let (left, their_left) = (&mut Vec::new(), &mut Vec::new());
    for our in std::mem::take(&mut sides.source) {
        let value = source_value(our);
        while let Some(lower) = theirs.next_if(|their| destination_value(their) < value) {
            their_left.push(lower);
        }
        match theirs.next_if(|their| value.is_some() && destination_value(their) == value) {
            Some(their) => pairs.push((our, their)),
            None => left.push(our),
        }
    }
    their_left.extend(theirs);
    *sides = Sides { source: std::mem::take(left), destination: std::mem::take(their_left) };
    pairs
}

struct Matcher<'a> {
    rules: &'a PlanRules,
    answers: &'a Answers,
    matching: Matching,
    left: Sides<'a>,
}

impl<'a> Matcher<'a> {
    /// Matches the messages of one key, both sides sorted by size and UID.
    fn group(&mut self, source: &[&'a Listed], destination: &[&'a Listed]) {
        match (source, destination) {
            ([], _) | (_, []) => self.leave(source, destination),
            ([our], [their]) => self.pair(our, their, of_size(our, their)),
            _ => {
                let mut sides = Sides { source: source.to_vec(), destination: destination.to_vec() };
                let same_size = join(&mut sides, |our| Some(our.size), |their| Some(their.size));
                if sides.source.is_empty() && !self.matters(&same_size, &sides.destination) {
                    for (our, their) in same_size {
                        self.pair(our, their, How::Key);
                    }
                    return self.leave(&[], &sides.destination);
                }
                // Not every source message has a copy of its size: were one taken for the copy of another it would be
                // lost. Or it matters which of several is the copy. So all of them are read.
                self.read_group(Sides { source: source.to_vec(), destination: destination.to_vec() });
            }
        }
    }

    /// Whether it makes a difference which message of one size belongs to which: where flags would be stored on the copy
    /// of another, or a copy that is left over would go.
    fn matters(&self, pairs: &[(&Listed, &Listed)], left: &[&Listed]) -> bool {
        let mut rivals: HashMap<u64, usize> = HashMap::new();
        for their in pairs.iter().map(|(_, their)| their).chain(left) {
            *rivals.entry(their.size).or_default() += 1;
        }
        let has_rivals = |their: &Listed| rivals.get(&their.size).is_some_and(|rivals| *rivals > 1);
        let taken: HashSet<u64> = pairs.iter().map(|(_, their)| their.size).collect();
        pairs.iter().any(|(our, their)| our.flags != their.flags && has_rivals(their))
            || self.rules.delete2 && left.iter().any(|left| taken.contains(&left.size))
    }

    /// Matches the messages of one key by what is known of their content.
    fn read_group(&mut self, mut sides: Sides<'a>) {
        let answers = self.answers;
        let our_digest = |our: &Listed| answers.digest(Side::Source, our.uid);
        let their_digest = |their: &Listed| answers.digest(Side::Destination, their.uid);
        let questions = &mut self.matching.questions;
        questions
            .digests_source
            .extend(sides.source.iter().filter(|m| our_digest(m).is_none()).map(|m| m.uid));
        let unread = sides.destination.iter().filter(|their| their_digest(their).is_none());
        questions.digests_destination.extend(unread.map(|their| their.uid));
        let known = sides.source.iter().all(|our| our_digest(our).is_some())
            && sides.destination.iter().all(|their| their_digest(their).is_some());
        if !known {
            self.matching.doubtful.extend(sides.source.iter().map(|our| our.uid));
        }

        // Among equals, who has the same flags belongs together: nothing is to be stored then. Where duplicates are not
        // copied, the first one has the copy.
        let flags = |message: &Listed| if self.rules.sync_duplicates { message.flags } else { 0 };
        let mut same = join(
            &mut sides,
            |our| our_digest(our).map(|digest| (digest, flags(our))),
            |their| their_digest(their).map(|digest| (digest, flags(their))),
        );
        same.extend(join(&mut sides, our_digest, their_digest));
        // What is on both sides is settled: one more of it here is a duplicate, one more over there a second copy of the
        // same message, and never the copy of another one.
        let settled: HashSet<Digest> = same.iter().filter_map(|(our, _)| our_digest(our)).collect();
        let is_settled = |digest: Option<Digest>| digest.is_some_and(|digest| settled.contains(&digest));
        for (our, their) in &same {
            self.pair(our, their, How::Digest);
        }
        let (spare, ours) = sides.source.into_iter().partition(|our| is_settled(our_digest(our)));
        let (their_spare, theirs) =
            sides.destination.into_iter().partition(|their| is_settled(their_digest(their)));
        let (spare, their_spare): (Vec<_>, Vec<_>) = (spare, their_spare);
        self.leave(&spare, &their_spare);

        let mut sides = Sides { source: ours, destination: theirs };
        for (our, their) in join(&mut sides, |our| Some(our.size), |their| Some(their.size)) {
            self.pair(our, their, How::Key);
        }
        sides.destination.sort_unstable_by_key(|their| their.uid);
        sides.source.sort_by_cached_key(|our| (our_digest(our), our.uid));
        // Where there are fewer copies than messages, and duplicates are not copied, the others have them.
        let surplus = !self.rules.sync_duplicates && sides.source.len() > sides.destination.len();
        let mut above = None;
        let mut ours: Vec<(bool, u32, &Listed)> = Vec::with_capacity(sides.source.len());
        for our in sides.source {
            let digest = our_digest(our);
            let duplicate = surplus && digest.is_some() && digest == above;
            above = digest;
            ours.push((duplicate, our.uid, our));
        }
        ours.sort_unstable_by_key(|(duplicate, uid, _)| (*duplicate, *uid));
        let mut theirs = sides.destination.into_iter();
        for (_, _, our) in ours {
            match theirs.next() {
                Some(their) => self.pair(our, their, of_size(our, their)),
                None => self.leave(&[our], &[]),
            }
        }
        self.leave(&[], theirs.as_slice());
    }

    fn pair(&mut self, our: &Listed, their: &Listed, how: How) {
        self.matching.pairs.push(Pair { source: our.uid, destination: their.uid, how });
    }

    fn leave(&mut self, source: &[&'a Listed], destination: &[&'a Listed]) {
        self.left.source.extend(source);
        self.left.destination.extend(destination);
    }

    /// Pairs what is left where the Message-Id is unique on both sides and Date, From and Subject agree.
    fn adopt(&mut self, source: &[Listed], destination: &[Listed]) {
        let ids = |left: &[&Listed]| {
            let with_id = left.iter().filter(|message| message.identity.message_id != 0);
            let mut ids: Vec<(u64, u32)> = with_id.map(|m| (m.identity.message_id, m.uid)).collect();
            ids.sort_unstable();
            ids
        };
        let (ours, theirs) = (ids(&self.left.source), ids(&self.left.destination));
        let mut candidates: Vec<Candidate> = Vec::new();
        for (id, our) in ours {
            let at = theirs.partition_point(|(other, _)| *other < id);
            if let Some((_, their)) = theirs.get(at).filter(|(other, _)| *other == id) {
                candidates.push(Candidate { id, source: our, destination: *their, seen: [0; 2] });
            }
        }
        candidates.dedup_by_key(|candidate| candidate.id);
        if candidates.is_empty() {
            return;
        }
        // Unique in the folder, not only among what is left.
        for (side, listing) in [source, destination].into_iter().enumerate() {
            for message in listing {
                if let Ok(at) = candidates.binary_search_by_key(&message.identity.message_id, |c| c.id)
                    && let Some(seen) =
                        candidates.get_mut(at).and_then(|candidate| candidate.seen.get_mut(side))
                {
                    *seen += 1;
                }
            }
        }
        let mut adopted = (Vec::new(), Vec::new());
        for Candidate { source, destination, .. } in candidates.into_iter().filter(|c| c.seen == [1, 1]) {
            let our = self.answers.rewrites.get(&(Side::Source, source));
            let their = self.answers.rewrites.get(&(Side::Destination, destination));
            if our.is_none() {
                self.matching.questions.rewrite_source.push(source);
            }
            if their.is_none() {
                self.matching.questions.rewrite_destination.push(destination);
            }
            if our.is_none() || their.is_none() {
                self.matching.doubtful.push(source);
            }
            if let (Some(Some(our)), Some(Some(their))) = (our, their)
                && our == their
            {
                self.matching.pairs.push(Pair { source, destination, how: How::Adopted });
                adopted.0.push(source);
                adopted.1.push(destination);
            }
        }
        adopted.0.sort_unstable();
        adopted.1.sort_unstable();
        self.left.source.retain(|message| adopted.0.binary_search(&message.uid).is_err());
        self.left.destination.retain(|message| adopted.1.binary_search(&message.uid).is_err());
    }

    fn finish(self) -> Matching {
        let Self { mut matching, left, .. } = self;
        matching.pairs.sort_unstable_by_key(|pair| (pair.source, pair.destination));
        matching.source_left = left.source.iter().map(|message| message.uid).collect();
        matching.destination_left = left.destination.iter().map(|message| message.uid).collect();
        let questions = &mut matching.questions;
        for uids in [
            &mut matching.source_left,
            &mut matching.destination_left,
            &mut matching.doubtful,
            &mut questions.digests_source,
            &mut questions.digests_destination,
            &mut questions.rewrite_source,
            &mut questions.rewrite_destination,
        ] {
            uids.sort_unstable();
        }
        matching
    }
}

/// Two messages that may belong together although their keys differ.
struct Candidate {
    id: u64,
    source: u32,
    destination: u32,
    /// How many messages on each side have this Message-Id.
    seen: [u32; 2],
}

fn of_size(our: &Listed, their: &Listed) -> How {
    if our.size == their.size { How::Key } else { How::KeyOtherSize }
}

#[cfg(test)]
mod tests;
