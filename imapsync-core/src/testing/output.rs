//! An answer on its way out: lines, and bodies that are made only while they are sent.

use super::body::Body;

/// Bodies longer than this are not put into one piece with the lines around them.
const INLINE: u64 = 64 * 1024;

/// An answer.
#[derive(Debug, Default)]
pub(super) struct Output {
    chunks: Vec<Chunk>,
}

#[derive(Debug)]
pub(super) enum Chunk {
    Bytes(Vec<u8>),
    Body(Body),
}

impl Output {
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
        self.bytes(format!("{name} {{{}}}\r\n", body.len()).as_bytes());
        if body.len() <= INLINE {
            self.bytes(&body.to_bytes());
        } else {
            self.chunks.push(Chunk::Body(body.clone()));
        }
    }

    /// A name of a mailbox as a quoted string, or as a literal where it cannot stand in one.
    pub(super) fn name(&mut self, name: &[u8]) {
        if name.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            self.bytes(format!("{{{}}}\r\n", name.len()).as_bytes());
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
            }
        }
        out
    }
}

impl From<Vec<u8>> for Output {
    fn from(bytes: Vec<u8>) -> Self {
        Self { chunks: vec![Chunk::Bytes(bytes)] }
    }
}
