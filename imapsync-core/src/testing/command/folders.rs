//! Commands that change which folders there are: CREATE, DELETE, RENAME, SUBSCRIBE.

use super::Executor;
use crate::testing::naming;
use crate::testing::quirks::{DeletedParents, Parents};
use crate::testing::syntax::Word;

/// What CREATE-SPECIAL-USE may ask for (RFC 6154).
const USES: [&str; 8] =
    ["\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Important", "\\Junk", "\\Sent", "\\Trash"];

impl Executor {
    pub(super) fn create(&self, arguments: &[Word]) -> String {
        let mut mail = self.server.mail();
        let separator = mail.separator;
        let asked = self.resolved(&mail, arguments, 0);
        let name = asked.strip_suffix(separator).unwrap_or(&asked).to_owned();
        if mail.exists(&name) {
            return "NO [ALREADYEXISTS] it is there".to_owned();
        }
        if let Some(refusal) = naming::refusal(&mail, &name) {
            return refusal.to_owned();
        }
        let special = arguments.get(1).map(Word::items).unwrap_or_default();
        let mut attributes: Vec<String> = match special {
            [] => Vec::new(),
            [word, list] if word.keyword() == "USE" && mail.has("CREATE-SPECIAL-USE") => {
                list.items().iter().map(Word::text).collect()
            }
            _ => return "BAD no such parameter".to_owned(),
        };
        let known = |attribute: &String| USES.iter().any(|one| one.eq_ignore_ascii_case(attribute));
        if !attributes.iter().all(known) {
            return "NO [USEATTR] no such use".to_owned();
        }
        mail.note();
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
        let folder = mail.folder(&name);
        folder.attributes = attributes;
        let id = folder.id;
        if mail.has("OBJECTID") { format!("OK [MAILBOXID (F{id:x})] done") } else { "OK done".to_owned() }
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
        if !mail.folders.contains_key(&from) {
            return "NO [NONEXISTENT] no such folder".to_owned();
        }
        if mail.folders.contains_key(&to) {
            return "NO [ALREADYEXISTS] it is there".to_owned();
        }
        if let Some(refusal) = naming::refusal(&mail, &to) {
            return refusal.to_owned();
        }
        mail.note();
        if from == "INBOX" {
            // Its messages move, it stays (RFC 9051, section 6.3.6).
            let inbox = std::mem::take(&mut mail.folder("INBOX").messages);
            let folder = mail.folder(&to);
            for message in inbox {
                folder.store(message.body, message.flags, &message.date);
            }
            return "OK done".to_owned();
        }
        let below = format!("{from}{}", mail.separator);
        let moved: Vec<String> =
            mail.folders.keys().filter(|name| **name == from || name.starts_with(&below)).cloned().collect();
        for name in moved {
            if let Some(folder) = mail.folders.remove(&name) {
                mail.folders.insert(format!("{to}{}", &name[from.len()..]), folder);
            }
        }
        "OK done".to_owned()
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
