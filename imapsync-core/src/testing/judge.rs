//! A second opinion on commands: what imap-codec, a grammar of IMAP by other people, does not accept is no command.

use super::body::Body;
use super::syntax::{Segment, Word};
use imap_codec::CommandCodec;
use imap_codec::decode::Decoder;

/// Words of extensions that imap-codec does not know; a command with one of them is not judged.
const UNKNOWN: [&str; 23] = [
    "RETURN",
    "PROXYAUTH",
    "GETACL",
    "SETACL",
    "DELETEACL",
    "MYRIGHTS",
    "LISTRIGHTS",
    "X-GM-",
    "EMAILID",
    "THREADID",
    "MAILBOXID",
    "HIGHESTMODSEQ",
    "APPENDLIMIT",
    "CHANGEDSINCE",
    "QRESYNC",
    "VANISHED",
    "PARTIAL",
    "SCRAM-",
    "OAUTHBEARER",
    "LIST (",
    "(USE (",
    " $ ",
    "SEARCH MODSEQ \"",
];

/// Whether the command is one, as far as imap-codec can tell. Long literals are judged by a short one in their place, and
/// quoted strings in UTF-8 only before those are `allowed`. It does not know MULTIAPPEND (RFC 3502), whose further messages
/// have the form of the first: each is judged as an APPEND of its own.
pub(super) fn accepts(tag: &str, segments: &[Segment], words: &[Word], allowed: bool) -> bool {
    if words.first().is_none_or(|word| word.keyword() != "APPEND") {
        return is_command(tag, segments, false, allowed);
    }
    // The name of the mailbox may be a literal too.
    let name = 1 + usize::from(matches!(words.get(1), Some(Word::Literal(_))));
    let mut messages = segments.chunks(2);
    let first: Vec<Segment> = messages.by_ref().take(name).flatten().cloned().collect();
    is_command(tag, &first, true, allowed)
        && messages.all(|message| match message {
            [Segment::Text(end)] => end.is_empty(),
            [Segment::Text(text), literal] => {
                let alone = Segment::Text([b"APPEND x", text.as_slice()].concat());
                is_command(tag, &[alone, literal.clone()], true, allowed)
            }
            _ => false,
        })
}

fn is_command(tag: &str, segments: &[Segment], appends: bool, allowed: bool) -> bool {
    let mut bytes = format!("{tag} ").into_bytes();
    for segment in segments {
        match segment {
            Segment::Text(text) => bytes.extend_from_slice(text),
            Segment::Literal(body) => {
                let content = if appends { Body::from("x") } else { body.clone() };
                bytes.extend_from_slice(format!("{{{}+}}\r\n", content.len()).as_bytes());
                bytes.extend_from_slice(&content.to_bytes());
            }
        }
    }
    bytes.extend_from_slice(b"\r\n");
    if allowed && !bytes.is_ascii() {
        return true;
    }
    let upper = bytes.to_ascii_uppercase();
    let unknown = |word: &str| memchr::memmem::find(&upper, word.as_bytes()).is_some();
    UNKNOWN.iter().any(|word| unknown(word))
        || matches!(CommandCodec::default().decode(&bytes), Ok((rest, _)) if rest.is_empty())
}
