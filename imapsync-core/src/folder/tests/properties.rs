//! What must hold of the folder map for any names.

use super::*;
use proptest::prelude::*;

/// Levels that hold no separator of any server, but letters that must be encoded.
fn ordinary_name() -> impl Strategy<Value = MailboxName> {
    prop::collection::vec("[a-zA-Z0-9é日&+ -]{1,6}", 1..4)
        .prop_map(|levels| MailboxName::from_text(&levels.join("/")))
}

fn any_layout() -> impl Strategy<Value = Layout> {
    prop::sample::select(vec![
        ("", b'/'),
        ("", b'.'),
        ("INBOX.", b'.'),
        ("INBOX/", b'/'),
        ("", b'\\'),
        ("mail^", b'^'),
    ])
    .prop_map(|(prefix, separator)| layout(prefix, separator))
}

proptest! {
    #[test]
    fn there_and_back(name in ordinary_name(), layout1 in any_layout(), layout2 in any_layout()) {
        let rename = |name: &MailboxName, from: &Layout, to: &Layout| {
            let source = [Folder::from_list(name.clone(), Some(from.separator), &[])];
            map(&source, &[0], from, &[], to, &MappingRules::default()).unwrap().pairs[0].destination.clone()
        };
        let start = rename(&name, &layout("", b'/'), &layout1);
        let there = rename(&start, &layout1, &layout2);
        prop_assert_eq!(rename(&there, &layout2, &layout1), start);
        prop_assert_eq!(rename(&there, &layout2, &layout("", b'/')), name);
    }

    #[test]
    fn any_names(
        names in prop::collection::vec("[aAb/._&-]{0,6}|INBOX([/.][ab]){0,2}", 0..12),
        have in prop::collection::vec("[aAb/._&-]{0,6}|inbox([/.][ab]){0,2}", 0..6),
        wire in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..6), 0..4),
        layout1 in any_layout(),
        layout2 in any_layout(),
        automap in any::<bool>(),
        sub2 in prop::option::of("[a/.é]{0,4}"),
    ) {
        let mut source = listing(&names.iter().map(String::as_str).collect::<Vec<_>>(), layout1.separator);
        source.extend(wire.into_iter().map(|w| Folder::from_list(MailboxName::from_wire(w), None, &[])));
        source.push(Folder::from_list(MailboxName::inbox(), None, &[]));
        let destination = listing(&have.iter().map(String::as_str).collect::<Vec<_>>(), layout2.separator);
        let selected = Selection::default().select(&source, &layout1).unwrap();
        let rules = MappingRules { automap, subfolder2: sub2.clone(), ..MappingRules::default() };
        let Ok(mapping) = map(&source, &selected, &layout1, &destination, &layout2, &rules) else {
            return Ok(());
        };
        prop_assert_eq!(mapping.pairs.len(), selected.len());

        for (index, pair) in mapping.pairs.iter().enumerate() {
            if source[pair.source].name.is_inbox() && sub2.is_none() {
                prop_assert!(pair.destination.is_inbox());
            }
            let earlier = mapping.pairs[..index].iter().position(|other| other.destination == pair.destination);
            prop_assert_eq!(pair.merges_with, earlier);
            let listed = pair.destination.is_inbox()
                || destination.iter().any(|folder| folder.name == pair.destination);
            prop_assert_eq!(pair.exists, listed);
            prop_assert_eq!(mapping.create.contains(&pair.destination), !pair.exists);
        }
        for (index, name) in mapping.create.iter().enumerate() {
            prop_assert!(!name.is_inbox());
            prop_assert!(!mapping.create[..index].contains(name));
            prop_assert!(!destination.iter().any(|folder| folder.name == *name));
            // Parents stand before it, or are there.
            for parent in name.parents(layout2.separator) {
                prop_assert!(
                    parent.is_inbox()
                        || layout2.prefix.starts_with(parent.as_wire())
                        || destination.iter().any(|folder| folder.name == parent)
                        || mapping.create[..index].contains(&parent)
                );
            }
        }

        // Done once, there is nothing left to do, and nothing moves.
        let mut after = destination;
        after.extend(mapping.create.iter().map(|n| Folder::from_list(n.clone(), Some(layout2.separator), &[])));
        let rules = MappingRules { automap: false, ..rules };
        if !automap {
            let again = map(&source, &selected, &layout1, &after, &layout2, &rules).unwrap();
            prop_assert!(again.create.is_empty());
            let names = |mapping: &Mapping| -> Vec<MailboxName> {
                mapping.pairs.iter().map(|pair| pair.destination.clone()).collect()
            };
            prop_assert_eq!(names(&again), names(&mapping));
        }
    }
}
