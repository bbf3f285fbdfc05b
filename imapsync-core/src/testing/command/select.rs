//! SELECT, EXAMINE and their ends, with what CONDSTORE and QRESYNC add (RFC 7162).

use super::Executor;
use super::flags::{in_use, permanent};
use crate::testing::folder::Folder;
use crate::testing::mail::Mail;
use crate::testing::output::Output;
use crate::testing::set::{Places, merged, ranges, shown, within};
use crate::testing::syntax::Word;
use std::sync::Arc;

/// The selected folder as this session has it.
#[derive(Debug, Clone)]
pub(super) struct Selected {
    pub(super) name: String,
    pub(super) validity: u32,
    pub(super) writable: bool,
    /// The UIDs that the client has been told of, in order: their places are the message numbers.
    pub(super) known: Arc<Vec<u32>>,
    /// How much of the folder's [`gone`](Folder::gone) the client has been told.
    pub(super) gone: usize,
    /// How much of the folder's [`changed`](Folder::changed) the client has been told.
    pub(super) changed: usize,
    /// What `$` means: UIDs (SEARCHRES, RFC 5182).
    pub(super) saved: Vec<u32>,
}

impl Selected {
    /// The messages that a set means.
    pub(super) fn resolve(&self, set: &str, uid: bool) -> Option<Places> {
        if set == "$" {
            return Places::resolve(&self.known, &shown(self.saved.iter().copied()), true)
                .or_else(|| Some(Places::none()));
        }
        Places::resolve(&self.known, set, uid)
    }

    /// The folder, unless another one has taken its name.
    pub(super) fn folder<'a>(&self, mail: &'a Mail) -> Option<&'a Folder> {
        mail.seen().get(&self.name).filter(|now| now.validity == self.validity)
    }
}

/// `(QRESYNC (validity modseq [uids [(numbers uids)]]))`
struct Resync {
    validity: u32,
    modseq: u64,
    uids: Option<String>,
}

impl Resync {
    fn read(words: &[Word]) -> Option<Self> {
        let at = words.iter().position(|word| word.keyword() == "QRESYNC")?;
        let items = words.get(at + 1)?.items();
        let uids = items.get(2).filter(|word| matches!(word, Word::Atom(_))).map(Word::text);
        Some(Self {
            validity: items.first()?.text().parse().ok()?,
            modseq: items.get(1)?.text().parse().ok()?,
            uids,
        })
    }
}

impl Executor {
    pub(super) fn select(&mut self, arguments: &[Word], write: bool, out: &mut Output) -> String {
        let parameters = arguments.get(1).map(Word::items).unwrap_or_default();
        let asks = |name: &str| parameters.iter().any(|word| word.keyword() == name);
        let resync = Resync::read(parameters);
        if asks("QRESYNC") && (resync.is_none() || !self.enabled.contains("QRESYNC")) {
            return "BAD QRESYNC is not enabled, or lacks its arguments".to_owned();
        }
        out.exist(None);
        if self.selected.take().is_some() && (self.enabled.contains("QRESYNC") || self.is_rev2()) {
            out.line("* OK [CLOSED] the other one is closed");
        }
        if asks("CONDSTORE") {
            self.enabled.insert("CONDSTORE".to_owned());
        }
        let server = self.server.clone();
        let mail = server.mail();
        let name = self.resolved(&mail, arguments, 0);
        let Some(folder) = mail.usable(&name) else { return "NO [NONEXISTENT] no such folder".to_owned() };
        let writable = write && !folder.read_only;
        out.line(format!("* FLAGS ({})", in_use(folder).join(" ")));
        let window = mail.quirks.listing_window.unwrap_or(usize::MAX);
        let seen = &folder.messages[folder.messages.len().saturating_sub(window)..];
        out.line(format!("* {} EXISTS", seen.len()));
        if self.is_rev2() {
            self.list_row(&mail, &name, folder, out);
        } else {
            out.line("* 0 RECENT");
            if let Some(at) = seen.iter().position(|message| !message.has("\\Seen")) {
                out.line(format!("* OK [UNSEEN {}] the first one", at + 1));
            }
        }
        let permanent = if writable { permanent(&mail, folder).join(" ") } else { String::new() };
        out.line(format!("* OK [PERMANENTFLAGS ({permanent})] kept"));
        out.line(format!("* OK [UIDVALIDITY {}] valid", folder.validity));
        out.line(format!("* OK [UIDNEXT {}] next", folder.next));
        if mail.has("CONDSTORE") || mail.has("QRESYNC") {
            if folder.no_modseq {
                out.line("* OK [NOMODSEQ] no mod-sequences here");
            } else {
                out.line(format!("* OK [HIGHESTMODSEQ {}] highest", folder.modseq));
            }
        }
        if mail.has("OBJECTID") {
            out.line(format!("* OK [MAILBOXID (F{:x})] the same for ever", folder.id));
        }
        let selected = Selected {
            name,
            validity: folder.validity,
            writable,
            known: Arc::new(seen.iter().map(|message| message.uid).collect()),
            gone: folder.gone.len(),
            changed: folder.changed.len(),
            saved: Vec::new(),
        };
        if let Some(resync) = resync.filter(|resync| resync.validity == folder.validity && !folder.no_modseq)
        {
            let all = format!("1:{}", u32::MAX);
            let Some(uids) = ranges(resync.uids.as_deref().unwrap_or(&all), u32::MAX).map(merged) else {
                return "BAD that is no set".to_owned();
            };
            vanished_earlier(folder, resync.modseq, &uids, out);
            let changed = seen.iter().zip(1..);
            for (message, number) in changed.filter(|(m, _)| m.modseq > resync.modseq && within(&uids, m.uid))
            {
                let (uid, flags, modseq) = (message.uid, message.flags.join(" "), message.modseq);
                out.line(format!("* {number} FETCH (UID {uid} FLAGS ({flags}) MODSEQ ({modseq}))"));
            }
        }
        self.selected = Some(selected);
        if writable { "OK [READ-WRITE] done" } else { "OK [READ-ONLY] done" }.to_owned()
    }

    pub(super) fn close(&mut self, expunge: bool) -> String {
        let Some(selected) = self.selected.take() else { return "BAD nothing is selected".to_owned() };
        if expunge && selected.writable {
            let mut mail = self.server.mail();
            mail.note();
            if selected.folder(&mail).is_some() {
                mail.expunge(&selected.name, |_| true);
            }
        }
        "OK done".to_owned()
    }

    /// Whether MODSEQ belongs into every FETCH (RFC 7162, section 3.1).
    pub(super) fn has_condstore(&self) -> bool {
        self.enabled.contains("CONDSTORE") || self.enabled.contains("QRESYNC")
    }

    /// The client has shown that it knows CONDSTORE.
    pub(super) fn condstore(&mut self, mail: &Mail, out: &mut Output) {
        if self.has_condstore() || !(mail.has("CONDSTORE") || mail.has("QRESYNC")) {
            return;
        }
        self.enabled.insert("CONDSTORE".to_owned());
        if let Some(folder) = self.selected.as_ref().and_then(|selected| selected.folder(mail)) {
            out.line(format!("* OK [HIGHESTMODSEQ {}] highest", folder.modseq));
        }
    }
}

/// Names the messages among these that have gone since.
pub(super) fn vanished_earlier(folder: &Folder, since: u64, uids: &[(u32, u32)], out: &mut Output) {
    let from = folder.gone.partition_point(|(modseq, _)| *modseq <= since);
    let mut gone: Vec<u32> =
        folder.gone[from..].iter().map(|(_, uid)| *uid).filter(|uid| within(uids, *uid)).collect();
    gone.sort_unstable();
    if !gone.is_empty() {
        out.line(format!("* VANISHED (EARLIER) {}", shown(gone)));
    }
}
