//! Every way in which the engine can be broken on purpose is a way to break a promise: one scenario for each, which the
//! engine as it is comes through.

use crate::world::*;
use imapsync_core::sync::broken::{Broken, set};
use imapsync_core::testing::{Act, Call};
use imapsync_core::{Delete1, Report, SyncOptions};
use std::time::Duration;

fn is_body(call: &Call<'_>) -> bool {
    call.line.contains("BODY.PEEK[]")
}

fn delete1(how: Delete1) -> SyncOptions {
    SyncOptions { delete1: how, ..SyncOptions::default() }
}

fn delete2() -> SyncOptions {
    SyncOptions { delete2: true, ..SyncOptions::default() }
}

/// The source's messages are there once each, and nothing else, and the run says so.
fn is_copied(world: &World, report: &Report) -> bool {
    report.is_success() && world.source.bodies("INBOX") == world.destination.bodies("INBOX")
}

/// So many messages are copied, one APPEND is treated like this: is all as it should be?
async fn append_goes_wrong(nth: usize, act: fn() -> Act) -> bool {
    let world = World::with(PLAIN, 5);
    world.destination.hook(once(move |call| call.appends() && call.nth == nth, act));
    let report = world.sync().await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    is_copied(&world, &report)
}

/// The body FETCH of message 2 is always answered like this.
async fn message_two_comes_as(answer: &str) -> (World, Report) {
    let world = World::with(MODERN, 3);
    let wants_two =
        |call: &Call<'_>| is_body(call) && (call.line.contains(" 1:3 ") || call.line.contains(" 2 "));
    world.source.hook(times(99, wants_two, say(answer)));
    let report = world.sync().await;
    (world, report)
}

async fn with_both(source: &[&str], destination: &[&str]) -> bool {
    let world = World::with(MODERN, 0);
    for (server, bodies) in [(&world.source, source), (&world.destination, destination)] {
        for body in bodies {
            server.mail().folder("INBOX").add(body.as_bytes(), &[]);
        }
    }
    let report = world.sync().await;
    let there = world.destination.bodies("INBOX");
    report.is_success() && world.source.bodies("INBOX").iter().all(|body| there.contains(body))
}

/// Whether the promises are kept where this break matters.
async fn is_kept(broken: Broken) -> bool {
    match broken {
        Broken::ResendsWithoutLooking => append_goes_wrong(3, || Act::Lose).await,
        Broken::LooksTooEarly => append_goes_wrong(5, || Act::LoseAndApply(Duration::from_millis(700))).await,
        Broken::CallsLostCopied => append_goes_wrong(3, || Act::Close).await,
        Broken::IgnoresLateArrivals => {
            let world = World::with(MODERN, 4);
            world.destination.mail().folder("INBOX").add(message("INBOX", 1), &["\\Seen"]);
            let destination = world.destination.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                destination.mail().folder("INBOX").add(message("INBOX", 2), &["\\Seen"]);
            });
            let report = world.sync().await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            is_copied(&world, &report)
        }
        Broken::DeletesUnacknowledged => {
            let world = World::with(MODERN, 3);
            let before = world.source.bodies("INBOX");
            world.destination.hook(times(
                99,
                |call| call.appends() && call.nth == 2,
                say("{tag} NO never\r\n"),
            ));
            world.run(delete1(Delete1::Expunge)).await;
            let left = [world.source.bodies("INBOX"), world.destination.bodies("INBOX")].concat();
            before.iter().all(|body| left.contains(body))
        }
        Broken::DeletesDespiteFailures => {
            let world = World::with(MODERN, 3);
            world.destination.mail().folder("INBOX").add(message("old", 1), &[]);
            world.source.hook(times(99, is_body, say("{tag} NO corrupted\r\n")));
            world.run(delete2()).await;
            world.destination.messages("INBOX").len() == 1
        }
        Broken::TrustsShortListing => {
            let world = World::with(MODERN, 3);
            world.destination.mail().folder("INBOX").add(message("INBOX", 3), &[]);
            let short =
                edit(|text| text.split_inclusive("\r\n").filter(|line| !line.contains("UID 3 ")).collect());
            world.source.hook(times(99, |call| call.line.contains("RFC822.SIZE"), short));
            world.run(delete2()).await;
            world.destination.bodies("INBOX").contains(&message("INBOX", 3))
        }
        Broken::KeepsUidsOfAnotherFolder => {
            let world = World::with(MODERN, 3);
            world.source.hook(|state, call| {
                if call.is("SELECT") {
                    let folder = state.folder("INBOX");
                    folder.validity += 1;
                    folder.messages.iter_mut().for_each(|one| one.body = message("another", 1).into());
                }
                Act::Pass
            });
            world.run(delete1(Delete1::Expunge)).await;
            world.source.messages("INBOX").len() == 3
        }
        Broken::WritesBehindFailedSelect | Broken::ReadsBehindFailedSelect => {
            let world = World::with(MODERN, 3);
            world.fill("Work", 3);
            let verb = if broken == Broken::WritesBehindFailedSelect { "SELECT" } else { "EXAMINE" };
            let wanted = move |call: &Call<'_>| call.is(verb) && call.line.contains("Work");
            world.source.hook(times(99, wanted, say("{tag} NO not at present\r\n")));
            world.destination.hook(once(|call| call.appends() && call.nth == 2, say("{tag} NO never\r\n")));
            world.run(delete1(Delete1::Expunge)).await;
            let work = world.destination.bodies("Work");
            let all_work = (1..=3).map(|n| message("Work", n)).collect::<Vec<_>>();
            world.source.messages("INBOX").len() == 1 && work.iter().all(|body| all_work.contains(body))
        }
        Broken::StoresHalfMessage => {
            let world = World::with(MODERN, 0);
            world.source.mail().folder("INBOX").add(large(1, 100_000), &[]);
            let cut = || {
                Act::EditAndClose(Box::new(|mut bytes| {
                    bytes.truncate(bytes.len() / 2);
                    bytes
                }))
            };
            world.source.hook(once(is_body, cut));
            let report = world.run(small_memory()).await;
            is_copied(&world, &report)
        }
        Broken::StoresEmptyMessage => {
            let (world, _) = message_two_comes_as("* 2 FETCH (UID 2 BODY[] \"\")\r\n{tag} OK\r\n").await;
            !world.destination.bodies("INBOX").contains(&Vec::new())
        }
        Broken::CallsUnreadVanished => {
            let (world, report) = message_two_comes_as("* 2 FETCH (UID 2 BODY[] NIL)\r\n{tag} OK\r\n").await;
            !report.is_success() || is_copied(&world, &report)
        }
        Broken::ExpungesAll => {
            let world = World::with(MODERN, 3);
            world.source.hook(|state, call| {
                if call.is("SELECT") && call.nth == 1 {
                    state.folder("INBOX").add(message("other", 1), &["\\Deleted"]);
                }
                Act::Pass
            });
            world.run(delete1(Delete1::Expunge)).await;
            world.source.messages("INBOX").len() == 1
        }
        Broken::MatchesBySize => {
            with_both(&["Message-Id: <a@x>\r\n\r\none\r\n"], &["Message-Id: <b@x>\r\n\r\ntwo\r\n"]).await
        }
        Broken::CollapsesTwins => {
            let twins = ["Message-Id: <a@x>\r\n\r\none\r\n", "Message-Id: <a@x>\r\n\r\ntwo\r\n"];
            with_both(&twins, &[]).await && with_both(&twins, &["Message-Id: <b@x>\r\n\r\nthree\r\n"]).await
        }
        Broken::CarriesOwnMark => {
            let world = World::with(MODERN, 3);
            world.run(delete1(Delete1::Mark)).await;
            world.run(delete1(Delete1::Mark)).await;
            let copies = world.destination.messages("INBOX");
            !copies.iter().any(|copy| copy.flags.contains(&"\\Deleted".to_owned()))
        }
        Broken::WipesUnreadableFlags => {
            let world = World::with(MODERN, 1);
            world.destination.mail().folder("INBOX").add(message("INBOX", 1), &["\\Seen"]);
            let spoilt = edit(|text| text.replace("FLAGS (\\Seen)", "FLAGS 7"));
            world.source.hook(times(99, |call| call.line.contains("RFC822.SIZE"), spoilt));
            world.sync().await;
            world.destination.messages("INBOX")[0].flags == ["\\Seen"]
        }
        Broken::HidesFailures => {
            let world = World::with(MODERN, 3);
            world.destination.hook(times(
                99,
                |call| call.appends() && call.nth == 2,
                say("{tag} NO never\r\n"),
            ));
            !world.sync().await.is_success()
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_break_breaks_a_promise_that_is_kept_without_it() {
    for broken in Broken::ALL {
        assert!(is_kept(broken).await, "{broken:?}: without the break");
        let _guard = set(broken);
        assert!(!is_kept(broken).await, "{broken:?}: the break changes nothing");
    }
}
