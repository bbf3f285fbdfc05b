//! What the simulation has found, each in its least form.

use crate::world::*;
use imapsync_core::testing::{Act, Call, Script, Stage};
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
    // 19 bytes are what stands between two bodies: the first message seems to have both.
    for more in [39, 19] {
        let world = World::with(MODERN, 0);
        let headerless = |n: u32| format!("X-Nothing: here\r\n\r\nthe body {n} alone\r\n");
        world.source.mail().folder("INBOX").add(headerless(1), &[]);
        for n in [1, 2] {
            world.destination.mail().folder("INBOX").add(headerless(n), &[]);
        }
        let announces = format!("UID FETCH 4 applied: announce {more} more");
        let fired = world.destination.run_script(&script(&announces));
        let report = world.sync().await;
        assert_eq!(fired.total(), 1);
        assert!(report.is_success(), "{:?} {:?}", report.errors, report.stopped);
        assert_eq!(world.destination.messages("INBOX").len(), 2, "{announces}");
    }
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
    for refused in ["SELECT", "UID STORE"] {
        let world = World::with(MODERN, 2);
        for n in [1, 2] {
            world.destination.mail().folder("INBOX").add(message("INBOX", n), &["\\Flagged"]);
        }
        let refuses =
            move |call: &Call<'_>| call.is(refused) && (call.nth > 1 || !call.line.starts_with("SELECT"));
        world.destination.hook(times(9, refuses, say("{tag} NO not now\r\n")));
        let delete1 = || SyncOptions { delete1: Delete1::Expunge, ..SyncOptions::default() };
        let report = world.run(delete1()).await;
        assert_eq!(report.errors[0].kind(), ErrorKind::Flags);
        assert_eq!(world.source.messages("INBOX").len(), 2);
        world.destination.behave();
        assert!(world.run(delete1()).await.is_success());
        assert!(world.source.messages("INBOX").is_empty());
        assert!(world.destination.messages("INBOX").iter().all(|message| message.flags == ["\\Seen"]));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_read_to_tell_equals_apart_is_known_when_they_are_decided_on() {
    // The first of two equals goes once both have been read: its copy is that of the other.
    let world = World::with(MODERN, 1);
    world.source.mail().folder("INBOX").add(message("INBOX", 1), &[]);
    world.destination.mail().folder("INBOX").add(message("INBOX", 1), &[]);
    world.source.hook(|mail, call| {
        if call.stage == Stage::Applied && call.line.contains("BODY.PEEK[]") {
            mail.folder("INBOX").expunge(|message| message.uid == 1);
        }
        Act::Pass
    });
    world.sync().await;
    assert_eq!(world.source.messages("INBOX").len(), 1);
    assert_eq!(world.destination.messages("INBOX").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_plain_expunge_spares_our_own_marks_that_a_replica_does_not_show() {
    let world = World::new(PLAIN, PLAIN);
    world.source.mail().folder("INBOX").add(message("INBOX", 1), &["\\Deleted"]);
    world.destination.mail().folder("INBOX").add(message("INBOX", 1), &[]);
    world.destination.mail().folder("INBOX").add(message("INBOX", 9), &["\\Deleted"]);
    world.destination.mail().keep_history();
    let fired =
        world.destination.run_script(&script("UID STORE 1 applied: replica 1 change behind for 3600s"));
    let report = world.run(SyncOptions { delete2: true, ..SyncOptions::default() }).await;
    assert_eq!(fired.total(), 1);
    assert_eq!(world.destination.messages("INBOX").len(), 2);
    assert!(report.errors.iter().any(|error| error.kind() == ErrorKind::Delete), "{:?}", report.errors);
}

#[tokio::test(start_paused = true)]
async fn a_date_that_cannot_be_read_is_asked_for_again() {
    let world = World::with(MODERN, 2);
    let spoilt = edit(|text| text.replacen("INTERNALDATE \"", "INTERNALDATE \")", 1));
    world.source.hook(once(|call| call.is("UID FETCH") && call.line.contains("RFC822.SIZE"), spoilt));
    let report = world.sync().await;
    world.assert_copied(&report);
    assert_eq!(world.source.count("UID FETCH 1 (UID FLAGS INTERNALDATE"), 1);
    for (here, there) in world.source.messages("INBOX").iter().zip(world.destination.messages("INBOX")) {
        assert_eq!(there.date, here.date);
    }
}
