//! One connection as a state machine without I/O: many commands in flight, bytes in, bytes out.
//!
//! The caller does three things, in any order, until nothing moves:
//!
//! 1. read into [`Flow::buffer`] (or [`Flow::feed`]);
//! 2. [`Flow::poll_event`] until it gives None;
//! 3. write what [`Flow::poll_output`] gives.
//!
//! There is no clock and no socket here; a test drives it with strings. Untagged data is given to the oldest command
//! in flight that asked for such data, and never to one behind a SELECT or EXAMINE that is not done.

mod owner;
mod pieces;
#[cfg(test)]
mod tests;

use crate::error::{Error, ErrorKind};
use crate::imap::capability::Capabilities;
use crate::imap::command::{Command, FetchItems, Piece, Uids, decode_base64, encode_base64};
use crate::imap::frame::{Frame, Framer, Limits, Line};
use crate::imap::response::{self, Code, Response, Status, StatusKind, Untagged};
use crate::imap::sasl::Exchange;
use crate::imap::text::escape;
use bytes::{Bytes, BytesMut};
use pieces::Pieces;
use std::collections::VecDeque;

/// A command in flight, in the order of submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub(crate) u64);

/// What the server did.
#[derive(Debug)]
pub enum FlowEvent {
    /// The greeting; the first event of every connection.
    Greeting(Status),
    /// Untagged data, with the command that asked for it where one did.
    Untagged {
        /// The command it belongs to.
        command: Option<CommandId>,
        /// The data.
        data: Untagged,
    },
    /// A large literal that a command asked for begins; its bytes follow as chunks, then the response it stands in.
    LiteralStart {
        /// The command it belongs to.
        command: Option<CommandId>,
        /// The UID it is for, where the server has named it already.
        uid: Option<u32>,
        /// Its length.
        len: u64,
    },
    /// Some bytes of the large literal.
    LiteralChunk(Bytes),
    /// The large literal is complete; its response is not yet.
    LiteralEnd,
    /// The server waits for the streamed literal of this APPEND: [`Flow::supply`] it.
    Ready(CommandId),
    /// A command is complete.
    Done {
        /// Which.
        command: CommandId,
        /// How it ended.
        status: Status,
        /// The server may have had all of it: whatever it says, it may have done what it was told.
        whole: bool,
    },
    /// A line that nobody can read; skipped.
    Unreadable(String),
}

/// What a command expects, kept while it is in flight.
#[derive(Debug)]
enum Kind {
    Select,
    Fetch { uids: Uids, items: FetchItems },
    Search,
    Status(crate::imap::name::MailboxName),
    List,
    Lsub,
    Namespace,
    Capability,
    Enable,
    Id,
    Store,
    Expunge,
    Append,
    Authenticate(Exchange),
    Logout,
    Noop,
    Other,
}

impl Kind {
    /// Whether it is about the messages of the folder that is open.
    fn needs_folder(&self) -> bool {
        matches!(self, Self::Fetch { .. } | Self::Search | Self::Store | Self::Expunge)
    }
}

#[derive(Debug)]
struct InFlight {
    id: CommandId,
    kind: Kind,
    /// Its last byte has been handed out for writing.
    sent: bool,
}

/// One item of the output queue.
#[derive(Debug)]
enum Out {
    Bytes { id: CommandId, bytes: Bytes, secret: bool },
    Await(CommandId),
    Streamed { id: CommandId, remaining: u64, ready_told: bool },
    End(CommandId),
}

/// A piece of output: what to write, and how it may be logged.
#[derive(Debug)]
pub struct Output {
    /// The bytes.
    pub bytes: Bytes,
    /// They hold a secret.
    pub secret: bool,
}

/// The state machine of one connection.
#[derive(Debug)]
pub struct Flow {
    framer: Framer,
    capabilities: Capabilities,
    next_id: u64,
    in_flight: VecDeque<InFlight>,
    output: VecDeque<Out>,
    events: VecDeque<FlowEvent>,
    supplied: VecDeque<Bytes>,
    greeted: bool,
    /// Somebody has asked for the large literal that passes.
    literal_wanted: bool,
    /// The message that FETCH responses tell of.
    pieces: Pieces,
    bye: Option<Status>,
}

impl Flow {
    /// A connection whose greeting is still to come.
    pub fn new(limits: Limits) -> Self {
        Self {
            framer: Framer::new(limits),
            capabilities: Capabilities::default(),
            next_id: 1,
            in_flight: VecDeque::new(),
            output: VecDeque::new(),
            events: VecDeque::new(),
            supplied: VecDeque::new(),
            greeted: false,
            literal_wanted: false,
            pieces: Pieces::default(),
            bye: None,
        }
    }

    /// A connection after STARTTLS: the greeting has been, nothing else is remembered (RFC 9051 section 6.2.1).
    pub fn after_starttls(limits: Limits) -> Self {
        Self { greeted: true, ..Self::new(limits) }
    }

    /// The buffer that the caller reads into.
    pub fn buffer(&mut self) -> &mut BytesMut {
        self.framer.buffer()
    }

    /// Takes bytes from the server.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.framer.feed(bytes);
    }

    /// Whether everything received has been understood, with nothing left over.
    pub fn is_drained(&self) -> bool {
        self.framer.is_empty() && self.events.is_empty()
    }

    /// The capabilities as last told.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// The capabilities, to take back what a server offers but does not do.
    pub fn capabilities_mut(&mut self) -> &mut Capabilities {
        &mut self.capabilities
    }

    /// The BYE of the server, where it has said one.
    pub fn bye(&self) -> Option<&Status> {
        self.bye.as_ref()
    }

    /// How many commands are in flight.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Whether the server owes us something.
    pub fn is_waiting(&self) -> bool {
        !self.greeted || !self.in_flight.is_empty()
    }

    /// Whether all that the server is at work on is an APPEND of which it has every byte.
    pub fn is_storing(&self) -> bool {
        self.in_flight.front().is_some_and(|c| matches!(c.kind, Kind::Append) && c.sent)
    }

    /// Whether the command is in flight and its last byte may have reached the server.
    pub fn may_have_been_applied(&self, command: CommandId) -> bool {
        self.in_flight.iter().any(|c| c.id == command && c.sent)
    }

    /// Whether the command is in flight and any of its bytes may have reached the server.
    pub fn may_have_begun(&self, command: CommandId) -> bool {
        let at_work = matches!(self.output.front(),
            Some(Out::Bytes { id, .. } | Out::Await(id) | Out::Streamed { id, .. } | Out::End(id)) if *id == command);
        at_work || self.may_have_been_applied(command)
    }

    /// Queues a command behind all others.
    pub fn submit(&mut self, mut command: Command) -> CommandId {
        let id = CommandId(self.next_id);
        self.next_id += 1;
        let secret = command.is_secret();
        let pieces = command.encode(&tag(id), &self.capabilities);
        for piece in pieces {
            self.output.push_back(match piece {
                Piece::Bytes(bytes) => Out::Bytes { id, bytes, secret },
                Piece::AwaitContinuation => Out::Await(id),
                Piece::Streamed(remaining) => Out::Streamed { id, remaining, ready_told: false },
            });
        }
        self.output.push_back(Out::End(id));
        let kind = match command {
            Command::Select(_) | Command::Examine(_) => Kind::Select,
            Command::UidFetch { uids, items } => Kind::Fetch { uids, items },
            Command::UidChanges { uids, .. } => Kind::Fetch { uids, items: FetchItems::Flags },
            Command::UidSearch(_) => Kind::Search,
            Command::Status { mailbox, .. } => Kind::Status(mailbox),
            Command::List { .. } => Kind::List,
            Command::Lsub => Kind::Lsub,
            Command::Namespace => Kind::Namespace,
            Command::Capability | Command::Login { .. } => Kind::Capability,
            Command::Enable(_) => Kind::Enable,
            Command::Id(_) => Kind::Id,
            Command::UidStore { .. } => Kind::Store,
            Command::UidExpunge(_) | Command::Expunge => Kind::Expunge,
            Command::Append(_) => Kind::Append,
            Command::Authenticate(exchange) => Kind::Authenticate(exchange),
            Command::Logout => Kind::Logout,
            Command::Noop => Kind::Noop,
            Command::StartTls | Command::Compress | Command::Create(_) | Command::Subscribe(_) => Kind::Other,
        };
        self.in_flight.push_back(InFlight { id, kind, sent: false });
        id
    }

    /// Gives the next bytes of a streamed literal. More than was declared is a caller's mistake and is cut off.
    pub fn supply(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.supplied.push_back(bytes);
        }
    }

    /// Bytes supplied for a streamed literal that have not been handed out.
    pub fn supplied_bytes(&self) -> usize {
        self.supplied.iter().map(Bytes::len).sum()
    }

    /// Literals above this size come in chunks from now on.
    pub fn detach_above(&mut self, bytes: u64) {
        self.framer.set_inline_literal(bytes);
    }

    /// What to write next; None while there is nothing, or while a literal waits for the server or the caller.
    pub fn poll_output(&mut self) -> Option<Output> {
        loop {
            match self.output.front_mut()? {
                Out::Bytes { bytes, secret, .. } => {
                    let output = Output { bytes: std::mem::take(bytes), secret: *secret };
                    self.output.pop_front();
                    self.pass_ends();
                    return Some(output);
                }
                Out::Await(_) => return None,
                Out::Streamed { remaining: 0, .. } => {
                    self.output.pop_front();
                    self.pass_ends();
                }
                Out::Streamed { id, remaining, ready_told } => {
                    if !*ready_told {
                        *ready_told = true;
                        self.events.push_back(FlowEvent::Ready(*id));
                    }
                    let mut bytes = self.supplied.pop_front()?;
                    let most = usize::try_from(*remaining).unwrap_or(usize::MAX);
                    if bytes.len() > most {
                        bytes.truncate(most);
                    }
                    *remaining -= bytes.len() as u64;
                    return Some(Output { bytes, secret: false });
                }
                Out::End(_) => self.pass_ends(),
            }
        }
    }

    /// Marks the commands at the front of the queue whose last byte is out.
    fn pass_ends(&mut self) {
        while let Some(Out::End(id)) = self.output.front() {
            let id = *id;
            self.output.pop_front();
            if let Some(command) = self.in_flight.iter_mut().rev().find(|c| c.id == id) {
                command.sent = true;
            }
        }
    }

    /// The next thing the server did.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Protocol`]: the stream is not IMAP, or out of step; the connection must be dropped.
    pub fn poll_event(&mut self) -> Result<Option<FlowEvent>, Error> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            let Some(frame) = self.framer.next_frame().map_err(|e| protocol(e.to_string()))? else {
                return Ok(None);
            };
            if let Some(event) = self.take_frame(frame)? {
                return Ok(Some(event));
            }
        }
    }

    fn take_frame(&mut self, frame: Frame) -> Result<Option<FlowEvent>, Error> {
        let line = match frame {
            Frame::Line(line) => line,
            Frame::LiteralStart { head, len, .. } => {
                let head = Line { bytes: head, literals: self.framer.literals().to_vec() };
                let fetch = response::fetch_head(&head);
                if !self.greeted {
                    return Err(protocol("a literal before the greeting".into()));
                }
                let command = fetch.as_ref().and_then(|head| owner::of_large_literal(&self.in_flight, head));
                let uid = fetch.and_then(|fetch| fetch.uid.present());
                self.literal_wanted = command.is_some();
                return Ok(self.literal_wanted.then_some(FlowEvent::LiteralStart { command, uid, len }));
            }
            Frame::LiteralChunk { bytes, .. } => {
                return Ok(self.literal_wanted.then_some(FlowEvent::LiteralChunk(bytes)));
            }
            Frame::LiteralEnd { .. } => return Ok(self.literal_wanted.then_some(FlowEvent::LiteralEnd)),
        };
        let response = match response::parse(&line) {
            Ok(response) => response,
            Err(unreadable) if self.greeted => return Ok(Some(FlowEvent::Unreadable(unreadable.what))),
            Err(_) => {
                return Err(protocol(format!("no IMAP greeting but: {}", escape(&line.bytes, 100))));
            }
        };
        if !self.greeted {
            let Response::Untagged(Untagged::Status(status)) = response else {
                return Err(protocol(format!("no IMAP greeting but: {}", escape(&line.bytes, 100))));
            };
            self.greeted = true;
            self.learn(&status);
            return Ok(Some(FlowEvent::Greeting(status)));
        }
        match response {
            Response::Continue(challenge) => self.continuation(&challenge.raw),
            Response::Tagged { tag, status } => self.tagged(&tag, status).map(Some),
            Response::Untagged(Untagged::Fetch(fetch)) if fetch.is_of_several() => {
                Ok(Some(FlowEvent::Unreadable("a FETCH response with several whole messages".into())))
            }
            Response::Untagged(mut data) => {
                if let Untagged::Status(status) = &data {
                    self.learn(status);
                }
                if let Untagged::Capability(capabilities) = &data {
                    self.capabilities = capabilities.clone();
                }
                self.pieces.join(&mut data);
                let command = owner::of(&self.in_flight, &mut data);
                Ok(Some(FlowEvent::Untagged { command, data }))
            }
        }
    }

    fn learn(&mut self, status: &Status) {
        if let Some(Code::Capability(capabilities)) = &status.code {
            self.capabilities = capabilities.clone();
        }
        if status.kind == StatusKind::Bye {
            self.bye = Some(status.clone());
        }
    }

    fn continuation(&mut self, text: &[u8]) -> Result<Option<FlowEvent>, Error> {
        if let Some(Out::Await(_)) = self.output.front() {
            self.output.pop_front();
            return Ok(None);
        }
        let exchange = self.in_flight.iter_mut().find_map(|c| match &mut c.kind {
            Kind::Authenticate(exchange) if c.sent => Some((c.id, exchange)),
            _ => None,
        });
        let Some((id, exchange)) = exchange else {
            return Err(protocol("a continuation (+) that nobody waits for".into()));
        };
        let challenge = decode_base64(text).ok_or("the server's challenge is no base64");
        let answer = challenge.and_then(|challenge| exchange.respond(&challenge));
        // `*` cancels the exchange; the server then ends it with BAD (RFC 9051 section 6.2.2).
        let mut line = match answer {
            Ok(bytes) => encode_base64(&bytes),
            Err(why) => {
                exchange.cancel(why);
                "*".to_owned()
            }
        }
        .into_bytes();
        line.extend_from_slice(b"\r\n");
        self.output.push_front(Out::Bytes { id, bytes: line.into(), secret: true });
        Ok(None)
    }

    fn tagged(&mut self, tag_bytes: &[u8], status: Status) -> Result<FlowEvent, Error> {
        self.pieces.forget();
        let position = self.in_flight.iter().position(|c| tag(c.id).as_bytes() == tag_bytes);
        let Some(position) = position else {
            return Err(protocol(format!("a reply to no command of ours: {}", escape(tag_bytes, 40))));
        };
        let Some(mut done) = self.in_flight.remove(position) else {
            return Err(protocol("a reply to no command of ours".into()));
        };
        if status.kind == StatusKind::Ok && !done.sent {
            // Nobody can have done what nobody has read.
            return Err(protocol("an OK to a command that has not been sent to its end".into()));
        }
        // No server may open a folder before it has answered what concerns the one before, nor the other way round
        // (RFC 9051 section 5.5): a reply has been swallowed, by a literal that announced too much, say.
        let overtakes = |older: &InFlight| match (&done.kind, &older.kind) {
            (Kind::Select, older) => older.needs_folder(),
            (kind, Kind::Select) => kind.needs_folder() && status.kind == StatusKind::Ok,
            _ => false,
        };
        if self.in_flight.iter().take(position).any(overtakes) {
            return Err(protocol("a reply came before one that it cannot come before".into()));
        }
        self.learn(&status);
        self.withdraw(done.id)?;
        let mut status = status;
        if let Kind::Authenticate(exchange) = &mut done.kind
            && let Some(detail) = exchange.failure_detail()
        {
            status.add(detail);
        }
        Ok(FlowEvent::Done { command: done.id, status, whole: done.sent })
    }

    /// A command that ended early: what of it has not begun to be sent is not sent. A literal that has been announced
    /// without waiting must still be sent in full, or the server would take what follows for its bytes.
    fn withdraw(&mut self, id: CommandId) -> Result<(), Error> {
        if let Some(Out::Await(waiting)) = self.output.front()
            && *waiting == id
        {
            while let Some(
                Out::Bytes { id: of, .. } | Out::Await(of) | Out::Streamed { id: of, .. } | Out::End(of),
            ) = self.output.front()
                && *of == id
            {
                self.output.pop_front();
            }
            return Ok(());
        }
        if matches!(self.output.front(), Some(Out::Streamed { id: of, remaining, .. }) if *of == id && *remaining > 0)
        {
            return Ok(());
        }
        if self.output.iter().any(|out| matches!(out, Out::End(of) if *of == id))
            && !matches!(self.output.front(), Some(Out::Bytes { id: of, .. } | Out::End(of)) if *of == id)
        {
            return Err(protocol("a reply to a command that was not sent yet".into()));
        }
        Ok(())
    }

    /// Whether the streamed literal of this command still needs bytes.
    pub fn wants_bytes(&self, command: CommandId) -> bool {
        self.output
            .iter()
            .any(|out| matches!(out, Out::Streamed { id, remaining, .. } if *id == command && *remaining > 0))
    }
}

fn tag(id: CommandId) -> String {
    format!("a{}", id.0)
}

fn protocol(text: String) -> Error {
    Error::new(ErrorKind::Protocol, text)
}
