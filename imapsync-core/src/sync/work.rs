//! The state of a run: one job per source folder, one target per destination folder, and the account of outcomes.

use super::event::{Emitter, Event};
use super::report::{Amount, FolderReport, NAMED_LIMIT, NamedMessage, Report};
use super::survey::Listing;
use crate::error::{Error, ErrorKind, Side};
use crate::imap::flag::Flags;
use crate::imap::name::MailboxName;
use crate::imap::uidset::UidSet;
use crate::message::{Identity, flags};
use crate::plan::{Outcome, Pair, Planner, Tally};
use crate::state::{IntentId, Summary};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// How the identity of a folder's messages becomes known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The target is empty: from the bodies as they pass.
    SinglePass,
    /// From headers that were read before.
    Scanned,
    /// Nobody needs to know: nothing has changed on either side since a run that left nothing to do.
    Untouched,
}

/// Where a source message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing decided.
    Open,
    /// Its outcome is told. `safe`: it is on the destination, or a duplicate of one that is.
    Settled { safe: bool },
    /// It is not on the source any more.
    Gone,
}

/// One source folder on its way to its target.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) source: MailboxName,
    pub(crate) source_text: Arc<str>,
    pub(crate) target: usize,
    pub(crate) mode: Mode,
    pub(crate) listing: Listing,
    /// Beside `listing.rows`; empty in a single pass until the bodies have told.
    pub(crate) identities: Vec<Option<Identity>>,
    /// Beside `listing.rows`.
    pub(crate) states: Vec<State>,
    pub(crate) planner: Planner,
    /// The UIDs of messages and of their copies, as an earlier run has left them; ascending.
    pub(crate) partners: Vec<(u32, u32)>,
    /// What is on both sides.
    pub(crate) pairs: Vec<Pair>,
    /// What is to be fetched, ascending.
    pub(crate) to_copy: Vec<u32>,
    /// Duplicates that wait for the copy of the first.
    pub(crate) duplicates: Vec<(u32, u32)>,
    /// Messages, by UID, whose copies lack flags, which the server refused in the APPEND or has dropped.
    pub(crate) bare: BTreeMap<u32, Bare>,
    /// Messages that had to be read to tell them apart could not be: which is the copy of which is a guess. Ascending.
    pub(crate) doubtful: Vec<u32>,
    /// No delete may act here, for a reason that is told.
    pub(crate) no_deletes: bool,
    pub(crate) tally: Tally,
    pub(crate) failed: bool,
}

impl Job {
    /// The place of a UID in the listing.
    pub(crate) fn at(&self, uid: u32) -> Option<usize> {
        self.listing.rows.binary_search_by_key(&uid, |row| row.uid).ok()
    }

    /// What a message is known by.
    pub(crate) fn identity(&self, uid: u32) -> Option<Identity> {
        self.at(uid).and_then(|at| self.identities.get(at).copied().flatten())
    }

    pub(crate) fn state(&self, uid: u32) -> Option<State> {
        self.at(uid).map(|at| self.states[at])
    }

    pub(crate) fn is_safe(&self, uid: u32) -> bool {
        self.state(uid) == Some(State::Settled { safe: true })
    }
}

/// A copy without some of its flags.
#[derive(Debug, Clone)]
pub(crate) struct Bare {
    /// Its UID, where it is known.
    pub(crate) copy: Option<u32>,
    /// The flags that it has.
    pub(crate) has: Flags,
}

/// One destination folder.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) name: MailboxName,
    pub(crate) text: Arc<str>,
    /// It was there before the run.
    pub(crate) existed: bool,
    pub(crate) listing: Listing,
    /// Beside `listing.rows`.
    pub(crate) identities: Vec<Option<Identity>>,
    /// What was copied into it in this run.
    pub(crate) copied: Vec<Copied>,
    /// UIDs that a source message corresponds to.
    pub(crate) taken: HashSet<u32>,
    /// Why nothing can be put there.
    pub(crate) problem: Option<Error>,
    /// No delete may act here, for a reason that is told.
    pub(crate) no_deletes: bool,
    /// Copies whose flags could not be brought up to date this time.
    pub(crate) bare: HashSet<u32>,
    /// Nothing has changed here since a run that left nothing to do, which said this.
    pub(crate) untouched: Option<Summary>,
    /// It is the folder that is remembered: a message of it was read again.
    pub(crate) refreshed: bool,
    /// When the last run ended copies may have been on their way to it: the dates of its messages may tell which.
    pub(crate) awaited: bool,
    /// The newest copy has the header and the size that it was sent with.
    pub(crate) alike: bool,
    /// Messages of the listing that are there more than once.
    pub(crate) duplicates: u64,
    /// What this run has given `\Deleted` because its source message has it.
    pub(crate) marked: UidSet,
    /// The problem is in the report.
    pub(crate) told: bool,
}

/// An acknowledged copy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Copied {
    job: u32,
    /// On the source.
    pub(crate) uid: u32,
    /// On the destination, as the server says; 0 where it does not.
    pub(crate) named: u32,
}

impl Copied {
    pub(crate) fn job(&self) -> usize {
        self.job as usize
    }

    /// What the message is known by.
    pub(crate) fn identity(&self, jobs: &[Job]) -> Option<Identity> {
        jobs[self.job()].identity(self.uid)
    }
}

/// Everything a run has in hand.
pub(crate) struct Work {
    pub(crate) jobs: Vec<Job>,
    pub(crate) targets: Vec<Target>,
    /// What was written down before it was appended.
    pub(crate) written: Vec<Written>,
    pub(crate) ledger: Ledger,
}

/// An intent of this run that is kept in the state.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) id: IntentId,
    pub(crate) job: usize,
    /// The messages that it names.
    pub(crate) uids: Box<[u32]>,
}

/// The account of a run: each outcome once, errors, sums.
pub(crate) struct Ledger {
    pub(crate) events: Emitter,
    pub(crate) report: Report,
    /// What was expunged, per side.
    pub(crate) removed: [Amount; 2],
    /// The error of the failures that follow is in the report already.
    told: bool,
}

impl Ledger {
    pub(crate) fn new(events: Emitter, started: chrono::DateTime<chrono::Utc>, dry: bool) -> Self {
        let report = Report {
            started,
            ended: started,
            dry,
            tally: Tally::default(),
            folders: Vec::new(),
            named: Vec::new(),
            start: [Amount::default(); 2],
            end: [Amount::default(); 2],
            destination_duplicates: 0,
            destination_only: 0,
            headerless: [0; 2],
            deleted: [0; 2],
            flags_changed: 0,
            biggest: 0,
            reconnections: [0; 2],
            errors: Vec::new(),
            stopped: None,
        };
        Self { events, report, removed: [Amount::default(); 2], told: false }
    }

    /// Records an error that is not one message's.
    pub(crate) fn fail(&mut self, error: Error) {
        self.events.emit(|| Event::Failed(error.clone()));
        self.report.errors.push(error);
    }

    /// Tells the user something.
    pub(crate) fn notice(&self, side: Option<Side>, text: String) {
        self.events.emit(|| Event::Notice { side, text });
    }

    /// Gives a source message its one outcome. A second one for the same message is ignored.
    fn settle(&mut self, job: &mut Job, target: &Arc<str>, uid: u32, outcome: Outcome) {
        let Some(at) = job.at(uid) else { return };
        if job.states[at] != State::Open {
            return;
        }
        let size = job.listing.rows[at].size;
        tracing::debug!("{}/{uid} {{{size}}} {}", job.source_text, outcome.name());
        let safe = outcome.is_on_destination();
        job.states[at] =
            if matches!(outcome, Outcome::Vanished) { State::Gone } else { State::Settled { safe } };
        job.tally.add(&outcome, size);
        if let Outcome::Copied { .. } = outcome {
            self.report.biggest = self.report.biggest.max(size);
        }
        if let Outcome::Failed(error) = &outcome {
            job.failed = true;
            if !self.told {
                self.report.errors.push(error.clone());
            }
        }
        if let Outcome::Skipped(reason) = &outcome
            && !self.told
        {
            // It was asked for, and it is not done.
            let error = Error::new(ErrorKind::Append, format!("skipped: {reason}"));
            self.report
                .errors
                .push(error.on(Side::Destination).in_folder(&*job.source_text).for_message(uid));
        }
        let named = !matches!(outcome, Outcome::Copied { .. } | Outcome::Present { .. });
        if named && self.report.named.len() < NAMED_LIMIT {
            let (folder, outcome) = (job.source_text.clone(), outcome.clone());
            self.report.named.push(NamedMessage { folder, uid, size, title: String::new(), outcome });
        }
        self.events.emit(|| Event::Message {
            folder: job.source_text.clone(),
            uid,
            size,
            destination: target.clone(),
            outcome,
        });
    }
}

impl Work {
    /// Gives a source message its one outcome.
    pub(crate) fn settle(&mut self, number: usize, uid: u32, outcome: Outcome) {
        let job = &mut self.jobs[number];
        let target = &mut self.targets[job.target];
        if let Outcome::Copied { destination } = &outcome
            && job.state(uid) == Some(State::Open)
            && !self.ledger.report.dry
        {
            let job = u32::try_from(number).unwrap_or(u32::MAX);
            target.copied.push(Copied { job, uid, named: destination.unwrap_or(0) });
        }
        self.ledger.settle(job, &target.text.clone(), uid, outcome);
    }

    /// A copy that was acknowledged is not there: it has failed after all.
    pub(crate) fn retract(&mut self, copied: Copied, error: Error) {
        let job = &mut self.jobs[copied.job()];
        let Some(at) = job.at(copied.uid) else { return };
        let size = job.listing.rows[at].size;
        job.states[at] = State::Settled { safe: false };
        job.tally.copied_has_failed(size);
        job.failed = true;
        let (folder, uid, outcome) = (job.source_text.clone(), copied.uid, Outcome::Failed(error.clone()));
        if self.ledger.report.named.len() < NAMED_LIMIT {
            self.ledger.report.named.push(NamedMessage { folder, uid, size, title: String::new(), outcome });
        }
        self.ledger.fail(error);
    }

    /// The same outcome for every message of a folder that has none yet; how many these are. Where it is a failure the
    /// caller has told its error, or tells it: the report would else hold it once for each of a million messages.
    pub(crate) fn settle_rest(&mut self, job: usize, outcome: &Outcome) -> usize {
        let open: Vec<u32> = {
            let job = &self.jobs[job];
            let rows = job.listing.rows.iter().zip(&job.states);
            rows.filter(|(_, state)| **state == State::Open).map(|(row, _)| row.uid).collect()
        };
        self.ledger.told = true;
        for uid in &open {
            self.settle(job, *uid, outcome.clone());
        }
        self.ledger.told = false;
        open.len()
    }

    /// The flags that no server refuses or drops, as a source message's copy shall have them.
    pub(crate) fn harmless_flags(&self, job: usize, uid: u32) -> Flags {
        let job = &self.jobs[job];
        let flags = job.listing.row(uid).and_then(|row| row.flags.as_ref());
        let permanent = self.targets[job.target].listing.permanent.as_ref();
        flags.map_or_else(Flags::new, |flags| flags::harmless(&flags::for_append(flags, permanent)))
    }

    /// Takes the sums before the run: what the listings hold.
    pub(crate) fn count(&mut self) {
        let mut start = [Amount::default(); 2];
        self.jobs.iter().for_each(|job| start[0].add(&job.listing));
        self.targets.iter().for_each(|target| start[1].add(&target.listing));
        self.ledger.report.start = start;
    }

    /// The report, once everything is told.
    pub(crate) fn finish(mut self, ended: chrono::DateTime<chrono::Utc>) -> Report {
        // The run may have ended between a listing and its sums.
        self.count();
        let mut report = self.ledger.report;
        report.ended = ended;
        let removed = self.ledger.removed;
        for job in self.jobs.drain(..) {
            report.tally.merge(&job.tally);
            report.folders.push(FolderReport {
                source: job.source_text,
                destination: self.targets[job.target].text.clone(),
                complete: !job.failed && job.listing.complete,
                tally: job.tally,
            });
        }
        let copied = Amount { messages: report.tally.copied, bytes: report.tally.bytes.copied };
        let come = if report.dry { [Amount::default(); 2] } else { [Amount::default(), copied] };
        for side in 0..2 {
            report.end[side] = Amount {
                messages: (report.start[side].messages + come[side].messages)
                    .saturating_sub(removed[side].messages),
                bytes: report.start[side]
                    .bytes
                    .saturating_add(come[side].bytes)
                    .saturating_sub(removed[side].bytes),
            };
        }
        report
    }
}

impl Amount {
    fn add(&mut self, listing: &Listing) {
        self.messages += listing.messages();
        // A server may claim any size.
        let sizes = listing.rows.iter().map(|row| row.size).chain([listing.held.bytes]);
        self.bytes = sizes.fold(self.bytes, u64::saturating_add);
    }
}
