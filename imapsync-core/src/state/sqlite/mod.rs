//! The state in an SQLite file, one for each pair of accounts.

mod file;
mod look;
mod open;
mod place;
mod write;

use super::StateStore;
use super::bytes::Keys;
use super::coded::{closed, unknown};
use super::record::{AccountPair, Changes, Fingerprint, Intent, IntentId, Known, Remembered};
use super::sum::BlockSum;
use crate::error::{Error, ErrorKind, Side};
use crate::imap::name::MailboxName;
use file::{Content, Unusable};
use futures_util::future::{BoxFuture, FutureExt};
pub use look::StateFile;
use open::{Open, Trouble, is_lasting};
use place::Place;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use std::path::PathBuf;
use tokio::sync::Mutex;

/// Keeps the state of a pair of accounts in a file of its own.
///
/// The file lies in a directory of the caller's and is named after the accounts, for the eye; that it belongs to them is
/// written inside. One store at a time has it, across all processes: a second one remembers nothing, and says so. A file
/// that is damaged, foreign or of a newer release is put aside under its name with `.unusable` at the end.
///
/// ```no_run
/// # async fn example(source: imapsync_core::Account, destination: imapsync_core::Account) -> Result<(), imapsync_core::Error> {
/// use imapsync_core::state::{AccountPair, Fingerprint, SqliteStore, StateStore};
/// let store = SqliteStore::new("/home/alice/.local/state/imapsync", AccountPair::new(&source, &destination));
/// let remembered = store.open(Fingerprint::of(["Message-Id", "Received"])).await?;
/// println!("{} mailboxes are known", remembered.mailboxes.len());
/// store.close().await
/// # }
/// ```
#[derive(Debug)]
pub struct SqliteStore {
    place: Place,
    pair: AccountPair,
    keys: Keys,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Closed,
    /// Nothing can be kept, which has been told.
    Idle,
    Open(Box<Open>),
}

impl SqliteStore {
    /// A store in this directory, which is made when it is opened. Nothing is read or written before that.
    pub fn new(directory: impl Into<PathBuf>, pair: AccountPair) -> Self {
        let place = Place::new(directory.into(), &pair);
        Self { place, keys: Keys::new(&pair), pair, state: Mutex::new(State::Closed) }
    }

    /// The file, whether it is there or not.
    pub fn path(&self) -> PathBuf {
        self.place.file()
    }

    async fn opened(&self, state: &mut State, fingerprint: Fingerprint) -> Remembered {
        let lock = match std::mem::replace(state, State::Idle) {
            State::Open(open) => open.close().await,
            State::Closed | State::Idle => match self.place.lock() {
                Ok(Some(lock)) => lock,
                Ok(None) => return nothing_kept("another run is using it"),
                Err(error) => return nothing_kept(&format!("{}: {error}", self.path().display())),
            },
        };
        let mut notice = None;
        let found = match self.read().await {
            Err(unusable) if unusable.is_lasting() => {
                notice = Some(format!(
                    "{} is of no use and what it should tell is made anew from the servers: {unusable}",
                    self.path().display()
                ));
                self.begin_anew().await
            }
            found => found,
        };
        let (connection, content) = match found {
            Ok(found) => found,
            Err(unusable) => return nothing_kept(&format!("{}: {unusable}", self.path().display())),
        };
        let mut open = Box::new(Open::new(connection, fingerprint, lock));
        let others = content.fingerprint.is_some_and(|saved| saved != fingerprint);
        let (mailboxes, intents) = open.take(content);
        *state = State::Open(open);
        let notice = notice.or_else(|| others.then(|| super::OTHER_OPTIONS.to_owned()));
        Remembered { mailboxes, intents, notice }
    }

    async fn read(&self) -> Result<(SqliteConnection, Content), Unusable> {
        if self.place.is_odd() {
            return Err(Unusable::Foreign);
        }
        self.place.make().map_err(sqlx::Error::Io)?;
        let (mut connection, _) = file::connect(&self.place.file(), Some(&self.pair)).await?;
        match file::read(&mut connection, &self.keys).await {
            Ok(content) => Ok((connection, content)),
            Err(unusable) => {
                let _ = connection.close().await;
                Err(unusable)
            }
        }
    }

    /// Puts the file aside and makes another.
    async fn begin_anew(&self) -> Result<(SqliteConnection, Content), Unusable> {
        self.place.put_aside().map_err(sqlx::Error::Io)?;
        self.read().await
    }

    /// What to say about trouble. A file that no later try can find in better order is put aside, with all that is in it:
    /// where one page is wrong any other may be, and writing to it would make it worse.
    async fn failed(&self, state: &mut State, what: &str, trouble: Trouble) -> Error {
        let (error, lasting) = match trouble {
            Trouble::Caller(error) => return error,
            Trouble::Damage => (super::coded::damaged(), true),
            Trouble::Sqlite(error) => {
                let text = format!("{what}: {}: {error}", self.path().display());
                (Error::new(ErrorKind::State, text), is_lasting(&error))
            }
        };
        if lasting && let State::Open(open) = std::mem::replace(state, State::Idle) {
            let (fingerprint, last_intent) = (open.fingerprint, open.last_intent);
            let lock = open.close().await;
            // Where there can be no other the run goes on without; the next one says why.
            if let Ok((connection, _)) = self.begin_anew().await {
                let open = Open { last_intent, ..Open::new(connection, fingerprint, lock) };
                *state = State::Open(Box::new(open));
            }
        }
        error
    }

    async fn mailbox(
        &self,
        side: Side,
        name: &MailboxName,
        rows: bool,
    ) -> Result<(Vec<BlockSum>, Vec<Known>), Error> {
        let mut state = self.state.lock().await;
        let open = match &mut *state {
            State::Closed => return Err(closed()),
            State::Idle => return Err(unknown()),
            State::Open(open) => open,
        };
        match open.read(&self.keys, side, name, rows).await {
            Ok(done) => Ok(done),
            Err(trouble) => Err(self.failed(&mut state, "the state cannot be read", trouble).await),
        }
    }
}

fn nothing_kept(why: &str) -> Remembered {
    let notice = format!("this run remembers nothing, of earlier runs or for later ones: {why}");
    Remembered { notice: Some(notice), ..Remembered::default() }
}

impl StateStore for SqliteStore {
    fn open(&self, fingerprint: Fingerprint) -> BoxFuture<'_, Result<Remembered, Error>> {
        async move { Ok(self.opened(&mut *self.state.lock().await, fingerprint).await) }.boxed()
    }

    fn messages<'a>(&'a self, side: Side, name: &'a MailboxName) -> BoxFuture<'a, Result<Vec<Known>, Error>> {
        async move { Ok(self.mailbox(side, name, true).await?.1) }.boxed()
    }

    fn blocks<'a>(
        &'a self,
        side: Side,
        name: &'a MailboxName,
    ) -> BoxFuture<'a, Result<Vec<BlockSum>, Error>> {
        async move { Ok(self.mailbox(side, name, false).await?.0) }.boxed()
    }

    fn save<'a>(&'a self, changes: Changes<'a>) -> BoxFuture<'a, Result<(), Error>> {
        async move {
            let mut state = self.state.lock().await;
            let done = match &mut *state {
                State::Closed => return Err(closed()),
                State::Idle => return Ok(()),
                State::Open(open) => open.save(&self.keys, changes).await,
            };
            match done {
                Ok(()) => Ok(()),
                Err(trouble) => Err(self.failed(&mut state, "the state cannot be saved", trouble).await),
            }
        }
        .boxed()
    }

    fn intend(&self, intents: Vec<Intent>) -> BoxFuture<'_, Result<Vec<IntentId>, Error>> {
        async move {
            let mut state = self.state.lock().await;
            let done = match &mut *state {
                State::Closed => return Err(closed()),
                State::Idle => return Ok(intents.iter().map(|_| IntentId(0)).collect()),
                State::Open(open) => open.intend(&self.keys, &intents).await,
            };
            match done {
                Ok(ids) => Ok(ids),
                Err(trouble) => {
                    Err(self.failed(&mut state, "an intent cannot be written down", trouble).await)
                }
            }
        }
        .boxed()
    }

    fn forget(&self) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            let mut state = self.state.lock().await;
            let failed =
                |why: String| Error::new(ErrorKind::State, format!("the state cannot be removed: {why}"));
            let lock = match std::mem::replace(&mut *state, State::Closed) {
                State::Open(open) => Some(open.close().await),
                State::Closed | State::Idle => {
                    self.place.lock().map_err(|error| failed(error.to_string()))?
                }
            };
            let _lock = lock.ok_or_else(|| failed("another run is using it".to_owned()))?;
            self.place.remove().map_err(|error| failed(error.to_string()))
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), Error>> {
        async move {
            if let State::Open(open) = std::mem::replace(&mut *self.state.lock().await, State::Closed) {
                open.close().await;
            }
            Ok(())
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
