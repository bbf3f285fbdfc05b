//! What is said of one message in several FETCH responses, and its UID in one of them only.

use crate::imap::response::{Fetch, Item, Untagged};

/// The message that was told of last. Some servers send its flags, say, apart from its UID, before or behind it. What comes in
/// between, and what has been removed since, ends it: numbers alone are nothing to rely on.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    seq: u32,
    uid: Option<u32>,
    /// What came before the UID.
    early: Option<Fetch>,
}

impl Pieces {
    /// Gives a response that has no UID the one of its message, and a response that has it what came before. Only attributes: no
    /// content is taken for a message's on the strength of a number.
    pub(super) fn join(&mut self, data: &mut Untagged) {
        let Untagged::Fetch(fetch) = data else {
            if matches!(data, Untagged::Expunge(_) | Untagged::Vanished { .. }) {
                self.forget();
            }
            return;
        };
        if fetch.seq != self.seq {
            *self = Self { seq: fetch.seq, ..Self::default() };
        }
        match fetch.uid {
            Item::Present(uid) => {
                // Another message under the same number: what came before may be of either.
                if self.uid.is_some_and(|before| before != uid) {
                    self.early = None;
                }
                self.uid = Some(uid);
                if let Some(early) = self.early.take() {
                    fill(fetch, early);
                }
            }
            _ if !fetch.sections.is_empty() => {}
            _ => match self.uid {
                Some(uid) => fetch.uid = Item::Present(uid),
                None => {
                    let mut early = fetch.clone();
                    if let Some(before) = self.early.take() {
                        fill(&mut early, before);
                    }
                    self.early = Some(early);
                }
            },
        }
    }

    /// Another command, or another numbering.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

/// Adds the attributes that are missing.
fn fill(fetch: &mut Fetch, other: Fetch) {
    fn absent<T>(item: &mut Item<T>, other: Item<T>) {
        if matches!(item, Item::Absent) {
            *item = other;
        }
    }
    absent(&mut fetch.flags, other.flags);
    absent(&mut fetch.internal_date, other.internal_date);
    absent(&mut fetch.size, other.size);
}
