//! STATUS, with what CONDSTORE, OBJECTID, APPENDLIMIT and STATUS=SIZE add to it.

use super::Executor;
use crate::testing::folder::Folder;
use crate::testing::mail::Mail;
use crate::testing::output::Output;
use crate::testing::syntax::Word;

impl Executor {
    pub(super) fn status(&mut self, arguments: &[Word], out: &mut Output) -> String {
        let server = self.server.clone();
        let mail = server.mail();
        let name = self.mailbox(arguments, 0);
        let Some(items) = arguments.get(1).map(Word::items) else { return "BAD which items".to_owned() };
        let Some(folder) = mail.usable(&name) else { return "NO [NONEXISTENT] no such folder".to_owned() };
        if items.iter().any(|item| item.keyword() == "HIGHESTMODSEQ") {
            self.condstore(&mail, out);
        }
        if status_line(&mail, &self.shown(&mail, &name), folder, items, out) {
            "OK done".to_owned()
        } else {
            "BAD no such item".to_owned()
        }
    }
}

/// Writes a STATUS line; false, and nothing, where an item is none.
pub(super) fn status_line(
    mail: &Mail,
    name: &[u8],
    folder: &Folder,
    items: &[Word],
    out: &mut Output,
) -> bool {
    let modseqs = mail.has("CONDSTORE") || mail.has("QRESYNC");
    let count = |counts: &dyn Fn(&crate::testing::Message) -> bool| {
        folder.messages.iter().filter(|message| counts(message)).count().to_string()
    };
    let mut values = Vec::new();
    for item in items {
        let item = item.keyword();
        let value = match item.as_str() {
            "MESSAGES" => {
                folder.messages.len().min(mail.quirks.listing_window.unwrap_or(usize::MAX)).to_string()
            }
            "RECENT" => "0".to_owned(),
            "UIDNEXT" => folder.next.to_string(),
            "UIDVALIDITY" => folder.validity.to_string(),
            "UNSEEN" => count(&|message| !message.has("\\Seen")),
            "DELETED" if mail.has("IMAP4rev2") => count(&|message| message.has("\\Deleted")),
            "SIZE" if mail.has("STATUS=SIZE") || mail.has("IMAP4rev2") => {
                folder.messages.iter().map(|message| message.body.len()).sum::<u64>().to_string()
            }
            "HIGHESTMODSEQ" if modseqs && folder.no_modseq => "0".to_owned(),
            "HIGHESTMODSEQ" if modseqs => folder.modseq.to_string(),
            "MAILBOXID" if mail.has("OBJECTID") => format!("(F{:x})", folder.id),
            // NIL: no limit, or none that is the same for all messages (RFC 7889).
            "APPENDLIMIT" if mail.has("APPENDLIMIT") || mail.limit("APPENDLIMIT").is_some() => {
                mail.append_limit(folder).map_or_else(|| "NIL".to_owned(), |limit| limit.to_string())
            }
            _ if mail.quirks.shrugs_at_status => continue,
            _ => return false,
        };
        values.push(format!("{item} {value}"));
    }
    out.bytes(b"* STATUS ");
    out.name(name);
    out.line(format!(" ({})", values.join(" ")));
    true
}
