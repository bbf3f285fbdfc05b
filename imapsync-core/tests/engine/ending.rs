//! Runs that are cancelled or killed, and the bounds that hold meanwhile.

use crate::world::*;
use imapsync_core::testing::{Act, Stage};
use imapsync_core::{Delete1, ErrorKind, SyncOptions};
use std::collections::BTreeSet;
use std::time::Duration;

/// Messages of all kinds: small, one that streams, one without headers, a duplicate, twins.
fn mixed(capabilities: &str) -> World {
    let world = World::with(capabilities, 12);
    {
        let mut state = world.source.mail();
        let inbox = state.folder("INBOX");
        inbox.add(large(1, 60_000), &[]);
        inbox.add(b"X-Nothing: here\r\n\r\nthe body alone\r\n", &[]);
        inbox.add(message("INBOX", 3), &[]);
        inbox.add(b"Message-Id: <twin@x>\r\n\r\nfirst\r\n", &[]);
        inbox.add(b"Message-Id: <twin@x>\r\n\r\nsecond\r\n", &[]);
        inbox.add(large(2, 50_000), &[]);
    }
    world.fill("Work", 5);
    world
}

/// Each different message of both folders.
fn contents(world: &World) -> BTreeSet<Vec<u8>> {
    ["INBOX", "Work"].iter().flat_map(|folder| world.source.bodies(folder)).collect()
}

#[track_caller]
fn assert_each_once(world: &World, expected: &BTreeSet<Vec<u8>>, what: &str) {
    let all: Vec<Vec<u8>> =
        ["INBOX", "Work"].iter().flat_map(|folder| world.destination.bodies(folder)).collect();
    let different: BTreeSet<Vec<u8>> = all.iter().cloned().collect();
    assert!(different.is_subset(expected), "{what}: something else was stored");
    assert_eq!(different.len(), expected.len(), "{what}: lost");
    assert_eq!(all.len(), expected.len(), "{what}: doubled");
}

#[tokio::test(start_paused = true)]
async fn killed_anywhere_and_run_again() {
    for (n, capabilities) in [MODERN, PLAIN].into_iter().enumerate() {
        let world = mixed(capabilities);
        world.run(small_memory()).await;
        let whole = world.gauge.moved();
        for seed in seeds(150) {
            let world = mixed(capabilities);
            let expected = contents(&world);
            let delete1 = if seed % 3 == 0 { Delete1::Expunge } else { Delete1::No };
            let options = || SyncOptions { delete1, ..small_memory() };
            let mut at = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ n as u64;
            for _ in 0..3 {
                at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let kill_at = world.gauge.moved() + (at >> 33) % whole;
                world.gauge.tell_at(Some(kill_at));
                tokio::select! {
                    biased;
                    () = world.gauge.reached() => {}
                    report = world.job(options()).run() => { report.unwrap(); }
                }
                world.gauge.tell_at(None);
            }
            let report = world.try_run(options()).await.unwrap();
            assert!(report.is_success(), "{seed} {:?}", report.errors);
            assert_each_once(&world, &expected, &format!("{capabilities} {seed}"));
            if delete1 == Delete1::Expunge {
                assert!(world.source.messages("INBOX").is_empty());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn cancelled_anywhere_and_run_again() {
    let world = mixed(MODERN);
    world.run(small_memory()).await;
    let whole = world.gauge.moved();
    for step in 0..60 {
        let world = mixed(MODERN);
        let expected = contents(&world);
        let job = world.job(small_memory());
        let cancel = job.cancellation();
        world.gauge.tell_at(Some(whole * step / 60 + 1));
        let gauge = world.gauge.clone();
        let (report, ()) = tokio::join!(job.run(), async move {
            gauge.reached().await;
            cancel.cancel();
        });
        match report {
            Ok(report) => {
                assert_eq!(report.tally.total(), report.start[0].messages);
                if let Some(error) = &report.stopped {
                    assert_eq!(error.kind(), ErrorKind::Cancelled);
                }
                assert_eq!(report.is_success(), report.stopped.is_none());
                let there: usize =
                    ["INBOX", "Work"].iter().map(|f| world.destination.messages(f).len()).sum();
                assert_eq!(there as u64, report.tally.copied, "what is reported is there");
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Cancelled),
        }
        assert!(world.run(small_memory()).await.is_success());
        assert_each_once(&world, &expected, &format!("step {step}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ends_between_two_listings_adds_up() {
    // STATUS says that the destination is empty, SELECT does not: the source is listed again, and that fails.
    let world = World::with(MODERN, 5);
    world.destination.mail().folder("INBOX").add(message("INBOX", 9), &[]);
    let empty = |text: String| text.replace("MESSAGES 1", "MESSAGES 0");
    world.destination.hook(times(99, |call| call.is("STATUS"), edit(empty)));
    world.source.hook(times(99, |call| call.is("EXAMINE") && call.nth > 1, || Act::Close));
    let report = world.run(SyncOptions::default()).await;
    assert_eq!((report.tally.failed, report.start[0].messages), (5, 5), "{:?}", report.stopped);
    assert_eq!(report.tally.bytes.total(), report.start[0].bytes);
    assert!(report.stopped.is_some());
}

#[tokio::test(start_paused = true)]
async fn cancelling_does_not_wait_for_a_silent_server() {
    // Whichever server is silent at whichever command: the report comes once the silence has been long enough.
    for verb in ["LOGIN", "LIST", "EXAMINE", "SELECT", "UID FETCH", "APPEND"] {
        let world = World::with(MODERN, 5);
        world.source.hook(times(99, move |call| call.is(verb), || Act::Hang));
        world.destination.hook(times(99, move |call| call.is(verb), || Act::Hang));
        let job = world.job(SyncOptions::default());
        let cancel = job.cancellation();
        let run = tokio::time::timeout(Duration::from_secs(700), job.run());
        let (report, ()) = tokio::join!(run, async move {
            tokio::time::sleep(Duration::from_secs(10)).await;
            cancel.cancel();
        });
        assert!(!report.expect("no report").is_ok_and(|report| report.is_success()), "{verb}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_byte_budget_holds() {
    for (memory, sizes) in [
        (64 * 1024, [3000, 5000, 7000]),
        (1 << 20, [90_000, 2000, 120_000]),
        (16 * 1024, [500, 30_000, 1500]),
    ] {
        let world = World::with(MODERN, 0);
        for n in 0..400 {
            world.source.mail().folder("INBOX").add(large(n, sizes[n % 3]), &[]);
        }
        let report = world.run(SyncOptions { memory, ..SyncOptions::default() }).await;
        world.assert_copied(&report);
        let most = world.gauge.most();
        let bound = memory as i64 + 121_000;
        assert!(most <= bound, "{most} bytes of {memory}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_byte_budget_survives_everything_that_goes_wrong() {
    // Were a share of the budget lost each time, nothing could be asked for in the end.
    for capabilities in [MODERN, PLAIN] {
        let world = World::with(capabilities, 0);
        for n in 0..150 {
            world.source.mail().folder("INBOX").add(large(n, if n % 5 == 0 { 40_000 } else { 3000 }), &[]);
        }
        let mut calls = 0;
        world.destination.hook(move |_, call| {
            if call.stage != Stage::Line || !call.line.starts_with("APPEND") {
                return Act::Pass;
            }
            calls += 1;
            match calls % 9 {
                2 => Act::Say("{tag} NO [UNAVAILABLE] later\r\n".into()),
                5 => Act::Say("{tag} BAD what\r\n".into()),
                7 => Act::Close,
                _ => Act::Pass,
            }
        });
        let mut fetches = 0;
        world.source.hook(move |_, call| {
            fetches += 1;
            if fetches % 7 != 6 || !call.line.contains("BODY.PEEK[]") {
                return Act::Pass;
            }
            Act::EditAndClose(Box::new(|mut bytes: Vec<u8>| {
                bytes.truncate(bytes.len() / 2);
                bytes
            }))
        });
        let memory = 64 * 1024;
        let report = world.run(SyncOptions { memory, ..SyncOptions::default() }).await;
        let there = world.destination.messages("INBOX").len() as u64;
        assert_eq!(there, report.tally.copied, "{:?}", report.stopped);
        assert_eq!(report.tally.copied + report.tally.failed, 150);
        world.source.behave();
        world.destination.behave();
        assert!(world.sync().await.is_success());
        world.assert_same("INBOX");
    }
}

#[tokio::test(start_paused = true)]
async fn many_small_messages_are_asked_for_in_large_windows() {
    let world = World::with(MODERN, 0);
    for n in 0..20_000 {
        world
            .source
            .mail()
            .folder("INBOX")
            .add(format!("Message-Id: <{n}@x>\r\n\r\n{n}\r\n").as_bytes(), &[]);
    }
    let report = world.sync().await;
    assert!(report.is_success());
    assert_eq!(world.destination.messages("INBOX").len(), 20_000);
    assert!(world.source.count("UID FETCH") < 250, "{}", world.source.count("UID FETCH"));
}

/// Seeds of random scenarios: `IMAPSYNC_SEEDS=1000..5000` asks for others than the usual ones.
fn seeds(usual: u64) -> std::ops::Range<u64> {
    let asked = std::env::var("IMAPSYNC_SEEDS").ok();
    let range = asked.as_deref().and_then(|text| text.split_once(".."));
    range.map_or(0..usual, |(from, to)| from.parse().unwrap()..to.parse().unwrap())
}

/// A generator of pseudo-random numbers that gives the same ones each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_goes_wrong_every_message_is_there_once_or_named() {
    for seed in seeds(200) {
        let capabilities = [MODERN, PLAIN, "IMAP4rev1 UIDPLUS", "IMAP4rev1 LITERAL+"][seed as usize % 4];
        let world = mixed(capabilities);
        let expected = contents(&world);
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        if dice.roll(2) == 0 {
            for n in [2, 5] {
                world.destination.mail().folder("INBOX").add(message("INBOX", n), &["\\Seen"]);
            }
        }
        for (server, odds) in [(&world.source, 12 + dice.roll(40)), (&world.destination, 12 + dice.roll(60))]
        {
            let mut dice = Dice(seed ^ odds);
            server.hook(move |_, call| {
                if dice.roll(odds) != 0 || call.line.starts_with("LOGIN") {
                    return Act::Pass;
                }
                let appending = call.line.starts_with("APPEND");
                match dice.roll(7) {
                    0 => Act::Close,
                    1 if !appending || call.appends() => Act::Lose,
                    2 if call.appends() => Act::LoseAndApply(Duration::from_millis(600)),
                    3 if appending && call.stage == Stage::Line => {
                        Act::Say("{tag} NO [UNAVAILABLE] later\r\n".into())
                    }
                    4 if appending && call.stage == Stage::Line => Act::Say("{tag} BAD what\r\n".into()),
                    5 if call.line.contains("BODY.PEEK[]") => {
                        let part = dice.roll(100) as usize;
                        Act::EditAndClose(Box::new(move |mut bytes: Vec<u8>| {
                            bytes.truncate(bytes.len() * part / 100);
                            bytes
                        }))
                    }
                    6 if !appending => Act::Say("{tag} NO not now\r\n".into()),
                    _ => Act::Pass,
                }
            });
        }
        let delete1 = if seed % 3 == 0 { Delete1::Expunge } else { Delete1::No };
        let options = SyncOptions { delete1, ..small_memory() };
        let mut whole = false;
        for round in 0..6 {
            let run = world.job(options.clone()).run();
            let result = tokio::time::timeout(Duration::from_secs(7200), run).await.expect("the run hangs");
            whole = result.as_ref().is_ok_and(imapsync_core::Report::is_success);
            let there: Vec<Vec<u8>> =
                ["INBOX", "Work"].iter().flat_map(|folder| world.destination.bodies(folder)).collect();
            let different: BTreeSet<&Vec<u8>> = there.iter().collect();
            assert_eq!(different.len(), there.len(), "seed {seed} round {round}: doubled");
            assert!(
                there.iter().all(|body| expected.contains(body)),
                "seed {seed}: something else was stored"
            );
            let left = contents(&world);
            for body in &expected {
                assert!(left.contains(body) || different.contains(body), "seed {seed} round {round}: lost");
            }
            if whole {
                assert_eq!(
                    there.len(),
                    expected.len(),
                    "seed {seed} round {round}: a success with something missing"
                );
            }
        }
        if !whole {
            world.source.behave();
            world.destination.behave();
            let report = world.try_run(options).await.unwrap();
            assert!(report.is_success(), "seed {seed} {:?}", report.errors);
        }
        assert_each_once(&world, &expected, &format!("seed {seed}"));
    }
}
