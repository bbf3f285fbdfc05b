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
/// quoted strings in UTF-8 only before those are `allowed`.
pub(super) fn accepts(tag: &str, segments: &[Segment], words: &[Word], allowed: bool) -> bool {
    let appends = words.first().is_some_and(|word| word.keyword() == "APPEND");
    let literals = segments.iter().filter(|segment| matches!(segment, Segment::Literal(_))).count();
    if appends && literals > 1 {
        return true;
    }
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
