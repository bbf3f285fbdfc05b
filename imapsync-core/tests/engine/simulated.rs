//! What the simulation has found, each in its least form.

use crate::world::*;
use imapsync_core::testing::Script;
use imapsync_core::{Delete1, ErrorKind, SyncOptions};

fn script(text: &str) -> Script {
    text.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_body_of_another_folder_is_never_stored() {
    // The first literal announces so much that the reply to its FETCH is taken for its end. What comes next is the message
    // with the same UID in the next folder.
    let world = World::with(MODERN, 0);
    world.source.mail().folder("A").add(message("A", 3), &[]);
    world.source.mail().folder("INBOX").add(message("INBOX", 1), &[]);
    world.source.run_script(&script("UID FETCH 3 applied: announce 37 more"));
    let report = world.sync().await;
    assert!(report.is_success(), "{:?} {:?}", report.errors, report.stopped);
    world.assert_same("A");
    world.assert_same("INBOX");
}

#[tokio::test(start_paused = true)]
async fn a_digest_that_cannot_be_read_is_asked_for_again() {
    // Without it the message over there would be unknown, and copied once more.
    let world = World::with(MODERN, 0);
    let headerless = |n: u32| format!("X-Nothing: here\r\n\r\nthe body {n} alone\r\n");
    world.source.mail().folder("INBOX").add(headerless(1), &[]);
    for n in [1, 2] {
        world.destination.mail().folder("INBOX").add(headerless(n), &[]);
    }
    let fired = world.destination.run_script(&script("UID FETCH 4 applied: announce 39 more"));
    let report = world.sync().await;
    assert_eq!(fired.total(), 1);
    assert!(report.is_success(), "{:?} {:?}", report.errors, report.stopped);
    assert_eq!(world.destination.messages("INBOX").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_lags_behind_after_a_loss_is_not_believed_at_once() {
    let world = World::with(MODERN, 2);
    world.destination.mail().keep_history();
    world.sync().await;
    let fired =
        world.destination.run_script(&script("UID FETCH 1 applied: replica 2 changes behind for 400ms"));
    let report = world.sync().await;
    assert_eq!(fired.total(), 1);
    world.assert_copied(&report);
}

#[tokio::test(start_paused = true)]
async fn what_is_marked_for_deletion_is_marked_once() {
    let world = World::with(MODERN, 3);
    let options = || SyncOptions { delete1: Delete1::Mark, ..SyncOptions::default() };
    assert!(world.run(options()).await.is_success());
    assert_eq!(world.source.count("UID STORE"), 1);
    let report = world.run(options()).await;
    assert!(report.is_success());
    assert_eq!((world.source.count("UID STORE"), report.deleted), (1, [0, 0]));
    // One more comes: it alone is marked.
    world.source.mail().folder("INBOX").add(message("INBOX", 4), &[]);
    assert_eq!(world.run(options()).await.deleted, [1, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_mark_on_the_source_is_not_copied_where_it_may_be_our_own() {
    for (options, marked) in [
        (SyncOptions { delete1: Delete1::Expunge, ..SyncOptions::default() }, false),
        (SyncOptions { delete1: Delete1::Mark, ..SyncOptions::default() }, false),
        (SyncOptions { expunge1: true, ..SyncOptions::default() }, false),
        (SyncOptions::default(), true),
    ] {
        let world = World::with(MODERN, 0);
        world.source.mail().folder("INBOX").add(message("INBOX", 1), &["\\Deleted", "\\Seen"]);
        assert!(world.run(options).await.is_success());
        let flags = world.destination.messages("INBOX")[0].flags.clone();
        assert_eq!(flags.contains(&"\\Deleted".to_owned()), marked, "{flags:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_stays_until_its_copy_could_be_given_its_flags() {
    let world = World::with(MODERN, 2);
    for n in [1, 2] {
        world.destination.mail().folder("INBOX").add(message("INBOX", n), &["\\Flagged"]);
    }
    world.destination.hook(times(9, |call| call.is("SELECT") && call.nth > 1, say("{tag} NO not now\r\n")));
    let delete1 = || SyncOptions { delete1: Delete1::Expunge, ..SyncOptions::default() };
    let report = world.run(delete1()).await;
    assert_eq!(report.errors[0].kind(), ErrorKind::Flags);
    assert_eq!(world.source.messages("INBOX").len(), 2);
    world.destination.behave();
    assert!(world.run(delete1()).await.is_success());
    assert!(world.source.messages("INBOX").is_empty());
    assert!(world.destination.messages("INBOX").iter().all(|message| message.flags == ["\\Seen"]));
}
