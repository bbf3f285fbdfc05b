//! A connection: bytes between a stream and the state machine, deadlines, and the protocol log.

use crate::account::Timeouts;
use crate::error::{Error, ErrorKind, Side};
use crate::imap::backoff;
use crate::imap::capability::Capabilities;
use crate::imap::command::Command;
use crate::imap::flow::{CommandId, Flow, FlowEvent, Output};
use crate::imap::frame::Limits;
use crate::imap::response::{Code, Status, StatusKind, Untagged};
use crate::imap::text::{escape, mask};
use crate::net::{BoxStream, Deflated};
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::AsyncWrite;
use tokio::time::{Instant, Sleep, sleep_until};

/// How much the read buffer grows by.
const READ_CHUNK: usize = 128 * 1024;
/// Output taken from the state machine at a time; what is not taken yet has certainly not reached the server.
const WRITE_AHEAD: usize = 256 * 1024;
/// Silence that is borne while the server stores a message whose last byte it has: a scanner may be at work on it, and to give
/// up means not to know whether it is there. What SMTP waits in this place (RFC 5321, section 4.5.3.2.6); that the peer is
/// there at all is what keepalive probes find out.
const STORING: Duration = Duration::from_secs(10 * 60);
/// Slices given to one write.
const SLICES: usize = 32;
/// Characters of one line of the protocol log.
const LONGEST_LOGGED: usize = 2000;
/// Texts for people that are kept until somebody takes them; what comes beyond is only logged.
const TOLD: usize = 100;

/// Bytes that went over a connection, as IMAP (before TLS).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// From the server.
    pub received: u64,
    /// To the server.
    pub sent: u64,
}

/// One IMAP connection. Commands are queued with [`Connection::submit`]; [`Connection::next`] moves bytes both ways and
/// gives what the server does. Dropping it closes the connection at once.
pub struct Connection {
    side: Side,
    stream: BoxStream,
    flow: Flow,
    timeouts: Timeouts,
    writing: VecDeque<Bytes>,
    writing_bytes: usize,
    unflushed: bool,
    at_end: bool,
    timer: Pin<Box<Sleep>>,
    /// Since when we wait for the server without a byte moving.
    silent_since: Option<Instant>,
    /// Since when the present state of waiting lasts, bytes or not.
    busy_since: Option<Instant>,
    traffic: Traffic,
    /// What the server has sent and is not in the protocol log yet.
    heard: Vec<u8>,
    /// What the server wants people to know, until it is taken.
    told: Vec<String>,
    /// What must never be shown, even when the server echoes it.
    secrets: Vec<String>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("side", &self.side)
            .field("traffic", &self.traffic)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// A connection over a stream whose greeting has not been read.
    pub fn new(side: Side, stream: BoxStream, limits: Limits, timeouts: Timeouts) -> Self {
        Self {
            side,
            stream,
            flow: Flow::new(limits),
            timeouts,
            writing: VecDeque::new(),
            writing_bytes: 0,
            unflushed: false,
            at_end: false,
            timer: Box::pin(sleep_until(Instant::now())),
            silent_since: None,
            busy_since: None,
            traffic: Traffic::default(),
            heard: Vec::new(),
            told: Vec::new(),
            secrets: Vec::new(),
        }
    }

    /// Names what is masked in every text that comes from this connection, even when the server echoes it.
    #[must_use]
    pub fn hiding(mut self, secrets: Vec<String>) -> Self {
        self.secrets = secrets;
        self
    }

    /// The text without the secrets.
    pub fn masked(&self, text: &str) -> String {
        let secrets: Vec<&str> = self.secrets.iter().map(String::as_str).collect();
        mask(text, &secrets)
    }

    /// What a status says, for people: `NO [OVERQUOTA] full`, without the secrets.
    pub fn said(&self, status: &Status) -> String {
        self.masked(&status.to_string())
    }

    /// What the server has said for people since the last call: alerts (RFC 9051 section 7.1), and warnings, which are
    /// NO and BAD without a tag.
    pub fn take_told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }

    fn listen(&mut self, status: &Status, tagged: bool) {
        let warns = !tagged && matches!(status.kind, StatusKind::No | StatusKind::Bad);
        if (warns || status.code == Some(Code::Alert)) && self.told.len() < TOLD {
            self.told.push(format!("{}: the server says: {}", self.side, self.said(status)));
        }
    }

    /// The bare stream, for the TLS handshake after STARTTLS.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Tls`] where the server sent anything behind its OK: somebody may have put it there (CVE-2011-0411).
    pub(crate) fn into_stream(self) -> Result<BoxStream, Error> {
        if !self.flow.is_drained() || !self.writing.is_empty() {
            return Err(Error::new(
                ErrorKind::Tls,
                "the server sent data between its answer to STARTTLS and the TLS handshake; somebody may be tampering with the connection",
            )
            .on(self.side));
        }
        Ok(self.stream)
    }

    /// The connection after the server's OK to COMPRESS: everything is compressed from now on.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Protocol`] where the server sent something behind its OK that is not compressed.
    pub(crate) fn compressed(self) -> Result<Self, Error> {
        if !self.flow.is_drained() || !self.writing.is_empty() {
            let text = "the server sent data between its answer to COMPRESS and the compressed stream";
            return Err(Error::new(ErrorKind::Protocol, text).on(self.side));
        }
        Ok(Self { stream: Box::new(Deflated::new(self.stream)), ..self })
    }

    /// The connection after STARTTLS, over TLS now: no greeting follows, and nothing learnt before is known.
    pub(crate) fn after_starttls(side: Side, stream: BoxStream, limits: Limits, timeouts: Timeouts) -> Self {
        Self { flow: Flow::after_starttls(limits), ..Self::new(side, stream, limits, timeouts) }
    }

    /// Which side it belongs to.
    pub fn side(&self) -> Side {
        self.side
    }

    /// The capabilities as last told.
    pub fn capabilities(&self) -> &Capabilities {
        self.flow.capabilities()
    }

    /// The capabilities, to take back what the server offers but does not do.
    pub fn capabilities_mut(&mut self) -> &mut Capabilities {
        self.flow.capabilities_mut()
    }

    /// The state machine.
    pub fn flow(&self) -> &Flow {
        &self.flow
    }

    /// Bytes moved so far.
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Queues a command.
    pub fn submit(&mut self, command: Command) -> CommandId {
        let described =
            tracing::enabled!(target: "imapsync::command", tracing::Level::DEBUG).then(|| command.describe());
        let id = self.flow.submit(command);
        if let Some(text) = described {
            tracing::debug!(target: "imapsync::command", side = %self.side, id = id.0, "{text}");
        }
        id
    }

    /// Gives the next bytes of the streamed APPEND at the head of the queue.
    pub fn supply(&mut self, bytes: Bytes) {
        self.flow.supply(bytes);
    }

    /// Bytes on their way to the socket: taken for writing, or supplied and not taken yet.
    pub fn backlog(&self) -> usize {
        self.writing_bytes + self.flow.supplied_bytes()
    }

    /// Literals above this size come in chunks from now on.
    pub fn detach_above(&mut self, bytes: u64) {
        self.flow.detach_above(bytes);
    }

    /// The next thing the server does. Writes what is queued meanwhile. May be dropped and called again at any time.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConnectionLost`], [`ErrorKind::Timeout`], [`ErrorKind::Protocol`]: the connection is of no more use.
    pub async fn next(&mut self) -> Result<FlowEvent, Error> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// An event that needs no I/O: what was received and not looked at yet.
    ///
    /// # Errors
    ///
    /// As [`Connection::next`].
    pub fn poll_buffered(&mut self) -> Result<Option<FlowEvent>, Error> {
        let event = self.flow.poll_event().map_err(|e| self.hide(e))?;
        if let Some(event) = &event {
            self.silent_since = None;
            self.log_event(event);
        }
        Ok(event)
    }

    /// The poll form of [`Connection::next`].
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<FlowEvent, Error>> {
        let result = self.poll_inner(cx);
        if result.is_ready() {
            self.silent_since = None;
        }
        result.map_err(|e| self.hide(e))
    }

    /// The error as it may be shown.
    fn hide(&self, error: Error) -> Error {
        error.on(self.side).told_by(|text| self.masked(text))
    }

    fn poll_inner(&mut self, cx: &mut Context<'_>) -> Poll<Result<FlowEvent, Error>> {
        loop {
            if let Some(event) = self.flow.poll_event()? {
                self.log_event(&event);
                if let FlowEvent::Untagged { data: Untagged::Status(status), .. } = &event
                    && status.kind == StatusKind::Bye
                    && self.flow.in_flight() == 0
                {
                    return Poll::Ready(Err(self.closed(None)));
                }
                return Poll::Ready(Ok(event));
            }
            let mut moved = self.poll_write(cx).map_err(|e| self.closed(Some(&e)))?;
            if !self.at_end {
                moved |= self.poll_read(cx).map_err(|e| self.closed(Some(&e)))?;
            } else {
                return Poll::Ready(Err(self.closed(None)));
            }
            if moved {
                self.silent_since = None;
                continue;
            }
            return self.poll_deadline(cx);
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        let stream = Pin::new(&mut self.stream);
        let buffer = self.flow.buffer();
        if buffer.capacity() - buffer.len() < READ_CHUNK / 4 {
            buffer.reserve(READ_CHUNK);
        }
        let before = buffer.len();
        match tokio_util::io::poll_read_buf(stream, cx, buffer) {
            Poll::Pending => Ok(false),
            Poll::Ready(Err(e)) => Err(e),
            Poll::Ready(Ok(0)) => {
                self.at_end = true;
                self.log_heard(true);
                Ok(true)
            }
            Poll::Ready(Ok(n)) => {
                self.traffic.received += n as u64;
                if tracing::enabled!(target: "imapsync::wire", tracing::Level::TRACE) {
                    self.heard.extend_from_slice(&self.flow.buffer()[before..]);
                    self.log_heard(false);
                }
                Ok(true)
            }
        }
    }

    /// Logs the lines that have come, in whatever pieces: a secret that comes in two pieces is seen in the whole line. What
    /// has no end is logged where it gets too long, or at the `end`.
    fn log_heard(&mut self, end: bool) {
        let whole = match memchr::memrchr(b'\n', &self.heard) {
            _ if end || self.heard.len() > LONGEST_LOGGED => self.heard.len(),
            at => at.map_or(0, |at| at + 1),
        };
        if whole > 0 {
            let text = self.masked(&escape(&self.heard[..whole], LONGEST_LOGGED));
            tracing::trace!(target: "imapsync::wire", side = %self.side, "<- {text}");
            self.heard.drain(..whole);
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        let mut moved = false;
        loop {
            while self.writing_bytes < WRITE_AHEAD
                && let Some(Output { bytes, secret }) = self.flow.poll_output()
            {
                if tracing::enabled!(target: "imapsync::wire", tracing::Level::TRACE) {
                    let text = if secret { "***".to_owned() } else { escape(&bytes, LONGEST_LOGGED) };
                    tracing::trace!(target: "imapsync::wire", side = %self.side, "-> {text}");
                }
                self.writing_bytes += bytes.len();
                self.writing.push_back(bytes);
                moved = true;
            }
            if self.writing.is_empty() {
                break;
            }
            let mut slices = [IoSlice::new(&[]); SLICES];
            let mut count = 0;
            for (slot, bytes) in slices.iter_mut().zip(&self.writing) {
                *slot = IoSlice::new(bytes);
                count += 1;
            }
            let stream = Pin::new(&mut self.stream);
            match stream.poll_write_vectored(cx, &slices[..count]) {
                Poll::Pending => return Ok(moved),
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(n)) => {
                    self.traffic.sent += n as u64;
                    self.written(n);
                    self.unflushed = true;
                    moved = true;
                }
                Poll::Ready(Err(e)) => return Err(e),
            }
        }
        if self.unflushed {
            match Pin::new(&mut self.stream).poll_flush(cx) {
                Poll::Pending => {}
                Poll::Ready(done) => {
                    done?;
                    self.unflushed = false;
                }
            }
        }
        Ok(moved)
    }

    fn written(&mut self, mut n: usize) {
        self.writing_bytes -= n;
        while n > 0
            && let Some(front) = self.writing.front_mut()
        {
            if front.len() > n {
                front.advance(n);
                return;
            }
            n -= front.len();
            self.writing.pop_front();
        }
    }

    /// Nothing moves: an error once the server has owed us something for too long.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<Result<FlowEvent, Error>> {
        if !self.flow.is_waiting() {
            self.busy_since = None;
            self.silent_since = None;
            return Poll::Pending;
        }
        let now = Instant::now();
        let silent = *self.silent_since.get_or_insert(now);
        let busy = *self.busy_since.get_or_insert(now);
        let idle = match self.flow.is_storing() && self.timeouts.idle > Duration::ZERO {
            true => self.timeouts.idle.max(STORING),
            false => self.timeouts.idle,
        };
        let limits = [(silent, idle, "said nothing"), (busy, self.timeouts.command, "did not finish")];
        let next = limits
            .iter()
            .filter(|(_, limit, _)| *limit > Duration::ZERO)
            .map(|(since, limit, what)| (*since + *limit, *limit, *what));
        let Some((deadline, limit, what)) = next.min_by_key(|(deadline, ..)| *deadline) else {
            return Poll::Pending;
        };
        if self.timer.deadline() != deadline {
            self.timer.as_mut().reset(deadline);
        }
        match self.timer.as_mut().poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => Poll::Ready(Err(Error::new(
                ErrorKind::Timeout,
                format!("the server {what} for {} seconds", limit.as_secs()),
            )
            .hint(format!("--timeout{} sets this limit", self.side.number())))),
        }
    }

    fn closed(&self, error: Option<&io::Error>) -> Error {
        let mut text = match error {
            Some(e) => format!("the connection broke: {e}"),
            None => "the server closed the connection".to_owned(),
        };
        if self.flow.in_flight() == 0 && self.flow.bye().is_none() && self.traffic.received == 0 {
            text.push_str(" without a greeting");
        }
        let error = Error::new(ErrorKind::ConnectionLost, text).on(self.side);
        match self.flow.bye() {
            Some(bye) => error.server_said(self.said(bye)).after(backoff::wait(bye)),
            None => error,
        }
    }

    fn log_event(&mut self, event: &FlowEvent) {
        match event {
            FlowEvent::Unreadable(what) => {
                tracing::debug!(target: "imapsync::command", side = %self.side, "skipped a line nobody can read: {}", self.masked(what));
            }
            FlowEvent::Greeting(status) => self.listen(status, false),
            FlowEvent::Untagged { data: Untagged::Status(status), .. } => self.listen(status, false),
            FlowEvent::Done { command, status, .. } => {
                self.listen(status, true);
                if self.flow.in_flight() == 0 {
                    self.busy_since = None;
                } else {
                    self.busy_since = Some(Instant::now());
                }
                tracing::debug!(target: "imapsync::command", side = %self.side, id = command.0, "{}", self.said(status));
            }
            _ => {}
        }
    }

    /// Sends one command and waits for its end; `untagged` sees its data.
    ///
    /// # Errors
    ///
    /// Those of [`Connection::next`]. A NO or BAD is not an error here: look at the status.
    pub async fn call(
        &mut self,
        command: Command,
        mut untagged: impl FnMut(Untagged),
    ) -> Result<Status, Error> {
        let id = self.submit(command);
        loop {
            match self.next().await? {
                FlowEvent::Untagged { command, data } if command == Some(id) => untagged(data),
                FlowEvent::Done { command, status, .. } if command == id => return Ok(status),
                _ => {}
            }
        }
    }
}
