//! The first volley after login: namespace, folders, subscriptions, and how full each folder is.

use super::link::Link;
use super::volley::{Reply, volley};
use crate::error::Error;
use crate::folder::{Folder, Layout};
use crate::imap::backoff;
use crate::imap::capability::Capability;
use crate::imap::command::{Command, StatusItem};
use crate::imap::name::MailboxName;
use crate::imap::response::{ListEntry, MailboxStatus, Namespaces, StatusKind, Untagged};
use bytes::Bytes;
use std::collections::{HashMap, HashSet};

/// What one account consists of.
#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) folders: Vec<Folder>,
    pub(crate) namespaces: Option<Namespaces>,
    /// MESSAGES, UIDNEXT, UIDVALIDITY per folder, where the server told.
    pub(crate) status: HashMap<MailboxName, MailboxStatus>,
    /// A limit for one message (APPENDLIMIT), in bytes.
    pub(crate) append_limit: Option<u64>,
    /// Lines of the listing that nobody can read: each may have been a folder.
    pub(crate) unreadable: usize,
}

impl Account {
    /// Prefix and separator, from the options, NAMESPACE, LIST, or a guess.
    pub(crate) fn layout(&self, prefix: Option<&str>, separator: Option<&str>) -> Layout {
        let namespace = self.namespaces.as_ref().and_then(|n| n.personal.first());
        Layout::find(namespace.map(|n| (n.prefix.as_slice(), n.separator)), &self.folders, prefix, separator)
    }
}

const ITEMS: [StatusItem; 3] = [StatusItem::Messages, StatusItem::UidNext, StatusItem::UidValidity];

/// What the commands of the volley are for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Id,
    Namespace,
    List,
    Lsub,
}

/// Lists the account.
///
/// # Errors
///
/// What ends the run: a connection that cannot be kept, or a server that does not list its folders.
pub(crate) async fn discover(link: &mut Link) -> Result<Account, Error> {
    loop {
        let send_id = link.account.send_id;
        let connection = link.ready().await?;
        match attempt(connection, send_id).await {
            Ok(account) => {
                link.progress();
                return Ok(account);
            }
            Err(error) => link.lost(error)?,
        }
    }
}

async fn attempt(connection: &mut crate::client::Connection, send_id: bool) -> Result<Account, Error> {
    let has = |c: Capability| connection.capabilities().has(c);
    let extended = has(Capability::LIST_EXTENDED);
    let with_status = extended && has(Capability::LIST_STATUS);
    let mut plan = Vec::new();
    if send_id && has(Capability::ID) {
        plan.push((
            Purpose::Id,
            Command::Id(vec![("name", "imapsync"), ("version", env!("CARGO_PKG_VERSION"))]),
        ));
    }
    if has(Capability::NAMESPACE) {
        plan.push((Purpose::Namespace, Command::Namespace));
    }
    let mut returns = Vec::new();
    if extended {
        returns.push("SUBSCRIBED");
        if has(Capability::SPECIAL_USE) {
            returns.push("SPECIAL-USE");
        }
    }
    let status = if with_status { ITEMS.to_vec() } else { Vec::new() };
    plan.push((Purpose::List, list(returns, status)));
    if !extended {
        plan.push((Purpose::Lsub, Command::Lsub));
    }
    let mut found = Found::default();
    run(connection, plan, &mut found).await?;
    if found.list_refused && extended {
        // Some servers offer LIST-EXTENDED and refuse its RETURN (iCloud).
        found = Found { account: found.account, ..Found::default() };
        run(
            connection,
            vec![(Purpose::List, list(vec![], vec![])), (Purpose::Lsub, Command::Lsub)],
            &mut found,
        )
        .await?;
    }
    if let Some(refusal) = found.refusal.take().filter(|_| found.list_refused) {
        return Err(refusal);
    }
    let mut account = found.account;
    account.folders = folders(&found.listed, &found.subscribed);
    account.append_limit = connection.capabilities().append_limit();
    let missing: Vec<_> = account
        .folders
        .iter()
        .filter(|f| f.is_selectable() && !account.status.contains_key(&f.name))
        .map(|f| f.name.clone())
        .collect();
    let commands = missing.into_iter().map(|mailbox| Command::Status { mailbox, items: ITEMS.to_vec() });
    volley(connection, commands, |_, _, reply| {
        if let Reply::Untagged(Untagged::MailboxStatus(status)) = reply {
            account.status.insert(status.name.clone(), status);
        }
        Ok(())
    })
    .await?;
    Ok(account)
}

fn list(returns: Vec<&'static str>, status: Vec<StatusItem>) -> Command {
    Command::List { pattern: Bytes::from_static(b"*"), returns, status }
}

#[derive(Default)]
struct Found {
    account: Account,
    listed: Vec<ListEntry>,
    subscribed: HashSet<MailboxName>,
    list_refused: bool,
    refusal: Option<Error>,
}

async fn run(
    connection: &mut crate::client::Connection,
    plan: Vec<(Purpose, Command)>,
    found: &mut Found,
) -> Result<(), Error> {
    let purposes: Vec<Purpose> = plan.iter().map(|(purpose, _)| *purpose).collect();
    volley(connection, plan.into_iter().map(|(_, command)| command), |connection, number, reply| {
        match reply {
            Reply::Untagged(Untagged::Namespace(namespaces)) => found.account.namespaces = Some(namespaces),
            Reply::Untagged(Untagged::List(entry)) => found.listed.push(entry),
            Reply::Untagged(Untagged::Lsub(entry)) => {
                found.subscribed.insert(entry.name);
            }
            Reply::Untagged(Untagged::MailboxStatus(status)) => {
                found.account.status.insert(status.name.clone(), status);
            }
            Reply::Unreadable if matches!(purposes[number], Purpose::List) => found.account.unreadable += 1,
            Reply::Done(status) if purposes[number] == Purpose::List && status.kind != StatusKind::Ok => {
                found.list_refused = true;
                found.refusal = Some(
                    Error::new(crate::error::ErrorKind::Refused, "the server does not list its folders")
                        .on(connection.side())
                        .server_said(connection.said(&status))
                        .after(backoff::wait(&status)),
                );
            }
            _ => {}
        }
        Ok(())
    })
    .await
}

/// The folders of LIST, each name once. An INBOX that is not listed is there all the same (RFC 9051 section 5.1).
fn folders(listed: &[ListEntry], subscribed: &HashSet<MailboxName>) -> Vec<Folder> {
    let mut seen = HashSet::new();
    let mut folders = Vec::new();
    for entry in listed {
        if !seen.insert(&entry.name) {
            continue;
        }
        let mut folder = Folder::from_list(entry.name.clone(), entry.separator, &entry.attributes);
        folder.subscribed |= subscribed.contains(&entry.name);
        folders.push(folder);
    }
    let inbox = MailboxName::inbox();
    if !seen.contains(&inbox) {
        let separator = listed.first().and_then(|entry| entry.separator);
        folders.insert(0, Folder::from_list(inbox, separator, &[]));
    }
    folders
}
