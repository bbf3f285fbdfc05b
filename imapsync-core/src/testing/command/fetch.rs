//! FETCH and UID FETCH.

use super::Executor;
use crate::testing::body::Body;
use crate::testing::mail::{Folder, Mail, Message};
use crate::testing::output::Output;
use crate::testing::quirks::Ghosts;
use crate::testing::syntax::Word;
use bytes::Bytes;

/// One thing that is asked for.
#[derive(Debug, Clone, PartialEq)]
enum Item {
    Uid,
    Flags,
    Date,
    Size,
    ModSeq,
    Envelope,
    Structure,
    EmailId,
    ThreadId,
    GmailId,
    GmailThread,
    GmailLabels,
    Section { shown: String, part: Part, partial: Option<(u64, usize)>, seen: bool },
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Whole,
    Header,
    Text,
    Fields { names: Vec<String>, not: bool },
}

impl Executor {
    pub(super) fn fetch(&mut self, arguments: &[Word], uid: bool, out: &mut Output) -> String {
        let server = self.server.clone();
        let mut mail = server.mail();
        let Some(selected) = self.selected.clone() else { return "BAD nothing is selected".to_owned() };
        let (Some(set), Some(asked)) = (arguments.first(), arguments.get(1)) else {
            return "BAD a set and items".to_owned();
        };
        let Some(set) = selected.resolve(&set.text(), uid) else { return "BAD that is no set".to_owned() };
        let Some(mut items) = items(asked.items()) else { return "BAD no such item".to_owned() };
        if uid && !items.contains(&Item::Uid) {
            items.insert(0, Item::Uid);
        }
        let since = arguments.get(2).map(Word::items).and_then(|words| match words {
            [word, number, ..] if word.keyword() == "CHANGEDSINCE" => number.text().parse::<u64>().ok(),
            _ => None,
        });
        if since.is_some() && !items.contains(&Item::ModSeq) {
            items.push(Item::ModSeq);
        }
        let marks =
            selected.writable && items.iter().any(|item| matches!(item, Item::Section { seen: true, .. }));
        if marks && let Some(folder) = mail.folders.get_mut(&selected.name) {
            for (_, uid) in &set {
                if folder.message(*uid).is_some_and(|m| !m.flags.iter().any(|flag| flag == "\\Seen")) {
                    folder.flag(*uid, |flags| flags.push("\\Seen".to_owned()));
                }
            }
        }
        let mail: &Mail = &mail;
        let Some(folder) = mail.seen().get(&selected.name).filter(|now| now.validity == selected.validity)
        else {
            return "NO [NONEXISTENT] the folder is gone".to_owned();
        };
        let mut rows: Vec<(usize, u32)> = set;
        if mail.quirks.shuffled {
            let half = rows.len() / 2;
            rows.rotate_left(half);
        }
        let mut missing = false;
        for (number, uid) in rows {
            if let Some(message) = folder.message(uid) {
                if since.is_some_and(|since| message.modseq <= since) {
                    continue;
                }
                if mail.quirks.phantoms.contains(&uid)
                    && items.iter().any(|item| matches!(item, Item::Section { .. }))
                {
                    continue;
                }
                row(number, message, &items, &server, out);
            } else if let Some(ghost) = ghost(mail, folder, uid) {
                row(number, &ghost, &items, &server, out);
            } else {
                missing = true;
            }
        }
        if missing && mail.quirks.ghosts == Ghosts::Refused {
            return "NO [EXPUNGEISSUED] some of the messages no longer exist".to_owned();
        }
        if !(missing && uid) {
            return "OK done".to_owned();
        }
        "OK [EXPUNGEISSUED] done".to_owned()
    }
}

/// What is left of a message that another session has expunged.
fn ghost(mail: &Mail, folder: &Folder, uid: u32) -> Option<Message> {
    let expunged = folder.expunged.iter().rev().find(|expunged| expunged.message.uid == uid)?;
    let mut message = expunged.message.clone();
    match mail.quirks.ghosts {
        Ghosts::Missing | Ghosts::Refused => return None,
        Ghosts::True => {}
        Ghosts::Fake => {
            message.body = Body::from(
                "From: <>\r\nSubject: [message unavailable]\r\n\r\n\
                 This message is no longer available on the server.\r\n",
            );
        }
        Ghosts::Empty => message.body = Body::from(""),
    }
    Some(message)
}

/// The items of a FETCH; None where one is none.
fn items(words: &[Word]) -> Option<Vec<Item>> {
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
            "BODY" | "BODYSTRUCTURE" => items.push(Item::Structure),
            "EMAILID" => items.push(Item::EmailId),
            "THREADID" => items.push(Item::ThreadId),
            "X-GM-MSGID" => items.push(Item::GmailId),
            "X-GM-THRID" => items.push(Item::GmailThread),
            "X-GM-LABELS" => items.push(Item::GmailLabels),
            "ALL" | "FAST" | "FULL" => items.extend([Item::Flags, Item::Date, Item::Size]),
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

fn row(number: usize, message: &Message, items: &[Item], server: &super::Server, out: &mut Output) {
    out.bytes(format!("* {number} FETCH (").as_bytes());
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.bytes(b" ");
        }
        match item {
            Item::Uid => out.bytes(format!("UID {}", message.uid).as_bytes()),
            Item::Flags => out.bytes(format!("FLAGS ({})", message.flags.join(" ")).as_bytes()),
            Item::Date => out.bytes(format!("INTERNALDATE \"{}\"", message.date).as_bytes()),
            Item::Size => out.bytes(format!("RFC822.SIZE {}", message.body.len()).as_bytes()),
            Item::ModSeq => out.bytes(format!("MODSEQ ({})", message.modseq).as_bytes()),
            Item::Envelope => out.bytes(b"ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"),
            Item::Structure => {
                let size = message.body.len();
                out.bytes(
                    format!("BODYSTRUCTURE (\"TEXT\" \"PLAIN\" NIL NIL NIL \"8BIT\" {size} 1)").as_bytes(),
                );
            }
            Item::EmailId => out.bytes(format!("EMAILID (M{:x})", message.id).as_bytes()),
            Item::ThreadId => out.bytes(b"THREADID NIL"),
            Item::GmailId => out.bytes(format!("X-GM-MSGID {}", message.id).as_bytes()),
            Item::GmailThread => out.bytes(format!("X-GM-THRID {}", message.id).as_bytes()),
            Item::GmailLabels => {
                out.bytes(format!("X-GM-LABELS ({})", message.labels.join(" ")).as_bytes());
            }
            Item::Section { shown, part, partial, .. } => {
                let body = part_of(message, part);
                if *part == Part::Whole {
                    server.gauge.handed_out(body.len());
                }
                let body = match partial {
                    Some((from, len)) => Body::Bytes(body.slice(*from, *len)),
                    None => body,
                };
                out.section(shown, &body);
            }
        }
    }
    out.line(")");
}

fn part_of(message: &Message, part: &Part) -> Body {
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
