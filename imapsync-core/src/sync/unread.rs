//! Flags and dates that a listing left unread are asked for once more: of flags that could not be read then is told.

use super::link::Link;
use super::read::{Answer, Part, Reading, read};
use super::survey::{Listing, Row};
use super::work::Work;
use crate::error::{Error, ErrorKind, Side};
use crate::imap::date::InternalDate;
use crate::imap::flag::Flags;
use crate::imap::name::MailboxName;
use std::sync::Arc;

/// Reads the flags that are missing, on both sides, and the dates of source messages. Copies of source messages whose flags
/// stay unreadable will have none, so each folder with some of them is an error.
///
/// # Errors
///
/// Only what ends the run.
pub(super) async fn read_again(
    source: &mut Link,
    destination: &mut Link,
    work: &mut Work,
) -> Result<(), Error> {
    let Work { jobs, targets, ledger, .. } = work;
    let mut here: Vec<_> =
        jobs.iter_mut().map(|job| (job.source.clone(), job.source_text.clone(), &mut job.listing)).collect();
    let mut there: Vec<_> = targets
        .iter_mut()
        .filter(|target| target.problem.is_none())
        .map(|target| (target.name.clone(), target.text.clone(), &mut target.listing))
        .collect();
    let (one, other) = tokio::join!(
        again(source, &mut here, |row| row.flags.is_none() || row.date.is_none()),
        again(destination, &mut there, |row| row.flags.is_none())
    );
    one?;
    other?;
    for (_, text, listing) in here {
        let unread = listing.rows.iter().filter(|row| row.flags.is_none()).count();
        if unread > 0 {
            let what = format!("the flags of {unread} messages cannot be read; copies of these have none");
            ledger.fail(Error::new(ErrorKind::Flags, what).on(Side::Source).in_folder(&*text));
        }
    }
    Ok(())
}

async fn again(
    link: &mut Link,
    folders: &mut [(MailboxName, Arc<str>, &mut Listing)],
    is_unread: impl Fn(&Row) -> bool,
) -> Result<(), Error> {
    let mut readings = Vec::new();
    for (folder, (mailbox, _, listing)) in folders.iter().enumerate() {
        let uids: Vec<u32> = listing.rows.iter().filter(|row| is_unread(row)).map(|row| row.uid).collect();
        if !uids.is_empty() {
            let (mailbox, uid_validity) = (mailbox.clone(), listing.uid_validity);
            readings.push(Reading { folder, mailbox, uid_validity, uids, part: Part::Flags });
        }
    }
    let mut found: Vec<(usize, u32, Option<Flags>, Option<InternalDate>)> = Vec::new();
    // What is refused stays unread, and is told as such.
    read(link, &readings, |folder, uid, answer| match answer {
        Answer::Flags(flags) => found.push((folder, uid, Some(flags.clone()), None)),
        Answer::Date(date) => found.push((folder, uid, None, Some(date))),
        Answer::Fields(_) | Answer::Digests { .. } => {}
    })
    .await?;
    for (folder, uid, flags, date) in found {
        let rows = &mut folders[folder].2.rows;
        if let Ok(at) = rows.binary_search_by_key(&uid, |row| row.uid) {
            rows[at].flags = flags.or(rows[at].flags.take());
            rows[at].date = rows[at].date.or(date);
        }
    }
    Ok(())
}
