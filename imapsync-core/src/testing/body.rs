//! What a message consists of: bytes, or a rule that makes them, so that a million messages or one of many gigabytes
//! cost nothing to keep.

use bytes::Bytes;
use std::fmt;

/// The text of a stored message.
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    /// These bytes.
    Bytes(Bytes),
    /// A message made from a number when it is read; see [`Body::made`].
    Made {
        /// Which message.
        number: u64,
        /// Its length in bytes.
        len: u64,
    },
    /// Only length and BLAKE3 digest were kept: see [`Mail::keep_at_most`](super::Mail::keep_at_most).
    Digest {
        /// Its length in bytes.
        len: u64,
        /// The digest of its bytes.
        digest: [u8; 32],
    },
}

/// Each line of a made body is so long, its CR LF included.
const LINE: u64 = 78;

impl Body {
    /// A message that is made when it is read: a header with a Message-Id of its own, then lines of text, `len` bytes
    /// in all (at least as many as the header has). The same number and length give the same bytes.
    ///
    /// ```
    /// use imapsync_core::testing::Body;
    /// let body = Body::made(7, 5000);
    /// assert_eq!(body.to_bytes().len(), 5000);
    /// assert!(body.to_bytes().starts_with(b"Message-Id: <7@made.example>\r\n"));
    /// ```
    pub fn made(number: u64, len: u64) -> Self {
        Self::Made { number, len: len.max(header(number).len() as u64) }
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Made { len, .. } | Self::Digest { len, .. } => *len,
        }
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of it. What was kept as a digest reads as nothing.
    pub fn to_bytes(&self) -> Bytes {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::Made { len, .. } => self.slice(0, *len as usize),
            Self::Digest { .. } => Bytes::new(),
        }
    }

    /// At most `len` bytes from `offset` on.
    pub fn slice(&self, offset: u64, len: usize) -> Bytes {
        let end = self.len().min(offset.saturating_add(len as u64));
        match self {
            Self::Bytes(bytes) => bytes.slice((offset as usize).min(end as usize)..end as usize),
            Self::Made { number, .. } => {
                let header = header(*number);
                let mut out = Vec::with_capacity(end.saturating_sub(offset) as usize);
                let mut at = offset;
                while at < end {
                    let from_line;
                    let (piece, start) = if at < header.len() as u64 {
                        (header.as_bytes(), 0)
                    } else {
                        let line = (at - header.len() as u64) / LINE;
                        from_line = text_line(*number, line);
                        (from_line.as_bytes(), header.len() as u64 + line * LINE)
                    };
                    let skip = (at - start) as usize;
                    let take = (piece.len() - skip).min((end - at) as usize);
                    out.extend_from_slice(&piece[skip..skip + take]);
                    at += take as u64;
                }
                out.into()
            }
            Self::Digest { .. } => Bytes::new(),
        }
    }

    /// The BLAKE3 digest of its bytes.
    pub fn digest(&self) -> [u8; 32] {
        if let Self::Digest { digest, .. } = self {
            return *digest;
        }
        let mut hasher = blake3::Hasher::new();
        let mut at = 0;
        while at < self.len() {
            let piece = self.slice(at, 1 << 20);
            hasher.update(&piece);
            at += piece.len() as u64;
        }
        *hasher.finalize().as_bytes()
    }
}

fn header(number: u64) -> String {
    format!(
        "Message-Id: <{number}@made.example>\r\nDate: Wed, 01 Jan 2020 12:00:00 +0000\r\nFrom: a@made.example\r\n\
         Subject: Number {number}\r\n\r\n"
    )
}

fn text_line(number: u64, line: u64) -> String {
    format!("{:<76}\r\n", format!("Line {line} of message {number}: all work and no play."))
}

/// Everything that bytes are usually kept in.
macro_rules! from_bytes {
    ($($kind:ty),*) => {$(
        impl From<$kind> for Body {
            fn from(bytes: $kind) -> Self {
                let bytes: &[u8] = bytes.as_ref();
                Self::Bytes(Bytes::copy_from_slice(bytes))
            }
        }
    )*};
}

from_bytes!(Vec<u8>, &Vec<u8>, &[u8], String, &str);

impl<const N: usize> From<&[u8; N]> for Body {
    fn from(bytes: &[u8; N]) -> Self {
        Self::from(&bytes[..])
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let beginning = self.slice(0, 60);
        write!(f, "{} bytes {:?}", self.len(), String::from_utf8_lossy(&beginning))
    }
}
