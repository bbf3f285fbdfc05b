//! Framing: cuts a server's byte stream into response lines and lets large literals flow past (RFC 9051 section 2.2.2).
//!
//! A [`Framer`] owns the stream. Whatever the pieces are in which the bytes arrive, every byte of text is looked at a
//! bounded number of times, a line is handed on as a slice of the receive buffer, and the bytes of a *detached* literal are never kept.
//!
//! ```
//! use imapsync_core::imap::frame::{Frame, Framer, Limits};
//! let mut framer = Framer::new(Limits::default());
//! framer.feed(b"* 1 FETCH (BODY[] {5}\r\nhel");
//! assert!(framer.next_frame().unwrap().is_none());
//! framer.feed(b"lo)\r\n");
//! let Some(Frame::Line(line)) = framer.next_frame().unwrap() else { panic!() };
//! assert_eq!(&line.bytes[..], b"* 1 FETCH (BODY[] {5}\r\nhello)");
//! assert_eq!(line.literals[0].at, 23);
//! ```

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memchr2, memchr3};

use super::text::escape;
use crate::error::{Error, ErrorKind};

#[cfg(test)]
mod tests;

/// Empty lines in a row before they count as an attack.
const MAX_EMPTY_LINES: usize = 100;

/// Detached literals in one response: each of them copies the line so far, so that their number must be small for
/// the whole to be linear. A sync asks for one or two.
const MAX_DETACHED: usize = 16;

/// What a server may make us hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one response, attached literals included, detached ones not. Default 64 MiB: SEARCH lines are long.
    pub max_line: usize,
    /// Literals in one response. Default 1,000.
    pub max_literals: usize,
    /// Open parentheses at any place of a response. Default 256.
    pub max_nesting: usize,
    /// Bytes of the largest literal that stays in its line; larger ones are detached. Default 1 MiB.
    pub inline_literal: u64,
    /// Bytes of the largest literal that is accepted at all. Default 16 GiB.
    pub max_literal: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_line: 64 << 20,
            max_literals: 1_000,
            max_nesting: 256,
            inline_literal: 1 << 20,
            max_literal: 16 << 30,
        }
    }
}

/// One step of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A whole response.
    Line(Line),
    /// A literal too large for its line begins. Its chunks and its [`Frame::LiteralEnd`] follow, then other literals
    /// or the [`Frame::Line`] that it belongs to.
    LiteralStart {
        /// The response so far, up to and including `{n}` CRLF. It is a prefix of the later [`Line::bytes`], and its
        /// literals are [`Framer::literals`].
        head: Bytes,
        /// The literal's place in [`Line::literals`].
        slot: usize,
        /// The announced length in bytes.
        len: u64,
    },
    /// The next bytes of the detached literal, as they arrived.
    LiteralChunk {
        /// As in [`Frame::LiteralStart`].
        slot: usize,
        /// At least one byte.
        bytes: Bytes,
    },
    /// All bytes of the detached literal have been handed on.
    LiteralEnd {
        /// As in [`Frame::LiteralStart`].
        slot: usize,
    },
}

/// A whole response.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// The response without its final line end. An attached literal stands in its place (`{5}` CRLF `hello`); of a
    /// detached one only the `{n}` CRLF stands there.
    pub bytes: Bytes,
    /// The literals, in the order of the line.
    pub literals: Vec<Literal>,
}

/// Where a literal of a [`Line`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Literal {
    /// The offset in [`Line::bytes`] where its content begins or, for a detached one, would begin.
    pub at: usize,
    /// Its length in bytes.
    pub len: u64,
    /// Whether its bytes were handed on as chunks and are not in the line.
    pub detached: bool,
}

/// Why a stream cannot be read any further. The connection is lost with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The bytes are not those of an IMAP server (TLS records on a plain port, HTTP). Holds the first bytes, escaped.
    #[error("this is not an IMAP server: {0}")]
    NotImap(String),
    /// A NUL outside a literal. Holds the bytes before it, escaped.
    #[error("a NUL byte in a response: {0}")]
    Nul(String),
    /// A response longer than [`Limits::max_line`] bytes.
    #[error("a response of more than {0} bytes: hostile or over limit")]
    LineTooLong(usize),
    /// A literal longer than [`Limits::max_literal`] bytes, or with a length that is no 64-bit number.
    #[error("a literal of more than {0} bytes: hostile or over limit")]
    LiteralTooLarge(u64),
    /// More literals in one response than [`Limits::max_literals`], or more than 16 detached ones.
    #[error("a response with too many literals: hostile or over limit")]
    TooManyLiterals,
    /// More open parentheses than [`Limits::max_nesting`].
    #[error("a response nested more than {0} levels deep: hostile or over limit")]
    TooDeep(usize),
    /// Hundreds of empty lines in a row.
    #[error("too many empty lines between responses")]
    EmptyLines,
}

impl From<FrameError> for Error {
    fn from(error: FrameError) -> Self {
        Self::new(ErrorKind::Protocol, error.to_string())
    }
}

/// Cuts a stream into [`Frame`]s. It does no I/O: bytes go in, frames come out.
///
/// Line ends are CRLF or bare LF. A literal is announced only at the very end of a line of data and outside a quoted
/// string: the text of OK, NO, BAD, BYE, PREAUTH, tagged and `+` lines never announces one.
#[derive(Debug)]
pub struct Framer {
    limits: Limits,
    buf: BytesMut,
    state: State,
    /// The response before `buf`: what precedes the last detached literal.
    head: Bytes,
    literals: Vec<Literal>,
    /// Where in `buf` the text after the last attached literal begins.
    segment: usize,
    /// No line end stands in `buf[segment..scanned]`.
    scanned: usize,
    /// Whether the response is data, which may hold literals, and not text for people.
    data: bool,
    depth: usize,
    empty_lines: usize,
    failed: Option<FrameError>,
    /// Bytes looked at or copied: the measure of the complexity tests.
    #[cfg(test)]
    work: usize,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Reading text up to a line end.
    Text,
    /// Waiting until `buf` holds an attached literal, which ends at this offset.
    Attached(usize),
    /// Handing on a detached literal.
    Detached { slot: usize, left: u64 },
}

impl Framer {
    /// A framer at the start of a stream.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            buf: BytesMut::new(),
            state: State::Text,
            head: Bytes::new(),
            literals: Vec::new(),
            segment: 0,
            scanned: 0,
            data: false,
            depth: 0,
            empty_lines: 0,
            failed: None,
            #[cfg(test)]
            work: 0,
        }
    }

    /// The receive buffer, to append what the socket gives (and nothing else). Reserving room is the caller's.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buf
    }

    /// Appends a copy of `bytes`.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }

    /// The next frame, or None until more bytes have come.
    ///
    /// # Errors
    /// The stream is broken or over a limit; every later call repeats the error.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.advance().inspect_err(|error| self.failed = Some(error.clone()))
    }

    /// Sets the largest literal that stays in its line, for literals announced from now on.
    pub fn set_inline_literal(&mut self, bytes: u64) {
        self.limits.inline_literal = bytes;
    }

    /// The literals of the response that is being read: after [`Frame::LiteralStart`], those of its head, itself included.
    pub fn literals(&self) -> &[Literal] {
        &self.literals
    }

    /// Whether nothing is buffered and no response is half read. At STARTTLS anything else is an attack.
    pub fn is_empty(&self) -> bool {
        self.buf.is_empty() && self.head.is_empty() && matches!(self.state, State::Text)
    }

    /// Takes the bytes that no frame has used, and starts anew (another layer, such as COMPRESS, reads on).
    pub fn take_rest(&mut self) -> BytesMut {
        let rest = std::mem::take(&mut self.buf);
        *self = Self::new(self.limits);
        rest
    }

    fn advance(&mut self) -> Result<Option<Frame>, FrameError> {
        loop {
            match self.state {
                State::Text => {
                    let Some(end) = self.find_line_end()? else { return Ok(None) };
                    if let Some(frame) = self.end_segment(end)? {
                        return Ok(Some(frame));
                    }
                }
                State::Attached(end) => {
                    if self.buf.len() < end {
                        return Ok(None);
                    }
                    self.segment = end;
                    self.scanned = end;
                    self.state = State::Text;
                }
                State::Detached { slot, left: 0 } => {
                    self.state = State::Text;
                    return Ok(Some(Frame::LiteralEnd { slot }));
                }
                State::Detached { slot, left } => {
                    // A length beyond usize is longer than any buffer.
                    let n = usize::try_from(left).unwrap_or(usize::MAX).min(self.buf.len());
                    if n == 0 {
                        return Ok(None);
                    }
                    self.state = State::Detached { slot, left: left - n as u64 };
                    return Ok(Some(Frame::LiteralChunk { slot, bytes: self.buf.split_to(n).freeze() }));
                }
            }
        }
    }

    /// Finds the end of the present line in what has not been looked at: the offset behind its LF.
    fn find_line_end(&mut self) -> Result<Option<usize>, FrameError> {
        if self.scanned == 0 && self.head.is_empty() && self.buf.first().is_some_and(|&b| !may_begin_line(b))
        {
            return Err(FrameError::NotImap(excerpt(&self.buf)));
        }
        let fresh = self.buf.get(self.scanned..).unwrap_or_default();
        let found = memchr2(b'\n', 0, fresh);
        let looked_at = found.map_or(fresh.len(), |at| at + 1);
        let end = self.scanned + looked_at;
        #[cfg(test)]
        {
            self.work += looked_at;
        }
        if self.head.len() + end > self.limits.max_line {
            return Err(FrameError::LineTooLong(self.limits.max_line));
        }
        self.scanned = end;
        match found {
            None => Ok(None),
            Some(at) if fresh[at] == 0 => {
                Err(FrameError::Nul(excerpt(self.buf.get(end.saturating_sub(40)..end).unwrap_or_default())))
            }
            Some(_) => Ok(Some(end)),
        }
    }

    /// Deals with the text before a line end: a literal begins, or the response is whole, or the line is empty.
    fn end_segment(&mut self, end: usize) -> Result<Option<Frame>, FrameError> {
        let segment = trim_line_end(self.buf.get(self.segment..end).unwrap_or_default());
        let text_end = self.segment + segment.len();
        #[cfg(test)]
        {
            self.work += segment.len();
        }
        if self.segment == 0 && self.head.is_empty() {
            if segment.is_empty() {
                self.empty_lines += 1;
                if self.empty_lines > MAX_EMPTY_LINES {
                    return Err(FrameError::EmptyLines);
                }
                let _ = self.buf.split_to(end);
                self.scanned = 0;
                return Ok(None);
            }
            if segment.starts_with(b"HTTP/") {
                return Err(FrameError::NotImap(excerpt(segment)));
            }
            self.empty_lines = 0;
            self.data = is_data(segment);
        }
        if self.data {
            let in_quotes = scan_structure(segment, &mut self.depth, self.limits.max_nesting)?;
            if !in_quotes && let Some(len) = announced(segment, self.limits.max_literal)? {
                return self.begin_literal(end, len);
            }
        }
        let mut tail = self.buf.split_to(end);
        tail.truncate(text_end);
        let bytes = self.join(tail.freeze());
        self.head = Bytes::new();
        self.segment = 0;
        self.scanned = 0;
        self.depth = 0;
        Ok(Some(Frame::Line(Line { bytes, literals: std::mem::take(&mut self.literals) })))
    }

    /// A literal of `len` bytes begins at `buf[end]`.
    fn begin_literal(&mut self, end: usize, len: u64) -> Result<Option<Frame>, FrameError> {
        let slot = self.literals.len();
        if slot >= self.limits.max_literals {
            return Err(FrameError::TooManyLiterals);
        }
        let at = self.head.len() + end;
        let detached = len > self.limits.inline_literal;
        self.literals.push(Literal { at, len, detached });
        if detached {
            if self.literals.iter().filter(|literal| literal.detached).count() > MAX_DETACHED {
                return Err(FrameError::TooManyLiterals);
            }
            let piece = self.buf.split_to(end).freeze();
            self.head = self.join(piece);
            self.segment = 0;
            self.scanned = 0;
            self.state = State::Detached { slot, left: len };
            return Ok(Some(Frame::LiteralStart { head: self.head.clone(), slot, len }));
        }
        match usize::try_from(len).ok().and_then(|len| len.checked_add(end)) {
            Some(until) if until <= self.limits.max_line.saturating_sub(self.head.len()) => {
                self.state = State::Attached(until);
                Ok(None)
            }
            _ => Err(FrameError::LineTooLong(self.limits.max_line)),
        }
    }

    /// The response so far with `tail` behind it: a copy only where a literal has been detached.
    fn join(&mut self, tail: Bytes) -> Bytes {
        if self.head.is_empty() {
            return tail;
        }
        let mut whole = BytesMut::with_capacity(self.head.len() + tail.len());
        whole.extend_from_slice(&self.head);
        whole.extend_from_slice(&tail);
        #[cfg(test)]
        {
            self.work += whole.len();
        }
        whole.freeze()
    }
}

/// Whether a line can begin with this byte: printable ASCII, or the start of an empty line.
fn may_begin_line(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\r' | b'\n')
}

/// The beginning of `bytes` for an error message.
fn excerpt(bytes: &[u8]) -> String {
    escape(&bytes[..bytes.len().min(60)], 60)
}

/// Without the LF and any CR before it.
fn trim_line_end(line: &[u8]) -> &[u8] {
    let mut line = line.strip_suffix(b"\n").unwrap_or(line);
    while let Some(shorter) = line.strip_suffix(b"\r") {
        line = shorter;
    }
    line
}

/// Whether a response is `*` with data, and not a status, a continuation, a tagged line or noise, whose text may end in `{5}`.
fn is_data(line: &[u8]) -> bool {
    let Some(rest) = line.trim_ascii_start().strip_prefix(b"*") else { return false };
    let rest = rest.trim_ascii_start();
    let word = &rest[..memchr(b' ', rest).unwrap_or(rest.len())];
    !["OK", "NO", "BAD", "BYE", "PREAUTH"].iter().any(|status| word.eq_ignore_ascii_case(status.as_bytes()))
}

/// Follows quotes and parentheses through one piece of text: whether it ends inside a quoted string.
///
/// A quote within an atom opens nothing: a keyword such as `a"b` must not hide the literal behind it.
fn scan_structure(text: &[u8], depth: &mut usize, max: usize) -> Result<bool, FrameError> {
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| memchr3(b'"', b'(', b')', rest)) {
        let here = at + found;
        at = here + 1;
        match text[here] {
            b'(' => {
                *depth += 1;
                if *depth > max {
                    return Err(FrameError::TooDeep(max));
                }
            }
            b')' => *depth = depth.saturating_sub(1),
            _ if here == 0 || matches!(text[here - 1], b' ' | b'(' | b')' | b'"') => loop {
                let Some(found) = text.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) else {
                    return Ok(true);
                };
                let escaped = text[at + found] == b'\\';
                at += found + 1 + usize::from(escaped);
                if !escaped {
                    break;
                }
            },
            _ => {}
        }
    }
    Ok(false)
}

/// The length in a `{n}`, `{n+}` or `~{n}` at the end of `text`.
fn announced(text: &[u8], max: u64) -> Result<Option<u64>, FrameError> {
    let Some(inner) = text.strip_suffix(b"}") else { return Ok(None) };
    let inner = inner.strip_suffix(b"+").unwrap_or(inner);
    let digits = inner.len() - inner.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let (before, digits) = inner.split_at(digits);
    let Some(before) = before.strip_suffix(b"{") else { return Ok(None) };
    let before = before.strip_suffix(b"~").unwrap_or(before);
    // Behind anything else it is the end of an atom, such as a folder's name from a server that does not quote.
    if digits.is_empty() || !matches!(before.last(), None | Some(b' ' | b'(')) {
        return Ok(None);
    }
    // 20 digits hold every 64-bit number.
    let len = (digits.len() <= 20).then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten();
    match len {
        Some(len) if len <= max => Ok(Some(len)),
        _ => Err(FrameError::LiteralTooLarge(max)),
    }
}
