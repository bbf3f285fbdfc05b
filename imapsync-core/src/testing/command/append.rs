//! APPEND, of one message or, with MULTIAPPEND, of several that are stored together or not at all.

use super::Executor;
use super::select::accepted;
use crate::testing::body::Body;
use crate::testing::mail::Mail;
use crate::testing::output::Output;
use crate::testing::quirks::{Dates, Rewrite};
use crate::testing::syntax::Word;

/// What the server takes for the present.
const NOW: &str = "25-Nov-2026 12:00:00 +0000";

impl Executor {
    /// What a synchronising literal is answered with in place of `+`, where that is known before the message is here.
    pub(in crate::testing) fn refuses_early(&self, line: &str, len: u64) -> Option<String> {
        let words = crate::testing::syntax::words(&[crate::testing::syntax::Segment::Text(
            crate::testing::syntax::unannounced(line.as_bytes()).to_vec(),
        )])?;
        if words.first()?.keyword() != "APPEND" || words.len() < 2 {
            return None;
        }
        let mail = self.server.mail();
        let name = self.mailbox(&words, 1);
        if mail.usable(&name).is_none() {
            return Some("NO [TRYCREATE] no such folder".to_owned());
        }
        let flags = words.iter().find(|word| matches!(word, Word::List(_)));
        if let Some(flags) = flags
            && let Err(refusal) = accepted(&mail, &mail.resolve(&name), flags.items())
        {
            return Some(refusal);
        }
        too_big(&mail, len)
    }

    pub(super) fn append(&mut self, arguments: &[Word], out: &mut Output) -> String {
        let server = self.server.clone();
        let mut mail = server.mail();
        let several = arguments.iter().filter(|word| matches!(word, Word::Literal(_))).count() > 1;
        if several && !mail.has("MULTIAPPEND") {
            return "BAD one message at a time".to_owned();
        }
        let mut messages: Vec<(Body, Vec<String>, String)> = Vec::new();
        let (mut flags, mut date): (&[Word], Option<String>) = (&[], None);
        for word in arguments.get(1..).unwrap_or_default() {
            match word {
                Word::List(words) => flags = words,
                Word::Quoted(text) => date = Some(String::from_utf8_lossy(text).into_owned()),
                Word::Literal(body) => {
                    server.gauge.stored(body.len());
                    let name = mail.resolve(&self.mailbox(arguments, 0));
                    let kept = match accepted(&mail, &name, flags) {
                        Ok(kept) => kept,
                        Err(refusal) => return refusal,
                    };
                    messages.push((body.clone(), kept, kept_date(&mail, date.take())));
                    flags = &[];
                }
                Word::Atom(_) => return format!("{} what", self.syntax_error()),
            }
        }
        if messages.is_empty() {
            return "BAD no message".to_owned();
        }
        let name = mail.resolve(&self.mailbox(arguments, 0));
        if mail.usable(&name).is_none() {
            return "NO [TRYCREATE] no such folder".to_owned();
        }
        let mut stored = Vec::new();
        let mut room = mail.quota.map(|quota| quota.saturating_sub(mail.used()));
        for (body, kept, date) in messages {
            if let Some(refusal) = too_big(&mail, body.len()) {
                return refusal;
            }
            let body = match rewritten(mail.quirks.rewrite, body) {
                Ok(body) => body,
                Err(refusal) => return refusal,
            };
            if let Some(left) = room {
                match left.checked_sub(body.len()) {
                    Some(rest) => room = Some(rest),
                    None => return "NO [OVERQUOTA] the account is full".to_owned(),
                }
            }
            stored.push((body, kept, date));
        }
        mail.note();
        let uid_plus = mail.has("UIDPLUS");
        let folder = mail.folder(&name);
        let first = folder.next;
        for (body, kept, date) in stored {
            folder.store(body, kept, &date);
        }
        let (validity, last) = (folder.validity, folder.next - 1);
        let here = self.selected.as_ref().is_some_and(|selected| selected.name == name);
        drop(mail);
        if here {
            self.news(out, false);
        }
        match (uid_plus, first == last) {
            (false, _) => "OK done".to_owned(),
            (true, true) => format!("OK [APPENDUID {validity} {first}] done"),
            (true, false) => format!("OK [APPENDUID {validity} {first}:{last}] done"),
        }
    }
}

fn too_big(mail: &Mail, len: u64) -> Option<String> {
    if mail.limit("APPENDLIMIT").is_some_and(|most| len > most) {
        return Some("NO [TOOBIG] larger than APPENDLIMIT".to_owned());
    }
    mail.quirks.too_big.filter(|(most, _)| len > *most).map(|(_, text)| format!("NO {text}"))
}

fn kept_date(mail: &Mail, date: Option<String>) -> String {
    let Some(date) = date else { return NOW.to_owned() };
    let year: i32 = date.get(7..11).and_then(|year| year.parse().ok()).unwrap_or(0);
    match mail.quirks.dates {
        Dates::Kept => date,
        Dates::NowOutside if (1970..=2037).contains(&year) => date,
        Dates::Now | Dates::NowOutside => NOW.to_owned(),
    }
}

/// The message as the server keeps it, or why it does not.
fn rewritten(rewrite: Rewrite, body: Body) -> Result<Body, String> {
    let Body::Bytes(bytes) = &body else { return Ok(body) };
    let bare = bytes.iter().enumerate().any(|(at, b)| *b == b'\n' && (at == 0 || bytes[at - 1] != b'\r'));
    match rewrite {
        Rewrite::Nothing => Ok(body),
        Rewrite::NulAndLineFeed => {
            let changed: Vec<u8> = bytes.iter().map(|b| if *b == 0 { 0x80 } else { *b }).collect();
            Ok(Body::from(line_ends(&changed)))
        }
        Rewrite::LineEnds => {
            let mut changed = line_ends(bytes);
            if !changed.ends_with(b"\r\n") {
                changed.extend_from_slice(b"\r\n");
            }
            Ok(Body::from(changed))
        }
        Rewrite::Refuses if bare => Err("NO Message contains bare newlines".to_owned()),
        Rewrite::Refuses if bytes.contains(&0) => Err("NO Message contains NUL characters".to_owned()),
        Rewrite::Refuses if !bytes.split(|b| *b == b'\n').next().is_some_and(|line| line.contains(&b':')) => {
            Err("NO Message contains invalid header".to_owned())
        }
        Rewrite::Refuses => Ok(body),
        Rewrite::Headers => {
            let mut changed = b"X-MS-Exchange-Organization: here\r\n".to_vec();
            changed.extend_from_slice(bytes);
            Ok(Body::from(changed))
        }
    }
}

/// Bare line feeds become CR LF.
fn line_ends(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == b'\n' && (at == 0 || bytes[at - 1] != b'\r') {
            out.push(b'\r');
        }
        out.push(*byte);
    }
    out
}
