//! What a FETCH asks for, and how it is cut out of a message.

use crate::testing::body::Body;
use crate::testing::folder::Message;
use crate::testing::syntax::Word;
use bytes::Bytes;

/// One thing that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    Uid,
    Flags,
    Date,
    Size,
    ModSeq,
    Envelope,
    /// By the name of the item.
    Structure(&'static str),
    EmailId,
    ThreadId,
    GmailId,
    GmailThread,
    GmailLabels,
    Section {
        shown: String,
        part: Part,
        partial: Option<(u64, usize)>,
        seen: bool,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    Whole,
    Header,
    Text,
    Fields { names: Vec<String>, not: bool },
}

/// The items of a FETCH; None where one is none.
pub(super) fn items(words: &[Word]) -> Option<Vec<Item>> {
    let mut items = Vec::new();
    for word in words {
        let Word::Atom(text) = word else { return None };
        let upper = text.to_ascii_uppercase();
        match upper.as_str() {
            "UID" => items.push(Item::Uid),
            "FLAGS" => items.push(Item::Flags),
            "INTERNALDATE" => items.push(Item::Date),
            "RFC822.SIZE" => items.push(Item::Size),
            "MODSEQ" => items.push(Item::ModSeq),
            "ENVELOPE" => items.push(Item::Envelope),
            "BODY" => items.push(Item::Structure("BODY")),
            "BODYSTRUCTURE" => items.push(Item::Structure("BODYSTRUCTURE")),
            "EMAILID" => items.push(Item::EmailId),
            "THREADID" => items.push(Item::ThreadId),
            "X-GM-MSGID" => items.push(Item::GmailId),
            "X-GM-THRID" => items.push(Item::GmailThread),
            "X-GM-LABELS" => items.push(Item::GmailLabels),
            "FAST" => items.extend([Item::Flags, Item::Date, Item::Size]),
            "ALL" => items.extend([Item::Flags, Item::Date, Item::Size, Item::Envelope]),
            "FULL" => {
                items.extend([Item::Flags, Item::Date, Item::Size, Item::Envelope]);
                items.push(Item::Structure("BODY"));
            }
            "RFC822" => items.push(section("RFC822", Part::Whole, true)),
            "RFC822.HEADER" => items.push(section("RFC822.HEADER", Part::Header, false)),
            "RFC822.TEXT" => items.push(section("RFC822.TEXT", Part::Text, true)),
            _ => items.push(body_section(text)?),
        }
    }
    Some(items)
}

fn section(shown: &str, part: Part, seen: bool) -> Item {
    Item::Section { shown: shown.to_owned(), part, partial: None, seen }
}

/// `BODY.PEEK[HEADER.FIELDS (From)]<0.100>` and the like.
fn body_section(text: &str) -> Option<Item> {
    let open = text.find('[')?;
    let close = text.rfind(']')?;
    let seen = match text[..open].to_ascii_uppercase().as_str() {
        "BODY" => true,
        "BODY.PEEK" => false,
        _ => return None,
    };
    let inner = text[open + 1..close].to_owned();
    let upper = inner.to_ascii_uppercase();
    let fields = |not: bool| -> Option<Part> {
        let list = &inner[inner.find('(')? + 1..inner.rfind(')')?];
        Some(Part::Fields {
            names: list.split(' ').map(|name| name.trim_matches('"').to_owned()).collect(),
            not,
        })
    };
    let part = match upper.as_str() {
        "" => Part::Whole,
        "HEADER" => Part::Header,
        "TEXT" => Part::Text,
        _ if upper.starts_with("HEADER.FIELDS.NOT ") => fields(true)?,
        _ if upper.starts_with("HEADER.FIELDS ") => fields(false)?,
        _ => return None,
    };
    let mut shown = format!("BODY[{inner}]");
    let partial = match text[close + 1..].strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
        Some(range) => {
            let (from, len) = range.split_once('.')?;
            let from: u64 = from.parse().ok()?;
            shown = format!("{shown}<{from}>");
            Some((from, len.parse().ok()?))
        }
        None if text[close + 1..].is_empty() => None,
        None => return None,
    };
    Some(Item::Section { shown, part, partial, seen })
}

pub(super) fn part_of(message: &Message, part: &Part) -> Body {
    if *part == Part::Whole {
        return message.body.clone();
    }
    // A header of a made message is short; the text of a stored one is here anyway.
    let whole = match &message.body {
        Body::Made { .. } if *part != Part::Text => message.body.slice(0, 64 * 1024),
        body => body.to_bytes(),
    };
    let end = header_end(&whole);
    Body::Bytes(match part {
        Part::Whole | Part::Header => whole.slice(..end),
        Part::Text => whole.slice(end..),
        Part::Fields { names, not } => fields(&whole[..end], names, *not),
    })
}

/// Where the header ends, its blank line included.
fn header_end(message: &[u8]) -> usize {
    if message.starts_with(b"\r\n") {
        return 2;
    }
    memchr::memmem::find(message, b"\r\n\r\n").map_or(message.len(), |at| at + 4)
}

/// The wanted fields with their folds, and the blank line.
fn fields(header: &[u8], names: &[String], not: bool) -> Bytes {
    let (mut out, mut taking) = (Vec::new(), false);
    for line in header.split_inclusive(|byte| *byte == b'\n') {
        if line == b"\r\n" {
            break;
        }
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let colon = line.iter().position(|byte| *byte == b':');
            let name = colon.map(|at| line[..at].trim_ascii_end());
            let wanted =
                name.is_some_and(|name| names.iter().any(|w| w.as_bytes().eq_ignore_ascii_case(name)));
            taking = name.is_some() && wanted != not;
        }
        if taking {
            out.extend_from_slice(line);
        }
    }
    out.extend_from_slice(b"\r\n");
    Bytes::from(out)
}
