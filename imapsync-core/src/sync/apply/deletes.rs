//! Deletes: what is safely over there goes from the source, what the source does not have goes from the destination.

use super::{Place, write};
use crate::error::{Error, ErrorKind, Side};
use crate::imap::backoff;
use crate::imap::capability::Capability;
use crate::imap::command::{Command, StoreAction};
use crate::imap::flag::Flags;
use crate::imap::response::{StatusKind, Untagged};
use crate::imap::uidset::UidSet;
use crate::options::{Delete1, SyncOptions};
use crate::plan::deletes::{self, Expunge};
use crate::sync::broken::{self, Broken};
use crate::sync::copy::doubt::unlisted;
use crate::sync::event::Event;
use crate::sync::link::Link;
use crate::sync::patience::Patience;
use crate::sync::read::SET_BYTES;
use crate::sync::survey::{Listing, Opening, Wanted, survey};
use crate::sync::work::{Ledger, State, Work};
use std::collections::{BTreeMap, HashSet};

/// How often a folder is looked at, at most, in which others are at work.
const LOOKS: u32 = 5;

/// Deletes on the source what is safely on the destination, as the options ask.
///
/// # Errors
///
/// Only what ends the run.
pub(crate) async fn delete_source(
    link: &mut Link,
    options: &SyncOptions,
    work: &mut Work,
) -> Result<(), Error> {
    for at in 0..work.jobs.len() {
        let job = &work.jobs[at];
        // Where the target has become another folder, what was copied or found there may be gone with the old one.
        let target = &work.targets[job.target];
        let forbidden = job.no_deletes || target.no_deletes;
        if !job.listing.complete || !job.doubtful.is_empty() || target.problem.is_some() || forbidden {
            continue;
        }
        // A copy that lacks flags, and cannot be given them now, gets them from the next run.
        let unfound =
            job.bare.iter().filter(|(_, bare)| bare.copy.is_none_or(|copy| target.bare.contains(&copy)));
        let behind = job.pairs.iter().filter(|pair| target.bare.contains(&pair.destination));
        let bare: HashSet<u32> = unfound.map(|(uid, _)| *uid).chain(behind.map(|pair| pair.source)).collect();
        let safe =
            |uid| job.is_safe(uid) && !bare.contains(&uid) || broken::is(Broken::DeletesUnacknowledged);
        let there = job.listing.rows.iter().enumerate().filter(|(n, _)| job.states[*n] != State::Gone);
        let candidates = there.map(|(n, row)| deletes::SourceMessage {
            uid: row.uid,
            key: job.identities.get(n).copied().flatten().map(|identity| identity.key),
            // Flags that nobody could read are on no copy.
            safe: safe(row.uid) && row.flags.is_some(),
            marked: row.flags.as_ref().is_some_and(|flags| flags.contains("\\Deleted")),
        });
        let mut marks = UidSet::new();
        let mut expunges = UidSet::new();
        if options.delete1 != Delete1::No {
            for uid in deletes::delete1(candidates.clone()) {
                marks.insert(uid);
            }
            if options.delete1 == Delete1::Expunge {
                expunges = marks.clone();
            } else {
                // What bears the mark already needs no other one.
                let marked = candidates.clone().filter(|message| message.marked).map(|message| message.uid);
                marks = marks.difference(&marked.collect());
            }
        }
        if options.expunge1 {
            for uid in deletes::expunge1(candidates) {
                expunges.insert(uid);
            }
        }
        let place = Place {
            side: Side::Source,
            mailbox: job.source.clone(),
            text: job.source_text.clone(),
            uid_validity: job.listing.uid_validity,
            sizes: sizes(&job.listing, &expunges),
        };
        delete(link, &place, &marks, &expunges, &Own::default(), options.dry, &mut work.ledger).await?;
    }
    Ok(())
}

/// Deletes on the destination what no source message corresponds to.
///
/// # Errors
///
/// Only what ends the run.
pub(crate) async fn delete_destination(
    link: &mut Link,
    options: &SyncOptions,
    work: &mut Work,
) -> Result<(), Error> {
    for at in 0..work.targets.len() {
        let jobs: Vec<_> = work.jobs.iter().filter(|job| job.target == at).collect();
        let target = &work.targets[at];
        let complete = !jobs.is_empty()
            && target.listing.complete
            && target.problem.is_none()
            && jobs.iter().all(|job| job.listing.complete && !job.failed && job.doubtful.is_empty());
        let extra: UidSet =
            target.listing.rows.iter().map(|row| row.uid).filter(|uid| !target.taken.contains(uid)).collect();
        if extra.is_empty() || target.no_deletes {
            continue;
        }
        let (text, mailbox, uid_validity) =
            (target.text.clone(), target.name.clone(), target.listing.uid_validity);
        if !complete && !broken::is(Broken::DeletesDespiteFailures) {
            work.ledger.fail(
                Error::new(
                    ErrorKind::Delete,
                    "nothing is deleted: not every source message of this folder is known to be there",
                )
                .on(Side::Destination)
                .in_folder(&*text),
            );
            continue;
        }
        let sizes = sizes(&target.listing, &extra);
        let place = Place { side: Side::Destination, mailbox, text, uid_validity, sizes };
        let (from, copies) = (unlisted(&target.listing), target.copied.len());
        let own = Own { marked: target.marked.clone(), from, copies };
        delete(link, &place, &extra, &extra, &own, options.dry, &mut work.ledger).await?;
    }
    Ok(())
}

/// What this run has done in a folder before it deletes there. A replica that lags behind does not show it yet, and a plain
/// EXPUNGE would reach it all the same.
#[derive(Default)]
struct Own {
    /// What it has marked as deleted because the source has it so.
    marked: UidSet,
    /// Its copies have this UID or a higher one.
    from: u32,
    /// How many these are.
    copies: usize,
}

impl Own {
    /// Whether a listing has all copies.
    fn is_in(&self, listing: &Listing) -> bool {
        listing.rows.iter().filter(|row| row.uid >= self.from).count() >= self.copies
    }
}

fn sizes(listing: &Listing, uids: &UidSet) -> BTreeMap<u32, u64> {
    listing.rows.iter().filter(|row| uids.contains(row.uid)).map(|row| (row.uid, row.size)).collect()
}

/// Marks some messages `\Deleted` and expunges some, and nothing else.
async fn delete(
    link: &mut Link,
    place: &Place,
    marks: &UidSet,
    expunges: &UidSet,
    own: &Own,
    dry: bool,
    ledger: &mut Ledger,
) -> Result<(), Error> {
    let told = |ledger: &mut Ledger, uids: &UidSet, expunged: bool| {
        if !uids.is_empty() {
            let at = usize::from(place.side.number() - 1);
            if expunged || expunges.is_empty() {
                ledger.report.deleted[at] += uids.len();
            }
            if expunged && !ledger.report.dry {
                let removed = &mut ledger.removed[at];
                removed.messages += uids.len();
                let sizes = uids.iter().filter_map(|uid| place.sizes.get(&uid));
                removed.bytes = sizes.fold(removed.bytes, |sum, size| sum.saturating_add(*size));
            }
            let (side, folder, messages) = (place.side, place.text.clone(), uids.len());
            ledger.events.emit(|| Event::Deleted { side, folder, messages, expunged });
        }
    };
    let failed = |ledger: &mut Ledger, text: String, said: Option<String>| {
        let mut error = Error::new(ErrorKind::Delete, text).on(place.side).in_folder(&*place.text);
        if let Some(said) = said {
            error = error.server_said(said);
        }
        ledger.fail(error);
    };
    if marks.is_empty() && expunges.is_empty() {
        return Ok(());
    }
    if dry {
        told(ledger, if expunges.is_empty() { marks } else { expunges }, !expunges.is_empty());
        return Ok(());
    }
    let deleted = Flags::parse(["\\Deleted"]);
    let steps = marks.split(SET_BYTES);
    let store = |set: &UidSet| Command::UidStore {
        uids: set.clone(),
        action: StoreAction::Add,
        flags: deleted.clone(),
    };
    let mut marked = UidSet::new();
    match write(link, place, &steps, store).await? {
        Err(error) => {
            ledger.fail(error);
            return Ok(());
        }
        Ok(refusals) => {
            for (set, refusal) in steps.iter().zip(refusals) {
                match refusal {
                    None => set.ranges().iter().for_each(|(first, last)| marked.insert_range(*first, *last)),
                    Some(said) => {
                        failed(ledger, format!("could not mark messages {set} as deleted"), Some(said))
                    }
                }
            }
        }
    }
    told(ledger, &marked, false);
    if expunges.is_empty() {
        return Ok(());
    }
    // What could not be marked is not expunged; what was marked before the run is not ours to leave out.
    let unmarked = marks.difference(&marked);
    let expunges = expunges.difference(&unmarked);
    let uid_plus = link.ready().await?.capabilities().has(Capability::UIDPLUS);
    if uid_plus && !broken::is(Broken::ExpungesAll) {
        let steps = expunges.split(SET_BYTES);
        match write(link, place, &steps, |set| Command::UidExpunge(set.clone())).await? {
            Err(error) => ledger.fail(error),
            Ok(refusals) => {
                for (set, refusal) in steps.iter().zip(refusals) {
                    match refusal {
                        None => told(ledger, set, true),
                        Some(said) => failed(
                            ledger,
                            format!("could not expunge messages {set}; they stay marked"),
                            Some(said),
                        ),
                    }
                }
            }
        }
        return Ok(());
    }
    match expunge_all(link, place, &expunges, own).await? {
        Ok(()) => told(ledger, &expunges, true),
        Err(error) => ledger.fail(error),
    }
    Ok(())
}

/// EXPUNGE, on a server without UIDPLUS: only where it removes exactly these, which is looked at again before each try.
/// SEARCH is not asked what is marked: its index may lag behind, and it does not say how much it has looked through.
async fn expunge_all(
    link: &mut Link,
    place: &Place,
    expunges: &UidSet,
    own: &Own,
) -> Result<Result<(), Error>, Error> {
    let failed = |kind, text: &str| Error::new(kind, text).on(place.side).in_folder(&*place.text);
    let mut tried = false;
    let mut patience = Patience::default();
    let mut looks = 0;
    loop {
        looks += 1;
        let wanted = Wanted {
            mailbox: place.mailbox.clone(),
            opening: Opening::Select,
            from: 1,
            rows: true,
            dates: true,
            headers: None,
        };
        let listing = survey(link, &[wanted], |_, _, _| {}).await?.pop().unwrap_or_default();
        let session = link.reconnections;
        if let Some(problem) = listing.problem {
            return Ok(Err(problem.on(place.side).in_folder(&*place.text)));
        }
        if listing.uid_validity != place.uid_validity {
            let text = "the folder's UIDVALIDITY changed during the run; nothing is expunged in it";
            return Ok(Err(failed(ErrorKind::Select, text)));
        }
        if !listing.complete || !own.is_in(&listing) || listing.rows.iter().any(|row| row.flags.is_none()) {
            let text = "could not find out which messages are marked as deleted; nothing is expunged";
            return Ok(Err(failed(ErrorKind::Delete, text)));
        }
        let marked =
            listing.rows.iter().filter(|row| row.flags.as_ref().is_some_and(|f| f.contains("\\Deleted")));
        let found = UidSet::from_uids(marked.map(|row| row.uid).chain(own.marked.iter()));
        if tried && expunges.difference(&found) == *expunges {
            // Its reply was lost, and they are gone.
            return Ok(Ok(()));
        }
        if let Expunge::Refused(why) = deletes::without_uidplus(expunges, &found)
            && !broken::is(Broken::ExpungesAll)
        {
            let text =
                format!("messages {expunges} stay marked as deleted: the server has no UIDPLUS, and {why}");
            return Ok(Err(failed(ErrorKind::Delete, &text)));
        }
        link.ready().await?;
        if link.reconnections != session {
            continue;
        }
        let Some(connection) = link.connection() else { continue };
        // What has come since the folder was opened, or has been marked, would go too.
        let mut news = false;
        let seen = listing.exists;
        let status =
            connection.call(Command::Noop, |data| news |= !matches!(data, Untagged::Exists(n) if n == seen));
        match status.await {
            Ok(_) if news && looks < LOOKS => continue,
            Ok(_) if news => {
                let text = "others are at work in the folder again and again; nothing is expunged";
                return Ok(Err(failed(ErrorKind::Delete, text)));
            }
            Ok(_) => {}
            Err(error) => {
                link.lost(error)?;
                continue;
            }
        }
        tried = true;
        match connection.call(Command::Expunge, |_| {}).await {
            Ok(status) if status.kind == StatusKind::Ok => return Ok(Ok(())),
            Ok(status) if patience.allows(backoff::wait(&status)) => drop(patience.rest().await),
            Ok(status) => {
                let said = connection.said(&status);
                return Ok(Err(failed(ErrorKind::Delete, "could not expunge").server_said(said)));
            }
            Err(error) => link.lost(error)?,
        }
    }
}
