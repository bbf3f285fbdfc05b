//! What each deed looks like on the wire, at the places where it can be done.

use super::{Kind, Script};
use crate::testing::{Dice, Server};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What a client does that asks for one message and stores another.
const TALK: &str = "a LOGIN u p\r\nb EXAMINE INBOX\r\nc UID FETCH 1 (BODY.PEEK[])\r\n\
    d APPEND INBOX {10+}\r\nX: y\r\n\r\nab\r\ne NOOP\r\n";

/// What is heard in 20 seconds, whether the connection is still there, and the faults that have happened.
async fn hear(script: &str, talk: &str) -> (String, bool, super::Fired, Server) {
    let server = Server::new("IMAP4rev1 LITERAL+");
    server.mail().folder("INBOX").add("A: b\r\n\r\nhello\r\n", &[]);
    let script: Script = script.parse().unwrap();
    let fired = server.run_script(&script);
    let (client, theirs) = tokio::io::duplex(64 * 1024);
    server.serve(theirs);
    let (mut reader, mut writer) = tokio::io::split(client);
    let _ = writer.write_all(talk.as_bytes()).await;
    let mut heard = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(20), reader.read_to_end(&mut heard)).await;
    (String::from_utf8_lossy(&heard).into_owned(), end.is_err(), fired, server)
}

#[tokio::test(start_paused = true)]
async fn each_deed_does_what_it_says() {
    // script, the kind that happens, what is heard, what is not, whether the connection stays, messages in the end
    let table: &[(&str, Kind, &str, &str, bool, usize)] = &[
        ("step 1: drop", Kind::Drop, "", "* OK", false, 1),
        ("connection 1: BYE too many", Kind::Bye, "* BYE too many\r\n", "* OK", false, 1),
        ("connection 1: say \"* OK odd\\r\\n\"", Kind::Said, "* OK odd\r\n", "* OK ready", true, 2),
        ("UID FETCH 1: NO not now", Kind::No, "c NO not now\r\n", "hello", true, 2),
        ("UID FETCH 1 applied: BAD what", Kind::Bad, "c BAD what\r\n", "hello", true, 2),
        ("uid fetch 1 received: reset", Kind::Reset, "b OK", "\nc ", false, 1),
        ("APPEND 1: NO never", Kind::No, "d NO never\r\n", "d OK", true, 1),
        ("APPEND 1 received: NO never", Kind::No, "d NO never\r\n", "d OK", true, 1),
        ("APPEND 1 applied: NO never", Kind::No, "d NO never\r\n", "d OK", true, 2),
        ("APPEND 1: apply, then drop", Kind::NoReply, "c OK", "\nd ", false, 2),
        ("APPEND 1 received: apply, then drop", Kind::NoReply, "c OK", "\nd ", false, 2),
        ("APPEND 1 applied: drop", Kind::NoReply, "c OK", "\nd ", false, 2),
        ("APPEND 1 received: drop", Kind::Drop, "c OK", "\nd ", false, 1),
        ("APPEND 1 replied: drop", Kind::ReplyThenDrop, "d OK done\r\n", "\ne ", false, 2),
        ("reply 4 end: drop", Kind::ReplyThenDrop, "d OK done\r\n", "\ne ", false, 2),
        ("reply 4 byte 6: drop", Kind::Drop, "* 2 EX", "* 2 EXI", false, 2),
        ("UID FETCH 1 byte 3: insert \"x\\xffy\"", Kind::Inserted, "* 1x\u{fffd}y FETCH", "* 1 F", true, 2),
        ("literal 1 byte 4: insert \"* 9 EXISTS\\r\\n\"", Kind::Inserted, "* 9 EXISTS\r\n", "d NO", true, 2),
        ("literal 1 byte 4: stall", Kind::Stall, "c OK", "\nd ", true, 1),
        ("literal 1: BYE", Kind::Bye, "* BYE \r\n", "\nd ", false, 1),
        ("UID FETCH 1: announce 3 less", Kind::ShortLiteral, "{12}\r\nA: b", "{15}", true, 2),
        ("UID FETCH 1 applied: announce 3 more", Kind::LongLiteral, "{18}\r\nA: b", "{15}", true, 2),
        ("reply 3: announce nonsense", Kind::WrongLiteral, "{12x}\r\nA: b", "{15}", true, 2),
        ("EXAMINE 1: wait 5s", Kind::Late, "e OK", "NO", true, 2),
        ("EXAMINE 1: wait 60s", Kind::Late, "a OK", "b OK", true, 1),
    ];
    for (script, kind, heard, not, stays, stored) in table {
        let (all, open, fired, server) = hear(script, TALK).await;
        assert!(all.contains(heard) && !all.contains(not), "{script}: {all}");
        assert_eq!((fired.count(*kind), fired.total()), (1, 1), "{script}");
        assert_eq!(open, *stays, "{script}: {all}");
        assert_eq!(server.messages("INBOX").len(), *stored, "{script}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_is_not_counted() {
    for script in [
        "APPEND 2: drop",
        "APPEND 1 replied: NO x",
        "EXAMINE 1: announce 3 less",
        "continuation 1: drop",
        "literal 1 byte 10: drop",
        "reply 4 byte 4000: drop",
        "APPEND 1 replied: apply, then drop",
    ] {
        let (all, open, fired, server) = hear(script, TALK).await;
        assert!(all.ends_with("e OK done\r\n"), "{script}: {all}");
        assert_eq!((fired.total(), open, server.messages("INBOX").len()), (0, true, 2), "{script}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_continuation_is_refused_or_late() {
    let talk = "a LOGIN u p\r\nd APPEND INBOX {10}\r\n";
    let (all, ..) = hear("continuation 1: NO never", talk).await;
    assert!(all.ends_with("d NO never\r\n"), "{all}");
    let (all, ..) = hear("continuation 1: insert \"* OK wait\\r\\n\"", talk).await;
    assert!(all.ends_with("* OK wait\r\n+ go on\r\n"), "{all}");
}

#[tokio::test(start_paused = true)]
async fn a_command_has_its_effect_after_the_connection_is_gone() {
    let (all, open, fired, server) = hear("APPEND 1 received: drop, then apply after 3s", TALK).await;
    assert!(!all.contains("\nd ") && !open);
    assert_eq!(server.messages("INBOX").len(), 1);
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!((server.messages("INBOX").len(), fired.count(Kind::AppliedLater)), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_replica_shows_what_was_there() {
    let (_, open, fired, server) = hear("APPEND 1 applied: replica 1 changes behind for 30s", TALK).await;
    assert_eq!((open, fired.count(Kind::Replica), server.messages("INBOX").len()), (false, 1, 2));
    for (later, messages) in [(1, "* 1 EXISTS"), (40, "* 2 EXISTS")] {
        tokio::time::sleep(Duration::from_secs(later)).await;
        let (mut client, theirs) = tokio::io::duplex(64 * 1024);
        server.serve(theirs);
        client.write_all(b"a LOGIN u p\r\nb EXAMINE INBOX\r\nc LOGOUT\r\n").await.unwrap();
        let mut heard = String::new();
        client.read_to_string(&mut heard).await.unwrap();
        assert!(heard.contains(messages), "{heard}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_a_replica_does_not_show_is_not_made_again() {
    let talk = "a LOGIN u p\r\nb CREATE A\r\nc APPEND A {10+}\r\nX: y\r\n\r\nab\r\n";
    let (_, open, _, server) = hear("APPEND 1 applied: replica 2 changes behind for 30s", talk).await;
    let (mut client, theirs) = tokio::io::duplex(64 * 1024);
    server.serve(theirs);
    client.write_all(b"a LOGIN u p\r\nb EXAMINE A\r\nc CREATE A\r\nd LOGOUT\r\n").await.unwrap();
    let mut heard = String::new();
    client.read_to_string(&mut heard).await.unwrap();
    assert!(!open && heard.contains("b NO ") && heard.contains("c NO [ALREADYEXISTS]"), "{heard}");
    assert_eq!(server.messages("A").len(), 1);
}

#[test]
fn random_scripts_have_faults_of_every_kind() {
    let mut dice = Dice::new(1);
    let script = Script::random(&mut dice, 3000);
    for kind in Kind::ALL {
        let faults = script.faults.iter().filter(|fault| fault.kind() == kind).count();
        assert!(faults >= 20, "{kind:?}: {faults}");
    }
    assert_eq!(script.to_string().parse::<Script>().unwrap(), script);
}
