//! SEARCH and UID SEARCH, with ESEARCH's RETURN.

use super::Executor;
use crate::testing::mail::Message;
use crate::testing::output::Output;
use crate::testing::syntax::{Word, in_ranges, ranges};

impl Executor {
    pub(super) fn search(&mut self, arguments: &[Word], uid: bool, out: &mut Output) -> String {
        // Servers look anew when they search.
        self.news(out, false);
        let server = self.server.clone();
        let mail = server.mail();
        let Some(selected) = self.selected.clone() else { return "BAD nothing is selected".to_owned() };
        let Some(folder) = mail.seen().get(&selected.name).filter(|now| now.validity == selected.validity)
        else {
            return "NO [NONEXISTENT] the folder is gone".to_owned();
        };
        let mut keys = arguments;
        let mut returns: Option<&[Word]> = None;
        if let [word, list, rest @ ..] = keys
            && word.keyword() == "RETURN"
        {
            if !mail.has("ESEARCH") && !mail.has("IMAP4rev2") {
                return "BAD no RETURN here".to_owned();
            }
            returns = Some(list.items());
            keys = rest;
        }
        if let [word, _, rest @ ..] = keys
            && word.keyword() == "CHARSET"
        {
            keys = rest;
        }
        let last = folder.messages.last().map_or(0, |message| message.uid);
        let mut found = Vec::new();
        for (at, known) in selected.known.iter().enumerate() {
            let Some(message) = folder.message(*known) else { continue };
            let place = Place { number: at as u32 + 1, numbers: selected.known.len() as u32, last };
            match all(keys, message, &place) {
                Some(true) => found.push(if uid { message.uid } else { place.number }),
                Some(false) => {}
                None => return "BAD no such key".to_owned(),
            }
        }
        let list = |found: &[u32], by: &str| found.iter().map(u32::to_string).collect::<Vec<_>>().join(by);
        match returns {
            None if found.is_empty() => out.line("* SEARCH"),
            None => out.line(format!("* SEARCH {}", list(&found, " "))),
            Some(options) => {
                let wants = |name: &str| options.iter().any(|option| option.keyword() == name);
                let mut line = "* ESEARCH".to_owned();
                if uid {
                    line.push_str(" UID");
                }
                if wants("COUNT") {
                    line.push_str(&format!(" COUNT {}", found.len()));
                }
                if let (Some(first), Some(last)) = (found.first(), found.last()) {
                    if wants("MIN") {
                        line.push_str(&format!(" MIN {first}"));
                    }
                    if wants("MAX") {
                        line.push_str(&format!(" MAX {last}"));
                    }
                    if wants("ALL") || options.is_empty() {
                        line.push_str(&format!(" ALL {}", list(&found, ",")));
                    }
                }
                out.line(line);
            }
        }
        "OK done".to_owned()
    }
}

/// Where a message stands.
struct Place {
    number: u32,
    numbers: u32,
    last: u32,
}

/// Whether all keys hold; None where one is none.
fn all(keys: &[Word], message: &Message, place: &Place) -> Option<bool> {
    let mut keys = keys;
    let mut holds = true;
    while !keys.is_empty() {
        let (one, rest) = key(keys, message, place)?;
        holds &= one;
        keys = rest;
    }
    Some(holds)
}

/// The first key, and what comes after it.
fn key<'a>(keys: &'a [Word], message: &Message, place: &Place) -> Option<(bool, &'a [Word])> {
    let (first, rest) = keys.split_first()?;
    if let Word::List(inner) = first {
        return Some((all(inner, message, place)?, rest));
    }
    let has = |flag: &str| message.flags.iter().any(|one| one.eq_ignore_ascii_case(flag));
    let argument = || rest.first().map(Word::text);
    let word = first.keyword();
    let simple = match word.as_str() {
        "ALL" | "OLD" => Some(true),
        "NEW" | "RECENT" => Some(false),
        "ANSWERED" => Some(has("\\Answered")),
        "DELETED" => Some(has("\\Deleted")),
        "DRAFT" => Some(has("\\Draft")),
        "FLAGGED" => Some(has("\\Flagged")),
        "SEEN" => Some(has("\\Seen")),
        "UNANSWERED" => Some(!has("\\Answered")),
        "UNDELETED" => Some(!has("\\Deleted")),
        "UNDRAFT" => Some(!has("\\Draft")),
        "UNFLAGGED" => Some(!has("\\Flagged")),
        "UNSEEN" => Some(!has("\\Seen")),
        _ => None,
    };
    if let Some(holds) = simple {
        return Some((holds, rest));
    }
    match word.as_str() {
        "NOT" => {
            let (holds, rest) = key(rest, message, place)?;
            Some((!holds, rest))
        }
        "OR" => {
            let (one, rest) = key(rest, message, place)?;
            let (other, rest) = key(rest, message, place)?;
            Some((one || other, rest))
        }
        "UID" => Some((in_ranges(&ranges(&argument()?, place.last)?, message.uid), &rest[1..])),
        "KEYWORD" => Some((has(&argument()?), &rest[1..])),
        "UNKEYWORD" => Some((!has(&argument()?), &rest[1..])),
        "LARGER" => Some((message.body.len() > argument()?.parse().ok()?, &rest[1..])),
        "SMALLER" => Some((message.body.len() < argument()?.parse().ok()?, &rest[1..])),
        "MODSEQ" => Some((message.modseq >= argument()?.parse().ok()?, &rest[1..])),
        "HEADER" => {
            let (name, value) = (argument()?, rest.get(1)?.text());
            Some((header_contains(message, &name, &value), &rest[2..]))
        }
        "FROM" | "TO" | "CC" | "BCC" | "SUBJECT" => {
            Some((header_contains(message, &word, &argument()?), &rest[1..]))
        }
        "BODY" | "TEXT" => {
            let text = String::from_utf8_lossy(&message.body.to_bytes()).to_lowercase();
            Some((text.contains(&argument()?.to_lowercase()), &rest[1..]))
        }
        // Dates are compared by the caller's tests, not here.
        "BEFORE" | "ON" | "SINCE" | "SENTBEFORE" | "SENTON" | "SENTSINCE" => {
            Some((date_holds(&word, &argument()?, message)?, &rest[1..]))
        }
        _ => Some((in_ranges(&ranges(&first.text(), place.numbers)?, place.number), rest)),
    }
}

fn header_contains(message: &Message, name: &str, value: &str) -> bool {
    let start = message.body.slice(0, 256 * 1024);
    let text = String::from_utf8_lossy(&start).into_owned();
    let header = text.split("\r\n\r\n").next().unwrap_or("");
    let unfolded = header.replace("\r\n ", " ").replace("\r\n\t", " ");
    unfolded.split("\r\n").any(|line| {
        line.split_once(':').is_some_and(|(field, text)| {
            field.eq_ignore_ascii_case(name) && text.to_lowercase().contains(&value.to_lowercase())
        })
    })
}

/// Compares days; the SENT keys look at the Date header, which made-up mail seldom has in another year than its date.
fn date_holds(word: &str, wanted: &str, message: &Message) -> Option<bool> {
    let day = |text: &str| chrono::NaiveDate::parse_from_str(text.get(..11)?.trim(), "%d-%b-%Y").ok();
    let wanted = day(&format!("{wanted:0>11}"))?;
    let has = if word.starts_with("SENT") {
        let start = message.body.slice(0, 64 * 1024);
        let text = String::from_utf8_lossy(&start).into_owned();
        let line = text.split("\r\n").find(|line| line.to_ascii_lowercase().starts_with("date:"))?.to_owned();
        chrono::DateTime::parse_from_rfc2822(line[5..].trim()).ok()?.date_naive()
    } else {
        day(&message.date)?
    };
    Some(match word.trim_start_matches("SENT") {
        "BEFORE" => has < wanted,
        "ON" => has == wanted,
        _ => has >= wanted,
    })
}
