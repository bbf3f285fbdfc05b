//! The copy: FETCH windows ahead on the source, many APPENDs in flight on the destination, one byte budget.
//!
//! One task drives both connections. A message goes through these hands: queue → window (asked for, bytes reserved) →
//! decision (in a single pass, from its bytes) → flight (APPEND sent) → outcome. A connection that is lost puts what
//! was only read back into the queue; an APPEND whose reply is lost is in doubt, and settled last.

pub(super) mod doubt;
mod inflow;
pub(super) mod look;
mod outflow;
mod refusal;
mod spool;
mod stream;

use super::link::Link;
use super::work::{Job, State, Work};
use crate::error::{Error, ErrorKind, Side};
use crate::imap::backoff::USUAL;
use crate::imap::flow::{CommandId, FlowEvent};
use crate::message::Key;
use crate::options::SyncOptions;
use crate::plan::Outcome;
use inflow::{Examining, Window};
use outflow::Flight;
use spool::Spool;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fs::File;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use stream::Stream;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Messages asked for and not acknowledged yet, at most. Bounds also what a server still has before it when this
/// process is killed.
const MESSAGES_AHEAD: usize = 1024;
/// How often one message is tried, whatever happens to it.
const TRIES: u8 = 4;
/// How often a server may ask to wait with one message before the message is to blame: what is blamed goes alone, and many
/// commands in place of one are the last thing that a busy server needs.
const WAITS: u8 = 8;
/// What one message costs in memory beside its bytes.
const OVERHEAD: u64 = 512;

/// Messages of one folder that wait to be fetched.
#[derive(Debug)]
struct Piece {
    job: usize,
    uids: VecDeque<u32>,
    /// One FETCH for each: something was odd when they were asked for together.
    alone: bool,
}

/// The copy of everything that the plan wants copied.
pub(crate) struct Copier<'a> {
    source: &'a mut Link,
    destination: &'a mut Link,
    options: &'a SyncOptions,
    append_limit: Option<u64>,
    work: &'a mut Work,
    cancel: CancellationToken,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
    queue: VecDeque<Piece>,
    /// The job whose folder is examined once everything sent so far is done.
    source_open: Option<usize>,
    examining: HashMap<CommandId, Examining>,
    windows: HashMap<CommandId, Window>,
    /// Messages in windows.
    asked: usize,
    /// Jobs whose folder could not be opened again.
    broken: HashSet<usize>,
    destination_open: Option<usize>,
    /// The SELECT in flight on the destination, with its target and the UIDVALIDITY it told.
    selecting: HashMap<CommandId, (usize, u32)>,
    flights: BTreeMap<CommandId, Flight>,
    doubts: Vec<doubt::Doubt>,
    floors: HashMap<usize, doubt::Floor>,
    /// Messages that were asked for alone and did not come, each with what is said of it if it is still there.
    missing: Vec<(usize, u32, Error)>,
    stream: Option<Stream>,
    spool: Option<Spool>,
    reserved: u64,
    tries: HashMap<(usize, u32), u8>,
    waits: HashMap<(usize, u32), u8>,
    /// The planner has said that these shall be copied.
    decided: HashSet<(usize, u32)>,
    /// These were refused with all their flags, and are sent without those that may be to blame.
    plain: HashSet<(usize, u32)>,
    /// Free messages of a target by key, latest first, once something has to be compared with them late.
    late: HashMap<usize, HashMap<Key, Vec<u32>>>,
    /// Sizes that several messages of a folder have, where bodies tell the identity: only those can be duplicates.
    shared_sizes: HashMap<usize, HashSet<u64>>,
    quota_refusals: u32,
    /// Nothing is asked for until then: a server wants a pause.
    resume: Option<Rest>,
    /// Pauses in a row, with nothing got done between.
    rests: u32,
    /// How often a folder of the source was refused for the time being.
    reopened: HashMap<usize, u32>,
    stopping: bool,
}

/// A pause that a server asked for.
struct Rest {
    until: Pin<Box<Sleep>>,
    /// The destination asked: nothing may be sent to it meanwhile.
    destination: bool,
}

/// What the loop woke up for.
enum Woken {
    Source(Result<FlowEvent, Error>),
    Destination(Result<FlowEvent, Error>),
    Cancelled,
    Resume,
    Spooled(Result<File, String>),
}

impl<'a> Copier<'a> {
    pub(crate) fn new(
        source: &'a mut Link,
        destination: &'a mut Link,
        options: &'a SyncOptions,
        append_limit: Option<u64>,
        work: &'a mut Work,
        cancel: CancellationToken,
    ) -> Self {
        Self {
            source,
            destination,
            options,
            append_limit,
            work,
            cancelled: Box::pin(cancel.clone().cancelled_owned()),
            cancel,
            queue: VecDeque::new(),
            source_open: None,
            examining: HashMap::new(),
            windows: HashMap::new(),
            asked: 0,
            broken: HashSet::new(),
            destination_open: None,
            selecting: HashMap::new(),
            flights: BTreeMap::new(),
            doubts: Vec::new(),
            floors: HashMap::new(),
            missing: Vec::new(),
            stream: None,
            spool: None,
            reserved: 0,
            tries: HashMap::new(),
            waits: HashMap::new(),
            decided: HashSet::new(),
            plain: HashSet::new(),
            late: HashMap::new(),
            shared_sizes: HashMap::new(),
            quota_refusals: 0,
            resume: None,
            rests: 0,
            reopened: HashMap::new(),
            stopping: false,
        }
    }

    /// Copies. When it returns, every message has its outcome, unless the run was stopped or a side is out of reach.
    ///
    /// # Errors
    ///
    /// What ends the run; what was in flight then is left to the next run, which finds it by its identity.
    pub(crate) async fn run(mut self) -> Result<(), Error> {
        self.fill_queue();
        loop {
            if let Err(error) = self.work_off().await {
                self.abandon(&error);
                return Err(error);
            }
            if self.stopping {
                let error = Error::new(ErrorKind::Cancelled, "the run was interrupted");
                self.abandon(&error);
                return Err(error);
            }
            self.settle_duplicates();
            if self.queue.is_empty() && !self.doubts.is_empty() {
                let cancel = self.cancel.clone();
                let settled = tokio::select! {
                    biased;
                    settled = self.settle_doubts() => settled,
                    () = cancel.cancelled() => Err(Error::new(ErrorKind::Cancelled, "the run was interrupted")),
                };
                if let Err(error) = settled {
                    self.abandon(&error);
                    return Err(error);
                }
                self.settle_duplicates();
            }
            if self.queue.is_empty() && !self.missing.is_empty() {
                let cancel = self.cancel.clone();
                let settled = tokio::select! {
                    biased;
                    settled = self.settle_missing() => settled,
                    () = cancel.cancelled() => Err(Error::new(ErrorKind::Cancelled, "the run was interrupted")),
                };
                if let Err(error) = settled {
                    self.abandon(&error);
                    return Err(error);
                }
                self.settle_duplicates();
            }
            if self.queue.is_empty() {
                return Ok(());
            }
        }
    }

    fn fill_queue(&mut self) {
        for at in 0..self.work.jobs.len() {
            let job = &mut self.work.jobs[at];
            let uids: VecDeque<u32> = std::mem::take(&mut job.to_copy).into();
            // What could not be known before is known from the bodies as they pass.
            if job.mode == super::work::Mode::SinglePass || job.identities.iter().any(Option::is_none) {
                self.shared_sizes.insert(at, shared_sizes(job));
            }
            if !uids.is_empty() {
                self.queue.push_back(Piece { job: at, uids, alone: false });
            }
        }
    }

    /// Runs until nothing is queued and nothing is in flight.
    async fn work_off(&mut self) -> Result<(), Error> {
        loop {
            self.pump_source().await?;
            if self.is_idle() {
                return Ok(());
            }
            match self.wait().await {
                Woken::Destination(Ok(event)) => self.destination_event(event),
                Woken::Destination(Err(error)) => self.destination_lost(error)?,
                Woken::Source(Ok(event)) => self.source_event(event),
                Woken::Source(Err(error)) => self.source_lost(error)?,
                Woken::Cancelled => self.stop(),
                Woken::Resume => self.resume = None,
                Woken::Spooled(changed) => self.spool_changed(changed),
            }
            self.spool_begins();
            if self.destination.connection().is_none() {
                self.destination_open = None;
                self.destination.ready().await?;
            }
        }
    }

    fn is_idle(&self) -> bool {
        let queued = !self.stopping && !self.queue.is_empty();
        !queued
            && self.windows.is_empty()
            && self.flights.is_empty()
            && self.stream.is_none()
            && self.spool.is_none()
    }

    async fn wait(&mut self) -> Woken {
        poll_fn(|cx| self.poll_wait(cx)).await
    }

    /// What has been received already comes first, so that many small messages leave in one write. Then the destination:
    /// what it takes decides whether more may be read from the source.
    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<Woken> {
        if !self.stopping && self.cancelled.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Woken::Cancelled);
        }
        if let Some(event) = self.destination.connection().and_then(|c| c.poll_buffered().transpose()) {
            return Poll::Ready(Woken::Destination(event));
        }
        if self.may_read_source()
            && let Some(event) = self.source.connection().and_then(|c| c.poll_buffered().transpose())
        {
            return Poll::Ready(Woken::Source(event));
        }
        loop {
            if let Some(connection) = self.destination.connection()
                && let Poll::Ready(event) = connection.poll_next(cx)
            {
                return Poll::Ready(Woken::Destination(event));
            }
            if !self.spool_feed() {
                break;
            }
        }
        if let Some(Spool { stage: spool::Stage::Changing(changing), .. }) = &mut self.spool
            && let Poll::Ready(changed) = Pin::new(changing).poll(cx)
        {
            let changed = changed.unwrap_or_else(|e| Err(format!("the transform failed: {e}")));
            return Poll::Ready(Woken::Spooled(changed));
        }
        if self.may_read_source()
            && let Some(connection) = self.source.connection()
            && let Poll::Ready(event) = connection.poll_next(cx)
        {
            return Poll::Ready(Woken::Source(event));
        }
        if let Some(resume) = &mut self.resume
            && resume.until.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Woken::Resume);
        }
        Poll::Pending
    }

    /// Stops in order: nothing new is asked for, what is in flight is acknowledged.
    fn stop(&mut self) {
        self.stopping = true;
        self.queue.clear();
        // What the source still owes is not wanted any more; only a message that is half copied holds it up.
        if self.stream.is_none() {
            self.forget_windows();
            self.source.drop_connection();
        }
    }

    /// The run ends here: what has no outcome is named as not reached.
    fn abandon(&mut self, error: &Error) {
        let reason = Error::new(ErrorKind::Cancelled, format!("not reached: {error}"));
        for at in 0..self.work.jobs.len() {
            self.work.settle_rest(at, &Outcome::Failed(reason.clone()));
        }
    }

    /// Duplicates whose first is on the destination are done; where the first failed, they are offered again.
    fn settle_duplicates(&mut self) {
        for at in 0..self.work.jobs.len() {
            let waiting = std::mem::take(&mut self.work.jobs[at].duplicates);
            // Of several duplicates of a lost first only one needs to go; the others wait for it in turn.
            let mut heirs: HashMap<u32, u32> = HashMap::new();
            for (uid, of) in waiting {
                if let Some(heir) = heirs.get(&of) {
                    self.work.jobs[at].duplicates.push((uid, *heir));
                    continue;
                }
                match self.work.jobs[at].state(of) {
                    Some(State::Settled { safe: true }) => {
                        self.work.settle(at, uid, Outcome::DuplicateOf(of))
                    }
                    Some(State::Settled { safe: false } | State::Gone) | None => {
                        self.work.jobs[at].planner.forget(of);
                        self.decided.insert((at, uid));
                        heirs.insert(of, uid);
                        self.queue.push_back(Piece { job: at, uids: [uid].into(), alone: true });
                    }
                    Some(State::Open) => self.work.jobs[at].duplicates.push((uid, of)),
                }
            }
        }
    }

    /// Asks for nothing new until this time has passed: a server wants a pause.
    /// The first pause is as long as asked for, those that follow no shorter than ones that double.
    fn rest(&mut self, side: Side, pause: Duration) {
        let least = if self.rests == 0 { Duration::ZERO } else { USUAL * (1 << self.rests.min(6)) };
        self.rests += u32::from(self.resume.is_none());
        let (mut until, mut destination) = (Instant::now() + pause.max(least), side == Side::Destination);
        if let Some(present) = &self.resume {
            until = until.max(present.until.deadline());
            destination |= present.destination;
        }
        self.resume = Some(Rest { until: Box::pin(sleep_until(until)), destination });
    }

    /// Counts a refusal that asks to wait; whether it is nobody's fault.
    fn may_wait(&mut self, job: usize, uid: u32) -> bool {
        let waits = self.waits.entry((job, uid)).or_default();
        *waits = waits.saturating_add(1);
        *waits <= WAITS
    }

    /// Counts a try; whether there may be another. After too many the message has failed.
    fn may_try(&mut self, job: usize, uid: u32, why: &Error) -> bool {
        let tries = self.tries.entry((job, uid)).or_default();
        *tries += 1;
        let may = *tries < TRIES;
        if !may {
            let error = why.clone().with_kind(message_kind(why.kind()));
            self.work.settle(job, uid, Outcome::Failed(error));
        }
        may
    }

    /// Puts a message back; after too many tries it has failed.
    fn again(&mut self, job: usize, uid: u32, why: &Error) {
        if self.may_try(job, uid, why) && !self.stopping {
            match self.queue.front_mut() {
                Some(piece) if piece.job == job && piece.alone => piece.uids.push_back(uid),
                _ => self.queue.push_front(Piece { job, uids: [uid].into(), alone: true }),
            }
        }
    }

    /// Puts back what was asked for and never came, in order and without blame.
    fn put_back(&mut self, job: usize, mut uids: Vec<u32>) {
        uids.sort_unstable();
        if !uids.is_empty() && !self.stopping {
            self.queue.push_front(Piece { job, uids: uids.into(), alone: false });
        }
    }

    fn reserve_of(&self, job: usize, uid: u32) -> u64 {
        let size = self.work.jobs[job].listing.row(uid).map_or(0, |row| row.size);
        if size > self.stream_above() { stream::RESERVE } else { size + OVERHEAD }
    }

    /// Messages above this size stream through alone.
    fn stream_above(&self) -> u64 {
        (self.options.memory as u64 / 8).max(4096)
    }
}

/// What kind of failure a message has when its connection failed too often.
fn message_kind(kind: ErrorKind) -> ErrorKind {
    match kind {
        ErrorKind::ConnectionLost | ErrorKind::Timeout | ErrorKind::Protocol => ErrorKind::Append,
        kind => kind,
    }
}

fn shared_sizes(job: &Job) -> HashSet<u64> {
    let mut sizes: Vec<u64> = job.listing.rows.iter().map(|row| row.size).collect();
    sizes.sort_unstable();
    sizes.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect()
}
