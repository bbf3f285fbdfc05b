//! FETCH and UID FETCH.

use super::Executor;
use super::items::{Item, Part, items, part_of};
use super::select::{Selected, vanished_earlier};
use crate::testing::body::Body;
use crate::testing::folder::{Finder, Folder, Message};
use crate::testing::gauge::Gauge;
use crate::testing::mail::Mail;
use crate::testing::output::Output;
use crate::testing::quirks::Ghosts;
use crate::testing::server::Server;
use crate::testing::set::{Places, merged, ranges};
use crate::testing::syntax::Word;

/// An answer longer than this is made piece by piece, while it is sent.
const PIECE: usize = 512 * 1024;

/// What stands behind the items: `(CHANGEDSINCE n VANISHED)`, `(PARTIAL 1:100)`.
#[derive(Default)]
struct Modifiers {
    since: Option<u64>,
    vanished: bool,
    partial: Option<String>,
}

impl Modifiers {
    fn read(words: &[Word]) -> Option<Self> {
        let (mut read, mut words) = (Self::default(), words.iter());
        while let Some(word) = words.next() {
            match word.keyword().as_str() {
                "CHANGEDSINCE" => read.since = Some(words.next()?.text().parse().ok()?),
                "VANISHED" => read.vanished = true,
                "PARTIAL" => read.partial = Some(words.next()?.text()),
                _ => return None,
            }
        }
        (!read.vanished || read.since.is_some()).then_some(read)
    }
}

impl Executor {
    pub(super) fn fetch(&mut self, arguments: &[Word], uid: bool, out: &mut Output) -> String {
        let server = self.server.clone();
        let mut mail = server.mail();
        let (Some(set), Some(asked)) = (arguments.first(), arguments.get(1)) else {
            return "BAD a set and items".to_owned();
        };
        let Some(mut items) = items(asked.items()) else { return "BAD no such item".to_owned() };
        let Some(modifiers) = Modifiers::read(arguments.get(2).map(Word::items).unwrap_or_default()) else {
            return "BAD no such modifier".to_owned();
        };
        if modifiers.vanished && !(uid && self.enabled.contains("QRESYNC")) {
            return "BAD VANISHED is for UID FETCH once QRESYNC is enabled".to_owned();
        }
        if modifiers.since.is_some() || items.contains(&Item::ModSeq) {
            self.condstore(&mail, out);
        }
        let Some(selected) = self.selected.clone() else { return "BAD nothing is selected".to_owned() };
        let Some(mut rows) = selected.resolve(&set.text(), uid) else {
            return "BAD that is no set".to_owned();
        };
        if let Some(partial) = &modifiers.partial {
            match part(&rows, partial) {
                Some(part) if mail.has("PARTIAL") => rows = part,
                _ => return "BAD no such modifier".to_owned(),
            }
        }
        if uid && !items.contains(&Item::Uid) {
            items.insert(0, Item::Uid);
        }
        let wants_modseq = modifiers.since.is_some()
            || self.has_condstore() && items.contains(&Item::Flags)
            || self.enabled.contains("QRESYNC");
        if wants_modseq && !items.contains(&Item::ModSeq) {
            items.push(Item::ModSeq);
        }
        if items.iter().any(|item| matches!(item, Item::Section { seen: true, .. }))
            && selected.writable
            && let Some(folder) = mail.folders.get_mut(&selected.name)
            && mark_seen(folder, &rows)
        {
            self.knows_its_changes(folder);
            if !items.contains(&Item::Flags) {
                items.push(Item::Flags);
            }
        }
        let mail: &Mail = &mail;
        let Some(folder) = selected.folder(mail) else {
            return "NO [NONEXISTENT] the folder is gone".to_owned();
        };
        if folder.no_modseq {
            if modifiers.since.is_some() {
                return "BAD no mod-sequences here".to_owned();
            }
            items.retain(|item| *item != Item::ModSeq);
        }
        if let (true, Some(since)) = (modifiers.vanished, modifiers.since)
            && let Some(uids) = ranges(&set.text(), selected.known.last().copied().unwrap_or(0))
        {
            vanished_earlier(folder, since, &merged(uids), out);
        }
        if mail.quirks.uid_last {
            items.sort_by_key(|item| *item == Item::Uid);
        }
        let mut finder = Finder::new(folder);
        let missing = rows.uids().any(|uid| finder.find(uid).is_none());
        if mail.quirks.shuffled {
            rows = rows.rotated();
        }
        let mut rows = Rows { selected, rows, items, since: modifiers.since, gauge: server.gauge.clone() };
        rows.make(mail, out);
        if !rows.rows.is_empty() {
            let server: Server = server.clone();
            out.later(Box::new(move || {
                let mut out = Output::default();
                let any = !rows.rows.is_empty();
                rows.make(&server.mail(), &mut out);
                any.then_some(out)
            }));
        }
        match (missing, mail.quirks.ghosts) {
            (true, Ghosts::Refused) => "NO [EXPUNGEISSUED] some of the messages no longer exist".to_owned(),
            (true, _) if uid => "OK [EXPUNGEISSUED] done".to_owned(),
            _ => "OK done".to_owned(),
        }
    }
}

/// The part of the rows that `1:100` or `-1:-100` means (RFC 9394).
fn part(rows: &Places, partial: &str) -> Option<Places> {
    let (from, to) = super::search::partial(partial, rows.len())?;
    let mut rest = rows.clone();
    rest.split(from);
    Some(rest.split(to - from))
}

/// Marks the messages as seen; whether that has changed anything.
fn mark_seen(folder: &mut Folder, rows: &Places) -> bool {
    let mut any = false;
    for uid in rows.uids() {
        if folder.message(uid).is_some_and(|message| !message.has("\\Seen")) {
            any |= folder.flag(uid, |flags| flags.push("\\Seen".to_owned()));
        }
    }
    any
}

/// What of an answer is still to be made.
struct Rows {
    selected: Selected,
    rows: Places,
    items: Vec<Item>,
    since: Option<u64>,
    gauge: Gauge,
}

impl Rows {
    /// Makes the next piece of the answer.
    fn make(&mut self, mail: &Mail, out: &mut Output) {
        // Where another folder has taken its place by now, the rest is missing.
        let Some(folder) = self.selected.folder(mail) else {
            self.rows = Places::none();
            return;
        };
        let body = self.items.iter().any(|item| matches!(item, Item::Section { .. }));
        let mut finder = Finder::new(folder);
        while !self.rows.is_empty() && out.len() < PIECE {
            // Bodies may be large, lines are not.
            let few = self.rows.split(if body { 1 } else { 1000 });
            for (number, uid) in few.iter() {
                if let Some(message) = finder.find(uid) {
                    let old = self.since.is_some_and(|since| message.modseq <= since);
                    let phantom = body && mail.quirks.phantoms.contains(&uid);
                    if !(old || phantom) {
                        self.row(number, message, out);
                    }
                } else if let Some(ghost) = ghost(mail, folder, uid) {
                    self.row(number, &ghost, out);
                }
            }
        }
    }

    fn row(&self, number: usize, message: &Message, out: &mut Output) {
        out.put(format_args!("* {number} FETCH ("));
        for (at, item) in self.items.iter().enumerate() {
            if at > 0 {
                out.bytes(b" ");
            }
            match item {
                Item::Uid => out.put(format_args!("UID {}", message.uid)),
                Item::Flags => list(out, "FLAGS", message.flags.iter().map(String::as_str)),
                Item::Date => out.put(format_args!("INTERNALDATE \"{}\"", message.date)),
                Item::Size => out.put(format_args!("RFC822.SIZE {}", message.body.len())),
                Item::ModSeq => out.put(format_args!("MODSEQ ({})", message.modseq)),
                Item::Envelope => out.bytes(b"ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"),
                Item::Structure(name) => {
                    let size = message.body.len();
                    out.put(format_args!("{name} (\"TEXT\" \"PLAIN\" NIL NIL NIL \"8BIT\" {size} 1)"));
                }
                Item::EmailId => out.put(format_args!("EMAILID (M{:x})", message.id)),
                Item::ThreadId => out.bytes(b"THREADID NIL"),
                Item::GmailId => out.put(format_args!("X-GM-MSGID {}", message.id)),
                Item::GmailThread => out.put(format_args!("X-GM-THRID {}", message.id)),
                Item::GmailLabels => labels(out, &message.labels),
                Item::Section { shown, part, partial, .. } => {
                    let body = part_of(message, part);
                    if *part == Part::Whole {
                        self.gauge.handed_out(body.len());
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
}

fn list<'a>(out: &mut Output, name: &str, words: impl Iterator<Item = &'a str>) {
    out.put(format_args!("{name} ("));
    for (at, word) in words.enumerate() {
        out.put(format_args!("{}{word}", if at > 0 { " " } else { "" }));
    }
    out.bytes(b")");
}

/// Gmail's labels: atoms where they can be, else quoted.
pub(super) fn labels(out: &mut Output, labels: &[String]) {
    out.bytes(b"X-GM-LABELS (");
    for (at, label) in labels.iter().enumerate() {
        if at > 0 {
            out.bytes(b" ");
        }
        let atom = |c: char| c.is_ascii_graphic() && !"(){%*\"\\]".contains(c);
        if !label.is_empty() && label.strip_prefix('\\').unwrap_or(label).chars().all(atom) {
            out.bytes(label.as_bytes());
        } else {
            out.name(label.as_bytes());
        }
    }
    out.bytes(b")");
}

/// What is left of a message that another session has expunged.
fn ghost(mail: &Mail, folder: &Folder, uid: u32) -> Option<Message> {
    let mut message = folder.expunged.get(&uid)?.clone();
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
