//! Files seen from outside: whose they are and what is in them, whatever the options under which it was saved.

use super::SqliteStore;
use super::file;
use super::place::Place;
use crate::error::{Error, ErrorKind};
use crate::state::bytes::Keys;
use crate::state::record::{AccountPair, Remembered};
use sqlx::Connection;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A file in which something is remembered.
#[derive(Debug)]
pub struct StateFile {
    /// Where it is.
    pub path: PathBuf,
    /// Bytes on the disk, with what SQLite keeps beside it.
    pub bytes: u64,
    /// When it was written to last.
    pub written: Option<SystemTime>,
    /// Whose it is and what it holds, or why that cannot be told: another run is using it, or it is damaged.
    pub content: Result<(AccountPair, Remembered), Error>,
}

impl SqliteStore {
    /// Looks at the file without opening the state; None where there is none. The fingerprint is not asked for, nothing is put
    /// aside and nothing changed.
    pub async fn look(&self) -> Option<StateFile> {
        let mut file = look(&self.place).await?;
        if matches!(&file.content, Ok((pair, _)) if *pair != self.pair) {
            file.content = Err(unreadable(&file::Unusable::Foreign));
        }
        Some(file)
    }

    /// Looks at all files of a directory, in the order of their names. One that is missing has none.
    ///
    /// # Errors
    ///
    /// Of the kind [`State`](ErrorKind::State) where the directory cannot be read.
    pub async fn files(directory: &Path) -> Result<Vec<StateFile>, Error> {
        let places = Place::all(directory).map_err(|error| {
            Error::new(ErrorKind::State, format!("{} cannot be read: {error}", directory.display()))
        })?;
        let mut files = Vec::new();
        for place in places {
            files.extend(look(&place).await);
        }
        Ok(files)
    }
}

async fn look(place: &Place) -> Option<StateFile> {
    let (bytes, written) = place.extent()?;
    Some(StateFile { path: place.file(), bytes, written, content: content(place).await })
}

async fn content(place: &Place) -> Result<(AccountPair, Remembered), Error> {
    let lock = place.lock().map_err(|error| unreadable(&error))?;
    let _lock = lock.ok_or_else(|| unreadable(&"another run is using it"))?;
    if place.is_odd() {
        return Err(unreadable(&file::Unusable::Foreign));
    }
    let (mut connection, pair) =
        file::connect(&place.file(), None).await.map_err(|error| unreadable(&error))?;
    let content = file::read(&mut connection, &Keys::new(&pair)).await;
    let _ = connection.close().await;
    let content = content.map_err(|error| unreadable(&error))?;
    let mailboxes = content.mailboxes.into_iter().map(|(_, mailbox, _)| mailbox).collect();
    Ok((pair, Remembered { mailboxes, intents: content.intents, notice: None }))
}

fn unreadable(why: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::State, format!("what is remembered cannot be read: {why}"))
}
