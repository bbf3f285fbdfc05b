//! Folders that cannot be opened, change under our hands, or are missing although listed.

use crate::world::*;
use imapsync_core::testing::Act;
use imapsync_core::{Delete1, SyncOptions};

/// Gives a folder another UIDVALIDITY and other contents, as if it had been deleted and created again.
fn recreate(state: &mut imapsync_core::testing::Mail, name: &str) {
    let folder = state.folder(name);
    folder.validity += 77;
    folder.messages.clear();
    folder.next = 1;
    for n in 100..105 {
        folder.add(message("recreated", n), &[]);
    }
}

#[tokio::test(start_paused = true)]
async fn reads_behind_a_select_that_failed_are_thrown_away() {
    // The old folder stays open and answers for the one that could not be opened, while it is listed or copied.
    for nth in [2, 4] {
        let world = World::with(MODERN, 3);
        world.fill("Work", 2);
        world.destination.mail().folder("Work").add(message("Work", 7), &[]);
        world.source.hook(times(
            50,
            move |call| call.is("EXAMINE") && call.line.contains("Work") && call.nth >= nth,
            say("{tag} NO not at present\r\n"),
        ));
        let options = SyncOptions { delete1: Delete1::Expunge, ..SyncOptions::default() };
        let report = world.run(options).await;
        assert!(!report.is_success());
        assert!(report.errors.iter().all(|error| error.folder() == Some("Work")), "{:?}", report.errors);
        assert_eq!(world.destination.messages("INBOX").len(), 3, "{nth}");
        assert_eq!(world.destination.messages("Work").len(), 1, "{nth}");
        assert_eq!(world.source.messages("Work").len(), 2);
        world.source.behave();
        assert!(world.sync().await.is_success());
        assert_eq!(world.destination.messages("Work").len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_folder_that_becomes_another_is_left_alone() {
    // Between listing and copy; after a reconnection; before the delete.
    type When = fn(&imapsync_core::testing::Call<'_>) -> bool;
    let table: [(When, bool, usize); 3] = [
        (|call| call.is("EXAMINE") && call.nth == 2, false, 0),
        (|call| call.is("EXAMINE") && call.connection == 2, true, 3),
        (|call| call.is("SELECT"), false, 6),
    ];
    for (when, cut, copied) in table {
        let world = World::with(MODERN, 6);
        let mut done = false;
        world.source.hook(move |state, call| {
            if !done && when(call) {
                done = true;
                recreate(state, "INBOX");
            }
            Act::Pass
        });
        if cut {
            let half = || {
                Act::EditAndClose(Box::new(|mut bytes: Vec<u8>| {
                    bytes.truncate(bytes.len() * 6 / 10);
                    bytes
                }))
            };
            world.source.hook(once(|call| call.line.contains("BODY.PEEK[]"), half));
        }
        let report = world.run(SyncOptions { delete1: Delete1::Expunge, ..SyncOptions::default() }).await;
        assert!(!report.is_success());
        assert!(report.errors.iter().any(|error| error.to_string().contains("UIDVALIDITY")));
        assert_eq!(world.source.messages("INBOX").len(), 5, "nothing of the new folder is deleted");
        let there = world.destination.bodies("INBOX");
        assert!(there.iter().all(|body| !body.windows(9).any(|nine| nine == b"recreated")), "{copied}");
        assert!(there.len() >= copied && (cut || there.len() == copied), "{} {copied}", there.len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_destination_folder_that_becomes_another_stops_its_deletes() {
    // What was acknowledged before is gone with the old folder: its originals must stay.
    for connection in [1, 2] {
        for present in [false, true] {
            let world = World::with(MODERN, 30);
            if present {
                for n in 1..=10 {
                    world.destination.mail().folder("INBOX").add(message("INBOX", n), &["\\Seen"]);
                }
            }
            let mut done = false;
            world.destination.hook(move |state, call| {
                let there = state.folder("INBOX").messages.len();
                let at = if connection == 1 {
                    call.is("SELECT") && call.nth == 2
                } else {
                    call.connection == 2 && (call.is("SELECT") || call.is("EXAMINE"))
                };
                if !done && at && there > 0 {
                    done = true;
                    recreate(state, "INBOX");
                }
                Act::Pass
            });
            if connection == 2 {
                world.destination.hook(once(|call| call.appends() && call.nth == 5, || Act::Lose));
            } else if !present {
                continue;
            }
            let report = world.run(SyncOptions { delete1: Delete1::Expunge, ..SyncOptions::default() }).await;
            assert!(!report.is_success(), "{connection} {present}");
            assert!(
                report.errors.iter().any(|error| error.to_string().contains("UIDVALIDITY")),
                "{:?}",
                report.errors
            );
            assert_eq!(world.source.messages("INBOX").len(), 30, "{connection} {present}");
            assert!(world.sync().await.is_success());
            let there = world.destination.bodies("INBOX");
            for body in world.source.bodies("INBOX") {
                assert_eq!(there.iter().filter(|one| **one == body).count(), 1);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_destination_folder_that_is_listed_but_missing_is_created() {
    let world = World::with(MODERN, 2);
    world.fill("Parent", 3);
    world.destination.mail().folder("Parent").ghost = true;
    let report = world.sync().await;
    assert!(report.is_success(), "{:?}", report.errors);
    world.assert_same("INBOX");
    world.assert_same("Parent");
    assert_eq!(world.destination.count("CREATE"), 1);
    world.assert_settled().await;
}

#[tokio::test(start_paused = true)]
async fn a_destination_folder_that_cannot_be_had_is_named_once() {
    let world = World::with(MODERN, 2);
    world.fill("Parent", 3);
    world.destination.mail().folder("Parent").ghost = true;
    world.destination.hook(times(100, |call| call.is("CREATE"), say("{tag} NO not here\r\n")));
    let report = world.sync().await;
    assert_eq!((report.tally.copied, report.tally.failed), (2, 3));
    assert_eq!(report.errors[0].folder(), Some("Parent"));
}

#[tokio::test(start_paused = true)]
async fn a_create_that_finds_the_folder_there() {
    // Somebody creates it, with or without a message in it, between LIST and CREATE.
    for messages in [0, 2] {
        let world = World::with(MODERN, 1);
        world.fill("Work", 3);
        let mut done = false;
        world.destination.hook(move |state, call| {
            if call.is("CREATE") && !done {
                done = true;
                for n in 1..=messages {
                    state.folder("Work").add(message("Work", n), &["\\Seen"]);
                }
                state.folder("Work");
            }
            Act::Pass
        });
        let report = world.sync().await;
        assert!(report.is_success(), "{:?}", report.errors);
        world.assert_same("Work");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_to_create_or_select() {
    for verb in ["CREATE", "SELECT", "STATUS", "LIST", "SUBSCRIBE"] {
        for act in [|| Act::Lose, || Act::Close] {
            let world = World::with(MODERN, 4);
            world.fill("Work", 3);
            world.source.mail().folder("Work").subscribed = true;
            world.destination.hook(once(move |call| call.is(verb), act));
            let report = world.sync().await;
            assert!(report.is_success(), "{verb} {:?}", report.errors);
            world.assert_same("INBOX");
            world.assert_same("Work");
            assert!(world.destination.mail().folder("Work").subscribed);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_folder_line_that_cannot_be_read_is_no_success() {
    let world = World::with(MODERN, 2);
    world.source.hook(once(
        |call| call.is("LIST"),
        edit(|text| format!("* LIST (\\HasNoChildren \"/\" \"Work\r\n{text}")),
    ));
    let report = world.sync().await;
    assert!(!report.is_success());
    assert!(report.errors[0].to_string().contains("list of folders"), "{}", report.errors[0]);
    world.assert_same("INBOX");
}
