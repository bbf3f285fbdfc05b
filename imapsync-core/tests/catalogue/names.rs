//! F. LIST, names, local files.

use crate::case::*;
use imapsync_core::Event;
use imapsync_core::Side;
use imapsync_core::testing::{Act, Call, Mail, Parents, Server};
use std::collections::BTreeSet;

/// Changes what a server lists, each time.
fn listed(server: &Server, change: impl Fn(&str) -> String + Send + Sync + 'static) {
    let lists = |call: &Call<'_>| call.is("LIST") || call.is("LSUB") || call.is("NAMESPACE");
    server.hook(times(usize::MAX, lists, text(move |text| change(&text))));
}

/// Puts lines in front of every answer to LIST.
fn also_listed(server: &Server, lines: &[u8]) {
    let lines = lines.to_vec();
    let change = move |bytes: Vec<u8>| [lines.as_slice(), &bytes].concat();
    server.hook(times(usize::MAX, |call| call.is("LIST"), edit(change)));
}

/// The names of the folders that are there.
fn names(server: &Server) -> BTreeSet<String> {
    let mail = server.mail();
    let there = |name: &&String| {
        let folder = &mail.folders[*name];
        !folder.ghost && !folder.attributes.iter().any(|one| one == "\\Noselect")
    };
    mail.folders.keys().filter(there).cloned().collect()
}

/// One message in each of these folders of the source.
fn folders(pair: &Pair, names: &[&str]) {
    for (n, name) in names.iter().enumerate() {
        pair.source.mail().folder(name).add(message("folders", n), &["\\Seen"]);
    }
}

#[tokio::test(start_paused = true)]
async fn case_093_list_storms() {
    let line = |n: usize| format!("* LIST (\\HasNoChildren) \"/\" \"Storm {n}\"\r\n");
    for side in SIDES {
        // Different folders, one folder again and again, one folder of a name that fills the memory by itself.
        let long = format!("* LIST () \"/\" \"{}\"\r\n", "x".repeat(600_000));
        for storm in [(0..600).map(line).collect::<String>(), line(1).repeat(600), long] {
            let case = Case::modern().options(|options| options.folder_limit = 500);
            let outcome = case.run(|pair| also_listed(pair.server(side), storm.as_bytes())).await;
            outcome.assert_reported("lists more than 500 folders");
            assert_eq!(outcome.error().side(), Some(side));
            assert_eq!(outcome.connections, [1, 1], "nothing gets better when it is asked again");
        }
        // The same number is borne where it is one folder, and that one is there once.
        let repeated = "* LIST (\\HasNoChildren) \"/\" Work\r\n".repeat(400);
        let case = Case::modern().options(|options| options.folder_limit = 500);
        let outcome = case.run(|pair| also_listed(pair.server(side), repeated.as_bytes())).await;
        outcome.assert_borne();
        let opened =
            outcome.count(Side::Source, "EXAMINE \"Work\"") + outcome.count(Side::Source, "EXAMINE Work");
        assert_eq!(opened, 2, "to list it and to copy it");
    }
}

/// What no path of a file system would bear is a name like any other; what cannot be sent is never sent.
#[tokio::test(start_paused = true)]
async fn case_094_names_that_are_traps() {
    let long = "l".repeat(10_000);
    let traps = [
        "..",
        "../../../etc/passwd",
        "a/../b",
        "C:\\CON",
        "cr\r\nA1 DELETE INBOX\r\nlf",
        "lone\rcr",
        "esc\u{1b}[31mred",
        "%s*%",
        "quote\"back\\slash",
        "{5}",
        "NIL",
        " blank ",
        &long,
    ];
    for capabilities in [MODERN, PLAIN] {
        let traps: Vec<String> = traps.iter().map(|&name| name.to_owned()).collect();
        let wanted: BTreeSet<String> = traps.iter().cloned().chain(["INBOX".to_owned()]).collect();
        let case = Case::new(capabilities, capabilities);
        let case = case.setup(move |pair| {
            folders(pair, &traps.iter().map(String::as_str).collect::<Vec<_>>());
            pair.destination.mail().quirks.parents = Parents::Usable;
        });
        let outcome = case.run(|_| {}).await;
        outcome.assert_borne().assert_no_offence();
        let there = names(&outcome.pair.destination);
        assert!(wanted.is_subset(&there), "{:?}", wanted.difference(&there));
        // As long as the answer of a server may be, no line for people is.
        for event in &outcome.events {
            assert!(format!("{event:?}").len() < 5000, "{event:?}");
        }
        // What is below no folder at all, and what no string can hold.
        for name in ["{3}\r\na\0b", "\"/absolute\"", "\"empty//level\"", "\"end/\"", "\"\"", "{0}\r\n"] {
            let lines = format!("* LIST () \"/\" {name}\r\n");
            let outcome = Case::new(capabilities, capabilities)
                .run(|pair| also_listed(&pair.source, lines.as_bytes()))
                .await;
            outcome.assert_no_offence();
            assert_eq!(outcome.report().tally.copied, 8, "{name:?}");
            // The root of all names is no folder; the others are not there, and that is told.
            let root = matches!(name, "\"\"" | "{0}\r\n");
            assert_eq!(outcome.report().is_success(), root, "{name:?} {:?}", outcome.report().errors);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_095_separators_of_all_kinds() {
    // One byte separates levels, whatever it is; what is longer does not.
    for (separator, levels) in
        [('"', true), ('\\', true), ('.', true), ('^', true), (' ', true), ('é', false)]
    {
        for side in SIDES {
            let name = |on: Side| if on == side { format!("A{separator}B") } else { "A/B".to_owned() };
            let (from, to) = match levels {
                true => (name(Side::Source), name(Side::Destination)),
                false => ("AéB".to_owned(), "A&AOk-B".to_owned()),
            };
            let case = Case::modern().setup(move |pair| {
                pair.server(side).mail().separator = separator;
                folders(pair, &["INBOX", &from]);
            });
            let outcome = case.run(|_| {}).await;
            outcome.assert_borne().assert_no_offence();
            let there = names(&outcome.pair.destination);
            assert!(there.contains(&to), "{separator:?} {side} {to} {there:?}");
        }
    }
    // NIL, and NAMESPACE that contradicts LIST.
    type Change = fn(&str) -> String;
    let changes: [Change; 4] = [
        |text| text.replace("\"/\"", "NIL"),
        |text| text.replace("(\"\" \"/\")", "(\"\" \".\")"),
        |text| text.replace("(\"\" \"/\")", "(\"\" NIL)"),
        |text| text.replace("NIL NIL", "((\"Others.\" \".\")) ((\"#shared/\" \"/\")(\"#news.\" \".\"))"),
    ];
    for side in SIDES {
        for change in changes {
            let case = Case::modern().setup(|pair| folders(pair, &["INBOX", "A/B", "A/B/C.D"]));
            case.run(|pair| listed(pair.server(side), change)).await.assert_borne().assert_no_offence();
        }
    }
    // Each folder has the separator of its own line.
    let outcome = Case::modern()
        .setup(|pair| {
            folders(pair, &["INBOX", "A/B.C", "#news.comp.lang"]);
            pair.destination.mail().separator = '^';
        })
        .bodies_only()
        .run(|_| {})
        .await;
    outcome.assert_borne();
    assert!(names(&outcome.pair.destination).contains("A^B.C"));
}

#[tokio::test(start_paused = true)]
async fn case_096_one_inbox() {
    type Change = fn(&str) -> String;
    let changes: [Change; 4] = [
        |text| text.replace("\"INBOX\"", "\"Inbox\""),
        |text| text.replace("\"INBOX\"", "inbox"),
        |text| {
            format!("* LIST () \"/\" inbox\r\n{text}* LIST (\\HasNoChildren) \"/\" \"InBox\"\r\n")
                .replacen("{", "{", 1)
        },
        |text| text.split_inclusive("\r\n").filter(|line| !line.contains("INBOX")).collect(),
    ];
    for side in SIDES {
        for mode in Mode::ALL {
            for (n, change) in changes.into_iter().enumerate() {
                let outcome = mode
                    .case(MODERN, MODERN)
                    .run(|pair| {
                        let lists = |call: &Call<'_>| call.is("LIST");
                        pair.server(side).hook(times(
                            usize::MAX,
                            lists,
                            text(move |text| {
                                // The tagged line stays the last one.
                                let at = text[..text.len() - 2].rfind('\n').map_or(0, |at| at + 1);
                                format!("{}{}", change(&text[..at]), &text[at..])
                            }),
                        ));
                    })
                    .await;
                outcome.assert_borne().assert_no_offence();
                assert_eq!(outcome.count(Side::Destination, "CREATE"), 1, "{n}: Work alone is new");
                assert_eq!(outcome.report().tally.copied, 6, "{n}");
            }
        }
    }
}

/// The notices that were told before anything was created or copied.
fn told_before(outcome: &Outcome) -> Vec<String> {
    let begun = |event: &&Event| !matches!(event, Event::Created { .. } | Event::Message { .. });
    let notice = |event: &Event| match event {
        Event::Notice { text, .. } => Some(text.clone()),
        _ => None,
    };
    outcome.events.iter().take_while(begun).filter_map(notice).collect()
}

#[tokio::test(start_paused = true)]
async fn case_097_names_that_are_not_canonical_or_collide() {
    // What is no modified UTF-7 keeps its bytes, but for raw UTF-8, which a server need not take. U+F7E9 stands for 0xE9.
    let strange = [
        ("bad&name", "bad&name"),
        ("R&-D", "R&-D"),
        ("R&AC0-D", "R&AC0-D"),
        ("a&AGE-b", "a&AGE-b"),
        ("Caf\u{e9}", "Caf&AOk-"),
        ("Cafe\u{301}", "Cafe&AwE-"),
        ("latin\u{f7e9}", "latin\u{f7e9}"),
        ("&2D3cqQ-", "&2D3cqQ-"),
    ];
    for capabilities in [MODERN, PLAIN] {
        let outcome = Case::new(capabilities, capabilities)
            .setup(move |pair| folders(pair, &strange.map(|(from, _)| from)))
            .run(|_| {})
            .await;
        outcome.assert_borne().assert_no_offence();
        let there = names(&outcome.pair.destination);
        assert!(strange.iter().all(|(_, to)| there.contains(*to)), "{there:?}");
    }
    // Two spellings of one name, of which the destination has but one.
    let outcome = Case::modern().setup(|pair| folders(pair, &["Caf\u{e9}", "Caf&AOk-"])).run(|_| {}).await;
    outcome.assert_borne();
    assert!(told_before(&outcome).iter().any(|text| text.contains("both go to Caf\u{e9}")));
    assert_eq!(outcome.pair.destination.messages("Caf&AOk-").len(), 2);
    // Names that a destination takes for one: it is said before anything is copied, and nothing is lost or doubled.
    let outcome = Case::modern()
        .setup(|pair| {
            folders(pair, &["INBOX", "Work", "work", "WORK/Old", "Work/old"]);
            pair.destination.mail().quirks.caseless_names = true;
        })
        .run(|_| {})
        .await;
    outcome.assert_borne();
    let told = told_before(&outcome);
    for pair in ["Work, work", "WORK/Old, Work/old"] {
        assert!(
            told.iter().any(|text| text.contains(pair) && text.contains("differ in case only")),
            "{told:#?}"
        );
    }
    let copies =
        outcome.pair.destination.mail().folders.values().map(|folder| folder.messages.len()).sum::<usize>();
    assert_eq!(copies, 5);
    // Two folders that the user sends to one.
    let outcome = Case::modern()
        .setup(|pair| folders(pair, &["INBOX", "Work", "Play"]))
        .options(|options| {
            options.mapping.f1f2 = vec![("Work".into(), "All".into()), ("Play".into(), "All".into())];
        })
        .run(|_| {})
        .await;
    outcome.assert_borne();
    let told = told_before(&outcome);
    assert!(told.iter().any(|text| text.contains("Play and Work of host1 both go to All")), "{told:#?}");
    assert_eq!(outcome.pair.destination.messages("All").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn case_098_folders_that_cannot_be_opened_or_are_not_listed() {
    // Levels of the hierarchy are no folders to copy, and no reason to fail.
    for attribute in ["\\Noselect", "\\NonExistent", "\\NOSELECT"] {
        let outcome = Case::modern()
            .setup(move |pair| {
                folders(pair, &["INBOX", "Level/Below"]);
                pair.source.mail().folder("Level").attributes = vec![attribute.to_owned()];
            })
            .run(|_| {})
            .await;
        outcome.assert_borne();
        assert_eq!(
            outcome.count(Side::Source, "EXAMINE \"Level\"") + outcome.count(Side::Source, "EXAMINE Level\r"),
            0
        );
        assert_eq!(outcome.report().tally.copied, 2);
    }
    for mode in Mode::ALL {
        // Listed on the source, and not to be opened.
        let outcome = mode
            .case(MODERN, MODERN)
            .run(|pair| also_listed(&pair.source, b"* LIST () \"/\" Phantom\r\n"))
            .await;
        assert_eq!(outcome.report().tally.copied, 6);
        assert!(outcome.report().errors.iter().any(|error| error.folder() == Some("Phantom")));
        // There on the destination, and not listed: it is found when it is to be created.
        let outcome = mode
            .case(MODERN, MODERN)
            .setup(|pair| {
                fill(&pair.source, "INBOX", 5);
                fill(&pair.source, "Work", 3);
                fill(&pair.destination, "Work", 2);
            })
            .run(|pair| {
                listed(&pair.destination, |text| {
                    text.split_inclusive("\r\n").filter(|line| !line.contains("Work")).collect()
                });
            })
            .await;
        outcome.assert_borne();
        assert_eq!(outcome.report().tally.copied, 6, "{mode:?}: nothing twice");
    }
}

/// Puts messages where the server says it has put the folder.
#[tokio::test(start_paused = true)]
async fn case_099_create_that_does_something_else() {
    // It is there although it was not listed.
    let exists = |code: &'static str| {
        move |mail: &mut Mail, call: &Call<'_>| {
            if call.is("CREATE") {
                mail.folder("Work");
                return Act::Say(format!("{{tag}} NO {code}it is there\r\n"));
            }
            Act::Pass
        }
    };
    for code in ["[ALREADYEXISTS] ", ""] {
        Case::modern().run(|pair| pair.destination.hook(exists(code))).await.assert_borne();
    }
    // OK, and it is not there (Gmail: reserved names).
    let outcome = Case::modern()
        .run(|pair| {
            pair.destination.hook(times(usize::MAX, |call| call.is("CREATE"), say("{tag} OK done\r\n")));
        })
        .await;
    outcome.assert_reported("folder Work");
    assert_eq!((outcome.report().tally.copied, outcome.report().tally.failed), (5, 3));
    // Another name than was asked for: nothing is put in a place that nobody has seen, and that is told.
    let outcome = Case::modern()
        .run(|pair| {
            pair.destination.hook(|mail, call| {
                if call.is("CREATE") {
                    mail.folder("INBOX/Work");
                    return Act::Say("* LIST () \"/\" INBOX/Work\r\n{tag} OK created elsewhere\r\n".into());
                }
                Act::Pass
            });
        })
        .await;
    outcome.assert_reported("folder Work");
    assert!(outcome.pair.destination.messages("INBOX/Work").is_empty());
}

#[tokio::test(start_paused = true)]
async fn case_100_special_use_twice_or_on_inbox() {
    let give = |mail: &mut Mail, folder: &str, attribute: &str| {
        mail.folder(folder).attributes = vec![attribute.to_owned()];
    };
    for twice in SIDES {
        let outcome = Case::new("IMAP4rev1 UIDPLUS SPECIAL-USE", "IMAP4rev1 UIDPLUS SPECIAL-USE")
            .setup(move |pair| {
                for (side, names) in
                    SIDES.into_iter().zip([["Sent 1", "Sent 2"], ["Gesendet 1", "Gesendet 2"]])
                {
                    let mut mail = pair.server(side).mail();
                    give(&mut mail, names[0], "\\Sent");
                    give(&mut mail, "INBOX", "\\Trash");
                    if side == twice {
                        give(&mut mail, names[1], "\\Sent");
                    }
                }
                folders(pair, &["INBOX", "Sent 1", "Sent 2", "Bin"]);
                give(&mut pair.source.mail(), "Bin", "\\Junk");
            })
            .options(|options| options.mapping.automap = true)
            .run(|_| {})
            .await;
        outcome.assert_borne();
        let destination = &outcome.pair.destination;
        assert_eq!(destination.messages("Gesendet 1").len(), 1, "the first of them counts");
        assert_eq!((destination.messages("INBOX").len(), destination.messages("Sent 2").len()), (1, 1));
        let notices = outcome.notices().join("\n");
        assert!(notices.contains("\\Trash on INBOX does not count"), "{notices}");
        let second = if twice == Side::Source { "Sent 2" } else { "Gesendet 2" };
        assert!(notices.contains("two folders are \\Sent: automap takes"), "{notices}");
        assert!(notices.contains(&format!("not {second}")), "{notices}");
    }
}

/// There is no `--delete2folders`: whatever is asked for, no folder is deleted, with or without others in it.
#[tokio::test(start_paused = true)]
async fn case_101_no_folder_is_ever_deleted() {
    for mode in Mode::ALL {
        let outcome = mode
            .case(MODERN, MODERN)
            .setup(|pair| {
                fill(&pair.source, "INBOX", 3);
                for folder in ["INBOX/Below", "Old", "Old/Older", "Empty"] {
                    fill(&pair.destination, folder, if folder == "Empty" { 0 } else { 2 });
                    pair.destination.mail().folder(folder);
                }
            })
            .run(|_| {})
            .await;
        outcome.assert_borne();
        for side in SIDES {
            assert_eq!(outcome.count(side, "DELETE") + outcome.count(side, "RENAME"), 0);
        }
        let there = names(&outcome.pair.destination);
        assert!(["INBOX/Below", "Old", "Old/Older", "Empty"].iter().all(|name| there.contains(*name)));
        assert_eq!(outcome.pair.destination.messages("Old").len(), 2);
    }
}
