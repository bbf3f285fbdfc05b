//! One made-up message as bytes: header, text, attachment.

use super::phrases::{Language, OWNER};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, FixedOffset};
use std::fmt::Write as _;

/// Characters of a line of base64 (RFC 2045, section 6.8).
const BASE64_LINE: usize = 76;
/// Bytes of text in one encoded word, so that the word stays below 75 characters (RFC 2047, section 2).
const WORD: usize = 42;

/// Name and address.
pub(super) type Person = (&'static str, &'static str);

/// What a message is made from.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) from: Person,
    pub(super) to: Person,
    pub(super) subject: String,
    pub(super) date: DateTime<FixedOffset>,
    /// What stands between the angle brackets of the Message-Id.
    pub(super) id: String,
    /// The identifiers of the messages before it in its thread, the oldest first.
    pub(super) thread: Vec<String>,
    /// The mailing list it came through.
    pub(super) list: Option<&'static str>,
    pub(super) text: String,
    /// The bytes of a file that comes with it.
    pub(super) attachment: Option<(String, Vec<u8>)>,
}

impl Draft {
    /// The message.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut out = self.header();
        let text = self.text.replace('\n', "\r\n");
        let plain = "Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n";
        let Some((name, file)) = &self.attachment else {
            let _ = write!(out, "{plain}{text}");
            return out.into_bytes();
        };
        let boundary = format!("=_{}", self.id.split('@').next().unwrap_or_default());
        let _ = write!(
            out,
            "Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n{plain}{text}\r\n\
             --{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment; filename=\"{name}\"\r\n\r\n"
        );
        let encoded = STANDARD.encode(file);
        let mut bytes = out.into_bytes();
        for line in encoded.as_bytes().chunks(BASE64_LINE) {
            bytes.extend_from_slice(line);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        bytes
    }

    fn header(&self) -> String {
        let (from, to) = (address(self.from), address(self.to));
        let date = self.date.to_rfc2822();
        let domain = self.from.1.split('@').nth(1).unwrap_or("example.org");
        let id = &self.id;
        let mut out = format!(
            "Return-Path: <{}>\r\nReceived: from mx.{domain} (mx.{domain} [192.0.2.25])\r\n\tby mail.old.example with \
             ESMTPS id {};\r\n\t{date}\r\nDate: {date}\r\nFrom: {from}\r\nTo: {to}\r\nSubject: {}\r\n\
             Message-Id: <{id}>\r\n",
            self.from.1,
            id.split('@').next().unwrap_or_default(),
            words(&self.subject),
        );
        if let Some(parent) = self.thread.last() {
            let references: Vec<String> = self.thread.iter().map(|id| format!("<{id}>")).collect();
            let _ = write!(out, "In-Reply-To: <{parent}>\r\nReferences: {}\r\n", references.join("\r\n "));
        }
        if let Some(list) = self.list {
            let _ = write!(out, "List-Id: <{list}>\r\nPrecedence: list\r\n");
        }
        out.push_str("MIME-Version: 1.0\r\n");
        out
    }
}

/// A text of about so many bytes in a language: a greeting, paragraphs, a name.
pub(super) fn text(language: &Language, from: Person, length: usize, random: &mut fastrand::Rng) -> String {
    let mut text = String::new();
    let mut column = 0;
    while text.len() < length {
        let sentence = random.choice(language.sentences).copied().unwrap_or_default();
        column += sentence.chars().count() + 1;
        text.push_str(sentence);
        if column > 60 {
            text.push_str(if random.u8(0..4) == 0 { "\n\n" } else { "\n" });
            column = 0;
        } else {
            text.push(' ');
        }
    }
    let _ = write!(text, "\n\n-- \n{}\n", from.0);
    text
}

/// Somebody as From and To name them.
fn address((name, address): Person) -> String {
    if name.is_ascii() && name.contains([',', '\'', '.']) {
        format!("\"{name}\" <{address}>")
    } else {
        format!("{} <{address}>", words(name))
    }
}

/// Text in a header: as it is, or in encoded words (RFC 2047).
fn words(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut parts = vec![String::new()];
    for c in text.chars() {
        match parts.last_mut() {
            Some(part) if part.len() + c.len_utf8() <= WORD => part.push(c),
            _ => parts.push(c.to_string()),
        }
    }
    let encoded: Vec<String> =
        parts.iter().map(|part| format!("=?UTF-8?B?{}?=", STANDARD.encode(part))).collect();
    encoded.join("\r\n ")
}

/// The other end of a message: the owner of the mailbox, unless he wrote it.
pub(super) const fn owner_or(other: Person, owner_writes: bool) -> (Person, Person) {
    if owner_writes { (OWNER, other) } else { (other, OWNER) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_ascii_and_folded() {
        for (text, expected) in [
            ("Lunch?", "Lunch?"),
            ("Grüße", "=?UTF-8?B?R3LDvMOfZQ==?="),
            // 14 characters of three bytes fill a word.
            (
                "次回の打ち合わせについて次回の",
                "=?UTF-8?B?5qyh5Zue44Gu5omT44Gh5ZCI44KP44Gb44Gr44Gk44GE44Gm5qyh5Zue?=\r\n =?UTF-8?B?44Gu?=",
            ),
        ] {
            assert_eq!(words(text), expected);
        }
        assert_eq!(address(("O'Neill, Sean", "sean@example.org")), "\"O'Neill, Sean\" <sean@example.org>");
    }
}
