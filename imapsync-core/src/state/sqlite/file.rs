//! The tables, and whether a file has them: ours, of this pair, of a release that is not newer.

use crate::state::bytes::Keys;
use crate::state::coded::{Root, read_intent, read_mailbox};
use crate::state::record::{AccountPair, Fingerprint, Intent, IntentId, Mailbox};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteLockingMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row};
use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

/// `isyn`: whose file it is, in the header of every SQLite file.
const APPLICATION: i64 = 0x6973_796e;

/// From each version of the tables to the next; a file that has come through n of them has `user_version` n.
///
/// No table has an index beside it, which might contradict it in a damaged file: what there is to be found by name is in
/// memory. The number of a block is its mailbox's in the upper bits, its own in the lower 23.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE about (id INTEGER PRIMARY KEY, value BLOB NOT NULL);
    CREATE TABLE mailbox (id INTEGER PRIMARY KEY, record BLOB NOT NULL);
    CREATE TABLE block (id INTEGER PRIMARY KEY, sum BLOB NOT NULL, rows BLOB NOT NULL);
    CREATE TABLE intent (id INTEGER PRIMARY KEY, record BLOB NOT NULL);
"];

/// In `about`: the pair of accounts, and the fingerprint of the options.
const PAIR: i64 = 1;
pub(super) const FINGERPRINT: i64 = 2;

/// Blocks of a mailbox, as bits of their numbers.
pub(super) const BLOCK_BITS: u32 = 23;

/// Numbers of mailboxes and intents; others are damage.
const NUMBERS: std::ops::Range<i64> = 1..1 << (62 - BLOCK_BITS);

/// Why a file is of no use.
#[derive(Debug)]
pub(super) enum Unusable {
    Foreign,
    Newer,
    Damaged,
    Sqlite(sqlx::Error),
}

impl Unusable {
    /// Whether a later try must come to the same.
    pub(super) fn is_lasting(&self) -> bool {
        match self {
            Self::Foreign | Self::Newer | Self::Damaged => true,
            Self::Sqlite(error) => super::open::is_lasting(error),
        }
    }
}

impl From<sqlx::Error> for Unusable {
    fn from(error: sqlx::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Foreign => f.write_str("it is not the state of these accounts"),
            Self::Newer => f.write_str("a newer release has written it"),
            Self::Damaged => f.write_str("it is damaged"),
            Self::Sqlite(error) => write!(f, "{error}"),
        }
    }
}

/// What a file holds, beside the messages.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) fingerprint: Option<Fingerprint>,
    pub(super) mailboxes: Vec<(i64, Mailbox, Root)>,
    pub(super) intents: Vec<(IntentId, Intent)>,
}

/// Opens the file and brings its tables up to date.
///
/// Without a pair it must have one already, which is given.
///
/// One writer has the file to itself, so the write-ahead log needs no shared memory; a commit is one write and one sync.
pub(super) async fn connect(
    path: &Path,
    pair: Option<&AccountPair>,
) -> Result<(SqliteConnection, AccountPair), Unusable> {
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .locking_mode(SqliteLockingMode::Exclusive)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5))
        .pragma("cell_size_check", "ON")
        .pragma("trusted_schema", "OFF")
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging()
        .connect()
        .await?;
    match prepare(&mut connection, pair).await {
        Ok(pair) => Ok((connection, pair)),
        Err(unusable) => {
            // Closed before it is put aside.
            let _ = connection.close().await;
            Err(unusable)
        }
    }
}

async fn prepare(
    connection: &mut SqliteConnection,
    pair: Option<&AccountPair>,
) -> Result<AccountPair, Unusable> {
    let application = pragma(connection, "PRAGMA application_id").await?;
    let version = pragma(connection, "PRAGMA user_version").await?;
    let tables = pragma(connection, "SELECT count(*) FROM sqlite_schema").await?;
    let odd = pragma(connection, "SELECT count(*) FROM sqlite_schema WHERE type <> 'table'").await?;
    let fresh = (application, version, tables) == (0, 0, 0);
    if !fresh && application != APPLICATION || odd != 0 || fresh && pair.is_none() {
        return Err(Unusable::Foreign);
    }
    let done = usize::try_from(version).unwrap_or(usize::MAX);
    let Some(missing) = MIGRATIONS.get(done..) else { return Err(Unusable::Newer) };
    // From here on it is known to be ours, and may be written to.
    sqlx::raw_sql("PRAGMA journal_mode = WAL").execute(&mut *connection).await?;
    if !missing.is_empty() {
        let mut transaction = connection.begin().await?;
        for migration in missing {
            sqlx::raw_sql(*migration).execute(&mut *transaction).await?;
        }
        if let Some(pair) = pair.filter(|_| fresh) {
            about(&mut transaction, PAIR, &pair.bytes()).await?;
            sqlx::raw_sql(sqlx::AssertSqlSafe(format!("PRAGMA application_id = {APPLICATION}")))
                .execute(&mut *transaction)
                .await?;
        }
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("PRAGMA user_version = {}", MIGRATIONS.len())))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
    }
    let whose = read_about(connection, PAIR).await?.and_then(|bytes| AccountPair::from_bytes(&bytes));
    whose.filter(|whose| pair.is_none_or(|pair| pair == whose)).ok_or(Unusable::Foreign)
}

async fn pragma(connection: &mut SqliteConnection, sql: &'static str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(sql).fetch_one(connection).await
}

/// Writes a value of the table `about`.
pub(super) async fn about(
    connection: &mut SqliteConnection,
    id: i64,
    value: &[u8],
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT OR REPLACE INTO about (id, value) VALUES (?, ?)")
        .bind(id)
        .bind(value)
        .execute(connection)
        .await
        .map(|_| ())
}

async fn read_about(connection: &mut SqliteConnection, id: i64) -> Result<Option<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar("SELECT value FROM about WHERE id = ?").bind(id).fetch_optional(connection).await
}

/// Reads everything but the messages.
pub(super) async fn read(connection: &mut SqliteConnection, keys: &Keys) -> Result<Content, Unusable> {
    let fingerprint = read_about(connection, FINGERPRINT).await?;
    let fingerprint = fingerprint.map(|bytes| bytes.try_into().map_err(|_| Unusable::Damaged)).transpose()?;
    let mut content = Content { fingerprint: fingerprint.map(Fingerprint), ..Content::default() };
    let mut names = HashSet::new();
    for row in sqlx::query("SELECT id, record FROM mailbox ORDER BY id").fetch_all(&mut *connection).await? {
        let id = row.try_get(0)?;
        let (mailbox, root) = read_mailbox(keys, row.try_get(1)?).ok_or(Unusable::Damaged)?;
        if !NUMBERS.contains(&id) || !names.insert((mailbox.side, mailbox.name.clone())) {
            return Err(Unusable::Damaged);
        }
        content.mailboxes.push((id, mailbox, root));
    }
    for row in sqlx::query("SELECT id, record FROM intent ORDER BY id").fetch_all(&mut *connection).await? {
        let id = row.try_get(0)?;
        let intent = read_intent(keys, row.try_get(1)?).ok_or(Unusable::Damaged)?;
        if !NUMBERS.contains(&id) {
            return Err(Unusable::Damaged);
        }
        content.intents.push((IntentId(id.unsigned_abs()), intent));
    }
    Ok(content)
}
