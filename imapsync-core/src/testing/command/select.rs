//! SELECT, EXAMINE and their ends; what a session knows of the selected folder, and the news of it.

use super::{Executor, mailbox};
use crate::testing::mail::{Folder, Mail};
use crate::testing::output::Output;
use crate::testing::quirks::Keywords;
use crate::testing::syntax::Word;

/// The selected folder as this session has it.
#[derive(Debug, Clone)]
pub(super) struct Selected {
    pub(super) name: String,
    pub(super) validity: u32,
    pub(super) writable: bool,
    /// The UIDs that the client has been told of, in order: their places are the message numbers.
    pub(super) known: Vec<u32>,
}

impl Selected {
    /// The UIDs that a set of numbers means, in order, with their message numbers.
    pub(super) fn resolve(&self, set: &str, uid: bool) -> Option<Vec<(usize, u32)>> {
        let last = if uid { self.known.last().copied().unwrap_or(0) } else { self.known.len() as u32 };
        let ranges = crate::testing::syntax::ranges(set, last)?;
        let mut found: Vec<(usize, u32)> = Vec::new();
        for (first, last) in ranges {
            let (from, to) = if uid {
                (
                    self.known.partition_point(|one| *one < first),
                    self.known.partition_point(|one| *one <= last),
                )
            } else {
                (first.saturating_sub(1) as usize, (last as usize).min(self.known.len()))
            };
            found.extend((from..to.max(from)).map(|at| (at + 1, self.known[at])));
        }
        found.sort_unstable();
        found.dedup();
        Some(found)
    }
}

impl Executor {
    pub(super) fn select(&mut self, arguments: &[Word], write: bool, out: &mut Output) -> String {
        self.selected = None;
        let server = self.server.clone();
        let mail = server.mail();
        let name = mail.resolve(&mailbox(arguments, 0));
        let Some(folder) = mail.usable(&name) else { return "NO [NONEXISTENT] no such folder".to_owned() };
        let writable = write && !folder.read_only;
        if arguments.get(1).is_some_and(|words| words.items().iter().any(|w| w.keyword() == "CONDSTORE")) {
            self.enabled.insert("CONDSTORE".to_owned());
        }
        self.selected = Some(Selected {
            name,
            validity: folder.validity,
            writable,
            known: folder.messages.iter().map(|message| message.uid).collect(),
        });
        out.line(format!("* FLAGS ({})", flags(folder).join(" ")));
        out.line(format!("* {} EXISTS", folder.messages.len()));
        out.line("* 0 RECENT");
        let permanent = if writable { permanent(&mail, folder).join(" ") } else { String::new() };
        out.line(format!("* OK [PERMANENTFLAGS ({permanent})] kept"));
        out.line(format!("* OK [UIDVALIDITY {}] valid", folder.validity));
        out.line(format!("* OK [UIDNEXT {}] next", folder.next));
        if mail.has("CONDSTORE") || mail.has("QRESYNC") {
            out.line(format!("* OK [HIGHESTMODSEQ {}] highest", folder.modseq));
        }
        if writable { "OK [READ-WRITE] done" } else { "OK [READ-ONLY] done" }.to_owned()
    }

    pub(super) fn close(&mut self, expunge: bool) -> String {
        let Some(selected) = self.selected.take() else { return "BAD nothing is selected".to_owned() };
        if expunge && selected.writable {
            let mut mail = self.server.mail();
            mail.note();
            mail.folder(&selected.name)
                .expunge(|message| message.flags.iter().any(|flag| flag.eq_ignore_ascii_case("\\Deleted")));
        }
        "OK done".to_owned()
    }

    /// Tells what has changed in the selected folder since the client heard of it last.
    pub(super) fn news(&mut self, out: &mut Output, expunges: bool) {
        let server = self.server.clone();
        let mail = server.mail();
        let Some(selected) = &mut self.selected else { return };
        let Some(folder) = mail.seen().get(&selected.name).filter(|now| now.validity == selected.validity)
        else {
            return;
        };
        if expunges {
            let mut at = 0;
            while at < selected.known.len() {
                if folder.message(selected.known[at]).is_some() {
                    at += 1;
                } else {
                    selected.known.remove(at);
                    out.line(format!("* {} EXPUNGE", at + 1));
                }
            }
        }
        let last = selected.known.last().copied().unwrap_or(0);
        let new = folder.messages.partition_point(|message| message.uid <= last);
        if new < folder.messages.len() {
            selected.known.extend(folder.messages[new..].iter().map(|message| message.uid));
            out.line(format!("* {} EXISTS", selected.known.len()));
        }
    }
}

const SYSTEM: [&str; 5] = ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"];

/// All flags that are in use in a folder.
fn flags(folder: &Folder) -> Vec<String> {
    let mut flags: Vec<String> = SYSTEM.iter().map(|flag| (*flag).to_owned()).collect();
    for flag in folder.messages.iter().flat_map(|message| &message.flags) {
        if !flags.iter().any(|known| known.eq_ignore_ascii_case(flag)) {
            flags.push(flag.clone());
        }
    }
    flags
}

/// What a client can keep.
fn permanent(mail: &Mail, folder: &Folder) -> Vec<String> {
    match mail.quirks.keywords {
        Keywords::Dropped | Keywords::Refused => SYSTEM.iter().map(|flag| (*flag).to_owned()).collect(),
        Keywords::Kept | Keywords::Lost | Keywords::AtMost(_) => {
            let mut all = flags(folder);
            all.push("\\*".to_owned());
            all
        }
    }
}

/// Flags as the server keeps them, or why it does not take them.
pub(super) fn accepted(mail: &Mail, name: &str, flags: &[Word]) -> Result<Vec<String>, String> {
    let mut kept: Vec<String> = Vec::new();
    for flag in flags {
        let flag = flag.text();
        let system = SYSTEM.iter().find(|known| known.eq_ignore_ascii_case(&flag));
        let flag = match (system, flag.starts_with('\\')) {
            (Some(known), _) => (*known).to_owned(),
            (None, true) => return Err(format!("BAD no such flag {flag}")),
            (None, false) => match mail.quirks.keywords {
                Keywords::Kept => flag,
                Keywords::Dropped | Keywords::Lost => continue,
                Keywords::Refused => return Err("NO no keywords here".to_owned()),
                Keywords::AtMost(most) => {
                    let mut known: Vec<&String> = mail.folders.get(name).map_or_else(Vec::new, |folder| {
                        folder.messages.iter().flat_map(|message| &message.flags).collect()
                    });
                    known.retain(|flag| !flag.starts_with('\\'));
                    known.sort_unstable();
                    known.dedup();
                    if !known.contains(&&flag) && known.len() >= most {
                        return Err("NO [LIMIT] too many user flags in mailbox".to_owned());
                    }
                    flag
                }
            },
        };
        if !kept.iter().any(|known| known.eq_ignore_ascii_case(&flag)) {
            kept.push(flag);
        }
    }
    Ok(kept)
}
