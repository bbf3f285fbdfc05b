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
fn codes() {
    let other = |name: &str, args: Option<&'static str>| Code::Other {
        name: name.to_owned(),
        args: args.map(|args| Bytes::from_static(args.as_bytes())),
    };
    let capabilities = |text: &'static str| Code::Capability(Capabilities::parse(words(text.as_bytes())));
    let permanent = |words: &[&str]| Code::PermanentFlags(PermanentFlags::parse(words.iter().copied()));
    let table = [
        ("[ALERT] x", Code::Alert),
        ("[alert] x", Code::Alert),
        ("[APPENDUID 38505 3955] x", Code::AppendUid { uid_validity: 38505, uids: uids("3955") }),
        (
            "[APPENDUID 4294967295 3955:3957,9] x",
            Code::AppendUid { uid_validity: u32::MAX, uids: uids("3955:3957,9") },
        ),
        ("[APPENDUID 0 5] x", other("APPENDUID", Some("0 5"))),
        ("[APPENDUID 1 0] x", other("APPENDUID", Some("1 0"))),
        ("[APPENDUID 4294967296 5] x", other("APPENDUID", Some("4294967296 5"))),
        ("[APPENDUID 1 *] x", other("APPENDUID", Some("1 *"))),
        ("[APPENDUID 1] x", other("APPENDUID", Some("1"))),
        (
            "[COPYUID 1 304,319:320 3956:3958] x",
            Code::CopyUid { uid_validity: 1, source: uids("304,319:320"), destination: uids("3956:3958") },
        ),
        ("[COPYUID 7 0 0] x", other("COPYUID", Some("7 0 0"))),
        ("[COPYUID 1  ] x", other("COPYUID", Some("1"))),
        ("[UIDNEXT 4392] x", Code::UidNext(4392)),
        ("[UIDNEXT  4392 ] x", Code::UidNext(4392)),
        ("[UIDNEXT 99999999999] x", other("UIDNEXT", Some("99999999999"))),
        ("[UIDNEXT -1] x", other("UIDNEXT", Some("-1"))),
        ("[UIDVALIDITY 3857529045] x", Code::UidValidity(3_857_529_045)),
        ("[UIDVALIDITY 0] x", other("UIDVALIDITY", Some("0"))),
        ("[UNSEEN 0] x", Code::Unseen(0)),
        ("[PERMANENTFLAGS (\\Seen \\*)] x", permanent(&["\\Seen", "\\*"])),
        ("[PERMANENTFLAGS (\\Seen a]b )] x", permanent(&["\\Seen", "a]b"])),
        ("[PERMANENTFLAGS ()] x", permanent(&[])),
        ("[PERMANENTFLAGS (\\Seen] x", other("PERMANENTFLAGS", Some("(\\Seen"))),
        ("[PERMANENTFLAGS] x", other("PERMANENTFLAGS", None)),
        ("[READ-ONLY] x", Code::ReadOnly),
        ("[Read-Write]", Code::ReadWrite),
        ("[TRYCREATE] x", Code::TryCreate),
        ("[CAPABILITY LITERAL+ IMAP4rev1] x", capabilities("LITERAL+ IMAP4rev1")),
        ("[CAPABILITY IMAP4rev2] x", capabilities("IMAP4rev2")),
        ("[HIGHESTMODSEQ 18446744073709551615] x", Code::HighestModSeq(u64::MAX)),
        ("[HIGHESTMODSEQ 18446744073709551616] x", other("HIGHESTMODSEQ", Some("18446744073709551616"))),
        ("[NOMODSEQ] x", Code::NoModSeq),
        ("[MODIFIED 7,9] x", Code::Modified(uids("7,9"))),
        ("[UIDNOTSTICKY] x", Code::UidNotSticky),
        ("[MAILBOXID (F2212ea87-6097)] x", Code::MailboxId("F2212ea87-6097".to_owned())),
        ("[OVERQUOTA] x", Code::OverQuota),
        ("[AUTHENTICATIONFAILED] x", Code::AuthenticationFailed),
        ("[AUTHORIZATIONFAILED] x", Code::AuthorizationFailed),
        ("[EXPIRED] x", Code::Expired),
        ("[PRIVACYREQUIRED] x", Code::PrivacyRequired),
        ("[UNAVAILABLE] x", Code::Unavailable),
        ("[LIMIT] x", Code::Limit),
        ("[INUSE] x", Code::InUse),
        ("[TOOBIG] x", Code::TooBig),
        ("[SERVERBUG] x", Code::ServerBug),
        ("[CLIENTBUG] x", Code::ClientBug),
        ("[CANNOT] x", Code::Cannot),
        ("[CONTACTADMIN] x", Code::ContactAdmin),
        ("[CORRUPTION] x", Code::Corruption),
        ("[EXPUNGEISSUED] x", Code::ExpungeIssued),
        ("[NOPERM] x", Code::NoPerm),
        ("[ALREADYEXISTS] x", Code::AlreadyExists),
        ("[NONEXISTENT] x", Code::Nonexistent),
        ("[HASCHILDREN] x", Code::HasChildren),
        ("[CLOSED] x", Code::Closed),
        ("[COMPRESSIONACTIVE] x", Code::CompressionActive),
        ("[REFERRAL imap://u@h/] x", Code::Referral(Bytes::from_static(b"imap://u@h/"))),
        ("[BADCHARSET (UTF-8 \"x]y\")] x", Code::BadCharset),
        ("[PARSE] x", Code::Parse),
        ("[x-new a \"b] c\" d] x", other("X-NEW", Some("a \"b] c\" d"))),
        ("[X \"stray] x", other("X", Some("\"stray"))),
        ("[\x1b[31m] x", other("\\x1b[31M", None)),
    ];
    for (text, expected) in table {
        for line in [format!("* OK {text}"), format!("* ok  {text} ")] {
            assert_eq!(status(&line).code, Some(expected.clone()), "{line}");
        }
        let Ok(Response::Tagged { tag, status }) = read(format!("a1 NO {text}").as_bytes()) else { panic!() };
        assert_eq!((&tag[..], status.kind, status.code), (&b"a1"[..], StatusKind::No, Some(expected)));
    }
}

#[test]
fn status_lines() {
    let table: &[(&[u8], StatusKind, bool, &str, &str)] = &[
        (b"* OK", StatusKind::Ok, false, "", "OK"),
        (b"* OK ", StatusKind::Ok, false, "", "OK"),
        (b"*  Ok   hello ", StatusKind::Ok, false, "hello", "OK hello"),
        (b"* NO quota", StatusKind::No, false, "quota", "NO quota"),
        (b"* bad x", StatusKind::Bad, false, "x", "BAD x"),
        (
            b"* BYE too many connections",
            StatusKind::Bye,
            false,
            "too many connections",
            "BYE too many connections",
        ),
        (b"* PREAUTH hi", StatusKind::PreAuth, false, "hi", "PREAUTH hi"),
        (b"* OK [ALERT]", StatusKind::Ok, true, "", "OK [ALERT]"),
        // imap-proto panics on these two: it cuts the text after its first byte.
        ("* OK [ALERT]é".as_bytes(), StatusKind::Ok, true, "é", "OK [ALERT]é"),
        (b"* OK [ALERT]\xe9", StatusKind::Ok, true, "\\xe9", "OK [ALERT]\\xe9"),
        (b"* OK [ALERT]x", StatusKind::Ok, true, "x", "OK [ALERT]x"),
        (
            b"* OK [CAPABILITY IMAP4rev1 and so on",
            StatusKind::Ok,
            false,
            "[CAPABILITY IMAP4rev1 and so on",
            "OK [CAPABILITY IMAP4rev1 and so on",
        ),
        (b"* OK [] x", StatusKind::Ok, false, "x", "OK [] x"),
        (b"* OK a\x1b[2Jb", StatusKind::Ok, false, "a\\x1b[2Jb", "OK a\\x1b[2Jb"),
        (b"* OK text {5}", StatusKind::Ok, false, "text {5}", "OK text {5}"),
    ];
    for (line, kind, has_code, text, shown) in table {
        let status = status(line);
        assert_eq!(status.kind, *kind);
        assert_eq!(status.code.is_some(), *has_code, "{}", line.escape_ascii());
        assert_eq!(status.text, *text);
        assert_eq!(status.to_string(), *shown);
    }
    let long = status([&b"* OK "[..], &b"x".repeat(5000)].concat());
    assert!(long.text.chars().count() <= 1003);
    assert_eq!(long.raw.len(), 5000);

    // mailutils: the code is not at the front.
    let Ok(Response::Tagged { status, .. }) = read(b"5 NO APPEND [TRYCREATE] failed") else { panic!() };
    assert_eq!(status.code, None);
    assert!(status.says_try_create());
    assert_eq!(status.to_string(), "NO APPEND [TRYCREATE] failed");
}

#[test]
fn continuations() {
    let table: &[(&[u8], &[u8])] = &[
        (b"+", b""),
        (b"+ ", b""),
        (b"+ go ahead", b"go ahead"),
        (b"+go ahead", b"go ahead"),
        (b"+ PGVpOA== ", b"PGVpOA=="),
        (b"+  a  b ", b"a  b"),
    ];
    for (line, raw) in table {
        assert_eq!(read(line), Ok(Response::Continue(Continue { raw: Bytes::from_static(raw) })));
    }
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
fn list_lines() {
    let table: &[(&[u8], &[u8], Option<u8>, &[&str])] = &[
        (b"* LIST (\\HasNoChildren \\Sent) \"/\" Sent", b"Sent", Some(b'/'), &["\\HasNoChildren", "\\Sent"]),
        (b"* list () \".\" \"INBOX.a b\"", b"INBOX.a b", Some(b'.'), &[]),
        (b"* LIST () \"\\\\\" \"a\\\\b\"", b"a\\b", Some(b'\\'), &[]),
        (b"* LIST () \"\\\" x", b"x", Some(b'\\'), &[]),
        (b"* LIST () \"\\\"\" x", b"x", Some(b'"'), &[]),
        (b"* LIST () NIL x", b"x", None, &[]),
        (b"* LIST () \"\" x", b"x", None, &[]),
        (b"* LIST () / x", b"x", Some(b'/'), &[]),
        (b"* LIST () \"::\" x", b"x", None, &[]),
        (b"* LIST (\\Noselect) \"/\" \"\"", b"", Some(b'/'), &["\\Noselect"]),
        (b"* LIST () \"/\" {5}\r\na\"\r\nb", b"a\"\r\nb", Some(b'/'), &[]),
        (b"* LIST () \"/\" \"\\\"q\\\" \\x\"", b"\"q\" \\x", Some(b'/'), &[]),
        (b"* LIST () \"/\" \"caf\xe9\"", b"caf\xe9", Some(b'/'), &[]),
        (b"* LIST () \"/\" caf\xe9", b"caf\xe9", Some(b'/'), &[]),
        (b"*  LIST  ( \\A )  \"/\"  x  ", b"x", Some(b'/'), &["\\A"]),
        (b"* LIST () \"/\" Sent Items ", b"Sent Items", Some(b'/'), &[]),
        (b"* LIST () \"/\" a(b)]%{", b"a(b)]%{", Some(b'/'), &[]),
        (b"* LIST () \"/\" NIL", b"NIL", Some(b'/'), &[]),
        (b"* LIST () \"/\" inbox", b"INBOX", Some(b'/'), &[]),
        (b"* XLIST (\\Inbox) \"/\" Eingang", b"Eingang", Some(b'/'), &["\\Inbox"]),
    ];
    for (line, name, separator, attributes) in table {
        let entry = listed(line);
        let expected = ListEntry {
            name: MailboxName::from_wire(*name),
            separator: *separator,
            attributes: attributes.iter().map(|&word| word.to_owned()).collect(),
            old_name: None,
            child_info: vec![],
        };
        assert_eq!(entry, expected, "{}", line.escape_ascii());
    }
    assert!(listed("* LIST (\\NoSelect) \"/\" x").has("\\Noselect"));
    assert!(matches!(data("* LSUB () \".\" x"), Untagged::Lsub(_)));
    assert!(matches!(data("* LIST () \".\" x"), Untagged::List(_)));
    for line in [
        "* LIST",
        "* LIST ()",
        "* LIST () \"/\"",
        "* LIST \"/\" x",
        "* LIST (\\A \"/\" x",
        "* LIST () \"/\" \"x",
    ] {
        unreadable(line);
    }
    assert!(parse(&framed(b"* LIST () \"/\" {3}\r\nabc", 2)).is_err(), "a name must not be detached");
}

#[test]
fn extended_list() {
    let entry = listed(
        "* LIST (\\NonExistent) \"/\" Foo (\"CHILDINFO\" (\"SUBSCRIBED\" \"X\") X-Y ((a) {3}\r\n(b\" ()) OLDNAME (\"Bar \\\"\"))",
    );
    assert_eq!(entry.name, MailboxName::from_wire(*b"Foo"));
    assert_eq!(entry.child_info, ["SUBSCRIBED", "X"]);
    assert_eq!(entry.old_name, Some(MailboxName::from_wire(*b"Bar \"")));
    assert_eq!(listed("* LIST () \"/\" \"a b\" (\"CHILDINFO\" (\"SUBSCRIBED\"))").child_info, ["SUBSCRIBED"]);
}

#[test]
fn namespace_lines() {
    let ns = |prefix: &str, separator: u8| Namespace { prefix: prefix.into(), separator: Some(separator) };
    let table = [
        ("((\"\" \"/\")) NIL NIL", vec![ns("", b'/')], vec![], vec![]),
        (
            "((\"INBOX.\" \".\")) ((\"~\" \"/\")(\"user.\" \".\")) ((\"#s/\" \"/\"))",
            vec![ns("INBOX.", b'.')],
            vec![ns("~", b'/'), ns("user.", b'.')],
            vec![ns("#s/", b'/')],
        ),
        ("NIL NIL ((\"\" NIL))", vec![], vec![], vec![Namespace { prefix: vec![], separator: None }]),
        (" ( ( \"\" \"/\" ) ( \"a\" \"/\" ) )  nil  NIL ", vec![ns("", b'/'), ns("a", b'/')], vec![], vec![]),
        ("((\"\" \"\\\\\" \"X-PARAM\" (\"F1\" (\"F2\")))) NIL NIL", vec![ns("", b'\\')], vec![], vec![]),
        ("(({6}\r\nINBOX. \".\")) NIL NIL", vec![ns("INBOX.", b'.')], vec![], vec![]),
        ("((\"\" \"/\"))", vec![ns("", b'/')], vec![], vec![]),
    ];
    for (text, personal, other, shared) in table {
        let line = format!("* NAMESPACE {text}");
        assert_eq!(data(&line), Untagged::Namespace(Namespaces { personal, other, shared }), "{line}");
    }
    for line in
        ["* NAMESPACE", "* NAMESPACE x", "* NAMESPACE ((\"\" \"/\") NIL NIL", "* NAMESPACE NIL NIL NIL x"]
    {
        unreadable(line);
    }
}

#[test]
fn mailbox_status_lines() {
    let named = |name: &str| MailboxStatus {
        name: MailboxName::from_wire(name),
        messages: None,
        uid_next: None,
        uid_validity: None,
        unseen: None,
        size: None,
        highest_modseq: None,
        append_limit: None,
        mailbox_id: None,
    };
    let table = [
        (
            "blurdy (MESSAGES 231 UIDNEXT 44292 UIDVALIDITY 4294967295 UNSEEN 3 RECENT 1 SIZE 5000000000 \
             HIGHESTMODSEQ 7011231777 APPENDLIMIT 10 MAILBOXID (F1) X-NEW (a (b)))",
            MailboxStatus {
                messages: Some(231),
                uid_next: Some(44292),
                uid_validity: Some(u32::MAX),
                unseen: Some(3),
                size: Some(5_000_000_000),
                highest_modseq: Some(7_011_231_777),
                append_limit: Some(10),
                mailbox_id: Some("F1".to_owned()),
                ..named("blurdy")
            },
        ),
        ("\"a b\" ()", named("a b")),
        ("x ( messages 1 ) ", MailboxStatus { messages: Some(1), ..named("x") }),
        (
            "x (MESSAGES 4294967296 APPENDLIMIT NIL UNSEEN -1 UIDNEXT 2)",
            MailboxStatus { uid_next: Some(2), ..named("x") },
        ),
        ("Sent Items (MESSAGES 2)", MailboxStatus { messages: Some(2), ..named("Sent Items") }),
        ("{3}\r\na(b (MESSAGES \"2\")", MailboxStatus { messages: Some(2), ..named("a(b") }),
        ("inbox (MESSAGES 2)", MailboxStatus { messages: Some(2), ..named("INBOX") }),
    ];
    for (text, expected) in table {
        let line = format!("* STATUS {text}");
        assert_eq!(data(&line), Untagged::MailboxStatus(expected), "{line}");
    }
    for line in ["* STATUS", "* STATUS x", "* STATUS x (MESSAGES 1", "* STATUS x (MESSAGES)"] {
        unreadable(line);
    }
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
fn fetch_items() {
    let fetch = fetched(
        "* 23 FETCH (FLAGS (\\Seen $Junk) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" RFC822.SIZE 44827 \
         ENVELOPE (\"x\" NIL ((\"a\" NIL \"b\" {3}\r\n)\"()) NIL) BODYSTRUCTURE ((\"TEXT\" \"PLAIN\") \"MIXED\") \
         MODSEQ (12121231000) EMAILID (M6d99) THREADID NIL X-GM-MSGID 1278455344230334865 \
         X-GM-LABELS (\\Inbox \"M & N\" {2}\r\na\\) UID 4827313 BODY[HEADER] {4}\r\nA: b BODY[TEXT] \"q\\\"q\" \
         BODY[1.2.MIME] NIL)",
    );
    assert_eq!(fetch.seq, 23);
    assert_eq!(fetch.uid, Item::Present(4_827_313));
    assert_eq!(fetch.flags, Item::Present(flag_set(&["\\Seen", "$Junk"])));
    assert_eq!(fetch.internal_date, Item::Present(InternalDate::new(837_596_665, -420)));
    assert_eq!(fetch.size, Item::Present(44827));
    assert_eq!(fetch.modseq, Item::Present(12_121_231_000));
    assert_eq!(fetch.email_id.as_deref(), Some("M6d99"));
    assert_eq!(fetch.gmail_message_id, Some(1_278_455_344_230_334_865));
    assert_eq!(
        fetch.gmail_labels.as_deref(),
        Some(&[b"\\Inbox"[..].into(), b"M & N"[..].into(), b"a\\"[..].into()][..])
    );
    assert_eq!(
        fetch.sections,
        [
            (Section::Header, slice(b"A: b")),
            (Section::Text, slice(b"q\"q")),
            (Section::Other(Bytes::from_static(b"BODY[1.2.MIME]")), Body::Nil),
        ]
    );
    assert_eq!(fetch.body(&Section::Header), Some(&slice(b"A: b")));
    assert_eq!(fetched("* 1 FETCH ()"), Fetch { seq: 1, ..Fetch::default() });
    assert_eq!(fetched("*  1  fetch  ( Uid  7  flags  ( \\seen ) )  ").uid, Item::Present(7));
    // pymap doubles the parentheses.
    assert_eq!(fetched("* 1 FETCH (EMAILID ((M1)) UID 2)").email_id.as_deref(), Some("M1"));
}

#[test]
fn fetch_numbers_never_wrap() {
    let table = [
        ("UID 4294967295", Item::Present(u32::MAX)),
        ("UID 007", Item::Present(7)),
        ("UID \"7\"", Item::Present(7)),
        ("UID 0", Item::Unreadable),
        ("UID 4294967296", Item::Unreadable),
        ("UID 18446744073709551617", Item::Unreadable),
        ("UID -1", Item::Unreadable),
        ("UID +1", Item::Unreadable),
        ("UID 7x", Item::Unreadable),
        ("UID NIL", Item::Unreadable),
        ("UID (7)", Item::Unreadable),
        ("UID", Item::Unreadable),
        ("FLAGS ()", Item::Absent),
    ];
    for (text, expected) in table {
        // What follows is read in any case, and what went before is not lost.
        for line in
            [format!("* 1 FETCH (RFC822.SIZE 9 {text})"), format!("* 1 FETCH (RFC822.SIZE 9 {text} )")]
        {
            let fetch = fetched(&line);
            assert_eq!((fetch.uid, fetch.size), (expected, Item::Present(9)), "{line}");
        }
    }
    assert_eq!(fetched("* 1 FETCH (RFC822.SIZE NIL UID 3)").size, Item::Unreadable);
    assert_eq!(fetched("* 1 FETCH (RFC822.SIZE 18446744073709551615)").size, Item::Present(u64::MAX));
    assert_eq!(fetched("* 1 FETCH (RFC822.SIZE 18446744073709551616)").size, Item::Unreadable);
    assert_eq!(fetched("* 1 FETCH (MODSEQ 5)").modseq, Item::Present(5));
    assert_eq!(fetched("* 1 FETCH (MODSEQ () UID 3)").modseq, Item::Unreadable);
}

#[test]
fn fetch_flags_are_never_silently_none() {
    let present = |words: &[&str]| Item::Present(flag_set(words));
    let table: Vec<(&[u8], Item<Flags>)> = vec![
        (b"FLAGS ()", present(&[])),
        (b"FLAGS (\\Seen)", present(&["\\Seen"])),
        (b"FLAGS (\\Seen \"\\\\Flagged\" \"$x\")", present(&["\\Seen", "\\Flagged", "$x"])),
        (b"FLAGS (\\Seen \"\\Flagged\")", present(&["\\Seen", "\\Flagged"])),
        (b"FLAGS (\\Seen 100%)", present(&["\\Seen", "100%"])),
        (b"FLAGS (\\Seen a]b [c {d \\*)", present(&["\\Seen", "a]b", "[c", "{d", "\\*"])),
        (b"FLAGS (\\Seen a\"b)", present(&["\\Seen", "a\"b"])),
        ("FLAGS (\\Seen é)".as_bytes(), present(&["\\Seen", "é"])),
        (b"FLAGS (\\Seen \xe9)", present(&["\\Seen", "\u{fffd}"])),
        (b"FLAGS (\\Seen NIL)", present(&["\\Seen", "NIL"])),
        (b"FLAGS (\\Seen \"a)", Item::Unreadable),
        (b"FLAGS (\\Seen a(b)", Item::Unreadable),
        (b"FLAGS (\\Seen a(b))", Item::Unreadable),
        (b"FLAGS (\\Seen (\\Flagged))", Item::Unreadable),
        (b"FLAGS NIL", Item::Unreadable),
        (b"FLAGS \\Seen", Item::Unreadable),
        (b"FLAGS \"\\\\Seen\"", Item::Unreadable),
    ];
    for (text, expected) in table {
        let lines = [
            [&b"* 1 FETCH ("[..], text, b" UID 7)"].concat(),
            [&b"* 1 FETCH (UID 7 "[..], text, b")"].concat(),
        ];
        for line in lines {
            let fetch = fetched(&line);
            assert_eq!(fetch.flags, expected, "{}", line.escape_ascii());
            assert_eq!(fetch.uid, Item::Present(7), "{}", line.escape_ascii());
        }
    }
    assert_eq!(fetched("* 1 FETCH (UID 7 FLAGS)").flags, Item::Unreadable);
}

#[test]
fn fetch_dates() {
    let date = Item::Present(InternalDate::new(837_596_665, -420));
    let table = [
        ("\"17-Jul-1996 02:44:25 -0700\"", date),
        ("{26}\r\n17-Jul-1996 02:44:25 -0700", date),
        ("17-Jul-1996 02:44:25 -0700", date),
        ("NIL", Item::Unreadable),
        ("nil", Item::Unreadable),
        ("\"\"", Item::Unreadable),
        ("\"00-Jan-1996 02:44:25 -0700\"", Item::Unreadable),
        ("(17-Jul-1996)", Item::Unreadable),
        ("now", Item::Unreadable),
        ("17", Item::Unreadable),
        ("", Item::Unreadable),
    ];
    for (text, expected) in table {
        let fetch = fetched(format!("* 1 FETCH (INTERNALDATE {text})"));
        assert_eq!(fetch.internal_date, expected, "{text}");
        if !text.is_empty() {
            let fetch = fetched(format!("* 1 FETCH (INTERNALDATE {text} UID 7 FLAGS (\\Seen))"));
            assert_eq!((fetch.internal_date, fetch.uid), (expected, Item::Present(7)), "{text}");
        }
    }
}

#[test]
fn fetch_sections() {
    let other = |name: &'static str| Section::Other(Bytes::from_static(name.as_bytes()));
    let table = [
        ("BODY[]", Section::Full),
        ("body[]", Section::Full),
        ("RFC822", Section::Full),
        ("BODY[HEADER]", Section::Header),
        ("RFC822.HEADER", Section::Header),
        ("BODY[Header]", Section::Header),
        ("BODY[TEXT]", Section::Text),
        ("RFC822.TEXT", Section::Text),
        ("BODY[HEADER.FIELDS (Message-Id Date)]", Section::HeaderFields),
        ("BODY[HEADER.FIELDS (\"a]b\" {3}\r\nc]d)]", Section::HeaderFields),
        ("BODY[HEADER.FIELDS(Date)]", Section::HeaderFields),
        ("BODY[HEADER.FIELDS.NOT (Date)]", other("BODY[HEADER.FIELDS.NOT (Date)]")),
        ("BODY[1]", other("BODY[1]")),
        ("BODY[1.HEADER]", other("BODY[1.HEADER]")),
        ("BINARY[]", other("BINARY[]")),
        ("BODY[]<0>", Section::Partial { of: Box::new(Section::Full), origin: 0 }),
        ("BODY[TEXT]<4294967296>", Section::Partial { of: Box::new(Section::Text), origin: 1 << 32 }),
    ];
    let values = [
        ("{4}\r\na)\r\n", slice(b"a)\r\n")),
        ("~{4}\r\na)\r\n", slice(b"a)\r\n")),
        ("\"a)\"", slice(b"a)")),
        ("\"\"", slice(b"")),
        ("{0}\r\n", slice(b"")),
        ("NIL", Body::Nil),
    ];
    for (name, section) in table {
        for (value, body) in &values {
            let line = format!("* 1 FETCH (UID 7 {name} {value} FLAGS ())");
            let fetch = fetched(&line);
            assert_eq!(fetch.sections, [(section.clone(), body.clone())], "{line}");
            assert_eq!(fetch.flags, Item::Present(Flags::new()));
        }
    }
    // A word is no body.
    assert_eq!(fetched("* 1 FETCH (BODY[] hello UID 7)").sections, []);
}

#[test]
fn a_literal_of_the_wrong_length_spoils_the_response() {
    for line in [
        "* 1 FETCH (UID 7 BODY[] {5}\r\nhello world)",
        "* 1 FETCH (UID 7 BODY[] {5}\r\nhellotoo long)",
        "* 1 FETCH (UID 7 BODY[] {5}\r\nhello)world)",
        "* 1 FETCH (UID 7 BODY[] {5}\r\nhello) world",
        "* 1 FETCH (UID 7 BODY[] {5}\r\nhello",
        "* 1 FETCH (UID 7 BODY[]",
        "* 1 FETCH (UID 7 BODY[] \"hello)",
        "* 1 FETCH (UID 7 BODY[ {5}\r\nhello)",
        "* 1 FETCH UID 7",
    ] {
        unreadable(line);
    }
}

#[test]
fn detached_bodies_keep_their_place() {
    let bytes = b"* 1 FETCH (UID 7 BODY[HEADER] {4}\r\nA: b BODY[] {9}\r\n) A1 OK\r\n FLAGS (\\Seen))";
    let Ok(Response::Untagged(Untagged::Fetch(fetch))) = parse(&framed(bytes, 8)) else { panic!() };
    assert_eq!(
        fetch.sections,
        [(Section::Header, slice(b"A: b")), (Section::Full, Body::Detached { slot: 1, len: 9 }),]
    );
    assert_eq!(fetch.flags, Item::Present(flag_set(&["\\Seen"])));

    let mut framer = Framer::new(Limits { inline_literal: 3, ..Limits::default() });
    framer.feed(bytes);
    framer.feed(b"\r\n");
    let mut heads = Vec::new();
    while let Ok(Some(frame)) = framer.next_frame() {
        if let Frame::LiteralStart { head, slot, .. } = frame {
            let head = fetch_head(&Line { bytes: head, literals: framer.literals().to_vec() }).unwrap();
            assert_eq!((head.seq, head.uid), (1, Item::Present(7)));
            heads.push((slot, head.sections.last().cloned().unwrap()));
        }
    }
    assert_eq!(
        heads,
        [
            (0, (Section::Header, Body::Detached { slot: 0, len: 4 })),
            (1, (Section::Full, Body::Detached { slot: 1, len: 9 })),
        ]
    );
    for head in ["", "* 1 FETCH", "* LIST () \"/\" {5}\r\n", "* 1 FETCH (UID 7 BODY[] "] {
        let bytes = Bytes::copy_from_slice(head.as_bytes());
        assert_eq!(fetch_head(&Line { bytes, literals: vec![] }).map(|f| f.sections), None, "{head}");
    }
}

#[test]
fn a_body_is_a_slice_of_its_line() {
    let line = framed(b"* 1 FETCH (BODY[] {5}\r\nhello)", 100);
    let Ok(Response::Untagged(Untagged::Fetch(fetch))) = parse(&line) else { panic!() };
    let Some(Body::Bytes(body)) = fetch.body(&Section::Full) else { panic!() };
    assert_eq!(body.as_ptr(), line.bytes[23..].as_ptr());
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

    #[test]
    fn names_round_trip(name in proptest::collection::vec(any::<u8>(), 0..30)) {
        let literal = [format!("* LIST () \"/\" {{{}}}\r\n", name.len()).as_bytes(), &name].concat();
        prop_assert_eq!(listed(literal).name, MailboxName::from_wire(&name[..]));
        if !name.iter().any(|b| matches!(b, 0 | b'\r' | b'\n')) {
            let mut quoted = b"* LIST () \"/\" \"".to_vec();
            for &byte in &name {
                if matches!(byte, b'"' | b'\\') {
                    quoted.push(b'\\');
                }
                quoted.push(byte);
            }
            quoted.push(b'"');
            prop_assert_eq!(listed(quoted).name, MailboxName::from_wire(&name[..]));
        }
    }
}
