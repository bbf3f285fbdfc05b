//! The folder map rule by rule, with the examples users know.

use super::*;

#[test]
fn the_general_rule() {
    let gmail = layout("", b'/');
    let courier = layout("INBOX.", b'.');
    let cyrus_alt = layout("", b'.');
    let domino = layout("", b'\\');
    let rules = MappingRules::default;
    let sub2 = |text: &str| MappingRules { subfolder2: Some(text.to_owned()), ..rules() };
    let regex = |list: &[&str]| MappingRules { regextrans2: edits(list), ..rules() };
    let no_fix = || MappingRules { fixslash2: false, ..rules() };
    let table: Vec<(&str, &Layout, &Layout, MappingRules, &str)> = vec![
        // INBOX stays INBOX, whatever the prefixes.
        ("INBOX", &gmail, &courier, rules(), "INBOX"),
        ("Inbox", &courier, &gmail, rules(), "INBOX"),
        ("INBOX.", &courier, &gmail, rules(), "INBOX"),
        // Prefix and separator.
        ("Work/2024", &gmail, &courier, rules(), "INBOX.Work.2024"),
        ("INBOX.Work.2024", &courier, &gmail, rules(), "Work/2024"),
        ("inbox.Work", &courier, &gmail, rules(), "Work"),
        ("INBOX.Work", &courier, &courier, rules(), "INBOX.Work"),
        ("Other.Work", &courier, &gmail, rules(), "Other/Work"),
        ("Work", &gmail, &gmail, rules(), "Work"),
        // The separators swap both ways; a slash left over becomes _.
        ("a.b/c", &gmail, &courier, rules(), "INBOX.a_b.c"),
        ("a.b/c", &gmail, &courier, no_fix(), "INBOX.a/b.c"),
        ("a/b.c", &cyrus_alt, &gmail, rules(), "a.b/c"),
        (r"a\b.c/d", &domino, &gmail, rules(), r"a/b.c\d"),
        (r"a\b/c", &domino, &courier, rules(), "INBOX.a.b_c"),
        ("a/b.c", &courier, &cyrus_alt, rules(), "a/b.c"),
        // Encoded characters hold no separators, and encoded ampersands are no run.
        ("Entwürfe/été.x", &gmail, &courier, rules(), "INBOX.Entwürfe.été_x"),
        ("R&D/x.y-z", &gmail, &courier, rules(), "INBOX.R&D.x_y-z"),
        // Options override what was found.
        (
            "mail/Work",
            &gmail,
            &courier,
            MappingRules {
                prefix1: Some("mail/".into()),
                prefix2: Some("".into()),
                sep2: Some("\\".into()),
                ..rules()
            },
            "Work",
        ),
        ("a.b", &gmail, &gmail, MappingRules { sep1: Some(".".into()), ..rules() }, "a/b"),
        // Under a subfolder, INBOX too; the prefix may be given or not.
        ("INBOX", &gmail, &courier, sub2("Old"), "INBOX.Old.INBOX"),
        ("Work/x", &gmail, &courier, sub2("Old"), "INBOX.Old.Work.x"),
        ("Work/x", &gmail, &courier, sub2("INBOX.Old"), "INBOX.Old.Work.x"),
        ("Work", &gmail, &courier, sub2("a/b"), "INBOX.a.b.Work"),
        ("Work", &courier, &gmail, sub2(" /Old 2.0/"), "Old 2.0/Work"),
        ("Work", &gmail, &gmail, sub2("O'l{d}"), "Old/Work"),
        // Edits come last, in order, on the decoded name.
        ("[Gmail]/Sent Mail", &gmail, &courier, regex(&[r"s,\[Gmail\].,,"]), "INBOX.Sent Mail"),
        ("a", &gmail, &gmail, regex(&["s/a/b/", "s/b/c/"]), "c"),
        ("Entwürfe", &gmail, &gmail, regex(&["s/ü/ue/"]), "Entwuerfe"),
        ("Entwürfe", &gmail, &gmail, regex(&["s/^Entw.rfe$/Drafts/"]), "Drafts"),
        ("Drafts", &gmail, &gmail, regex(&["s/.*/Entwürfe/"]), "Entwürfe"),
        // As it was written for the original.
        ("Entwürfe", &gmail, &gmail, regex(&["s/&APw-/ue/"]), "Entwuerfe"),
        ("R&D", &gmail, &gmail, regex(&["s/&/ and /"]), "R and D"),
        ("Work", &gmail, &courier, regex(&["tr/a-z/A-Z/"]), "INBOX.WORK"),
        ("INBOX", &gmail, &gmail, regex(&["s/^INBOX$/Old/"]), "Old"),
        ("Work", &gmail, &courier, sub2("Old").with(&["s/Old/New/"]), "INBOX.New.Work"),
        // A name does not end in a separator, and the bare prefix is INBOX.
        ("[Gmail]/", &gmail, &gmail, rules(), "[Gmail]"),
        ("Work", &gmail, &courier, regex(&["s/Work//"]), "INBOX"),
    ];
    for (name, layout1, layout2, rules, expected) in table {
        assert_eq!(
            renamed(name, layout1, layout2, &rules),
            expected,
            "{name} {layout1:?} {layout2:?} {rules:?}"
        );
    }
}

impl MappingRules {
    fn with(self, list: &[&str]) -> Self {
        Self { regextrans2: edits(list), ..self }
    }
}

#[test]
fn domino_preset() {
    let rules =
        MappingRules { prefix1: Some(String::new()), sep1: Some("\\".into()), ..MappingRules::default() }
            .with(&[r"s,^Inbox/(.*),$1,i"]);
    assert_eq!(renamed(r"Inbox\a\b", &layout("", b'/'), &layout("", b'/'), &rules), "a/b");
}

#[test]
fn broken_names_pass_byte_for_byte() {
    let rules = MappingRules::default().with(&["s/a/b/"]);
    for (wire, expected) in [
        (&b"\xe9a/\xff"[..], &b"INBOX.\xe9b.\xff"[..]),
        // Raw UTF-8 becomes what every server takes.
        ("é/x".as_bytes(), b"INBOX.&AOk-.x"),
        // No valid run: nothing is hidden in it.
        (b"&!/x.y", b"INBOX.&!.x_y"),
    ] {
        let source = [Folder::from_list(MailboxName::from_wire(wire), Some(b'/'), &[])];
        let mapping = map(&source, &[0], &layout("", b'/'), &[], &layout("INBOX.", b'.'), &rules).unwrap();
        assert_eq!(mapping.pairs[0].destination.as_wire(), expected);
    }
}

#[test]
fn a_run_is_never_split() {
    // U+FBFF U+00BF: its base64 holds every special character of the alphabet.
    let source = [Folder::from_list(MailboxName::from_wire("&+,8Avw-,a+b"), Some(b','), &[])];
    let mapping =
        map(&source, &[0], &layout("", b','), &[], &layout("", b'+'), &MappingRules::default()).unwrap();
    assert_eq!(mapping.pairs[0].destination.as_wire(), b"&+,8Avw-+a,b");
}

#[test]
fn f1f2_is_final_and_exact() {
    let source = listing(&["INBOX", "Work", "Work/2024", "Entwürfe"], b'/');
    let rules = MappingRules {
        f1f2: vec![
            ("Work".into(), "other".into()),
            ("Work".into(), "Job.x/y".into()),
            ("Entwürfe".into(), "Draf&APwA-".into()),
            ("INBOX".into(), "Old".into()),
            ("Nowhere".into(), "x".into()),
        ],
        subfolder2: Some("Sub".into()),
        ..MappingRules::default().with(&["s/Job/no/"])
    };
    let mapping =
        map_all(&source, &layout("", b'/'), &listing(&["INBOX"], b'.'), &layout("INBOX.", b'.'), &rules);
    assert_eq!(
        told(&source, &mapping),
        ["Entwürfe>Draf&APwA-", "INBOX>Old", "Work>Job.x/y", "Work/2024>INBOX.Sub.Work.2024"]
    );
    let vias: Vec<Via> = mapping.pairs.iter().map(|pair| pair.via).collect();
    assert_eq!(vias, [Via::F1F2, Via::F1F2, Via::F1F2, Via::Rules]);
    assert_eq!(mapping.notices, ["--f1f2 Nowhere=x: host1 has no folder Nowhere"]);
}

#[test]
fn automap_pairs_uses() {
    let source = listing(
        &[
            "INBOX",
            "[Gmail]\t\\Noselect",
            "[Gmail]/Sent Mail\t\\Sent",
            "[Gmail]/Spam\t\\Junk",
            "Éléments supprimés",
            "Sent",
            "Drafts",
            "Sent/2024",
        ],
        b'/',
    );
    let destination = listing(
        &["INBOX", "INBOX.Gesendet\t\\Sent", "INBOX.Spam", "INBOX.Papierkorb", "INBOX.Entwürfe\t\\Noselect"],
        b'.',
    );
    let rules = MappingRules { automap: true, ..MappingRules::default().with(&["s/$/!/"]) };
    let mapping = map_all(&source, &layout("", b'/'), &destination, &layout("INBOX.", b'.'), &rules);
    let pairs: Vec<(String, Via)> =
        told(&source, &mapping).into_iter().zip(mapping.pairs.iter().map(|pair| pair.via)).collect();
    let expected = [
        // No counterpart that holds messages.
        ("Drafts>INBOX.Drafts!", Via::Rules),
        ("INBOX>INBOX!", Via::Rules),
        // Another folder has the attribute.
        ("Sent>INBOX.Sent!", Via::Rules),
        ("Sent/2024>INBOX.Sent.2024!", Via::Rules),
        ("[Gmail]/Sent Mail>INBOX.Gesendet", Via::AutomapAttribute),
        ("[Gmail]/Spam>INBOX.Spam", Via::AutomapName),
        ("Éléments supprimés>INBOX.Papierkorb", Via::AutomapName),
    ];
    let mut sorted = pairs.clone();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    let mut expected: Vec<(String, Via)> = expected.map(|(name, via)| (name.to_owned(), via)).to_vec();
    expected.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(sorted, expected);

    for rules in [
        MappingRules { automap: true, subfolder2: Some("x".into()), ..MappingRules::default() },
        MappingRules { automap: true, subfolder1: Some("Sent".into()), ..MappingRules::default() },
        MappingRules::default(),
    ] {
        let mapping = map_all(&source, &layout("", b'/'), &destination, &layout("INBOX.", b'.'), &rules);
        assert!(mapping.pairs.iter().all(|pair| pair.via == Via::Rules));
    }
}

#[test]
fn automap_of_a_use_that_stands_twice() {
    let source = listing(&["INBOX\t\\Sent", "A\t\\Sent", "B\t\\Sent"], b'/');
    let destination = listing(&["INBOX\t\\Sent", "Sent Items", "sent"], b'/');
    let rules = MappingRules { automap: true, ..MappingRules::default() };
    let mapping = map_all(&source, &layout("", b'/'), &destination, &layout("", b'/'), &rules);
    assert_eq!(told(&source, &mapping), ["A>sent", "B>B", "INBOX>INBOX"]);
    assert_eq!(
        mapping.notices,
        [
            r"host1: \Sent on INBOX does not count for automap",
            r"host1: two folders are \Sent: automap takes A, not B",
            r"host2: \Sent on INBOX does not count for automap",
        ]
    );
}

#[test]
fn subfolder1_is_the_whole_account() {
    let source = listing(
        &[
            "INBOX",
            "INBOX.Old",
            "INBOX.Old.INBOX",
            "INBOX.Old.Work.a",
            "INBOX.Older",
            "INBOX.Gone\t\\Noselect",
        ],
        b'.',
    );
    for text in ["Old", "INBOX.Old", "/Old/", "INBOX/Old"] {
        let rules = MappingRules { subfolder1: Some(text.into()), ..MappingRules::default() };
        let mapping =
            map_all(&source, &layout("INBOX.", b'.'), &listing(&["INBOX"], b'/'), &layout("", b'/'), &rules);
        assert_eq!(
            told(&source, &mapping),
            ["INBOX.Old>INBOX", "INBOX.Old.INBOX>INBOX", "INBOX.Old.Work.a>Work/a"],
            "{text}"
        );
        assert_eq!(mapping.pairs[1].merges_with, Some(0));
    }
    let refuse = |rules: MappingRules| {
        map(&source, &[0], &layout("INBOX.", b'.'), &[], &layout("", b'/'), &rules).unwrap_err()
    };
    let error = refuse(MappingRules { subfolder1: Some("Nowhere".into()), ..MappingRules::default() });
    assert_eq!((error.kind(), error.side()), (ErrorKind::FolderMissing, Some(Side::Source)));
    assert!(error.to_string().contains("Nowhere"));
    for text in ["", "é", "/", "a//b", "..", "a/../b"] {
        let error = refuse(MappingRules { subfolder2: Some(text.into()), ..MappingRules::default() });
        assert_eq!(error.kind(), ErrorKind::Usage, "{text}");
    }
}

#[test]
fn subfolder_round_trip() {
    // What --subfolder2 wrote, --subfolder1 reads back.
    let (gmail, courier) = (layout("", b'/'), layout("INBOX.", b'.'));
    let there = MappingRules { subfolder2: Some("Old".into()), ..MappingRules::default() };
    let back = MappingRules { subfolder1: Some("Old".into()), ..MappingRules::default() };
    for name in ["INBOX", "Work", "Work/été"] {
        assert_eq!(renamed(&renamed(name, &gmail, &courier, &there), &courier, &gmail, &back), name);
    }
}

#[test]
fn an_edit_that_leaves_nothing_is_an_error() {
    let source = listing(&["Work"], b'/');
    let rules = MappingRules::default().with(&["s/.*//"]);
    let error = map(&source, &[0], &layout("", b'/'), &[], &layout("", b'/'), &rules).unwrap_err();
    assert_eq!((error.kind(), error.folder()), (ErrorKind::Usage, Some("Work")));
}

#[test]
fn merges_are_told() {
    let source = listing(&["a.b", "a_b", "a_b/c", "INBOX"], b'/');
    let mapping = map_all(
        &source,
        &layout("", b'/'),
        &listing(&["INBOX"], b'.'),
        &layout("", b'.'),
        &MappingRules::default(),
    );
    assert_eq!(told(&source, &mapping), ["INBOX>INBOX", "a.b>a_b", "a_b>a_b", "a_b/c>a_b.c"]);
    let merges: Vec<Option<usize>> = mapping.pairs.iter().map(|pair| pair.merges_with).collect();
    assert_eq!(merges, [None, None, Some(1), None]);
    assert_eq!(
        mapping.notices,
        [
            "folder a.b of host1 is a_b on host2, where a name cannot hold a /",
            "folders a.b and a_b of host1 both go to a_b on host2: they are merged there",
        ]
    );
    assert_eq!(shown(&mapping.create), ["a_b", "a_b.c"]);
}

#[test]
fn case_alone_does_not_make_a_new_folder() {
    let destination = listing(&["INBOX", "Work", "été"], b'/');
    let same = layout("", b'/');
    let run = |names: &[&str], mixfolders: bool| {
        let source = listing(names, b'/');
        let rules = MappingRules { mixfolders, ..MappingRules::default() };
        let mapping = map_all(&source, &same, &destination, &same, &rules);
        let pairs: Vec<(String, bool)> =
            told(&source, &mapping).into_iter().zip(mapping.pairs.iter().map(|pair| pair.exists)).collect();
        (pairs, shown(&mapping.create), mapping.notices.len())
    };
    let pair = |text: &str, exists: bool| (text.to_owned(), exists);
    assert_eq!(run(&["Work"], true), (vec![pair("Work>Work", true)], vec![], 0));
    assert_eq!(run(&["work"], true), (vec![pair("work>Work", true)], vec![], 1));
    assert_eq!(run(&["work/a"], true), (vec![pair("work/a>Work/a", false)], vec!["Work/a".to_owned()], 1));
    assert_eq!(run(&["ÉTÉ"], true), (vec![pair("ÉTÉ>été", true)], vec![], 1));
    // The source tells them apart.
    assert_eq!(
        run(&["Work", "work"], true),
        (vec![pair("Work>Work", true), pair("work>work", false)], vec!["work".to_owned()], 1)
    );
    assert_eq!(
        run(&["New", "new"], true),
        (vec![pair("New>New", false), pair("new>new", false)], vec!["New".to_owned(), "new".to_owned()], 1)
    );
    assert_eq!(run(&["work", "Work"], false).0.len(), 2);
    assert_eq!(run(&["work"], false), (vec![], vec![], 1));
}

#[test]
fn inbox_is_spelled_as_over_there() {
    let source = listing(&["INBOX", "INBOX/a"], b'/');
    let destination = listing(&["Inbox", "Inbox/b"], b'/');
    let (same, rules) = (layout("", b'/'), MappingRules::default());
    let mapping = map_all(&source, &same, &destination, &same, &rules);
    assert_eq!(told(&source, &mapping), ["INBOX>INBOX", "INBOX/a>Inbox/a"]);
    let rules = MappingRules { fix_inbox: false, ..rules };
    let mapping = map_all(&source, &same, &destination, &same, &rules);
    assert_eq!(told(&source, &mapping), ["INBOX>INBOX", "INBOX/a>INBOX/a"]);
}

#[test]
fn creates_what_is_missing() {
    let source = listing(&["INBOX", "a/b/c", "a/b", "d", "e/f", "g/h", "n/m"], b'/');
    let destination = listing(
        &[
            "INBOX",
            "INBOX.d\t\\Noselect",
            "INBOX.e\t\\NonExistent",
            "INBOX.g\t\\Noselect",
            "INBOX.n\t\\Noinferiors",
        ],
        b'.',
    );
    let mapping =
        map_all(&source, &layout("", b'/'), &destination, &layout("INBOX.", b'.'), &MappingRules::default());
    assert_eq!(
        shown(&mapping.create),
        ["INBOX.a", "INBOX.a.b", "INBOX.a.b.c", "INBOX.d", "INBOX.e", "INBOX.e.f", "INBOX.g.h", "INBOX.n.m"]
    );
    assert_eq!(
        mapping.notices,
        ["host2 says that nothing can be created below INBOX.n: INBOX.n.m may be refused"]
    );
    // The levels of a prefix are the server's own.
    let deep = layout("home/mail/", b'/');
    let mapping = map_all(&source, &layout("", b'/'), &[], &deep, &MappingRules::default());
    assert_eq!(shown(&mapping.create)[..2], ["home/mail/a", "home/mail/a/b"]);
}

#[test]
fn subscriptions_follow() {
    let mut source = listing(&["INBOX", "a", "b", "c", "d"], b'/');
    for index in [0, 1, 2, 3] {
        source[index].subscribed = true;
    }
    let mut destination = listing(&["INBOX", "a", "b"], b'/');
    destination[1].subscribed = true;
    let same = layout("", b'/');
    let mapping = map_all(&source, &same, &destination, &same, &MappingRules::default());
    assert_eq!(shown(&mapping.subscribe), ["INBOX", "b", "c"]);
}

/// Found by the fuzz target `mapping`: the root of a listing is no place for messages, whatever its attributes say, and
/// no pair leads to a name that is none.
#[test]
fn nothing_goes_to_an_empty_name() {
    let same = layout("", b'/');
    let source = listing(&["\t\\Sent", "Sent\t\\Sent"], b'/');
    let destination = listing(&["\t\\Sent"], b'/');
    let rules = MappingRules { automap: true, ..MappingRules::default() };
    let mapping = map_all(&source, &same, &destination, &same, &rules);
    assert_eq!(told(&source, &mapping), ["Sent>Sent"]);

    let rules = MappingRules { f1f2: vec![("Sent".into(), String::new())], ..MappingRules::default() };
    let error = map(&source, &[1], &same, &destination, &same, &rules).unwrap_err();
    assert_eq!((error.kind(), error.side()), (ErrorKind::Usage, Some(Side::Destination)));
}

/// Found by the fuzz target `mapping`: a separator may be any byte, and notices are for people.
#[test]
fn notices_hold_no_control_characters() {
    let source = listing(&["a"], b'/');
    let (slash, bell) = (layout("", b'/'), layout("", 7));
    let rules = MappingRules { subfolder2: Some("x*/y".into()), ..MappingRules::default() };
    let mapping = map_all(&source, &slash, &[], &bell, &rules);
    assert_eq!(mapping.notices[0], r"--subfolder2 x*/y: taken as x\x07y");
    assert!(!mapping.notices.iter().any(|notice| notice.contains(char::is_control)));
}
