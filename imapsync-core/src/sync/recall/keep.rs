//! At the end of a run: what is to be remembered of it.

use super::Recall;
use crate::error::Side;
use crate::imap::name::MailboxName;
use crate::message::flags;
use crate::plan::{Tally, TallyBytes};
use crate::state::{Changes, Known, KnownIdentity, Mailbox, Rows, Summary};
use crate::sync::discover::Account as Found;
use crate::sync::event::Event;
use crate::sync::work::{Copied, Job, Mode, State, Target, Work};
use std::collections::BTreeSet;

impl Recall {
    /// Remembers the folders of both sides as they were found, and what was done there; `stopped`: not all of it was. Trouble is
    /// told and no reason to stop.
    pub(in crate::sync) async fn keep(&self, work: &mut Work, found: (&Found, &Found), stopped: bool) {
        let Some(store) = self.store.as_ref().filter(|_| !work.ledger.report.dry) else { return };
        // As they stand in the folder: then none of them has to be kept a second time.
        work.targets.iter_mut().for_each(|target| target.copied.sort_unstable_by_key(|copied| copied.named));
        let changes = self.changes(work, found, stopped);
        if let Err(error) = store.save(changes).await {
            work.ledger.events.emit(|| Event::Notice { side: None, text: error.to_string() });
        }
    }

    /// Lets the next run have the state.
    pub(in crate::sync) async fn close(&self) {
        if let Some(store) = &self.store
            && let Err(error) = store.close().await
        {
            tracing::info!("state: {error}");
        }
    }

    fn changes<'a>(&self, work: &'a Work, found: (&Found, &Found), stopped: bool) -> Changes<'a> {
        let mut mailboxes = Vec::new();
        for (at, target) in work.targets.iter().enumerate() {
            let numbered = || work.jobs.iter().enumerate().filter(move |(_, job)| job.target == at);
            let jobs = || numbered().map(|(_, job)| job);
            // A folder without UIDs that last, or of which not all is known, is not remembered.
            if target.untouched.is_some() || target.problem.is_some() || target.listing.uid_validity == 0 {
                continue;
            }
            let whole = target.listing.complete || jobs().all(|job| job.mode == Mode::SinglePass);
            if !whole || target.listing.uid_next == 0 {
                continue;
            }
            // Flags that were to be merged and are not stored: what is remembered stays their base.
            let unmerged = self.merging && (stopped || !target.bare.is_empty());
            let stays =
                |job: &Job| unmerged && self.mailboxes.contains_key(&(Side::Source, job.source.clone()));
            for (number, job) in numbered().filter(|(_, job)| is_whole(job) && !stays(job)) {
                // One after the other: what rows need beside them goes with them.
                let rows = std::iter::once_with(move || source_rows(number, job, target)).flatten();
                mailboxes.push((source(job, target), Rows::new(rows)));
            }
            let settled = jobs().all(is_settled) && target.bare.is_empty();
            mailboxes.push((destination(work, target, settled), Rows::new(destination_rows(work, target))));
        }
        let gone = gone(work, found);
        let dropped = self.mailboxes.keys().filter(|(side, name)| gone(*side, name)).cloned().collect();
        let settled = self.settled(work, &mailboxes, gone);
        Changes { mailboxes, dropped, settled }
    }
}

/// Whether a mailbox is no more.
fn gone(work: &Work, (source, destination): (&Found, &Found)) -> impl Fn(Side, &MailboxName) -> bool {
    let names = |found: &Found| found.folders.iter().map(|folder| folder.name.clone()).collect();
    let (here, mut there): (BTreeSet<MailboxName>, BTreeSet<MailboxName>) =
        (names(source), names(destination));
    there.extend(work.targets.iter().map(|target| target.name.clone()));
    let certain = |found: &Found| found.unreadable == 0 && !found.listed_none;
    let (certain_here, certain_there) = (certain(source), certain(destination));
    move |side, name| match side {
        Side::Source => certain_here && !here.contains(name),
        Side::Destination => certain_there && !there.contains(name),
    }
}

fn is_whole(job: &Job) -> bool {
    job.listing.complete && job.listing.uid_validity != 0 && job.listing.uid_next != 0
}

/// Nothing is left to do.
fn is_settled(job: &Job) -> bool {
    is_whole(job)
        && !job.failed
        && job.doubtful.is_empty()
        && job.bare.is_empty()
        && job.states.iter().all(|state| *state == State::Settled { safe: true })
}

/// What a run that has nothing to do would say.
fn at_rest(tally: &Tally) -> Tally {
    let Tally { copied, already_there, bytes, .. } = *tally;
    Tally {
        copied: 0,
        already_there: copied + already_there,
        bytes: TallyBytes {
            copied: 0,
            already_there: bytes.copied.saturating_add(bytes.already_there),
            ..bytes
        },
        ..*tally
    }
}

fn source(job: &Job, target: &Target) -> Mailbox {
    let listing = &job.listing;
    Mailbox {
        side: Side::Source,
        name: job.source.clone(),
        uid_validity: listing.uid_validity,
        uid_next: listing.uid_next,
        highest_modseq: listing.modseq,
        messages: u32::try_from(listing.rows.len()).unwrap_or(u32::MAX),
        settled: is_settled(job) && target.bare.is_empty(),
        pair: Some(target.name.clone()),
        summary: Summary {
            tally: at_rest(&job.tally),
            bytes: listing.rows.iter().fold(0, |sum, row| sum.saturating_add(row.size)),
            ..Summary::default()
        },
    }
}

fn source_rows<'a>(
    number: usize,
    job: &'a Job,
    target: &'a Target,
) -> impl Iterator<Item = Known> + Send + use<'a> {
    let copies = target.copied.iter().filter(|copied| copied.job() == number && copied.named != 0);
    let mut partners = Vec::with_capacity(job.pairs.len() + copies.clone().count());
    partners.extend(job.pairs.iter().map(|pair| (pair.source, pair.destination)));
    partners.extend(copies.filter(|copied| job.is_safe(copied.uid)).map(|copied| (copied.uid, copied.named)));
    partners.sort_unstable();
    let mut partners = partners.into_iter().peekable();
    let rows = job.listing.rows.iter().enumerate();
    rows.filter(|(at, _)| job.states.get(*at) != Some(&State::Gone)).map(move |(at, row)| {
        while partners.next_if(|(uid, _)| *uid < row.uid).is_some() {}
        Known {
            uid: row.uid,
            size: row.size,
            flags: row.flags.clone(),
            date: row.date,
            identity: known_identity(job.identities.get(at).copied().flatten()),
            partner: partners.next_if(|(uid, _)| *uid == row.uid).map(|(_, partner)| partner),
        }
    })
}

fn known_identity(identity: Option<crate::message::Identity>) -> KnownIdentity {
    identity.map_or(KnownIdentity::Unknown, KnownIdentity::Of)
}

/// What was copied into a folder in this run, in its order, as far as the server has named it.
fn copies<'a>(work: &'a Work, target: &'a Target) -> impl Iterator<Item = &'a Copied> + Clone + Send {
    // Where one has no name, or headers are others than those that were sent, the next run looks at all that has come.
    let known = target.alike && target.copied.iter().all(|copied| copied.named != 0);
    let copies = if known { &target.copied[..] } else { &[] };
    let new = copies.iter().filter(|copied| {
        copied.named >= target.listing.uid_next && work.jobs[copied.job()].is_safe(copied.uid)
    });
    let mut last = 0;
    new.filter(move |copied| std::mem::replace(&mut last, copied.named) != copied.named)
}

/// A destination folder with what was copied into it.
fn destination(work: &Work, target: &Target, settled: bool) -> Mailbox {
    let listing = &target.listing;
    let old = listing.rows.iter().filter(|row| row.uid < listing.uid_next).map(|row| row.size);
    let (mut uid_next, mut messages, mut bytes) = (listing.uid_next, 0_usize, 0_u64);
    let mut add = |size| {
        messages += 1;
        bytes = bytes.saturating_add(size);
    };
    old.for_each(&mut add);
    for copied in copies(work, target) {
        uid_next = copied.named.saturating_add(1);
        add(work.jobs[copied.job()].listing.row(copied.uid).map_or(0, |row| row.size));
    }
    Mailbox {
        side: Side::Destination,
        name: target.name.clone(),
        uid_validity: listing.uid_validity,
        uid_next,
        highest_modseq: listing.modseq,
        messages: u32::try_from(messages).unwrap_or(u32::MAX),
        settled,
        pair: None,
        summary: Summary {
            bytes,
            duplicates: target.duplicates,
            unmatched: (listing.rows.len() - target.taken.len()) as u64,
            ..Summary::default()
        },
    }
}

fn destination_rows<'a>(work: &'a Work, target: &'a Target) -> impl Iterator<Item = Known> + Send {
    let listing = &target.listing;
    let old = listing.rows.iter().zip(&target.identities).filter(|(row, _)| row.uid < listing.uid_next);
    let old = old.map(|(row, identity)| Known {
        uid: row.uid,
        size: row.size,
        flags: row.flags.clone(),
        date: row.date,
        identity: known_identity(*identity),
        partner: None,
    });
    old.chain(copies(work, target).filter_map(|copied| {
        let row = work.jobs[copied.job()].listing.row(copied.uid)?;
        Some(Known {
            uid: copied.named,
            size: row.size,
            flags: row.flags.as_ref().map(|flags| flags::for_append(flags, listing.permanent.as_ref())),
            date: row.date.map(|date| date.clamped()),
            identity: KnownIdentity::AsPartner,
            partner: None,
        })
    }))
}
