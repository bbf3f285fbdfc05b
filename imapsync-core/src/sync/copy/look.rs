//! Looks at the newest messages of a destination folder, until it stands still.

use crate::error::{Error, ErrorKind};
use crate::imap::backoff;
use crate::imap::command::{Command, FetchItems, Uids};
use crate::imap::name::MailboxName;
use crate::imap::response::{Code, Item, Status, StatusKind, Untagged};
use crate::message::{Identity, IdentityRules};
use crate::sync::broken::{self, Broken};
use crate::sync::judge::header_names;
use crate::sync::link::Link;
use crate::sync::read::{Answer, Part, Reading, read};
use crate::sync::survey::{LARGEST_HEADER, section};
use crate::sync::volley::{Reply, volley};
use std::collections::BTreeMap;
use std::time::Duration;

/// Between two looks; two looks that agree mean that the folder stands still.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// Looks at a folder that never stands still.
const MOST_LOOKS: usize = 20;
/// Looks that the server refuses.
const MOST_REFUSALS: u32 = 4;
/// Looks that it refuses for the time being; the pauses double, to some minutes in all.
const MOST_WAITS: u32 = 8;

/// A message that was seen.
#[derive(Debug, Clone, Copy)]
pub(in crate::sync) struct Seen {
    /// None: it has no header to know it by.
    pub(in crate::sync) identity: Option<Identity>,
    pub(in crate::sync) size: u64,
}

/// Why a folder could not be looked at.
pub(in crate::sync) enum Unknown {
    /// The server does not let us.
    Refused(Error),
    /// It is another folder by now.
    Changed,
}

/// The messages at or above a UID, once the folder stands still, unless it does already; or why they cannot be known.
///
/// # Errors
///
/// Only what ends the run.
pub(in crate::sync) async fn look(
    link: &mut Link,
    rules: &IdentityRules,
    mailbox: &MailboxName,
    uid_validity: u32,
    above: u32,
    still: bool,
) -> Result<Result<BTreeMap<u32, Seen>, Unknown>, Error> {
    let mut last: Option<BTreeMap<u32, Seen>> = None;
    let mut refusals = 0;
    let mut pause = BETWEEN_LOOKS;
    for round in 0..MOST_LOOKS {
        if round > 0 {
            tokio::time::sleep(pause).await;
        }
        pause = BETWEEN_LOOKS;
        match look_once(link, rules, mailbox, uid_validity, above).await? {
            Ok(seen) => {
                let still = still || last.as_ref().is_some_and(|last| last.keys().eq(seen.keys()));
                last = Some(seen);
                if still || broken::is(Broken::LooksTooEarly) {
                    break;
                }
            }
            Err(unknown) => {
                refusals += 1;
                let most = match &unknown {
                    Unknown::Changed => 0,
                    Unknown::Refused(why) if why.retry_after().is_none() => MOST_REFUSALS,
                    Unknown::Refused(why) => {
                        pause =
                            why.retry_after().unwrap_or_default().max(BETWEEN_LOOKS * (1 << (refusals - 1)));
                        MOST_WAITS
                    }
                };
                if refusals >= most {
                    return Ok(Err(unknown));
                }
            }
        }
    }
    let mut seen = last.unwrap_or_default();
    let bodies: Vec<u32> =
        seen.iter().filter(|(_, seen)| seen.identity.is_none()).map(|(uid, _)| *uid).collect();
    if !bodies.is_empty() {
        let mailbox = mailbox.clone();
        let reading = Reading { folder: 0, mailbox, uid_validity, uids: bodies, part: Part::Digests };
        read(link, &[reading], |_, uid, answer| {
            if let (Answer::Digests { body, .. }, Some(seen)) = (answer, seen.get_mut(&uid)) {
                seen.identity = Some(IdentityRules::from_body(body));
            }
        })
        .await?;
        if seen.values().any(|seen| seen.identity.is_none()) {
            let text = "the server does not give the messages that came last";
            return Ok(Err(Unknown::Refused(Error::new(ErrorKind::Fetch, text))));
        }
    }
    Ok(Ok(seen))
}

/// As [`look`], without waiting until the folder stands still, and without a body read.
///
/// # Errors
///
/// Only what ends the run.
pub(in crate::sync) async fn look_once(
    link: &mut Link,
    rules: &IdentityRules,
    mailbox: &MailboxName,
    uid_validity: u32,
    above: u32,
) -> Result<Result<BTreeMap<u32, Seen>, Unknown>, Error> {
    let names = header_names(rules);
    loop {
        let mut seen = BTreeMap::new();
        let mut refusal: Option<Error> = None;
        let mut told = 0;
        let mut large: Vec<u8> = Vec::new();
        let commands = vec![
            Command::Examine(mailbox.clone()),
            Command::UidFetch { uids: Uids::From(above), items: FetchItems::Look(names.clone()) },
        ];
        let mut learn = |status: &Status| {
            if let Some(Code::UidValidity(n)) = status.code {
                told = n;
            }
        };
        let connection = link.ready().await?;
        let result = volley(connection, commands, |connection, number, reply| {
            match reply {
                Reply::Untagged(Untagged::Status(status)) if number == 0 => learn(&status),
                Reply::Done(status) => {
                    if number == 0 {
                        learn(&status);
                    }
                    if status.kind != StatusKind::Ok && refusal.is_none() {
                        let text = "the folder cannot be looked at";
                        let error = Error::new(ErrorKind::Select, text).server_said(connection.said(&status));
                        refusal = Some(error.after(backoff::wait(&status)));
                    }
                }
                Reply::Literal => large.clear(),
                Reply::Chunk(bytes) => {
                    let room = LARGEST_HEADER.saturating_sub(large.len());
                    large.extend_from_slice(&bytes[..bytes.len().min(room)]);
                }
                Reply::Untagged(Untagged::Fetch(fetch)) if number == 1 => {
                    if let Item::Present(uid) = fetch.uid {
                        let header = section(&fetch, &large);
                        let identity = rules.from_header(&header);
                        let size = fetch.size.present().unwrap_or(0);
                        seen.insert(uid, Seen { identity, size });
                    }
                    large.clear();
                }
                // It may be the very message that is looked for.
                Reply::Unreadable if refusal.is_none() => {
                    let text = "the server's answer cannot be read";
                    refusal = Some(Error::new(ErrorKind::Protocol, text));
                }
                Reply::Untagged(_) | Reply::Unreadable => {}
            }
            Ok(())
        })
        .await;
        match result {
            Ok(()) => {
                return Ok(match refusal {
                    Some(refusal) => Err(Unknown::Refused(refusal)),
                    None if told != uid_validity && !broken::is(Broken::KeepsUidsOfAnotherFolder) => {
                        Err(Unknown::Changed)
                    }
                    None => Ok(seen),
                });
            }
            Err(error) => link.lost(error)?,
        }
    }
}
