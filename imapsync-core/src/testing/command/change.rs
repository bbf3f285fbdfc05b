//! Commands that change messages: STORE, EXPUNGE, COPY, MOVE.

use super::select::accepted;
use super::{Executor, mailbox};
use crate::testing::output::Output;
use crate::testing::syntax::Word;

impl Executor {
    pub(super) fn store(&mut self, arguments: &[Word], uid: bool, out: &mut Output) -> String {
        let server = self.server.clone();
        let mut mail = server.mail();
        let Some(selected) = self.selected.clone() else { return "BAD nothing is selected".to_owned() };
        if !selected.writable {
            return "NO [READ-ONLY] it is read-only".to_owned();
        }
        // (UNCHANGEDSINCE n) may stand between the set and the action.
        let unchanged = match arguments.get(1).map(Word::items) {
            Some([word, number]) if word.keyword() == "UNCHANGEDSINCE" => number.text().parse::<u64>().ok(),
            _ => None,
        };
        let rest = arguments.get(1 + usize::from(unchanged.is_some())..).unwrap_or_default();
        let [action, values @ ..] = rest else { return "BAD what to store".to_owned() };
        let action = action.keyword();
        let values: &[Word] = match values {
            [Word::List(list)] => list,
            values => values,
        };
        let Some(set) = arguments.first().and_then(|set| selected.resolve(&set.text(), uid)) else {
            return "BAD that is no set".to_owned();
        };
        let silent = action.ends_with(".SILENT");
        let verb = action.trim_end_matches(".SILENT");
        let labels = verb.ends_with("X-GM-LABELS");
        if !labels && !verb.ends_with("FLAGS") {
            return "BAD what to store".to_owned();
        }
        let values = if labels {
            values.iter().map(Word::text).collect()
        } else {
            match accepted(&mail, &selected.name, values) {
                Ok(kept) => kept,
                Err(refusal) => return refusal,
            }
        };
        mail.note();
        let condstore = mail.has("CONDSTORE") && self.enabled.contains("CONDSTORE");
        let Some(folder) =
            mail.folders.get_mut(&selected.name).filter(|now| now.validity == selected.validity)
        else {
            return "NO [NONEXISTENT] the folder is gone".to_owned();
        };
        let mut modified = Vec::new();
        for (number, uid) in set {
            let Some(message) = folder.message(uid) else { continue };
            if unchanged.is_some_and(|since| message.modseq > since) {
                modified.push(uid.to_string());
                continue;
            }
            let before = if labels { message.labels.clone() } else { message.flags.clone() };
            let after = changed(&before, &values, verb);
            if labels {
                if let Ok(at) = folder.messages.binary_search_by_key(&uid, |message| message.uid) {
                    folder.messages[at].labels = after;
                }
            } else if after != before {
                folder.flag(uid, |flags| *flags = after);
            }
            let Some(message) = folder.message(uid) else { continue };
            let flags = if silent { String::new() } else { format!(" FLAGS ({})", message.flags.join(" ")) };
            let modseq = if condstore { format!(" MODSEQ ({})", message.modseq) } else { String::new() };
            if !silent || condstore {
                out.line(format!("* {number} FETCH (UID {uid}{flags}{modseq})"));
            }
        }
        if modified.is_empty() {
            "OK done".to_owned()
        } else {
            format!("OK [MODIFIED {}] conditional store failed", modified.join(","))
        }
    }

    pub(super) fn expunge(&mut self, arguments: &[Word], uid: bool, out: &mut Output) -> String {
        let server = self.server.clone();
        let mut mail = server.mail();
        if uid && !mail.has("UIDPLUS") && !mail.has("IMAP4rev2") {
            return format!("{} what", if mail.quirks.no_for_bad { "NO" } else { "BAD" });
        }
        let Some(selected) = self.selected.clone() else { return "BAD nothing is selected".to_owned() };
        if !selected.writable {
            return "NO [READ-ONLY] it is read-only".to_owned();
        }
        let set = match arguments.first() {
            Some(set) if uid => match selected.resolve(&set.text(), true) {
                Some(set) => Some(set),
                None => return "BAD that is no set".to_owned(),
            },
            _ => None,
        };
        mail.note();
        let Some(folder) =
            mail.folders.get_mut(&selected.name).filter(|now| now.validity == selected.validity)
        else {
            return "NO [NONEXISTENT] the folder is gone".to_owned();
        };
        folder.expunge(|message| {
            message.flags.iter().any(|flag| flag.eq_ignore_ascii_case("\\Deleted"))
                && set.as_ref().is_none_or(|set| set.iter().any(|(_, uid)| *uid == message.uid))
        });
        drop(mail);
        self.news(out, true);
        "OK done".to_owned()
    }

    pub(super) fn copy(&mut self, arguments: &[Word], uid: bool, moves: bool, out: &mut Output) -> String {
        let server = self.server.clone();
        let mut mail = server.mail();
        let Some(selected) = self.selected.clone() else { return "BAD nothing is selected".to_owned() };
        let Some(set) = arguments.first().and_then(|set| selected.resolve(&set.text(), uid)) else {
            return "BAD that is no set".to_owned();
        };
        let target = mail.resolve(&mailbox(arguments, 1));
        if mail.usable(&target).is_none() {
            return "NO [TRYCREATE] no such folder".to_owned();
        }
        mail.note();
        let uid_plus = mail.has("UIDPLUS");
        let messages: Vec<_> = mail.folders.get(&selected.name).map_or_else(Vec::new, |folder| {
            set.iter().filter_map(|(_, uid)| folder.message(*uid).cloned()).collect()
        });
        let folder = mail.folder(&target);
        let (mut from, mut to) = (Vec::new(), Vec::new());
        for message in messages {
            from.push(message.uid.to_string());
            to.push(folder.next.to_string());
            folder.store(message.body, message.flags, &message.date);
            if let Some(copy) = folder.messages.last_mut() {
                copy.id = message.id;
            }
        }
        let validity = folder.validity;
        let code = if uid_plus && !from.is_empty() {
            format!("[COPYUID {validity} {} {}] ", from.join(","), to.join(","))
        } else {
            String::new()
        };
        if !moves {
            return format!("OK {code}done");
        }
        if let Some(folder) = mail.folders.get_mut(&selected.name) {
            folder.expunge(|message| from.contains(&message.uid.to_string()));
        }
        drop(mail);
        if !code.is_empty() {
            out.line(format!("* OK {code}moved"));
        }
        self.news(out, true);
        "OK done".to_owned()
    }
}

/// The flags after a STORE.
fn changed(before: &[String], values: &[String], verb: &str) -> Vec<String> {
    let has = |list: &[String], flag: &str| list.iter().any(|one| one.eq_ignore_ascii_case(flag));
    match verb.as_bytes().first() {
        Some(b'+') => {
            let new = values.iter().filter(|flag| !has(before, flag));
            before.iter().chain(new).cloned().collect()
        }
        Some(b'-') => before.iter().filter(|flag| !has(values, flag)).cloned().collect(),
        _ => values.to_vec(),
    }
}
