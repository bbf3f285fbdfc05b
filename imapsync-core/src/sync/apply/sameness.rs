//! Whether source and target are one and the same folder: then a mark that is set here is seen there.

use super::{Place, write};
use crate::error::{Error, Side};
use crate::imap::command::{Command, StoreAction};
use crate::imap::flag::Flags;
use crate::imap::uidset::UidSet;
use crate::plan::Pair;
use crate::sync::link::Link;
use crate::sync::read::{Answer, Part, Reading, read};
use crate::sync::work::{Job, Target};
use std::collections::BTreeMap;

/// Marks one message of the source as deleted, looks at its copy, and takes the mark back. True also where that cannot be
/// done. Only for folders whose messages may be deleted, and that have all in common that a listing shows.
///
/// # Errors
///
/// Only what ends the run.
pub(crate) async fn is_one_folder(
    source: &mut Link,
    destination: &mut Link,
    job: &Job,
    target: &Target,
) -> Result<bool, Error> {
    let unmarked = |flags: &Option<Flags>| flags.as_ref().is_some_and(|flags| !flags.contains("\\Deleted"));
    let here = |pair: &&Pair| job.listing.row(pair.source).is_some_and(|row| unmarked(&row.flags));
    let there = |pair: &&Pair| target.listing.row(pair.destination).is_some_and(|row| unmarked(&row.flags));
    let Some(pair) = job.pairs.iter().filter(there).find(here) else {
        // What bears a mark here and none there, now as when it was listed, is not one message.
        return match job.pairs.iter().find(there) {
            Some(pair) => is_marked(destination, target, pair.destination).await,
            None => Ok(true),
        };
    };
    let Some(before) = job.listing.row(pair.source).and_then(|row| row.flags.clone()) else {
        return Ok(true);
    };
    let place = Place {
        side: Side::Source,
        mailbox: job.source.clone(),
        text: job.source_text.clone(),
        uid_validity: job.listing.uid_validity,
        sizes: BTreeMap::new(),
    };
    let store = |(action, flags): &(StoreAction, Flags)| Command::UidStore {
        uids: UidSet::from_uids([pair.source]),
        action: *action,
        flags: flags.clone(),
    };
    let mark = [(StoreAction::Add, Flags::parse(["\\Deleted"]))];
    let marked = write(source, &place, &mark, store).await?;
    if !marked.is_ok_and(|refusals| refusals.iter().all(Option::is_none)) {
        return Ok(true);
    }
    let seen = is_marked(destination, target, pair.destination).await;
    // Whatever was seen, the mark was only a question. Where it cannot be taken back, that is told by the next run.
    let _ = write(source, &place, &[(StoreAction::Replace, before)], store).await?;
    seen
}

/// Whether a message of the target is marked as deleted. True also where nothing is said of it.
async fn is_marked(link: &mut Link, target: &Target, uid: u32) -> Result<bool, Error> {
    let mut marked = None;
    let reading = Reading {
        folder: 0,
        mailbox: target.name.clone(),
        uid_validity: target.listing.uid_validity,
        uids: vec![uid],
        part: Part::Flags,
    };
    read(link, &[reading], |_, _, answer| {
        if let Answer::Flags(flags) = answer {
            marked = Some(flags.contains("\\Deleted"));
        }
    })
    .await?;
    Ok(marked.unwrap_or(true))
}
