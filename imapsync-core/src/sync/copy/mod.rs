//! The copy: FETCH windows ahead on the source, many APPENDs in flight on the destination, one byte budget.
//!
//! One task drives all connections. A message goes through these hands: queue → window (asked for, bytes reserved) →
//! decision (in a single pass, from its bytes) → flight (APPEND sent) → outcome. A connection that is lost puts what
//! was only read back into the queue; an APPEND whose reply is lost is in doubt, and settled last.

pub(super) mod doubt;
mod group;
mod inflow;
mod intents;
mod lane;
mod line;
pub(super) mod look;
mod outflow;
mod pace;
mod pairs;
mod refusal;
mod spool;
mod stream;

use super::link::Link;
use super::work::{Job, State, Work};
use crate::error::{Error, ErrorKind, Side};
use crate::imap::backoff::USUAL;
use crate::imap::capability::Capability;
use crate::imap::flow::FlowEvent;
use crate::message::Key;
use crate::options::SyncOptions;
use crate::plan::Outcome;
use crate::state::StateStore;
use intents::Intents;
use lane::{Lane, Opening};
use line::Line;
use pace::{Allowance, Meter};
use pairs::Pairs;
use spool::Spool;
use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::File;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Messages asked for and not acknowledged yet, on all connections together, unless that is less than two windows for each.
/// Bounds also what a server still has before it when this process is killed.
const MESSAGES_AHEAD: usize = 1024;
/// The same for each connection where every message waits for the server's `+`: one round trip each. What is asked for here
/// no other connection can take.
const MESSAGES_AHEAD_OF_LITERALS: usize = 64;
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
    /// No lane can take a part of it from another.
    whole: bool,
}

impl Piece {
    fn new(job: usize, uids: VecDeque<u32>) -> Self {
        Self { job, uids, alone: false, whole: false }
    }

    fn alone(job: usize, uids: VecDeque<u32>) -> Self {
        Self { job, uids, alone: true, whole: true }
    }
}

/// The copy of everything that the plan wants copied.
pub(crate) struct Copier<'a> {
    /// The lane at hand: the pair of connections that the present event came from.
    lane: Box<Lane<'a>>,
    others: VecDeque<Box<Lane<'a>>>,
    /// Pairs that may be opened.
    spares: Vec<Box<Lane<'a>>>,
    openings: Vec<Opening<'a>>,
    pairs: Pairs,
    line: Line,
    /// The destination lets no literal come unasked.
    synchronising: bool,
    /// Messages and bytes acknowledged so far, as one figure: a message costs a server about as much as 2 KiB.
    done: u64,
    options: &'a SyncOptions,
    append_limit: Option<u64>,
    work: &'a mut Work,
    cancel: CancellationToken,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
    /// What no lane has taken.
    queue: VecDeque<Piece>,
    /// Jobs whose folder could not be opened again.
    broken: HashSet<usize>,
    /// With how many others a message may travel, after it was refused among more.
    together: HashMap<(usize, u32), usize>,
    doubts: Vec<doubt::Doubt>,
    floors: HashMap<usize, doubt::Floor>,
    /// Messages that were asked for alone and did not come, each with what is said of it if it is still there.
    missing: Vec<(usize, u32, Error)>,
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
    /// What the user's limits of speed are measured by.
    meter: Meter,
    /// Nothing is read from the sources until then: it would be too fast.
    slowed: Option<Pin<Box<Sleep>>>,
    /// What the user's limit of bytes leaves.
    allowance: Allowance,
    /// What is written down before it is sent.
    intents: Intents,
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
    /// A further lane is open, or refused.
    Lanes,
    /// Intents are written, or cannot be.
    Intents,
}

impl<'a> Copier<'a> {
    pub(crate) fn new(
        links: (&'a mut Link, &'a mut Link),
        further: &'a mut [(Link, Link)],
        options: &'a SyncOptions,
        append_limit: Option<u64>,
        work: &'a mut Work,
        cancel: CancellationToken,
    ) -> Self {
        Self {
            lane: Box::new(Lane::first(links)),
            others: VecDeque::new(),
            spares: further.iter_mut().rev().map(|(one, other)| Box::new(Lane::new((one, other)))).collect(),
            openings: Vec::new(),
            pairs: Pairs::new(options.connections, 0, 0),
            line: Line::default(),
            synchronising: false,
            done: 0,
            options,
            append_limit,
            work,
            cancelled: Box::pin(cancel.clone().cancelled_owned()),
            cancel,
            queue: VecDeque::new(),
            broken: HashSet::new(),
            together: HashMap::new(),
            doubts: Vec::new(),
            floors: HashMap::new(),
            missing: Vec::new(),
            tries: HashMap::new(),
            waits: HashMap::new(),
            decided: HashSet::new(),
            plain: HashSet::new(),
            late: HashMap::new(),
            shared_sizes: HashMap::new(),
            quota_refusals: 0,
            resume: None,
            meter: Meter::new(options.pace),
            slowed: None,
            allowance: Allowance::new(options.pace),
            intents: Intents::default(),
            rests: 0,
            reopened: HashMap::new(),
            stopping: false,
        }
    }

    /// With a store for what is about to be appended.
    pub(crate) fn writing_to(self, store: Option<Arc<dyn StateStore>>) -> Self {
        Self { intents: Intents::new(store), ..self }
    }

    /// Copies. When it returns, every message has its outcome, unless the run was stopped or a side is out of reach.
    ///
    /// # Errors
    ///
    /// What ends the run; what was in flight then is left to the next run, which finds it by its identity, or by what is
    /// remembered of it.
    pub(crate) async fn run(mut self) -> Result<(), Error> {
        let done = self.copy().await;
        self.intents_end().await;
        done
    }

    async fn copy(&mut self) -> Result<(), Error> {
        self.fill_queue();
        self.synchronising = !self.destination_has(Capability::LITERAL_PLUS | Capability::LITERAL_MINUS);
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
            if !self.is_queued() && !self.doubts.is_empty() {
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
            if !self.is_queued() && !self.missing.is_empty() {
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
            if !self.is_queued() {
                if self.allowance.is_used_up() {
                    let error = Error::new(ErrorKind::TransferLimit, "as much as allowed has been copied");
                    self.abandon(&error);
                    return Err(error.hint("--exitwhenover sets the limit; the next run goes on from here"));
                }
                return Ok(());
            }
        }
    }

    fn fill_queue(&mut self) {
        let (mut messages, mut bytes) = (0, 0);
        for at in 0..self.work.jobs.len() {
            let job = &mut self.work.jobs[at];
            let uids: VecDeque<u32> = std::mem::take(&mut job.to_copy).into();
            // What could not be known before is known from the bodies as they pass.
            if job.mode == super::work::Mode::SinglePass || job.identities.iter().any(Option::is_none) {
                self.shared_sizes.insert(at, shared_sizes(job));
            }
            if !uids.is_empty() {
                self.work.targets[job.target].copied.reserve_exact(uids.len());
                messages += uids.len();
                let size = |uid: &u32| self.work.jobs[at].listing.row(*uid).map_or(0, |row| row.size);
                bytes = uids.iter().map(size).fold(bytes, u64::saturating_add);
                self.queue.push_back(Piece::new(at, uids));
            }
        }
        self.pairs = Pairs::new(self.options.connections, messages, bytes);
    }

    /// Runs until nothing is queued and nothing is in flight.
    async fn work_off(&mut self) -> Result<(), Error> {
        loop {
            self.drop_left_lanes();
            self.adjust_lanes();
            for _ in 0..self.lanes() {
                self.pump_source().await?;
                self.group_leaves();
                self.turn();
            }
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
                Woken::Lanes | Woken::Intents => {}
            }
            self.spool_begins();
            if !self.lane.leaving && self.lane.destination.connection().is_none() {
                self.lane.destination_open = None;
                self.lane.destination.ready().await?;
            }
        }
    }

    fn is_idle(&self) -> bool {
        let queued = !self.stopping && self.is_queued();
        !queued && self.lane.is_empty() && self.others.iter().all(|lane| lane.is_empty())
    }

    async fn wait(&mut self) -> Woken {
        poll_fn(|cx| self.poll_wait(cx)).await
    }

    /// What the lane at hand has received already comes first, so that many small messages leave in one write; then each
    /// lane has its turn.
    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<Woken> {
        if !self.stopping && self.cancelled.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Woken::Cancelled);
        }
        // Not last: a lane that always has something to do must not keep the others closed.
        if let Some(slowed) = &mut self.slowed
            && slowed.as_mut().poll(cx).is_ready()
        {
            self.slowed = None;
        }
        if self.poll_openings(cx) {
            return Poll::Ready(Woken::Lanes);
        }
        if self.poll_intents(cx).is_ready() {
            return Poll::Ready(Woken::Intents);
        }
        if let Some(woken) = self.buffered() {
            return Poll::Ready(woken);
        }
        for _ in 0..self.lanes() {
            self.turn();
            let woken = self.buffered().map_or_else(|| self.poll_lane(cx), Poll::Ready);
            if woken.is_ready() {
                return woken;
            }
        }
        if let Some(resume) = &mut self.resume
            && resume.until.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Woken::Resume);
        }
        Poll::Pending
    }

    /// What the lane at hand has received and nobody has looked at.
    fn buffered(&mut self) -> Option<Woken> {
        let lane = &mut *self.lane;
        if let Some(event) = lane.destination.connection().and_then(|c| c.poll_buffered().transpose()) {
            return Some(Woken::Destination(event));
        }
        if !self.may_read_source() {
            return None;
        }
        self.lane.source.connection().and_then(|c| c.poll_buffered().transpose()).map(Woken::Source)
    }

    /// The destination comes first: what it takes decides whether more may be read from the source.
    fn poll_lane(&mut self, cx: &mut Context<'_>) -> Poll<Woken> {
        loop {
            if let Some(connection) = self.lane.destination.connection()
                && let Poll::Ready(event) = connection.poll_next(cx)
            {
                return Poll::Ready(Woken::Destination(event));
            }
            if !self.spool_feed() {
                break;
            }
        }
        if let Some(Spool { stage: spool::Stage::Changing(changing), .. }) = &mut self.lane.spool
            && let Poll::Ready(changed) = Pin::new(changing).poll(cx)
        {
            let changed = changed.unwrap_or_else(|e| Err(format!("the transform failed: {e}")));
            return Poll::Ready(Woken::Spooled(changed));
        }
        if self.may_read_source()
            && let Some(connection) = self.lane.source.connection()
            && let Poll::Ready(event) = connection.poll_next(cx)
        {
            return Poll::Ready(Woken::Source(event));
        }
        Poll::Pending
    }

    /// Stops in order: nothing new is asked for, what is in flight is acknowledged.
    fn stop(&mut self) {
        self.stopping = true;
        self.openings.clear();
        self.empty_queues();
        for _ in 0..self.lanes() {
            // What the source still owes is not wanted any more; only a message that is half copied holds it up.
            if self.lane.stream.is_none() {
                self.forget_windows();
                self.lane.source.drop_connection();
            }
            self.turn();
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
                        self.queue.push_back(Piece::alone(at, [uid].into()));
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
        self.pairs.throttled();
        let (mut until, mut destination) = (Instant::now() + pause.max(least), side == Side::Destination);
        if let Some(present) = &self.resume {
            until = until.max(present.until.deadline());
            destination |= present.destination;
        }
        self.resume = Some(Rest { until: Box::pin(sleep_until(until)), destination });
    }

    /// So much has come from the source: whatever is faster than the user allows is made up for before more is read.
    fn count_pace(&mut self, bytes: u64, messages: u64) {
        let wait = self.meter.moved(Instant::now(), bytes, messages);
        if !wait.is_zero() {
            self.slowed = Some(Box::pin(sleep_until(Instant::now() + wait)));
        }
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
            match self.lane.queue.front_mut() {
                Some(piece) if piece.job == job && piece.alone => piece.uids.push_back(uid),
                _ => self.lane.queue.push_front(Piece::alone(job, [uid].into())),
            }
        }
    }

    /// Puts back what was asked for and never came, in order and without blame.
    fn put_back(&mut self, job: usize, mut uids: Vec<u32>) {
        uids.sort_unstable();
        if !uids.is_empty() && !self.stopping {
            self.lane.queue.push_front(Piece::new(job, uids.into()));
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
