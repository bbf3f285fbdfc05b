//! One pair of connections of a copy, and what travels on it; and how several of them share the work.
//!
//! A lane takes whole folders while there are some, then half of what another lane has left. The lane at hand is
//! [`Copier::lane`]; the others wait for their turn.

use super::doubt::Floor;
use super::group::Group;
use super::inflow::{Examining, Window};
use super::outflow::Flight;
use super::spool::Spool;
use super::stream::Stream;
use super::{Copier, Piece};
use crate::client::Opened;
use crate::error::{Error, Side};
use crate::imap::capability::Capability;
use crate::imap::flow::CommandId;
use crate::sync::link::Link;
use crate::sync::work::Mode;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// A connection that is lost so soon after it was opened was one too many.
const SOON: Duration = Duration::from_secs(10);
/// Another lane's piece is worth dividing from so many messages on.
const WORTH_DIVIDING: usize = 8;

/// A pair of connections, and what is on its way between them.
pub(super) struct Lane<'a> {
    pub(super) source: &'a mut Link,
    pub(super) destination: &'a mut Link,
    /// What this lane has taken and not asked for yet.
    pub(super) queue: VecDeque<Piece>,
    /// The job whose folder is examined once everything sent so far is done.
    pub(super) source_open: Option<usize>,
    pub(super) examining: HashMap<CommandId, Examining>,
    pub(super) windows: HashMap<CommandId, Window>,
    /// Messages in windows.
    pub(super) asked: usize,
    pub(super) destination_open: Option<usize>,
    /// The SELECT in flight on the destination, with its target and the UIDVALIDITY it told.
    pub(super) selecting: HashMap<CommandId, (usize, u32)>,
    pub(super) flights: BTreeMap<CommandId, Flight>,
    /// Messages in flights.
    pub(super) in_flight: usize,
    /// Messages that leave together, not sent yet.
    pub(super) group: Option<Group>,
    /// Groups that are complete and not written down yet, in order.
    pub(super) held: VecDeque<Group>,
    pub(super) stream: Option<Stream>,
    pub(super) spool: Option<Spool>,
    /// Bytes of what was asked for and is not acknowledged.
    pub(super) reserved: u64,
    /// It takes nothing new.
    pub(super) leaving: bool,
    /// Its connections are those of the run, which goes on with them after the copy.
    first: bool,
    opened: Option<Instant>,
}

/// Both connections of a lane on their way up.
type Both = (Result<Opened, Error>, Result<Opened, Error>);

/// A lane that is being opened.
pub(super) struct Opening<'a> {
    lane: Box<Lane<'a>>,
    both: Pin<Box<dyn Future<Output = Both> + Send>>,
}

impl<'a> Lane<'a> {
    pub(super) fn new((source, destination): (&'a mut Link, &'a mut Link)) -> Self {
        Self {
            source,
            destination,
            queue: VecDeque::new(),
            source_open: None,
            examining: HashMap::new(),
            windows: HashMap::new(),
            asked: 0,
            destination_open: None,
            selecting: HashMap::new(),
            flights: BTreeMap::new(),
            in_flight: 0,
            group: None,
            held: VecDeque::new(),
            stream: None,
            spool: None,
            reserved: 0,
            leaving: false,
            first: false,
            opened: None,
        }
    }

    /// The one with the connections of the run.
    pub(super) fn first(links: (&'a mut Link, &'a mut Link)) -> Self {
        Self { first: true, ..Self::new(links) }
    }

    /// Messages that are here and not acknowledged yet.
    pub(super) fn on_their_way(&self) -> usize {
        self.in_flight + self.groups().map(Group::len).sum::<usize>()
    }

    fn groups(&self) -> impl Iterator<Item = &Group> {
        self.held.iter().chain(&self.group)
    }

    /// Nothing of it is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.windows.is_empty() && self.on_their_way() == 0 && self.stream.is_none() && self.spool.is_none()
    }

    fn left(&self) -> usize {
        self.queue.iter().map(|piece| piece.uids.len()).sum()
    }

    /// The jobs it has anything to do with.
    fn jobs(&self) -> impl Iterator<Item = usize> {
        let queued = self.queue.iter().map(|piece| piece.job);
        let streamed = self.stream.iter().map(|stream| stream.job);
        let spooled = self.spool.iter().map(|spool| spool.job);
        queued.chain(self.windows.values().map(|window| window.job)).chain(streamed).chain(spooled)
    }

    /// The targets that it has messages for.
    fn targets(&self) -> impl Iterator<Item = usize> {
        self.flights.values().map(|flight| flight.target).chain(self.groups().map(|group| group.target))
    }
}

impl Copier<'_> {
    /// Brings the next lane to hand.
    pub(super) fn turn(&mut self) {
        if let Some(mut next) = self.others.pop_front() {
            std::mem::swap(&mut self.lane, &mut next);
            self.others.push_back(next);
        }
    }

    pub(super) fn lanes(&self) -> usize {
        1 + self.others.len()
    }

    /// Lanes that take new work.
    pub(super) fn working(&self) -> usize {
        self.others.iter().filter(|lane| !lane.leaving).count() + usize::from(!self.lane.leaving)
    }

    /// Whether anything waits to be asked for.
    pub(super) fn is_queued(&self) -> bool {
        !self.queue.is_empty()
            || !self.lane.queue.is_empty()
            || self.others.iter().any(|lane| !lane.queue.is_empty())
    }

    fn left(&self) -> usize {
        let lanes = self.lane.left() + self.others.iter().map(|lane| lane.left()).sum::<usize>();
        lanes + self.queue.iter().map(|piece| piece.uids.len()).sum::<usize>()
    }

    /// Everything that waits is dropped from the queues.
    pub(super) fn empty_queues(&mut self) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = std::mem::take(&mut self.queue).into();
        pieces.extend(std::mem::take(&mut self.lane.queue));
        self.others.iter_mut().for_each(|lane| pieces.extend(std::mem::take(&mut lane.queue)));
        pieces
    }

    /// Gives the lane at hand something to do.
    pub(super) fn take_piece(&mut self) {
        // A folder of its own: two lanes in one folder disturb each other.
        let piece = match self.queue.iter().position(|piece| !self.is_shared(piece)) {
            Some(at) => self.queue.remove(at),
            None => self.queue.pop_front().or_else(|| self.divide()),
        };
        let Some(piece) = piece else { return };
        if self.is_shared(&piece) {
            let target = self.work.jobs[piece.job].target;
            let listing = &self.work.targets[target].listing;
            self.floors.entry(target).or_insert_with(|| Floor::new(listing)).cross();
        }
        self.lane.queue.push_back(piece);
    }

    /// Whether another lane has to do with the target of this piece.
    fn is_shared(&self, piece: &Piece) -> bool {
        let target = |job: usize| self.work.jobs[job].target;
        self.others
            .iter()
            .any(|lane| lane.jobs().map(target).chain(lane.targets()).any(|other| other == target(piece.job)))
    }

    /// The later half of what the lane with the most has left.
    fn divide(&mut self) -> Option<Piece> {
        let fullest = self.others.iter_mut().max_by_key(|lane| lane.left())?;
        let piece =
            fullest.queue.iter_mut().filter(|piece| !piece.whole).max_by_key(|piece| piece.uids.len())?;
        if piece.uids.len() < WORTH_DIVIDING {
            return None;
        }
        let job = piece.job;
        let mut half = piece.uids.split_off(piece.uids.len() / 2);
        // Where bodies tell what is a duplicate, the first of several stays the first only if one lane reads them all.
        if self.work.jobs[job].mode == Mode::SinglePass
            && let Some(sizes) = self.shared_sizes.get(&job)
        {
            let listing = &self.work.jobs[job].listing;
            let stays = |uid: &u32| listing.row(*uid).is_some_and(|row| sizes.contains(&row.size));
            piece.uids.extend(half.iter().copied().filter(stays));
            half.retain(|uid| !stays(uid));
            piece.whole = half.is_empty();
        }
        (!half.is_empty()).then(|| Piece::new(job, half))
    }

    /// Connections that are opened from now on compress, where the account leaves it to us.
    fn compress(&mut self) {
        tracing::info!("the line is slow: further connections compress");
        for lane in self.spares.iter_mut().chain([&mut self.lane]).chain(&mut self.others) {
            lane.source.compress();
            lane.destination.compress();
        }
    }

    /// Opens lanes, or lets some leave, until there are as many as pay.
    pub(super) fn adjust_lanes(&mut self) {
        if self.stopping {
            self.openings.clear();
            return;
        }
        let (left, now) = (self.left(), Instant::now());
        self.pairs.measure(now, self.done, left, self.working());
        if self.line.proves_slow(now, self.done) && left > 0 {
            self.compress();
        }
        let wanted = self.pairs.wanted();
        while self.working() + self.openings.len() < wanted
            && self.resume.is_none()
            && left > 0
            && let Some(lane) = self.spares.pop()
        {
            let (source, destination) = (lane.source.opener(), lane.destination.opener());
            let both = Box::pin(async move { tokio::join!(source, destination) });
            self.openings.push(Opening { lane, both });
        }
        let mut too_many = self.working().saturating_sub(wanted);
        for _ in 0..self.lanes() {
            if too_many > 0 && !self.lane.leaving && !self.lane.first {
                self.lane_leaves();
                too_many -= 1;
            }
            self.turn();
        }
    }

    /// The lane at hand takes nothing new; what it has not asked for yet is for the others.
    fn lane_leaves(&mut self) {
        self.lane.leaving = true;
        self.queue.extend(std::mem::take(&mut self.lane.queue));
    }

    /// Puts a lane aside that leaves and has nothing under way.
    pub(super) fn drop_left_lanes(&mut self) {
        for _ in 0..self.lanes() {
            if self.lane.leaving && self.lane.is_empty() && !self.others.is_empty() {
                self.put_aside();
            } else {
                self.turn();
            }
        }
    }

    fn put_aside(&mut self) {
        let Some(next) = self.others.pop_front() else { return };
        let mut lane = std::mem::replace(&mut self.lane, next);
        lane.source.drop_connection();
        lane.destination.drop_connection();
        let queue = std::mem::take(&mut lane.queue);
        self.queue.extend(queue);
        let Lane { source, destination, .. } = *lane;
        self.spares.push(Box::new(Lane { first: lane.first, ..Lane::new((source, destination)) }));
    }

    /// A connection of the lane at hand is gone. Where other lanes work on, this one is not opened again: true.
    pub(super) fn lane_is_lost(&mut self, side: Side, error: &Error) -> bool {
        let leaves = self.working() > usize::from(!self.lane.leaving);
        if !leaves || !(error.is_connection_lost() || error.is_retryable()) {
            return false;
        }
        tracing::info!(side = %side, "one of {} pairs of connections lost: {error}", self.lanes());
        let soon = self.lane.opened.is_some_and(|opened| opened.elapsed() < SOON);
        let staying = self.working() - usize::from(!self.lane.leaving);
        if soon || error.server_text().is_some() {
            self.pairs.refused(staying);
        }
        if side == Side::Destination {
            self.stream_aborts();
            self.forget_windows();
            self.lane.destination.drop_connection();
        }
        self.lane.source.drop_connection();
        self.lane_leaves();
        true
    }

    /// Looks whether a lane is open, or was refused.
    pub(super) fn poll_openings(&mut self, cx: &mut Context<'_>) -> bool {
        for at in 0..self.openings.len() {
            let Poll::Ready(both) = self.openings[at].both.as_mut().poll(cx) else { continue };
            let Opening { mut lane, .. } = self.openings.swap_remove(at);
            match both {
                (Ok(source), Ok(destination)) => {
                    lane.source.adopt(source);
                    lane.destination.adopt(destination);
                    lane.opened = Some(Instant::now());
                    self.others.push_back(lane);
                }
                (source, destination) => {
                    if let Some(error) = source.err().or(destination.err()) {
                        tracing::info!("no further pair of connections: {error}");
                    }
                    self.spares.push(lane);
                    self.pairs.refused(self.working());
                }
            }
            return true;
        }
        false
    }

    /// What every lane does about a capability that a server offers and refuses.
    pub(super) fn distrust(&mut self, capability: Capability) {
        self.lane.destination.distrust(capability);
        let spares = self.spares.iter_mut().chain(&mut self.others);
        spares.for_each(|lane| lane.destination.distrust(capability));
        self.openings.iter_mut().for_each(|opening| opening.lane.destination.distrust(capability));
    }
}
