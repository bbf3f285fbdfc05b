//! What each server makes of the account, as it was seen on it: the tables that the runs are held to. They are written
//! down by hand, and share nothing with the code of the test server.

use crate::account::{LONG, Letter, USUAL, letters, lf};
use imapsync_core::testing::Profile;

/// The present, as the test server has it.
pub const NOW: &str = "25-Nov-2026 12:00:00 +0000";

/// What arrives of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// These bytes.
    Is(Vec<u8>),
    /// The server refuses it: it is named in the report.
    Refused,
}

/// What the destination holds of a message in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    pub text: Text,
    /// Sorted.
    pub flags: Vec<String>,
    pub date: String,
}

fn is(text: &[u8]) -> Text {
    Text::Is(text.to_vec())
}

fn replaced(text: &[u8], from: &str, to: &[u8]) -> Text {
    let at = text.windows(from.len()).position(|part| part == from.as_bytes()).unwrap();
    Text::Is([&text[..at], to, &text[at + from.len()..]].concat())
}

/// The bytes that a server stores of a message.
fn text(server: &str, name: &str, sent: &[u8]) -> Text {
    match (server, name) {
        // Dovecot.
        ("dovecot" | "dovecot-maildir", "nul") => replaced(sent, "\0", b"\x80"),
        ("dovecot" | "dovecot-maildir", "bare lf") => replaced(sent, "one\ntwo", b"one\r\ntwo"),
        // Cyrus.
        ("cyrus" | "cyrus-2.1" | "cyrus-1.5", "nul" | "bare lf" | "no header") => Text::Refused,
        ("cyrus" | "cyrus-2.1" | "cyrus-1.5", "8 bit" | "8 bit alone") => replaced_8_bit(sent),
        // Courier.
        ("courier", "bare lf") => replaced(sent, "one\ntwo", b"one\r\ntwo"),
        ("courier", "bare cr") => replaced(sent, "one\rtwo", b"onetwo"),
        ("courier", "no end") => replaced(sent, "no end", b"no end\r\n"),
        // Exchange puts a header in front.
        ("office365", _) => is(&[b"X-MS-Exchange-Organization-SCL: -1\r\n", sent].concat()),
        // Yahoo counts wrongly without a line end.
        ("yahoo", "no end") => Text::Refused,
        // mailutils.
        ("mailutils", "nul") => replaced(sent, "a\0b\r\n", b"a"),
        ("mailutils", "bare lf") => replaced(sent, "one\ntwo", b"one\r\ntwo"),
        ("mailutils", "no header") => Text::Refused,
        ("mailutils", "from") => replaced(sent, "Status: RO\r\n", b""),
        // UW.
        ("uw", "nul") => replaced(sent, "\0", b"\x80"),
        ("uw", "bare lf") => replaced(sent, "one\ntwo", b"one\r\ntwo"),
        ("uw", "bare cr") => replaced(sent, "one\rtwo", b"onetwo"),
        ("uw", "no end") => replaced(sent, "no end", b"no end\r\n"),
        ("uw", "no header") => is(&[b"\r\n", sent].concat()),
        ("uw", "from") => {
            is(b"Message-Id: <from@example.org>\r\nX-Original-Status: RO\r\n\r\n>From here on.\r\n")
        }
        // pymap.
        ("pymap", "no header") => is(&[b"\n", &lf(sent)[..]].concat()),
        ("pymap", _) => is(&lf(sent)),
        _ => is(sent),
    }
}

fn replaced_8_bit(sent: &[u8]) -> Text {
    let at = sent.iter().position(|byte| *byte == 0xe9).unwrap();
    let mut munged = sent.to_vec();
    munged[at] = b'X';
    Text::Is(munged)
}

/// The flags that a server holds in the end.
fn flags(server: &str, sent: &[&str]) -> Vec<String> {
    let system = |flag: &&&str| flag.starts_with('\\');
    let mut kept: Vec<String> = match server {
        "dovecot" | "dovecot-maildir" => {
            sent.iter().filter(|flag| **flag != LONG).map(|flag| (*flag).to_owned()).collect()
        }
        "office365" | "mailutils" | "pymap" => {
            sent.iter().filter(system).map(|flag| (*flag).to_owned()).collect()
        }
        "yahoo" => {
            let own = |flag: &&&str| system(flag) || ["$Forwarded", "$Junk", "$NotJunk"].contains(*flag);
            sent.iter().filter(own).map(|flag| (*flag).to_owned()).collect()
        }
        _ => sent.iter().map(|flag| (*flag).to_owned()).collect(),
    };
    kept.sort();
    kept
}

/// The date that a server shows in the end. What some servers refuse or turn into something else is sent as the nearest
/// date that all of them keep.
fn date(server: &str, letter: &Letter) -> String {
    match (server, letter.name) {
        // The Date header, where there is one.
        ("mailutils", "no identity" | "8 bit" | "8 bit alone" | "from") => NOW,
        ("mailutils", _) => USUAL,
        (_, "epoch" | "older") => "02-Jan-1970 00:00:00 +0000",
        (_, "future") => "18-Jan-2038 00:00:00 +0000",
        ("dovecot" | "dovecot-maildir" | "cyrus" | "cyrus-2.1" | "cyrus-1.5" | "courier", "zone") => {
            "05-Mar-2021 04:41:12 +0000"
        }
        _ => letter.date,
    }
    .to_owned()
}

/// Where a folder goes to on a server: its name there, or None where the server does not take it. Special-use folders
/// go to their counterparts (automap).
pub fn folder(profile: &Profile, levels: &[&str]) -> Option<String> {
    let own = |name: &str| Some(name.to_owned());
    match (profile.name, levels) {
        ("gmail", ["Sent"]) => own("[Gmail]/Sent Mail"),
        ("gmail", ["Drafts"]) => own("[Gmail]/Drafts"),
        ("gmail", ["Trash"]) => own("[Gmail]/Trash"),
        ("gmail", ["Junk"]) => own("[Gmail]/Spam"),
        ("office365", ["Sent"]) => own("Sent Items"),
        ("office365", ["Trash"]) => own("Deleted Items"),
        ("office365", ["Junk"]) => own("Junk Email"),
        ("yahoo", ["Drafts"]) => own("Draft"),
        ("yahoo", ["Junk"]) => own("Bulk Mail"),
        ("icloud", ["Sent"]) => own("Sent Messages"),
        ("icloud", ["Trash"]) => own("Deleted Messages"),
        // Names that Cyrus does not take.
        ("cyrus" | "cyrus-2.1" | "cyrus-1.5", ["100% \"odd\" [x]"]) => None,
        ("courier", ["Party &2DzfiQ-"]) => None,
        // Nothing can be in a folder that holds messages.
        ("uw", ["Projects", "Apollo", ..]) => None,
        _ => Some(crate::account::named(profile, levels)),
    }
}

/// What a server holds of each letter in the end, by name. Duplicates within a folder are copied once.
pub fn copies(profile: &Profile) -> Vec<(&'static str, Option<String>, Copy)> {
    let copy = |letter: &Letter| Copy {
        text: text(profile.name, letter.name, letter.text),
        flags: flags(profile.name, letter.flags),
        date: date(profile.name, letter),
    };
    letters().iter().map(|letter| (letter.name, folder(profile, letter.folder), copy(letter))).collect()
}
