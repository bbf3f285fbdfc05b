//! The flags of messages that are on both sides: the source wins, or what has changed there since the last run.

use super::{Place, write, write_each};
use crate::error::{Error, ErrorKind, Side};
use crate::imap::command::{Command, StoreAction};
use crate::imap::flag::{Flags, SystemFlags};
use crate::imap::uidset::UidSet;
use crate::message::flags;
use crate::options::SyncOptions;
use crate::sync::broken::{self, Broken};
use crate::sync::event::Event;
use crate::sync::link::Link;
use crate::sync::read::{Answer, Part, Reading, SET_BYTES, read};
use crate::sync::recall::Recall;
use crate::sync::work::{Bare, Job, Target, Work};
use std::collections::{BTreeMap, HashMap};

/// The flags that messages of one target shall have, and whose they are.
type Changes = BTreeMap<Key, (Flags, UidSet)>;

/// The words of flags, and whether the messages lack system flags beside keywords.
type Key = (Vec<String>, bool);

fn key(flags: &Flags, has: &Flags) -> Key {
    (flags.words(), flags.keywords().next().is_some() && flags.system() != has.system())
}

/// Brings the flags of messages that are on both sides up to date, unless the options leave them: the source wins, or where
/// they are merged what has changed there since they were remembered. Stores also those that an APPEND has not brought. What
/// the server says OK to is read again: some keep their own flags all the same.
///
/// # Errors
///
/// Only what ends the run.
pub(crate) async fn sync_flags(
    link: &mut Link,
    options: &SyncOptions,
    recall: &Recall,
    work: &mut Work,
) -> Result<(), Error> {
    let mut changes: BTreeMap<usize, Changes> = BTreeMap::new();
    // A mark on the source may be our own, from this run or, in the two-phase way, from the one before.
    let deleting = options.deletes_on_source() && !broken::is(Broken::CarriesOwnMark);
    for job in &work.jobs {
        let target = &work.targets[job.target];
        let permanent = target.listing.permanent.as_ref();
        let base = base(options, recall, job, target).await;
        let mut shall = |uid: u32, flags: Flags, has: &Flags| {
            let groups = changes.entry(job.target).or_default();
            groups.entry(key(&flags, has)).or_insert_with(|| (flags, UidSet::new())).1.insert(uid);
        };
        let mut unknown = UidSet::new();
        for (uid, Bare { copy, has }) in &job.bare {
            let Some(from) = job.listing.row(*uid).and_then(|row| row.flags.as_ref()) else { continue };
            match (flags::change(from, has, permanent, deleting), copy) {
                (Some(flags), Some(copy)) => shall(*copy, flags, has),
                (Some(_), None) => unknown.insert(*uid),
                (None, _) => {}
            }
        }
        if !unknown.is_empty() {
            let text = format!(
                "messages {unknown} were copied, and the destination has refused or dropped flags of them"
            );
            let error = Error::new(ErrorKind::Flags, text).on(Side::Destination);
            let error = error.in_folder(&*job.source_text).hint("the next run tries to set them");
            work.ledger.fail(error);
        }
        for pair in job.pairs.iter().filter(|_| options.resync_flags) {
            let (Some(from), Some(to)) = (job.listing.row(pair.source), target.listing.row(pair.destination))
            else {
                continue;
            };
            // Flags that could not be read are left alone.
            let (Some(from), Some(to)) = (&from.flags, &to.flags) else { continue };
            let changed = match base.get(&pair.source) {
                Some(before) => flags::merge(from, before, to, permanent, deleting),
                None => flags::change(from, to, permanent, deleting),
            };
            if let Some(flags) = changed {
                shall(pair.destination, flags, to);
            }
        }
    }
    if !options.dry {
        store_flags(link, &mut changes, work).await?;
        keep_changed(link, &mut changes, work).await?;
    }
    let ledger = &mut work.ledger;
    for (at, groups) in changes {
        if !options.dry {
            note(&mut work.targets[at], &groups);
        }
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

/// The flags that messages had when they were remembered, where it matters: where they are to be merged and differ.
async fn base(options: &SyncOptions, recall: &Recall, job: &Job, target: &Target) -> HashMap<u32, Flags> {
    if !options.merge_flags || !options.resync_flags {
        return HashMap::new();
    }
    let differ = job.pairs.iter().filter(|pair| {
        let (here, there) = (job.listing.row(pair.source), target.listing.row(pair.destination));
        here.map(|row| &row.flags) != there.map(|row| &row.flags)
    });
    let mut pairs: Vec<(u32, u32)> = differ.map(|pair| (pair.source, pair.destination)).collect();
    pairs.sort_unstable();
    recall.base(job, target, &pairs).await
}

/// The listing has the flags that were stored from now on.
fn note(target: &mut Target, groups: &Changes) {
    for (flags, uids) in groups.values() {
        for uid in uids.iter() {
            if let Ok(at) = target.listing.rows.binary_search_by_key(&uid, |row| row.uid) {
                target.listing.rows[at].flags = Some(flags.clone());
            }
        }
    }
}

/// One STORE: the words of its flags, the flags, and whose they become.
type Step = (Key, Flags, UidSet);

/// Stores; what is refused is told, noted with the target, and no longer among the changes. Where it may be refused for its
/// keywords, the system flags are stored without these.
async fn store_flags(
    link: &mut Link,
    changes: &mut BTreeMap<usize, Changes>,
    work: &mut Work,
) -> Result<(), Error> {
    let mut all: Vec<(usize, Place, Vec<Step>)> = Vec::new();
    for (at, groups) in changes.iter() {
        let target = &mut work.targets[*at];
        for (_, uids) in groups.values().filter(|(flags, _)| flags.contains("\\Deleted")) {
            uids.iter().for_each(|uid| target.marked.insert(uid));
        }
        let place = Place {
            side: Side::Destination,
            mailbox: target.name.clone(),
            text: target.text.clone(),
            uid_validity: target.listing.uid_validity,
            sizes: BTreeMap::new(),
        };
        let steps = groups.iter().flat_map(|(key, (flags, uids))| {
            uids.split(SET_BYTES).into_iter().map(move |set| (key.clone(), flags.clone(), set))
        });
        all.push((*at, place, steps.collect()));
    }
    let command = |(_, flags, set): &Step| Command::UidStore {
        uids: set.clone(),
        action: StoreAction::Replace,
        flags: flags.clone(),
    };
    let places: Vec<(&Place, &[Step])> = all.iter().map(|(_, place, steps)| (place, &**steps)).collect();
    let written = write_each(link, &places, command).await?;
    for ((at, place, steps), written) in all.iter().zip(written) {
        let (target, Some(groups)) = (&mut work.targets[*at], changes.get_mut(at)) else { continue };
        let refusals = match written {
            Ok(refusals) => refusals,
            Err(error) => {
                target.bare = groups.values().flat_map(|(_, uids)| uids.iter()).collect();
                groups.clear();
                work.ledger.fail(error.with_kind(ErrorKind::Flags));
                continue;
            }
        };
        for ((key, flags, set), refusal) in steps.iter().zip(refusals) {
            let Some(said) = refusal else { continue };
            if let Some((_, uids)) = groups.get_mut(key) {
                *uids = uids.difference(set);
            }
            if key.1 {
                store_system_flags(link, place, flags, set).await?;
            }
            target.bare.extend(set.iter());
            work.ledger.fail(
                Error::new(ErrorKind::Flags, format!("could not set the flags of messages {set}"))
                    .on(place.side)
                    .in_folder(&*place.text)
                    .server_said(said),
            );
        }
    }
    Ok(())
}

/// Brings the system flags of messages up to date and leaves their keywords alone. That these flags could not be set as they
/// should be is told in any case.
async fn store_system_flags(
    link: &mut Link,
    place: &Place,
    flags: &Flags,
    uids: &UidSet,
) -> Result<(), Error> {
    let mut steps = Vec::new();
    for (action, system) in
        [(StoreAction::Add, flags.system()), (StoreAction::Remove, SystemFlags::all() - flags.system())]
    {
        let mut flags = Flags::new();
        flags.set_system(system);
        if !system.is_empty() {
            steps.push((action, flags));
        }
    }
    let command = |(action, flags): &(StoreAction, Flags)| Command::UidStore {
        uids: uids.clone(),
        action: *action,
        flags: flags.clone(),
    };
    write(link, place, &steps, command).await?.ok();
    Ok(())
}

/// Reads the flags of what was stored. Where they are not as they were asked for, that is told once for a folder, and is no
/// change. Of keywords that the server does not keep it is no error, as where it says so before.
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
        let (mut ignored, mut keywords) = (UidSet::new(), UidSet::new());
        for (wanted, uids) in groups.values_mut() {
            let permanent = target.listing.permanent.as_ref();
            let system = |flags: &Flags| flags::for_append(flags, permanent).system();
            let mut unchanged = UidSet::new();
            for uid in uids.iter() {
                let Some(now) = now.get(&(*at, uid)) else { continue };
                if flags::change(wanted, now, permanent, false).is_some() {
                    unchanged.insert(uid);
                    let list = if system(wanted) == system(now) { &mut keywords } else { &mut ignored };
                    list.insert(uid);
                }
            }
            *uids = uids.difference(&unchanged);
        }
        if !keywords.is_empty() {
            let text =
                format!("{}: the server does not keep the keywords of messages {keywords}", target.text);
            work.ledger.notice(Some(Side::Destination), text);
        }
        if !ignored.is_empty() {
            let text = format!("the server took the flags of messages {ignored} and keeps others");
            let error = Error::new(ErrorKind::Flags, text).on(Side::Destination);
            work.ledger.fail(error.in_folder(&*target.text));
        }
    }
    Ok(())
}
