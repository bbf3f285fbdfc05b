//! After the copy: flags brought up to date, messages deleted on either side, each in a folder that is checked again.

mod deletes;
mod flags;
mod sameness;

pub(crate) use deletes::{delete_destination, delete_source};
pub(crate) use flags::sync_flags;
pub(crate) use sameness::is_one_folder;

use super::broken::{self, Broken};
use super::link::Link;
use super::patience::Patience;
use super::volley::{Reply, volley};
use crate::client::Connection;
use crate::error::{Error, ErrorKind, Side};
use crate::imap::backoff;
use crate::imap::command::Command;
use crate::imap::name::MailboxName;
use crate::imap::response::{Code, Status, StatusKind, Untagged};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A folder that is opened for writing, and what it must still be.
struct Place {
    side: Side,
    mailbox: MailboxName,
    text: Arc<str>,
    uid_validity: u32,
    /// The size of each message, for the sums.
    sizes: BTreeMap<u32, u64>,
}

/// What SELECT has told of a folder.
#[derive(Default)]
struct Opening {
    uid_validity: u32,
    read_only: bool,
}

impl Opening {
    fn learn(&mut self, status: &Status) {
        match status.code {
            Some(Code::UidValidity(n)) => self.uid_validity = n,
            Some(Code::ReadOnly) => self.read_only = true,
            _ => {}
        }
    }

    /// Whether the folder may be written to, now that SELECT is done.
    fn judge(mut self, connection: &Connection, place: &Place, status: &Status) -> Result<(), Error> {
        self.learn(status);
        let error = if status.kind != StatusKind::Ok && broken::is(Broken::WritesBehindFailedSelect) {
            return Ok(());
        } else if status.kind != StatusKind::Ok {
            Error::new(ErrorKind::Select, "the folder can no longer be opened")
                .server_said(connection.said(status))
                .after(backoff::wait(status))
        } else if self.uid_validity != place.uid_validity && !broken::is(Broken::KeepsUidsOfAnotherFolder) {
            Error::new(
                ErrorKind::Select,
                "the folder's UIDVALIDITY changed during the run; nothing is changed in it",
            )
        } else if self.read_only {
            Error::new(
                ErrorKind::Delete,
                "the server opens the folder read-only; nothing can be changed in it",
            )
        } else {
            return Ok(());
        };
        Err(error.on(place.side).in_folder(&*place.text))
    }
}

/// Opens a folder for writing: its OK and its UIDVALIDITY are there before anything is written.
async fn open(connection: &mut Connection, place: &Place) -> Result<(), Error> {
    let mut opening = Opening::default();
    let status = connection
        .call(Command::Select(place.mailbox.clone()), |data| {
            if let Untagged::Status(status) = data {
                opening.learn(&status);
            }
        })
        .await?;
    opening.judge(connection, place, &status)
}

/// What became of the steps in one folder: what the server said against each; or why the folder cannot be written to.
type Written = Result<Vec<Option<String>>, Error>;

/// Sends one command per step into the opened folder; each may be repeated after a reconnection.
async fn write<S>(
    link: &mut Link,
    place: &Place,
    steps: &[S],
    command: impl Fn(&S) -> Command,
) -> Result<Written, Error> {
    let mut written = write_each(link, &[(place, steps)], command).await?;
    Ok(written.pop().unwrap_or_else(|| Ok(Vec::new())))
}

/// The same for several folders: the SELECT of the next one travels with the commands for the one before, and nothing is written
/// before its answer is there.
async fn write_each<S>(
    link: &mut Link,
    places: &[(&Place, &[S])],
    command: impl Fn(&S) -> Command,
) -> Result<Vec<Written>, Error> {
    let mut written = Vec::with_capacity(places.len());
    let mut is_open = false;
    for (at, (place, steps)) in places.iter().enumerate() {
        let next = places.get(at + 1).map(|(next, _)| *next);
        written.push(write_one(link, place, steps, next, &mut is_open, &command).await?);
    }
    Ok(written)
}

/// Writes into one folder, which `is_open` already or not; afterwards it says so of the next one.
async fn write_one<S>(
    link: &mut Link,
    place: &Place,
    steps: &[S],
    next: Option<&Place>,
    is_open: &mut bool,
    command: &impl Fn(&S) -> Command,
) -> Result<Written, Error> {
    let mut results: Vec<Option<Option<String>>> = steps.iter().map(|_| None).collect();
    let mut patience = Patience::default();
    // Where nothing is to be written, nothing of the next folder travels along.
    *is_open &= !steps.is_empty();
    while results.iter().any(Option::is_none) {
        let connection = link.ready().await?;
        if !std::mem::take(is_open)
            && let Err(error) = open(connection, place).await
        {
            if error.is_connection_lost() {
                link.lost(error)?;
                continue;
            }
            if patience.allows(error.retry_after()) {
                patience.rest().await;
                continue;
            }
            return Ok(Err(error));
        }
        let todo: Vec<usize> = (0..steps.len()).filter(|at| results[*at].is_none()).collect();
        let select = next.map(|next| Command::Select(next.mailbox.clone()));
        let commands = todo.iter().map(|at| command(&steps[*at])).chain(select).collect();
        let mut opening = Opening::default();
        let result = volley(connection, commands, |connection, number, reply| {
            match (reply, todo.get(number)) {
                (Reply::Done(status), Some(step)) if !patience.allows(backoff::wait(&status)) => {
                    results[*step] = Some((status.kind != StatusKind::Ok).then(|| connection.said(&status)));
                }
                (Reply::Done(status), None) => {
                    let opening = std::mem::take(&mut opening);
                    *is_open = next.is_some_and(|next| opening.judge(connection, next, &status).is_ok());
                }
                (Reply::Untagged(Untagged::Status(status)), None) => opening.learn(&status),
                _ => {}
            }
            Ok(())
        })
        .await;
        // What is left over has to wait, and its folder is not the open one any more.
        *is_open &= results.iter().all(Option::is_some);
        match result {
            Ok(()) => link.progress(),
            Err(error) => {
                *is_open = false;
                link.lost(error)?;
            }
        }
        patience.rest().await;
    }
    Ok(Ok(results.into_iter().flatten().collect()))
}
