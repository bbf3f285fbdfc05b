//! Servers that answer with OK and are not to be believed: what is missing, changed or less than before deletes nothing.

use crate::world::*;
use imapsync_core::testing::{Act, Call, Mail, Server};
use imapsync_core::{Delete1, ErrorKind, SyncOptions};

fn delete1() -> SyncOptions {
    SyncOptions { delete1: Delete1::Expunge, ..SyncOptions::default() }
}

fn delete2() -> SyncOptions {
    SyncOptions { delete2: true, ..SyncOptions::default() }
}

fn is_listing(call: &Call<'_>) -> bool {
    call.line.contains("RFC822.SIZE")
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_changes_between_listing_and_reading_is_not_read() {
    // Twins have to be read to tell them apart; in the folder that is there by then they are the same message.
    let twin = |text: &str| format!("Message-Id: <twin@x>\r\n\r\n{text}\r\n").into_bytes();
    for changes in [true, false] {
        let world = World::with(MODERN, 0);
        for text in ["first", "other"] {
            world.source.mail().folder("INBOX").add(twin(text), &[]);
        }
        world.destination.mail().folder("INBOX").add(twin("first"), &[]);
        let same = twin("first");
        world.source.hook(move |state, call| {
            if call.is("EXAMINE") && call.nth == 2 {
                let folder = state.folder("INBOX");
                folder.validity += u32::from(changes);
                folder.messages[1].body = same.as_slice().into();
            }
            Act::Pass
        });
        let report = world.sync().await;
        assert_eq!(report.is_success(), !changes, "{:?}", report.errors);
    }
}

#[tokio::test(start_paused = true)]
async fn flags_that_the_server_does_not_set_are_told_once() {
    // How many of the three STOREs are ignored, and what is stored then.
    type Spoil = fn(&mut Mail, &Call<'_>) -> Act;
    let ignores: Spoil = |_, call| match call.is("UID STORE") {
        true => Act::Say("{tag} OK done\r\n".into()),
        false => Act::Pass,
    };
    let keeps_one_back: Spoil = |state, call| {
        if call.is("UID FETCH") && call.line.contains("RFC822.SIZE") && call.nth > 2 {
            state.folder("INBOX").messages[0].flags = vec!["\\Answered".to_owned()];
        }
        Act::Pass
    };
    for (spoil, changed, told) in [(ignores, 0, "1:3"), (keeps_one_back, 2, "messages 1 ")] {
        let world = World::with(MODERN, 3);
        for n in 1..=3 {
            world.destination.mail().folder("INBOX").add(message("INBOX", n), &["\\Draft"]);
        }
        world.destination.hook(spoil);
        let report = world.sync().await;
        assert_eq!((report.errors.len(), report.errors[0].kind()), (1, ErrorKind::Flags));
        assert_eq!(report.errors[0].folder(), Some("INBOX"));
        assert!(report.errors[0].to_string().contains(told), "{}", report.errors[0]);
        assert_eq!(report.flags_changed, changed);
        assert_eq!(world.destination.count("UID STORE"), 1, "not again in the same run");
        world.destination.behave();
        assert!(world.sync().await.is_success());
        assert!(world.destination.messages("INBOX").iter().all(|one| one.flags == ["\\Seen"]));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_to_a_folder_that_is_read_only() {
    for capabilities in [MODERN, PLAIN] {
        let world = World::with(capabilities, 3);
        world.fill("Work", 2);
        world.destination.mail().folder("INBOX").add(message("INBOX", 1), &["\\Seen"]);
        world.destination.mail().folder("INBOX").read_only = true;
        let report = world.run(delete1()).await;
        assert_eq!((report.tally.copied, report.tally.failed, report.tally.already_there), (2, 2, 1));
        assert!(report.errors[0].to_string().contains("read-only"), "{}", report.errors[0]);
        assert_eq!((report.errors.len(), report.errors[0].folder()), (1, Some("INBOX")));
        assert!(!world.destination.mail().log.iter().any(|line| line.starts_with("APPEND \"INBOX\"")));
        assert_eq!(world.destination.messages("INBOX").len(), 1);
        let left: Vec<u32> = world.source.messages("INBOX").iter().map(|one| one.uid).collect();
        assert_eq!(left, [2, 3]);
        // Where there is nothing to put, read-only is no fault.
        world.source.mail().folder("INBOX").messages.clear();
        world.source.mail().folder("INBOX").add(message("INBOX", 1), &["\\Seen"]);
        assert!(world.sync().await.is_success());
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_exists_is_counted_in_another_way_or_nothing_is_deleted() {
    let without_exists =
        || edit(|text| text.split_inclusive("\r\n").filter(|line| !line.contains("EXISTS")).collect());
    for status_works in [true, false] {
        for on_source in [true, false] {
            for options in [delete1(), delete2()] {
                let world = World::with(MODERN, 3);
                for body in [message("INBOX", 1), message("old", 1)] {
                    world.destination.mail().folder("INBOX").add(body.as_slice(), &["\\Seen"]);
                }
                let server = if on_source { &world.source } else { &world.destination };
                server.hook(times(99, |call| call.is("SELECT") || call.is("EXAMINE"), without_exists()));
                if !status_works {
                    server.hook(times(99, |call| call.is("STATUS"), say("{tag} NO no\r\n")));
                }
                let report = world.run(options.clone()).await;
                let what = format!("{status_works} {on_source} {} {:?}", options.delete2, report.errors);
                assert_eq!(report.is_success(), status_works, "{what}");
                let there = world.destination.bodies("INBOX");
                let left = [world.source.bodies("INBOX"), there.clone()].concat();
                assert!((1..=3).all(|n| left.contains(&message("INBOX", n))), "{what}");
                assert_eq!(there.iter().filter(|body| **body == message("INBOX", 1)).count(), 1, "{what}");
                if !status_works {
                    assert_eq!(report.deleted, [0, 0], "{what}");
                } else {
                    assert_eq!(report.deleted, if options.delete2 { [0, 1] } else { [3, 0] }, "{what}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_lacks_messages_on_either_side_deletes_nothing() {
    for on_source in [true, false] {
        for uid in 1..=3 {
            for options in [delete1(), delete2()] {
                let world = World::with(MODERN, 3);
                for body in [message("INBOX", 1), message("INBOX", 3), message("old", 1)] {
                    world.destination.mail().folder("INBOX").add(body.as_slice(), &["\\Seen"]);
                }
                let server = if on_source { &world.source } else { &world.destination };
                server.hook(times(99, is_listing, edit(move |text| without(&text, uid))));
                let before = world.destination.bodies("INBOX");
                let report = world.run(options).await;
                assert!(!report.is_success(), "{on_source} {uid}");
                assert_eq!((report.deleted, world.source.messages("INBOX").len()), ([0, 0], 3));
                let there = world.destination.bodies("INBOX");
                assert!(before.iter().all(|body| there.contains(body)), "{on_source} {uid}");
                server.behave();
                assert!(world.sync().await.is_success());
                assert_eq!(world.destination.messages("INBOX").len(), 4, "{on_source} {uid}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_listed_in_pieces_is_put_together() {
    // Changes of the listing; the flags of message 2 then. Somebody may change its flags meanwhile.
    type Change = fn(String) -> String;
    let news: Change = |text| format!("* 2 FETCH (UID 2 FLAGS (\\Seen))\r\n{text}");
    let later: Change = |text| {
        let at = text.rfind("* 3 FETCH").unwrap();
        format!("{}* 2 FETCH (UID 2 FLAGS (\\Flagged))\r\n{}", &text[..at], &text[at..])
    };
    let in_pieces: Change = |text| {
        let apart = |line: &str| match line.split_once(" FETCH (UID ") {
            Some((number, rest)) => {
                let (uid, rest) = rest.split_once(' ').unwrap();
                let (flags, rest) = rest.split_once(") ").unwrap();
                let (date, size) = rest.split_once("\" ").unwrap();
                let mut pieces =
                    [format!("{flags})"), format!("{date}\""), size.trim_end_matches(")\r\n").to_owned()];
                pieces.rotate_left(uid.parse().unwrap());
                pieces.map(|piece| format!("{number} FETCH (UID {uid} {piece})\r\n")).concat()
            }
            None => line.to_owned(),
        };
        text.split_inclusive("\r\n").map(apart).collect()
    };
    let for_another: Change = |text| format!("* 9 FETCH (UID 9 FLAGS (\\Flagged))\r\n{text}");
    for (change, flags) in
        [(news, "\\Seen"), (later, "\\Flagged"), (in_pieces, "\\Seen"), (for_another, "\\Seen")]
    {
        let world = World::with(MODERN, 3);
        world.source.hook(times(1, is_listing, edit(change)));
        let report = world.sync().await;
        world.assert_copied(&report);
        let copies = world.destination.messages("INBOX");
        assert!(copies.iter().all(|copy| &*copy.date == "01-Jan-2020 12:00:00 +0000"), "{copies:?}");
        assert_eq!([&copies[0].flags[..], &copies[1].flags[..]].concat(), ["\\Seen", flags]);
        assert_eq!(report.tally.bytes.copied, copies.iter().map(|copy| copy.body.len()).sum::<u64>());
    }
}

/// From the second connection on the folder is as it was when it held so many messages.
fn goes_back(server: &Server, messages: usize) {
    let mut done = false;
    server.hook(move |state, call| {
        if call.is("LOGIN") && call.connection == 2 && !done {
            done = true;
            let folder = state.folder("INBOX");
            folder.messages.truncate(messages);
            folder.next = messages as u32 + 1;
        }
        Act::Pass
    });
}

#[tokio::test(start_paused = true)]
async fn a_source_that_comes_back_with_less_deletes_nothing_over_there() {
    // Lost before the listing, or while bodies are read; everything is over there already but message 6.
    type When = fn(&Call<'_>) -> bool;
    let table: [When; 2] = [|call| call.is("EXAMINE"), |call| call.line.contains("BODY.PEEK[]")];
    for when in table {
        let world = World::with(MODERN, 5);
        assert!(world.sync().await.is_success());
        world.source.mail().connections = 0;
        world.source.mail().folder("INBOX").add(message("INBOX", 6), &["\\Seen"]);
        world.destination.mail().folder("INBOX").add(message("old", 1), &[]);
        world.source.hook(once(when, || Act::Close));
        goes_back(&world.source, 3);
        let report = world.run(delete2()).await;
        assert_eq!((report.deleted, world.destination.messages("INBOX").len()), ([0, 0], 6));
        assert!(!report.is_success());
        assert!(report.errors.iter().any(|error| error.to_string().contains("fewer")), "{:?}", report.errors);
    }
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_comes_back_with_less_keeps_the_source() {
    for nth in [2, 5] {
        let world = World::with(MODERN, 5);
        world.destination.hook(once(move |call| call.appends() && call.nth == nth, || Act::Lose));
        goes_back(&world.destination, 0);
        let report = world.run(delete1()).await;
        assert!(!report.is_success(), "{nth}");
        assert!(report.errors[0].to_string().contains("acknowledged"), "{nth} {:?}", report.errors);
        assert_eq!((report.deleted, world.source.messages("INBOX").len()), ([0, 0], 5), "{nth}");
        assert!(world.run(delete1()).await.is_success());
        assert_eq!(world.destination.messages("INBOX").len(), 5);
    }
}

#[tokio::test(start_paused = true)]
async fn case_109_one_and_the_same_folder_on_both_sides_keeps_everything() {
    let options = [
        delete1(),
        SyncOptions { delete1: Delete1::Mark, ..SyncOptions::default() },
        SyncOptions { expunge1: true, ..SyncOptions::default() },
        delete2(),
        SyncOptions::default(),
    ];
    for (n, options) in options.into_iter().enumerate() {
        let world = World::one(MODERN);
        world.fill("INBOX", 4);
        // A duplicate, and one that somebody has marked.
        world.source.mail().folder("INBOX").add(message("INBOX", 2), &["\\Seen"]);
        world.source.mail().folder("INBOX").add(message("INBOX", 9), &["\\Deleted"]);
        // But for the times of their changes: that it is one folder was found out with a mark.
        let held = || -> Vec<_> {
            let messages = world.source.messages("INBOX").into_iter();
            messages.map(|message| (message.uid, message.flags, message.body)).collect()
        };
        let before = held();
        let report = world.run(options).await;
        assert_eq!(held(), before, "{n}");
        assert_eq!((report.tally.copied, report.deleted, report.is_success()), (0, [0, 0], n == 4), "{n}");
        if n < 4 {
            assert!(report.errors[0].to_string().contains("one and the same"), "{}", report.errors[0]);
        }
    }
    // Two folders with all that in common are two folders.
    let world = World::twins(MODERN);
    for server in [&world.source, &world.destination] {
        for n in 1..=4 {
            server.mail().folder("INBOX").add(message("INBOX", n), &["\\Seen"]);
        }
    }
    let report = world.run(delete1()).await;
    assert!(report.is_success(), "{:?}", report.errors);
    assert_eq!((world.source.messages("INBOX").len(), world.destination.messages("INBOX").len()), (0, 4));
    assert!(world.destination.messages("INBOX").iter().all(|message| message.flags == ["\\Seen"]));
    // Another folder of the same account is another folder.
    let world = World::one(MODERN);
    world.fill("INBOX", 4);
    let mut options = delete1();
    options.mapping.f1f2 = vec![("INBOX".into(), "Archive".into())];
    options.folders.folders = vec!["INBOX".into()];
    let report = world.run(options).await;
    assert!(report.is_success(), "{:?}", report.errors);
    assert_eq!((world.source.messages("INBOX").len(), world.source.messages("Archive").len()), (0, 4));
}
