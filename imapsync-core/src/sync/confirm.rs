//! After the copy: is everything there that was acknowledged?
//!
//! A filter or a virus scanner may take away what APPEND has answered with OK, and a server may answer so without having
//! stored anything. The targets are listed from the first new UID on: each copy must be there under the UID that the server
//! named, or with its size. Where that does not fit, or the source message is to be deleted, its headers must be found.

use super::broken::{self, Broken};
use super::copy::doubt::unlisted;
use super::copy::look::{Seen, Unknown, look, look_once};
use super::run::Run;
use super::survey::{Listing, Opening, Row, Wanted, survey};
use super::work::{Copied, Job, Work};
use crate::error::{Error, ErrorKind, Side};
use crate::message::Key;
use crate::options::Delete1;
use std::collections::{BTreeMap, HashMap};

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
        let asked: Vec<usize> = (0..work.targets.len())
            .filter(|at| work.targets[*at].problem.is_none() && !work.targets[*at].copied.is_empty())
            .collect();
        let wanted: Vec<Wanted> = asked
            .iter()
            .map(|at| Wanted {
                mailbox: work.targets[*at].name.clone(),
                opening: Opening::Examine,
                from: unlisted(&work.targets[*at].listing),
                rows: true,
                headers: None,
            })
            .collect();
        let listings = survey(&mut self.destination, &wanted, |_, _, _| {}).await?;
        let deletes = self.options.delete1 != Delete1::No || self.options.expunge1;
        for (at, listing) in asked.into_iter().zip(listings) {
            match self.missing(work, at, listing, deletes).await? {
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
        listing: Listing,
        deletes: bool,
    ) -> Result<Result<Vec<Copied>, Error>, Error> {
        let target = &work.targets[at];
        if let Some(problem) = listing.problem {
            return Ok(Err(problem));
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
            && missing_by_key(seen, &target.copied, &work.jobs).is_empty()
        {
            return Ok(Ok(Vec::new()));
        }
        Ok(match look(link, rules, &target.name, listing.uid_validity, above).await? {
            Ok(seen) => Ok(missing_by_key(seen, &target.copied, &work.jobs)),
            Err(Unknown::Refused(why)) => Err(why),
            Err(Unknown::Changed) => Err(Error::new(ErrorKind::Select, "it is another folder by now")),
        })
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
/// changed their headers.
fn missing_by_key(seen: BTreeMap<u32, Seen>, copied: &[Copied], jobs: &[Job]) -> Vec<Copied> {
    let mut keys: HashMap<Key, Vec<u32>> = HashMap::new();
    for (uid, seen) in seen.iter().rev() {
        if let Some(identity) = seen.identity {
            keys.entry(identity.key).or_default().push(*uid);
        }
    }
    let mut there = seen;
    let key = |copied: &Copied| {
        let job = &jobs[copied.job()];
        job.at(copied.uid).and_then(|at| job.identities.get(at).copied().flatten()).map(|one| one.key)
    };
    let left: Vec<Copied> = copied
        .iter()
        .filter(|copied| {
            let uid = key(copied).and_then(|key| keys.get_mut(&key)?.pop());
            uid.is_none_or(|uid| there.remove(&uid).is_none())
        })
        .copied()
        .collect();
    left.into_iter().filter(|copied| there.remove(&copied.named).is_none()).collect()
}

fn take(counts: &mut HashMap<u64, usize>, size: u64) -> bool {
    match counts.get_mut(&size) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    }
}
