//! Runs with state: they end as runs without, and ask only for what has changed.

use crate::world::*;
use imapsync_core::state::{MemoryStore, StateStore};
use imapsync_core::testing::{Act, Dice, Message, Server, Stage};
use imapsync_core::{Report, SyncOptions};
use std::sync::Arc;

/// Servers that count changes, and servers that do not.
pub const KINDS: [&str; 4] = [
    "IMAP4rev1 NAMESPACE UIDPLUS LITERAL+ LIST-EXTENDED LIST-STATUS ENABLE CONDSTORE ESEARCH MULTIAPPEND",
    "IMAP4rev1 UIDPLUS CONDSTORE",
    "IMAP4rev1 UIDPLUS LITERAL+",
    "IMAP4rev1 LITERAL+",
];

/// A world whose runs remember.
pub struct Memory {
    pub world: World,
    pub store: Arc<dyn StateStore>,
}

impl Memory {
    fn new(world: World) -> Self {
        Self { world, store: Arc::new(MemoryStore::new()) }
    }

    async fn run(&self, options: SyncOptions) -> Report {
        let job = self.world.job(options).state(self.store.clone());
        let patience = std::time::Duration::from_secs(7 * 3600);
        let report = tokio::time::timeout(patience, job.run()).await.expect("the run hangs").unwrap();
        assert_eq!(report.tally.total(), report.start[0].messages, "every message has one outcome");
        report
    }

    pub async fn sync(&self) -> Report {
        let report = self.run(SyncOptions::default()).await;
        assert!(report.is_success(), "{:?} {:?}", report.errors, report.stopped);
        report
    }

    /// Forgets what commands there were.
    pub fn forget_log(&self) {
        self.world.source.mail().log.clear();
        self.world.destination.mail().log.clear();
    }

    /// How many commands begin so, on both sides.
    fn count(&self, beginning: &str) -> [usize; 2] {
        [self.world.source.count(beginning), self.world.destination.count(beginning)]
    }

    /// Commands that read header fields.
    pub fn headers(&self) -> usize {
        let count = |log: &[String]| log.iter().filter(|line| line.contains("HEADER.FIELDS")).count();
        count(&self.world.source.mail().log) + count(&self.world.destination.mail().log)
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_with_nothing_to_do_opens_no_folder() {
    let memory = Memory::new(shared_world(KINDS[0], 50));
    assert_eq!(memory.sync().await.tally.copied, 250);
    // Our own writes have raised the mod-sequences: once more the folders are looked at, and no header of a copy is read but
    // the witness.
    let second = memory.sync().await;
    assert_eq!((second.tally.copied, second.tally.already_there), (0, 250));
    memory.forget_log();
    let third = memory.sync().await;
    assert_eq!((third.tally.copied, third.tally.already_there), (0, 250));
    assert_eq!(third.start, second.start);
    assert_eq!(third.destination_only, 0);
    assert_eq!(memory.count("EXAMINE"), [0, 0]);
    assert_eq!(memory.count("SELECT"), [0, 0]);
    assert_eq!(memory.count("UID"), [0, 0]);
    assert!(memory.world.source.mail().offences.is_empty(), "{:?}", memory.world.source.mail().offences);
}

#[tokio::test(start_paused = true)]
async fn without_condstore_flags_are_added_up_and_no_header_is_read() {
    let memory = Memory::new(shared_world(KINDS[2], 50));
    memory.sync().await;
    memory.forget_log();
    let second = memory.sync().await;
    assert_eq!((second.tally.copied, second.tally.already_there), (0, 250));
    assert_eq!(memory.headers(), 0);
    assert_eq!(memory.count("UID FETCH 1:* (UID FLAGS)"), [5, 5]);
    assert_eq!(memory.count("SELECT"), [0, 0]);
    // A flag that has changed is found.
    memory.world.source.mail().folder("One").flag(7, |flags| flags.push("\\Flagged".into()));
    memory.sync().await;
    let seven = memory.world.destination.mail().folder("One").message(7).unwrap().flags.clone();
    assert!(seven.contains(&"\\Flagged".to_owned()), "{seven:?}");
}

#[tokio::test(start_paused = true)]
async fn what_has_changed_costs_what_has_changed() {
    let memory = Memory::new(shared_world(KINDS[0], 200));
    memory.sync().await;
    memory.sync().await;
    memory.world.source.mail().folder("Two").add(message("new", 1), &[]);
    memory.world.source.mail().folder("Two").flag(3, |flags| flags.push("$Junk".into()));
    memory.forget_log();
    let report = memory.sync().await;
    assert_eq!((report.tally.copied, report.tally.already_there, report.flags_changed), (1, 1000, 1));
    assert_eq!(memory.count("EXAMINE \"Two\"")[0], 2, "to look and to copy");
    assert_eq!(memory.count("EXAMINE \"One\""), [0, 0]);
    memory.world.assert_same("Two");
}

#[tokio::test(start_paused = true)]
async fn one_message_gone_and_one_come_leave_the_counts_alone_and_are_found() {
    for capabilities in KINDS {
        let memory = Memory::new(World::with(capabilities, 20));
        memory.sync().await;
        memory.sync().await;
        memory.world.source.mail().folder("INBOX").expunge(|message| message.uid == 5);
        memory.world.source.mail().folder("INBOX").add(message("new", 1), &[]);
        let report = memory.sync().await;
        assert_eq!((report.tally.copied, report.tally.already_there), (1, 19), "{capabilities}");
        // One that is gone from the destination is copied again.
        memory.world.destination.mail().folder("INBOX").expunge(|message| message.uid == 7);
        let report = memory.sync().await;
        assert_eq!((report.tally.copied, report.tally.already_there), (1, 19), "{capabilities}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_mailbox_with_the_same_numbers_is_not_taken_for_the_remembered_one() {
    for capabilities in KINDS {
        let memory = Memory::new(World::with(capabilities, 20));
        memory.sync().await;
        memory.sync().await;
        // The same UIDVALIDITY, UIDNEXT and UIDs, other messages: a server that was set up anew.
        {
            let mut mail = memory.world.source.mail();
            let folder = mail.folder("INBOX");
            let validity = folder.validity;
            folder.expunge(|_| true);
            for n in 101..=120 {
                folder.add(message("INBOX", n), &["\\Seen"]);
            }
            folder.renumber(validity);
            folder.add(message("INBOX", 121), &["\\Seen"]);
        }
        let report = memory.sync().await;
        assert_eq!(report.tally.copied, 21, "{capabilities}");
        assert_eq!(memory.world.destination.bodies("INBOX").len(), 41, "{capabilities}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_rewrites_headers_gets_no_second_copy() {
    for capabilities in KINDS.into_iter().filter(|one| one.contains("UIDPLUS")) {
        let memory = Memory::new(World::with(capabilities, 20));
        // Whatever is stored has another Message-Id, subject and size, and is found again by nothing but its UID.
        memory.world.destination.hook(|mail, call| {
            if call.stage == Stage::Applied && call.appends() {
                let folder = mail.folder("INBOX");
                let uids: Vec<u32> = folder.messages.iter().map(|one| one.uid).collect();
                for uid in uids {
                    let text = format!("Message-Id: <other{uid}@x>\r\nSubject: Changed\r\n\r\n");
                    folder.change(uid, |message| message.body = text.into_bytes().into());
                }
            }
            Act::Pass
        });
        memory.sync().await;
        memory.world.source.mail().folder("INBOX").add(message("new", 1), &[]);
        let report = memory.sync().await;
        assert_eq!((report.tally.copied, report.tally.already_there), (1, 20), "{capabilities}");
        let report = memory.sync().await;
        assert_eq!((report.tally.copied, report.tally.already_there), (0, 21), "{capabilities}");
    }
}

#[tokio::test(start_paused = true)]
async fn pairs_of_another_destination_are_not_believed() {
    for capabilities in KINDS {
        let memory = Memory::new(World::with(capabilities, 20));
        memory.sync().await;
        memory.sync().await;
        // Other messages under the same UIDVALIDITY and UIDs.
        for uid in 1..=20 {
            memory.world.destination.mail().folder("INBOX").change(uid, |message| {
                message.body = format!("Message-Id: <other{uid}@x>\r\n\r\n").into_bytes().into();
            });
        }
        memory.world.source.mail().folder("INBOX").add(message("new", 1), &[]);
        assert_eq!(memory.sync().await.tally.copied, 21, "{capabilities}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_that_was_put_back_gives_no_uid_to_another_message() {
    for capabilities in KINDS {
        let memory = Memory::new(World::with(capabilities, 20));
        memory.sync().await;
        memory.sync().await;
        // A backup of before the last five messages was put back, and others have come in their place.
        {
            let mut mail = memory.world.source.mail();
            let folder = mail.folder("INBOX");
            folder.expunge(|message| message.uid > 15);
            folder.next = 16;
            for n in 101..=103 {
                folder.add(message("INBOX", n), &["\\Seen"]);
            }
        }
        let report = memory.sync().await;
        assert_eq!((report.tally.copied, report.tally.already_there), (3, 15), "{capabilities}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_newest_messages_are_gone_another_one_vouches_for_the_folder() {
    for capabilities in KINDS {
        let memory = Memory::new(World::with(capabilities, 20));
        memory.sync().await;
        memory.sync().await;
        // The newest messages have gone from both sides, and those that are left are others than they were.
        for server in [&memory.world.source, &memory.world.destination] {
            server.mail().folder("INBOX").expunge(|message| message.uid > 15);
        }
        for uid in 1..=15 {
            memory.world.source.mail().folder("INBOX").change(uid, |one| {
                one.body = message("INBOX", 100 + uid as usize).into();
            });
        }
        memory.world.source.mail().folder("INBOX").add(message("new", 1), &[]);
        assert_eq!(memory.sync().await.tally.copied, 16, "{capabilities}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_flag_that_changes_between_two_looks_is_seen_by_the_next_run() {
    let memory = Memory::new(World::with(KINDS[0], 20));
    // Somebody delivers between two copies: the run does not know of it, and the next one looks twice.
    let mut delivered = false;
    memory.world.destination.hook(move |mail, call| {
        if call.appends() && !std::mem::replace(&mut delivered, true) {
            mail.folder("INBOX").add(message("theirs", 1), &[]);
        }
        Act::Pass
    });
    memory.sync().await;
    memory.world.destination.behave();
    let mut selects = 0;
    memory.world.destination.hook(move |mail, call| {
        selects += usize::from(call.stage == Stage::Line && call.is("SELECT"));
        if call.stage == Stage::Line && call.is("SELECT") && selects == 2 {
            mail.folder("INBOX").flag(5, |flags| flags.push("\\Flagged".to_owned()));
        }
        Act::Pass
    });
    memory.sync().await;
    memory.world.destination.behave();
    assert!(memory.world.destination.mail().folder("INBOX").message(5).unwrap().has("\\Flagged"));
    memory.sync().await;
    assert!(!memory.world.destination.mail().folder("INBOX").message(5).unwrap().has("\\Flagged"));
}

#[tokio::test(start_paused = true)]
async fn a_change_of_flags_that_was_not_stored_is_merged_by_the_next_run() {
    for capabilities in KINDS {
        for stopped in [false, true] {
            let memory = Memory::new(World::with(capabilities, 20));
            let merging = || SyncOptions { merge_flags: true, ..SyncOptions::default() };
            memory.run(merging()).await;
            memory.run(merging()).await;
            memory.world.source.mail().folder("INBOX").flag(5, |flags| flags.push("\\Answered".into()));
            memory.world.destination.mail().folder("INBOX").flag(5, |flags| flags.push("\\Flagged".into()));
            // Either the server does not store it, or the run ends before it is asked to.
            let job = memory.world.job(merging()).state(memory.store.clone());
            let cancel = job.cancellation();
            memory.world.destination.hook(move |_, call| {
                if !call.line.contains(" STORE ") {
                    return Act::Pass;
                }
                if stopped {
                    cancel.cancel();
                    return Act::Wait(std::time::Duration::from_secs(60));
                }
                Act::Say("{tag} NO not now\r\n".to_owned())
            });
            assert!(!job.run().await.unwrap().is_success(), "{capabilities}");
            memory.world.destination.behave();
            // What the cancelled run has left is taken back.
            memory.world.destination.mail().folder("INBOX").flag(5, |flags| {
                flags.retain(|flag| flag != "\\Answered");
            });
            memory.run(merging()).await;
            let five = memory.world.destination.mail().folder("INBOX").message(5).unwrap().clone();
            assert!(
                five.has("\\Answered") && five.has("\\Flagged"),
                "{capabilities} {stopped} {:?}",
                five.flags
            );
        }
    }
}

/// What happens to both worlds between two runs.
pub fn happens(dice: &mut Dice, worlds: [&World; 2], round: u64) {
    for n in 0..dice.roll(6) {
        let folder = *dice.pick(&["INBOX", "One", "Two"]);
        let (what, which, number) = (dice.roll(12), dice.number(), dice.roll(40));
        for world in worlds {
            // The messages of both worlds have other UIDs but the same bodies.
            let nth = |messages: &[Message]| {
                let mut all: Vec<_> = messages.iter().map(|one| (one.body.to_bytes(), one.uid)).collect();
                all.sort();
                (!all.is_empty()).then(|| all[(which % all.len() as u64) as usize].1)
            };
            let flag = |flags: &mut Vec<String>| match flags.iter().position(|flag| flag == "\\Flagged") {
                Some(at) => drop(flags.remove(at)),
                None => flags.push("\\Flagged".to_owned()),
            };
            let here = nth(&world.source.messages(folder));
            let there = nth(&world.destination.messages(folder));
            let (mut source, mut destination) = (world.source.mail(), world.destination.mail());
            match (what, here, there) {
                (0..=3, ..) => drop(source.folder(folder).add(message(folder, number as usize), &["\\Seen"])),
                (4, ..) => {
                    let text = message(folder, (1000 * round + n) as usize);
                    destination.folder(folder).add(text, &[]);
                }
                (5, Some(uid), _) => drop(source.folder(folder).flag(uid, flag)),
                (6, _, Some(uid)) => drop(destination.folder(folder).flag(uid, flag)),
                (7, Some(uid), _) => drop(source.folder(folder).expunge(|one| one.uid == uid)),
                (8, _, Some(uid)) => drop(destination.folder(folder).expunge(|one| one.uid == uid)),
                (9, ..) => source.folder(folder).renumber(5000 + round as u32),
                (10, ..) => destination.folder(folder).renumber(9000 + round as u32),
                (11, ..) if folder != "INBOX" => drop(source.folders.remove(folder)),
                _ => {}
            }
        }
    }
}

fn content(world: &World) -> Vec<(String, Vec<u8>, Vec<String>)> {
    let names: Vec<String> = world.destination.mail().folders.keys().cloned().collect();
    let mut all = Vec::new();
    for name in names {
        for one in world.destination.messages(&name) {
            let mut flags = one.flags.clone();
            flags.sort();
            all.push((name.clone(), one.body.to_bytes().to_vec(), flags));
        }
    }
    all.sort();
    all
}

/// The same is on both destinations, and the reports say the same.
#[track_caller]
pub fn assert_alike(place: &str, (with, other): (&World, &Report), (without, one): (&World, &Report)) {
    let shown = |all: Vec<(String, Vec<u8>, Vec<String>)>| -> Vec<String> {
        let line = |(folder, body, flags): &(String, Vec<u8>, Vec<String>)| {
            format!("{folder} {flags:?} {:.60}", String::from_utf8_lossy(body))
        };
        all.iter().map(line).collect()
    };
    assert_eq!(shown(content(with)), shown(content(without)), "{place}");
    assert_eq!(other.tally, one.tally, "{place}");
    assert_eq!(other.start, one.start, "{place}");
    assert_eq!(
        (other.destination_only, other.destination_duplicates),
        (one.destination_only, one.destination_duplicates),
        "{place}"
    );
}

#[tokio::test(start_paused = true)]
async fn runs_with_and_without_state_end_alike() {
    for seed in 0..60 {
        let mut dice = Dice::new(seed);
        let (here, there) = (*dice.pick(&KINDS), *dice.pick(&KINDS));
        let world = || {
            let world = World::new(here, there);
            for folder in ["INBOX", "One", "Two"] {
                world.fill(folder, 12);
            }
            world
        };
        let (without, with) = (world(), Memory::new(world()));
        for round in 0..6 {
            happens(&mut dice, [&without, &with.world], round);
            let one = without.sync().await;
            let other = with.sync().await;
            let place = format!("seed {seed}, round {round}, {here} to {there}");
            assert_alike(&place, (&with.world, &other), (&without, &one));
        }
    }
}

/// The flags of a message, sorted.
fn flags(server: &Server, uid: u32) -> String {
    let mut flags = server.mail().folder("INBOX").message(uid).unwrap().flags.clone();
    flags.sort();
    flags.join(" ")
}

#[tokio::test(start_paused = true)]
async fn flags_are_merged_with_those_of_the_last_run_as_their_base() {
    let merging = SyncOptions { merge_flags: true, ..SyncOptions::default() };
    let deleting = SyncOptions { delete2: true, ..merging.clone() };
    for (capabilities, options) in KINDS.into_iter().map(|one| (one, &merging)).chain([(KINDS[0], &deleting)])
    {
        let memory = Memory::new(World::with(capabilities, 20));
        memory.run(options.clone()).await;
        let [here, there] = [&memory.world.source, &memory.world.destination];
        let set = |server: &Server, uid, words: &[&str]| {
            let words = words.iter().map(|word| (*word).to_owned()).collect();
            server.mail().folder("INBOX").flag(uid, |flags| *flags = words)
        };
        // Here, there, on both sides, and both the same flag.
        set(here, 1, &["\\Seen", "\\Answered"]);
        set(there, 2, &["\\Flagged"]);
        set(here, 3, &["\\Answered"]);
        set(there, 3, &["\\Seen", "\\Flagged", "$Mine"]);
        set(here, 4, &[]);
        set(there, 4, &["\\Flagged"]);
        let expected = ["\\Answered \\Seen", "\\Flagged", "$Mine \\Answered \\Flagged", "\\Flagged"];
        for run in 0..3 {
            let report = memory.run(options.clone()).await;
            assert!(report.is_success(), "{capabilities}: {:?}", report.errors);
            assert_eq!(report.flags_changed, if run == 0 { 2 } else { 0 }, "{capabilities}, run {run}");
            for (uid, expected) in (1..).zip(expected) {
                assert_eq!(flags(there, uid), expected, "{capabilities}, run {run}, message {uid}");
            }
        }
        // What has changed here wins, whatever was kept there.
        set(here, 2, &["\\Seen", "\\Answered"]);
        memory.run(options.clone()).await;
        assert_eq!(flags(there, 2), "\\Answered \\Flagged", "{capabilities}");
        // Without the option the source wins altogether, in a folder that is looked at.
        here.mail().folder("INBOX").add(message("new", 1), &[]);
        memory.run(SyncOptions::default()).await;
        assert_eq!(flags(there, 2), "\\Answered \\Seen", "{capabilities}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_base_the_source_wins() {
    let merging = SyncOptions { merge_flags: true, ..SyncOptions::default() };
    let world = World::with(KINDS[0], 2);
    world.sync().await;
    world.destination.mail().folder("INBOX").flag(1, |flags| flags.push("\\Flagged".into()));
    let memory = Memory::new(world);
    memory.run(merging).await;
    assert_eq!(flags(&memory.world.destination, 1), "\\Seen");
}
