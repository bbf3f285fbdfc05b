//! Responses: what a server says, in our own types, read tolerantly (RFC 9051 section 7).
//!
//! [`parse`] reads one whole [`Line`]. All values are owned; bodies are slices of the line. A line that cannot be
//! read is [`Unreadable`]: to be counted, logged and skipped.
//!
//! ```
//! use imapsync_core::imap::frame::{Frame, Framer, Limits};
//! use imapsync_core::imap::response::{Response, Untagged, parse};
//! let mut framer = Framer::new(Limits::default());
//! framer.feed(b"* 23 EXISTS\r\n");
//! let Some(Frame::Line(line)) = framer.next_frame().unwrap() else { panic!() };
//! assert!(matches!(parse(&line), Ok(Response::Untagged(Untagged::Exists(23)))));
//! ```

mod fetch;
mod mailbox;
mod search;
mod status;
mod token;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use bytes::Bytes;
use nom::Parser;
use nom::branch::alt;
use nom::sequence::terminated;

pub use fetch::{Body, Fetch, Item, Section, fetch_head};
pub use mailbox::{ListEntry, MailboxStatus, Namespace, Namespaces};
pub use search::{Esearch, Search};
pub use status::{Code, Status, StatusKind};

use super::capability::Capabilities;
use super::flag::Flags;
use super::frame::Line;
use super::proto;
use super::text::escape;
use super::uidset::UidSet;
use token::{FAILED, Parsed, Scope, end, list, number, spaced, unspaced, word_list, words};

pub use super::proto::{Acl, Metadata, Quota, QuotaResource, QuotaRoot};

/// One response.
#[derive(Debug, Clone, PartialEq)]
pub enum Response {
    /// `+`: the server waits for more of the command.
    Continue(Continue),
    /// The end of a command.
    Tagged {
        /// The command's tag, as it was sent.
        tag: Bytes,
        /// How it ended.
        status: Status,
    },
    /// Data, or a status that belongs to no command.
    Untagged(Untagged),
}

/// A `+` line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Continue {
    /// What follows the `+`, without spaces around it: a text, or a challenge in base64.
    pub raw: Bytes,
}

/// A `*` line.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Untagged {
    /// OK, NO, BAD, BYE or PREAUTH; the greeting too.
    Status(Status),
    /// CAPABILITY
    Capability(Capabilities),
    /// LIST
    List(ListEntry),
    /// LSUB
    Lsub(ListEntry),
    /// NAMESPACE (RFC 2342)
    Namespace(Namespaces),
    /// STATUS
    MailboxStatus(MailboxStatus),
    /// SEARCH
    Search(Search),
    /// ESEARCH (RFC 4731)
    Esearch(Esearch),
    /// FETCH
    Fetch(Fetch),
    /// EXISTS: how many messages the folder holds.
    Exists(u32),
    /// RECENT
    Recent(u32),
    /// EXPUNGE: the message with this sequence number is gone.
    Expunge(u32),
    /// VANISHED (RFC 7162): the messages with these UIDs are gone.
    Vanished {
        /// They were gone before this session selected the folder.
        earlier: bool,
        /// Which.
        uids: UidSet,
    },
    /// FLAGS: the flags that the folder knows.
    Flags(Flags),
    /// ENABLED (RFC 5161)
    Enabled(Capabilities),
    /// ID (RFC 2971): field names and values, escaped for people. Empty for NIL.
    Id(Vec<(String, Option<String>)>),
    /// QUOTA (RFC 9208)
    Quota(Quota),
    /// QUOTAROOT (RFC 9208)
    QuotaRoot(QuotaRoot),
    /// ACL (RFC 4314)
    Acl(Acl),
    /// METADATA (RFC 5464)
    Metadata(Metadata),
    /// SORT (RFC 5256), in the server's order.
    Sort(Vec<u32>),
    /// Anything else: the line behind the `*`.
    Other(Bytes),
}

/// A line that is no response, or a response that is broken beyond use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Unreadable {
    /// What was being read, and the beginning of the line, escaped.
    pub what: String,
}

impl Unreadable {
    fn new(kind: &str, line: &Line) -> Self {
        let bytes = &line.bytes[..line.bytes.len().min(200)];
        Self { what: format!("unreadable {kind}: {}", escape(bytes, 200)) }
    }
}

/// Reads one response. It takes time linear in the line, and no stack that grows with it.
///
/// # Errors
/// [`Unreadable`] where the line holds nothing usable. A status line that has at least its first word is always read.
pub fn parse(line: &Line) -> Result<Response, Unreadable> {
    let bytes = &line.bytes[..];
    let scope = Scope(line);
    let (first, rest) = split_word(bytes);
    if first == b"*" {
        let (keyword, rest) = split_word(rest);
        return match status::parse(scope, keyword, rest) {
            Some(status) => Ok(Untagged::Status(status)),
            None => untagged(scope, keyword, rest).map_err(|kind| Unreadable::new(kind, line)),
        }
        .map(Response::Untagged);
    }
    if let Some(text) = first.strip_prefix(b"+") {
        // Some servers leave out the space.
        let raw =
            if text.is_empty() { rest.trim_ascii() } else { bytes.trim_ascii().get(1..).unwrap_or_default() };
        return Ok(Response::Continue(Continue { raw: line.bytes.slice_ref(raw) }));
    }
    let (keyword, rest) = split_word(rest);
    match status::parse(scope, keyword, rest) {
        Some(status) => Ok(Response::Tagged { tag: line.bytes.slice_ref(first), status }),
        None => Err(Unreadable::new("response", line)),
    }
}

/// The first word, and what follows it.
fn split_word(i: &[u8]) -> (&[u8], &[u8]) {
    match spaced(unspaced).parse(i) {
        Ok((rest, word)) => (word, rest),
        Err(_) => (&[], &[]),
    }
}

/// Reads a line of data by its keyword; what was being read where it fails.
fn untagged<'a>(scope: Scope<'a>, keyword: &'a [u8], rest: &'a [u8]) -> Result<Untagged, &'static str> {
    if keyword.first().is_some_and(u8::is_ascii_digit) {
        return numbered(scope, keyword, rest);
    }
    let upper = keyword.to_ascii_uppercase();
    let (name, parsed) = match &upper[..] {
        b"CAPABILITY" => return Ok(Untagged::Capability(Capabilities::parse(words(rest)))),
        b"ENABLED" => return Ok(Untagged::Enabled(Capabilities::parse(words(rest)))),
        b"LIST" | b"XLIST" => ("LIST", mailbox::list_entry(scope, rest).map(|(_, l)| Untagged::List(l))),
        b"LSUB" => ("LSUB", mailbox::list_entry(scope, rest).map(|(_, l)| Untagged::Lsub(l))),
        b"NAMESPACE" => ("NAMESPACE", mailbox::namespaces(scope, rest).map(|(_, n)| Untagged::Namespace(n))),
        b"STATUS" => ("STATUS", mailbox::status(scope, rest).map(|(_, s)| Untagged::MailboxStatus(s))),
        b"SEARCH" => ("SEARCH", search::search(rest).map(|(_, s)| Untagged::Search(s))),
        b"ESEARCH" => ("ESEARCH", search::esearch(scope, rest).map(|(_, e)| Untagged::Esearch(e))),
        b"FLAGS" => ("FLAGS", flags(rest).map(|(_, flags)| Untagged::Flags(flags))),
        b"ID" => ("ID", id(scope, rest).map(|(_, fields)| Untagged::Id(fields))),
        b"VANISHED" | b"QUOTA" | b"QUOTAROOT" | b"ACL" | b"METADATA" | b"SORT" => {
            ("extension data", proto::parse(scope.0).ok_or(FAILED))
        }
        b"" => ("response", Err(FAILED)),
        _ => return Ok(Untagged::Other(scope.share(after_star(scope.0).into()))),
    };
    parsed.map_err(|_| name)
}

/// The line behind its `*`.
fn after_star(line: &Line) -> &[u8] {
    split_word(&line.bytes).1.trim_ascii_start()
}

/// Data that begins with a number.
fn numbered<'a>(scope: Scope<'a>, first: &'a [u8], rest: &'a [u8]) -> Result<Untagged, &'static str> {
    let seq = match number::<u32>(first) {
        Ok(([], seq)) => seq,
        _ => return Err("number"),
    };
    let (keyword, rest) = split_word(rest);
    match &keyword.to_ascii_uppercase()[..] {
        b"EXISTS" => Ok(Untagged::Exists(seq)),
        b"RECENT" => Ok(Untagged::Recent(seq)),
        // mailutils writes EXPUNGED.
        b"EXPUNGE" | b"EXPUNGED" => Ok(Untagged::Expunge(seq)),
        b"FETCH" => match fetch::fetch(scope, seq, rest) {
            Ok((_, fetch)) => Ok(Untagged::Fetch(fetch)),
            Err(_) => Err("FETCH"),
        },
        b"" => Err("response"),
        _ => Ok(Untagged::Other(scope.share(after_star(scope.0).into()))),
    }
}

fn flags(i: &[u8]) -> Parsed<'_, Flags> {
    let (i, words) = spaced(word_list).parse(i)?;
    let (i, ()) = end(i)?;
    Ok((i, Flags::parse(words.iter().map(|word| &**word))))
}

fn id<'a>(scope: Scope<'a>, i: &'a [u8]) -> Parsed<'a, Vec<(String, Option<String>)>> {
    let text = |bytes: Cow<'_, [u8]>| escape(&bytes, 1000);
    let field = (|i| scope.ntext(i), spaced(|i| scope.ntext(i)))
        .map(|(name, value)| (name.map(text).unwrap_or_default(), value.map(text)));
    let nothing = token::nil.map(|()| Vec::new());
    terminated(spaced(alt((list(field), nothing))), end).parse(i)
}
