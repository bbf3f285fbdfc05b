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

/// Opens a folder for writing: its OK and its UIDVALIDITY are there before anything is written.
async fn open(connection: &mut Connection, place: &Place) -> Result<(), Error> {
    let mut uid_validity = 0;
    let mut read_only = false;
    let mut learn = |status: &Status| match status.code {
        Some(Code::UidValidity(n)) => uid_validity = n,
        Some(Code::ReadOnly) => read_only = true,
        _ => {}
    };
    let status = connection
        .call(Command::Select(place.mailbox.clone()), |data| {
            if let Untagged::Status(status) = data {
                learn(&status);
            }
        })
        .await?;
    learn(&status);
    let error = if status.kind != StatusKind::Ok && broken::is(Broken::WritesBehindFailedSelect) {
        return Ok(());
    } else if status.kind != StatusKind::Ok {
        Error::new(ErrorKind::Select, "the folder can no longer be opened")
            .server_said(connection.said(&status))
            .after(backoff::wait(&status))
    } else if uid_validity != place.uid_validity && !broken::is(Broken::KeepsUidsOfAnotherFolder) {
        Error::new(
            ErrorKind::Select,
            "the folder's UIDVALIDITY changed during the run; nothing is changed in it",
        )
    } else if read_only {
        Error::new(ErrorKind::Delete, "the server opens the folder read-only; nothing can be changed in it")
    } else {
        return Ok(());
    };
    Err(error.on(place.side).in_folder(&*place.text))
}

/// Sends one command per step into the opened folder; each may be repeated after a reconnection. Gives per step what
/// the server said against it; or why the folder cannot be written to.
async fn write<S>(
    link: &mut Link,
    place: &Place,
    steps: &[S],
    command: impl Fn(&S) -> Command,
) -> Result<Result<Vec<Option<String>>, Error>, Error> {
    let mut results: Vec<Option<Option<String>>> = steps.iter().map(|_| None).collect();
    let mut patience = Patience::default();
    while results.iter().any(Option::is_none) {
        let connection = link.ready().await?;
        if let Err(error) = open(connection, place).await {
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
        let commands = todo.iter().map(|at| command(&steps[*at])).collect();
        let result = volley(connection, commands, |connection, number, reply| {
            if let Reply::Done(status) = reply
                && !patience.allows(backoff::wait(&status))
            {
                results[todo[number]] =
                    Some((status.kind != StatusKind::Ok).then(|| connection.said(&status)));
            }
            Ok(())
        })
        .await;
        match result {
            Ok(()) => link.progress(),
            Err(error) => link.lost(error)?,
        }
        patience.rest().await;
    }
    Ok(Ok(results.into_iter().flatten().collect()))
}
