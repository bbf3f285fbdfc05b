//! Tables of lines for each response, and lines that nobody should send.

mod fetch;
mod mailbox;
mod status;

use proptest::prelude::*;

use super::*;
use crate::imap::capability::Capability;
use crate::imap::date::InternalDate;
use crate::imap::flag::PermanentFlags;
use crate::imap::frame::{Frame, Framer, Limits};
use crate::imap::name::MailboxName;

/// The first line of a stream, with literals above `inline` bytes detached.
pub(super) fn framed(bytes: &[u8], inline: u64) -> Line {
    let mut framer = Framer::new(Limits { inline_literal: inline, ..Limits::default() });
    framer.feed(bytes);
    framer.feed(b"\r\n");
    loop {
        match framer.next_frame() {
            Ok(Some(Frame::Line(line))) => return line,
            Ok(Some(_)) => {}
            other => panic!("{other:?} for {}", bytes.escape_ascii()),
        }
    }
}

fn read(bytes: &[u8]) -> Result<Response, Unreadable> {
    parse(&framed(bytes, 1 << 20))
}

fn data(bytes: impl AsRef<[u8]>) -> Untagged {
    let bytes = bytes.as_ref();
    match read(bytes) {
        Ok(Response::Untagged(data)) => data,
        other => panic!("{other:?} for {}", bytes.escape_ascii()),
    }
}

fn status(bytes: impl AsRef<[u8]>) -> Status {
    match data(bytes) {
        Untagged::Status(status) => status,
        other => panic!("{other:?}"),
    }
}

fn fetched(bytes: impl AsRef<[u8]>) -> Fetch {
    match data(bytes) {
        Untagged::Fetch(fetch) => fetch,
        other => panic!("{other:?}"),
    }
}

fn listed(bytes: impl AsRef<[u8]>) -> ListEntry {
    match data(bytes) {
        Untagged::List(entry) | Untagged::Lsub(entry) => entry,
        other => panic!("{other:?}"),
    }
}

fn unreadable(bytes: impl AsRef<[u8]>) -> String {
    let bytes = bytes.as_ref();
    match read(bytes) {
        Err(unreadable) => unreadable.what,
        other => panic!("{other:?} for {}", bytes.escape_ascii()),
    }
}

fn uids(text: &str) -> UidSet {
    UidSet::parse(text.as_bytes()).unwrap()
}

fn flag_set(words: &[&str]) -> Flags {
    Flags::parse(words.iter().copied())
}

fn slice(bytes: &'static [u8]) -> Body {
    Body::Bytes(Bytes::from_static(bytes))
}

#[test]
fn noise_is_unreadable_and_shown_escaped() {
    assert_eq!(unreadable("HTP/1.1 400 Bad \x1b"), "unreadable response: HTP/1.1 400 Bad \\x1b");
    for line in ["*", "* ", "* 12", "a1", "a1 ", "a1 FETCH 1", "<html>", "hello world", "*OK x"] {
        unreadable(line);
    }
}

#[test]
fn numbered() {
    assert_eq!(data("* 23 EXISTS"), Untagged::Exists(23));
    assert_eq!(data("* 0023 exists "), Untagged::Exists(23));
    assert_eq!(data("* 4294967295 EXISTS"), Untagged::Exists(u32::MAX));
    assert_eq!(data("* 5 Recent"), Untagged::Recent(5));
    assert_eq!(data("* 44 EXPUNGE"), Untagged::Expunge(44));
    assert_eq!(data("* 2 EXPUNGED"), Untagged::Expunge(2));
    assert_eq!(data("* 2 XNEW (a)"), Untagged::Other(Bytes::from_static(b"2 XNEW (a)")));
    assert_eq!(data("* -1 EXISTS"), Untagged::Other(Bytes::from_static(b"-1 EXISTS")));
    for line in
        ["* 4294967296 EXISTS", "* 18446744073709551616 EXISTS", "* 1x EXISTS", "* 12 FETCH", "* 12 FETCH ("]
    {
        unreadable(line);
    }
}

#[test]
fn capability_lines() {
    let Untagged::Capability(offered) = data("* CAPABILITY IMAP4rev2  AUTH=PLAIN ") else { panic!() };
    assert!(offered.has(Capability::IMAP4REV2) && offered.has_auth("plain"));
    let Untagged::Capability(offered) = data("* capability LITERAL+") else { panic!() };
    assert!(offered.has(Capability::LITERAL_PLUS) && !offered.has(Capability::IMAP4REV1));
    let Untagged::Enabled(enabled) = data("* ENABLED CONDSTORE") else { panic!() };
    assert!(enabled.has(Capability::CONDSTORE));
    assert_eq!(data("* ENABLED"), Untagged::Enabled(Capabilities::default()));
}

#[test]
fn search_lines() {
    let search = |ids: &[u32], modseq| Untagged::Search(Search { ids: ids.to_vec(), modseq });
    assert_eq!(data("* SEARCH 2 84 882"), search(&[2, 84, 882], None));
    assert_eq!(data("* SEARCH"), search(&[], None));
    assert_eq!(data("* search  5   0 4294967295  "), search(&[5, u32::MAX], None));
    assert_eq!(data("* SEARCH 2 5 (MODSEQ 917162500)"), search(&[2, 5], Some(917_162_500)));
    for line in ["* SEARCH 2 4294967296", "* SEARCH 2 x 3", "* SEARCH 1 -2", "* SEARCH 1,2", "* SEARCH 5 (x)"]
    {
        unreadable(line);
    }
    let long = [&b"* SEARCH"[..], &b" 4294967295".repeat(1_000_000)].concat();
    assert!(matches!(data(&long), Untagged::Search(search) if search.ids.len() == 1_000_000));
}

#[test]
fn esearch_lines() {
    let table = [
        (
            "(TAG \"A282\") UID MIN 2 COUNT 3 ALL 2,10:11 MAX 11 MODSEQ 7 X-NEW (1 (2))",
            Esearch {
                tag: Some("A282".to_owned()),
                uid: true,
                min: Some(2),
                max: Some(11),
                count: Some(3),
                all: Some(uids("2,10:11")),
                modseq: Some(7),
            },
        ),
        (
            "(tag A1 MAILBOX \"x\" UIDVALIDITY 7) count 0",
            Esearch { tag: Some("A1".to_owned()), count: Some(0), ..Esearch::default() },
        ),
        ("UID", Esearch { uid: true, ..Esearch::default() }),
        ("", Esearch::default()),
    ];
    for (text, expected) in table {
        assert_eq!(data(format!("* ESEARCH {text}")), Untagged::Esearch(expected));
    }
    for line in
        ["* ESEARCH (TAG \"x\"", "* ESEARCH ALL 1:*", "* ESEARCH ALL", "* ESEARCH COUNT x", "* ESEARCH )"]
    {
        unreadable(line);
    }
}

#[test]
fn id_lines() {
    let field = |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
    assert_eq!(data("* ID NIL"), Untagged::Id(vec![]));
    assert_eq!(
        data(b"* ID (\"name\" \"Cy\\\"rus\" \"os\" NIL  \"x\" {2}\r\n\x1b\xff ) "),
        Untagged::Id(vec![field("name", Some("Cy\"rus")), field("os", None), field("x", Some("\\x1b\\xff"))])
    );
    unreadable("* ID (\"name\")");
    unreadable("* ID");
}

#[test]
fn flags_line() {
    assert_eq!(
        data("* FLAGS (\\Answered \"\\\\Seen\" $Junk a%b )"),
        Untagged::Flags(flag_set(&["\\Answered", "\\Seen", "$Junk", "a%b"]))
    );
    assert_eq!(data("* FLAGS ()"), Untagged::Flags(Flags::new()));
    unreadable("* FLAGS");
    unreadable("* FLAGS (\\Seen");
}

#[test]
fn unknown_data_is_kept() {
    assert_eq!(data("*  XNEW (a {2}\r\nb) x"), Untagged::Other(Bytes::from_static(b"XNEW (a {2}\r\nb) x")));
}

#[test]
fn depth_costs_no_stack() {
    let depth = 1_000_000;
    let nested =
        [&b"* 1 FETCH (BODYSTRUCTURE "[..], &b"(".repeat(depth), &b")".repeat(depth), b" UID 7)"].concat();
    let line = Line { bytes: nested.into(), literals: vec![] };
    let Ok(Response::Untagged(Untagged::Fetch(fetch))) = parse(&line) else { panic!() };
    assert_eq!(fetch.uid, Item::Present(7));
    for keyword in
        ["NAMESPACE", "LIST", "FLAGS", "ESEARCH", "STATUS x", "ID", "ACL", "QUOTA", "METADATA", "1 FETCH"]
    {
        let bytes = [format!("* {keyword} ").as_bytes(), &b"(".repeat(depth)].concat();
        assert!(parse(&Line { bytes: bytes.into(), literals: vec![] }).is_err(), "{keyword}");
    }
}

#[test]
fn extension_data() {
    let name = |name: &str| MailboxName::from_wire(name);
    let resource = |name: &str, usage, limit| QuotaResource { name: name.to_owned(), usage, limit };
    assert_eq!(
        data("* QUOTA \"\" (STORAGE 10 512 MESSAGE 1  2)"),
        Untagged::Quota(Quota {
            root: String::new(),
            resources: vec![resource("STORAGE", 10, 512), resource("MESSAGE", 1, 2)],
        })
    );
    assert_eq!(
        data("* quotaroot INBOX \"\" b"),
        Untagged::QuotaRoot(QuotaRoot { mailbox: name("INBOX"), roots: vec![String::new(), "b".to_owned()] })
    );
    assert_eq!(
        data("* ACL INBOX anna lrswipkxtea \"b c\" lr"),
        Untagged::Acl(Acl {
            mailbox: name("INBOX"),
            entries: vec![("anna".to_owned(), "lrswipkxtea".to_owned()), ("b c".to_owned(), "lr".to_owned())],
        })
    );
    assert_eq!(
        data("* METADATA \"\" (/shared/comment {5}\r\nhello /shared/admin NIL)"),
        Untagged::Metadata(Metadata {
            mailbox: name(""),
            entries: vec![
                ("/shared/comment".to_owned(), Some("hello".to_owned())),
                ("/shared/admin".to_owned(), None)
            ],
        })
    );
    assert_eq!(data("* SORT 5 3 4 "), Untagged::Sort(vec![5, 3, 4]));
    assert_eq!(data("* VANISHED 41,43:44"), Untagged::Vanished { earlier: false, uids: uids("41,43:44") });
    assert_eq!(data("* VANISHED (EARLIER) 5:3"), Untagged::Vanished { earlier: true, uids: uids("3:5") });
    for line in ["* QUOTA x", "* VANISHED 1:*", "* VANISHED 4294967296", "* SORT 1 x", "* ACL"] {
        unreadable(line);
    }
    // imap-proto panics on the first two, and would change the others.
    for line in [
        &b"* METADATA \"\xff\" (/shared/comment NIL)"[..],
        b"* METADATA \"\" (/shared/comment \"\xff\")",
        b"* ACL \"\xff\" anna l",
        b"* QUOTAROOT \"a\\\\b\" x",
    ] {
        unreadable(line);
    }
}

/// Each of these would take hours if a part of it were read again and again.
#[test]
fn time_is_linear_in_hostile_lines() {
    for (start, piece) in [
        ("* 1 FETCH (", "FLAGS (a(b) FLAGS () "),
        ("* 1 FETCH (BODY[\"", "\\\""),
        ("* 1 FETCH (", "UID (a(b)) "),
        ("* 1 FETCH (", "BODY[{1{1{1] {1 "),
        ("* 1 FETCH (X-GM-LABELS (", "\"a\" (b) "),
        ("* LIST () \"/\" x (", "((a) "),
        ("* NAMESPACE (", "((\"\" \"/\") "),
        ("* STATUS x (", "MESSAGES (a(b)) "),
        ("* ESEARCH ", "X (a "),
        ("* OK [", "\"]"),
        ("* ACL x ", "a b "),
        ("* QUOTA x (", "a 1 1 "),
        ("* METADATA \"\" (", "/shared/comment NIL "),
        ("* METADATA \"\" ", "/shared/comment//// "),
        ("* SORT", " 1"),
        ("* VANISHED 1", ",1"),
    ] {
        let bytes = [start.as_bytes(), &piece.as_bytes().repeat(200_000)].concat();
        let _ = parse(&Line { bytes: bytes.into(), literals: vec![] });
    }
}

/// Lines made of what matters to the parsers.
fn tokens() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&'static str> = "* |OK |NO |[|]|ALERT|APPENDUID |1 |4294967296 |FETCH |(|)|\"|\\|NIL |UID |FLAGS |BODY[|RFC822.SIZE |\
        INTERNALDATE |17-Jul-1996 |LIST |LSUB |STATUS |NAMESPACE |SEARCH |ESEARCH |ID |ACL |QUOTA |METADATA |VANISHED |SORT |\
        HEADER.FIELDS |<0>|\\Seen |\"/\" |x |é|EMAILID |MODSEQ |X-GM-LABELS |ENVELOPE |/shared/comment | "
        .split('|')
        .collect();
    let piece = prop_oneof![
        8 => proptest::sample::select(words).prop_map(|word| word.as_bytes().to_vec()),
        1 => (0usize..5).prop_map(|n| format!(" {{{n}}}\r\n").into_bytes()),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_line_panics(start in "(\\* |\\* 1 FETCH \\(|\\* LIST |)", tail in tokens(), inline in 0u64..4) {
        let mut framer = Framer::new(Limits { inline_literal: inline, ..Limits::default() });
        framer.feed(start.as_bytes());
        framer.feed(&tail);
        framer.feed(b"\r\n");
        while let Ok(Some(frame)) = framer.next_frame() {
            match frame {
                Frame::Line(line) => drop(parse(&line)),
                Frame::LiteralStart { head, .. } => {
                    drop(fetch_head(&Line { bytes: head, literals: framer.literals().to_vec() }));
                }
                _ => {}
            }
        }
    }

    #[test]
    fn no_lie_about_literals_panics(
        start in "(\\* |\\* 1 FETCH \\(|\\* LIST |)",
        tail in tokens(),
        literals in proptest::collection::vec((0usize..100, prop_oneof![0u64..9, Just(u64::MAX)], any::<bool>()), 0..4),
    ) {
        let literals = literals.into_iter().map(|(at, len, detached)| crate::imap::frame::Literal { at, len, detached });
        let line = Line { bytes: [start.as_bytes(), &tail].concat().into(), literals: literals.collect() };
        let _ = parse(&line);
        let _ = fetch_head(&line);
    }
}
