//! What is about to be appended is written down first, and a run that was killed is taken up where it ended.

use crate::world::*;
use futures_util::future::BoxFuture;
use imapsync_core::imap::name::MailboxName;
use imapsync_core::state::{
    BlockSum, Changes, Fingerprint, IntendedMessage, Intent, IntentId, Known, MemoryStore, Remembered,
    StateStore,
};
use imapsync_core::testing::{Act, Stage};
use imapsync_core::{Error, ErrorKind, Event, Report, Side, SyncOptions};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A store that takes its time, and tells what is written down.
#[derive(Debug, Default)]
struct Slow {
    inner: MemoryStore,
    pause: Duration,
    refuses: bool,
    fingerprint: Mutex<Option<Fingerprint>>,
    /// The source UIDs that intents name, by call; only what is safe.
    written: Arc<Mutex<Vec<Vec<Vec<u32>>>>>,
}

impl Slow {
    fn new(milliseconds: u64) -> Arc<Self> {
        Arc::new(Self { pause: Duration::from_millis(milliseconds), ..Self::default() })
    }

    /// All UIDs that are written down, as often as they are.
    fn named(&self) -> Vec<u32> {
        let mut named: Vec<u32> = self.written.lock().unwrap().iter().flatten().flatten().copied().collect();
        named.sort_unstable();
        named
    }

    /// The intents that are open.
    async fn left(&self) -> Vec<Intent> {
        let fingerprint = self.fingerprint.lock().unwrap().expect("it was opened");
        let intents = self.inner.open(fingerprint).await.unwrap().intents;
        self.inner.close().await.unwrap();
        intents.into_iter().map(|(_, intent)| intent).collect()
    }
}

impl StateStore for Slow {
    fn open(&self, fingerprint: Fingerprint) -> BoxFuture<'_, Result<Remembered, Error>> {
        *self.fingerprint.lock().unwrap() = Some(fingerprint);
        self.inner.open(fingerprint)
    }

    fn messages<'a>(&'a self, side: Side, name: &'a MailboxName) -> BoxFuture<'a, Result<Vec<Known>, Error>> {
        self.inner.messages(side, name)
    }

    fn blocks<'a>(
        &'a self,
        side: Side,
        name: &'a MailboxName,
    ) -> BoxFuture<'a, Result<Vec<BlockSum>, Error>> {
        self.inner.blocks(side, name)
    }

    fn save<'a>(&'a self, changes: Changes<'a>) -> BoxFuture<'a, Result<(), Error>> {
        self.inner.save(changes)
    }

    fn intend(&self, intents: Vec<Intent>) -> BoxFuture<'_, Result<Vec<IntentId>, Error>> {
        Box::pin(async move {
            tokio::time::sleep(self.pause).await;
            if self.refuses {
                return Err(Error::new(ErrorKind::State, "the disk is full"));
            }
            let uids = |intent: &Intent| intent.messages.iter().map(|message| message.uid).collect();
            let call = intents.iter().map(uids).collect();
            let ids = self.inner.intend(intents).await?;
            self.written.lock().unwrap().push(call);
            Ok(ids)
        })
    }

    fn forget(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.inner.forget()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.inner.close()
    }
}

async fn run(world: &World, store: &Arc<Slow>, options: SyncOptions) -> Report {
    let job = world.job(options).state(store.clone() as Arc<dyn StateStore>);
    let patience = Duration::from_secs(7 * 3600);
    tokio::time::timeout(patience, job.run()).await.expect("the run hangs").unwrap()
}

/// The UIDs of the messages that the windows ask for, sent so far.
fn windows(world: &World) -> usize {
    let mail = world.source.mail();
    mail.log.iter().filter(|line| line.starts_with("UID FETCH") && line.contains("BODY.PEEK[]")).count()
}

/// A message that nothing but its body and its Message-Id tells from others.
fn unique(n: usize) -> Vec<u8> {
    format!("Message-Id: <{n}@example.org>\r\nSubject: same\r\n\r\nThis is number {n:04}.\r\n").into_bytes()
}

/// The bodies of a folder without their headers, sorted.
fn texts(bodies: Vec<Vec<u8>>) -> Vec<String> {
    let text = |body: Vec<u8>| String::from_utf8(body).unwrap().split_once("\r\n\r\n").unwrap().1.to_owned();
    let mut texts: Vec<String> = bodies.into_iter().map(text).collect();
    texts.sort();
    texts
}

#[tokio::test(start_paused = true)]
async fn each_window_is_written_down_once_and_nothing_that_stays() {
    let world = World::with(GROUPS, 450);
    // These are there already.
    for n in 1..=100 {
        world.destination.mail().folder("INBOX").add(message("INBOX", n), &["\\Seen"]);
    }
    let store = Slow::new(5);
    let report = run(&world, &store, with(1)).await;
    assert_eq!((report.tally.copied, report.tally.already_there), (350, 100));
    world.assert_copied(&report);
    assert_eq!(store.named(), (101..=450).collect::<Vec<u32>>());
    let intents = store.written.lock().unwrap().iter().map(Vec::len).sum::<usize>();
    assert_eq!(intents, windows(&world));
    assert!(intents >= 2, "{intents}");
    assert!(store.left().await.is_empty());
    // A run with nothing to copy writes nothing down.
    run(&world, &store, with(1)).await;
    assert_eq!(store.named().len(), 350);
}

#[tokio::test(start_paused = true)]
async fn no_append_begins_before_it_is_written_down() {
    for capabilities in [GROUPS, MODERN, PLAIN] {
        let world = World::with(capabilities, 300);
        world.source.mail().folder("INBOX").add(large(1, 100_000), &[]);
        world.source.mail().folder("INBOX").add(message("INBOX", 301), &[]);
        let store = Slow::new(2000);
        let written = Arc::clone(&store.written);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let tell = Arc::clone(&seen);
        world.destination.hook(move |mail, call| {
            // In order, on one connection.
            let there = mail.folder("INBOX").messages.len() as u32;
            let named: BTreeSet<u32> = written.lock().unwrap().iter().flatten().flatten().copied().collect();
            if call.is("APPEND") {
                tell.lock().unwrap().push((there + 1, named.contains(&(there + 1))));
            }
            if call.stage == Stage::Applied && call.line.starts_with("APPEND") {
                tell.lock().unwrap().push((there, (1..=there).all(|uid| named.contains(&uid))));
            }
            Act::Pass
        });
        let report =
            run(&world, &store, SyncOptions { connections: with(1).connections, ..small_memory() }).await;
        world.assert_copied(&report);
        assert_eq!(report.tally.copied, 302, "{capabilities}");
        let seen = seen.lock().unwrap();
        assert!(seen.len() >= 8, "{seen:?}");
        assert!(seen.iter().all(|(_, named)| *named), "{capabilities}: {seen:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn several_connections_write_down_what_they_send() {
    let world = shared_world(GROUPS, 100);
    let store = Slow::new(30);
    let written = Arc::clone(&store.written);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&seen);
    world.destination.hook(move |mail, call| {
        if call.stage == Stage::Applied && call.line.starts_with("APPEND") {
            let named = written.lock().unwrap().iter().flatten().flatten().count();
            let there = FOLDERS.iter().map(|folder| mail.folder(folder).messages.len()).sum::<usize>();
            tell.lock().unwrap().push((there, named));
        }
        Act::Pass
    });
    let report = run(&world, &store, with(4)).await;
    assert!(report.is_success(), "{:?} {:?}", report.errors, report.stopped);
    for folder in FOLDERS {
        world.assert_same(folder);
    }
    let seen = seen.lock().unwrap().clone();
    assert!(seen.len() >= 5 && seen.iter().all(|(there, named)| there <= named), "{seen:?}");
    assert_eq!(store.named().len(), 500);
    assert!(store.left().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_disk_works_while_the_bodies_travel() {
    let mut took = Vec::new();
    for pause in [0, 900] {
        let world = World::with(GROUPS, 1000);
        world.source.hook(|_, call| match call.is("UID FETCH") && call.line.contains("BODY.PEEK[]") {
            true => Act::Wait(Duration::from_secs(1)),
            false => Act::Pass,
        });
        let (store, begun) = (Slow::new(pause), Instant::now());
        let report = run(&world, &store, with(1)).await;
        world.assert_copied(&report);
        took.push(begun.elapsed());
    }
    assert_eq!(took[0], took[1]);
    assert!(took[0] > Duration::from_secs(4), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_refuses_is_told_once_and_stops_nothing() {
    let world = World::with(GROUPS, 450);
    let store = Arc::new(Slow { refuses: true, ..Slow::default() });
    let mut job = world.job(with(1)).state(store.clone() as Arc<dyn StateStore>);
    let mut events = job.events(100_000);
    let report = job.run().await.unwrap();
    world.assert_copied(&report);
    let mut notices = Vec::new();
    while let Some(event) = events.next().await {
        if let Event::Notice { side: None, text } = event {
            notices.push(text);
        }
    }
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(notices[0].contains("the disk is full"), "{notices:?}");
}

/// Whatever is stored gets another Message-Id and grows: nothing in its header tells whose copy it is.
fn rewrite(world: &World) {
    world.destination.hook(|mail, call| {
        if call.stage == Stage::Applied && call.line.starts_with("APPEND") {
            let folder = mail.folder("INBOX");
            let uids: Vec<u32> = folder.messages.iter().map(|one| one.uid).collect();
            for uid in uids {
                folder.change(uid, |message| {
                    let text = String::from_utf8(message.body.to_bytes().to_vec()).unwrap();
                    if !text.starts_with("X-Checked") {
                        let text = text.replace("@example.org>", "@rewritten.example>");
                        message.body = format!("X-Checked: yes\r\n{text}").into_bytes().into();
                    }
                });
            }
        }
        Act::Pass
    });
}

/// Runs until so many APPENDs have been applied, and is killed then.
async fn killed(world: &World, store: &Arc<Slow>, appends: usize) {
    let done = Arc::new(Notify::new());
    let (tell, mut left) = (Arc::clone(&done), appends);
    world.destination.hook(move |_, call| {
        if left > 0 && call.stage == Stage::Applied && call.line.starts_with("APPEND") {
            left -= 1;
            if left == 0 {
                tell.notify_one();
                return Act::Lose;
            }
        }
        Act::Pass
    });
    let job = world.job(with(1)).state(store.clone() as Arc<dyn StateStore>);
    tokio::select! {
        biased;
        () = done.notified() => {}
        report = job.run() => panic!("the run ended by itself: {report:?}"),
    }
}

/// Servers that tell the UIDs of copies.
const KINDS: [&str; 3] = [GROUPS, MODERN, "IMAP4rev1 UIDPLUS CONDSTORE"];

#[tokio::test(start_paused = true)]
async fn a_run_that_is_killed_gives_no_second_copy_even_where_headers_are_rewritten() {
    for capabilities in KINDS {
        for (appends, days) in [(1, 1), (1, 28), (2, 1), (2, 28)] {
            let world = World::with(capabilities, 0);
            for n in 0..260 {
                let date = format!("{:02}-Jan-2020 12:00:{:02} +0000", n % days + 1, n % 60);
                world.source.mail().folder("INBOX").store(unique(n).into(), Vec::new(), &date);
            }
            rewrite(&world);
            let store = Slow::new(1);
            let place = format!("{capabilities}, killed after {appends}, {days} days");
            killed(&world, &store, appends).await;
            // What is on its way may be applied yet.
            tokio::time::sleep(Duration::from_secs(5)).await;
            let there = world.destination.bodies("INBOX").len();
            assert!(there >= appends && there < 260, "{place}: {there}");
            let named = store.left().await.iter().map(|one| one.messages.len()).sum::<usize>();
            assert!(named >= there, "{place}: {named} of {there}");
            let report = run(&world, &store, with(1)).await;
            assert!(report.is_success(), "{place}: {:?} {:?}", report.errors, report.stopped);
            assert_eq!(report.tally.already_there, there as u64, "{place}");
            let (here, copies) = (world.source.bodies("INBOX"), world.destination.bodies("INBOX"));
            assert_eq!(texts(copies), texts(here), "{place}");
            assert!(store.left().await.is_empty(), "{place}");
            let report = run(&world, &store, with(1)).await;
            assert_eq!((report.tally.copied, report.tally.already_there), (0, 260), "{place}");
        }
    }
}

/// A run is killed between its intent and its APPEND of messages with these UIDs and sizes, above UID 20.
async fn leave_intent<const N: usize>(world: &World, store: &Slow, messages: [(u32, usize); N]) {
    let fingerprint = store.fingerprint.lock().unwrap().unwrap();
    store.inner.open(fingerprint).await.unwrap();
    let message = |(uid, size)| IntendedMessage { uid, size: size as u64, date: None, identity: None };
    let intent = Intent {
        source: MailboxName::inbox(),
        destination: MailboxName::inbox(),
        destination_uid_validity: world.destination.mail().folder("INBOX").validity,
        destination_uid_next: 21,
        messages: messages.map(message).to_vec(),
    };
    store.inner.intend(vec![intent]).await.unwrap();
    store.inner.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_was_never_appended_is_copied() {
    for capabilities in KINDS {
        let world = World::with(capabilities, 0);
        for n in 0..20 {
            world.source.mail().folder("INBOX").add(unique(n), &[]);
        }
        let store = Slow::new(1);
        run(&world, &store, with(1)).await;
        run(&world, &store, with(1)).await;
        // The run was killed between its intent and its APPEND; what has come since has the size and the date of what it was about
        // to append, and is another message.
        world.source.mail().folder("INBOX").add(unique(20), &[]);
        leave_intent(&world, &store, [(20, unique(19).len()), (21, unique(20).len())]).await;
        world.destination.mail().folder("INBOX").add(unique(99), &[]);
        let report = run(&world, &store, with(1)).await;
        assert_eq!((report.tally.copied, report.tally.already_there), (1, 20), "{capabilities}");
        assert_eq!(report.destination_only, 1, "{capabilities}");
        assert!(store.left().await.is_empty(), "{capabilities}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_folder_with_an_open_intent_is_looked_at() {
    const COUNTS: &str = "IMAP4rev1 UIDPLUS LITERAL+ LIST-EXTENDED LIST-STATUS ENABLE CONDSTORE";
    let world = World::with(COUNTS, 20);
    let store = Slow::new(0);
    run(&world, &store, with(1)).await;
    run(&world, &store, with(1)).await;
    world.destination.mail().log.clear();
    run(&world, &store, with(1)).await;
    assert_eq!(world.destination.count("SELECT"), 0);
    leave_intent(&world, &store, [(21, 100)]).await;
    let report = run(&world, &store, with(1)).await;
    assert_eq!((report.tally.copied, report.tally.already_there), (0, 20));
    assert_eq!(world.destination.count("SELECT"), 1);
    assert!(store.left().await.is_empty());
}
