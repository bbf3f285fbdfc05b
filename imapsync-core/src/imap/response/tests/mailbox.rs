//! LIST, LSUB, NAMESPACE and STATUS.

use super::*;

#[test]
fn list_lines() {
    type Row = (&'static [u8], &'static [u8], Option<u8>, &'static [&'static str]);
    let table: &[Row] = &[
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

proptest! {
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
