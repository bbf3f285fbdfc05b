//! The folder map: every chosen folder gets at most one place, merges are told, and nothing is created twice.

use crate::input::Input;
use imapsync_core::folder::{Folder, Layout, MappingRules, Selection, map};
use imapsync_core::imap::name::MailboxName;
use imapsync_core::substitution::Substitution;
use std::collections::{HashMap, HashSet};

/// Attributes that a number stands for.
const ATTRIBUTES: [&str; 8] =
    ["\\Sent", "\\Trash", "\\Noselect", "\\NonExistent", "\\Noinferiors", "\\Subscribed", "\\Junk", "\\x"];

/// Reads lines: the switches; subfolder1, subfolder2, prefix1, prefix2, sep2, f1f2 and regextrans2, each empty where it
/// is not given; then the folders, each with its side (`1` or `2`), a digit for its separator and one for its attribute.
pub fn one(data: &[u8]) {
    let mut input = Input(data);
    let switches = input.number();
    input.until(b'\n');
    let [sub1, sub2, prefix1, prefix2, sep2, f1f2, edit] = [(); 7].map(|()| {
        let text = input.text(b'\n');
        (!text.is_empty()).then_some(text)
    });
    let rules = MappingRules {
        f1f2: f1f2
            .iter()
            .filter_map(|pair| pair.split_once('='))
            .map(|(a, b)| (a.into(), b.into()))
            .collect(),
        automap: switches & 1 != 0,
        subfolder1: sub1,
        subfolder2: sub2,
        prefix1,
        prefix2,
        sep1: None,
        sep2,
        regextrans2: edit.and_then(|edit| Substitution::parse(&edit).ok()).into_iter().collect(),
        fixslash2: switches & 2 != 0,
        fix_inbox: switches & 4 != 0,
        mixfolders: switches & 8 != 0,
    };
    let [mut source, mut destination] = [const { Vec::new() }; 2];
    while !input.0.is_empty() {
        let mut line = Input(input.until(b'\n'));
        let [side, separator, attribute] = [(); 3].map(|()| line.number());
        let separator = [Some(b'/'), Some(b'.'), Some(b'\\'), None][usize::from(separator % 4)];
        let attribute = ATTRIBUTES[usize::from(attribute % 8)].to_owned();
        let folder = Folder::from_list(MailboxName::from_wire(line.0), separator, &[attribute]);
        let folders: &mut Vec<Folder> = if side % 2 == 1 { &mut source } else { &mut destination };
        // A listing has each name once.
        if folders.iter().all(|known| known.name != folder.name) {
            folders.push(folder);
        }
    }
    check(&source, &destination, &rules);
}

fn check(source: &[Folder], destination: &[Folder], rules: &MappingRules) {
    let [layout1, layout2] = [source, destination].map(|folders| Layout::find(None, folders, None, None));
    let Ok(chosen) = Selection::default().select(source, &layout1) else { return };
    let mapping = match map(source, &chosen, &layout1, destination, &layout2, rules) {
        Ok(mapping) => mapping,
        Err(error) => return assert!(!error.to_string().contains(char::is_control), "{error}"),
    };
    assert_eq!(map(source, &chosen, &layout1, destination, &layout2, rules).ok().as_ref(), Some(&mapping));

    let there: HashSet<_> = destination.iter().filter(|f| f.is_selectable()).map(|f| &f.name).collect();
    let mut sources = HashSet::new();
    let mut first = HashMap::new();
    for (index, pair) in mapping.pairs.iter().enumerate() {
        assert!(chosen.contains(&pair.source) && sources.insert(pair.source));
        assert!(!pair.destination.is_empty());
        let known = *first.entry(&pair.destination).or_insert(index);
        assert_eq!(pair.merges_with, (known != index).then_some(known), "{mapping:?}");
        assert!(pair.exists || mapping.create.contains(&pair.destination), "{mapping:?}");
        assert!(!there.contains(&pair.destination) || pair.exists, "{mapping:?}");
    }
    for made in [&mapping.create, &mapping.subscribe] {
        assert_eq!(made.iter().collect::<HashSet<_>>().len(), made.len(), "{made:?}");
    }
    assert!(mapping.create.iter().all(|name| !there.contains(name)), "{mapping:?}");
    // A folder that is left out is told, but for what `subfolder1` does not want.
    let all = mapping.pairs.len() == chosen.len() || rules.subfolder1.is_some();
    assert!(all || !mapping.notices.is_empty(), "{mapping:?}");
    assert!(!mapping.notices.iter().any(|notice| notice.contains(char::is_control)), "{:?}", mapping.notices);
}
