//! The state in memory: for simulations, and for programs that embed a sync and go on living.

use super::StateStore;
use super::bytes::Keys;
use super::coded::{
    CodedBlock, Reading, Root, RootHash, closed, code_intent, code_mailbox, code_rows, read_intent,
    read_mailbox, unknown,
};
use super::record::{AccountPair, Changes, Fingerprint, Intent, IntentId, Known, Mailbox, Remembered, Rows};
use super::sum::BlockSum;
use crate::account::Account;
use crate::error::{Error, Side};
use crate::imap::name::MailboxName;
use futures_util::future::{BoxFuture, FutureExt, ready};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Keeps the state as long as it lives, in the same coded form as a file has it. Clones share what they keep; see
/// [`StateStore`] for an example.
#[derive(Debug, Clone)]
pub struct MemoryStore {
    keys: Keys,
    content: Arc<Mutex<Content>>,
}

#[derive(Debug, Clone, Default)]
struct Content {
    open: bool,
    /// Under which options the rest was saved.
    fingerprint: Option<Fingerprint>,
    /// Under which options it is open.
    wanted: Option<Fingerprint>,
    mailboxes: BTreeMap<(Side, MailboxName), Arc<Kept>>,
    intents: BTreeMap<u64, Arc<[u8]>>,
    next_intent: u64,
}

#[derive(Debug)]
struct Kept {
    record: Vec<u8>,
    blocks: Arc<[CodedBlock]>,
}

impl Kept {
    fn known(&self, keys: &Keys) -> Option<(Mailbox, Root)> {
        read_mailbox(keys, &self.record)
    }

    fn read(&self, keys: &Keys, rows: bool) -> Result<(Vec<BlockSum>, Vec<Known>), Error> {
        let (mailbox, root) = self.known(keys).ok_or_else(unknown)?;
        let seal = keys.mailbox(mailbox.side, &mailbox.name);
        let mut reading = Reading::new(&seal);
        for block in &*self.blocks {
            reading.add(&block.sum, rows.then_some(&block.rows))?;
        }
        reading.finish(root)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty one.
    pub fn new() -> Self {
        let nobody = Account::new("", "", "");
        Self { keys: Keys::new(&AccountPair::new(&nobody, &nobody)), content: Arc::default() }
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        // What a panicking thread leaves is whole: content is replaced in one step.
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes all or nothing.
    fn change<T>(&self, change: impl FnOnce(&mut Content) -> Result<T, Error>) -> Result<T, Error> {
        let mut content = self.content();
        if !content.open {
            return Err(closed());
        }
        let mut next = content.clone();
        if next.fingerprint != next.wanted {
            next.mailboxes.clear();
            next.intents.clear();
            next.fingerprint = next.wanted;
        }
        let done = change(&mut next)?;
        *content = next;
        Ok(done)
    }

    fn read(&self, side: Side, name: &MailboxName, rows: bool) -> Result<(Vec<BlockSum>, Vec<Known>), Error> {
        let content = self.content();
        if !content.open {
            return Err(closed());
        }
        let current = content.fingerprint == content.wanted;
        let kept = content.mailboxes.get(&(side, name.clone())).filter(|_| current).ok_or_else(unknown)?;
        kept.read(&self.keys, rows)
    }

    fn put(&self, content: &mut Content, mailbox: &Mailbox, rows: Rows<'_>) -> Result<(), Error> {
        let key = (mailbox.side, mailbox.name.clone());
        let mut root = RootHash::default();
        let seal = self.keys.mailbox(mailbox.side, &mailbox.name);
        let blocks = code_rows(&seal, rows.0).collect::<Result<Arc<[_]>, _>>()?;
        blocks.iter().for_each(|block| root.add(&block.sum));
        let record = code_mailbox(&self.keys, mailbox, root.root());
        content.mailboxes.insert(key, Arc::new(Kept { record, blocks }));
        Ok(())
    }
}

impl StateStore for MemoryStore {
    fn open(&self, fingerprint: Fingerprint) -> BoxFuture<'_, Result<Remembered, Error>> {
        let mut content = self.content();
        content.open = true;
        content.wanted = Some(fingerprint);
        let mut remembered = Remembered::default();
        if content.fingerprint == Some(fingerprint) {
            remembered.mailboxes =
                content.mailboxes.values().filter_map(|kept| Some(kept.known(&self.keys)?.0)).collect();
            remembered.intents = content
                .intents
                .iter()
                .filter_map(|(id, record)| Some((IntentId(*id), read_intent(&self.keys, record)?)))
                .collect();
        } else if content.fingerprint.is_some() {
            remembered.notice = Some(super::OTHER_OPTIONS.to_owned());
        }
        ready(Ok(remembered)).boxed()
    }

    fn messages<'a>(&'a self, side: Side, name: &'a MailboxName) -> BoxFuture<'a, Result<Vec<Known>, Error>> {
        ready(self.read(side, name, true).map(|(_, rows)| rows)).boxed()
    }

    fn blocks<'a>(
        &'a self,
        side: Side,
        name: &'a MailboxName,
    ) -> BoxFuture<'a, Result<Vec<BlockSum>, Error>> {
        ready(self.read(side, name, false).map(|(sums, _)| sums)).boxed()
    }

    fn save<'a>(&'a self, changes: Changes<'a>) -> BoxFuture<'a, Result<(), Error>> {
        ready(self.change(|content| {
            for key in &changes.dropped {
                content.mailboxes.remove(key);
            }
            for (mailbox, rows) in changes.mailboxes {
                self.put(content, &mailbox, rows)?;
            }
            for IntentId(id) in &changes.settled {
                content.intents.remove(id);
            }
            Ok(())
        }))
        .boxed()
    }

    fn intend(&self, intents: Vec<Intent>) -> BoxFuture<'_, Result<Vec<IntentId>, Error>> {
        ready(self.change(|content| {
            let number = |intent: &Intent| {
                content.next_intent += 1;
                content.intents.insert(content.next_intent, code_intent(&self.keys, intent).into());
                IntentId(content.next_intent)
            };
            Ok(intents.iter().map(number).collect())
        }))
        .boxed()
    }

    fn forget(&self) -> BoxFuture<'_, Result<(), Error>> {
        *self.content() = Content::default();
        ready(Ok(())).boxed()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.content().open = false;
        ready(Ok(())).boxed()
    }
}
