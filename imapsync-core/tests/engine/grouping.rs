//! Several messages in one APPEND (MULTIAPPEND, RFC 3502): how they are grouped, refused, lost and split.

use crate::world::*;
use imapsync_core::testing::{Act, Stage};
use imapsync_core::{ErrorKind, SyncOptions};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Every kind of server that takes groups.
const KINDS: [&str; 4] = [
    GROUPS,
    "IMAP4rev1 LITERAL+ MULTIAPPEND",
    "IMAP4rev1 UIDPLUS MULTIAPPEND",
    "IMAP4rev1 UIDPLUS LITERAL- MULTIAPPEND",
];

/// The number of APPENDs that the destination has seen in full.
fn counted(world: &World) -> Arc<Mutex<usize>> {
    let count = Arc::new(Mutex::new(0));
    let counter = count.clone();
    world.destination.hook(move |_, call| {
        *counter.lock().unwrap() += usize::from(call.appends());
        Act::Pass
    });
    count
}

#[tokio::test(start_paused = true)]
async fn messages_travel_in_groups() {
    for capabilities in KINDS {
        let world = World::with(capabilities, 250);
        let appends = counted(&world);
        let report = world.sync().await;
        world.assert_copied(&report);
        // Where each message waits for the server's `+` fewer are read ahead.
        let wanted = if capabilities.contains("LITERAL") { 3..=3 } else { 4..=8 };
        assert!(wanted.contains(&*appends.lock().unwrap()), "{capabilities}: {}", appends.lock().unwrap());
        assert!(world.destination.mail().offences.is_empty(), "{:?}", world.destination.mail().offences);
        world.assert_settled().await;
    }
    // Without the capability each goes by itself.
    let world = World::with(MODERN, 250);
    let appends = counted(&world);
    world.assert_copied(&world.sync().await);
    assert_eq!(*appends.lock().unwrap(), 250);
}

#[tokio::test(start_paused = true)]
async fn a_group_holds_no_more_bytes_than_memory_allows() {
    let world = World::with(GROUPS, 0);
    for n in 0..80 {
        world.source.mail().folder("INBOX").add(large(n, 100_000), &[]);
    }
    let appends = counted(&world);
    world.assert_copied(&world.sync().await);
    assert_eq!(*appends.lock().unwrap(), 2, "4 MiB at a time");
    // The large ones stream, each alone; the small ones around them go together.
    let world = World::with(GROUPS, 20);
    world.source.mail().folder("INBOX").add(large(1, 40_000), &[]);
    world.fill("INBOX", 20);
    world.assert_copied(&world.run(SyncOptions { sync_duplicates: true, ..small_memory() }).await);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_refused_is_split_until_the_message_to_blame_stands_alone() {
    for capabilities in KINDS {
        for refusal in ["no such message here", "[CANNOT] not this"] {
            let world = World::with(capabilities, 76);
            world.source.mail().folder("INBOX").add(large(77, 3000), &[]);
            world.fill("Other", 3);
            world.fill("INBOX", 130);
            world.destination.mail().quirks.too_big = Some((2000, refusal));
            let options = SyncOptions { sync_duplicates: true, ..SyncOptions::default() };
            let report = world.run(options).await;
            assert_eq!((report.tally.copied, report.tally.failed), (209, 1), "{capabilities} {refusal}");
            let [failed] = report.named.as_slice() else { panic!("{:?}", report.named) };
            assert_eq!(failed.uid, 77, "{capabilities} {refusal}");
            assert_eq!(report.errors.len(), 1, "{:?}", report.errors);
            assert!(report.errors[0].to_string().contains("UID 77"), "{}", report.errors[0]);
            assert_eq!(world.destination.bodies("INBOX").len(), 206);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_understand_groups_after_all_gets_single_messages() {
    for capabilities in KINDS {
        let world = World::with(capabilities, 130);
        let appends = counted(&world);
        world.destination.hook(once(|call| call.appends(), || Act::Say("{tag} BAD what\r\n".into())));
        world.assert_copied(&world.sync().await);
        let appends = *appends.lock().unwrap();
        // Two groups, and the first one again; or one, and everything.
        assert!([2 + 100, 1 + 130].contains(&appends), "{capabilities}: {appends}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_whose_reply_is_lost_is_in_doubt_as_a_whole() {
    for capabilities in KINDS {
        for nth in 1..=3 {
            for act in [|| Act::Lose, || Act::Close, || Act::LoseAndApply(Duration::from_millis(700))] {
                let world = World::with(capabilities, 250);
                world.destination.hook(once(move |call| call.appends() && call.nth == nth, act));
                let report = world.sync().await;
                world.assert_copied(&report);
                assert_eq!(report.tally.copied, 250, "{capabilities} {nth}");
                world.assert_settled().await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_keeps_half_a_group_gets_nothing_twice() {
    // The connection breaks in the middle of the group, and what had come is kept, against RFC 3502.
    for kept in [1, 40, 99] {
        let world = World::with(GROUPS, 100);
        let bodies = world.source.bodies("INBOX");
        let mut once = true;
        world.destination.hook(move |mail, call| {
            if once && call.line.starts_with("APPEND") && matches!(call.stage, Stage::Part(_)) {
                once = false;
                for body in &bodies[..kept] {
                    mail.folder("INBOX").add(body.as_slice(), &["\\Seen"]);
                }
                return Act::Close;
            }
            Act::Pass
        });
        let report = world.sync().await;
        world.assert_same("INBOX");
        assert!(report.is_success(), "{:?}", report.errors);
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_refused_for_quota_or_for_now_is_not_split() {
    let world = World::with(GROUPS, 100);
    let appends = counted(&world);
    world.destination.hook(|_, call| match call.appends() {
        true => Act::Say("{tag} NO [OVERQUOTA] full\r\n".into()),
        false => Act::Pass,
    });
    let report = world.sync().await;
    assert_eq!((report.tally.copied, report.tally.failed), (0, 100));
    assert!(report.errors.iter().all(|error| error.kind() == ErrorKind::OverQuota), "{:?}", report.errors);
    assert_eq!(*appends.lock().unwrap(), 1);

    for refusal in [
        "NO [LIMIT] slow down",
        "NO [UNAVAILABLE] later",
        "BAD throttled. Suggested Backoff Time: 2000 milliseconds",
    ] {
        let world = World::with(GROUPS, 100);
        let appends = counted(&world);
        world
            .destination
            .hook(once(|call| call.appends(), move || Act::Say(format!("{{tag}} {refusal}\r\n"))));
        world.assert_copied(&world.sync().await);
        assert_eq!(*appends.lock().unwrap(), 2, "{refusal}");
    }
}
