//! The source side of a copy: windows asked for ahead, and what becomes of each message that arrives.

use super::intents::Number;
use super::{Copier, MESSAGES_AHEAD, MESSAGES_AHEAD_OF_LITERALS};
use crate::error::{Error, ErrorKind, Side};
use crate::imap::backoff;
use crate::imap::command::{Command, FetchItems, Uids};
use crate::imap::flow::{CommandId, FlowEvent};
use crate::imap::response::{Body, Code, Fetch, Item, Status, StatusKind, Untagged};
use crate::imap::uidset::UidSet;
use crate::message::{Digest, Digester, Identity, IdentityRules, Key};
use crate::plan::{Candidate, Decision, How, Outcome, PlanRules, SkipReason};
use crate::sync::broken::{self, Broken};
use crate::sync::read::{Part, Reading, read};
use crate::sync::work::Mode;
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Bytes and messages of one window; several are in flight.
const WINDOW_BYTES: u64 = 2 << 20;
const WINDOW_MESSAGES: usize = 200;
/// How often a folder that is refused for the time being is tried again, with no message in between.
const REOPENINGS: u32 = 3;
/// What Courier serves, with OK, in place of a message that somebody else has expunged.
const COURIER_GONE: &[u8] = b"This message is no longer available on the server.";

/// One FETCH in flight.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) job: usize,
    /// Asked for and not seen yet, ascending.
    pub(super) left: Vec<u32>,
    /// Answered with an empty body although the listing gives a size.
    pub(super) empty: Vec<u32>,
    /// Something came meanwhile that nobody can read; it may have been one of these messages.
    pub(super) noise: bool,
    pub(super) alone: bool,
    /// What names its messages.
    pub(super) intent: Number,
}

/// What one lane may have on its way: messages, messages of one window, bytes.
struct Share {
    messages: usize,
    window: usize,
    bytes: u64,
}

/// One EXAMINE in flight.
#[derive(Debug)]
pub(super) struct Examining {
    job: usize,
    uid_validity: u32,
}

impl Copier<'_> {
    /// Asks for as much as budget and bounds allow.
    pub(super) async fn pump_source(&mut self) -> Result<(), Error> {
        if self.lane.is_empty() {
            // Nothing is on its way, so nothing is held. Were a share of the budget lost it must not stop the copy.
            debug_assert_eq!((self.lane.reserved, self.lane.asked), (0, 0), "a share of the budget was lost");
            (self.lane.reserved, self.lane.asked) = (0, 0);
        }
        while !self.stopping && !self.lane.leaving && self.resume.is_none() && self.has_room() {
            let Some((job, uids, alone)) = self.next_window() else { return Ok(()) };
            if self.lane.source.connection().is_none() {
                self.lane.source_open = None;
                self.put_back(job, uids);
                self.send_group();
                self.lane.source.ready().await?;
                continue;
            }
            let reserve: u64 = uids.iter().map(|uid| self.reserve_of(job, *uid)).sum();
            let limit = self.stream_above();
            let Some(connection) = self.lane.source.connection() else { continue };
            connection.detach_above(limit);
            if self.lane.source_open != Some(job) {
                let id = connection.submit(Command::Examine(self.work.jobs[job].source.clone()));
                self.lane.examining.insert(id, Examining { job, uid_validity: 0 });
                self.lane.source_open = Some(job);
            }
            let set = UidSet::from_uids(uids.iter().copied());
            let id = connection.submit(Command::UidFetch { uids: Uids::Set(set), items: FetchItems::Full });
            self.lane.reserved += reserve;
            self.lane.asked += uids.len();
            let intent = self.intend(job, &uids);
            let window = Window { job, left: uids, empty: Vec::new(), noise: false, alone, intent };
            self.lane.windows.insert(id, window);
        }
        Ok(())
    }

    /// Whether a window is worth asking for: were each acknowledged message replaced at once, windows would shrink to
    /// one message each.
    fn has_room(&self) -> bool {
        let Share { messages, window, bytes } = self.share();
        let worthwhile = self.lane.asked + self.lane.on_their_way() + window <= messages
            && self.lane.reserved + WINDOW_BYTES.min(bytes / 8) <= bytes;
        worthwhile || (self.lane.windows.is_empty() && self.lane.on_their_way() == 0)
    }

    /// What this lane may have on its way.
    fn share(&self) -> Share {
        let lanes = self.lanes().max(self.pairs.wanted());
        let (bytes, messages) = self.meter.ahead();
        let most = if self.synchronising { MESSAGES_AHEAD_OF_LITERALS } else { MESSAGES_AHEAD };
        let (bytes, messages) = (bytes.min(self.options.memory as u64), messages.min(most));
        let messages = (messages / lanes).max((2 * WINDOW_MESSAGES).min(messages));
        Share { messages, window: WINDOW_MESSAGES.min(messages.div_ceil(2)), bytes: bytes / lanes as u64 }
    }

    /// Takes the next messages off the queue, as many as fit. One always fits where nothing else is in flight.
    fn next_window(&mut self) -> Option<(usize, Vec<u32>, bool)> {
        let share = self.share();
        loop {
            if self.lane.queue.is_empty() {
                self.take_piece();
            }
            let piece = self.lane.queue.front()?;
            let (job, alone) = (piece.job, piece.alone);
            let mut uids = Vec::new();
            let (mut bytes, mut spans) = (0, 0);
            while let Some(uid) = self.lane.queue.front().and_then(|piece| piece.uids.front().copied()) {
                let open = self.work.jobs[job].state(uid) == Some(crate::sync::work::State::Open);
                if !open || self.broken.contains(&job) {
                    self.lane.queue.front_mut()?.uids.pop_front();
                    continue;
                }
                if let Some(reason) = self.skip_before_fetch(job, uid) {
                    self.lane.queue.front_mut()?.uids.pop_front();
                    self.work.settle(job, uid, Outcome::Skipped(reason));
                    continue;
                }
                let size = self.work.jobs[job].listing.row(uid).map_or(0, |row| row.size);
                if !self.allowance.admits((job, uid), size) {
                    self.lane.queue.front_mut()?.uids.pop_front();
                    continue;
                }
                let reserve = self.reserve_of(job, uid);
                let large = size > self.stream_above();
                let nothing_else = self.lane.reserved == 0 && uids.is_empty();
                // What failed twice goes by itself: were it to blame, it would take others with it each time.
                if !nothing_else && self.tries.get(&(job, uid)).is_some_and(|tries| *tries >= 2) {
                    break;
                }
                let fits = self.lane.reserved + bytes + reserve <= share.bytes
                    && self.lane.asked + self.lane.on_their_way() + uids.len() < share.messages;
                if !(fits || nothing_else) || (!uids.is_empty() && (large || alone)) {
                    break;
                }
                if uids.last().is_none_or(|last: &u32| last.checked_add(1) != Some(uid)) {
                    spans += 1;
                }
                self.lane.queue.front_mut()?.uids.pop_front();
                uids.push(uid);
                bytes += reserve;
                // A span is at most 22 characters long: far below what any server takes in a line.
                if large || alone || bytes >= WINDOW_BYTES || uids.len() >= share.window || spans >= 300 {
                    break;
                }
            }
            if self.lane.queue.front().is_some_and(|piece| piece.uids.is_empty()) {
                self.lane.queue.pop_front();
            } else if uids.is_empty() {
                return None;
            }
            if !uids.is_empty() {
                uids.sort_unstable();
                return Some((job, uids, alone));
            }
        }
    }

    /// Rules that need no bytes, for messages that the planner has not been asked about.
    fn skip_before_fetch(&self, job: usize, uid: u32) -> Option<SkipReason> {
        let rules = PlanRules { append_limit: self.append_limit, ..PlanRules::default() };
        rules.skip(self.work.jobs[job].listing.row(uid)?.size)
    }

    pub(super) fn source_event(&mut self, event: FlowEvent) {
        match event {
            FlowEvent::Untagged { command: Some(id), data } => self.source_data(id, data),
            FlowEvent::Done { command, status, .. } => self.source_done(command, &status),
            FlowEvent::LiteralStart { command, uid, len } => self.stream_begins(command, uid, len),
            FlowEvent::LiteralChunk(bytes) => self.stream_chunk(bytes),
            FlowEvent::LiteralEnd => self.stream_literal_ends(),
            FlowEvent::Unreadable(_) => self.lane.windows.values_mut().for_each(|window| window.noise = true),
            _ => {}
        }
    }

    fn source_data(&mut self, id: CommandId, data: Untagged) {
        if let Some(examining) = self.lane.examining.get_mut(&id) {
            if let Untagged::Status(Status { code: Some(Code::UidValidity(n)), .. }) = data {
                examining.uid_validity = n;
            }
            return;
        }
        let Untagged::Fetch(fetch) = data else { return };
        if self.lane.stream.as_ref().is_some_and(|stream| stream.window == id) && is_detached(&fetch) {
            self.stream_closes(&fetch);
            return;
        }
        let Item::Present(uid) = fetch.uid else { return };
        let Some(window) = self.lane.windows.get_mut(&id) else { return };
        let (job, intent) = (window.job, window.intent);
        let Ok(at) = window.left.binary_search(&uid) else { return };
        if self.broken.contains(&job) {
            return;
        }
        let listed = self.work.jobs[job].listing.row(uid).map_or(0, |row| row.size);
        let message = match fetch.sections.into_iter().next() {
            Some((_, Body::Bytes(message)))
                if listed == 0
                    || !is_blank(&message, listed) && !swallows(&message, listed)
                    || broken::is(Broken::StoresEmptyMessage) =>
            {
                message
            }
            _ => {
                window.empty.push(uid);
                return;
            }
        };
        // Behind a line that nobody could read, this may be the answer to another command, of another folder even. It is
        // asked for again by itself; there its size tells.
        if window.noise && !(window.alone && message.len() as u64 == listed) {
            return;
        }
        window.left.remove(at);
        self.lane.asked -= 1;
        if message.len() as u64 != listed
            && message.len() < 4096
            && memchr::memmem::find(&message, COURIER_GONE).is_some()
        {
            self.work.settle(job, uid, Outcome::Vanished);
            self.release(job, uid);
            return;
        }
        self.lane.source.progress();
        self.reopened.remove(&job);
        self.message(job, uid, intent, message);
    }

    /// A whole message is here: what shall become of it?
    fn message(&mut self, job: usize, uid: u32, intent: Number, message: Bytes) {
        self.count_pace(message.len() as u64, 1);
        let (identity, decision) = self.decide(job, uid, &message);
        match decision {
            Decision::Copy | Decision::NeedDigests(_) => {
                self.send((job, uid), identity, intent, message);
            }
            Decision::Present { destination, how } => {
                self.work.settle(job, uid, Outcome::Present { destination, how });
                self.release(job, uid);
            }
            Decision::Duplicate { of } => {
                self.work.jobs[job].duplicates.push((uid, of));
                self.release(job, uid);
            }
            Decision::Skip(reason) => {
                self.work.settle(job, uid, Outcome::Skipped(reason));
                self.release(job, uid);
            }
        }
    }

    fn decide(&mut self, job: usize, uid: u32, message: &[u8]) -> (Option<Identity>, Decision) {
        if let Some(identity) = self.decided_identity(job, uid) {
            return (Some(identity), Decision::Copy);
        }
        let identity = self.options.identity.from_header(message).unwrap_or_else(|| {
            self.work.ledger.report.headerless[0] += 1;
            let mut digester = Digester::body();
            digester.update(message);
            IdentityRules::from_body(digester.finish())
        });
        let digest = self.may_be_duplicate(job, uid).then(|| {
            let mut digester = Digester::whole();
            digester.update(message);
            digester.finish()
        });
        let decision = self.ask_planner(job, uid, identity, digest);
        (Some(identity), decision)
    }

    /// The identity of a message that is to be copied without asking again.
    pub(super) fn decided_identity(&self, job: usize, uid: u32) -> Option<Identity> {
        let scanned = self.work.jobs[job].mode == Mode::Scanned;
        self.identity(job, uid).filter(|_| scanned || self.decided.contains(&(job, uid)))
    }

    /// Asks the planner about a message of a single pass, or one whose header could not be had before, and keeps its
    /// identity.
    pub(super) fn ask_planner(
        &mut self,
        at: usize,
        uid: u32,
        identity: Identity,
        digest: Option<Digest>,
    ) -> Decision {
        if let Some(present) = self.late_match(at, identity) {
            return present;
        }
        let job = &mut self.work.jobs[at];
        let Some(row) = job.at(uid) else { return Decision::Copy };
        if job.identities.len() < job.listing.rows.len() {
            job.identities.resize(job.listing.rows.len(), None);
        }
        job.identities[row] = Some(identity);
        let size = job.listing.rows[row].size;
        let digest = digest.or(broken::is(Broken::CollapsesTwins).then_some(Digest([0; 16])));
        let decision = job.planner.decide(Candidate { uid, size, identity, digest });
        if decision == Decision::Copy {
            self.decided.insert((at, uid));
        }
        decision
    }

    /// In a scanned folder a message whose header could not be had is compared with the target only now.
    fn late_match(&mut self, at: usize, identity: Identity) -> Option<Decision> {
        let job = &self.work.jobs[at];
        if job.mode != Mode::Scanned {
            return None;
        }
        let target = &mut self.work.targets[job.target];
        let late = self.late.entry(job.target).or_insert_with(|| {
            let mut late: HashMap<Key, Vec<u32>> = HashMap::new();
            for (row, identity) in target.listing.rows.iter().zip(&target.identities).rev() {
                if let Some(identity) = identity.filter(|_| !target.taken.contains(&row.uid)) {
                    late.entry(identity.key).or_default().push(row.uid);
                }
            }
            late
        });
        let destination = late.get_mut(&identity.key)?.pop()?;
        target.taken.insert(destination);
        Some(Decision::Present { destination, how: How::KeyOtherSize })
    }

    /// Whether another message of the folder has the same size: only then can it be a duplicate.
    pub(super) fn may_be_duplicate(&self, job: usize, uid: u32) -> bool {
        let size = self.work.jobs[job].listing.row(uid).map(|row| row.size);
        size.is_some_and(|size| self.shared_sizes.get(&job).is_some_and(|sizes| sizes.contains(&size)))
    }

    pub(super) fn identity(&self, job: usize, uid: u32) -> Option<Identity> {
        self.work.jobs[job].identity(uid)
    }

    fn source_done(&mut self, id: CommandId, status: &Status) {
        if let Some(examining) = self.lane.examining.remove(&id) {
            self.examined(examining, status);
            return;
        }
        self.stream_window_ends(id);
        let Some(window) = self.lane.windows.remove(&id) else { return };
        self.lane.asked -= window.left.len();
        for uid in &window.left {
            self.release(window.job, *uid);
        }
        if self.broken.contains(&window.job) {
            return;
        }
        let said = self.lane.source.said(status);
        if let Some(pause) = backoff::wait(status) {
            let folder = &*self.work.jobs[window.job].source_text;
            let error = Error::new(ErrorKind::Fetch, "the server asks to wait, again and again")
                .on(Side::Source)
                .in_folder(folder)
                .server_said(said);
            self.rest(Side::Source, pause);
            if status.code == Some(Code::ExpungeIssued) {
                self.lane.source_open = None;
            }
            let mut left = window.left;
            left.retain(|uid| {
                self.may_wait(window.job, *uid)
                    || self.may_try(window.job, *uid, &error.clone().for_message(*uid))
            });
            return self.put_back(window.job, left);
        }
        for uid in window.left {
            let tried = self.tries.get(&(window.job, uid)).copied().unwrap_or(0) > 0;
            if window.alone && tried && broken::is(Broken::CallsUnreadVanished) {
                self.work.settle(window.job, uid, Outcome::Vanished);
                continue;
            }
            let error = Error::new(ErrorKind::Fetch, "the server did not give the message")
                .on(Side::Source)
                .in_folder(&*self.work.jobs[window.job].source_text)
                .for_message(uid)
                .server_said(said.clone());
            if window.alone && tried {
                self.missing.push((window.job, uid, error));
            } else {
                self.again(window.job, uid, &error);
            }
        }
    }

    /// What did not come although it was asked for alone is gone where its folder, opened again, does not list it any more.
    pub(super) async fn settle_missing(&mut self) -> Result<(), Error> {
        let missing = std::mem::take(&mut self.missing);
        let mut uids: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        for (job, uid, _) in &missing {
            uids.entry(*job).or_default().push(*uid);
        }
        let reading = |(folder, uids)| {
            let job: &crate::sync::work::Job = &self.work.jobs[folder];
            let (mailbox, uid_validity) = (job.source.clone(), job.listing.uid_validity);
            Reading { folder, mailbox, uid_validity, uids, part: Part::Flags }
        };
        let readings: Vec<Reading> = uids.into_iter().map(reading).collect();
        let mut listed: HashSet<(usize, u32)> = HashSet::new();
        let refusals = read(self.lane.source, &readings, |job, uid, _| {
            listed.insert((job, uid));
        })
        .await?;
        self.lane.source_open = None;
        let refused: HashSet<usize> = refusals.into_iter().map(|(job, _)| job).collect();
        for (job, uid, error) in missing {
            let gone = !listed.contains(&(job, uid)) && !refused.contains(&job);
            self.work.settle(job, uid, if gone { Outcome::Vanished } else { Outcome::Failed(error) });
        }
        Ok(())
    }

    /// The folder is open again: is it still the one that was listed?
    fn examined(&mut self, examining: Examining, status: &Status) {
        if let Some(pause) = backoff::wait(status)
            && self.may_reopen(examining.job)
        {
            return self.rest(Side::Source, pause);
        }
        let job = &self.work.jobs[examining.job];
        let mut uid_validity = examining.uid_validity;
        if let Some(Code::UidValidity(n)) = status.code {
            uid_validity = n;
        }
        let problem = if status.kind != StatusKind::Ok && broken::is(Broken::ReadsBehindFailedSelect) {
            None
        } else if status.kind != StatusKind::Ok {
            Some(
                Error::new(ErrorKind::Select, "the folder can no longer be opened")
                    .server_said(self.lane.source.said(status)),
            )
        } else if uid_validity != job.listing.uid_validity && !broken::is(Broken::KeepsUidsOfAnotherFolder) {
            Some(Error::new(
                ErrorKind::Select,
                "the folder's UIDVALIDITY changed during the run: it is another folder now",
            ))
        } else {
            None
        };
        if let Some(problem) = problem {
            let problem = problem.on(Side::Source).in_folder(&*job.source_text);
            self.broken.insert(examining.job);
            self.work.ledger.fail(problem.clone());
            self.work.settle_rest(examining.job, &Outcome::Failed(problem));
        }
    }

    /// A folder is refused for the time being: whether it may be tried again. The windows behind answer for another folder,
    /// if at all.
    fn may_reopen(&mut self, job: usize) -> bool {
        let times = self.reopened.entry(job).or_default();
        *times += 1;
        if *times > REOPENINGS {
            return false;
        }
        let behind: Vec<CommandId> =
            self.lane.windows.iter().filter(|(_, window)| window.job == job).map(|(id, _)| *id).collect();
        for id in &behind {
            self.stream_window_ends(*id);
        }
        let windows =
            behind.into_iter().filter_map(|id| Some((id, self.lane.windows.remove(&id)?))).collect();
        self.take_back(windows);
        self.lane.source_open = self.lane.source_open.filter(|open| *open != job);
        true
    }

    pub(super) fn source_lost(&mut self, error: Error) -> Result<(), Error> {
        self.stream_aborts();
        self.forget_windows();
        self.lane.source_open = None;
        if self.lane_is_lost(Side::Source, &error) {
            return Ok(());
        }
        self.lane.source.lost(error)
    }

    /// What was asked for and has not come goes back into the queue.
    pub(super) fn forget_windows(&mut self) {
        self.lane.examining.clear();
        let windows = self.lane.windows.drain().collect();
        self.take_back(windows);
    }

    fn take_back(&mut self, mut windows: Vec<(CommandId, Window)>) {
        windows.sort_by_key(|(id, _)| std::cmp::Reverse(*id));
        for (_, window) in windows {
            self.lane.asked -= window.left.len();
            for uid in &window.left {
                self.release(window.job, *uid);
            }
            if window.alone && !self.stopping {
                self.lane.queue.push_front(super::Piece::alone(window.job, window.left.into()));
            } else {
                self.put_back(window.job, window.left);
            }
        }
    }

    /// Gives the reserved bytes of a message back.
    pub(super) fn release(&mut self, job: usize, uid: u32) {
        self.lane.reserved = self.lane.reserved.saturating_sub(self.reserve_of(job, uid));
    }

    /// Whether the source's next bytes may be read: not while a large message waits for the destination, nor while the
    /// destination wants a pause.
    pub(super) fn may_read_source(&mut self) -> bool {
        let backlog = self.lane.destination.connection().map_or(0, |c| c.backlog());
        match &self.lane.stream {
            _ if self.lane.spool.is_some() || self.slowed.is_some() => false,
            // What comes would be sent at once.
            None if self.resume.as_ref().is_some_and(|rest| rest.destination) => false,
            Some(stream) => {
                let free = self.lane.on_their_way() == 0 && self.intents.is_written(stream.intent);
                stream.may_read(free, backlog)
            }
            None => true,
        }
    }
}

/// Whether a message that the listing calls longer came as nothing, or as nothing but the end of a header.
fn is_blank(message: &[u8], listed: u64) -> bool {
    (message.len() as u64) < listed && message.iter().all(|byte| matches!(byte, b'\r' | b'\n'))
}

/// Whether the end of the response stands in the message just where it ends by the listing: its literal was announced longer
/// than it is, and has swallowed what came next.
fn swallows(message: &[u8], listed: u64) -> bool {
    usize::try_from(listed)
        .ok()
        .and_then(|at| message.get(at..))
        .is_some_and(|rest| rest.starts_with(b")\r\n"))
}

fn is_detached(fetch: &Fetch) -> bool {
    matches!(fetch.sections.first(), Some((_, Body::Detached { .. })))
}
