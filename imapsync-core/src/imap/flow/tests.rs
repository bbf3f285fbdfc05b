//! Transcripts that drive the state machine with strings.

use super::*;
use crate::imap::capability::Capabilities;
use crate::imap::command::{Append, Literal, NewMessage};
use crate::imap::date::InternalDate;
use crate::imap::flag::Flags;
use crate::imap::name::MailboxName;
use crate::imap::sasl::{Mechanism, Secret};
use crate::imap::uidset::UidSet;

fn started(capabilities: &str) -> Flow {
    let mut flow = Flow::new(Limits::default());
    flow.feed(format!("* OK [CAPABILITY {capabilities}] hello\r\n").as_bytes());
    assert!(matches!(flow.poll_event(), Ok(Some(FlowEvent::Greeting(_)))));
    assert!(matches!(flow.poll_event(), Ok(None)));
    flow
}

fn output(flow: &mut Flow) -> String {
    let mut text = Vec::new();
    while let Some(output) = flow.poll_output() {
        text.extend_from_slice(&output.bytes);
    }
    String::from_utf8(text).unwrap()
}

fn append(mailbox: &str, text: &str) -> Command {
    Command::Append(Append::one(MailboxName::from_text(mailbox), seen(text.as_bytes())))
}

fn seen(text: &[u8]) -> NewMessage {
    let message = Literal::Bytes(Bytes::copy_from_slice(text));
    NewMessage { flags: Flags::parse(["\\Seen"]), date: None, message }
}

fn fetch(set: &str, items: FetchItems) -> Command {
    Command::UidFetch { uids: Uids::Set(UidSet::parse(set.as_bytes()).unwrap()), items }
}

#[test]
fn literals_fly_where_the_server_allows() {
    let table = [
        ("IMAP4rev1 LITERAL+", "a1 APPEND \"x\" (\\Seen) {5+}\r\nhello\r\n"),
        ("IMAP4rev1 LITERAL-", "a1 APPEND \"x\" (\\Seen) {5+}\r\nhello\r\n"),
        ("IMAP4rev1", "a1 APPEND \"x\" (\\Seen) {5}\r\n"),
    ];
    for (capabilities, wanted) in table {
        let mut flow = started(capabilities);
        flow.submit(append("x", "hello"));
        assert_eq!(output(&mut flow), wanted, "{capabilities}");
    }
    let mut flow = started("IMAP4rev1 LITERAL-");
    flow.submit(append("x", &"y".repeat(4097)));
    assert!(output(&mut flow).ends_with("{4097}\r\n"), "LITERAL- ends at 4096 bytes");
}

#[test]
fn a_synchronising_literal_waits_and_a_refused_one_is_never_sent() {
    let mut flow = started("IMAP4rev1");
    let first = flow.submit(append("x", "hello"));
    let second = flow.submit(append("y", "world"));
    assert_eq!(output(&mut flow), "a1 APPEND \"x\" (\\Seen) {5}\r\n");
    assert!(!flow.may_have_been_applied(first));
    flow.feed(b"a1 NO [OVERQUOTA] full\r\n");
    assert!(matches!(flow.poll_event(), Ok(Some(FlowEvent::Done { command, .. })) if command == first));
    assert_eq!(output(&mut flow), "a2 APPEND \"y\" (\\Seen) {5}\r\n");
    flow.feed(b"+ go on\r\n");
    assert!(matches!(flow.poll_event(), Ok(None)));
    assert_eq!(output(&mut flow), "world\r\n");
    assert!(flow.may_have_been_applied(second));
}

#[test]
fn several_messages_are_one_command() {
    let group = || {
        let date = InternalDate::parse(b" 1-Feb-2003 04:05:06 +0700");
        let messages = vec![seen(b"one"), NewMessage { date, ..seen(b"two") }];
        Command::Append(Append { mailbox: MailboxName::from_text("x"), messages })
    };
    let mut flow = started("IMAP4rev1 MULTIAPPEND LITERAL+");
    let id = flow.submit(group());
    assert!(!flow.may_have_been_applied(id));
    let wanted =
        "a1 APPEND \"x\" (\\Seen) {3+}\r\none (\\Seen) \"01-Feb-2003 04:05:06 +0700\" {3+}\r\ntwo\r\n";
    assert_eq!(output(&mut flow), wanted);
    assert!(flow.may_have_been_applied(id));

    let mut flow = started("IMAP4rev1 MULTIAPPEND");
    let (id, behind) = (flow.submit(group()), flow.submit(group()));
    assert_eq!(output(&mut flow), "a1 APPEND \"x\" (\\Seen) {3}\r\n");
    flow.feed(b"+ go on\r\n");
    assert!(matches!(flow.poll_event(), Ok(None)));
    assert!(output(&mut flow).starts_with("one (\\Seen) \""));
    assert!(!flow.may_have_been_applied(id) && flow.may_have_begun(id));
    assert!(!flow.may_have_begun(behind));
    flow.feed(b"a1 NO [TOOBIG] the second\r\n");
    assert!(matches!(flow.poll_event(), Ok(Some(FlowEvent::Done { command, .. })) if command == id));
    assert_eq!(output(&mut flow), "a2 APPEND \"x\" (\\Seen) {3}\r\n");
}

#[test]
fn an_ok_before_the_literal_is_no_ok() {
    for (capabilities, message) in [
        ("IMAP4rev1", Literal::Bytes(Bytes::from_static(b"hello"))),
        ("IMAP4rev1", Literal::Streamed(5)),
        ("IMAP4rev1 LITERAL+", Literal::Streamed(5)),
    ] {
        let mut flow = started(capabilities);
        let message = NewMessage { message, ..seen(b"") };
        flow.submit(Command::Append(Append::one(MailboxName::from_text("x"), message)));
        assert!(output(&mut flow).ends_with("\r\n"));
        if capabilities.ends_with('+') {
            flow.supply(Bytes::from_static(b"hell"));
            assert_eq!(output(&mut flow), "hell");
            assert!(matches!(flow.poll_event(), Ok(Some(FlowEvent::Ready(_)))));
        }
        flow.feed(b"a1 OK [APPENDUID 1 2] done\r\n");
        assert!(flow.poll_event().is_err());
    }
}

#[test]
fn a_header_name_never_ends_the_command() {
    let table = [
        (&["Message-Id", "Received"][..], "Message-Id Received"),
        (&["X)] b\"c", ""], "\"X)] b\\\"c\" \"\""),
        (&["a\r\na2 EXPUNGE", "b"], "{13+}\r\na\r\na2 EXPUNGE b"),
    ];
    for (names, wanted) in table {
        for (items, before) in
            [(FetchItems::Header as fn(_) -> _, "UID"), (FetchItems::Look, "UID INTERNALDATE RFC822.SIZE")]
        {
            let mut flow = started("IMAP4rev1 LITERAL+");
            flow.submit(fetch("7", items(names.iter().map(|name| (*name).to_owned()).collect())));
            let wanted = format!("a1 UID FETCH 7 ({before} BODY.PEEK[HEADER.FIELDS ({wanted})])\r\n");
            assert_eq!(output(&mut flow), wanted);
        }
    }
}

#[test]
fn replies_may_come_out_of_order() {
    let mut flow = started("IMAP4rev1 LITERAL+");
    let first = flow.submit(append("x", "hello"));
    let second = flow.submit(append("y", "world"));
    output(&mut flow);
    flow.feed(b"a2 OK done\r\na1 OK done\r\n");
    assert!(matches!(flow.poll_event(), Ok(Some(FlowEvent::Done { command, .. })) if command == second));
    assert!(matches!(flow.poll_event(), Ok(Some(FlowEvent::Done { command, .. })) if command == first));
    assert_eq!(flow.in_flight(), 0);
}

#[test]
fn foreign_duplicate_and_early_replies_end_the_connection() {
    for reply in ["a9 OK what\r\n", "+ surprise\r\n", "XYZ OK\r\n"] {
        let mut flow = started("IMAP4rev1");
        flow.submit(Command::Noop);
        output(&mut flow);
        flow.feed(reply.as_bytes());
        let error = flow.poll_event().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{reply}");
    }
    let mut flow = started("IMAP4rev1");
    flow.submit(append("x", "hello"));
    flow.submit(Command::Noop);
    output(&mut flow);
    flow.feed(b"a2 OK noop that was never sent\r\n");
    assert_eq!(flow.poll_event().unwrap_err().kind(), ErrorKind::Protocol);
}

#[test]
fn a_header_is_not_taken_for_the_flags_that_an_older_command_waits_for() {
    let mut flow = started("IMAP4rev1");
    let flags = flow.submit(Command::UidChanges { uids: Uids::Set(UidSet::range(1, 9)), since: 7 });
    let look = flow.submit(fetch("5", FetchItems::Look(vec!["Subject".into()])));
    output(&mut flow);
    // Dovecot says OK to the first only behind the answer to the second.
    let header = "* 5 FETCH (UID 5 RFC822.SIZE 10 BODY[HEADER.FIELDS (SUBJECT)] {2}\r\n\r\n)\r\n";
    for (line, owner) in [("* 5 FETCH (UID 5 FLAGS () MODSEQ (8))\r\n", flags), (header, look)] {
        flow.feed(line.as_bytes());
        let event = flow.poll_event().unwrap();
        assert!(
            matches!(event, Some(FlowEvent::Untagged { command: Some(id), .. }) if id == owner),
            "{event:?}"
        );
    }
}

#[test]
fn untagged_data_goes_to_the_command_that_asked() {
    let mut flow = started("IMAP4rev1");
    let listing = flow.submit(fetch("1:9", FetchItems::Listing));
    let headers = flow.submit(fetch("1:9", FetchItems::Header(vec!["Subject".into()])));
    let select = flow.submit(Command::Select(MailboxName::inbox()));
    let behind = flow.submit(fetch("1:9", FetchItems::Listing));
    output(&mut flow);
    let owner = |flow: &mut Flow, line: &str| {
        flow.feed(line.as_bytes());
        match flow.poll_event().unwrap() {
            Some(FlowEvent::Untagged { command, .. }) => command,
            other => panic!("{line}: {other:?}"),
        }
    };
    assert_eq!(owner(&mut flow, "* 3 FETCH (UID 3 RFC822.SIZE 10)\r\n"), Some(listing));
    assert_eq!(
        owner(&mut flow, "* 3 FETCH (UID 3 BODY[HEADER.FIELDS (SUBJECT)] {2}\r\n\r\n)\r\n"),
        Some(headers)
    );
    let both = "* 5 FETCH (UID 5 RFC822.SIZE 10 BODY[HEADER.FIELDS (SUBJECT)] {2}\r\n\r\n)\r\n";
    assert_eq!(owner(&mut flow, both), Some(listing));
    assert_eq!(owner(&mut flow, "* 4 FETCH (FLAGS (\\Seen))\r\n"), None, "an update that a server pushes");
    assert_eq!(owner(&mut flow, "* 3 FETCH (UID 30 RFC822.SIZE 10)\r\n"), None, "a UID not asked for");
    flow.feed(b"a1 OK\r\na2 OK\r\n");
    flow.poll_event().unwrap();
    flow.poll_event().unwrap();
    assert_eq!(owner(&mut flow, "* 3 FETCH (UID 3 RFC822.SIZE 10)\r\n"), None, "the SELECT is not done");
    assert_eq!(owner(&mut flow, "* 7 EXISTS\r\n"), Some(select));
    flow.feed(b"a3 OK [READ-WRITE]\r\n");
    flow.poll_event().unwrap();
    assert_eq!(owner(&mut flow, "* 8 EXISTS\r\n"), None);
    assert_eq!(owner(&mut flow, "* 3 FETCH (UID 3 RFC822.SIZE 10)\r\n"), Some(behind));
}

#[test]
fn what_comes_of_a_message_in_pieces_has_its_uid() {
    // Responses, and the UIDs of those that are the listing's, with a mark for flags and for a size.
    let table: [(&[&str], &[&str]); 8] = [
        (&["3 FETCH (UID 7 RFC822.SIZE 10)", "3 FETCH (FLAGS ())"], &["7s", "7f"]),
        (&["3 FETCH (FLAGS ())", "3 FETCH (UID 7 RFC822.SIZE 10)"], &["7fs"]),
        (&["3 FETCH (RFC822.SIZE 10)", "3 FETCH (FLAGS ())", "3 FETCH (UID 7)"], &["7fs"]),
        (&["3 FETCH (UID 7)", "3 FETCH (FLAGS ())", "3 FETCH (RFC822.SIZE 10)"], &["7f", "7s"]),
        // Of another message; behind another; under a number that has changed.
        (&["4 FETCH (FLAGS ())", "3 FETCH (UID 7 RFC822.SIZE 10)"], &["7s"]),
        (&["3 FETCH (FLAGS ())", "4 FETCH (UID 8)", "3 FETCH (UID 7 RFC822.SIZE 10)"], &["7s"]),
        (&["3 FETCH (UID 7 RFC822.SIZE 10)", "1 EXPUNGE", "3 FETCH (FLAGS ())"], &["7s"]),
        (&["3 FETCH (UID 7)", "3 FETCH (UID 8 RFC822.SIZE 1)", "3 FETCH (FLAGS ())"], &["8s", "8f"]),
    ];
    for (lines, wanted) in table {
        let mut flow = started("IMAP4rev1");
        flow.submit(fetch("1:9", FetchItems::Listing));
        output(&mut flow);
        lines.iter().for_each(|line| flow.feed(format!("* {line}\r\n").as_bytes()));
        let mut told = Vec::new();
        while let Some(event) = flow.poll_event().unwrap() {
            if let FlowEvent::Untagged { command: Some(_), data: Untagged::Fetch(fetch) } = event {
                let flags = fetch.flags.present().map_or("", |_| "f");
                let size = fetch.size.present().map_or("", |_| "s");
                told.push(format!("{}{flags}{size}", fetch.uid.present().unwrap()));
            }
        }
        assert_eq!(told, wanted, "{lines:?}");
    }
}

#[test]
fn a_streamed_append_takes_its_bytes_when_the_server_is_ready() {
    let mut flow = started("IMAP4rev1");
    let message = NewMessage { flags: Flags::new(), date: None, message: Literal::Streamed(6) };
    let id = flow.submit(Command::Append(Append::one(MailboxName::inbox(), message)));
    flow.submit(Command::Noop);
    assert_eq!(output(&mut flow), "a1 APPEND \"INBOX\" {6}\r\n");
    flow.feed(b"+ OK\r\n");
    assert!(matches!(flow.poll_event(), Ok(None)));
    assert_eq!(output(&mut flow), "");
    assert!(matches!(flow.poll_event(), Ok(Some(FlowEvent::Ready(ready))) if ready == id));
    flow.supply(Bytes::from_static(b"abc"));
    assert_eq!(output(&mut flow), "abc");
    assert!(!flow.may_have_been_applied(id), "half a literal stores nothing");
    assert!(flow.wants_bytes(id));
    flow.supply(Bytes::from_static(b"def too much"));
    assert_eq!(output(&mut flow), "def\r\na2 NOOP\r\n");
    assert!(flow.may_have_been_applied(id));
}

#[test]
fn authenticate_answers_challenges_and_hides_them() {
    let mut flow = started("IMAP4rev1 AUTH=PLAIN SASL-IR");
    let secret = Secret::new("pa ss");
    let exchange = Exchange::new(Mechanism::Plain, "alice", None, &secret).unwrap();
    flow.submit(Command::Authenticate(exchange));
    let first = flow.poll_output().unwrap();
    assert!(first.secret);
    assert_eq!(first.bytes, "a1 AUTHENTICATE PLAIN AGFsaWNlAHBhIHNz\r\n");

    let mut flow = started("IMAP4rev1 AUTH=PLAIN");
    let exchange = Exchange::new(Mechanism::Plain, "alice", None, &secret).unwrap();
    flow.submit(Command::Authenticate(exchange));
    assert_eq!(output(&mut flow), "a1 AUTHENTICATE PLAIN\r\n");
    flow.feed(b"+\r\n");
    assert!(matches!(flow.poll_event(), Ok(None)));
    let answer = flow.poll_output().unwrap();
    assert!(answer.secret);
    assert_eq!(answer.bytes, "AGFsaWNlAHBhIHNz\r\n");
    flow.feed(b"+ !!!\r\n");
    assert!(matches!(flow.poll_event(), Ok(None)));
    assert_eq!(output(&mut flow), "*\r\n", "a challenge that is no base64 cancels");
}

#[test]
fn the_latest_capabilities_count_and_a_bye_is_remembered() {
    let mut flow = started("IMAP4rev1 UIDPLUS");
    flow.submit(Command::Noop);
    output(&mut flow);
    flow.feed(b"* CAPABILITY IMAP4rev1\r\n* BYE [UNAVAILABLE] later\r\n");
    flow.poll_event().unwrap();
    assert_eq!(flow.capabilities(), &Capabilities::parse([&b"IMAP4rev1"[..]]));
    flow.poll_event().unwrap();
    assert!(matches!(flow.bye(), Some(status) if status.code == Some(Code::Unavailable)));
}

#[test]
fn what_is_no_greeting_is_shown_escaped() {
    for first in ["HTTP/1.1 400 Bad Request\r\n", "+ what\r\n", "a1 OK\r\n", "* 3 EXISTS\r\n"] {
        let mut flow = Flow::new(Limits::default());
        flow.feed(first.as_bytes());
        assert_eq!(flow.poll_event().unwrap_err().kind(), ErrorKind::Protocol, "{first}");
    }
}

#[test]
fn names_that_cannot_be_quoted_travel_as_literals() {
    let mut flow = started("IMAP4rev1 LITERAL+");
    flow.submit(Command::Create(MailboxName::from_wire(*b"a\"b\\c")));
    flow.submit(Command::Create(MailboxName::from_wire(*b"a\r\nz1 DELETE x")));
    assert_eq!(output(&mut flow), "a1 CREATE \"a\\\"b\\\\c\"\r\na2 CREATE {14+}\r\na\r\nz1 DELETE x\r\n");
}

#[test]
fn large_literals_that_come_before_any_ok_belong_to_the_command_that_asked_for_their_uid() {
    let mut flow = started("IMAP4rev1");
    flow.detach_above(10);
    let ids = [flow.submit(fetch("7", FetchItems::Full)), flow.submit(fetch("9", FetchItems::Full))];
    for (n, (uid, id)) in [(7, ids[0]), (9, ids[1])].into_iter().enumerate() {
        flow.feed(
            format!("* {} FETCH (UID {uid} BODY[] {{20}}\r\n01234567890123456789)\r\n", n + 1).as_bytes(),
        );
        let Ok(Some(FlowEvent::LiteralStart { command, uid: told, .. })) = flow.poll_event() else {
            panic!()
        };
        assert_eq!((command, told), (Some(id), Some(uid)));
        loop {
            match flow.poll_event().unwrap() {
                Some(FlowEvent::Untagged { command, .. }) => {
                    assert_eq!(command, Some(id));
                    break;
                }
                Some(_) => {}
                None => panic!("no FETCH"),
            }
        }
    }
}
