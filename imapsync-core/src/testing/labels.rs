//! Gmail's idea of a folder: a message is one, and each of its labels shows it in another folder.

use super::folder::Message;
use super::mail::Mail;

/// Where every message is shown that is neither trash nor spam.
const ALL_MAIL: &str = "[Gmail]/All Mail";
/// Where EXPUNGE is the end of a message.
const FINAL: [&str; 2] = ["[Gmail]/Trash", "[Gmail]/Spam"];

impl Mail {
    /// The message with the content of this one that is in the account already. What has no Message-Id is never
    /// recognised (github.com/google/import-mailbox-to-gmail/issues/56).
    fn same(&self, body: &super::Body) -> Option<Message> {
        let start = body.slice(0, 64 * 1024).to_ascii_lowercase();
        let header = start.windows(4).position(|end| end == b"\r\n\r\n").unwrap_or(start.len());
        if !start.starts_with(b"message-id:")
            && memchr::memmem::find(&start[..header], b"\r\nmessage-id:").is_none()
        {
            return None;
        }
        let all = self.folders.values().flat_map(|folder| &folder.messages);
        all.into_iter().find(|message| message.body == *body).cloned()
    }

    /// Stores a message as Gmail does: flags and date of the first copy are those of all
    /// (github.com/rgladwell/imap-upload/issues/22). Gives its UID.
    pub(super) fn label(&mut self, name: &str, body: super::Body, flags: Vec<String>, date: &str) -> u32 {
        let known = self.same(&body);
        if let Some(known) = &known
            && let Some(here) = self.folder(name).messages.iter().find(|message| message.id == known.id)
        {
            return here.uid;
        }
        let (flags, date) = match &known {
            Some(known) => (without_deleted(&known.flags), known.date.to_string()),
            None => (flags, date.to_owned()),
        };
        let folder = self.folder(name);
        let uid = folder.store(body.clone(), flags.clone(), &date);
        let stored = folder.messages.last_mut().map(|message| {
            message.id = known.as_ref().map_or(message.id, |known| known.id);
            message.id
        });
        let shown =
            self.folders.get(ALL_MAIL).is_some_and(|all| all.messages.iter().any(|m| Some(m.id) == stored));
        if !shown && name != ALL_MAIL && !FINAL.contains(&name) && self.folders.contains_key(ALL_MAIL) {
            let all = self.folder(ALL_MAIL);
            all.store(body, without_deleted(&flags), &date);
            if let (Some(message), Some(id)) = (all.messages.last_mut(), stored) {
                message.id = id;
            }
        }
        uid
    }

    /// What a message's flags are is what they are wherever it is shown, `\Deleted` excepted.
    pub(super) fn share_flags(&mut self, name: &str, id: u64, flags: &[String]) {
        for (_, folder) in self.folders.iter_mut().filter(|(other, _)| *other != name) {
            let shown: Vec<u32> = folder.messages.iter().filter(|m| m.id == id).map(|m| m.uid).collect();
            for uid in shown {
                folder.flag(uid, |own| {
                    let deleted = own.iter().any(|flag| is_deleted(flag));
                    *own = without_deleted(flags);
                    own.extend(deleted.then(|| "\\Deleted".to_owned()));
                });
            }
        }
    }

    /// What is expunged from trash or spam is gone from everywhere.
    pub(super) fn end(&mut self, name: &str, gone: &[u64]) {
        if FINAL.contains(&name) {
            for folder in self.folders.values_mut() {
                folder.expunge(|message| gone.contains(&message.id));
            }
        }
    }
}

fn is_deleted(flag: &str) -> bool {
    flag.eq_ignore_ascii_case("\\Deleted")
}

fn without_deleted(flags: &[String]) -> Vec<String> {
    flags.iter().filter(|flag| !is_deleted(flag)).cloned().collect()
}
