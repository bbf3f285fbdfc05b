//! Digests of a message's content that survive what servers do to bytes.
//!
//! Servers write line ends their own way (CRLF for LF, CR CR LF for CRLF, bare CRs dropped), turn NUL into 0x80, add or
//! drop the last line end, and put an envelope line (`From `) in front or take it away. mbsync adds an `X-TUID:` line to the
//! header. None of that changes a digest.

use super::header::{LineKind, LineStart};
use memchr::memchr3;
use std::fmt;

/// 128 bits of BLAKE3 over the normalised content.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 16]);

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({:032x})", u128::from_be_bytes(self.0))
    }
}

/// Hashes with a tag that keeps different uses apart, cut to 128 bits.
pub(super) fn hash128(hasher: &blake3::Hasher) -> [u8; 16] {
    let mut out = [0; 16];
    hasher.finalize_xof().fill(&mut out);
    out
}

/// Digests a message that passes in pieces of any size.
///
/// ```
/// use imapsync_core::message::Digester;
/// let digest = |message: &[u8]| {
///     let mut digester = Digester::whole();
///     message.iter().for_each(|byte| digester.update(&[*byte]));
///     digester.finish()
/// };
/// assert_eq!(digest(b"Subject: a\r\n\r\nbody\r\n"), digest(b"Subject: a\n\nbody"));
/// assert_ne!(digest(b"Subject: a\r\n\r\nbody\r\n"), digest(b"Subject: b\r\n\r\nbody\r\n"));
/// ```
#[derive(Debug)]
pub struct Digester {
    part: Part,
    text: Text,
    stage: Stage,
    /// The bytes of a line that is not yet told.
    held: Vec<u8>,
    /// No line yet.
    first: bool,
    /// Nothing but fields, folds and blank lines so far.
    leading: bool,
    /// The header has ended.
    blank_seen: bool,
    /// The line above was a field, which was kept or not: a fold shares its fate.
    field_above: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    Body,
}

#[derive(Debug)]
enum Stage {
    /// At the start of a line that may not count.
    Start(LineStart),
    /// In the rest of such a line, which counts or not.
    Rest(bool),
    /// All that follows counts.
    All,
}

impl Digester {
    /// Over all of `BODY[]`. Two messages in one folder with the same identity, size and whole digest are duplicates.
    pub fn whole() -> Self {
        Self::new(Part::Whole, b"imapsync whole 1\n")
    }

    /// Over the text alone, for messages that have nothing else to be told by.
    ///
    /// It starts at the first line that is neither blank nor a field nor the fold of one: so the digest stays what it is
    /// when a tool puts a field in front of a message without a header, with or without a blank line behind it. Line ends
    /// do not count at all. That makes different messages agree now and then, which costs a closer look and no more: the
    /// identity made of this digest only groups messages, sizes and whole digests tell those of a group apart.
    pub fn body() -> Self {
        Self::new(Part::Body, b"imapsync body 1\n")
    }

    fn new(part: Part, tag: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(tag);
        Self {
            part,
            text: Text {
                hasher,
                buffer: Vec::new(),
                line_ends: part == Part::Whole,
                returns: 0,
                newlines: 0,
            },
            stage: Stage::Start(LineStart::default()),
            held: Vec::new(),
            first: true,
            leading: true,
            blank_seen: false,
            field_above: None,
        }
    }

    /// Takes the next piece of `BODY[]`.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while let [byte, rest @ ..] = bytes {
            match &mut self.stage {
                Stage::All => return self.text.add(bytes),
                Stage::Rest(counts) => {
                    let line_end = memchr::memchr(b'\n', bytes);
                    let (line, rest) = bytes.split_at(line_end.map_or(bytes.len(), |at| at + 1));
                    if *counts {
                        self.text.add(line);
                    }
                    if line_end.is_some() {
                        self.stage = self.next_line();
                    }
                    bytes = rest;
                }
                Stage::Start(start) => {
                    let verdict = start.push(*byte);
                    self.held.push(*byte);
                    bytes = rest;
                    if let Some(kind) = verdict {
                        let counts = self.counts(kind);
                        if counts {
                            self.text.add(&self.held);
                        }
                        self.held.clear();
                        self.stage = if *byte == b'\n' { self.next_line() } else { Stage::Rest(counts) };
                    }
                }
            }
        }
    }

    /// Whether a line counts.
    fn counts(&mut self, kind: LineKind) -> bool {
        let first = std::mem::replace(&mut self.first, false);
        let above = self.field_above.take();
        match (kind, above) {
            (LineKind::From, _) if first => return false,
            (LineKind::Field, _) => {
                let name = self.held.iter().filter(|byte| **byte != b'\r').map(u8::to_ascii_uppercase);
                let marker = !self.blank_seen && name.eq(*b"X-TUID:");
                let counts = !marker && (self.part == Part::Whole || !self.leading);
                self.field_above = Some(counts);
                return counts;
            }
            (LineKind::Fold, Some(counts)) => {
                self.field_above = above;
                return counts;
            }
            (LineKind::Blank, _) => self.blank_seen = true,
            _ => self.leading = false,
        }
        true
    }

    fn next_line(&self) -> Stage {
        if self.blank_seen && (self.part == Part::Whole || !self.leading) {
            Stage::All
        } else {
            Stage::Start(LineStart::default())
        }
    }

    /// The digest of what came.
    pub fn finish(mut self) -> Digest {
        if !self.held.is_empty() {
            // A line whose end is missing is told as if it were there; a last line end itself never counts.
            self.update(b"\n");
        }
        self.text.flush();
        Digest(hash128(&self.text.hasher))
    }
}

/// Hashes text in its normal form.
#[derive(Debug)]
struct Text {
    hasher: blake3::Hasher,
    /// The hash is fastest over long pieces, and lines are short.
    buffer: Vec<u8>,
    /// Whether line ends count; if not, CR and LF are left out.
    line_ends: bool,
    /// CRs of which it is not yet clear whether a LF follows. If it does, all of them are one line end, else each is one.
    returns: u64,
    /// Line ends that count once something follows.
    newlines: u64,
}

const BUFFER: usize = 16 * 1024;

impl Text {
    fn add(&mut self, mut bytes: &[u8]) {
        while let Some(first) = bytes.first() {
            match first {
                b'\r' => self.returns += 1,
                b'\n' => {
                    self.returns = 0;
                    self.newlines += 1;
                }
                0 => self.put(b"\x80"),
                _ => {
                    let (plain, rest) =
                        bytes.split_at(memchr3(b'\r', b'\n', 0, bytes).unwrap_or(bytes.len()));
                    self.put(plain);
                    bytes = rest;
                    continue;
                }
            }
            bytes = bytes.get(1..).unwrap_or_default();
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        let mut newlines = std::mem::take(&mut self.newlines) + std::mem::take(&mut self.returns);
        while self.line_ends && newlines > 0 {
            self.buffer.push(b'\n');
            newlines -= 1;
            if self.buffer.len() >= BUFFER {
                self.flush();
            }
        }
        for piece in bytes.chunks(BUFFER) {
            self.buffer.extend_from_slice(piece);
            if self.buffer.len() >= BUFFER {
                self.flush();
            }
        }
    }

    fn flush(&mut self) {
        self.hasher.update(&self.buffer);
        self.buffer.clear();
    }
}

#[cfg(test)]
mod tests;
