//! FETCH.

use super::*;

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
        (b"FLAGS (\\Seen)\t", present(&["\\Seen"])),
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
fn a_literal_that_was_announced_too_long_can_join_two_messages() {
    let fetch = fetched("* 1 FETCH (UID 7 BODY[] {24}\r\nhello)\r\n* 2 FETCH (UID 8 BODY[] {3}\r\nyou)");
    assert_eq!((fetch.uid, fetch.sections.len(), fetch.is_of_several()), (Item::Present(7), 2, true));
    assert!(!fetched("* 1 FETCH (UID 7 BODY[TEXT] {1}\r\nx BODY[] {3}\r\nyou)").is_of_several());
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

/// Found by the fuzz target `response`: the second literal must not pass for the section before it.
#[test]
fn a_large_literal_that_is_no_section_has_no_head() {
    let mut framer = Framer::new(Limits { inline_literal: 3, ..Limits::default() });
    framer.feed(b"* 1 FETCH (UID 7 BODY[] {4}\r\nbody X-OTHER {5}\r\nother BODY[TEXT] {4}\r\ntext)\r\n");
    let mut heads = Vec::new();
    while let Ok(Some(frame)) = framer.next_frame() {
        if let Frame::LiteralStart { head, .. } = frame {
            let head = fetch_head(&Line { bytes: head, literals: framer.literals().to_vec() });
            heads.push(head.and_then(|head| head.sections.last().map(|(section, _)| section.clone())));
        }
    }
    assert_eq!(heads, [Some(Section::Full), None, Some(Section::Text)]);
}

#[test]
fn a_body_is_a_slice_of_its_line() {
    let line = framed(b"* 1 FETCH (BODY[] {5}\r\nhello)", 100);
    let Ok(Response::Untagged(Untagged::Fetch(fetch))) = parse(&line) else { panic!() };
    let Some(Body::Bytes(body)) = fetch.body(&Section::Full) else { panic!() };
    assert_eq!(body.as_ptr(), line.bytes[23..].as_ptr());
}
