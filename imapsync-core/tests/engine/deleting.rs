//! Deletes on either side: what goes, what must stay.

use crate::world::*;
use imapsync_core::testing::{Act, Message};
use imapsync_core::{Delete1, SyncOptions};

fn delete1(how: Delete1) -> SyncOptions {
    SyncOptions { delete1: how, ..SyncOptions::default() }
}

fn delete2() -> SyncOptions {
    SyncOptions { delete2: true, ..SyncOptions::default() }
}

fn is_marked(message: &Message) -> bool {
    message.flags.iter().any(|flag| flag == "\\Deleted")
}

#[tokio::test(start_paused = true)]
async fn delete1_takes_what_is_over_there() {
    // 1 was there before, 2 and 3 are copied, 4 is a duplicate of 2.
    for capabilities in [MODERN, PLAIN] {
        for how in [Delete1::Mark, Delete1::Expunge] {
            let world = World::with(capabilities, 3);
            world.source.mail().folder("INBOX").add(message("INBOX", 2), &["\\Seen"]);
            world.destination.mail().folder("INBOX").add(message("INBOX", 1), &["\\Seen"]);
            let before = world.source.bodies("INBOX");
            let report = world.run(delete1(how)).await;
            assert!(report.is_success(), "{:?}", report.errors);
            let left = world.source.messages("INBOX");
            match how {
                Delete1::Expunge => assert!(left.is_empty(), "{left:?}"),
                _ => assert!(left.len() == 4 && left.iter().all(is_marked)),
            }
            assert_eq!(report.deleted[0], 4);
            let there = world.destination.messages("INBOX");
            assert_eq!(there.len(), 3);
            assert!(
                there
                    .iter()
                    .all(|message| before.contains(&message.body.to_bytes().to_vec()) && !is_marked(message))
            );
            // And once more: no mark of ours travels.
            assert!(world.run(delete1(how)).await.is_success());
            assert!(!world.destination.messages("INBOX").iter().any(is_marked));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_message_stays_and_the_others_go() {
    for capabilities in [MODERN, PLAIN] {
        for scanned in [false, true] {
            let world = World::with(capabilities, 4);
            if scanned {
                world.destination.mail().folder("INBOX").add(message("INBOX", 1), &["\\Seen"]);
            }
            let length = message("INBOX", 3).len();
            let refused = move |call: &imapsync_core::testing::Call<'_>| {
                call.is("APPEND") && call.line.contains(&format!("{{{length}"))
            };
            world.destination.hook(times(100, refused, say("{tag} NO never\r\n")));
            let report = world.run(delete1(Delete1::Expunge)).await;
            assert_eq!(named(&report), ["3 failed"]);
            let left: Vec<u32> = world.source.messages("INBOX").iter().map(|message| message.uid).collect();
            assert_eq!(left, [3]);
            assert!(!is_marked(&world.source.messages("INBOX")[0]));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn expunge1_takes_only_what_somebody_marked() {
    for capabilities in [MODERN, PLAIN] {
        let world = World::with(capabilities, 3);
        world.source.mail().folder("INBOX").add(message("INBOX", 9), &["\\Deleted"]);
        let options = SyncOptions { expunge1: true, ..SyncOptions::default() };
        let report = world.run(options).await;
        assert!(report.is_success(), "{:?}", report.errors);
        assert_eq!(world.source.messages("INBOX").len(), 3);
        assert_eq!(world.destination.messages("INBOX").len(), 4);
    }
}

/// Mark in one run, expunge in the next: the mark is ours, and must not reach the only copies there will be.
#[tokio::test(start_paused = true)]
async fn the_two_phases_leave_no_mark_on_the_copies() {
    let world = World::with(MODERN, 3);
    let marked = world.run(delete1(Delete1::Mark)).await;
    assert!(marked.is_success(), "{:?}", marked.errors);
    assert!(world.source.messages("INBOX").iter().all(is_marked));
    let expunged = world.run(SyncOptions { expunge1: true, ..SyncOptions::default() }).await;
    assert!(expunged.is_success(), "{:?}", expunged.errors);
    assert_eq!(world.source.messages("INBOX").len(), 0);
    let copies = world.destination.messages("INBOX");
    assert_eq!(copies.len(), 3);
    assert!(!copies.iter().any(is_marked), "{copies:?}");
}

#[tokio::test(start_paused = true)]
async fn a_read_only_source_keeps_everything() {
    let world = World::with(MODERN, 3);
    world.source.mail().folder("INBOX").read_only = true;
    let report = world.run(delete1(Delete1::Expunge)).await;
    assert!(!report.is_success());
    assert!(report.errors[0].to_string().contains("read-only"), "{}", report.errors[0]);
    assert_eq!(world.source.messages("INBOX").len(), 3);
    assert_eq!((report.tally.copied, report.deleted), (3, [0, 0]));
}

#[tokio::test(start_paused = true)]
async fn without_uidplus_a_foreign_mark_prevents_the_expunge() {
    // Somebody else marks a message that has just arrived, at each place where that can happen.
    for verb in ["SELECT", "UID STORE"] {
        let world = World::with(PLAIN, 3);
        let mut done = false;
        world.source.hook(move |state, call| {
            if call.is(verb) && !done {
                done = true;
                state.folder("INBOX").add(message("other", 1), &["\\Deleted"]);
            }
            Act::Pass
        });
        let report = world.run(delete1(Delete1::Expunge)).await;
        assert!(!report.is_success(), "{verb}");
        assert_eq!(world.source.messages("INBOX").len(), 4, "{verb}");
        assert!(report.errors[0].to_string().contains("UIDPLUS"), "{}", report.errors[0]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_expunge_is_repeated_only_after_another_look() {
    // The EXPUNGE is not carried out, and before the connection is back somebody marks another message.
    for applied in [false, true] {
        let world = World::with(PLAIN, 3);
        world.source.hook(move |state, call| {
            if call.is("EXPUNGE") && call.nth == 1 {
                if !applied {
                    state.folder("INBOX").add(message("other", 1), &["\\Deleted"]);
                    return Act::Close;
                }
                return Act::Lose;
            }
            if applied && call.is("LOGIN") && call.connection == 2 {
                state.folder("INBOX").add(message("other", 1), &["\\Deleted"]);
            }
            Act::Pass
        });
        let report = world.run(delete1(Delete1::Expunge)).await;
        let left = world.source.messages("INBOX");
        assert!(
            left.iter().any(|message| message.body == crate::world::message("other", 1).into()),
            "{applied}"
        );
        assert_eq!(left.len(), if applied { 1 } else { 4 });
        assert_eq!(report.is_success(), applied, "{:?}", report.errors);
    }
}

#[tokio::test(start_paused = true)]
async fn losses_during_deletes_do_not_matter() {
    for verb in ["SELECT", "UID STORE", "UID EXPUNGE"] {
        for act in [|| Act::Lose, || Act::Close] {
            let world = World::with(MODERN, 5);
            world.source.hook(once(move |call| call.is(verb), act));
            let before = world.source.bodies("INBOX");
            let report = world.run(delete1(Delete1::Expunge)).await;
            assert!(report.is_success(), "{verb} {:?}", report.errors);
            assert!(world.source.messages("INBOX").is_empty());
            assert!(world.destination.bodies("INBOX") == before);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn delete2_takes_what_the_source_does_not_have() {
    for capabilities in [MODERN, PLAIN] {
        let world = World::with(capabilities, 3);
        for body in [message("INBOX", 1), message("old", 1), message("old", 2)] {
            world.destination.mail().folder("INBOX").add(body.as_slice(), &[]);
        }
        let report = world.run(delete2()).await;
        world.assert_copied(&report);
        assert_eq!(report.deleted, [0, 2]);
    }
}

#[tokio::test(start_paused = true)]
async fn delete2_takes_nothing_beside_a_failed_message() {
    for from_source in [true, false] {
        let world = World::with(MODERN, 3);
        for body in [message("INBOX", 1), message("old", 1)] {
            world.destination.mail().folder("INBOX").add(body.as_slice(), &[]);
        }
        if from_source {
            let no = say("{tag} NO corrupted\r\n");
            world.source.hook(times(100, |call| call.line.contains("BODY.PEEK[]"), no));
        } else {
            world.destination.hook(times(100, |call| call.is("APPEND"), say("{tag} NO never\r\n")));
        }
        let report = world.run(delete2()).await;
        assert!(!report.is_success());
        assert_eq!(world.destination.messages("INBOX").len(), 2);
        assert_eq!(world.destination.count("UID STORE"), 1, "only the flags");
    }
}

#[tokio::test(start_paused = true)]
async fn delete2_with_merged_source_folders() {
    let world = World::with(MODERN, 2);
    world.fill("Work", 2);
    for body in [message("INBOX", 1), message("Work", 1), message("old", 1)] {
        world.destination.mail().folder("All").add(body.as_slice(), &["\\Seen"]);
    }
    let mut options = delete2();
    options.mapping.f1f2 = vec![("INBOX".into(), "All".into()), ("Work".into(), "All".into())];
    let report = world.run(options.clone()).await;
    assert!(report.is_success(), "{:?}", report.errors);
    let mut expected = [world.source.bodies("INBOX"), world.source.bodies("Work")].concat();
    expected.sort();
    assert!(world.destination.bodies("All") == expected);
    assert_eq!(report.deleted, [0, 1]);
    // One of the two cannot be listed: nothing is deleted.
    world.destination.mail().folder("All").add(message("old", 2), &[]);
    world.source.hook(times(
        100,
        |call| call.is("EXAMINE") && call.line.contains("Work"),
        say("{tag} NO not at present\r\n"),
    ));
    let report = world.run(options).await;
    assert!(!report.is_success());
    assert_eq!(world.destination.messages("All").len(), 5);
}

#[tokio::test(start_paused = true)]
async fn messages_that_cannot_be_told_apart_are_not_deleted() {
    // One key, two messages on the source, one on the destination, and nobody may read their bodies.
    let twin = |text: &str| format!("Message-Id: <twin@x>\r\n\r\n{text}\r\n").into_bytes();
    let world = World::with(MODERN, 0);
    for text in ["first one", "second"] {
        world.source.mail().folder("INBOX").add(twin(text), &[]);
    }
    world.destination.mail().folder("INBOX").add(twin("second, and longer"), &[]);
    let no = say("{tag} NO not now\r\n");
    world.source.hook(times(100, |call| call.line.contains("BODY.PEEK[]"), no));
    let report = world.run(delete1(Delete1::Expunge)).await;
    assert!(!report.is_success());
    assert_eq!(world.source.messages("INBOX").len(), 2);
    assert_eq!(report.deleted, [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn the_two_sides_are_never_both_emptied() {
    let world = World::with(MODERN, 2);
    let options = SyncOptions { delete1: Delete1::Mark, delete2: true, ..SyncOptions::default() };
    assert!(world.try_run(options).await.is_err());
    assert_eq!(world.source.mail().connections + world.destination.mail().connections, 0);
}
