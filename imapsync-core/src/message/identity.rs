//! Which message is which: the key by which a message is known again in another folder, on another server.
//!
//! The key is made of what the first of these rungs finds:
//!
//! 1. the wanted headers, Message-Id and Received unless the user names others;
//! 2. From, To, Cc, Subject and Date;
//! 3. the body ([`Digester::body`]).
//!
//! It is the same whether the bytes come from `BODY[]` or from `HEADER.FIELDS`, on every server that was measured, and
//! stays the same across releases and machines. Equal keys do not make equal messages: they make groups, in which sizes
//! and digests decide ([`crate::plan`]).

use super::digest::{Digest, Digester, hash128};
use super::header::fields;
use std::fmt;

/// The 128-bit key of a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(pub [u8; 16]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:032x})", u128::from_be_bytes(self.0))
    }
}

/// What a message is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Groups it with its copies.
    pub key: Key,
    /// A hash of the Message-Id alone, where that is part of the key: it survives when a server rewrites the Received
    /// lines. 0: none.
    pub message_id: u64,
}

/// Which headers make the identity (`--useheader`).
///
/// A `Message-Id: <digits@imapsync>` counts as absent: the Perl imapsync puts it in front of messages that have none
/// (`--addheader`), so that the copy has a header its original lacks. It counts as absent on both sides, or a message
/// that came to the source that way would never be found again in its copy.
///
/// ```
/// use imapsync_core::message::IdentityRules;
/// let rules = IdentityRules::default();
/// let one = rules.from_message(b"Message-Id: <1@a>\r\nSubject: x\r\n\r\nbody\r\n");
/// assert_eq!(rules.from_wanted(b"MESSAGE-ID:\r\n\t<1@a>\r\n\r\n"), Some(one));
/// assert_eq!(rules.from_wanted(b"\r\n"), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityRules {
    /// The names of the wanted headers, in any case. `ALL` stands for every header there is.
    pub headers: Vec<String>,
}

impl Default for IdentityRules {
    /// Message-Id and Received.
    fn default() -> Self {
        Self { headers: vec!["Message-Id".to_owned(), "Received".to_owned()] }
    }
}

impl IdentityRules {
    /// The headers of the second rung.
    pub const FALLBACK: [&str; 5] = ["From", "To", "Cc", "Subject", "Date"];

    /// Whether the whole header is wanted: fetch `BODY.PEEK[HEADER]` then, not [`wanted`](Self::wanted).
    pub fn wants_all(&self) -> bool {
        self.headers.iter().any(|name| name.eq_ignore_ascii_case("ALL"))
    }

    /// The names to fetch first, with `HEADER.FIELDS`. Empty where the whole header is wanted.
    pub fn wanted(&self) -> Vec<&str> {
        if self.wants_all() { Vec::new() } else { self.headers.iter().map(String::as_str).collect() }
    }

    /// The first rung, from a header that holds at least the wanted fields. None: none of them is there, or all are empty.
    pub fn from_wanted(&self, header: &[u8]) -> Option<Identity> {
        let all = self.wants_all();
        let normal = Normal::new(header, |name| {
            let is = |wanted: &String| wanted.as_bytes().eq_ignore_ascii_case(name);
            // mbsync's mark is on the copy only.
            if all { !name.eq_ignore_ascii_case(b"X-TUID") } else { self.headers.iter().any(is) }
        });
        Some(Identity { message_id: normal.message_id, key: Key(normal.hash(b"imapsync key 1\n")?) })
    }

    /// The second rung, from a header that holds at least the [`FALLBACK`](Self::FALLBACK) fields. Only for a message for
    /// which the first rung gave None.
    pub fn from_fallback(&self, header: &[u8]) -> Option<Identity> {
        let normal = Normal::new(header, |name| {
            Self::FALLBACK.iter().any(|w| w.as_bytes().eq_ignore_ascii_case(name))
        });
        Some(Identity { message_id: 0, key: Key(normal.hash(b"imapsync key 2\n")?) })
    }

    /// The third rung. Only for a message for which both others gave None.
    ///
    /// `digest` is that of [`Digester::body`], not of [`Digester::whole`].
    pub fn from_body(digest: Digest) -> Identity {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"imapsync key 3\n");
        hasher.update(&digest.0);
        Identity { key: Key(hash128(&hasher)), message_id: 0 }
    }

    /// The first two rungs, from a whole header: `BODY[HEADER]`, or a message up to where a
    /// [`HeaderScanner`](super::HeaderScanner) finds its body. None: the body must be read.
    pub fn from_header(&self, header: &[u8]) -> Option<Identity> {
        self.from_wanted(header).or_else(|| self.from_fallback(header))
    }

    /// The whole ladder, from `BODY[]`.
    pub fn from_message(&self, message: &[u8]) -> Identity {
        self.from_header(message).unwrap_or_else(|| {
            let mut digester = Digester::body();
            digester.update(message);
            Self::from_body(digester.finish())
        })
    }
}

/// What must agree, besides a Message-Id that is unique on both sides, for a message to be adopted as the copy of another
/// whose Received lines differ: Date, From and Subject. None where all three are missing.
///
/// ```
/// use imapsync_core::message::rewrite_key;
/// let one = rewrite_key(b"Received: a\r\nDate: today\r\nSubject: long\r\n subject\r\n\r\n");
/// assert_eq!(one, rewrite_key(b"date: today\r\nsubject: long subject\r\n\r\n"));
/// assert_eq!(rewrite_key(b"Received: a\r\n\r\n"), None);
/// ```
pub fn rewrite_key(header: &[u8]) -> Option<[u8; 16]> {
    let wanted = ["Date", "From", "Subject"];
    Normal::new(header, |name| wanted.iter().any(|w| w.as_bytes().eq_ignore_ascii_case(name)))
        .hash(b"imapsync rewrite 1\n")
}

/// Wanted fields in their normal form: each a line `NAME: VALUE` in upper case, whitespace and folds collapsed into one
/// space, every byte that is not ASCII an `X`, as some servers store it.
struct Normal {
    text: Vec<u8>,
    /// Where each line stands in the text.
    lines: Vec<(usize, usize)>,
    message_id: u64,
}

impl Normal {
    fn new(header: &[u8], wanted: impl Fn(&[u8]) -> bool) -> Self {
        let mut normal = Self { text: Vec::new(), lines: Vec::new(), message_id: 0 };
        for (name, value) in fields(header).filter(|(name, _)| wanted(name)) {
            normal.add(name, value);
        }
        normal
    }

    fn add(&mut self, name: &[u8], value: &[u8]) {
        let start = self.text.len();
        self.append(name);
        self.text.extend_from_slice(b": ");
        let value_start = self.text.len();
        self.append(value);
        let value = self.text.get(value_start..).unwrap_or_default();
        let is_id = name.eq_ignore_ascii_case(b"Message-Id");
        if value.is_empty() || is_id && is_added_id(value) {
            self.text.truncate(start);
            return;
        }
        if is_id && self.message_id == 0 {
            let hash = blake3::hash(value);
            // 0 stands for none.
            self.message_id =
                hash.as_bytes().first_chunk().map_or(0, |first| u64::from_be_bytes(*first)).max(1);
        }
        self.lines.push((start, self.text.len()));
    }

    fn append(&mut self, bytes: &[u8]) {
        let start = self.text.len();
        for byte in bytes {
            match byte {
                // Some servers drop bare CRs.
                b'\r' => {}
                b' ' | b'\t' | b'\n' => {
                    if self.text.len() > start && self.text.last() != Some(&b' ') {
                        self.text.push(b' ');
                    }
                }
                // Some servers store NUL as 0x80.
                0 | 0x80.. => self.text.push(b'X'),
                _ => self.text.push(byte.to_ascii_uppercase()),
            }
        }
        if self.text.len() > start && self.text.last() == Some(&b' ') {
            self.text.pop();
        }
    }

    /// None where there is no line.
    fn hash(&self, tag: &[u8]) -> Option<[u8; 16]> {
        let mut lines: Vec<&[u8]> =
            self.lines.iter().filter_map(|(start, end)| self.text.get(*start..*end)).collect();
        // Servers answer HEADER.FIELDS in the order of the message or in that of the question.
        lines.sort_unstable();
        let mut hasher = blake3::Hasher::new();
        hasher.update(tag);
        for line in &lines {
            hasher.update(line);
            hasher.update(b"\n");
        }
        (!lines.is_empty()).then(|| hash128(&hasher))
    }
}

/// Whether a normalised Message-Id is one that the Perl imapsync adds.
fn is_added_id(value: &[u8]) -> bool {
    value
        .strip_prefix(b"<")
        .and_then(|value| value.strip_suffix(b"@IMAPSYNC>"))
        .is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests;
