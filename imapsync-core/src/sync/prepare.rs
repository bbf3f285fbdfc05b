//! Creates the folders that are missing on the destination, and subscribes: one volley.

use super::event::Event;
use super::link::Link;
use super::patience::Patience;
use super::volley::{Reply, volley};
use super::work::Ledger;
use crate::error::{Error, ErrorKind, Side};
use crate::imap::backoff;
use crate::imap::command::{Command, StatusItem};
use crate::imap::name::MailboxName;
use crate::imap::response::{Code, StatusKind, Untagged};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What could not be created, with the reason.
pub(crate) type Refusals = BTreeMap<MailboxName, Error>;

/// Creates and subscribes. A folder that is there although its CREATE was refused is no refusal.
///
/// # Errors
///
/// Only what ends the run.
pub(crate) async fn prepare(
    link: &mut Link,
    create: &[MailboxName],
    subscribe: &[MailboxName],
    ledger: &mut Ledger,
) -> Result<Refusals, Error> {
    let mut created: BTreeSet<usize> = BTreeSet::new();
    let mut refused: BTreeMap<usize, Error> = BTreeMap::new();
    let mut subscribed: BTreeSet<usize> = BTreeSet::new();
    let total = create.len() + subscribe.len();
    let mut patience = Patience::default();
    while created.len() + refused.len() + subscribed.len() < total {
        let todo: Vec<usize> = (0..total)
            .filter(|n| !created.contains(n) && !refused.contains_key(n) && !subscribed.contains(n))
            .collect();
        let command = |n: &usize| match n.checked_sub(create.len()) {
            None => Command::Create(create[*n].clone()),
            Some(n) => Command::Subscribe(subscribe[n].clone()),
        };
        let commands = todo.iter().map(command).collect();
        let connection = link.ready().await?;
        let result = volley(connection, commands, |connection, number, reply| {
            let Reply::Done(status) = reply else { return Ok(()) };
            if patience.allows(backoff::wait(&status)) {
                return Ok(());
            }
            let n = todo[number];
            let ok = status.kind == StatusKind::Ok || status.code == Some(Code::AlreadyExists);
            match n.checked_sub(create.len()) {
                None if ok => {
                    created.insert(n);
                    let folder: Arc<str> = create[n].display().into();
                    ledger.events.emit(|| Event::Created { folder });
                }
                None => {
                    let error = Error::new(ErrorKind::Create, "the server refuses to create the folder")
                        .on(Side::Destination)
                        .in_folder(create[n].display())
                        .server_said(connection.said(&status));
                    refused.insert(n, error);
                }
                Some(at) => {
                    subscribed.insert(n);
                    if !ok {
                        let error =
                            Error::new(ErrorKind::Refused, "the server refuses to subscribe the folder")
                                .on(Side::Destination)
                                .in_folder(subscribe[at].display())
                                .server_said(connection.said(&status));
                        ledger.fail(error);
                    }
                }
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
    let mut refusals: Refusals = refused.into_iter().map(|(n, error)| (create[n].clone(), error)).collect();
    if !refusals.is_empty() {
        // A CREATE can be refused and the folder be there: it came into being meanwhile, or a reply was lost.
        for name in existing(link, refusals.keys().cloned().collect()).await? {
            refusals.remove(&name);
        }
    }
    Ok(refusals)
}

/// Which of the folders can be asked for their status.
async fn existing(link: &mut Link, names: Vec<MailboxName>) -> Result<Vec<MailboxName>, Error> {
    loop {
        let mut there = Vec::new();
        let status =
            |n: &MailboxName| Command::Status { mailbox: n.clone(), items: vec![StatusItem::Messages] };
        let commands = names.iter().map(status).collect();
        let connection = link.ready().await?;
        let result = volley(connection, commands, |_, number, reply| {
            if let Reply::Untagged(Untagged::MailboxStatus(status)) = reply
                && status.messages.is_some()
            {
                there.push(names[number].clone());
            }
            Ok(())
        })
        .await;
        match result {
            Ok(()) => return Ok(there),
            Err(error) => link.lost(error)?,
        }
    }
}
