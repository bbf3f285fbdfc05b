//! The source's side: answers that lack something, have too much, or break off.

use crate::world::*;
use imapsync_core::testing::{Act, Stage};
use imapsync_core::{Delete1, SyncOptions};

fn is_body(line: &str) -> bool {
    line.starts_with("UID FETCH") && line.contains("BODY.PEEK[]")
}

fn is_listing(line: &str) -> bool {
    line.starts_with("UID FETCH") && line.contains("RFC822.SIZE")
}

#[tokio::test(start_paused = true)]
async fn a_source_that_breaks_off_inside_a_message() {
    for size in [3000, 100_000] {
        for part in [1, 30, 50, 75, 99] {
            let world = World::with(MODERN, 3);
            world.source.mail().folder("INBOX").add(large(1, size), &[]);
            world.source.mail().folder("INBOX").add(message("INBOX", 9), &[]);
            let cut = move || {
                Act::EditAndClose(Box::new(move |mut bytes| {
                    bytes.truncate(bytes.len() * part / 100);
                    bytes
                }))
            };
            world.source.hook(times(2, |call| is_body(call.line), cut));
            let report = world.run(small_memory()).await;
            world.assert_copied(&report);
            assert!(report.reconnections[0] >= 1, "{size} {part}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_not_what_was_asked_for() {
    // Each change is made to the first two body answers; all must be copied all the same.
    type Change = fn(String) -> String;
    let table: [(&str, Change); 9] = [
        ("fewer messages", |text| text.replacen("UID 2 ", "UID 4000 ", 1)),
        ("noise", |text| {
            format!(
                "* 9 EXISTS\r\n* 1 FETCH (FLAGS (\\Seen) UID 1)\r\n* 7 RECENT\r\n* OK [ALERT] hello\r\n{text}"
            )
        }),
        ("unreadable lines", |text| format!("* 1 FETCH (UID x\r\n* garbage\r\n{text}")),
        ("messages nobody asked for", |text| {
            format!("* 50 FETCH (UID 5000 BODY[] {{11}}\r\nX: y\r\n\r\nabc)\r\n{text}")
        }),
        ("a message twice", |text| {
            let end = text.find(")\r\n* ").map_or(0, |at| at + 3);
            format!("{}{text}", &text[..end])
        }),
        ("no bodies", |text| {
            let (_, last) = text.trim_end().rsplit_once("\r\n").unwrap();
            format!("* 1 FETCH (UID 1 BODY[] NIL)\r\n* 2 FETCH (UID 2 BODY[] \"\")\r\n{last}\r\n")
        }),
        ("nothing", |text| {
            let (_, last) = text.trim_end().rsplit_once("\r\n").unwrap();
            format!("{last}\r\n")
        }),
        ("refused", |text| {
            let (_, last) = text.trim_end().rsplit_once("\r\n").unwrap();
            last.replace(" OK ", " NO ") + "\r\n"
        }),
        ("an expunge of another", |text| text.replacen("* 1 FETCH", "* 9 EXPUNGE\r\n* 1 FETCH", 1)),
    ];
    for capabilities in [MODERN, PLAIN] {
        for (what, change) in table {
            let world = World::with(capabilities, 5);
            world.source.hook(times(1, |call| is_body(call.line), edit(change)));
            let report = world.sync().await;
            assert!(report.is_success(), "{what}: {:?}", report.errors);
            assert_eq!(report.tally.copied, 5, "{what}");
            world.assert_same("INBOX");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_cannot_be_read_is_named_and_never_deleted() {
    for answer in ["* 2 FETCH (UID 2 BODY[] NIL)\r\n{tag} OK\r\n", "{tag} NO corrupted\r\n"] {
        let world = World::with(MODERN, 4);
        let wants_two = |line: &str| is_body(line) && (line.contains(" 1:4 ") || line.contains(" 2 "));
        world.source.hook(times(100, move |call| wants_two(call.line), say(answer)));
        let report = world.run(SyncOptions { delete1: Delete1::Expunge, ..SyncOptions::default() }).await;
        assert!(!report.is_success());
        assert_eq!(named(&report), ["2 failed"], "{answer}");
        assert!(report.errors[0].to_string().contains("UID 2"), "{}", report.errors[0]);
        assert!(world.source.messages("INBOX").iter().any(|message| message.uid == 2));
        assert_eq!(world.destination.messages("INBOX").len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_vanished_message_is_no_error() {
    for size in [300, 100_000] {
        let world = World::with(MODERN, 3);
        let uid = world.source.mail().folder("INBOX").add(large(1, size), &[]);
        world.source.hook(|state, call| {
            if is_body(call.line) && call.nth > 0 {
                state.folder("INBOX").messages.retain(|message| message.uid != 4);
            }
            Act::Pass
        });
        let report = world.run(small_memory()).await;
        assert!(report.is_success(), "{:?}", report.errors);
        assert_eq!(named(&report), [format!("{uid} vanished")]);
        world.assert_same("INBOX");
    }
}

#[tokio::test(start_paused = true)]
async fn unreadable_flags_are_left_alone() {
    let world = World::with(MODERN, 3);
    world.source.hook(times(
        9,
        |call| is_listing(call.line),
        edit(|text| text.replacen("FLAGS (\\Seen)", "FLAGS (\\Seen \"quoted\" 7(x))", 1)),
    ));
    let report = world.sync().await;
    // The message is copied all the same, and what is missing is said.
    assert_eq!((world.destination.messages("INBOX").len(), report.tally.copied), (3, 3));
    let kinds: Vec<_> = report.errors.iter().map(imapsync_core::Error::kind).collect();
    assert_eq!(kinds, [imapsync_core::ErrorKind::Flags], "{:?}", report.errors);
}

#[tokio::test(start_paused = true)]
async fn a_short_listing_of_the_source_deletes_nothing() {
    for delete2 in [false, true] {
        let world = World::with(MODERN, 5);
        world.destination.mail().folder("INBOX").add(message("INBOX", 3), &[]);
        world.destination.mail().folder("INBOX").add(message("other", 1), &[]);
        world.source.hook(times(
            100,
            |call| is_listing(call.line),
            edit(|text| text.split_inclusive("\r\n").filter(|line| !line.contains("UID 3 ")).collect()),
        ));
        let delete1 = if delete2 { Delete1::No } else { Delete1::Expunge };
        let report = world.run(SyncOptions { delete1, delete2, ..SyncOptions::default() }).await;
        assert!(!report.is_success());
        assert!(report.errors[0].to_string().contains("listing"), "{}", report.errors[0]);
        assert_eq!(report.deleted, [0, 0]);
        assert_eq!(world.source.messages("INBOX").len(), 5);
        assert_eq!(world.source.count("UID STORE") + world.destination.count("UID STORE"), 0);
        assert_eq!(world.destination.messages("INBOX").len(), 6);
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_arrival_does_not_make_up_for_a_missing_row() {
    let world = World::with(MODERN, 5);
    world.destination.mail().folder("INBOX").add(message("INBOX", 1), &[]);
    world.source.hook(times(
        100,
        |call| is_listing(call.line),
        edit(|text| {
            let rest: String =
                text.split_inclusive("\r\n").filter(|line| !line.contains("UID 3 ")).collect();
            format!(
                "* 6 EXISTS\r\n* 6 FETCH (UID 6 FLAGS () INTERNALDATE \"01-Jan-2020 12:00:00 +0000\" RFC822.SIZE 10)\r\n{rest}"
            )
        }),
    ));
    let report =
        world.try_run(SyncOptions { delete1: Delete1::Expunge, ..SyncOptions::default() }).await.unwrap();
    assert!(!report.is_success());
    assert_eq!(world.source.messages("INBOX").len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_cannot_be_listed_gets_no_second_copies() {
    // What is answered to the listing of the destination, to the reading of its headers.
    type Change = fn(String) -> String;
    let refuse: Change = |text| {
        let (_, last) = text.trim_end().rsplit_once("\r\n").unwrap();
        last.replace(" OK ", " NO ") + "\r\n"
    };
    let drop_two: Change = |text| without(&text, 2);
    let table: [(&str, Change, bool); 4] = [
        ("RFC822.SIZE", refuse, true),
        ("RFC822.SIZE", drop_two, true),
        ("HEADER.FIELDS", refuse, true),
        // Its header is asked for again, alone.
        ("HEADER.FIELDS", drop_two, false),
    ];
    for (what, change, fails) in table {
        let world = World::with(MODERN, 4);
        for n in 1..=3 {
            world.destination.mail().folder("INBOX").add(message("INBOX", n), &["\\Seen"]);
        }
        world.destination.hook(times(
            100,
            move |call| call.is("UID FETCH") && call.line.contains(what) && call.line.contains("1:*"),
            edit(change),
        ));
        let report = world.sync().await;
        assert_eq!(report.is_success(), !fails, "{what} {:?}", report.errors);
        let there = world.destination.messages("INBOX").len();
        assert_eq!(there, if fails { 3 } else { 4 }, "{what}");
        world.destination.behave();
        world.assert_copied(&world.sync().await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_whose_headers_come_short_doubles_nothing() {
    for always in [false, true] {
        let world = World::with(MODERN, 4);
        for n in 1..=3 {
            world.destination.mail().folder("INBOX").add(message("INBOX", n), &["\\Seen"]);
        }
        world.source.hook(times(
            if always { 1000 } else { 1 },
            |call| call.is("UID FETCH") && call.line.contains("HEADER.FIELDS"),
            edit(|text| without(&text, 2)),
        ));
        let report = world.sync().await;
        assert!(report.is_success(), "{:?}", report.errors);
        world.assert_same("INBOX");
    }
}

#[tokio::test(start_paused = true)]
async fn duplicates_of_messages_that_fail_are_not_mixed_up() {
    // Two originals fail, each with a duplicate; the duplicates must both be copied.
    let world = World::with(MODERN, 0);
    let (one, two) = (message("INBOX", 1), message("INBOX", 2));
    for body in [&one, &two, &one, &two, &one, &two] {
        world.source.mail().folder("INBOX").add(body, &[]);
    }
    world.source.hook(|_, call| {
        let bad = [" 1:2 ", " 1 ", " 2 "].iter().any(|set| call.line.contains(set));
        if bad && call.stage == Stage::Line && is_body(call.line) {
            return Act::Say("{tag} NO corrupted\r\n".into());
        }
        Act::Pass
    });
    world.destination.mail().folder("INBOX").add(message("other", 1), &[]);
    let report = world.run(SyncOptions { delete1: Delete1::Expunge, ..SyncOptions::default() }).await;
    let there = world.destination.bodies("INBOX");
    assert!(there.contains(&one) && there.contains(&two), "{:?}", report.named);
    assert_eq!(there.len(), 3);
    assert_eq!(report.tally.failed, 2);
}

#[tokio::test(start_paused = true)]
async fn messages_that_share_an_id_are_no_duplicates_on_the_destination() {
    let world = World::with(MODERN, 3);
    let twin = |text: &str| format!("Message-Id: <twin@example.org>\r\n\r\n{text}\r\n");
    for text in ["one", "another"] {
        world.source.mail().folder("INBOX").add(twin(text), &[]);
    }
    let report = world.sync().await;
    world.assert_copied(&report);
    assert_eq!(world.sync().await.destination_duplicates, 0);
    // A true one is.
    world.destination.mail().folder("INBOX").add(twin("one"), &[]);
    assert_eq!(world.sync().await.destination_duplicates, 1);
}
