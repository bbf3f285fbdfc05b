//! Several pairs of connections: how the work is shared, and servers that take fewer of them or drop some.

use crate::world::*;
use imapsync_core::testing::{Act, Stage};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How many APPENDs each connection of the destination has seen, by its number.
fn appends(world: &World) -> Arc<Mutex<Vec<usize>>> {
    let seen = Arc::new(Mutex::new(vec![0; 64]));
    let counter = seen.clone();
    world.destination.hook(move |_, call| {
        counter.lock().unwrap()[call.connection] += usize::from(call.appends());
        Act::Pass
    });
    seen
}

#[track_caller]
fn assert_all_same(world: &World) {
    for folder in FOLDERS {
        world.assert_same(folder);
    }
}

#[tokio::test(start_paused = true)]
async fn the_folders_are_shared_out() {
    for capabilities in [MODERN, PLAIN, GROUPS] {
        let world = shared_world(capabilities, 300);
        let appends = appends(&world);
        let report = world.run(with(3)).await;
        assert!(report.is_success(), "{:?}", report.errors);
        assert_eq!(report.tally.copied, 1500);
        // In the order of the source: no two connections were in one folder.
        assert_all_same(&world);
        let used = appends.lock().unwrap().iter().filter(|count| **count > 0).count();
        assert_eq!(used, 3, "{capabilities}");
        assert_eq!(report.reconnections, [0, 0]);
        world.assert_settled().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_folder_is_divided() {
    let world = World::with(GROUPS, 0);
    for n in 0..2000 {
        world.source.mail().folder("INBOX").add(large(n, 200 + 40 * n), &[]);
    }
    let appends = appends(&world);
    let report = world.run(with(4)).await;
    assert!(report.is_success(), "{:?}", report.errors);
    let (mut here, mut there) = (world.source.bodies("INBOX"), world.destination.bodies("INBOX"));
    here.sort();
    there.sort();
    assert!(here == there);
    assert!(appends.lock().unwrap().iter().filter(|count| **count > 0).count() > 1);
    world.assert_settled().await;
}

#[tokio::test(start_paused = true)]
async fn the_first_of_several_duplicates_is_the_one_that_is_kept() {
    let world = World::with(GROUPS, 0);
    for n in 0..400 {
        // Every second one is a duplicate of one far away.
        world.source.mail().folder("INBOX").add(large(n % 200, 300), if n < 200 { &["\\Seen"] } else { &[] });
    }
    let report = world.run(with(4)).await;
    assert!(report.is_success(), "{:?}", report.errors);
    assert_eq!((report.tally.copied, report.tally.duplicates), (200, 200));
    assert!(world.destination.mail().folder("INBOX").messages.iter().all(|message| message.has("\\Seen")));
    world.assert_settled().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_fewer_gets_fewer() {
    type Refusal = (Stage, &'static str, fn() -> Act);
    let refusals: [Refusal; 5] = [
        (Stage::Connected, "", || Act::Bye("Too many connections".into())),
        (Stage::Connected, "", || Act::Close),
        (Stage::Line, "LOGIN", || Act::Say("{tag} NO [LIMIT] Maximum number of connections\r\n".into())),
        (Stage::Line, "LOGIN", || Act::Say("{tag} NO [AUTHENTICATIONFAILED] too many\r\n".into())),
        // It is let in, and dropped as soon as it does something.
        (Stage::Line, "SELECT", || Act::Close),
    ];
    for allowed in [1, 2] {
        for (stage, verb, act) in refusals {
            for side in [true, false] {
                let world = shared_world(GROUPS, 130);
                let server = if side { &world.source } else { &world.destination };
                server.hook(move |_, call| {
                    let verb = if verb == "SELECT" && side { "EXAMINE" } else { verb };
                    let one_too_many = call.connection > allowed && call.stage == stage;
                    if one_too_many && call.line.starts_with(verb) { act() } else { Act::Pass }
                });
                let report = world.run(with(3)).await;
                assert!(report.is_success(), "{allowed} {verb} {:?}", report.errors);
                assert_eq!(report.errors.len(), 0);
                assert_eq!(report.reconnections, [0, 0], "{allowed} {verb}");
                assert_all_same(&world);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_one_connection_loses_the_others_bring_over() {
    for capabilities in [MODERN, GROUPS] {
        for connection in 1..=3 {
            for nth in [1, 3] {
                for act in [|| Act::Close, || Act::Lose, || Act::LoseAndApply(Duration::from_millis(600))] {
                    let world = shared_world(capabilities, 130);
                    let mut seen = 0;
                    world.destination.hook(move |_, call| {
                        seen += usize::from(call.appends() && call.connection == connection);
                        if seen == nth && call.appends() && call.connection == connection {
                            seen += 1;
                            return act();
                        }
                        Act::Pass
                    });
                    let report = world.run(with(3)).await;
                    assert!(report.is_success(), "{capabilities} {connection} {nth}: {:?}", report.errors);
                    assert_eq!(report.tally.copied, 650);
                    for folder in FOLDERS {
                        let (mut here, mut there) =
                            (world.source.bodies(folder), world.destination.bodies(folder));
                        here.sort();
                        there.sort();
                        assert!(here == there, "{capabilities} {connection} {nth}");
                    }
                    world.assert_settled().await;
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn all_of_them_may_be_lost_at_once() {
    for side in [true, false] {
        let world = shared_world(GROUPS, 300);
        let server = if side { &world.source } else { &world.destination };
        let mut lost = 0;
        server.hook(move |_, call| {
            let now = call.connection <= 3 && call.stage == Stage::Line && lost < 3;
            let moves = call.line.starts_with("APPEND") || call.line.contains("BODY.PEEK[]");
            if now && moves && call.nth > 4 {
                lost += 1;
                return Act::Close;
            }
            Act::Pass
        });
        let report = world.run(with(3)).await;
        assert!(report.is_success(), "{:?}", report.errors);
        for folder in FOLDERS {
            let (mut here, mut there) = (world.source.bodies(folder), world.destination.bodies(folder));
            here.sort();
            there.sort();
            assert!(here == there);
        }
        world.assert_settled().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_to_wait_gets_fewer() {
    let world = shared_world(GROUPS, 300);
    world.destination.hook(times(
        2,
        |call| call.appends(),
        || Act::Say("{tag} BAD Request is throttled. Suggested Backoff Time: 3000 milliseconds\r\n".into()),
    ));
    let started = tokio::time::Instant::now();
    let report = world.run(with(4)).await;
    assert!(report.is_success(), "{:?}", report.errors);
    assert!(started.elapsed() >= Duration::from_secs(3), "it waits as long as it was told");
    for folder in FOLDERS {
        assert_eq!(world.destination.bodies(folder).len(), 300);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_in_a_divided_folder_is_told_from_what_the_other_connections_stored() {
    for capabilities in ["IMAP4rev1 LITERAL+", GROUPS] {
        for connection in 1..=3 {
            for stored in [true, false] {
                let world = World::with(capabilities, 0);
                for n in 0..1300 {
                    // No two of one size: else one connection would keep them all.
                    world.source.mail().folder("INBOX").add(large(n, 200 + 30 * n), &[]);
                }
                let seen = appends(&world);
                let (shared, mut held, mut lost) = (seen.clone(), false, false);
                world.destination.hook(move |_, call| {
                    let all = shared.lock().unwrap().iter().filter(|count| **count > 0).count() >= 3;
                    if lost || !all || call.connection != connection || !call.line.starts_with("APPEND") {
                        return Act::Pass;
                    }
                    match call.stage {
                        // Its answer is late, and half of it never comes: by then the others have stored theirs, under
                        // higher UIDs, and know that.
                        Stage::Applied if stored && !held => {
                            held = true;
                            Act::Wait(Duration::from_secs(3))
                        }
                        Stage::Half if held => {
                            lost = true;
                            Act::Close
                        }
                        Stage::Literal if !stored => {
                            lost = true;
                            Act::Close
                        }
                        _ => Act::Pass,
                    }
                });
                let report = world.run(with(3)).await;
                assert!(report.is_success(), "{capabilities} {connection}: {:?}", report.errors);
                assert_eq!(report.tally.copied, 1300);
                let used = seen.lock().unwrap().iter().filter(|count| **count > 0).count();
                assert!(used >= 3, "the folder was not divided");
                let (mut here, mut there) = (world.source.bodies("INBOX"), world.destination.bodies("INBOX"));
                here.sort();
                there.sort();
                assert_eq!(there.len(), here.len(), "{capabilities} {connection} {stored}");
                assert!(here == there, "{capabilities} {connection} {stored}");
                world.assert_settled().await;
            }
        }
    }
}
