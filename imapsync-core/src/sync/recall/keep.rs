//! At the end of a run: what is to be remembered of it.

use super::Recall;
use crate::error::Side;
use crate::imap::name::MailboxName;
use crate::message::flags;
use crate::plan::{Tally, TallyBytes};
use crate::state::{Changes, Known, KnownIdentity, Mailbox, Rows, Summary};
use crate::sync::discover::Account as Found;
use crate::sync::event::Event;
use crate::sync::work::{Job, Mode, State, Target, Work};
use std::collections::BTreeSet;

impl Recall {
    /// Remembers the folders of both sides as they were found, and what was done there. Trouble is told and no reason to stop.
    pub(in crate::sync) async fn keep(&self, work: &Work, found: (&Found, &Found)) {
        let Some(store) = self.store.as_ref().filter(|_| !work.ledger.report.dry) else { return };
        let changes = self.changes(work, found);
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

    fn changes(&self, work: &Work, found: (&Found, &Found)) -> Changes {
        let mut mailboxes = Vec::new();
        for (at, target) in work.targets.iter().enumerate() {
            let jobs = || work.jobs.iter().filter(move |job| job.target == at);
            // A folder without UIDs that last, or of which not all is known, is not remembered.
            if target.untouched.is_some() || target.problem.is_some() || target.listing.uid_validity == 0 {
                continue;
            }
            let whole = target.listing.complete || jobs().all(|job| job.mode == Mode::SinglePass);
            if !whole || target.listing.uid_next == 0 {
                continue;
            }
            for job in jobs().filter(|job| is_whole(job)) {
                mailboxes.push((source(job, target), Rows::All(source_rows(work, job, target).collect())));
            }
            let settled = jobs().all(is_settled) && target.bare.is_empty();
            let (mailbox, rows) = destination(work, at, settled);
            mailboxes.push((mailbox, Rows::All(rows.collect())));
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
    work: &Work,
    job: &'a Job,
    target: &Target,
) -> impl Iterator<Item = Known> + Send + use<'a> {
    let number = work.jobs.iter().position(|other| std::ptr::eq(other, job));
    let copies = target.copied.iter().filter(|copied| Some(copied.job()) == number && copied.named != 0);
    let mut partners: Vec<(u32, u32)> =
        job.pairs.iter().map(|pair| (pair.source, pair.destination)).collect();
    partners.extend(copies.filter(|copied| job.is_safe(copied.uid)).map(|copied| (copied.uid, copied.named)));
    partners.sort_unstable();
    let rows = job.listing.rows.iter().enumerate();
    rows.filter(|(at, _)| job.states.get(*at) != Some(&State::Gone)).map(move |(at, row)| Known {
        uid: row.uid,
        size: row.size,
        flags: row.flags.clone(),
        date: row.date,
        identity: known_identity(job.identities.get(at).copied().flatten()),
        partner: partners.binary_search_by_key(&row.uid, |pair| pair.0).ok().map(|at| partners[at].1),
    })
}

fn known_identity(identity: Option<crate::message::Identity>) -> KnownIdentity {
    identity.map_or(KnownIdentity::Unknown, KnownIdentity::Of)
}

/// A destination folder with what was copied into it, as far as the server has named it.
fn destination(work: &Work, at: usize, settled: bool) -> (Mailbox, impl Iterator<Item = Known> + Send) {
    let target = &work.targets[at];
    let listing = &target.listing;
    let mut copies: Vec<_> = target
        .copied
        .iter()
        .filter(|copied| copied.named >= listing.uid_next && work.jobs[copied.job()].is_safe(copied.uid))
        .collect();
    copies.sort_unstable_by_key(|copied| copied.named);
    copies.dedup_by_key(|copied| copied.named);
    // Where one has no name, or headers are others than those that were sent, the next run looks at all that has come.
    if !target.alike || target.copied.iter().any(|copied| copied.named == 0) {
        copies.clear();
    }
    let uid_next = copies.last().map_or(listing.uid_next, |last| last.named.saturating_add(1));
    let copies: Vec<Known> = copies
        .into_iter()
        .filter_map(|copied| {
            let row = work.jobs[copied.job()].listing.row(copied.uid)?;
            let flags = row.flags.as_ref().map(|flags| flags::for_append(flags, listing.permanent.as_ref()));
            Some(Known {
                uid: copied.named,
                size: row.size,
                flags,
                date: row.date.map(|date| date.clamped()),
                identity: KnownIdentity::AsPartner,
                partner: None,
            })
        })
        .collect();
    let held = |bytes: u64, size: u64| bytes.saturating_add(size);
    let old = listing.rows.iter().filter(move |row| row.uid < listing.uid_next);
    let mailbox = Mailbox {
        side: Side::Destination,
        name: target.name.clone(),
        uid_validity: listing.uid_validity,
        uid_next,
        highest_modseq: listing.modseq,
        messages: u32::try_from(old.clone().count() + copies.len()).unwrap_or(u32::MAX),
        settled,
        pair: None,
        summary: Summary {
            bytes: old.clone().map(|row| row.size).chain(copies.iter().map(|copy| copy.size)).fold(0, held),
            duplicates: target.duplicates,
            unmatched: (listing.rows.len() - target.taken.len()) as u64,
            ..Summary::default()
        },
    };
    let rows = listing.rows.iter().zip(&target.identities).filter(move |(row, _)| row.uid < listing.uid_next);
    let rows = rows.map(|(row, identity)| Known {
        uid: row.uid,
        size: row.size,
        flags: row.flags.clone(),
        date: row.date,
        identity: known_identity(*identity),
        partner: None,
    });
    (mailbox, rows.chain(copies))
}
