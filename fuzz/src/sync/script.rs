//! What the two servers say, read from an input; and what they say where the input is silent.
//!
//! An input is six digits (see [`Script::read`]) and records with a form feed between them. A record's first letter says
//! for which kind of command it is ([`kind`]); upper case is the source's, lower case the destination's. The first such
//! command is answered with the first such record, and so on. In a record some control characters stand for more:
//! 0x01 the command's tag, 0x02 the end of the connection, 0x03 silence for ever, 0x04 half a minute, 0x05 either end of
//! a literal, 0x06 sixty-four times as many bytes as the next byte says, 0x07 the user's interruption. A bare LF is CRLF. A record that names no tag
//! and does not end the connection has `OK` put behind it.

use crate::input::Input;
use imapsync_core::Side;
use imapsync_core::account::Timeouts;
use imapsync_core::imap::uidset::UidSet;
use imapsync_core::message::IdentityRules;
use imapsync_core::{Delete1, SyncOptions};
use std::collections::{HashMap, VecDeque};

/// Bytes of filler that an input may ask for.
const MOST_FILLER: usize = 1 << 20;
/// Pauses and silences; further ones end the connection, so that a run has a bound.
const MOST_WAITS: usize = 30;

/// The capabilities that a digit stands for.
const CAPABILITIES: [&str; 8] = [
    "IMAP4rev1",
    "IMAP4rev1 UIDPLUS LITERAL+ NAMESPACE ID",
    "IMAP4rev1 UIDPLUS LITERAL- LIST-EXTENDED LIST-STATUS SPECIAL-USE",
    "IMAP4rev2 IMAP4rev1 LITERAL- UIDPLUS NAMESPACE STATUS=SIZE ESEARCH ENABLE CONDSTORE",
    "IMAP4rev1 LOGINDISABLED AUTH=PLAIN SASL-IR LITERAL+",
    "IMAP4rev1 UIDPLUS APPENDLIMIT=300",
    "IMAP4rev1 MULTIAPPEND UIDPLUS LITERAL+ SPECIAL-USE LIST-EXTENDED",
    "IMAP4rev1 LITERAL- AUTH=LOGIN LOGINDISABLED",
];

/// One step of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Say(Vec<u8>),
    Close,
    Stall,
    Pause,
    /// The user interrupts the run.
    Interrupt,
}

/// An input that has been read.
pub(super) struct Script {
    records: HashMap<u8, VecDeque<Vec<u8>>>,
    /// Per side: only bytes, whatever the client says; each record of the side is one connection.
    raw: [bool; 2],
    streams: [VecDeque<Vec<u8>>; 2],
    capabilities: [usize; 2],
    /// Bytes of filler, and pauses and silences, that may still be.
    room: usize,
    waits: usize,
}

impl Script {
    /// The digits: which sides are raw (1 source, 2 destination); deletions (1 mark and 2 expunge at the source, 3
    /// destination, 4 more: `--expunge1`); 1 dry, 2 duplicates too, 4 no dates, 8 no flags; the source's and the
    /// destination's capabilities; memory, and 4 more: all headers are the identity.
    pub(super) fn read(data: &[u8]) -> (Self, SyncOptions) {
        let mut input = Input(data);
        let [mode, deletes, switches, one, other, memory] = [(); 6].map(|()| input.number());
        let options = SyncOptions {
            delete1: [Delete1::No, Delete1::Mark, Delete1::Expunge, Delete1::No][usize::from(deletes % 4)],
            delete2: deletes % 4 == 3,
            expunge1: deletes & 4 != 0,
            dry: switches & 1 != 0,
            sync_duplicates: switches & 2 != 0,
            internal_dates: switches & 4 == 0,
            resync_flags: switches & 8 == 0,
            identity: IdentityRules {
                headers: if memory & 4 != 0 {
                    vec!["ALL".to_owned()]
                } else {
                    IdentityRules::default().headers
                },
            },
            memory: [16 << 20, 64 << 10, 16 << 10, 2 << 10][usize::from(memory % 4)],
            ..SyncOptions::default()
        };
        let mut script = Self {
            records: HashMap::new(),
            raw: [mode & 1 != 0, mode & 2 != 0],
            streams: [VecDeque::new(), VecDeque::new()],
            capabilities: [one, other].map(|n| usize::from(n) % CAPABILITIES.len()),
            room: MOST_FILLER,
            waits: MOST_WAITS,
        };
        while !input.0.is_empty() {
            let Some((letter, text)) = input.until(b'\x0c').split_first() else { continue };
            let side = usize::from(letter.is_ascii_lowercase());
            if script.raw[side] {
                script.streams[side].push_back(text.to_vec());
            } else {
                script.records.entry(*letter).or_default().push_back(text.to_vec());
            }
        }
        (script, options)
    }

    pub(super) fn is_raw(&self, side: Side) -> bool {
        self.raw[index(side)]
    }

    /// The bytes of the next raw connection; None once there are no more.
    pub(super) fn stream(&mut self, side: Side) -> Option<Vec<u8>> {
        self.streams[index(side)].pop_front()
    }

    /// What is answered to the next command of this kind, literal bytes left out.
    pub(super) fn answer(&mut self, side: Side, kind: u8, tag: &str, line: &[u8]) -> Vec<Step> {
        let letter = if side == Side::Source { kind } else { kind.to_ascii_lowercase() };
        match self.records.get_mut(&letter).and_then(VecDeque::pop_front) {
            Some(record) => self.steps(&record, kind, tag),
            None => vec![Step::Say(self.usual(side, kind, tag, line))],
        }
    }

    fn steps(&mut self, record: &[u8], kind: u8, tag: &str) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut text = Vec::new();
        let mut complete = matches!(kind, b'G' | b'P');
        let mut input = Input(record);
        while let Some(byte) = input.byte() {
            match byte {
                1 => {
                    complete = true;
                    text.extend_from_slice(tag.as_bytes());
                }
                2..=4 | 7 => {
                    let waits = matches!(byte, 3 | 4) && self.waits > 0;
                    self.waits -= usize::from(waits);
                    steps.push(Step::Say(std::mem::take(&mut text)));
                    steps.push(match byte {
                        7 => Step::Interrupt,
                        4 if waits => Step::Pause,
                        3 if waits => Step::Stall,
                        _ => Step::Close,
                    });
                }
                5 => {
                    let literal = self.literal(input.until(5));
                    text.extend_from_slice(format!("{{{}}}\r\n", literal.len()).as_bytes());
                    text.extend_from_slice(&literal);
                }
                6 => text.extend(self.filler(input.byte())),
                b'\n' if text.last() != Some(&b'\r') => text.extend_from_slice(b"\r\n"),
                byte => text.push(byte),
            }
        }
        if !complete {
            text.extend_from_slice(format!("{tag} OK done\r\n").as_bytes());
        }
        steps.push(Step::Say(text));
        steps
    }

    /// The bytes of a literal, its repetitions carried out.
    fn literal(&mut self, text: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut input = Input(text);
        while let Some(byte) = input.byte() {
            if byte == 6 {
                bytes.extend(self.filler(input.byte()));
            } else {
                bytes.push(byte);
            }
        }
        bytes
    }

    /// So many times 64 bytes, while there is room.
    fn filler(&mut self, times: Option<u8>) -> Vec<u8> {
        let bytes = (usize::from(times.unwrap_or(1)) * 64).min(self.room);
        self.room -= bytes;
        b"All work and no play makes Jack a dull boy, and so on for ever\r\n"
            .iter()
            .copied()
            .cycle()
            .take(bytes)
            .collect()
    }

    /// What an ordinary server says. Each folder of the source holds messages 1 to 3, each of the destination 2 and 4.
    fn usual(&self, side: Side, kind: u8, tag: &str, line: &[u8]) -> Vec<u8> {
        let capabilities = CAPABILITIES[self.capabilities[index(side)]];
        let messages: &[u32] = if side == Side::Source { &[1, 2, 3] } else { &[2, 4] };
        let exists = messages.len();
        let said = match kind {
            b'G' => return format!("* OK [CAPABILITY {capabilities}] ready\r\n").into_bytes(),
            b'P' => return b"+ go on\r\n".to_vec(),
            b'C' => format!("* CAPABILITY {capabilities}\r\n"),
            b'I' => return format!("{tag} OK [CAPABILITY {capabilities}] welcome\r\n").into_bytes(),
            b'N' => "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n* ID NIL\r\n".into(),
            b'L' if side == Side::Source => "* LIST () \"/\" INBOX\r\n* LIST (\\Sent) \"/\" Sent\r\n".into(),
            b'L' => "* LIST (\\Subscribed) \"/\" INBOX\r\n".into(),
            b'U' if side == Side::Source => "* LSUB () \"/\" Sent\r\n".into(),
            b'S' => format!(
                "* {exists} EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [UIDNEXT 9] n\r\n* OK [PERMANENTFLAGS (\\Seen \\Deleted \\*)] p\r\n"
            ),
            b'F' | b'H' | b'K' | b'B' => {
                let mut text = String::new();
                for (seq, uid) in (1..).zip(messages).filter(|(_, uid)| asked(line, **uid)) {
                    let items = items(kind, *uid);
                    text.push_str(&format!("* {seq} FETCH (UID {uid}{items})\r\n"));
                }
                text
            }
            _ => String::new(),
        };
        format!("{said}{tag} OK done\r\n").into_bytes()
    }
}

fn items(kind: u8, uid: u32) -> String {
    let header = format!("Message-Id: <{uid}@example.org>\r\nSubject: {uid}\r\n\r\n");
    let body = format!("{header}{}", "All work and no play.\r\n".repeat(if uid == 3 { 250 } else { 3 }));
    let size = body.len();
    match kind {
        b'F' => {
            format!(" FLAGS (\\Seen $Work) INTERNALDATE \"01-Feb-2020 03:04:05 +0600\" RFC822.SIZE {size}")
        }
        b'H' => format!(" BODY[HEADER] {{{}}}\r\n{header}", header.len()),
        b'K' => format!(
            " INTERNALDATE \"01-Feb-2020 03:04:05 +0600\" RFC822.SIZE {size} BODY[HEADER] {{{}}}\r\n{header}",
            header.len()
        ),
        _ => format!(" BODY[] {{{size}}}\r\n{body}"),
    }
}

/// Whether the UID FETCH asks for this UID.
fn asked(line: &[u8], uid: u32) -> bool {
    let set = line.split(|byte| *byte == b' ').nth(3).unwrap_or_default();
    match set.strip_suffix(b":*") {
        Some(first) => {
            std::str::from_utf8(first).is_ok_and(|first| first.parse().is_ok_and(|first: u32| uid >= first))
        }
        None => UidSet::parse(set).is_some_and(|set| set.contains(uid)),
    }
}

/// The letter of a command, its line with the tag: Greeting, Capability, log In, Namespace and ID and ENABLE, List,
/// lsUb, sTatus, Select and EXAMINE, Fetch of a listing, Header, looK, Body, stoRe, eXpunge, searchD, Append, Make
/// (CREATE, SUBSCRIBE), Other; P is the continuation before a literal.
pub(super) fn kind(line: &[u8]) -> u8 {
    let line = line.to_ascii_uppercase();
    let mut words = line.split(|byte| matches!(byte, b' ' | b'\r' | b'\n')).skip(1);
    let word = words.next().unwrap_or_default();
    let word = if word == b"UID" { words.next().unwrap_or_default() } else { word };
    let has = |text: &[u8]| memchr::memmem::find(&line, text).is_some();
    match word {
        b"CAPABILITY" => b'C',
        b"LOGIN" | b"AUTHENTICATE" => b'I',
        b"NAMESPACE" | b"ID" | b"ENABLE" => b'N',
        b"LIST" => b'L',
        b"LSUB" => b'U',
        b"STATUS" => b'T',
        b"SELECT" | b"EXAMINE" => b'S',
        b"FETCH" if has(b"FLAGS") => b'F',
        b"FETCH" if has(b"BODY.PEEK[]") => b'B',
        b"FETCH" if has(b"RFC822.SIZE") => b'K',
        b"FETCH" => b'H',
        b"STORE" => b'R',
        b"EXPUNGE" => b'X',
        b"SEARCH" => b'D',
        b"APPEND" => b'A',
        b"CREATE" | b"SUBSCRIBE" => b'M',
        _ => b'O',
    }
}

/// How long the client waits: shorter than usual, so that the bound on the whole run is.
pub(super) fn timeouts() -> Timeouts {
    use std::time::Duration;
    Timeouts { command: Duration::from_secs(600), ..Timeouts::default() }
}

pub(super) fn index(side: Side) -> usize {
    usize::from(side == Side::Destination)
}
