//! Listings, layouts and selection as tables; what the tests of the folder map share.

mod map_rules;
mod properties;

use super::*;
use crate::error::{ErrorKind, Side};
use crate::substitution::{Pattern, Substitution};

/// Folders from `name` or `name attribute attribute ...`; names are typed as users do, separated by a tab.
fn listing(lines: &[&str], separator: u8) -> Vec<Folder> {
    lines
        .iter()
        .map(|line| {
            let mut fields = line.split('\t');
            let name = MailboxName::from_option(fields.next().unwrap());
            let attributes: Vec<String> = fields.map(str::to_owned).collect();
            Folder::from_list(name, Some(separator), &attributes)
        })
        .collect()
}

fn layout(prefix: &str, separator: u8) -> Layout {
    Layout { prefix: prefix.into(), separator }
}

fn shown(names: &[MailboxName]) -> Vec<String> {
    names.iter().map(MailboxName::display).collect()
}

fn edits(texts: &[&str]) -> Vec<Substitution> {
    texts.iter().map(|text| Substitution::parse(text).unwrap()).collect()
}

/// A mapping of all folders between two layouts.
fn map_all(
    source: &[Folder],
    layout1: &Layout,
    destination: &[Folder],
    layout2: &Layout,
    rules: &MappingRules,
) -> Mapping {
    let selected = Selection::default().select(source, layout1).unwrap();
    map(source, &selected, layout1, destination, layout2, rules).unwrap()
}

/// The destination of one folder where the destination has nothing but INBOX.
fn renamed(name: &str, layout1: &Layout, layout2: &Layout, rules: &MappingRules) -> String {
    let source = listing(&[name], layout1.separator);
    let mapping =
        map(&source, &[0], layout1, &listing(&["INBOX"], layout2.separator), layout2, rules).unwrap();
    mapping.pairs[0].destination.display()
}

/// Destination names in the order of the source listing's names, `name>destination`.
fn told(source: &[Folder], mapping: &Mapping) -> Vec<String> {
    mapping.pairs.iter().map(|pair| format!("{}>{}", source[pair.source].name, pair.destination)).collect()
}

#[test]
fn attributes_of_list() {
    let folders = listing(
        &[
            "a",
            "b\t\\NOSELECT\t\\haschildren",
            "c\t\\NonExistent",
            "d\t\\Noinferiors\t\\HasNoChildren\t\\Marked",
            "e\t\\Subscribed\t\\Trash\t\\Junk",
            "f\t\\AllMail",
            "g\t\\Spam",
            "h\t\\Starred",
            "i\t\\Important",
        ],
        b'/',
    );
    let selectable: Vec<bool> = folders.iter().map(Folder::is_selectable).collect();
    assert!(!listing(&["\t\\Sent"], b'/')[0].is_selectable(), "the root is no folder");
    assert_eq!(selectable, [true, false, false, true, true, true, true, true, true]);
    assert_eq!(folders[1].attributes, Attributes::NOSELECT | Attributes::HASCHILDREN);
    assert_eq!(folders[3].attributes, Attributes::NOINFERIORS | Attributes::HASNOCHILDREN);
    assert!(folders[4].subscribed && !folders[0].subscribed);
    let uses: Vec<Option<SpecialUse>> = folders.iter().skip(4).map(|folder| folder.special_use).collect();
    let expected =
        [SpecialUse::Trash, SpecialUse::All, SpecialUse::Junk, SpecialUse::Flagged, SpecialUse::Important];
    assert_eq!(uses, expected.map(Some));
    for special_use in SpecialUse::EVERY {
        assert_eq!(SpecialUse::parse(special_use.attribute().trim_start_matches('\\')), Some(special_use));
    }
}

#[test]
fn layouts() {
    type Namespace = Option<(&'static [u8], Option<u8>)>;
    let nil: Vec<Folder> = ["INBOX", r"a\b", r"a\c", "x/y"]
        .map(|name| Folder::from_list(MailboxName::from_wire(name), None, &[]))
        .to_vec();
    let slash = listing(&["INBOX", "a/b", "c.d.e"], b'/');
    let under = listing(&["INBOX", "INBOX.a", "inbox.b"], b'.');
    let mixed = listing(&["INBOX", "INBOX.a", "Sent"], b'.');
    let only = listing(&["INBOX"], b'.');
    type Row<'a> = (&'a str, Namespace, &'a [Folder], Option<&'a str>, Option<&'a str>, &'a str, u8);
    let table: &[Row<'_>] = &[
        ("Courier", Some((b"INBOX.", Some(b'.'))), &[], None, None, "INBOX.", b'.'),
        ("Gmail", Some((b"", Some(b'/'))), &slash, None, None, "", b'/'),
        ("NAMESPACE that LIST contradicts", Some((b"", Some(b'/'))), &under, None, None, "", b'.'),
        ("NAMESPACE without separator", Some((b"", None)), &under, None, None, "", b'.'),
        ("LIST", None, &slash, None, None, "", b'/'),
        ("LIST, all below INBOX", None, &under, None, None, "INBOX.", b'.'),
        ("LIST, not all below INBOX", None, &mixed, None, None, "", b'.'),
        ("nothing but INBOX", None, &only, None, None, "", b'.'),
        ("guess", None, &nil, None, None, "", b'\\'),
        ("nothing known", None, &[], None, None, "", b'/'),
        ("options", Some((b"INBOX.", Some(b'.'))), &under, Some("mail/"), Some("/"), "mail/", b'/'),
        ("empty options", Some((b"INBOX.", Some(b'.'))), &under, Some(""), Some(""), "", b'.'),
    ];
    for (what, namespace, folders, prefix, sep, expected_prefix, expected_sep) in table {
        let found = Layout::find(*namespace, folders, *prefix, *sep);
        assert_eq!(found, layout(expected_prefix, *expected_sep), "{what}");
    }
}

#[test]
fn selections() {
    let mut folders = listing(
        &[
            "INBOX",
            "Work",
            "Work/2024",
            "Work/2023",
            "Workshop",
            "[Gmail]\t\\Noselect",
            "[Gmail]/Trash",
            "Entwürfe",
            "R&D",
            "inbox",
            "Work",
        ],
        b'/',
    );
    folders[3].subscribed = true;
    folders[7].subscribed = true;
    let texts = |list: &[&str]| -> Vec<String> { list.iter().map(|&text| text.to_owned()).collect() };
    let patterns =
        |list: &[&str]| -> Vec<Pattern> { list.iter().map(|text| Pattern::parse(text).unwrap()).collect() };
    let all = ["Entwürfe", "INBOX", "R&D", "Work", "Work/2023", "Work/2024", "Workshop", "[Gmail]/Trash"];
    let table: Vec<(Selection, Vec<&str>)> = vec![
        (Selection::default(), all.to_vec()),
        (
            Selection { folders: texts(&["Work", "inbox", "R&-D"]), ..Selection::default() },
            vec!["INBOX", "R&D", "Work"],
        ),
        (
            Selection { folders: texts(&["Entw&APw-rfe", "R&D"]), ..Selection::default() },
            vec!["Entwürfe", "R&D"],
        ),
        (
            Selection { subtrees: texts(&["Work"]), ..Selection::default() },
            vec!["Work", "Work/2023", "Work/2024"],
        ),
        (Selection { subtrees: texts(&["[Gmail]"]), ..Selection::default() }, vec!["[Gmail]/Trash"]),
        (Selection { subscribed: true, ..Selection::default() }, vec!["Entwürfe", "Work/2023"]),
        (
            Selection { subscribed: true, folders: texts(&["INBOX"]), ..Selection::default() },
            vec!["Entwürfe", "INBOX", "Work/2023"],
        ),
        (
            Selection {
                include: patterns(&["^Work"]),
                exclude: patterns(&["2023$"]),
                ..Selection::default()
            },
            vec!["Work", "Work/2024", "Workshop"],
        ),
        (
            Selection {
                include: patterns(&["shop"]),
                folders: texts(&["INBOX"]),
                exclude: patterns(&["INBOX"]),
                ..Selection::default()
            },
            vec!["Workshop"],
        ),
        // Either spelling of the name may match.
        (Selection { include: patterns(&["würfe"]), ..Selection::default() }, vec!["Entwürfe"]),
        (Selection { include: patterns(&["&APw-"]), ..Selection::default() }, vec!["Entwürfe"]),
        (Selection { exclude: patterns(&["(?i)work|G|R|Entw"]), ..Selection::default() }, vec!["INBOX"]),
        (
            Selection {
                first: texts(&["Work/2024", "INBOX", "absent"]),
                last: texts(&["Work", "Entwürfe"]),
                exclude: patterns(&[r"\[|R"]),
                ..Selection::default()
            },
            vec!["Work/2024", "INBOX", "Work/2023", "Workshop", "Work", "Entwürfe"],
        ),
    ];
    for (selection, expected) in table {
        let chosen = selection.select(&folders, &layout("", b'/')).unwrap();
        let names: Vec<String> = chosen.iter().map(|&index| folders[index].name.display()).collect();
        assert_eq!(names, expected, "{selection:?}");
    }
}

#[test]
fn a_wanted_folder_that_is_missing_is_an_error() {
    let folders = listing(&["INBOX", "Work", "[Gmail]\t\\Noselect"], b'/');
    for (selection, named) in [
        (Selection { folders: vec!["Wrok".into()], ..Selection::default() }, "Wrok"),
        (Selection { folders: vec!["work".into()], ..Selection::default() }, "work"),
        (Selection { folders: vec!["[Gmail]".into()], ..Selection::default() }, "[Gmail]"),
        (Selection { subtrees: vec!["Wor".into()], ..Selection::default() }, "Wor"),
        (Selection { folders: vec!["x".into(), "y".into()], ..Selection::default() }, "x, y"),
    ] {
        let error = selection.select(&folders, &layout("", b'/')).unwrap_err();
        assert_eq!((error.kind(), error.side()), (ErrorKind::FolderMissing, Some(Side::Source)));
        assert!(error.to_string().contains(named), "{error}");
    }
}

#[test]
fn wanted_names_may_leave_out_the_prefix() {
    let folders = listing(&["INBOX", "INBOX.Sent", "INBOX.Sent.2024", "INBOX.x"], b'.');
    let courier = layout("INBOX.", b'.');
    let select = |selection: Selection| selection.select(&folders, &courier).unwrap();
    assert_eq!(select(Selection { folders: vec!["Sent".into()], ..Selection::default() }), [1]);
    assert_eq!(select(Selection { subtrees: vec!["Sent".into()], ..Selection::default() }), [1, 2]);
    assert_eq!(select(Selection { last: vec!["Sent".into()], ..Selection::default() }), [0, 2, 3, 1]);
}
