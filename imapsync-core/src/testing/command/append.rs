//! APPEND, of one message or, with MULTIAPPEND, of several that are stored together or not at all.

use super::Executor;
use super::flags::{By, accepted};
use crate::testing::body::Body;
use crate::testing::mail::Mail;
use crate::testing::output::Output;
use crate::testing::quirks::TryCreate;
use crate::testing::storing;
use crate::testing::syntax::Word;

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
        if mail.quirks.try_create == TryCreate::InText {
            return None;
        }
        if mail.usable(&name).is_none() {
            return (mail.quirks.try_create == TryCreate::Early).then(|| NO_FOLDER.to_owned());
        }
        let flags = words.iter().find(|word| matches!(word, Word::List(_)));
        if let Some(flags) = flags
            && let Err(refusal) = accepted(&mail, &mail.resolve(&name), flags.items(), By::Append)
        {
            return Some(refusal);
        }
        let date = words.iter().skip(2).find(|word| matches!(word, Word::Quoted(_))).map(Word::text);
        if let Err(refusal) = storing::date(mail.quirks.dates, date.as_deref(), &Body::from("")) {
            return Some(refusal);
        }
        too_big(&mail, &mail.resolve(&name), len)
    }

    pub(super) fn append(&mut self, arguments: &[Word], out: &mut Output) -> String {
        match self.try_append(arguments, out) {
            Ok(done) => done,
            Err(_) if self.server.mail().quirks.try_create == TryCreate::InText => {
                "NO APPEND [TRYCREATE] failed".to_owned()
            }
            Err(refusal) => refusal,
        }
    }

    fn try_append(&mut self, arguments: &[Word], out: &mut Output) -> Result<String, String> {
        let server = self.server.clone();
        let mut mail = server.mail();
        let rest = arguments.get(1..).unwrap_or_default();
        let several = rest.iter().filter(|word| matches!(word, Word::Literal(_))).count() > 1;
        if several && !mail.has("MULTIAPPEND") {
            return Err("BAD one message at a time".to_owned());
        }
        let name = mail.resolve(&self.mailbox(arguments, 0));
        let mut messages: Vec<(Body, Vec<String>, Option<String>)> = Vec::new();
        let (mut flags, mut date): (&[Word], Option<String>) = (&[], None);
        for word in rest {
            match word {
                Word::List(words) => flags = words,
                Word::Quoted(text) => date = Some(String::from_utf8_lossy(text).into_owned()),
                Word::Literal(body) => {
                    server.gauge.stored(body.len());
                    messages.push((body.clone(), accepted(&mail, &name, flags, By::Append)?, date.take()));
                    flags = &[];
                }
                Word::Atom(_) => return Err("BAD what".to_owned()),
            }
        }
        if messages.is_empty() {
            return Err("BAD no message".to_owned());
        }
        if mail.usable(&name).is_none() {
            return Err(NO_FOLDER.to_owned());
        }
        let mut stored = Vec::new();
        let mut room = mail.quota.map(|quota| quota.saturating_sub(mail.used()));
        for (body, kept, date) in messages {
            if let Some(refusal) = too_big(&mail, &name, body.len()) {
                return Err(refusal);
            }
            let (body, date) = mail.kept(body, date.as_deref())?;
            if let Some(left) = room {
                room = Some(left.checked_sub(body.len()).ok_or("NO [OVERQUOTA] the account is full")?);
            }
            stored.push((body, kept, date));
        }
        mail.note();
        let uids: Vec<String> = stored
            .into_iter()
            .map(|(body, kept, date)| mail.keep(&name, body, kept, &date).to_string())
            .collect();
        let (validity, uid_plus) = (mail.folder(&name).validity, mail.has("UIDPLUS"));
        let here = self.selected.as_ref().is_some_and(|selected| selected.name == name);
        drop(mail);
        if here {
            self.news(out, false);
        }
        Ok(match (uid_plus, uids.as_slice()) {
            (true, [first, .., last]) => format!("OK [APPENDUID {validity} {first}:{last}] done"),
            (true, [uid]) => format!("OK [APPENDUID {validity} {uid}] done"),
            _ => "OK done".to_owned(),
        })
    }
}

const NO_FOLDER: &str = "NO [TRYCREATE] no such folder";

fn too_big(mail: &Mail, name: &str, len: u64) -> Option<String> {
    let limit = mail.folders.get(name).and_then(|folder| mail.append_limit(folder));
    if limit.is_some_and(|most| len > most) {
        return Some("NO [TOOBIG] larger than APPENDLIMIT".to_owned());
    }
    mail.quirks.too_big.filter(|(most, _)| len > *most).map(|(_, text)| format!("NO {text}"))
}
