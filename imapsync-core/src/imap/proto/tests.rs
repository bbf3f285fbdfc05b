//! Our parser beside imap-proto: the same values where that one reads well, and the reasons for reading the rest ourselves.
//!
//! Where it panics or runs out of stack (`* OK [ALERT]é`, `INTERNALDATE NIL`, a deep BODYSTRUCTURE, METADATA that is no
//! UTF-8) only our side is tested, with the response's own tests.

use imap_proto::{AttributeValue, MailboxDatum, ResponseCode, Status};
use proptest::prelude::*;

use super::*;
use crate::imap::date::InternalDate;
use crate::imap::flag::Flags;
use crate::imap::frame::{Frame, Framer, Limits};
use crate::imap::response::{self, Body, Code, Fetch, Item, Section};

fn ours(line: &[u8]) -> Option<Untagged> {
    let mut framer = Framer::new(Limits::default());
    framer.feed(line);
    let Ok(Some(Frame::Line(line))) = framer.next_frame() else { return None };
    match response::parse(&line) {
        Ok(response::Response::Untagged(data)) => Some(data),
        _ => None,
    }
}

fn theirs(line: &[u8]) -> Option<Response<'_>> {
    match Response::parse(line) {
        Ok(([], response)) => Some(response),
        _ => None,
    }
}

fn our_fetch(line: &[u8]) -> Fetch {
    match ours(line) {
        Some(Untagged::Fetch(fetch)) => fetch,
        other => panic!("{other:?}"),
    }
}

/// The same message as imap-proto reads it, in our types.
fn their_fetch(line: &[u8]) -> Fetch {
    let Some(Response::Fetch(seq, items)) = theirs(line) else { panic!("{}", line.escape_ascii()) };
    let mut fetch = Fetch { seq, ..Fetch::default() };
    for item in items {
        match item {
            AttributeValue::Uid(uid) => fetch.uid = Item::Present(uid),
            AttributeValue::Flags(flags) => {
                fetch.flags = Item::Present(Flags::parse(flags.iter().map(|flag| &**flag)));
            }
            AttributeValue::InternalDate(date) => {
                fetch.internal_date = Item::Present(InternalDate::parse(date.as_bytes()).unwrap());
            }
            AttributeValue::Rfc822Size(size) => fetch.size = Item::Present(size.into()),
            AttributeValue::ModSeq(modseq) => fetch.modseq = Item::Present(modseq),
            AttributeValue::EmailId(id) => fetch.email_id = Some(id.into_owned()),
            AttributeValue::GmailMsgId(id) => fetch.gmail_message_id = Some(id),
            AttributeValue::BodySection { section: None, index: None, data } => {
                let body = data.map_or(Body::Nil, |data| Body::Bytes(data.into_owned().into()));
                fetch.sections.push((Section::Full, body));
            }
            AttributeValue::BodyStructure(_)
            | AttributeValue::Envelope(_)
            | AttributeValue::ThreadId(_)
            | AttributeValue::Unknown => {}
            other => panic!("{other:?}"),
        }
    }
    fetch
}

/// Items of well-behaved FETCH responses.
fn items() -> impl Strategy<Value = Vec<u8>> {
    let flag = "(\\\\(Seen|Answered|Flagged|Deleted|Draft|Recent))|[$A-Za-z][-A-Za-z0-9_.]{0,8}";
    let item = prop_oneof![
        any::<u32>().prop_map(|uid| format!("UID {}", uid.max(1)).into_bytes()),
        any::<u32>().prop_map(|size| format!("RFC822.SIZE {size}").into_bytes()),
        (1u64..).prop_map(|modseq| format!("MODSEQ ({modseq})").into_bytes()),
        any::<u64>().prop_map(|id| format!("X-GM-MSGID {id}").into_bytes()),
        "[A-Za-z0-9_-]{1,20}".prop_map(|id| format!("EMAILID ({id})").into_bytes()),
        proptest::collection::vec(flag, 0..5)
            .prop_map(|flags| format!("FLAGS ({})", flags.join(" ")).into_bytes()),
        (1u8..29, 1990u16..2030, 0u8..24)
            .prop_map(|(d, y, h)| format!("INTERNALDATE \"{d:2}-Feb-{y} {h:02}:44:25 +0100\"").into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..50)
            .prop_map(|body| { [format!("BODY[] {{{}}}\r\n", body.len()).as_bytes(), &body].concat() }),
        "[ !#-\\[\\]-~]{0,20}".prop_map(|body| format!("BODY[] \"{body}\"").into_bytes()),
        Just(b"BODY[] NIL".to_vec()),
        Just(b"ENVELOPE (NIL \"s\" ((\"a\" NIL \"b\" \"c\")) NIL NIL NIL NIL NIL NIL \"<m>\")".to_vec()),
        Just(b"BODYSTRUCTURE (\"TEXT\" \"PLAIN\" (\"CHARSET\" \"x)\") NIL NIL \"7BIT\" 12 1)".to_vec()),
        Just(b"X-UNKNOWN (a b)".to_vec()),
    ];
    proptest::collection::vec(item, 1..6).prop_map(|items| items.join(&b' '))
}

proptest! {
    #[test]
    fn fetch_agrees(seq in 1u32.., items in items()) {
        let line = [format!("* {seq} FETCH (").as_bytes(), &items, b")\r\n"].concat();
        prop_assert_eq!(our_fetch(&line), their_fetch(&line));
    }

    #[test]
    fn search_and_numbers_agree(ids in proptest::collection::vec(1u32.., 0..20), count in any::<u32>()) {
        let mut line = String::from("* SEARCH");
        ids.iter().for_each(|id| line.push_str(&format!(" {id}")));
        line.push_str("\r\n");
        let Some(Untagged::Search(search)) = ours(line.as_bytes()) else { panic!() };
        prop_assert_eq!(theirs(line.as_bytes()), Some(Response::MailboxData(MailboxDatum::Search(search.ids))));

        let line = format!("* {count} EXISTS\r\n");
        prop_assert_eq!(ours(line.as_bytes()), Some(Untagged::Exists(count)));
        prop_assert_eq!(theirs(line.as_bytes()), Some(Response::MailboxData(MailboxDatum::Exists(count))));
    }

    #[test]
    fn list_agrees(name in "[A-Za-z0-9 ._&/-]{1,20}", separator in "[./]") {
        let line = format!("* LIST (\\HasNoChildren) \"{separator}\" \"{name}\"\r\n");
        let Some(Untagged::List(entry)) = ours(line.as_bytes()) else { panic!() };
        let Some(Response::MailboxData(MailboxDatum::List(theirs))) = theirs(line.as_bytes()) else { panic!() };
        prop_assert_eq!(entry.name.as_wire(), theirs.name.as_bytes());
        prop_assert_eq!(entry.separator, theirs.delimiter.map(|text| text.as_bytes()[0]));
    }

    #[test]
    fn what_it_is_given_never_panics(
        keyword in "(QUOTA|QUOTAROOT|ACL|METADATA|SORT|VANISHED|VANISHED \\(EARLIER\\))",
        rest in "( |\\(|\\)|\"|/private|/shared|/comment|/vendor|/admin|STORAGE|NIL|[0-9]{1,12}|:|,|\\{[0-3]\\}\r\n|[ -~])*",
    ) {
        let bytes = format!("* {keyword} {rest}").into_bytes();
        drop(parse(&Line { bytes: bytes.into(), literals: vec![] }));
    }
}

#[test]
fn status_codes_agree() {
    let line = b"* OK [UIDVALIDITY 3857529045] UIDs valid\r\n";
    let Some(Response::Data { status: Status::Ok, outcome }) = theirs(line) else { panic!() };
    let Some(Untagged::Status(status)) = ours(line) else { panic!() };
    assert_eq!(outcome.code, Some(ResponseCode::UidValidity(3_857_529_045)));
    assert_eq!(status.code, Some(Code::UidValidity(3_857_529_045)));
    assert_eq!(outcome.information.as_deref(), Some(&*status.text));
}

/// Lines that imap-proto 0.17 refuses altogether, all of them from real servers or the RFCs. Should a later release
/// read one, this says so, and what is ours alone can be looked at again.
#[test]
fn what_it_cannot_read() {
    let lines: &[&[u8]] = &[
        b"* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n",
        b"* ESEARCH (TAG \"A1\") UID COUNT 2\r\n",
        b"* STATUS INBOX (MESSAGES 1 SIZE 20)\r\n",
        b"* LIST () \"/\" Foo (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n",
        b"* CAPABILITY IMAP4rev2\r\n",
        b"* LIST () \"/\" \"a\\b\"\r\n",
        b"* 1 FETCH ()\r\n",
        b"* SEARCH 1  2\r\n",
        b"* 1 EXISTS\n",
    ];
    for line in lines {
        assert_eq!(theirs(line), None, "{}", line.escape_ascii());
        assert!(ours(line).is_some(), "{}", line.escape_ascii());
    }
}

/// Lines that it reads, and what is lost.
#[test]
fn what_it_loses() {
    // One odd flag, and the message has no flags at all.
    for line in
        [&b"* 1 FETCH (FLAGS (\\Seen \"x\") UID 7)\r\n"[..], b"* 1 FETCH (FLAGS (\\Seen 100%) UID 7)\r\n"]
    {
        let Some(Response::Fetch(1, items)) = theirs(line) else { panic!() };
        assert_eq!(items, [AttributeValue::Unknown, AttributeValue::Uid(7)]);
        let Item::Present(flags) = our_fetch(line).flags else { panic!() };
        assert!(flags.contains("\\Seen"));
    }
    // A name is bytes, and a quoted string has escapes.
    for (line, name, lossy) in [
        (&b"* LIST () \"/\" \"caf\xe9\"\r\n"[..], &b"caf\xe9"[..], "caf\u{fffd}"),
        (b"* LIST () \"/\" \"a\\\"b\"\r\n", b"a\"b", "a\\\"b"),
        (b"* LSUB () \"/\" x\r\n", b"x", "x"),
    ] {
        let Some(Response::MailboxData(MailboxDatum::List(list))) = theirs(line) else { panic!() };
        assert_eq!(list.name, lossy);
        match ours(line) {
            Some(Untagged::List(entry)) => assert_eq!(entry.name.as_wire(), name),
            // imap-proto does not tell LSUB from LIST.
            Some(Untagged::Lsub(entry)) => {
                assert_eq!((entry.name.as_wire(), &line[2..6]), (name, &b"LSUB"[..]))
            }
            other => panic!("{other:?}"),
        }
    }
    // Codes that decide what to do next.
    for (word, code) in [
        ("OVERQUOTA", Code::OverQuota),
        ("AUTHENTICATIONFAILED", Code::AuthenticationFailed),
        ("LIMIT", Code::Limit),
        ("TOOBIG", Code::TooBig),
    ] {
        let line = format!("* NO [{word}] sorry\r\n");
        let Some(Response::Data { outcome, .. }) = theirs(line.as_bytes()) else { panic!() };
        assert_eq!(outcome.code, None);
        let Some(Untagged::Status(status)) = ours(line.as_bytes()) else { panic!() };
        assert_eq!(status.code, Some(code));
    }
}

#[test]
fn it_is_given_only_lines_that_it_cannot_spoil() {
    let line = |bytes: &'static [u8]| Line { bytes: bytes.into(), literals: vec![] };
    assert!(parse(&line(b"* ACL INBOX anna lr")).is_some());
    assert_eq!(parse(&line(b"* ACL \"a\\\\b\" anna lr")), None);
    assert_eq!(parse(&line(b"* ACL caf\xe9 anna lr")), None);
    assert_eq!(parse(&line(b"* 1 EXISTS")), None, "read elsewhere");
}
