//! Status lines, codes and continuations.

use super::*;

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
