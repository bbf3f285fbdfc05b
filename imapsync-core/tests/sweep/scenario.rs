//! What a scenario is: messages on both sides before and after, written as rows, and the options between.

use imapsync_core::SyncOptions;
use imapsync_core::testing::Server;
use std::collections::BTreeMap;

/// A row of the table.
pub struct Scenario {
    pub name: &'static str,
    pub capabilities: &'static str,
    /// `INBOX: a b/S; Work: c`: folders with messages, each with the letters of its flags.
    pub source: &'static str,
    pub destination: &'static str,
    pub options: fn() -> SyncOptions,
    /// The same afterwards.
    pub source_after: &'static str,
    pub destination_after: &'static str,
}

/// A message: its name and its flags. The name tells what kind of message it is; see [`body`].
pub type Row = (String, Vec<&'static str>);
/// Rows by folder.
pub type Rows = BTreeMap<String, Vec<Row>>;

/// Reads `INBOX: a b/S; Work: c`.
pub fn rows(text: &str) -> Rows {
    let mut rows = Rows::new();
    for folder in text.split(';').map(str::trim).filter(|folder| !folder.is_empty()) {
        let (name, messages) = folder.split_once(':').expect("a folder and a colon");
        let mut messages: Vec<Row> = messages
            .split_whitespace()
            .map(|message| {
                let (name, letters) = message.split_once('/').unwrap_or((message, ""));
                (name.to_owned(), letters.chars().map(flag).collect())
            })
            .collect();
        messages.sort();
        rows.insert(name.to_owned(), messages);
    }
    rows
}

fn flag(letter: char) -> &'static str {
    match letter {
        'S' => "\\Seen",
        'F' => "\\Flagged",
        'A' => "\\Answered",
        'D' => "\\Deleted",
        'T' => "\\Draft",
        'k' => "$Forwarded",
        other => panic!("no such flag: {other}"),
    }
}

/// The text of a message. `h…` has no header that identifies it, `t…` are twins (one Message-Id, one size, another
/// text), `L…` is large enough to stream; all others are ordinary.
pub fn body(name: &str) -> Vec<u8> {
    match name.as_bytes()[0] {
        b'h' => format!("X-Nothing: here\r\n\r\nThe body of {name} alone.\r\n").into_bytes(),
        b't' => format!("Message-Id: <twin@example.org>\r\nSubject: Twin\r\n\r\nThis is {name:>4}.\r\n").into_bytes(),
        b'L' => {
            let mut text = format!("Message-Id: <{name}@example.org>\r\nSubject: Large\r\n\r\n");
            for line in 0..1200 {
                text.push_str(&format!("line {line} of {name}\r\n"));
            }
            text.into_bytes()
        }
        _ => format!(
            "Message-Id: <{name}@example.org>\r\nFrom: {name}@example.org\r\nSubject: Number {name}\r\n\r\nText of {name}.\r\n"
        )
        .into_bytes(),
    }
}

/// Fills a server.
pub fn fill(server: &Server, text: &str) {
    let mut mail = server.mail();
    // In the order of writing, not of names.
    for folder in text.split(';').map(str::trim).filter(|folder| !folder.is_empty()) {
        let (name, messages) = folder.split_once(':').expect("a folder and a colon");
        for message in messages.split_whitespace() {
            let (letter, letters) = message.split_once('/').unwrap_or((message, ""));
            let flags: Vec<&str> = letters.chars().map(flag).collect();
            mail.folder(name).add(body(letter), &flags);
        }
    }
}

/// What is on a server, in the same form: messages that are none of ours get the name `?` and their text.
pub fn found(server: &Server, names: &[String]) -> Rows {
    let mail = server.mail();
    let mut rows = Rows::new();
    for (folder, content) in &mail.folders {
        if content.messages.is_empty() && folder != "INBOX" {
            continue;
        }
        let mut messages: Vec<Row> = content
            .messages
            .iter()
            .map(|message| {
                let bytes = message.body.to_bytes();
                let name = names.iter().find(|name| body(name) == bytes[..]);
                let name = name.cloned().unwrap_or_else(|| format!("?{:?}", message.body));
                let mut flags: Vec<&str> = message.flags.iter().map(|flag| known(flag)).collect();
                flags.sort_unstable();
                (name, flags)
            })
            .collect();
        messages.sort();
        rows.insert(folder.clone(), messages);
    }
    rows
}

fn known(flag: &str) -> &'static str {
    "SFADTk".chars().map(self::flag).find(|one| one.eq_ignore_ascii_case(flag)).unwrap_or("another flag")
}

/// Rows without empty folders, flags in order: to compare with what was found.
pub fn expected(text: &str) -> Rows {
    let mut rows = rows(text);
    rows.retain(|name, messages| !messages.is_empty() || name == "INBOX");
    rows.entry("INBOX".to_owned()).or_default();
    for (_, flags) in rows.values_mut().flatten() {
        flags.sort_unstable();
    }
    for messages in rows.values_mut() {
        messages.sort();
    }
    rows
}

/// Every name that a scenario mentions.
pub fn names(scenario: &Scenario) -> Vec<String> {
    let mut names: Vec<String> = [scenario.source, scenario.destination]
        .iter()
        .flat_map(|text| rows(text).into_values().flatten().map(|(name, _)| name).collect::<Vec<_>>())
        .collect();
    // What another client delivers meanwhile.
    names.push("zz".to_owned());
    names.sort();
    names.dedup();
    names
}
