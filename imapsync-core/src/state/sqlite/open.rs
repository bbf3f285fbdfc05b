//! A file that is held: what is in it, in short, and reading from it.

use super::file::{self, Content, Unusable};
use super::place::Lock;
use crate::error::{Error, Side};
use crate::imap::name::MailboxName;
use crate::state::bytes::Keys;
use crate::state::coded::{Reading, Root, unknown};
use crate::state::record::{Fingerprint, Intent, IntentId, Known, Mailbox};
use crate::state::sum::BlockSum;
use futures_util::stream::TryStreamExt;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Row};
use std::collections::HashMap;

/// The file, held.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) connection: SqliteConnection,
    /// The options under which it is open.
    pub(super) fingerprint: Fingerprint,
    /// What is in it was saved under others, and goes with the next write.
    pub(super) stale: bool,
    pub(super) mailboxes: HashMap<(Side, MailboxName), Entry>,
    /// A transaction has not come to its end: it failed, or nobody waited for it.
    pub(super) unclean: bool,
    pub(super) last_mailbox: i64,
    pub(super) last_intent: i64,
    /// Given free after the connection.
    pub(super) lock: Lock,
}

/// Where a mailbox is in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) id: i64,
    pub(super) root: Root,
}

impl Open {
    pub(super) fn new(connection: SqliteConnection, fingerprint: Fingerprint, lock: Lock) -> Self {
        Self {
            connection,
            fingerprint,
            stale: true,
            unclean: false,
            mailboxes: HashMap::new(),
            last_mailbox: 0,
            last_intent: 0,
            lock,
        }
    }

    /// Takes in what the file holds; gives what holds under these options.
    pub(super) fn take(&mut self, content: Content) -> (Vec<Mailbox>, Vec<(IntentId, Intent)>) {
        self.stale = content.fingerprint != Some(self.fingerprint);
        self.mailboxes.clear();
        self.last_mailbox = content.mailboxes.last().map_or(0, |(id, ..)| *id);
        let last_intent = content.intents.last().map_or(0, |(id, _)| id.0.cast_signed());
        self.last_intent = self.last_intent.max(last_intent);
        if self.stale {
            return Default::default();
        }
        let enter = |(id, mailbox, root): (i64, Mailbox, Root)| {
            let entry = Entry { id, root };
            self.mailboxes.insert((mailbox.side, mailbox.name.clone()), entry);
            mailbox
        };
        (content.mailboxes.into_iter().map(enter).collect(), content.intents)
    }

    pub(super) async fn read(
        &mut self,
        keys: &Keys,
        side: Side,
        name: &MailboxName,
        rows: bool,
    ) -> Result<(Vec<BlockSum>, Vec<Known>), Trouble> {
        self.settle(keys).await?;
        let entry = *self.mailboxes.get(&(side, name.clone())).ok_or_else(unknown)?;
        let seal = keys.mailbox(side, name);
        let mut reading = Reading::new(&seal);
        read_blocks(&mut self.connection, entry.id, rows, &mut reading).await?;
        reading.finish(entry.root).map_err(|_| Trouble::Damage)
    }

    /// Makes sure that nothing is under way, and that what is in memory is what is in the file.
    pub(super) async fn settle(&mut self, keys: &Keys) -> Result<(), Trouble> {
        if self.unclean {
            // Where the transaction has ended there is nothing to roll back.
            let _ = sqlx::query("ROLLBACK").execute(&mut self.connection).await;
            let content = file::read(&mut self.connection, keys).await?;
            self.take(content);
            self.unclean = false;
        }
        Ok(())
    }

    /// Closes the file; gives the lock, which is to be held until nobody has the file open.
    pub(super) async fn close(self: Box<Self>) -> Lock {
        let Self { connection, lock, .. } = *self;
        // What could not be folded into the file stays in its log.
        let _ = connection.close().await;
        lock
    }
}

/// Why something was not done.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It cannot be: the caller is told, the file is in order.
    Caller(Error),
    /// What was read is not what was written.
    Damage,
    Sqlite(sqlx::Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Caller(error)
    }
}

impl From<Unusable> for Trouble {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            Unusable::Sqlite(error) => Self::Sqlite(error),
            Unusable::Foreign | Unusable::Newer | Unusable::Damaged => Self::Damage,
        }
    }
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Whether a later try must come to the same.
pub(super) fn is_lasting(error: &sqlx::Error) -> bool {
    // SQLITE_BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, FULL and CANTOPEN may pass.
    const PASSING: [u32; 8] = [5, 6, 7, 8, 9, 10, 13, 14];
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
    match code {
        Some(code) => !PASSING.contains(&(code & 0xff)),
        None => matches!(error, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)),
    }
}

/// The numbers of the blocks of a mailbox: from the first, up to and without the second.
pub(super) fn range(mailbox: i64) -> (i64, i64) {
    (mailbox << file::BLOCK_BITS, (mailbox + 1) << file::BLOCK_BITS)
}

async fn read_blocks(
    connection: &mut SqliteConnection,
    mailbox: i64,
    with_rows: bool,
    reading: &mut Reading<'_>,
) -> Result<(), Trouble> {
    let (first, end) = range(mailbox);
    let sql = if with_rows {
        "SELECT sum, rows FROM block WHERE id >= ? AND id < ? ORDER BY id"
    } else {
        "SELECT sum FROM block WHERE id >= ? AND id < ? ORDER BY id"
    };
    let mut found = sqlx::query(sql).bind(first).bind(end).fetch(connection);
    while let Some(row) = found.try_next().await? {
        let rows: Option<&[u8]> = if with_rows { Some(row.try_get(1)?) } else { None };
        reading.add(row.try_get(0)?, rows).map_err(|_| Trouble::Damage)?;
    }
    Ok(())
}
