//! After the copy: flags brought up to date, messages deleted on either side, each in a folder that is checked again.

use super::broken::{self, Broken};
use super::event::Event;
use super::link::Link;
use super::patience::Patience;
use super::read::{Answer, Part, Reading, SET_BYTES, read};
use super::survey::Listing;
use super::volley::{Reply, volley};
use super::work::{Ledger, State, Target, Work};
use crate::error::{Error, ErrorKind, Side};
use crate::imap::backoff;
use crate::imap::capability::Capability;
use crate::imap::command::{Command, StoreAction};
use crate::imap::flag::Flags;
use crate::imap::name::MailboxName;
use crate::imap::response::{Code, Status, StatusKind, Untagged};
use crate::imap::uidset::UidSet;
use crate::message::flags;
use crate::options::{Delete1, SyncOptions};
use crate::plan::deletes::{self, Expunge};
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

/// The flags that messages of one target shall have: by their words, the flags and whose they are.
type Changes = BTreeMap<Vec<String>, (Flags, UidSet)>;

/// Brings the flags of messages that are on both sides up to date: the source wins. What the server says OK to is read
/// again: some keep their own flags all the same.
///
/// # Errors
///
/// Only what ends the run.
pub(crate) async fn sync_flags(link: &mut Link, options: &SyncOptions, work: &mut Work) -> Result<(), Error> {
    let mut changes: BTreeMap<usize, Changes> = BTreeMap::new();
    // A mark on the source may be our own, from this run or, in the two-phase way, from the one before.
    let deleting =
        (options.delete1 != Delete1::No || options.expunge1) && !broken::is(Broken::CarriesOwnMark);
    for job in &work.jobs {
        let target = &work.targets[job.target];
        for pair in &job.pairs {
            let (Some(from), Some(to)) = (job.listing.row(pair.source), target.listing.row(pair.destination))
            else {
                continue;
            };
            // Flags that could not be read are left alone.
            let (Some(from), Some(to)) = (&from.flags, &to.flags) else { continue };
            if let Some(flags) = flags::change(from, to, target.listing.permanent.as_ref(), deleting) {
                let group = changes
                    .entry(job.target)
                    .or_default()
                    .entry(flags.words())
                    .or_insert_with(|| (flags, UidSet::new()));
                group.1.insert(pair.destination);
            }
        }
    }
    if !options.dry {
        for (at, groups) in &mut changes {
            store_flags(link, &work.targets[*at], groups, &mut work.ledger).await?;
        }
        keep_changed(link, &mut changes, work).await?;
    }
    let ledger = &mut work.ledger;
    for (at, groups) in changes {
        for (flags, uids) in groups.values() {
            ledger.report.flags_changed += uids.len();
            for uid in uids.iter() {
                let (folder, flags) = (work.targets[at].text.clone(), flags.words().join(" "));
                ledger.events.emit(|| Event::FlagsChanged { folder, uid, flags });
            }
        }
    }
    Ok(())
}

/// Stores; what is refused is told, and no longer among the changes.
async fn store_flags(
    link: &mut Link,
    target: &Target,
    groups: &mut Changes,
    ledger: &mut Ledger,
) -> Result<(), Error> {
    let place = Place {
        side: Side::Destination,
        mailbox: target.name.clone(),
        text: target.text.clone(),
        uid_validity: target.listing.uid_validity,
        sizes: BTreeMap::new(),
    };
    let steps: Vec<(Flags, UidSet)> = groups
        .values()
        .flat_map(|(flags, uids)| uids.split(SET_BYTES).into_iter().map(move |set| (flags.clone(), set)))
        .collect();
    let command = |(flags, set): &(Flags, UidSet)| Command::UidStore {
        uids: set.clone(),
        action: StoreAction::Replace,
        flags: flags.clone(),
    };
    match write(link, &place, &steps, command).await? {
        Err(error) => {
            groups.clear();
            ledger.fail(error.with_kind(ErrorKind::Flags));
        }
        Ok(refusals) => {
            for ((flags, set), refusal) in steps.iter().zip(refusals) {
                let Some(said) = refusal else { continue };
                if let Some((_, uids)) = groups.get_mut(&flags.words()) {
                    *uids = uids.difference(set);
                }
                ledger.fail(
                    Error::new(ErrorKind::Flags, format!("could not set the flags of messages {set}"))
                        .on(place.side)
                        .in_folder(&*place.text)
                        .server_said(said),
                );
            }
        }
    }
    Ok(())
}

/// Reads the flags of what was stored. Where they are not as they were asked for, that is told once for a folder, and is no
/// change.
async fn keep_changed(
    link: &mut Link,
    changes: &mut BTreeMap<usize, Changes>,
    work: &mut Work,
) -> Result<(), Error> {
    let mut readings = Vec::new();
    for (at, groups) in changes.iter() {
        let target = &work.targets[*at];
        let uids: Vec<u32> = groups.values().flat_map(|(_, uids)| uids.iter()).collect();
        if !uids.is_empty() {
            let (mailbox, uid_validity) = (target.name.clone(), target.listing.uid_validity);
            readings.push(Reading { folder: *at, mailbox, uid_validity, uids, part: Part::Flags });
        }
    }
    let mut now: BTreeMap<(usize, u32), Flags> = BTreeMap::new();
    read(link, &readings, |at, uid, answer| {
        if let Answer::Flags(flags) = answer {
            now.insert((at, uid), flags.clone());
        }
    })
    .await?;
    for (at, groups) in changes {
        let target = &work.targets[*at];
        let mut ignored = UidSet::new();
        for (wanted, uids) in groups.values_mut() {
            let permanent = target.listing.permanent.as_ref();
            let kept = |uid: &u32| {
                now.get(&(*at, *uid))
                    .is_some_and(|now| flags::change(wanted, now, permanent, false).is_some())
            };
            let unchanged = UidSet::from_uids(uids.iter().filter(kept));
            *uids = uids.difference(&unchanged);
            unchanged.iter().for_each(|uid| ignored.insert(uid));
        }
        if !ignored.is_empty() {
            let text = format!("the server took the flags of messages {ignored} and keeps others");
            let error = Error::new(ErrorKind::Flags, text).on(Side::Destination);
            work.ledger.fail(error.in_folder(&*target.text));
        }
    }
    Ok(())
}

/// Deletes on the source what is safely on the destination, as the options ask.
///
/// # Errors
///
/// Only what ends the run.
pub(crate) async fn delete_source(
    link: &mut Link,
    options: &SyncOptions,
    work: &mut Work,
) -> Result<(), Error> {
    for at in 0..work.jobs.len() {
        let job = &work.jobs[at];
        // Where the target has become another folder, what was copied or found there may be gone with the old one.
        let target = &work.targets[job.target];
        let forbidden = job.no_deletes || target.no_deletes;
        if !job.listing.complete || job.guessed || target.problem.is_some() || forbidden {
            continue;
        }
        let safe = |uid| job.is_safe(uid) || broken::is(Broken::DeletesUnacknowledged);
        let there = job.listing.rows.iter().enumerate().filter(|(n, _)| job.states[*n] != State::Gone);
        let candidates = there.map(|(n, row)| deletes::SourceMessage {
            uid: row.uid,
            key: job.identities.get(n).copied().flatten().map(|identity| identity.key),
            safe: safe(row.uid),
            marked: row.flags.as_ref().is_some_and(|flags| flags.contains("\\Deleted")),
        });
        let mut marks = UidSet::new();
        let mut expunges = UidSet::new();
        if options.delete1 != Delete1::No {
            for uid in deletes::delete1(candidates.clone()) {
                marks.insert(uid);
            }
            if options.delete1 == Delete1::Expunge {
                expunges = marks.clone();
            }
        }
        if options.expunge1 {
            for uid in deletes::expunge1(candidates) {
                expunges.insert(uid);
            }
        }
        let place = Place {
            side: Side::Source,
            mailbox: job.source.clone(),
            text: job.source_text.clone(),
            uid_validity: job.listing.uid_validity,
            sizes: sizes(&job.listing, &expunges),
        };
        delete(link, &place, &marks, &expunges, options.dry, &mut work.ledger).await?;
    }
    Ok(())
}

/// Deletes on the destination what no source message corresponds to.
///
/// # Errors
///
/// Only what ends the run.
pub(crate) async fn delete_destination(
    link: &mut Link,
    options: &SyncOptions,
    work: &mut Work,
) -> Result<(), Error> {
    for at in 0..work.targets.len() {
        let jobs: Vec<_> = work.jobs.iter().filter(|job| job.target == at).collect();
        let target = &work.targets[at];
        let complete = !jobs.is_empty()
            && target.listing.complete
            && target.problem.is_none()
            && jobs.iter().all(|job| job.listing.complete && !job.failed && !job.guessed);
        let extra: UidSet =
            target.listing.rows.iter().map(|row| row.uid).filter(|uid| !target.taken.contains(uid)).collect();
        if extra.is_empty() || target.no_deletes {
            continue;
        }
        let (text, mailbox, uid_validity) =
            (target.text.clone(), target.name.clone(), target.listing.uid_validity);
        if !complete && !broken::is(Broken::DeletesDespiteFailures) {
            work.ledger.fail(
                Error::new(
                    ErrorKind::Delete,
                    "nothing is deleted: not every source message of this folder is known to be there",
                )
                .on(Side::Destination)
                .in_folder(&*text),
            );
            continue;
        }
        let sizes = sizes(&target.listing, &extra);
        let place = Place { side: Side::Destination, mailbox, text, uid_validity, sizes };
        delete(link, &place, &extra, &extra, options.dry, &mut work.ledger).await?;
    }
    Ok(())
}

fn sizes(listing: &Listing, uids: &UidSet) -> BTreeMap<u32, u64> {
    listing.rows.iter().filter(|row| uids.contains(row.uid)).map(|row| (row.uid, row.size)).collect()
}

/// Marks some messages `\Deleted` and expunges some, and nothing else.
async fn delete(
    link: &mut Link,
    place: &Place,
    marks: &UidSet,
    expunges: &UidSet,
    dry: bool,
    ledger: &mut Ledger,
) -> Result<(), Error> {
    let told = |ledger: &mut Ledger, uids: &UidSet, expunged: bool| {
        if !uids.is_empty() {
            let at = usize::from(place.side.number() - 1);
            if expunged || expunges.is_empty() {
                ledger.report.deleted[at] += uids.len();
            }
            if expunged && !ledger.report.dry {
                let removed = &mut ledger.removed[at];
                removed.messages += uids.len();
                removed.bytes += uids.iter().filter_map(|uid| place.sizes.get(&uid)).sum::<u64>();
            }
            let (side, folder, messages) = (place.side, place.text.clone(), uids.len());
            ledger.events.emit(|| Event::Deleted { side, folder, messages, expunged });
        }
    };
    let failed = |ledger: &mut Ledger, text: String, said: Option<String>| {
        let mut error = Error::new(ErrorKind::Delete, text).on(place.side).in_folder(&*place.text);
        if let Some(said) = said {
            error = error.server_said(said);
        }
        ledger.fail(error);
    };
    if marks.is_empty() && expunges.is_empty() {
        return Ok(());
    }
    if dry {
        told(ledger, if expunges.is_empty() { marks } else { expunges }, !expunges.is_empty());
        return Ok(());
    }
    let deleted = Flags::parse(["\\Deleted"]);
    let steps = marks.split(SET_BYTES);
    let store = |set: &UidSet| Command::UidStore {
        uids: set.clone(),
        action: StoreAction::Add,
        flags: deleted.clone(),
    };
    let mut marked = UidSet::new();
    match write(link, place, &steps, store).await? {
        Err(error) => {
            ledger.fail(error);
            return Ok(());
        }
        Ok(refusals) => {
            for (set, refusal) in steps.iter().zip(refusals) {
                match refusal {
                    None => set.ranges().iter().for_each(|(first, last)| marked.insert_range(*first, *last)),
                    Some(said) => {
                        failed(ledger, format!("could not mark messages {set} as deleted"), Some(said))
                    }
                }
            }
        }
    }
    told(ledger, &marked, false);
    if expunges.is_empty() {
        return Ok(());
    }
    // What could not be marked is not expunged; what was marked before the run is not ours to leave out.
    let unmarked = marks.difference(&marked);
    let expunges = expunges.difference(&unmarked);
    let uid_plus = link.ready().await?.capabilities().has(Capability::UIDPLUS);
    if uid_plus && !broken::is(Broken::ExpungesAll) {
        let steps = expunges.split(SET_BYTES);
        match write(link, place, &steps, |set| Command::UidExpunge(set.clone())).await? {
            Err(error) => ledger.fail(error),
            Ok(refusals) => {
                for (set, refusal) in steps.iter().zip(refusals) {
                    match refusal {
                        None => told(ledger, set, true),
                        Some(said) => failed(
                            ledger,
                            format!("could not expunge messages {set}; they stay marked"),
                            Some(said),
                        ),
                    }
                }
            }
        }
        return Ok(());
    }
    match expunge_all(link, place, &expunges).await? {
        Ok(()) => told(ledger, &expunges, true),
        Err(error) => ledger.fail(error),
    }
    Ok(())
}

/// EXPUNGE, on a server without UIDPLUS: only where it removes exactly these, which is looked at again before each try.
async fn expunge_all(link: &mut Link, place: &Place, expunges: &UidSet) -> Result<Result<(), Error>, Error> {
    let mut tried = false;
    let mut patience = Patience::default();
    loop {
        let connection = link.ready().await?;
        match expunge_once(connection, place, expunges, &mut tried).await {
            Ok(()) => return Ok(Ok(())),
            Err(error) if error.is_connection_lost() => link.lost(error)?,
            Err(error) if patience.allows(error.retry_after()) => {
                patience.rest().await;
            }
            Err(error) => return Ok(Err(error.on(place.side).in_folder(&*place.text))),
        }
    }
}

async fn expunge_once(
    connection: &mut crate::client::Connection,
    place: &Place,
    expunges: &UidSet,
    tried: &mut bool,
) -> Result<(), Error> {
    open(connection, place).await?;
    let mut found = UidSet::new();
    let mut answered = false;
    let command = Command::UidSearch("DELETED".to_owned());
    let status = connection
        .call(command, |data| {
            if let Untagged::Search(search) = data {
                answered = true;
                found = search.ids.iter().copied().chain(found.iter()).collect();
            }
        })
        .await?;
    if status.kind != StatusKind::Ok || !answered {
        let text = "could not find out which messages are marked as deleted; nothing is expunged";
        return Err(Error::new(ErrorKind::Delete, text)
            .server_said(connection.said(&status))
            .after(backoff::wait(&status)));
    }
    if *tried && expunges.difference(&found) == *expunges {
        // Its reply was lost, and they are gone.
        return Ok(());
    }
    if let Expunge::Refused(why) = deletes::without_uidplus(expunges, &found)
        && !broken::is(Broken::ExpungesAll)
    {
        let text =
            format!("messages {expunges} stay marked as deleted: the server has no UIDPLUS, and {why}");
        return Err(Error::new(ErrorKind::Delete, text));
    }
    *tried = true;
    let status = connection.call(Command::Expunge, |_| {}).await?;
    if status.kind != StatusKind::Ok {
        return Err(Error::new(ErrorKind::Delete, "could not expunge")
            .server_said(connection.said(&status))
            .after(backoff::wait(&status)));
    }
    Ok(())
}

/// Opens a folder for writing: its OK and its UIDVALIDITY are there before anything is written.
async fn open(connection: &mut crate::client::Connection, place: &Place) -> Result<(), Error> {
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
        let commands = todo.iter().map(|at| command(&steps[*at]));
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
