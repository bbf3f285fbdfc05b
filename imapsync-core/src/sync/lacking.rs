//! After the copy: has each copy the flags and the date that it was sent with?
//!
//! Some servers drop the flags of an APPEND without a word; STORE can bring them. The date cannot be changed any more. What
//! is there is read anyhow, to see that all copies are there; only where flags are lacking is it found out whose.

use super::confirm::take;
use super::copy::doubt::unlisted;
use super::copy::look::{Seen, look_once};
use super::run::Run;
use super::survey::{Listing, Row};
use super::work::{Bare, Copied, Work};
use crate::error::{Error, Side};
use crate::imap::flag::{Flags, SystemFlags};
use crate::message::Key;
use std::collections::{BTreeMap, HashMap, HashSet};

impl Run {
    /// Notes the copies in a target that lack system flags, and tells where dates are others. Keywords are not looked at:
    /// whether the folder can hold them is not known for sure; the next run compares all.
    ///
    /// # Errors
    ///
    /// Only what ends the run.
    pub(super) async fn note_lacking(
        &mut self,
        work: &mut Work,
        at: usize,
        listing: &Listing,
    ) -> Result<(), Error> {
        let target = &work.targets[at];
        let copied = || target.copied.iter().filter(|copied| work.jobs[copied.job()].is_safe(copied.uid));
        self.tell_dates(work, at, listing, copied());
        let there = listing.rows.iter().filter_map(|row| row.flags.as_ref()).map(system);
        let sent = copied().map(|copied| system(&work.harmless_flags(copied.job(), copied.uid)));
        let unfound = |copied: &Copied| {
            work.jobs[copied.job()].bare.get(&copied.uid).is_some_and(|bare| bare.copy.is_none())
        };
        if is_part(sent, there) && !copied().any(unfound) {
            return Ok(());
        }
        let (rules, above) = (&self.options.identity, unlisted(&target.listing));
        let looked =
            look_once(&mut self.destination, rules, &target.name, listing.uid_validity, above).await?;
        let copies = by_key(work, copied(), &looked.unwrap_or_else(|_| BTreeMap::new()));
        let mut bare: Vec<(Copied, Bare)> = Vec::new();
        for copied in copied() {
            let sent = work.harmless_flags(copied.job(), copied.uid);
            let copy = copies.get(&(copied.job(), copied.uid)).copied();
            match copy.and_then(|copy| listing.row(copy)) {
                Some(Row { uid, flags: Some(has), .. }) => {
                    let lacks = system(has) != system(&sent) || unfound(copied);
                    bare.extend(lacks.then(|| (*copied, Bare { copy: Some(*uid), has: has.clone() })));
                }
                // It may be one of those.
                _ if !system(&sent).is_empty() => {
                    bare.push((*copied, Bare { copy: None, has: Flags::new() }));
                }
                _ => {}
            }
        }
        for (copied, bare) in bare {
            let known = work.jobs[copied.job()].bare.entry(copied.uid).or_insert_with(|| bare.clone());
            if known.copy.is_none() && bare.copy.is_some() {
                *known = bare;
            }
        }
        Ok(())
    }

    fn tell_dates<'a>(
        &self,
        work: &Work,
        at: usize,
        listing: &Listing,
        copied: impl Iterator<Item = &'a Copied>,
    ) {
        let sent = copied.filter_map(|copied| {
            let row = work.jobs[copied.job()].listing.row(copied.uid)?;
            row.date.filter(|_| self.options.internal_dates).map(|date| date.clamped().seconds())
        });
        let there = listing.rows.iter().filter_map(|row| row.date).map(|date| date.seconds());
        if !is_part(sent, there) {
            let text = format!("{}: the server gives copies dates of its own", work.targets[at].text);
            work.ledger.notice(Some(Side::Destination), text);
        }
    }
}

/// What is compared: a mark for deletion is not sent to every server.
pub(super) fn system(flags: &Flags) -> SystemFlags {
    flags.system() - SystemFlags::DELETED
}

/// Whether everything of the first is in the second, as often.
fn is_part<T: std::hash::Hash + Eq>(one: impl Iterator<Item = T>, other: impl Iterator<Item = T>) -> bool {
    let mut counts: HashMap<T, usize> = HashMap::new();
    other.for_each(|item| *counts.entry(item).or_default() += 1);
    one.into_iter().all(|item| take(&mut counts, item))
}

/// Which copy is whose, by job and UID: only where one message of a key is there for one that was copied. What the server
/// says of UIDs is not asked.
fn by_key<'a>(
    work: &Work,
    copied: impl Iterator<Item = &'a Copied>,
    seen: &BTreeMap<u32, Seen>,
) -> HashMap<(usize, u32), u32> {
    let mut there: HashMap<Key, u32> = HashMap::new();
    let mut twins: HashSet<Key> = HashSet::new();
    for (uid, seen) in seen {
        if let Some(identity) = seen.identity
            && there.insert(identity.key, *uid).is_some()
        {
            twins.insert(identity.key);
        }
    }
    let mut copies: HashMap<Key, (usize, u32)> = HashMap::new();
    for copied in copied {
        if let Some(identity) = copied.identity(&work.jobs)
            && copies.insert(identity.key, (copied.job(), copied.uid)).is_some()
        {
            twins.insert(identity.key);
        }
    }
    let single = copies.into_iter().filter(|(key, _)| !twins.contains(key));
    single.filter_map(|(key, copied)| Some((copied, *there.get(&key)?))).collect()
}
