//! D. The state of mailboxes: OK that is not to be believed, listings that do not add up, other clients at work.

use crate::case::*;
use imapsync_core::Side;
use imapsync_core::testing::{Act, Call, Mail, Message, Stage};

/// The third APPEND is answered with OK, and its message is in the bin.
#[tokio::test(start_paused = true)]
async fn case_067_append_ok_but_the_message_is_not_there() {
    for capabilities in [MODERN, PLAIN] {
        for mode in Mode::ALL {
            for foreign in [false, true] {
                let outcome = mode
                    .case(MODERN, capabilities)
                    .meanwhile(Side::Destination, move |mail| {
                        if foreign {
                            inbox(mail).add(message("foreign", 1), &[]);
                        }
                    })
                    .run(|pair| {
                        pair.destination.hook(|mail, call| {
                            if is_stored(call) && call.nth == 3 {
                                inbox(mail).messages.pop();
                            }
                            Act::Pass
                        });
                        pair.meanwhile(|call| call.appends() && call.nth == 2, pass);
                    })
                    .await;
                if !foreign || mode == Mode::Delete1 {
                    outcome.assert_reported("not there");
                    assert_eq!(outcome.report().tally.failed, 1);
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_068_a_group_that_was_stored_in_part() {
    const GROUPS: &str = "IMAP4rev1 UIDPLUS LITERAL+ MULTIAPPEND";
    let outcome = Case::new(MODERN, GROUPS).run(|_| {}).await;
    assert!(outcome.count(Side::Destination, "APPEND") < 8, "they travel together");
    // The server stores some of a group, then breaks off, refuses the group, or says OK once for the part and once for all.
    for act in [
        (|| Act::Close) as fn() -> Act,
        || Act::Say("{tag} NO the disk is full\r\n".into()),
        || Act::Say("{tag} BAD what\r\n".into()),
    ] {
        for kept in 1..=4 {
            let mut left = 1;
            Case::new(MODERN, GROUPS)
                .run(|pair| {
                    let stored: Vec<Message> = inbox(&mut pair.source.mail()).messages.clone();
                    pair.destination.hook(move |mail, call| {
                        if left == 0 || !call.appends() {
                            return Act::Pass;
                        }
                        left = 0;
                        for message in &stored[..kept] {
                            let flags = message.flags.clone();
                            inbox(mail).store(message.body.clone(), flags, &message.date);
                        }
                        act()
                    });
                })
                .await;
        }
    }
    Case::new(MODERN, GROUPS)
        .run(|pair| {
            pair.destination.hook(times(
                1,
                |call| call.stage == Stage::Applied && call.line.starts_with("APPEND"),
                || Act::Insert(b"* OK [APPENDUID 1 1] one of them\r\n".to_vec()),
            ));
        })
        .await
        .assert_borne();
}

#[tokio::test(start_paused = true)]
async fn case_069_read_only() {
    for side in SIDES {
        for mode in Mode::ALL {
            let outcome = mode
                .case(MODERN, MODERN)
                .run(|pair| {
                    pair.server(side).hook(times(
                        usize::MAX,
                        |call| call.is("SELECT"),
                        text(|text| {
                            text.replace("READ-WRITE", "READ-ONLY").replace(
                                "PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)",
                                "PERMANENTFLAGS ()",
                            )
                        }),
                    ));
                })
                .await;
            let writes = ["APPEND", "UID STORE", "UID EXPUNGE", "EXPUNGE"];
            let written: usize = writes.iter().map(|verb| outcome.count(side, verb)).sum();
            match (side, mode) {
                (Side::Source, Mode::Keep | Mode::Delete2) => drop(outcome.assert_borne()),
                _ => {
                    outcome.assert_reported("read-only");
                    let deleted = &outcome.report().deleted;
                    // What is on the destination already may go from the source.
                    let present = if (side, mode) == (Side::Destination, Mode::Delete1) { 2 } else { 0 };
                    assert!(deleted[0] >= present && deleted[1] == 0, "{side} {mode:?} {deleted:?}");
                    assert!(side == Side::Destination || deleted[0] == 0, "{side} {mode:?} {deleted:?}");
                    // A new folder is not opened before it is written to.
                    let new = outcome.count(side, "APPEND \"Work\"") + outcome.count(side, "APPEND Work");
                    assert_eq!(written, new, "{side} {mode:?}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_070_exists_is_missing() {
    for status_works in [true, false] {
        for side in SIDES {
            for mode in Mode::ALL {
                let outcome = mode
                    .case(MODERN, MODERN)
                    .run(|pair| {
                        let server = pair.server(side);
                        server.hook(times(usize::MAX, is_opening, without_lines("EXISTS")));
                        if !status_works {
                            server.hook(times(usize::MAX, |call| call.is("STATUS"), say("{tag} NO no\r\n")));
                        }
                    })
                    .await;
                if status_works {
                    outcome.assert_borne();
                } else {
                    assert_eq!(outcome.report().deleted, [0, 0], "{side} {mode:?}");
                    assert!(!outcome.report().is_success());
                }
                // What cannot be counted on the destination cannot be known again: nothing is doubled there.
                let copies = status_works || side == Side::Source;
                assert_eq!(outcome.report().tally.copied, if copies { 6 } else { 0 });
            }
        }
    }
}

/// What is there, and what is marked, is never asked of SEARCH.
#[tokio::test(start_paused = true)]
async fn case_071_search_all_that_lies() {
    for answer in
        ["{tag} NO no\r\n", "{tag} BAD no\r\n", "{tag} OK done\r\n", "* SEARCH\r\n{tag} OK done\r\n"]
    {
        for capabilities in [MODERN, PLAIN] {
            for mode in Mode::ALL {
                let outcome = mode
                    .case(capabilities, capabilities)
                    .run(|pair| {
                        for side in SIDES {
                            let searches = |call: &Call<'_>| call.is("UID SEARCH") || call.is("SEARCH");
                            pair.server(side).hook(times(usize::MAX, searches, say(answer)));
                        }
                    })
                    .await;
                assert_eq!(outcome.report().tally.copied, 6, "{answer:?} {mode:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_072_search_with_other_numbers() {
    /// From the numbers found to those told.
    type Lie = fn(Vec<u32>) -> Vec<Vec<u32>>;
    let lies: [Lie; 8] = [
        |mut found| {
            found.pop();
            vec![found]
        },
        |found| vec![found.into_iter().skip(1).collect()],
        |found| vec![found.into_iter().chain([77]).collect()],
        |found| vec![[found.clone(), found].concat()],
        |found| vec![(1..=found.len() as u32).collect()],
        |found| found.into_iter().map(|n| vec![n]).collect(),
        |_| vec![Vec::new(), Vec::new()],
        |found| vec![found.into_iter().map(|n| n + 1).collect()],
    ];
    for lie in lies {
        for mode in [Mode::Delete1, Mode::Delete2] {
            for foreign in [false, true] {
                let case = mode.case(PLAIN, PLAIN).options(|options| options.resync_flags = false);
                let case = case.meanwhile(
                    if mode == Mode::Delete1 { Side::Source } else { Side::Destination },
                    move |mail| {
                        if foreign {
                            inbox(mail).add(message("foreign", 1), &["\\Deleted"]);
                        }
                    },
                );
                case.run(|pair| {
                    pair.meanwhile(|call| call.is("UID STORE"), pass);
                    for side in SIDES {
                        pair.server(side).hook(times(
                            usize::MAX,
                            |call| call.is("UID SEARCH"),
                            text(move |text| {
                                let (found, end) = text.split_once("\r\n").unwrap();
                                let found = found
                                    .split(' ')
                                    .skip(2)
                                    .map(|n| n.parse().unwrap())
                                    .collect::<Vec<u32>>();
                                let lines = lie(found).into_iter().map(|numbers| {
                                    let numbers: String = numbers.iter().map(|n| format!(" {n}")).collect();
                                    format!("* SEARCH{numbers}\r\n")
                                });
                                lines.chain([end.to_owned()]).collect()
                            }),
                        ));
                    }
                })
                .await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_073_a_listing_that_is_a_subset() {
    for side in SIDES {
        for uid in 1..=3 {
            for often in [1, usize::MAX] {
                for mode in Mode::ALL {
                    let outcome = mode
                        .case(MODERN, MODERN)
                        .run(|pair| {
                            pair.server(side).hook(times(
                                often,
                                is_listing,
                                edit(move |bytes| {
                                    let (mut rows, end) = rows(&bytes);
                                    rows.retain(|row| uid_of(row) != uid);
                                    [rows.concat(), end].concat()
                                }),
                            ));
                        })
                        .await;
                    if often == 1 {
                        outcome.assert_borne();
                    } else {
                        assert!(!outcome.report().is_success(), "{side} {uid} {mode:?}");
                        assert_eq!(outcome.report().deleted[1], 0);
                    }
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_074_flags_pushed_for_other_messages() {
    let pushed = [
        "* 2 FETCH (FLAGS (\\Deleted))\r\n",
        "* 2 FETCH (UID 2 FLAGS (\\Seen))\r\n",
        "* 99 FETCH (UID 99 FLAGS (\\Deleted))\r\n",
        "* 1 FETCH (FLAGS (\\Seen \\Recent) UID 77)\r\n",
        "* 2 FETCH (MODSEQ (12))\r\n",
    ];
    for side in SIDES {
        for row in pushed {
            for mode in Mode::ALL {
                for told in inserted(row) {
                    mode.case(MODERN, MODERN)
                        .run(|pair| every_answer(pair.server(side), told))
                        .await
                        .assert_borne();
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_075_others_delete_and_move_on_the_target() {
    /// What somebody does to the target's INBOX.
    type Does = fn(&mut Mail);
    let deeds: [Does; 4] = [
        |mail| drop(inbox(mail).expunge(|one| one.uid == 4)),
        |mail| drop(inbox(mail).expunge(|one| one.uid == 1)),
        |mail| {
            let found = inbox(mail).message(4).cloned();
            if let Some(message) = found {
                inbox(mail).expunge(|one| one.uid == 4);
                mail.folder("Archive").store(message.body, message.flags, &message.date);
            }
        },
        |mail| {
            assert!(inbox(mail).flag(4, |flags| flags.push("\\Flagged".to_owned())) || inbox(mail).next < 5)
        },
    ];
    for deed in deeds {
        for mode in [Mode::Keep, Mode::Delete2] {
            for at in [3, 6] {
                let outcome = mode
                    .case(MODERN, MODERN)
                    .meanwhile(Side::Destination, deed)
                    .run(|pair| pair.meanwhile(move |call| call.appends() && call.nth == at, pass))
                    .await;
                // Nothing comes back in the same run.
                assert_eq!(outcome.count(Side::Destination, "APPEND"), 6);
            }
        }
    }
}
