//! An answer on its way out: lines, and bodies that are made only while they are sent.

use super::body::Body;
use std::fmt;
use std::io::Write as _;

/// Bodies longer than this are not put into one piece with the lines around them.
const INLINE: u64 = 64 * 1024;

/// An answer.
#[derive(Default)]
pub(super) struct Output {
    chunks: Vec<Chunk>,
    noise: Option<Noise>,
}

/// What stands between the lines of a server that says more than it was asked; all of it is true.
struct Noise {
    /// How many messages the client knows of in the selected folder.
    exists: Option<usize>,
    lines: usize,
}

pub(super) enum Chunk {
    Bytes(Vec<u8>),
    Body(Body),
    Later(Later),
}

/// Makes the next piece of an answer; None: that was all.
pub(super) type Later = Box<dyn FnMut() -> Option<Output> + Send>;

impl Output {
    /// An answer with noise between its lines.
    pub(super) fn noisy(exists: Option<usize>) -> Self {
        Self { chunks: Vec::new(), noise: Some(Noise { exists, lines: 0 }) }
    }

    /// No noise from here on.
    pub(super) fn quiet(&mut self) {
        self.noise = None;
    }

    /// The number of messages is another one from here on, or there is none.
    pub(super) fn exist(&mut self, number: Option<usize>) {
        if let Some(noise) = &mut self.noise {
            noise.exists = number;
        }
    }

    /// This text.
    pub(super) fn put(&mut self, text: fmt::Arguments<'_>) {
        if !matches!(self.chunks.last(), Some(Chunk::Bytes(_))) {
            self.chunks.push(Chunk::Bytes(Vec::new()));
        }
        if let Some(Chunk::Bytes(last)) = self.chunks.last_mut() {
            // Writing to memory cannot fail.
            let _ = last.write_fmt(text);
        }
    }

    /// What is made only while it is sent: an answer to millions of messages.
    pub(super) fn later(&mut self, later: Later) {
        self.chunks.push(Chunk::Later(later));
    }

    /// Bytes that it holds now.
    pub(super) fn len(&self) -> usize {
        let len = |chunk: &Chunk| if let Chunk::Bytes(bytes) = chunk { bytes.len() } else { 0 };
        self.chunks.iter().map(len).sum()
    }

    /// These bytes.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        match self.chunks.last_mut() {
            Some(Chunk::Bytes(last)) => last.extend_from_slice(bytes),
            _ => self.chunks.push(Chunk::Bytes(bytes.to_vec())),
        }
    }

    /// A line; its end is added.
    pub(super) fn line(&mut self, line: impl AsRef<[u8]>) {
        self.bytes(line.as_ref());
        self.bytes(b"\r\n");
        let Some(noise) = &mut self.noise else { return };
        noise.lines += 1;
        match noise.exists {
            Some(number) if noise.lines % 2 == 0 => self.put(format_args!("* {number} EXISTS\r\n")),
            _ => self.bytes(b"* OK still here\r\n"),
        }
    }

    /// ` NAME {n}` and a literal.
    pub(super) fn section(&mut self, name: &str, body: &Body) {
        self.put(format_args!("{name} {{{}}}\r\n", body.len()));
        if body.len() <= INLINE {
            self.bytes(&body.to_bytes());
        } else {
            self.chunks.push(Chunk::Body(body.clone()));
        }
    }

    /// A name of a mailbox as a quoted string, or as a literal where it cannot stand in one.
    pub(super) fn name(&mut self, name: &[u8]) {
        if name.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            self.put(format_args!("{{{}}}\r\n", name.len()));
            self.bytes(name);
            return;
        }
        let mut quoted = vec![b'"'];
        for byte in name {
            if matches!(byte, b'"' | b'\\') {
                quoted.push(b'\\');
            }
            quoted.push(*byte);
        }
        quoted.push(b'"');
        self.bytes(&quoted);
    }

    /// What it consists of.
    pub(super) fn chunks(self) -> Vec<Chunk> {
        self.chunks
    }

    /// All of it in one piece.
    pub(super) fn flatten(self) -> Vec<u8> {
        let mut out = Vec::new();
        for chunk in self.chunks {
            match chunk {
                Chunk::Bytes(bytes) if out.is_empty() => out = bytes,
                Chunk::Bytes(bytes) => out.extend_from_slice(&bytes),
                Chunk::Body(body) => out.extend_from_slice(&body.to_bytes()),
                Chunk::Later(mut later) => {
                    while let Some(more) = later() {
                        out.extend_from_slice(&more.flatten());
                    }
                }
            }
        }
        out
    }
}
