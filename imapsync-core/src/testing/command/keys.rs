//! The keys of SEARCH: read once, then held against each message.

use super::select::Selected;
use crate::testing::folder::Message;
use crate::testing::quirks::Quirks;
use crate::testing::set::{merged, ranges, within};
use crate::testing::syntax::Word;
use chrono::NaiveDate;

/// A key, and all that belongs to it.
#[derive(Debug)]
pub(super) enum Key {
    All,
    None,
    /// All of these.
    And(Vec<Key>),
    Or(Box<(Key, Key)>),
    Not(Box<Key>),
    Flag(String),
    /// Message numbers.
    Numbers(Vec<(u32, u32)>),
    Uids(Vec<(u32, u32)>),
    Larger(u64),
    Smaller(u64),
    ModSeq(u64),
    Header(String, String),
    /// In the text, or with true in the whole message.
    Text(String, bool),
    /// A comparison with the internal date, or with true with the day it was sent.
    Day(Compare, NaiveDate, bool),
    GmailId(u64),
    GmailLabel(String),
    EmailId(String),
}

#[derive(Debug)]
pub(super) enum Compare {
    Before,
    On,
    Since,
}

impl Key {
    /// Reads all of these keys; None where one is none.
    pub(super) fn all(words: &[Word], selected: &Selected, quirks: &Quirks) -> Option<Self> {
        let (mut keys, mut words) = (Vec::new(), words);
        while !words.is_empty() {
            keys.push(Self::next(&mut words, selected, quirks)?);
        }
        (!keys.is_empty()).then_some(Self::And(keys))
    }

    /// Reads the first key off the words.
    fn next(words: &mut &[Word], selected: &Selected, quirks: &Quirks) -> Option<Self> {
        let word = take(words)?;
        if let Word::List(inner) = word {
            return Self::all(inner, selected, quirks);
        }
        let flag = |name: &str| Self::Flag(name.to_owned());
        let not = |key: Self| Self::Not(Box::new(key));
        let last = selected.known.last().copied().unwrap_or(0);
        let uids = |set: &str| match set {
            "$" => Some(selected.saved.iter().map(|uid| (*uid, *uid)).collect()),
            set => ranges(set, last).map(merged),
        };
        let name = word.keyword();
        Some(match name.as_str() {
            "ALL" | "OLD" => Self::All,
            "NEW" | "RECENT" => Self::None,
            "ANSWERED" => flag("\\Answered"),
            "DELETED" => flag("\\Deleted"),
            "DRAFT" => flag("\\Draft"),
            "FLAGGED" => flag("\\Flagged"),
            "SEEN" => flag("\\Seen"),
            "UNANSWERED" => not(flag("\\Answered")),
            "UNDELETED" => not(flag("\\Deleted")),
            "UNDRAFT" => not(flag("\\Draft")),
            "UNFLAGGED" => not(flag("\\Flagged")),
            "UNSEEN" => not(flag("\\Seen")),
            "KEYWORD" if quirks.lame_search => {
                take(words)?;
                Self::All
            }
            "UID" if quirks.lame_search || quirks.star_finds_nothing && beyond(words, last) => {
                take(words)?;
                Self::None
            }
            "KEYWORD" => Self::Flag(take(words)?.text()),
            "UNKEYWORD" => not(Self::Flag(take(words)?.text())),
            "NOT" => not(Self::next(words, selected, quirks)?),
            "OR" => Self::Or(Box::new((
                Self::next(words, selected, quirks)?,
                Self::next(words, selected, quirks)?,
            ))),
            "UID" => Self::Uids(uids(&take(words)?.text())?),
            "$" => Self::Uids(uids("$")?),
            "LARGER" => Self::Larger(take(words)?.text().parse().ok()?),
            "SMALLER" => Self::Smaller(take(words)?.text().parse().ok()?),
            "MODSEQ" => {
                // MODSEQ ["/flags/\\name" type] number
                if matches!(words.first(), Some(Word::Quoted(_))) {
                    take(words)?;
                    take(words)?;
                }
                Self::ModSeq(take(words)?.text().parse().ok()?)
            }
            "HEADER" => Self::Header(take(words)?.text(), take(words)?.text().to_lowercase()),
            "FROM" | "TO" | "CC" | "BCC" | "SUBJECT" => {
                Self::Header(name, take(words)?.text().to_lowercase())
            }
            "BODY" => Self::Text(take(words)?.text().to_lowercase(), false),
            "TEXT" => Self::Text(take(words)?.text().to_lowercase(), true),
            "BEFORE" | "SENTBEFORE" => Self::day(Compare::Before, &name, words)?,
            "ON" | "SENTON" => Self::day(Compare::On, &name, words)?,
            "SINCE" | "SENTSINCE" => Self::day(Compare::Since, &name, words)?,
            "X-GM-MSGID" | "X-GM-THRID" => Self::GmailId(take(words)?.text().parse().ok()?),
            "X-GM-LABELS" => Self::GmailLabel(take(words)?.text()),
            "X-GM-RAW" => Self::gmail(&take(words)?.text()),
            "EMAILID" => Self::EmailId(take(words)?.text()),
            "THREADID" => {
                take(words)?;
                Self::None
            }
            _ => Self::Numbers(merged(ranges(&word.text(), selected.known.len() as u32)?)),
        })
    }

    fn day(compare: Compare, name: &str, words: &mut &[Word]) -> Option<Self> {
        Some(Self::Day(compare, day(&take(words)?.text())?, name.starts_with("SENT")))
    }

    /// A little of Gmail's own language: `rfc822msgid:`, `label:`, and words.
    fn gmail(query: &str) -> Self {
        let word = |word: &str| match word.split_once(':') {
            Some(("rfc822msgid", id)) => Self::Header("Message-Id".to_owned(), id.to_lowercase()),
            Some(("label" | "in", label)) => Self::GmailLabel(label.to_owned()),
            Some(("from", text)) => Self::Header("From".to_owned(), text.to_lowercase()),
            Some(("subject", text)) => Self::Header("Subject".to_owned(), text.to_lowercase()),
            _ => Self::Text(word.to_lowercase(), true),
        };
        Self::And(query.split_whitespace().map(word).collect())
    }

    /// Whether it speaks of mod-sequences.
    pub(super) fn asks_modseq(&self) -> bool {
        match self {
            Self::ModSeq(_) => true,
            Self::And(keys) => keys.iter().any(Self::asks_modseq),
            Self::Or(both) => both.0.asks_modseq() || both.1.asks_modseq(),
            Self::Not(key) => key.asks_modseq(),
            _ => false,
        }
    }

    /// Whether it holds for the message with this number.
    pub(super) fn holds(&self, number: u32, message: &Message) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::And(keys) => keys.iter().all(|key| key.holds(number, message)),
            Self::Or(both) => both.0.holds(number, message) || both.1.holds(number, message),
            Self::Not(key) => !key.holds(number, message),
            Self::Flag(flag) => message.has(flag),
            Self::Numbers(set) => within(set, number),
            Self::Uids(set) => within(set, message.uid),
            Self::Larger(bytes) => message.body.len() > *bytes,
            Self::Smaller(bytes) => message.body.len() < *bytes,
            Self::ModSeq(modseq) => message.modseq >= *modseq,
            Self::Header(name, value) => header_contains(message, name, value),
            Self::Text(text, whole) => {
                let bytes = message.body.to_bytes();
                let from = if *whole { 0 } else { memchr::memmem::find(&bytes, b"\r\n\r\n").unwrap_or(0) };
                String::from_utf8_lossy(&bytes[from..]).to_lowercase().contains(text)
            }
            Self::Day(compare, wanted, by_header) => {
                let day = if *by_header { sent(message) } else { day(&message.date) };
                day.is_some_and(|day| match compare {
                    Compare::Before => day < *wanted,
                    Compare::On => day == *wanted,
                    Compare::Since => day >= *wanted,
                })
            }
            Self::GmailId(id) => message.id == *id,
            Self::GmailLabel(label) => message.labels.iter().any(|one| one.eq_ignore_ascii_case(label)),
            Self::EmailId(id) => format!("M{:x}", message.id) == *id,
        }
    }
}

fn take<'a>(words: &mut &'a [Word]) -> Option<&'a Word> {
    let (first, rest) = words.split_first()?;
    *words = rest;
    Some(first)
}

/// Whether the next word is `n:*` with a number above the last.
fn beyond(words: &[Word], last: u32) -> bool {
    let set = words.first().map(Word::text).unwrap_or_default();
    set.strip_suffix(":*").and_then(|first| first.parse().ok()).is_some_and(|first: u32| first > last)
}

/// Whether a field of this name contains the value, given in small letters.
fn header_contains(message: &Message, name: &str, value: &str) -> bool {
    let start = message.body.slice(0, 256 * 1024);
    let text = String::from_utf8_lossy(&start).into_owned();
    let header = text.split("\r\n\r\n").next().unwrap_or("");
    let unfolded = header.replace("\r\n ", " ").replace("\r\n\t", " ");
    unfolded.split("\r\n").any(|line| {
        line.split_once(':').is_some_and(|(field, text)| {
            field.eq_ignore_ascii_case(name) && text.to_lowercase().contains(value)
        })
    })
}

/// The day of `1-Feb-1994` or of an internal date.
fn day(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text.trim().split(' ').next()?, "%d-%b-%Y").ok()
}

/// The day that the message says it was sent on.
fn sent(message: &Message) -> Option<NaiveDate> {
    let start = message.body.slice(0, 64 * 1024);
    let text = String::from_utf8_lossy(&start).into_owned();
    let header = text.split("\r\n\r\n").next().unwrap_or("");
    let line = header.split("\r\n").find(|line| line.to_ascii_lowercase().starts_with("date:"))?;
    Some(chrono::DateTime::parse_from_rfc2822(line[5..].trim()).ok()?.date_naive())
}
