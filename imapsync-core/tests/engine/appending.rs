//! The destination's side: replies that are lost, refusals of every kind, broken connections.

use crate::world::*;
use imapsync_core::testing::{Act, Stage};
use imapsync_core::{ErrorKind, SyncOptions};
use std::time::Duration;

/// Messages whose APPENDs are hard to tell apart or to find again.
fn difficult() -> Vec<Vec<u8>> {
    vec![
        message("INBOX", 1),
        // No header that identifies it.
        b"X-Nothing: here\r\n\r\nthe body alone\r\n".to_vec(),
        // One key, two messages, of one size and of different ones.
        b"Message-Id: <twin@example.org>\r\n\r\nfirst\r\n".to_vec(),
        b"Message-Id: <twin@example.org>\r\n\r\nsecond\r\n".to_vec(),
        b"Message-Id: <same@example.org>\r\n\r\none\r\n".to_vec(),
        b"Message-Id: <same@example.org>\r\n\r\ntwo\r\n".to_vec(),
        message("INBOX", 2),
    ]
}

fn difficult_world(capabilities: &str) -> World {
    let world = World::with(capabilities, 0);
    for body in difficult() {
        world.source.mail().folder("INBOX").add(body.as_slice(), &[]);
    }
    world
}

#[tokio::test(start_paused = true)]
async fn an_append_whose_reply_is_lost_is_not_repeated() {
    for capabilities in [MODERN, PLAIN, "IMAP4rev1 UIDPLUS", "IMAP4rev1 LITERAL+"] {
        for nth in 1..=difficult().len() {
            for applied in [true, false] {
                let world = difficult_world(capabilities);
                let act = move || if applied { Act::Lose } else { Act::Close };
                world.destination.hook(once(move |call| call.appends() && call.nth == nth, act));
                let report = world.sync().await;
                world.assert_copied(&report);
                assert_eq!(report.tally.copied, 7, "{capabilities} {nth} {applied}");
                assert_eq!(report.reconnections, [0, 1]);
                world.assert_settled().await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn replies_lost_twice_are_told_apart_by_size() {
    // Both twins come into doubt, on two connections, and only the second arrives.
    for capabilities in [MODERN, PLAIN] {
        let world = difficult_world(capabilities);
        world.destination.hook(once(|call| call.appends() && call.nth == 3, || Act::Close));
        world.destination.hook(once(|call| call.appends() && call.nth == 4, || Act::Lose));
        let report = world.sync().await;
        world.assert_copied(&report);
        world.assert_settled().await;
    }
}

#[tokio::test(start_paused = true)]
async fn many_losses_with_many_in_flight() {
    for capabilities in [MODERN, PLAIN] {
        let world = World::with(capabilities, 60);
        world.destination.hook(|_, call| match call.nth % 11 {
            0 if call.appends() => Act::Lose,
            5 if call.appends() => Act::Close,
            _ => Act::Pass,
        });
        let report = world.sync().await;
        world.assert_copied(&report);
        world.assert_settled().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_kills_the_connection_takes_no_other_with_it() {
    let world = World::with(MODERN, 40);
    world.source.mail().folder("INBOX").add(b"Message-Id: <poison@x>\r\n\r\npoison\r\n", &[]);
    world.source.mail().folder("INBOX").add(message("INBOX", 99), &[]);
    world.destination.hook(|_, call| {
        // Only its length tells it at this stage: it is the shortest by far.
        if call.stage == Stage::Line && call.line.starts_with("APPEND") && call.line.ends_with("{34+}") {
            return Act::Close;
        }
        Act::Pass
    });
    let report = world.sync().await;
    assert_eq!(named(&report), ["41 failed"], "{:?}", report.stopped);
    assert_eq!(report.tally.copied, 41);
    assert_eq!(world.destination.messages("INBOX").len(), 41);
    world.destination.behave();
    assert!(world.sync().await.is_success());
    world.assert_same("INBOX");
}

#[tokio::test(start_paused = true)]
async fn an_append_that_is_applied_late_is_waited_for() {
    for nth in [1, 4, 7] {
        let world = difficult_world(PLAIN);
        let late = || Act::LoseAndApply(Duration::from_millis(700));
        world.destination.hook(once(move |call| call.appends() && call.nth == nth, late));
        let report = world.sync().await;
        world.assert_copied(&report);
    }
}

#[tokio::test(start_paused = true)]
async fn a_look_that_fails_sends_nothing_again() {
    // The reply is lost, and then the folder cannot be looked at: it stays unknown, which is said.
    type Spoil = fn(&str) -> bool;
    let table: [Spoil; 2] = [|line| line.starts_with("EXAMINE"), |line| line.starts_with("UID FETCH")];
    for spoil in table {
        let world = difficult_world(PLAIN);
        world.destination.hook(once(|call| call.appends() && call.nth == 3, || Act::Lose));
        world.destination.hook(move |_, call| {
            if call.connection > 1 && call.stage == Stage::Line && spoil(call.line) {
                return Act::Say("{tag} NO not now\r\n".into());
            }
            Act::Pass
        });
        let report = world.sync().await;
        assert!(!report.is_success());
        assert_eq!(named(&report), ["3 failed"]);
        world.assert_same("INBOX");
        world.destination.behave();
        world.assert_settled().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_look_reads_long_headers_too() {
    let mut long = b"Message-Id: <long@example.org>\r\n".to_vec();
    for n in 0..2000 {
        long.extend_from_slice(format!("Received: from host{n}.example.org by another\r\n").as_bytes());
    }
    long.extend_from_slice(b"\r\nbody\r\n");
    let world = World::with(PLAIN, 3);
    world.source.mail().folder("INBOX").add(long.as_slice(), &[]);
    world.destination.hook(once(|call| call.appends() && call.nth == 4, || Act::Lose));
    let report = world.run(small_memory()).await;
    world.assert_copied(&report);
    assert_eq!(world.run(small_memory()).await.tally.copied, 0);
}

#[tokio::test(start_paused = true)]
async fn refusals_before_the_literal() {
    // What is said to the APPEND of the large message; whether it fails for good; copied in the end.
    let table: [(&str, usize, u64); 5] = [
        ("{tag} NO I do not want it\r\n", 1, 4),
        ("{tag} NO [UNAVAILABLE] later\r\n", 1, 5),
        ("{tag} NO [OVERQUOTA] full\r\n", 1, 4),
        ("{tag} BAD what is this\r\n", 1, 5),
        ("{tag} BAD Request is throttled. Suggested Backoff Time: 5000 milliseconds\r\n", 1, 5),
    ];
    for capabilities in [MODERN, PLAIN] {
        for size in [100_000, 2000] {
            for (answer, times_said, copied) in table {
                // Without LITERAL+ a BAD is final: there is no other way to send it.
                let copied = if capabilities == PLAIN && answer.contains("BAD what") { 4 } else { copied };
                let world = World::with(capabilities, 3);
                world.source.mail().folder("INBOX").add(large(1, size), &[]);
                world.source.mail().folder("INBOX").add(message("INBOX", 9), &[]);
                let digits = large(1, size).len().to_string();
                world.destination.hook(times(
                    times_said,
                    move |call| call.is("APPEND") && call.line.contains(&format!("{{{digits}")),
                    say(answer),
                ));
                let report = world.run(small_memory()).await;
                assert_eq!(report.tally.copied, copied, "{capabilities} {size} {answer} {:?}", report.errors);
                assert_eq!(report.tally.failed, 5 - copied);
                assert_eq!(world.destination.messages("INBOX").len() as u64, copied, "{answer}");
                assert_eq!(report.is_success(), copied == 5);
                world.destination.behave();
                assert!(world.run(small_memory()).await.is_success());
                world.assert_same("INBOX");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_message_leaves_nothing_in_the_next_one() {
    // Small enough that all of it is handed out before the refusal comes.
    for capabilities in [MODERN, PLAIN] {
        for answer in ["{tag} NO no\r\n", "{tag} BAD no\r\n", "{tag} NO [UNAVAILABLE] later\r\n"] {
            for sizes in [[30_000, 40_000, 50_000], [200_000, 70_000, 3_000_000]] {
                let world = World::with(capabilities, 2);
                for (n, size) in sizes.into_iter().enumerate() {
                    world.source.mail().folder("INBOX").add(large(n, size), &[]);
                }
                let digits = large(0, sizes[0]).len().to_string();
                let first = move |call: &imapsync_core::testing::Call<'_>| {
                    call.is("APPEND") && call.line.contains(&format!("{{{digits}"))
                };
                world.destination.hook(once(first, say(answer)));
                let report = world.run(small_memory()).await;
                for message in world.destination.messages("INBOX") {
                    assert!(
                        world.source.bodies("INBOX").contains(&message.body.to_bytes().to_vec()),
                        "{capabilities} {answer}"
                    );
                }
                assert!(report.tally.copied >= 4);
                world.destination.behave();
                assert!(world.run(small_memory()).await.is_success());
                world.assert_same("INBOX");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_never_taken_fails_alone() {
    for answer in ["{tag} NO [UNAVAILABLE] later\r\n", "{tag} BAD what\r\n", "{tag} NO no\r\n"] {
        let world = World::with(MODERN, 5);
        let length = message("INBOX", 3).len();
        world.destination.hook(times(
            1000,
            move |call| call.is("APPEND") && call.line.contains(&format!("{{{length}")),
            say(answer),
        ));
        let report = world.sync().await;
        assert_eq!(named(&report), ["3 failed"], "{answer}");
        let error = &report.errors[0];
        assert_eq!((error.kind(), error.uid(), error.folder()), (ErrorKind::Append, Some(3), Some("INBOX")));
        assert!(error.server_text().is_some());
        assert_eq!(world.destination.messages("INBOX").len(), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_account_ends_the_copy() {
    let world = World::with(MODERN, 3000);
    world.destination.hook(|_, call| match call.appends() && call.nth > 100 {
        true => Act::Say("{tag} NO [OVERQUOTA] full\r\n".into()),
        false => Act::Pass,
    });
    let report = world.sync().await;
    assert_eq!((report.tally.copied, report.tally.failed), (100, 2900));
    assert!(report.errors.iter().all(|error| error.kind() == ErrorKind::OverQuota));
    assert_eq!(world.destination.messages("INBOX").len(), 100);
    assert!(world.destination.count("APPEND") < 1400, "{}", world.destination.count("APPEND"));
    world.destination.behave();
    world.assert_copied(&world.sync().await);
}

#[tokio::test(start_paused = true)]
async fn silence_is_a_loss() {
    let world = World::with(MODERN, 20);
    world.destination.hook(once(|call| call.appends() && call.nth == 7, || Act::Hang));
    world.source.hook(once(|call| call.line.contains("BODY.PEEK[]"), || Act::Hang));
    let report = world.sync().await;
    world.assert_copied(&report);
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_never_comes_back_ends_the_run() {
    let world = World::with(MODERN, 20);
    world.destination.hook(|_, call| match call.appends() {
        true => Act::Close,
        false => Act::Pass,
    });
    world.destination.hook(|_, call| match call.connection > 1 {
        true => Act::Close,
        false => Act::Pass,
    });
    let report = world.run(SyncOptions::default()).await;
    assert!(report.stopped.is_some());
    assert_eq!(report.tally.failed, 20);
}
