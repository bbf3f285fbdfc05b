//! Commands about folders: LIST, LSUB, STATUS, CREATE, DELETE, RENAME, SUBSCRIBE, NAMESPACE.

use super::Executor;
use crate::testing::folder::Folder;
use crate::testing::mail::{Mail, name_to_wire};
use crate::testing::naming;
use crate::testing::output::Output;
use crate::testing::quirks::{DeletedParents, Parents};
use crate::testing::syntax::Word;

impl Executor {
    pub(super) fn namespace(&self, out: &mut Output) -> String {
        let mail = self.server.mail();
        out.line(format!("* NAMESPACE ((\"{}\" \"{}\")) NIL NIL", mail.prefix, mail.separator));
        "OK done".to_owned()
    }

    pub(super) fn list(&self, arguments: &[Word], out: &mut Output) -> String {
        let mail = self.server.mail();
        // LIST-EXTENDED: LIST (selection) reference (patterns) RETURN (…).
        let selection = matches!(arguments.first(), Some(Word::List(_))).then(|| &arguments[0]);
        let rest = &arguments[usize::from(selection.is_some())..];
        let extended = selection.is_some() || rest.len() > 2;
        if extended && !(mail.has("LIST-EXTENDED") || mail.has("LIST-STATUS") || mail.has("IMAP4rev2")) {
            return "BAD no such LIST".to_owned();
        }
        if rest.len() > 2 && mail.quirks.refuses_list_return {
            return "BAD Invalid LIST".to_owned();
        }
        let (Some(reference), Some(patterns)) = (rest.first(), rest.get(1)) else {
            return "BAD a reference and a pattern".to_owned();
        };
        let reference = reference.text();
        let patterns: Vec<String> =
            patterns.items().iter().map(|word| format!("{reference}{}", word.text())).collect();
        let asked = |name: &str| selection.is_some_and(|words| has(words.items(), name));
        let returns = match rest.get(2..) {
            Some([keyword, list]) if keyword.keyword() == "RETURN" => list.items(),
            Some([]) | None => &[],
            Some(_) => return "BAD no such LIST".to_owned(),
        };
        if patterns.iter().all(String::is_empty) {
            out.line(format!("* LIST (\\Noselect) \"{}\" \"\"", mail.separator));
            return "OK done".to_owned();
        }
        let status = returns.iter().position(|word| word.keyword() == "STATUS").map(|at| &returns[at + 1]);
        for (name, folder) in mail.seen() {
            let special = folder.attributes.iter().any(|one| !one.eq_ignore_ascii_case("\\Noselect"));
            let wanted = patterns.iter().any(|pattern| matches(pattern, name, mail.separator))
                && (!asked("SUBSCRIBED") || folder.subscribed)
                && (!asked("SPECIAL-USE") || special);
            if !wanted {
                continue;
            }
            let mut attributes = folder.attributes.clone();
            if has(returns, "SUBSCRIBED") && folder.subscribed || asked("SUBSCRIBED") {
                attributes.push("\\Subscribed".to_owned());
            }
            if has(returns, "CHILDREN") || mail.has("CHILDREN") {
                let below = format!("{name}{}", mail.separator);
                let parent = mail.seen().keys().any(|other| other.starts_with(&below));
                attributes.push(if parent { "\\HasChildren" } else { "\\HasNoChildren" }.to_owned());
            }
            if mail.quirks.files && mail.usable(name).is_some() {
                attributes.push("\\NoInferiors".to_owned());
            }
            row(out, "LIST", &attributes, mail.separator, shown(&mail, name));
            if let Some(items) = status
                && mail.usable(name).is_some()
            {
                status_line(&mail, name, folder, items.items(), out);
            }
        }
        "OK done".to_owned()
    }

    /// The LIST line of one folder, as SELECT shows it in IMAP4rev2.
    pub(super) fn list_row(&self, mail: &Mail, name: &str, out: &mut Output) {
        let attributes = mail.folders.get(name).map(|folder| folder.attributes.clone()).unwrap_or_default();
        row(out, "LIST", &attributes, mail.separator, name);
    }

    pub(super) fn lsub(&self, arguments: &[Word], out: &mut Output) -> String {
        let mail = self.server.mail();
        let pattern = format!("{}{}", self.mailbox(arguments, 0), self.mailbox(arguments, 1));
        for (name, folder) in mail.seen() {
            if folder.subscribed && matches(&pattern, name, mail.separator) {
                row(out, "LSUB", &[], mail.separator, shown(&mail, name));
            }
        }
        "OK done".to_owned()
    }

    pub(super) fn status(&self, arguments: &[Word], out: &mut Output) -> String {
        let mail = self.server.mail();
        let name = self.mailbox(arguments, 0);
        let Some(items) = arguments.get(1) else { return "BAD which items".to_owned() };
        match mail.usable(&name) {
            Some(folder) => {
                if status_line(&mail, &name, folder, items.items(), out) {
                    "OK done".to_owned()
                } else {
                    "BAD no such item".to_owned()
                }
            }
            None => "NO [NONEXISTENT] no such folder".to_owned(),
        }
    }

    pub(super) fn create(&self, arguments: &[Word]) -> String {
        let mut mail = self.server.mail();
        let separator = mail.separator;
        let asked = self.resolved(&mail, arguments, 0);
        let name = asked.strip_suffix(separator).unwrap_or(&asked).to_owned();
        if mail.usable(&name).is_some() {
            return "NO [ALREADYEXISTS] it is there".to_owned();
        }
        if let Some(refusal) = naming::refusal(&mail, &name) {
            return refusal.to_owned();
        }
        mail.note();
        let special = arguments.get(1).map(Word::items).unwrap_or_default();
        let mut attributes: Vec<String> = match special {
            [word, list] if word.keyword() == "USE" => list.items().iter().map(Word::text).collect(),
            _ => Vec::new(),
        };
        for parent in naming::parents(&name, separator) {
            if !mail.folders.contains_key(parent) && format!("{parent}{separator}") != mail.prefix {
                let noselect = mail.quirks.parents != Parents::Real;
                mail.folder(parent).attributes.extend(noselect.then(|| "\\Noselect".to_owned()));
            }
        }
        if mail.quirks.files && asked.ends_with(separator) {
            attributes.push("\\Noselect".to_owned());
        }
        // What was listed without being there is another folder now.
        mail.folders.remove(&name);
        mail.folder(&name).attributes = attributes;
        "OK done".to_owned()
    }

    pub(super) fn delete(&self, arguments: &[Word]) -> String {
        let mut mail = self.server.mail();
        let name = self.resolved(&mail, arguments, 0);
        if name == "INBOX" {
            return "NO [CANNOT] not INBOX".to_owned();
        }
        if !mail.folders.contains_key(&name) {
            return "NO [NONEXISTENT] no such folder".to_owned();
        }
        mail.note();
        let below = format!("{name}{}", mail.separator);
        if mail.folders.keys().any(|other| other.starts_with(&below)) {
            let rule = mail.quirks.deleted_parents;
            if rule == DeletedParents::Refused {
                return "NO [HASCHILDREN] it has folders in it".to_owned();
            }
            let folder = mail.folder(&name);
            folder.messages.clear();
            match rule {
                DeletedParents::Ghost => folder.ghost = true,
                _ => folder.attributes = vec!["\\Noselect".to_owned()],
            }
        } else {
            mail.folders.remove(&name);
        }
        "OK done".to_owned()
    }

    pub(super) fn rename(&self, arguments: &[Word]) -> String {
        let mut mail = self.server.mail();
        let (from, to) = (self.resolved(&mail, arguments, 0), self.resolved(&mail, arguments, 1));
        if mail.folders.contains_key(&to) {
            return "NO [ALREADYEXISTS] it is there".to_owned();
        }
        mail.note();
        match mail.folders.remove(&from) {
            Some(folder) => {
                mail.folders.insert(to, folder);
                "OK done".to_owned()
            }
            None => "NO [NONEXISTENT] no such folder".to_owned(),
        }
    }

    pub(super) fn subscribe(&self, arguments: &[Word], yes: bool) -> String {
        let mut mail = self.server.mail();
        let name = self.resolved(&mail, arguments, 0);
        let anything = mail.quirks.subscribes_anything;
        match mail.folders.get_mut(&name) {
            Some(folder) => {
                folder.subscribed = yes;
                "OK done".to_owned()
            }
            None if anything => "OK done".to_owned(),
            None => "NO [NONEXISTENT] no such folder".to_owned(),
        }
    }
}

fn has(words: &[Word], keyword: &str) -> bool {
    words.iter().any(|word| word.keyword() == keyword)
}

fn row(out: &mut Output, verb: &str, attributes: &[String], separator: char, name: &str) {
    out.bytes(format!("* {verb} ({}) \"{separator}\" ", attributes.join(" ")).as_bytes());
    out.name(&name_to_wire(name));
    out.line("");
}

/// A name as the server spells it.
fn shown<'a>(mail: &Mail, name: &'a str) -> &'a str {
    mail.quirks.inbox.filter(|_| name == "INBOX").unwrap_or(name)
}

/// Whether the pattern of a LIST matches: `*` for anything, `%` for anything without the separator.
fn matches(pattern: &str, name: &str, separator: char) -> bool {
    match pattern.chars().next() {
        None => name.is_empty(),
        Some(wild @ ('*' | '%')) => {
            let rest = &pattern[1..];
            let mut ends = name.char_indices().map(|(at, c)| (at, Some(c))).chain([(name.len(), None)]);
            ends.by_ref()
                .take_while(|(at, _)| wild == '*' || !name[..*at].contains(separator))
                .any(|(at, _)| matches(rest, &name[at..], separator))
        }
        Some(c) => {
            let same = |other: char| {
                other == c || pattern.len() >= 5 && other.eq_ignore_ascii_case(&c) && is_inbox(name)
            };
            name.chars().next().is_some_and(same)
                && matches(&pattern[c.len_utf8()..], &name[c.len_utf8()..], separator)
        }
    }
}

fn is_inbox(name: &str) -> bool {
    name.eq_ignore_ascii_case("INBOX")
}

/// Writes a STATUS line; false where an item is none.
fn status_line(mail: &Mail, name: &str, folder: &Folder, items: &[Word], out: &mut Output) -> bool {
    let mut values = Vec::new();
    for item in items {
        let item = item.keyword();
        let value = match item.as_str() {
            "MESSAGES" => folder.messages.len().min(mail.quirks.listing_window.unwrap_or(usize::MAX)) as u64,
            "RECENT" => 0,
            "UIDNEXT" => u64::from(folder.next),
            "UIDVALIDITY" => u64::from(folder.validity),
            "UNSEEN" => {
                let seen = |flag: &String| flag.eq_ignore_ascii_case("\\Seen");
                folder.messages.iter().filter(|message| !message.flags.iter().any(seen)).count() as u64
            }
            "SIZE" if mail.has("STATUS=SIZE") => {
                folder.messages.iter().map(|message| message.body.len()).sum()
            }
            "HIGHESTMODSEQ" if mail.has("CONDSTORE") || mail.has("QRESYNC") => folder.modseq,
            _ if mail.quirks.shrugs_at_status => continue,
            _ => return false,
        };
        values.push(format!("{item} {value}"));
    }
    out.bytes(b"* STATUS ");
    out.name(&name_to_wire(shown(mail, name)));
    out.line(format!(" ({})", values.join(" ")));
    true
}
