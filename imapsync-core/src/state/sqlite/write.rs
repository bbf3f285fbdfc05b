//! Changing the file, all or nothing.

use super::file::{FINGERPRINT, about};
use super::open::{Entry, Open, Trouble, range};
use crate::error::Side;
use crate::imap::name::MailboxName;
use crate::state::bytes::Keys;
use crate::state::coded::{Root, RootHash, code_intent, code_mailbox, code_rows};
use crate::state::record::{Changes, Fingerprint, Intent, IntentId, Known, Mailbox};
use sqlx::sqlite::SqliteConnection;
use std::collections::HashMap;

type Key = (Side, MailboxName);

impl Open {
    /// Begins a transaction. Whoever fails or goes away before [`commit`](Self::commit) leaves it to be rolled back.
    ///
    /// Not with the transactions of sqlx: when a commit has failed they take the next one for a part of it, which then
    /// says that it is done and is not.
    async fn begin(&mut self, keys: &Keys) -> Result<(), Trouble> {
        self.settle(keys).await?;
        self.unclean = true;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut self.connection).await?;
        if self.stale {
            clear(&mut self.connection, self.fingerprint).await?;
        }
        Ok(())
    }

    async fn commit(&mut self) -> Result<(), Trouble> {
        sqlx::query("COMMIT").execute(&mut self.connection).await?;
        self.unclean = false;
        self.stale = false;
        Ok(())
    }

    /// Saves in one transaction; nothing is changed where it fails, nor where the caller does not wait for the end.
    pub(super) async fn save(&mut self, keys: &Keys, changes: Changes<'_>) -> Result<(), Trouble> {
        self.begin(keys).await?;
        let connection = &mut self.connection;
        // What is to become of each; None: it goes.
        let mut changed: HashMap<Key, Option<Entry>> = HashMap::new();
        let before = &self.mailboxes;
        let mut last_mailbox = self.last_mailbox;
        for key in &changes.dropped {
            let known = changed.get(key).copied().unwrap_or_else(|| before.get(key).copied());
            if let Some(entry) = known {
                drop_mailbox(connection, entry.id).await?;
                changed.insert(key.clone(), None);
            }
        }
        for (mailbox, rows) in changes.mailboxes {
            let key = (mailbox.side, mailbox.name.clone());
            let known = changed.get(&key).copied().unwrap_or_else(|| before.get(&key).copied());
            let id = known.map_or(last_mailbox + 1, |entry| entry.id);
            let root = put_rows(connection, keys, &mailbox, id, rows.0).await?;
            last_mailbox = last_mailbox.max(id);
            sqlx::query("INSERT OR REPLACE INTO mailbox (id, record) VALUES (?, ?)")
                .bind(id)
                .bind(code_mailbox(keys, &mailbox, root))
                .execute(&mut *connection)
                .await?;
            changed.insert(key, Some(Entry { id, root }));
        }
        for IntentId(id) in &changes.settled {
            // What is beyond was never given.
            let id = i64::try_from(*id).unwrap_or_default();
            sqlx::query("DELETE FROM intent WHERE id = ?").bind(id).execute(&mut *connection).await?;
        }
        self.commit().await?;
        self.last_mailbox = last_mailbox;
        for (key, entry) in changed {
            match entry {
                Some(entry) => self.mailboxes.insert(key, entry),
                None => self.mailboxes.remove(&key),
            };
        }
        Ok(())
    }

    /// Writes intents down in one transaction, which is on the disk at the end.
    pub(super) async fn intend(&mut self, keys: &Keys, intents: &[Intent]) -> Result<Vec<IntentId>, Trouble> {
        self.begin(keys).await?;
        let mut last_intent = self.last_intent;
        let mut ids = Vec::new();
        for intent in intents {
            last_intent += 1;
            sqlx::query("INSERT INTO intent (id, record) VALUES (?, ?)")
                .bind(last_intent)
                .bind(code_intent(keys, intent))
                .execute(&mut self.connection)
                .await?;
            ids.push(IntentId(last_intent.unsigned_abs()));
        }
        self.commit().await?;
        self.last_intent = last_intent;
        Ok(ids)
    }
}

/// Removes what was saved under other options, and says under which the rest is saved.
async fn clear(connection: &mut SqliteConnection, fingerprint: Fingerprint) -> Result<(), sqlx::Error> {
    for table in ["DELETE FROM block", "DELETE FROM mailbox", "DELETE FROM intent"] {
        sqlx::query(table).execute(&mut *connection).await?;
    }
    about(connection, FINGERPRINT, &fingerprint.0).await
}

async fn drop_mailbox(connection: &mut SqliteConnection, id: i64) -> Result<(), sqlx::Error> {
    let (first, end) = range(id);
    drop_blocks(connection, first, end).await?;
    sqlx::query("DELETE FROM mailbox WHERE id = ?").bind(id).execute(connection).await.map(|_| ())
}

async fn drop_blocks(connection: &mut SqliteConnection, first: i64, end: i64) -> Result<(), sqlx::Error> {
    if first < end {
        sqlx::query("DELETE FROM block WHERE id >= ? AND id < ?")
            .bind(first)
            .bind(end)
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// Makes the blocks of a mailbox these. What is the same on the disk is compared there and not written.
async fn put_rows(
    connection: &mut SqliteConnection,
    keys: &Keys,
    mailbox: &Mailbox,
    id: i64,
    rows: impl Iterator<Item = Known> + Send,
) -> Result<Root, Trouble> {
    let seal = keys.mailbox(mailbox.side, &mailbox.name);
    let (first, end) = range(id);
    let mut root = RootHash::default();
    let mut next = first;
    for block in code_rows(&seal, rows) {
        let block = block?;
        root.add(&block.sum);
        let at = first + i64::from(block.number);
        drop_blocks(connection, next, at).await?;
        next = at + 1;
        sqlx::query(
            "INSERT INTO block (id, sum, rows) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE \
             SET sum = ?2, rows = ?3 WHERE sum IS NOT ?2 OR rows IS NOT ?3",
        )
        .bind(at)
        .bind(block.sum)
        .bind(block.rows)
        .execute(&mut *connection)
        .await?;
    }
    drop_blocks(connection, next, end).await?;
    Ok(root.root())
}
