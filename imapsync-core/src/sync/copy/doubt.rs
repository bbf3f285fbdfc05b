//! APPENDs whose reply was lost, or is not to be believed: the destination is looked at before anything is sent again.

use super::Copier;
use super::look::{Seen, Unknown, look};
use super::outflow::Member;
use crate::error::{Error, ErrorKind, Side};
use crate::imap::name::MailboxName;
use crate::message::{Digest, Identity, Key};
use crate::plan::Outcome;
use crate::sync::read::{Answer, Part, Reading, read};
use crate::sync::survey::Listing;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A message whose APPEND may have been applied.
#[derive(Debug)]
pub(super) struct Doubt {
    pub(super) member: Member,
    pub(super) target: usize,
    /// If it was applied, its UID is this or higher.
    pub(super) above: u32,
    /// What becomes of the message if it was not.
    pub(super) otherwise: Otherwise,
}

/// What becomes of a message in doubt that is not there.
#[derive(Debug)]
pub(super) enum Otherwise {
    /// Its reply was lost: it is sent again.
    Again,
    /// It was refused for a reason that may pass: it is sent again.
    Later(Error),
    /// It was refused, perhaps for its flags: it is sent again without these.
    Plain,
    /// The group that it travelled in was refused, perhaps for another one's sake: it is sent again among fewer.
    Fewer,
    /// It was refused for good.
    Failed(Error),
}

impl Otherwise {
    /// Whether the server has said that it is done with it: then nothing is still on its way.
    fn is_answered(&self) -> bool {
        matches!(self, Self::Plain | Self::Fewer | Self::Failed(_))
    }
}

/// From where on a target's UIDs are not accounted for. What the server says about UIDs is believed only as far as the
/// messages under them agree.
#[derive(Debug)]
pub(super) struct Floor {
    /// All APPENDs acknowledged so far have lower UIDs, or are counted in `named` or `unnamed`.
    uid: u32,
    /// The message below the floor that made it rise: found there, the floor is right.
    witness: Option<(u32, Key)>,
    /// Acknowledged copies at or above the floor, where the server named them.
    named: BTreeMap<u32, Key>,
    /// Acknowledged copies whose UID the server did not tell, by key.
    unnamed: HashMap<Key, usize>,
    /// Copies are in doubt above the floor: it must not rise over them.
    held: bool,
    /// Several connections append at a time: no order of replies tells anything, and what was copied is counted only when
    /// it is asked for.
    crossed: bool,
}

impl Floor {
    /// UIDNEXT is not asked: it may be anything, and what was not listed is either new or not there.
    pub(super) fn new(listing: &Listing) -> Self {
        Self {
            uid: unlisted(listing),
            witness: None,
            named: BTreeMap::new(),
            unnamed: HashMap::new(),
            held: false,
            crossed: false,
        }
    }

    /// From now on a second connection appends to the folder.
    pub(super) fn cross(&mut self) {
        self.crossed = true;
    }

    /// Replies in the order of sending raise the floor: what is still in flight gets higher UIDs.
    pub(super) fn acknowledged(&mut self, uid: Option<u32>, identity: Option<Identity>, in_order: bool) {
        let Some(Identity { key, .. }) = identity else { return };
        if self.crossed {
            return;
        }
        let may_rise = in_order && !self.held && self.named.is_empty() && self.unnamed.is_empty();
        match uid {
            Some(uid) if may_rise && uid >= self.uid => {
                self.uid = uid.saturating_add(1);
                self.witness = Some((uid, key));
            }
            Some(uid) => {
                self.named.insert(uid, key);
            }
            None => *self.unnamed.entry(key).or_default() += 1,
        }
    }

    /// An APPEND came into doubt; from where on it is to be looked for.
    pub(super) fn hold(&mut self) -> u32 {
        self.held = true;
        self.witness.map_or(self.uid, |(uid, _)| uid)
    }

    /// Whether the message that made the floor rise is where it should be.
    fn is_sound(&self, seen: &BTreeMap<u32, Seen>) -> bool {
        self.witness.is_none_or(|(uid, key)| is_at(seen, uid, key))
    }
}

/// The first UID that the listing does not reach.
pub(in crate::sync) fn unlisted(listing: &Listing) -> u32 {
    listing.rows.last().map_or(1, |row| row.uid.saturating_add(1))
}

fn is_at(seen: &BTreeMap<u32, Seen>, uid: u32, key: Key) -> bool {
    seen.get(&uid).and_then(|seen| seen.identity).is_some_and(|identity| identity.key == key)
}

impl Copier<'_> {
    /// Looks for every copy in doubt. What is there is done, what is not is sent again.
    pub(super) async fn settle_doubts(&mut self) -> Result<(), Error> {
        if let Some(rest) = self.resume.take_if(|rest| rest.destination) {
            rest.until.await;
        }
        let mut by_target: BTreeMap<usize, Vec<Doubt>> = BTreeMap::new();
        for doubt in std::mem::take(&mut self.doubts) {
            by_target.entry(doubt.target).or_default().push(doubt);
        }
        for (target_at, doubts) in by_target {
            let above = doubts.iter().map(|doubt| doubt.above).min().unwrap_or(1);
            let still = doubts.iter().all(|doubt| doubt.otherwise.is_answered());
            let members: Vec<(Member, Otherwise)> =
                doubts.into_iter().map(|doubt| (doubt.member, doubt.otherwise)).collect();
            let looked = self.look(target_at, above, still).await?;
            self.lane.destination_open = None;
            match looked {
                Ok(seen) => self.settle_by(target_at, members, seen).await?,
                Err(Unknown::Changed) => self.target_changed(target_at),
                Err(Unknown::Refused(why)) => {
                    for (Member { job, uid, .. }, otherwise) in members {
                        if let Otherwise::Failed(_) = otherwise {
                            self.not_there(job, uid, otherwise);
                            continue;
                        }
                        let error = why
                            .clone()
                            .with_kind(ErrorKind::Append)
                            .on(Side::Destination)
                            .in_folder(&*self.work.jobs[job].source_text)
                            .for_message(uid)
                            .hint("the reply to its copy was lost; the next run sees whether it is there");
                        self.work.settle(job, uid, Outcome::Failed(error));
                    }
                }
            }
            if let Some(floor) = self.floors.get_mut(&target_at) {
                floor.held = false;
            }
        }
        // A round that settles something is progress; how often one message is tried is bounded by itself.
        self.lane.destination.progress();
        Ok(())
    }

    /// What came into a target since, once it stands still, if it does not already. Where the server's UIDs prove wrong, or
    /// several connections have appended, everything that was not listed is looked at.
    async fn look(
        &mut self,
        target_at: usize,
        above: u32,
        still: bool,
    ) -> Result<Result<BTreeMap<u32, Seen>, Unknown>, Error> {
        let target = &self.work.targets[target_at];
        let (name, uid_validity) = (target.name.clone(), target.listing.uid_validity);
        let rules = &self.options.identity;
        let crossed = self.floors.get(&target_at).is_some_and(|floor| floor.crossed);
        if !crossed {
            let seen = match look(self.lane.destination, rules, &name, uid_validity, above, still).await? {
                Ok(seen) => seen,
                Err(unknown) => return Ok(Err(unknown)),
            };
            if self.floors.get(&target_at).is_none_or(|floor| floor.is_sound(&seen)) {
                return Ok(Ok(seen));
            }
        }
        let mut floor = Floor { held: true, ..Floor::new(&target.listing) };
        for copied in &target.copied {
            floor.acknowledged(None, copied.identity(&self.work.jobs), false);
        }
        let from = floor.uid;
        self.floors.insert(target_at, Floor { crossed, ..floor });
        look(self.lane.destination, rules, &name, uid_validity, from, still).await
    }

    /// Settles the copies of one target by what was seen there.
    async fn settle_by(
        &mut self,
        target_at: usize,
        members: Vec<(Member, Otherwise)>,
        seen: BTreeMap<u32, Seen>,
    ) -> Result<(), Error> {
        let mut free = self.unaccounted(target_at, seen);
        let (members, otherwise): (Vec<Member>, Vec<Otherwise>) = members.into_iter().unzip();
        let mut settled: Vec<(Member, u32)> = Vec::new();
        let digests = self.digests_of_twins(target_at, &members, &free).await?;
        let mut open: Vec<(Member, u64, Otherwise)> = members
            .into_iter()
            .zip(otherwise)
            .map(|(member, otherwise)| (member, self.size(&member), otherwise))
            .collect();
        // The same content; else the same size; else the same key, in the order of sending.
        type Fits<'a> = &'a dyn Fn(&Member, u64, u32, &Seen) -> bool;
        let by_digest: Fits<'_> = &|member, _, uid, _| {
            let ours = digests.get(&(Side::Source, member.job, member.uid));
            ours.is_some() && ours == digests.get(&(Side::Destination, target_at, uid))
        };
        let by_size: Fits<'_> = &|_, size, _, seen| seen.size == size;
        let by_key: Fits<'_> = &|_, _, _, _| true;
        for fits in [by_digest, by_size, by_key] {
            open.retain(|(member, size, _)| {
                let Some(uids) = member.identity.and_then(|identity| free.get_mut(&identity.key)) else {
                    return true;
                };
                let Some(at) = uids.iter().position(|(uid, seen)| fits(member, *size, *uid, seen)) else {
                    return true;
                };
                let (uid, _) = uids.remove(at);
                settled.push((*member, uid));
                false
            });
        }
        for (Member { job, uid, identity, .. }, destination) in settled {
            if let (Some(floor), Some(identity)) = (self.floors.get_mut(&target_at), identity) {
                floor.named.insert(destination, identity.key);
            }
            self.copied(job, uid, Some(destination));
        }
        let mut again: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        for (Member { job, uid, .. }, _, otherwise) in open {
            if self.not_there(job, uid, otherwise) {
                again.entry(job).or_default().push(uid);
            }
        }
        for (job, uids) in again {
            self.put_back(job, uids);
        }
        Ok(())
    }

    /// A message was not stored: whether it is to be put back, without blame, with others.
    pub(super) fn not_there(&mut self, job: usize, uid: u32, otherwise: Otherwise) -> bool {
        match otherwise {
            // A server that asks to wait blames no message, for a while.
            Otherwise::Later(why) if why.retry_after().is_some() && self.may_wait(job, uid) => {
                return true;
            }
            Otherwise::Plain | Otherwise::Fewer => return true,
            Otherwise::Later(why) => self.again(job, uid, &why),
            Otherwise::Again => {
                let text = "the connection was lost each time the message was sent";
                let why = Error::new(ErrorKind::ConnectionLost, text)
                    .on(Side::Destination)
                    .in_folder(&*self.work.jobs[job].source_text)
                    .for_message(uid);
                self.again(job, uid, &why);
            }
            Otherwise::Failed(error) => self.work.settle(job, uid, Outcome::Failed(error)),
        }
        false
    }

    /// What was seen and is neither a copy that was acknowledged nor older than this run.
    fn unaccounted(&self, target_at: usize, seen: BTreeMap<u32, Seen>) -> HashMap<Key, Vec<(u32, Seen)>> {
        let listing = &self.work.targets[target_at].listing;
        let floor = self.floors.get(&target_at);
        let mut free: HashMap<Key, Vec<(u32, Seen)>> = HashMap::new();
        let mut unnamed: HashMap<Key, usize> = floor.map_or_else(HashMap::new, |floor| floor.unnamed.clone());
        let mut known: BTreeSet<u32> = BTreeSet::new();
        for (uid, key) in
            floor.iter().flat_map(|floor| floor.witness.iter().copied().chain(floor.named.clone()))
        {
            if is_at(&seen, uid, key) {
                known.insert(uid);
            } else {
                *unnamed.entry(key).or_default() += 1;
            }
        }
        for (uid, seen) in seen {
            let known = known.contains(&uid) || listing.row(uid).is_some();
            if let (false, Some(identity)) = (known, seen.identity) {
                free.entry(identity.key).or_default().push((uid, seen));
            }
        }
        for (key, count) in unnamed {
            if let Some(uids) = free.get_mut(&key) {
                uids.drain(..count.min(uids.len()));
            }
        }
        free
    }

    /// Where several messages with one key and one size are in doubt and only some of them are there, their contents
    /// decide: reads them on both sides.
    async fn digests_of_twins(
        &mut self,
        target_at: usize,
        members: &[Member],
        free: &HashMap<Key, Vec<(u32, Seen)>>,
    ) -> Result<HashMap<(Side, usize, u32), Digest>, Error> {
        let mut groups: BTreeMap<(Key, u64), Vec<&Member>> = BTreeMap::new();
        for member in members {
            if let Some(identity) = member.identity {
                groups.entry((identity.key, self.size(member))).or_default().push(member);
            }
        }
        let mut here: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        let mut there: Vec<u32> = Vec::new();
        for ((key, size), group) in groups {
            let candidates: Vec<u32> = free.get(&key).map_or_else(Vec::new, |uids| {
                uids.iter().filter(|(_, seen)| seen.size == size).map(|(uid, _)| *uid).collect()
            });
            if !candidates.is_empty() && candidates.len() < group.len() {
                there.extend(candidates);
                for member in group {
                    here.entry(member.job).or_default().push(member.uid);
                }
            }
        }
        let mut digests = HashMap::new();
        if there.is_empty() {
            return Ok(digests);
        }
        let reading = |folder, mailbox: &MailboxName, uid_validity, uids| Reading {
            folder,
            mailbox: mailbox.clone(),
            uid_validity,
            uids,
            part: Part::Digests,
        };
        let ours: Vec<Reading> = here
            .into_iter()
            .map(|(at, uids)| {
                let job = &self.work.jobs[at];
                reading(at, &job.source, job.listing.uid_validity, uids)
            })
            .collect();
        let target = &self.work.targets[target_at];
        let theirs = [reading(target_at, &target.name, target.listing.uid_validity, there)];
        for (side, link, readings) in [
            (Side::Source, &mut *self.lane.source, ours.as_slice()),
            (Side::Destination, &mut *self.lane.destination, &theirs),
        ] {
            read(link, readings, |at, uid, answer| {
                if let Answer::Digests { whole, .. } = answer {
                    digests.insert((side, at, uid), whole);
                }
            })
            .await?;
        }
        self.lane.source_open = None;
        Ok(digests)
    }

    fn size(&self, member: &Member) -> u64 {
        self.work.jobs[member.job].listing.row(member.uid).map_or(0, |row| row.size)
    }
}
