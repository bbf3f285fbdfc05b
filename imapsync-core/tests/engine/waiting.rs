//! Refusals that time heals: obeyed to the millisecond, and not for ever.

use crate::world::*;
use imapsync_core::testing::{Act, Call, Stage};
use imapsync_core::{Delete1, ErrorKind, SyncOptions};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// Answers the first `refusals` commands that fit with this, and notes when each that fits came.
fn refuse(
    server: &imapsync_core::testing::Server,
    refusals: usize,
    fits: fn(&Call<'_>) -> bool,
    answer: &'static str,
) -> Arc<Mutex<Vec<Instant>>> {
    let seen: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let notes = seen.clone();
    server.hook(move |_, call| {
        if call.stage != Stage::Line || !fits(call) {
            return Act::Pass;
        }
        let mut seen = notes.lock().unwrap();
        seen.push(Instant::now());
        if seen.len() > refusals { Act::Pass } else { Act::Say(answer.into()) }
    });
    seen
}

const THROTTLED: &str = "{tag} BAD Request is throttled. Suggested Backoff Time: 178755 milliseconds\r\n";

fn options() -> SyncOptions {
    SyncOptions { delete1: Delete1::Expunge, ..SyncOptions::default() }
}

/// Three messages in each of two folders; one of each is on the destination, with other flags.
fn world() -> World {
    let world = World::with(MODERN, 3);
    world.fill("Work", 3);
    world.source.mail().folder("New").add(message("New", 1), &[]);
    for folder in ["INBOX", "Work"] {
        world.destination.mail().folder(folder).add(message(folder, 1), &["\\Draft"]);
    }
    world
}

type Fits = fn(&Call<'_>) -> bool;

/// What can be refused, on the source (true) or the destination.
const COMMANDS: [(&str, bool, Fits); 12] = [
    ("LOGIN", true, |call| call.is("LOGIN")),
    ("LOGIN", false, |call| call.is("LOGIN")),
    ("LIST", true, |call| call.is("LIST")),
    ("EXAMINE", true, |call| call.is("EXAMINE")),
    ("EXAMINE of the copy", true, |call| call.is("EXAMINE") && call.nth > 3),
    ("listing", true, |call| call.line.contains("RFC822.SIZE")),
    ("bodies", true, |call| call.line.contains("BODY.PEEK[]")),
    ("SELECT", false, |call| call.is("SELECT")),
    ("CREATE", false, |call| call.is("CREATE")),
    ("APPEND", false, |call| call.is("APPEND")),
    ("STORE", false, |call| call.is("UID STORE")),
    ("EXPUNGE", true, |call| call.is("UID EXPUNGE")),
];

#[tokio::test(start_paused = true)]
async fn a_named_pause_is_kept_to_the_millisecond() {
    for (what, on_source, fits) in COMMANDS {
        let world = world();
        let server = if on_source { &world.source } else { &world.destination };
        let before = [world.source.bodies("INBOX"), world.source.bodies("Work"), world.source.bodies("New")];
        let seen = refuse(server, 1, fits, THROTTLED);
        let report = world.run(options()).await;
        assert!(report.is_success(), "{what}: {:?} {:?}", report.errors, report.stopped);
        for (folder, before) in ["INBOX", "Work", "New"].iter().zip(before) {
            assert!(world.destination.bodies(folder) == before, "{what}: {folder}");
            assert!(world.source.messages(folder).is_empty(), "{what}: {folder}");
        }
        let seen = seen.lock().unwrap();
        let first = seen[0];
        // What was sent along with the refused one came at once; nothing came before the pause was over.
        let later = seen.iter().find(|at| **at > first).expect(what);
        // Before an APPEND is sent again the folder is looked at twice: it may have been stored all the same.
        let looks = Duration::from_secs(u64::from(what == "APPEND"));
        assert_eq!(*later - first, Duration::from_millis(178_755) + looks, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever() {
    for answer in [THROTTLED, "{tag} NO [UNAVAILABLE] the store is away\r\n", "{tag} NO [INUSE] locked\r\n"] {
        for (what, on_source, fits) in COMMANDS {
            let world = world();
            let server = if on_source { &world.source } else { &world.destination };
            refuse(server, usize::MAX, fits, answer);
            let begun = Instant::now();
            match world.try_run(options()).await {
                Ok(report) => assert!(!report.is_success(), "{what}"),
                Err(error) => assert!(error.is_retryable(), "{what}: {error}"),
            }
            assert!(begun.elapsed() < Duration::from_secs(4000), "{what}: {:?}", begun.elapsed());
            let all = [&world.source, &world.destination]
                .map(|s| ["INBOX", "Work", "New"].map(|f| s.bodies(f)).concat());
            let left = all.concat();
            for body in (1..=3).flat_map(|n| [message("INBOX", n), message("Work", n)]) {
                assert!(left.contains(&body), "{what}: lost");
            }
            // When the server has come round, the next run finishes the work.
            server.behave();
            let report = world.run(options()).await;
            assert!(report.is_success(), "{what}: {:?}", report.errors);
            assert_eq!(world.destination.messages("INBOX").len(), 3, "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_while_the_destination_wants_a_pause() {
    let world = World::with(MODERN, 0);
    for n in 0..3000 {
        world.source.mail().folder("INBOX").add(large(n, 2000), &[]);
    }
    let seen = refuse(&world.destination, 1, |call| call.is("APPEND") && call.nth >= 10, THROTTLED);
    let report = world.sync().await;
    world.assert_copied(&report);
    let seen = seen.lock().unwrap();
    let (paused, end) = (seen[0], seen[0] + Duration::from_millis(178_755));
    assert!(!seen.iter().any(|at| *at > paused && *at < end));
    // What was on its way already when the refusal came; 1024 had been asked for.
    let on_their_way = seen.iter().filter(|at| **at == paused).count();
    assert!(on_their_way < 400, "{on_their_way}");
}

#[tokio::test(start_paused = true)]
async fn a_login_is_repeated_only_where_the_password_is_not_to_blame() {
    let table = [
        ("{tag} NO [UNAVAILABLE] down\r\n", 4),
        ("{tag} NO [LIMIT] too many\r\n", 4),
        ("{tag} NO [INUSE] locked\r\n", 4),
        ("{tag} NO [ALERT] Too many simultaneous connections. (Failure)\r\n", 4),
        ("{tag} BAD User is authenticated but not connected.\r\n", 4),
        ("{tag} NO [AUTHENTICATIONFAILED] no\r\n", 1),
        ("{tag} NO [AUTHORIZATIONFAILED] no\r\n", 1),
        ("{tag} NO [EXPIRED] no\r\n", 1),
        ("{tag} NO [ALERT] Too many login failures\r\n", 1),
        ("{tag} NO Login failed, try again\r\n", 1),
        ("{tag} BAD what\r\n", 1),
    ];
    for (answer, logins) in table {
        let world = World::with(MODERN, 2);
        world.destination.hook(times(99, |call| call.is("LOGIN"), say(answer)));
        let error = world.try_run(SyncOptions::default()).await.unwrap_err();
        assert_eq!(world.destination.count("LOGIN"), logins, "{answer}");
        let kind = if logins > 1 { ErrorKind::Unavailable } else { ErrorKind::Authentication };
        assert_eq!((error.kind(), error.is_retryable()), (kind, logins > 1), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_dies_behind_its_login_is_opened_again() {
    for answer in ["* BYE go away\r\n", "{tag} BAD User is authenticated but not connected.\r\n"] {
        for times_said in [2, 99] {
            let world = World::with(MODERN, 2);
            let bye = answer.starts_with("* BYE");
            world.destination.hook(times(
                times_said,
                |call| call.is("LIST"),
                move || match bye {
                    true => Act::EditAndClose(Box::new(|_| b"* BYE go away\r\n".to_vec())),
                    false => Act::Say("{tag} BAD User is authenticated but not connected.\r\n".into()),
                },
            ));
            match world.try_run(SyncOptions::default()).await {
                Ok(report) => {
                    world.assert_copied(&report);
                    assert_eq!(times_said, 2, "{answer}");
                }
                Err(error) => {
                    assert_eq!(times_said, 99, "{error}");
                    assert_eq!(world.destination.count("LOGIN"), 4);
                }
            }
        }
    }
}
