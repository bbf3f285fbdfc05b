//! Before the first copy into a folder: does it stand still?
//!
//! A run that was killed a moment ago may have left APPENDs in the server's hands; the server goes on with them after
//! the connection is gone. Copying while they still arrive would double them, so folders that grew since they were
//! listed are waited for, and listed again.

use super::link::Link;
use super::volley::{Reply, volley};
use super::work::Target;
use crate::error::Error;
use crate::imap::command::{Command, StatusItem};
use crate::imap::name::MailboxName;
use crate::imap::response::{MailboxStatus, Untagged};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// The least time between a listing and the look that confirms it.
const LEAST: Duration = Duration::from_millis(100);
/// The least time between a reconnection and that look: the new connection may lead to a replica that lags behind.
const AFTER_LOSS: Duration = Duration::from_secs(1);
/// Between two looks at a folder that grows.
const BETWEEN: Duration = Duration::from_millis(500);
/// Somebody delivers without end: go on then.
const MOST_LOOKS: usize = 20;

/// Whether a target has grown since it was listed. Returns once all stand still. `since` is when the account was listed.
///
/// Folders that are all empty are not waited for: a server that was left with APPENDs in its hands has stored some by
/// the time that a new run has logged in. Neither are those of which is remembered that nothing was on its way. Unless the connection was lost since: then none is believed at once.
///
/// # Errors
///
/// Only what ends the run.
pub(crate) async fn has_grown(
    link: &mut Link,
    targets: &[Target],
    wanted: &[usize],
    since: Instant,
) -> Result<bool, Error> {
    let at_rest = |target: &Target| target.listing.exists == 0 || target.refreshed && !target.awaited;
    if !wanted.iter().all(|at| at_rest(&targets[*at])) {
        sleep_until(since + LEAST).await;
    }
    if let Some(reconnected) = link.reconnected {
        sleep_until(reconnected + AFTER_LOSS).await;
    }
    let mut last: Vec<(u32, u32)> =
        wanted.iter().map(|at| (targets[*at].listing.uid_next, targets[*at].listing.exists)).collect();
    let names: Vec<&MailboxName> = wanted.iter().map(|at| &targets[*at].name).collect();
    let mut grown = false;
    for _ in 0..MOST_LOOKS {
        let now = look(link, &names).await?;
        let still = now.iter().zip(&last).all(|(now, last)| match now {
            Some(now) => now == last || last.0 == 0,
            None => true,
        });
        if still {
            break;
        }
        grown = true;
        for (last, now) in last.iter_mut().zip(now) {
            *last = now.unwrap_or(*last);
        }
        sleep(BETWEEN).await;
    }
    Ok(grown)
}

/// UIDNEXT and MESSAGES of each, where the server tells.
///
/// # Errors
///
/// Only what ends the run.
pub(crate) async fn look(
    link: &mut Link,
    folders: &[&MailboxName],
) -> Result<Vec<Option<(u32, u32)>>, Error> {
    loop {
        let mut seen = vec![None; folders.len()];
        let items = || vec![StatusItem::UidNext, StatusItem::Messages];
        let commands =
            folders.iter().map(|name| Command::Status { mailbox: (*name).clone(), items: items() });
        let commands = commands.collect();
        let connection = link.ready().await?;
        let result = volley(connection, commands, |_, number, reply| {
            if let Reply::Untagged(Untagged::MailboxStatus(MailboxStatus {
                uid_next: Some(uid_next),
                messages: Some(messages),
                ..
            })) = reply
            {
                seen[number] = Some((uid_next, messages));
            }
            Ok(())
        })
        .await;
        match result {
            Ok(()) => return Ok(seen),
            Err(error) => link.lost(error)?,
        }
    }
}
