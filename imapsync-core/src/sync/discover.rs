//! The first volley after login: namespace, folders, subscriptions, and how full each folder is.

use super::link::Link;
use super::volley::{Reply, volley};
use crate::error::{Error, ErrorKind};
use crate::folder::{Folder, Layout};
use crate::imap::backoff;
use crate::imap::capability::Capability;
use crate::imap::command::{Command, StatusItem};
use crate::imap::name::MailboxName;
use crate::imap::response::{MailboxStatus, Namespaces, StatusKind, Untagged};
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
    /// The listing had not one folder, although INBOX belongs into it (RFC 9051 section 6.3.9).
    pub(crate) listed_none: bool,
}

impl Account {
    /// Prefix and separator, from the options, NAMESPACE, LIST, or a guess.
    pub(crate) fn layout(&self, prefix: Option<&str>, separator: Option<&str>) -> Layout {
        let namespace = self.namespaces.as_ref().and_then(|n| n.personal.first());
        Layout::find(namespace.map(|n| (n.prefix.as_slice(), n.separator)), &self.folders, prefix, separator)
    }
}

/// What STATUS is asked for; the last one only of servers that count changes (CONDSTORE).
const ITEMS: [StatusItem; 4] =
    [StatusItem::Messages, StatusItem::UidNext, StatusItem::UidValidity, StatusItem::HighestModSeq];

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
pub(crate) async fn discover(link: &mut Link, limit: usize) -> Result<Account, Error> {
    loop {
        let send_id = link.account.send_id;
        let connection = link.ready().await?;
        match attempt(connection, send_id, limit).await {
            Ok(account) => {
                link.progress();
                return Ok(account);
            }
            Err(error) => link.lost(error.on(link.side))?,
        }
    }
}

async fn attempt(
    connection: &mut crate::client::Connection,
    send_id: bool,
    limit: usize,
) -> Result<Account, Error> {
    let offers = connection.capabilities().clone();
    let extended = offers.has(Capability::LIST_EXTENDED);
    let with_status = extended && offers.has(Capability::LIST_STATUS);
    let mut plan = Vec::new();
    if send_id && offers.has(Capability::ID) {
        plan.push((
            Purpose::Id,
            Command::Id(vec![("name", "imapsync"), ("version", env!("CARGO_PKG_VERSION"))]),
        ));
    }
    if offers.has(Capability::NAMESPACE) {
        plan.push((Purpose::Namespace, Command::Namespace));
    }
    let mut returns = Vec::new();
    if extended {
        returns.push("SUBSCRIBED");
        if offers.has(Capability::SPECIAL_USE) {
            returns.push("SPECIAL-USE");
        }
    }
    let items = &ITEMS[..if offers.has(Capability::CONDSTORE) { 4 } else { 3 }];
    let status = if with_status { items.to_vec() } else { Vec::new() };
    plan.push((Purpose::List, list(returns, status)));
    if !extended {
        plan.push((Purpose::Lsub, Command::Lsub));
    }
    let mut found = Found { room: Room::new(limit), ..Found::default() };
    run(connection, plan, &mut found).await?;
    if found.list_refused && extended {
        // Some servers offer LIST-EXTENDED and refuse its RETURN (iCloud).
        found = Found { account: found.account, room: Room::new(limit), ..Found::default() };
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
    account.listed_none = found.listed.is_empty();
    account.folders = folders(found.listed, &found.subscribed);
    account.append_limit = connection.capabilities().append_limit();
    let missing: Vec<_> = account
        .folders
        .iter()
        .filter(|f| f.is_selectable() && !account.status.contains_key(&f.name))
        .map(|f| f.name.clone())
        .collect();
    let commands =
        missing.into_iter().map(|mailbox| Command::Status { mailbox, items: items.to_vec() }).collect();
    let mut room = Room::new(limit);
    volley(connection, commands, |_, _, reply| {
        if let Reply::Untagged(Untagged::MailboxStatus(status)) = reply {
            room.take(&status.name)?;
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

/// How much more of a listing is read.
#[derive(Default)]
struct Room {
    lines: usize,
    limit: usize,
}

impl Room {
    fn new(limit: usize) -> Self {
        Self { lines: limit, limit }
    }

    /// Reads one more line, with this name.
    fn take(&mut self, name: &MailboxName) -> Result<(), Error> {
        let lines = 1 + name.as_wire().len() / 1000;
        self.lines = self.lines.checked_sub(lines).ok_or_else(|| {
            let text = format!("the server lists more than {} folders; that is not believed", self.limit);
            Error::new(ErrorKind::Refused, text)
        })?;
        Ok(())
    }
}

#[derive(Default)]
struct Found {
    account: Account,
    room: Room,
    listed: Vec<Folder>,
    /// The names of `listed`: a folder counts as it was listed first.
    seen: HashSet<MailboxName>,
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
    let commands = plan.into_iter().map(|(_, command)| command).collect();
    volley(connection, commands, |connection, number, reply| {
        match reply {
            Reply::Untagged(Untagged::Namespace(namespaces)) => found.account.namespaces = Some(namespaces),
            // No string holds NUL (RFC 9051 section 9): such a name could not be sent back.
            Reply::Untagged(Untagged::List(entry)) if entry.name.as_wire().contains(&0) => {
                found.account.unreadable += 1;
            }
            Reply::Untagged(Untagged::List(entry)) => {
                found.room.take(&entry.name)?;
                if found.seen.insert(entry.name.clone()) {
                    found.listed.push(Folder::from_list(entry.name, entry.separator, &entry.attributes));
                }
            }
            Reply::Untagged(Untagged::Lsub(entry)) => {
                found.room.take(&entry.name)?;
                found.subscribed.insert(entry.name);
            }
            Reply::Untagged(Untagged::MailboxStatus(status)) => {
                found.room.take(&status.name)?;
                found.account.status.insert(status.name.clone(), status);
            }
            Reply::Unreadable if matches!(purposes[number], Purpose::List) => found.account.unreadable += 1,
            Reply::Done(status) if purposes[number] == Purpose::List && status.kind != StatusKind::Ok => {
                found.list_refused = true;
                found.refusal = Some(
                    Error::new(ErrorKind::Refused, "the server does not list its folders")
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

/// The folders of LIST. An INBOX that is not listed is there all the same (RFC 9051 section 5.1).
fn folders(mut folders: Vec<Folder>, subscribed: &HashSet<MailboxName>) -> Vec<Folder> {
    for folder in &mut folders {
        folder.subscribed |= subscribed.contains(&folder.name);
    }
    if !folders.iter().any(|folder| folder.name.is_inbox()) {
        let separator = folders.first().and_then(|folder| folder.separator);
        folders.insert(0, Folder::from_list(MailboxName::inbox(), separator, &[]));
    }
    folders
}
