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
}

pub(super) enum Chunk {
    Bytes(Vec<u8>),
    Body(Body),
    Later(Later),
}

/// Makes the next piece of an answer; None: that was all.
pub(super) type Later = Box<dyn FnMut() -> Option<Output> + Send>;

impl Output {
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
