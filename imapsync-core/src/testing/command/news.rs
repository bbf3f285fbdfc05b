//! What a session is told of the selected folder without having asked: what others have stored, changed and removed
//! since it heard of it last. The cost is that of the news, not of the folder.

use super::Executor;
use super::select::Selected;
use crate::testing::folder::Folder;
use crate::testing::output::Output;
use crate::testing::set::shown;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Executor {
    /// Tells all that is new; which messages are gone only where message numbers may change now
    /// (RFC 9051, section 7.5.1: not during FETCH, STORE and SEARCH).
    pub(in crate::testing) fn news(&mut self, out: &mut Output, expunges: bool) {
        let server = self.server.clone();
        let mail = server.mail();
        let (qresync, condstore) = (self.enabled.contains("QRESYNC"), self.has_condstore());
        let Some(selected) = &mut self.selected else { return };
        let Some(folder) = selected.folder(&mail) else { return };
        if expunges {
            let gone = gone(selected, folder);
            if !gone.is_empty() {
                out.exist(None);
            }
            if qresync && !gone.is_empty() {
                out.line(format!("* VANISHED {}", shown(gone.iter().map(|at| selected.known[*at]))));
            } else {
                for (before, at) in gone.iter().enumerate() {
                    out.put(format_args!("* {} EXPUNGE", at + 1 - before));
                    out.line("");
                }
            }
            if !gone.is_empty() {
                remove(Arc::make_mut(&mut selected.known), &gone);
            }
        }
        if mail.quirks.deaf {
            return;
        }
        let last = selected.known.last().copied().unwrap_or(0);
        let new = folder.messages.partition_point(|message| message.uid <= last);
        if new < folder.messages.len() {
            out.exist(None);
            Arc::make_mut(&mut selected.known)
                .extend(folder.messages[new..].iter().map(|message| message.uid));
            out.line(format!("* {} EXISTS", selected.known.len()));
        }
        out.exist(Some(selected.known.len()));
        let changed: BTreeSet<u32> =
            folder.changed.get(selected.changed..).unwrap_or_default().iter().copied().collect();
        selected.changed = folder.changed.len();
        for uid in changed {
            let (Ok(at), Some(message)) = (selected.known.binary_search(&uid), folder.message(uid)) else {
                continue;
            };
            out.put(format_args!("* {} FETCH (", at + 1));
            if qresync {
                out.put(format_args!("UID {uid} "));
            }
            out.put(format_args!("FLAGS ({})", message.flags.join(" ")));
            if condstore {
                out.put(format_args!(" MODSEQ ({})", message.modseq));
            }
            out.line(")");
        }
    }

    /// What the client changes itself it is told in the answer to that command.
    pub(super) fn knows_its_changes(&mut self, folder: &Folder) {
        if let Some(selected) = &mut self.selected {
            selected.changed = folder.changed.len();
        }
    }
}

/// The places of messages that the client knows and that are gone.
fn gone(selected: &mut Selected, folder: &Folder) -> Vec<usize> {
    let news = folder.gone.get(selected.gone..).unwrap_or_default();
    selected.gone = folder.gone.len();
    let mut places: Vec<usize> =
        news.iter().filter_map(|(_, uid)| selected.known.binary_search(uid).ok()).collect();
    places.sort_unstable();
    places.dedup();
    let last = selected.known.last().copied().unwrap_or(0);
    let still = folder.messages.partition_point(|message| message.uid <= last);
    if selected.known.len() - places.len() != still {
        // Somebody has changed the list of messages without leaving word.
        let missing = |uid: &u32| folder.message(*uid).is_none();
        places = (0..selected.known.len()).filter(|at| missing(&selected.known[*at])).collect();
    }
    places
}

/// Takes these places out, which rise.
fn remove(known: &mut Vec<u32>, places: &[usize]) {
    let Some(first) = places.first() else { return };
    let (mut to, mut next) = (*first, places.iter().peekable());
    for from in *first..known.len() {
        if next.next_if(|at| **at == from).is_none() {
            known[to] = known[from];
            to += 1;
        }
    }
    known.truncate(to);
}
