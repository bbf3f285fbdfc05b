//! Commands that change messages: STORE, EXPUNGE, COPY, MOVE.

use super::Executor;
use super::fetch::labels;
use super::flags::{By, accepted};
use crate::testing::output::Output;
use crate::testing::set::shown;
use crate::testing::syntax::Word;

impl Executor {
    pub(super) fn store(&mut self, arguments: &[Word], uid: bool, out: &mut Output) -> String {
        // What others have changed goes out first; what follows is the answer to this command.
        self.news(out, false);
        let server = self.server.clone();
        let mut mail = server.mail();
        // (UNCHANGEDSINCE n) may stand between the set and the action.
        let unchanged = match arguments.get(1).map(Word::items) {
            Some([word, number]) if word.keyword() == "UNCHANGEDSINCE" => number.text().parse::<u64>().ok(),
            _ => None,
        };
        if unchanged.is_some() {
            self.condstore(&mail, out);
        }
        let condstore = self.has_condstore();
        let with_uid = uid || self.enabled.contains("QRESYNC");
        let Some(selected) = self.selected.clone() else { return "BAD nothing is selected".to_owned() };
        if !selected.writable {
            return "NO [READ-ONLY] it is read-only".to_owned();
        }
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
        let gmail = verb.ends_with("X-GM-LABELS") && mail.has("X-GM-EXT-1");
        if !gmail && !verb.ends_with("FLAGS") {
            return "BAD what to store".to_owned();
        }
        let values = if gmail {
            values.iter().map(Word::text).collect()
        } else {
            match accepted(&mail, &selected.name, values, By::Store) {
                Ok(kept) => kept,
                Err(refusal) => return refusal,
            }
        };
        mail.note();
        let Some(folder) =
            mail.folders.get_mut(&selected.name).filter(|now| now.validity == selected.validity)
        else {
            return "NO [NONEXISTENT] the folder is gone".to_owned();
        };
        if unchanged.is_some() && folder.no_modseq {
            return "BAD no mod-sequences here".to_owned();
        }
        let condstore = condstore && !folder.no_modseq;
        let (mut modified, mut shared) = (Vec::new(), Vec::new());
        for (number, uid) in set.iter() {
            let Some(message) = folder.message(uid) else { continue };
            if unchanged.is_some_and(|since| message.modseq > since) {
                modified.push(if with_uid { uid } else { number as u32 });
                continue;
            }
            let before = if gmail { &message.labels } else { &message.flags };
            let after = changed(before, &values, verb);
            if after != *before {
                folder.change(uid, |message| {
                    *(if gmail { &mut message.labels } else { &mut message.flags }) = after;
                });
            }
            let Some(message) = folder.message(uid) else { continue };
            if !gmail {
                shared.push((message.id, message.flags.clone()));
            }
            if silent && !condstore {
                continue;
            }
            out.put(format_args!("* {number} FETCH ("));
            let mut between = "";
            if with_uid {
                out.put(format_args!("UID {uid}"));
                between = " ";
            }
            if !silent && gmail {
                out.bytes(between.as_bytes());
                labels(out, &message.labels);
                between = " ";
            } else if !silent {
                out.put(format_args!("{between}FLAGS ({})", message.flags.join(" ")));
                between = " ";
            }
            if condstore {
                out.put(format_args!("{between}MODSEQ ({})", message.modseq));
            }
            out.line(")");
        }
        self.knows_its_changes(folder);
        if mail.quirks.labels {
            for (id, flags) in &shared {
                mail.share_flags(&selected.name, *id, flags);
            }
        }
        if modified.is_empty() {
            "OK done".to_owned()
        } else {
            format!("OK [MODIFIED {}] conditional store failed", shown(modified))
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
        if selected.folder(&mail).is_none() {
            return "NO [NONEXISTENT] the folder is gone".to_owned();
        }
        let gone = mail.expunge(&selected.name, |uid| set.as_ref().is_none_or(|set| set.has(uid)));
        let modseq = mail.folder(&selected.name).modseq;
        drop(mail);
        self.news(out, true);
        self.expunged(!gone.is_empty(), modseq)
    }

    /// How a command ends that has removed messages, or has found none (RFC 7162, section 3.2.7).
    fn expunged(&self, any: bool, modseq: u64) -> String {
        if any && self.has_condstore() {
            format!("OK [HIGHESTMODSEQ {modseq}] done")
        } else {
            "OK done".to_owned()
        }
    }

    pub(super) fn copy(&mut self, arguments: &[Word], uid: bool, moves: bool, out: &mut Output) -> String {
        let server = self.server.clone();
        let mut mail = server.mail();
        let Some(selected) = self.selected.clone() else { return "BAD nothing is selected".to_owned() };
        if moves && !selected.writable {
            return "NO [READ-ONLY] it is read-only".to_owned();
        }
        let Some(set) = arguments.first().and_then(|set| selected.resolve(&set.text(), uid)) else {
            return "BAD that is no set".to_owned();
        };
        let target = self.resolved(&mail, arguments, 1);
        if mail.usable(&target).is_none() {
            return "NO [TRYCREATE] no such folder".to_owned();
        }
        mail.note();
        let uid_plus = mail.has("UIDPLUS") || mail.has("IMAP4rev2");
        let messages: Vec<_> = selected.folder(&mail).map_or_else(Vec::new, |folder| {
            set.uids().filter_map(|uid| folder.message(uid).cloned()).collect()
        });
        let folder = mail.folder(&target);
        let (validity, first) = (folder.validity, folder.next);
        let mut from = Vec::new();
        for message in messages {
            from.push(message.uid);
            folder.store(message.body, message.flags, &message.date);
            if let Some(copy) = folder.messages.last_mut() {
                copy.id = message.id;
                copy.labels = message.labels;
            }
        }
        let code = if uid_plus && !from.is_empty() {
            let to = shown(first..folder.next);
            format!("[COPYUID {validity} {} {to}] ", shown(from.iter().copied()))
        } else {
            String::new()
        };
        if !moves {
            drop(mail);
            self.news(out, false);
            return format!("OK {code}done");
        }
        let mut modseq = 0;
        if let Some(folder) =
            mail.folders.get_mut(&selected.name).filter(|now| now.validity == selected.validity)
        {
            folder.expunge(|message| from.binary_search(&message.uid).is_ok());
            modseq = folder.modseq;
        }
        drop(mail);
        if !code.is_empty() {
            out.line(format!("* OK {code}moved"));
        }
        self.news(out, true);
        self.expunged(!from.is_empty(), modseq)
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
