//! The folder map: every chosen folder gets at most one place, merges are told, and nothing is created twice.
#![no_main]

use imapsync_core::folder::{Folder, Layout, MappingRules, Selection, map};
use imapsync_core::imap::name::MailboxName;
use imapsync_core::substitution::Substitution;
use libfuzzer_sys::fuzz_target;
use std::collections::{HashMap, HashSet};

/// A name, and a number that says the rest.
type Entry<'a> = (&'a [u8], u8);

fn folders(entries: &[Entry<'_>]) -> Vec<Folder> {
    const ATTRIBUTES: [&str; 8] = [
        "\\Sent",
        "\\Trash",
        "\\Noselect",
        "\\NonExistent",
        "\\Noinferiors",
        "\\Subscribed",
        "\\Junk",
        "\\x",
    ];
    let folder = |(name, number): &Entry<'_>| {
        let separator = [Some(b'/'), Some(b'.'), Some(b'\\'), None][usize::from(number % 4)];
        let attribute = ATTRIBUTES[usize::from(number / 4 % 8)].to_owned();
        Folder::from_list(MailboxName::from_wire(*name), separator, &[attribute])
    };
    entries.iter().map(folder).collect()
}

fuzz_target!(|input: (Vec<Entry<'_>>, Vec<Entry<'_>>, [Option<&str>; 7], u8)| {
    let (source, destination, [sub1, sub2, prefix1, prefix2, sep2, f1, edit], switches) = input;
    let (source, destination) = (folders(&source), folders(&destination));
    let text = |option: Option<&str>| option.map(str::to_owned);
    let rules = MappingRules {
        f1f2: f1
            .and_then(|pair| pair.split_once('='))
            .map(|(a, b)| (a.into(), b.into()))
            .into_iter()
            .collect(),
        automap: switches & 1 != 0,
        subfolder1: text(sub1),
        subfolder2: text(sub2),
        prefix1: text(prefix1),
        prefix2: text(prefix2),
        sep1: None,
        sep2: text(sep2),
        regextrans2: edit.and_then(|edit| Substitution::parse(edit).ok()).into_iter().collect(),
        fixslash2: switches & 2 != 0,
        fix_inbox: switches & 4 != 0,
        mixfolders: switches & 8 != 0,
    };
    let [layout1, layout2] = [&source, &destination].map(|folders| Layout::find(None, folders, None, None));
    let Ok(chosen) = Selection::default().select(&source, &layout1) else { return };
    let Ok(mapping) = map(&source, &chosen, &layout1, &destination, &layout2, &rules) else { return };

    let mut sources = HashSet::new();
    let mut first = HashMap::new();
    for (index, pair) in mapping.pairs.iter().enumerate() {
        assert!(chosen.contains(&pair.source) && sources.insert(pair.source));
        assert!(!pair.destination.is_empty());
        let known = *first.entry(&pair.destination).or_insert(index);
        assert_eq!(pair.merges_with, (known != index).then_some(known), "{mapping:?}");
        assert!(pair.exists || mapping.create.contains(&pair.destination), "{mapping:?}");
    }
    for created in [&mapping.create, &mapping.subscribe] {
        assert_eq!(created.iter().collect::<HashSet<_>>().len(), created.len(), "{created:?}");
    }
    assert!(!mapping.notices.iter().any(|notice| notice.contains(char::is_control)), "{:?}", mapping.notices);
});
