//! After the copy: is everything there that was acknowledged?
//!
//! A filter or a virus scanner may take away what APPEND has answered with OK, and a server may answer so without having
//! stored anything. Where each copy has a name, a [`glance`] tells. Else the targets are listed from the first new UID on: each
//! copy must be there under the UID that the server named, or with its size. Where that does not fit, or the source message
//! is to be deleted, its headers must be found.

use super::broken::{self, Broken};
use super::copy::doubt::unlisted;
use super::copy::look::{Seen, Unknown, look, look_once};
use super::glance::glance;
use super::read::{Answer, Part, Reading, read};
use super::run::Run;
use super::survey::{Listing, Opening, Row, Wanted, survey};
use super::work::{Copied, Job, Work};
use crate::error::{Error, ErrorKind, Side};
use crate::message::{Key, rewrite_key};
use crate::options::Delete1;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;

impl Run {
    /// Takes back the outcome of copies that are not there.
    ///
    /// # Errors
    ///
    /// Only what ends the run.
    pub(super) async fn confirm(&mut self, work: &mut Work) -> Result<(), Error> {
        if broken::is(Broken::CallsLostCopied) {
            return Ok(());
        }
        let mut asked: Vec<usize> = (0..work.targets.len())
            .filter(|at| work.targets[*at].problem.is_none() && !work.targets[*at].copied.is_empty())
            .collect();
        let deletes = self.options.delete1 != Delete1::No || self.options.expunge1;
        if !deletes && self.options.transforms.is_empty() {
            let dates = self.options.internal_dates;
            let whole = glance(&mut self.destination, &self.options.identity, work, &asked, dates).await?;
            asked.retain(|at| !whole.contains(at));
        }
        let wanted: Vec<Wanted> = asked
            .iter()
            .map(|at| Wanted {
                mailbox: work.targets[*at].name.clone(),
                opening: Opening::Examine,
                from: unlisted(&work.targets[*at].listing),
                rows: true,
                dates: true,
                headers: None,
            })
            .collect();
        let listings = survey(&mut self.destination, &wanted, |_, _, _| {}).await?;
        for (at, listing) in asked.into_iter().zip(listings) {
            match self.missing(work, at, &listing, deletes).await? {
                Ok(missing) => {
                    work.targets[at].no_deletes |= !missing.is_empty();
                    for copied in missing {
                        let error =
                            Error::new(ErrorKind::Append, "its copy was acknowledged, but is not there")
                                .on(Side::Destination)
                                .in_folder(&*work.jobs[copied.job()].source_text)
                                .for_message(copied.uid);
                        work.retract(copied, error);
                    }
                    self.note_lacking(work, at, &listing).await?;
                }
                Err(error) => {
                    let target = &mut work.targets[at];
                    target.no_deletes = true;
                    let error = error.on(Side::Destination).in_folder(&*target.text);
                    work.ledger
                        .fail(error.hint("the copies were acknowledged; the next run sees what is there"));
                }
            }
        }
        Ok(())
    }

    /// The copies that are not in a target; or why that cannot be known.
    async fn missing(
        &mut self,
        work: &Work,
        at: usize,
        listing: &Listing,
        deletes: bool,
    ) -> Result<Result<Vec<Copied>, Error>, Error> {
        let target = &work.targets[at];
        if let Some(problem) = &listing.problem {
            return Ok(Err(problem.clone()));
        }
        if listing.uid_validity != target.listing.uid_validity {
            let text = "the folder's UIDVALIDITY changed during the run: it is another folder now";
            return Ok(Err(Error::new(ErrorKind::Select, text)));
        }
        if !self.options.transforms.is_empty() {
            // The copies have other headers and sizes.
            let there = listing.rows.len() >= target.copied.len();
            let text = "fewer messages are there than copies were acknowledged";
            return Ok(if there { Ok(Vec::new()) } else { Err(Error::new(ErrorKind::Append, text)) });
        }
        let fits = missing_in(&listing.rows, &target.copied, &work.jobs).is_empty();
        if fits && !deletes {
            return Ok(Ok(Vec::new()));
        }
        let (link, rules) = (&mut self.destination, &self.options.identity);
        let above = unlisted(&target.listing);
        if fits
            && let Ok(seen) = look_once(link, rules, &target.name, listing.uid_validity, above).await?
            && missing_by_key(seen, &target.copied, &work.jobs).0.is_empty()
        {
            return Ok(Ok(Vec::new()));
        }
        Ok(match look(link, rules, &target.name, listing.uid_validity, above, false).await? {
            Ok(seen) => {
                let (missing, others) = missing_by_key(seen, &target.copied, &work.jobs);
                Ok(self.rewritten(work, at, missing, others).await?)
            }
            Err(Unknown::Refused(why)) => Err(why),
            Err(Unknown::Changed) => Err(Error::new(ErrorKind::Select, "it is another folder by now")),
        })
    }

    /// Of copies that seem to be missing, those that are not among the others either: a server may have put a Received line of
    /// its own in front. What the next run would adopt as a copy counts as one.
    async fn rewritten(
        &mut self,
        work: &Work,
        at: usize,
        mut missing: Vec<Copied>,
        others: BTreeMap<u32, Seen>,
    ) -> Result<Vec<Copied>, Error> {
        let message_id = |seen: &Seen| seen.identity.map_or(0, |identity| identity.message_id);
        let ids: HashSet<u64> = others.values().map(message_id).filter(|id| *id != 0).collect();
        let may_be = |copied: &&Copied| {
            copied.identity(&work.jobs).is_some_and(|identity| ids.contains(&identity.message_id))
        };
        let mut here: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        for copied in missing.iter().filter(may_be) {
            here.entry(copied.job()).or_default().push(copied.uid);
        }
        if here.is_empty() {
            return Ok(missing);
        }
        let part = || Part::Fields(["Date", "From", "Subject"].map(str::to_owned).to_vec());
        let ours: Vec<Reading> = here
            .into_iter()
            .map(|(folder, mut uids)| {
                uids.sort_unstable();
                let job = &work.jobs[folder];
                let (mailbox, uid_validity) = (job.source.clone(), job.listing.uid_validity);
                Reading { folder, mailbox, uid_validity, uids, part: part() }
            })
            .collect();
        let target = &work.targets[at];
        let (mailbox, uid_validity) = (target.name.clone(), target.listing.uid_validity);
        let theirs = Reading {
            folder: at,
            mailbox,
            uid_validity,
            uids: others.keys().copied().collect(),
            part: part(),
        };
        let mut there: HashMap<(u64, [u8; 16]), usize> = HashMap::new();
        read(&mut self.destination, &[theirs], |_, uid, answer| {
            if let (Answer::Fields(header), Some(seen)) = (answer, others.get(&uid))
                && let Some(key) = rewrite_key(header)
            {
                *there.entry((message_id(seen), key)).or_default() += 1;
            }
        })
        .await?;
        let mut found: HashSet<(usize, u32)> = HashSet::new();
        read(&mut self.source, &ours, |folder, uid, answer| {
            if let (Answer::Fields(header), Some(identity)) = (answer, work.jobs[folder].identity(uid))
                && let Some(key) = rewrite_key(header)
                && take(&mut there, (identity.message_id, key))
            {
                found.insert((folder, uid));
            }
        })
        .await?;
        missing.retain(|copied| !found.contains(&(copied.job(), copied.uid)));
        Ok(missing)
    }
}

/// The copies that are neither under the UID that was named for them, nor there with their size.
fn missing_in(rows: &[Row], copied: &[Copied], jobs: &[Job]) -> Vec<Copied> {
    let mut there: BTreeMap<u32, u64> = rows.iter().map(|row| (row.uid, row.size)).collect();
    let unnamed: Vec<Copied> =
        copied.iter().filter(|copied| there.remove(&copied.named).is_none()).copied().collect();
    let mut sizes: HashMap<u64, usize> = HashMap::new();
    there.values().for_each(|size| *sizes.entry(*size).or_default() += 1);
    let size = |copied: &Copied| jobs[copied.job()].listing.row(copied.uid).map_or(0, |row| row.size);
    unnamed.into_iter().filter(|copied| !take(&mut sizes, size(copied))).collect()
}

/// The copies whose identity is not there; of those that are left, the ones whose UID is there are let pass: the server has
/// changed their headers. Also what is there and is none of the copies.
fn missing_by_key(
    seen: BTreeMap<u32, Seen>,
    copied: &[Copied],
    jobs: &[Job],
) -> (Vec<Copied>, BTreeMap<u32, Seen>) {
    let mut keys: HashMap<Key, Vec<u32>> = HashMap::new();
    for (uid, seen) in seen.iter().rev() {
        if let Some(identity) = seen.identity {
            keys.entry(identity.key).or_default().push(*uid);
        }
    }
    let mut there = seen;
    let left: Vec<Copied> = copied
        .iter()
        .filter(|copied| {
            let uid = copied.identity(jobs).and_then(|identity| keys.get_mut(&identity.key)?.pop());
            uid.is_none_or(|uid| there.remove(&uid).is_none())
        })
        .copied()
        .collect();
    let left = left.into_iter().filter(|copied| there.remove(&copied.named).is_none()).collect();
    (left, there)
}

/// Takes one of those that are counted under a key; whether there was one.
pub(super) fn take<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) -> bool {
    match counts.get_mut(&key) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    }
}
