//! A large message on its way straight through: never whole in memory, alone on the destination's connection.
//!
//! The last bytes of its APPEND are held back until its FETCH has closed with the UID and the length it should have;
//! otherwise the destination's connection is dropped, and half an APPEND stores nothing anywhere.

use super::Copier;
use super::intents::Number;
use super::spool::file_with;
use crate::error::{Error, ErrorKind};
use crate::imap::flow::CommandId;
use crate::imap::response::{Fetch, Item, Section};
use crate::message::{Digester, HeaderScanner, Identity, IdentityRules, Scope};
use crate::options::SyncOptions;
use crate::plan::{Decision, Outcome};
use crate::sync::broken::{self, Broken};
use bytes::{Bytes, BytesMut};
use std::fs::File;
use std::io::Write;

/// What a streamed message takes from the byte budget.
pub(super) const RESERVE: u64 = 256 * 1024;
/// A header longer than this is not waited for; its beginning serves for the identity.
pub(super) const LONGEST_HEADER: usize = 1 << 20;

/// The large message that is passing through.
pub(super) struct Stream {
    pub(super) window: CommandId,
    pub(super) job: usize,
    /// What names it.
    pub(super) intent: Number,
    /// 0 where it is not known which message it is.
    uid: u32,
    len: u64,
    received: u64,
    stage: Stage,
    header: BytesMut,
    scanner: HeaderScanner,
    header_end: Option<usize>,
    whole: Option<Digester>,
    body: Option<Digester>,
    held: Bytes,
    identity: Option<Identity>,
    /// Try it again when it has passed: something went wrong on the other side.
    again: Option<Error>,
    /// Its APPEND was answered early, and all that follows from that is done: its bytes only have to pass.
    answered: bool,
}

enum Stage {
    /// Its header is collected, then decided on.
    Header,
    /// It is to be sent once nothing else is in flight and it is written down.
    Draining,
    /// Its bytes go out as they come.
    Sending(CommandId),
    /// Its bytes go to a file: a transform wants to see all of it.
    Spooling(File),
    /// Its bytes are not wanted, or only for their digest.
    Discarding,
}

impl Stream {
    pub(super) fn may_read(&self, may_be_sent: bool, backlog: usize) -> bool {
        match self.stage {
            Stage::Draining => may_be_sent,
            Stage::Sending(_) => backlog < 1 << 20,
            Stage::Header | Stage::Spooling(_) | Stage::Discarding => true,
        }
    }
}

impl Copier<'_> {
    pub(super) fn stream_begins(&mut self, window: Option<CommandId>, uid: Option<u32>, len: u64) {
        // A literal before the last one's response has closed: that one never will.
        self.stream_aborts();
        let Some((id, window)) = window.and_then(|id| self.lane.windows.get(&id).map(|window| (id, window)))
        else {
            return;
        };
        let (job, intent) = (window.job, window.intent);
        let uid = match window.left.as_slice() {
            [only] => *only,
            left => uid.filter(|uid| left.binary_search(uid).is_ok()).unwrap_or(0),
        };
        let stage = if uid == 0 || self.broken.contains(&job) { Stage::Discarding } else { Stage::Header };
        self.lane.stream = Some(Stream {
            window: id,
            job,
            intent,
            uid,
            len,
            received: 0,
            stage,
            header: BytesMut::new(),
            scanner: HeaderScanner::new(),
            header_end: None,
            whole: None,
            body: None,
            held: Bytes::new(),
            identity: None,
            again: None,
            answered: false,
        });
    }

    pub(super) fn stream_chunk(&mut self, bytes: Bytes) {
        self.count_pace(bytes.len() as u64, 0);
        let Some(stream) = &mut self.lane.stream else { return };
        stream.received += bytes.len() as u64;
        if let Some(digester) = &mut stream.whole {
            digester.update(&bytes);
        }
        if let Some(digester) = &mut stream.body {
            digester.update(&bytes);
        }
        match &mut stream.stage {
            Stage::Discarding => {}
            Stage::Spooling(file) => {
                // Into the page cache; not worth a thread.
                if let Err(error) = file.write_all(&bytes) {
                    self.stream_fails(format!("the temporary file: {error}"));
                }
            }
            Stage::Sending(_) => {
                let ready = std::mem::replace(&mut stream.held, bytes);
                if let Some(connection) = self.lane.destination.connection() {
                    connection.supply(ready);
                }
            }
            Stage::Draining => {
                stream.header.extend_from_slice(&bytes);
                self.stream_send();
            }
            Stage::Header => {
                stream.header.extend_from_slice(&bytes);
                stream.header_end = stream.scanner.feed(&bytes);
                let complete = stream.received == stream.len;
                if stream.header_end.is_some() || stream.header.len() >= LONGEST_HEADER || complete {
                    self.stream_decide();
                }
            }
        }
    }

    /// The header is here: is the message wanted?
    fn stream_decide(&mut self) {
        let Some(stream) = &mut self.lane.stream else { return };
        let (job, uid) = (stream.job, stream.uid);
        if let Some(identity) = self.decided_identity(job, uid) {
            if let Some(stream) = &mut self.lane.stream {
                stream.identity = Some(identity);
            }
            return self.stream_send();
        }
        let shared = self.may_be_duplicate(job, uid);
        let Some(stream) = &mut self.lane.stream else { return };
        if shared {
            let mut digester = Digester::whole();
            digester.update(&stream.header);
            stream.whole = Some(digester);
        }
        let header = &stream.header[..stream.header_end.unwrap_or(stream.header.len())];
        let Some(identity) = self.options.identity.from_header(header) else {
            let mut digester = Digester::body();
            digester.update(&stream.header);
            stream.body = Some(digester);
            stream.stage = Stage::Discarding;
            return;
        };
        stream.identity = Some(identity);
        match self.ask_planner(job, uid, identity, None) {
            Decision::Copy => self.stream_send(),
            Decision::NeedDigests(_) => self.stream_stage(Stage::Discarding),
            decision => {
                self.stream_stage(Stage::Discarding);
                self.told(job, uid, decision);
            }
        }
    }

    /// It cannot be copied, for a reason on this machine.
    fn stream_fails(&mut self, why: String) {
        let Some(stream) = &mut self.lane.stream else { return };
        stream.stage = Stage::Discarding;
        let (job, uid) = (stream.job, stream.uid);
        let error =
            Error::new(ErrorKind::Append, why).in_folder(&*self.work.jobs[job].source_text).for_message(uid);
        self.work.settle(job, uid, Outcome::Failed(error));
    }

    fn stream_stage(&mut self, stage: Stage) {
        if let Some(stream) = &mut self.lane.stream {
            stream.stage = stage;
        }
    }

    /// Anything but a copy.
    fn told(&mut self, job: usize, uid: u32, decision: Decision) {
        match decision {
            Decision::Present { destination, how } => {
                self.work.settle(job, uid, Outcome::Present { destination, how })
            }
            Decision::Duplicate { of } => self.work.jobs[job].duplicates.push((uid, of)),
            Decision::Skip(reason) => self.work.settle(job, uid, Outcome::Skipped(reason)),
            Decision::Copy | Decision::NeedDigests(_) => {}
        }
    }

    /// Begins the APPEND, once nothing else is in flight on the destination and it is written down.
    pub(super) fn stream_send(&mut self) {
        if self.spools() {
            let Some(stream) = &mut self.lane.stream else { return };
            match file_with(&std::mem::take(&mut stream.header)) {
                Ok(file) => stream.stage = Stage::Spooling(file),
                Err(why) => self.stream_fails(why),
            }
            return;
        }
        let written = |stream: &Stream| self.intents.is_written(stream.intent);
        if self.lane.on_their_way() > 0 || !self.lane.stream.as_ref().is_none_or(written) {
            return self.stream_stage(Stage::Draining);
        }
        let Some(stream) = &mut self.lane.stream else { return };
        let end = stream.header_end.unwrap_or(0);
        let mut begun = std::mem::take(&mut stream.header).freeze();
        let before = begun.len() as u64;
        let changed = if end > 0 { transformed_header(self.options, &begun[..end]) } else { Ok(None) };
        match changed {
            Ok(Some(header)) => {
                let mut all = BytesMut::from(header.as_slice());
                all.extend_from_slice(&begun[end..]);
                begun = all.freeze();
            }
            Ok(None) => {}
            Err(why) => return self.stream_fails(why),
        }
        let len = stream.len - before + begun.len() as u64;
        let (job, uid, identity, complete) =
            (stream.job, stream.uid, stream.identity, stream.received == stream.len);
        let Some(id) = self.append_streamed(job, uid, identity, len) else {
            if let Some(stream) = &mut self.lane.stream {
                stream.stage = Stage::Discarding;
                stream.again =
                    Some(Error::new(ErrorKind::ConnectionLost, "the destination was not connected"));
            }
            return;
        };
        if let (false, Some(connection)) = (complete, self.lane.destination.connection()) {
            connection.supply(std::mem::take(&mut begun));
        }
        if let Some(stream) = &mut self.lane.stream {
            stream.held = begun;
            stream.stage = Stage::Sending(id);
        }
    }

    pub(super) fn stream_literal_ends(&mut self) {
        if matches!(&self.lane.stream, Some(Stream { stage: Stage::Header, .. })) {
            self.stream_decide();
        }
    }

    /// Its FETCH has closed: only now may the last bytes go.
    pub(super) fn stream_closes(&mut self, fetch: &Fetch) {
        if matches!(&self.lane.stream, Some(Stream { stage: Stage::Draining, .. })) {
            self.stream_send();
        }
        let Some(mut stream) = self.lane.stream.take() else { return };
        let (job, uid) = (stream.job, stream.uid);
        let right = matches!(fetch.uid, Item::Present(told) if told == uid)
            && matches!(fetch.sections.first(), Some((Section::Full, _)))
            && stream.received == stream.len;
        self.count_pace(0, 1);
        if right || stream.answered {
            self.strike_off(&stream);
        }
        match stream.stage {
            _ if stream.answered => {}
            Stage::Sending(id) if right => {
                self.lane.source.progress();
                if let Some(connection) = self.lane.destination.connection() {
                    connection.supply(std::mem::take(&mut stream.held));
                    tracing::debug!(id = id.0, "the large message is complete");
                }
                if let (Some(digester), Some(_)) = (stream.whole.take(), stream.identity) {
                    self.work.jobs[job].planner.learn_digest(uid, digester.finish());
                }
            }
            // What passed is not what was asked for; the window's end finds that it is still missing.
            Stage::Sending(id) => {
                self.flight_ends(id);
                self.drop_destination();
            }
            _ if !right => {}
            Stage::Spooling(file) => {
                self.lane.source.progress();
                if let (Some(digester), Some(_)) = (stream.whole.take(), stream.identity) {
                    self.work.jobs[job].planner.learn_digest(uid, digester.finish());
                }
                self.spool(job, uid, stream.identity, file);
            }
            _ => {
                self.release(job, uid);
                if let Some(why) = stream.again {
                    return self.again(job, uid, &why);
                }
                self.discarded(stream);
            }
        }
    }

    /// The FETCH is over: a large message that has not closed by now never will.
    pub(super) fn stream_window_ends(&mut self, window: CommandId) {
        if self.lane.stream.as_ref().is_some_and(|stream| stream.window == window) {
            self.stream_aborts();
        }
    }

    /// It has come: its window waits for it no longer.
    fn strike_off(&mut self, stream: &Stream) {
        if let Some(window) = self.lane.windows.get_mut(&stream.window)
            && let Ok(at) = window.left.binary_search(&stream.uid)
        {
            window.left.remove(at);
            self.lane.asked -= 1;
        }
    }

    /// It has passed for its digest only: now it can be decided on, and is read again where it is wanted.
    fn discarded(&mut self, stream: Stream) {
        let (job, uid) = (stream.job, stream.uid);
        if self.work.jobs[job].state(uid) != Some(crate::sync::work::State::Open) {
            return;
        }
        let digest = stream.whole.map(Digester::finish);
        let identity = match (stream.identity, stream.body) {
            (Some(identity), _) => identity,
            (None, Some(body)) => IdentityRules::from_body(body.finish()),
            (None, None) => return,
        };
        if self.work.jobs[job].duplicates.iter().any(|(waiting, _)| *waiting == uid) {
            return;
        }
        match self.ask_planner(job, uid, identity, digest) {
            Decision::Copy | Decision::NeedDigests(_) => {
                self.decided.insert((job, uid));
                self.lane.queue.push_front(super::Piece::alone(job, [uid].into()));
            }
            decision => self.told(job, uid, decision),
        }
    }

    /// The destination answered the streamed APPEND before it had all of it: true. The connection is out of step then.
    pub(super) fn stream_answered(&mut self, command: CommandId) -> bool {
        match &mut self.lane.stream {
            Some(stream) if matches!(stream.stage, Stage::Sending(id) if id == command) => {
                stream.stage = Stage::Discarding;
                stream.answered = true;
                true
            }
            _ => false,
        }
    }

    /// The source broke off in the middle of a large message, or its response could not be read: what may be wrong or half
    /// of it must not be stored.
    pub(super) fn stream_aborts(&mut self) {
        let Some(stream) = self.lane.stream.take() else { return };
        if stream.answered {
            self.strike_off(&stream);
        }
        if let Stage::Sending(id) = stream.stage {
            if broken::is(Broken::StoresHalfMessage)
                && let Some(connection) = self.lane.destination.connection()
            {
                let missing = usize::try_from(stream.len - stream.received).unwrap_or(0);
                connection.supply(stream.held);
                return connection.supply(vec![b' '; missing].into());
            }
            self.flight_ends(id);
            self.drop_destination();
        }
    }

    /// The destination is gone in the middle of a large message.
    pub(super) fn stream_loses_destination(&mut self) {
        if let Some(stream) = &mut self.lane.stream
            && let Stage::Sending(id) = stream.stage
        {
            stream.stage = Stage::Discarding;
            stream.again = Some(Error::new(
                ErrorKind::ConnectionLost,
                "the connection was lost in the middle of the message",
            ));
            self.flight_ends(id);
        }
    }
}

/// The message after the caller's transforms.
pub(super) fn transformed(options: &SyncOptions, message: Bytes) -> Result<Bytes, String> {
    if options.transforms.is_empty() {
        return Ok(message);
    }
    let mut message = message;
    for transform in &options.transforms {
        match transform.scope() {
            Scope::Header => {
                let mut scanner = HeaderScanner::new();
                let end = scanner.feed(&message).unwrap_or(message.len());
                if let Some(header) = transform.header(&message[..end])? {
                    let mut all = BytesMut::from(header.as_slice());
                    all.extend_from_slice(&message[end..]);
                    message = all.freeze();
                }
            }
            Scope::Whole => {
                let mut changed = Vec::with_capacity(message.len());
                transform
                    .whole(&mut &message[..], &mut changed)
                    .map_err(|e| format!("{}: {e}", transform.name()))?;
                message = changed.into();
            }
        }
    }
    Ok(message)
}

/// The header after the caller's transforms; None where nothing changes it.
fn transformed_header(options: &SyncOptions, header: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let mut changed: Option<Vec<u8>> = None;
    for transform in options.transforms.iter().filter(|t| t.scope() == Scope::Header) {
        if let Some(next) = transform.header(changed.as_deref().unwrap_or(header))? {
            changed = Some(next);
        }
    }
    Ok(changed)
}
