//! D. The state of mailboxes: numbers and UIDs that are not what they should be.

use crate::case::*;
use imapsync_core::Side;
use imapsync_core::testing::{Act, Call, Ghosts, Mail, Stage};

type When = fn(&Call<'_>) -> bool;

#[tokio::test(start_paused = true)]
async fn case_057_exists_grows_during_fetch() {
    let moments: [(Side, When); 5] = [
        (Side::Source, is_listing),
        (Side::Source, is_body),
        (Side::Destination, is_listing),
        (Side::Destination, is_stored),
        (Side::Destination, |call| call.is("SELECT")),
    ];
    for (side, moment) in moments {
        for mode in Mode::ALL {
            for told in inserted("* 6 EXISTS\r\n* 1 RECENT\r\n") {
                mode.case(MODERN, MODERN)
                    .meanwhile(side, |mail| deliver(inbox(mail), message("late", 1), &[]))
                    .run(|pair| pair.meanwhile(moment, edit(told)))
                    .await
                    .assert_borne()
                    .assert_no_offence();
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_058_expunge_in_the_middle_of_a_fetch() {
    for news in ["* 4 EXPUNGE\r\n", "* VANISHED 4\r\n", ""] {
        for mode in Mode::ALL {
            for told in inserted(news) {
                let outcome = mode
                    .case(MODERN, MODERN)
                    .meanwhile(Side::Source, |mail| drop(inbox(mail).expunge(|one| one.uid == 4)))
                    .run(|pair| pair.meanwhile(is_body, edit(told)))
                    .await;
                outcome.assert_borne();
                assert_eq!(outcome.report().tally.vanished, 1, "{news:?} {mode:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_059_expunged_between_listing_and_body() {
    let listed: When = |call| call.stage == Stage::Replied && call.line.contains("RFC822.SIZE");
    for (when, ghosts, vanished) in [
        (listed, Ghosts::Missing, 1),
        (is_body, Ghosts::Missing, 1),
        (is_body, Ghosts::Fake, 1),
        (is_body, Ghosts::Empty, 1),
        (is_body, Ghosts::Refused, 1),
        (is_body, Ghosts::True, 0),
    ] {
        for mode in Mode::ALL {
            let outcome = mode
                .case(MODERN, MODERN)
                .meanwhile(Side::Source, |mail| drop(inbox(mail).expunge(|one| one.uid == 4)))
                .run(|pair| {
                    pair.source.mail().quirks.ghosts = ghosts;
                    pair.meanwhile(when, pass);
                })
                .await;
            outcome.assert_borne();
            let tally = &outcome.report().tally;
            assert_eq!((tally.vanished, tally.copied), (vanished, 6 - vanished), "{ghosts:?} {mode:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_060_uidvalidity_differs_from_the_run_before() {
    for sides in [&SIDES[..1], &SIDES[1..], &SIDES] {
        for mode in Mode::ALL {
            let outcome = mode
                .case(MODERN, MODERN)
                .run(|pair| {
                    for side in sides {
                        renumber(&mut pair.server(*side).mail());
                    }
                })
                .await;
            outcome.assert_borne();
            assert_eq!(outcome.report().tally.copied, 6, "matched by content");
        }
    }
}

/// The folder is another one: the messages in the reverse order, with the UIDs of others.
fn renumber(mail: &mut Mail) {
    let folder = inbox(mail);
    folder.messages.reverse();
    folder.renumber(folder.validity + 7);
}

/// The connection is lost behind the effect of every command, and when it comes back INBOX is another
/// folder of the same name, whose UIDs mean other messages.
#[tokio::test(start_paused = true)]
async fn case_061_uidvalidity_changes_within_a_session() {
    for side in SIDES {
        for mode in Mode::ALL {
            for at in 1.. {
                let reached = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
                let noted = reached.clone();
                mode.case(MODERN, MODERN)
                    .run(|pair| {
                        let mut count = 0;
                        pair.server(side).hook(move |mail, call| {
                            count += u32::from(call.stage == Stage::Line);
                            if call.stage != Stage::Line || count != at {
                                return Act::Pass;
                            }
                            noted.store(true, std::sync::atomic::Ordering::Relaxed);
                            renumber(mail);
                            Act::Lose
                        });
                    })
                    .await;
                if !reached.load(std::sync::atomic::Ordering::Relaxed) {
                    assert!(at > 10, "{at}");
                    break;
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_062_uidvalidity_that_is_none() {
    let validities = ["", "0", "4294967296", "99999999999999999999", "-1", "x"];
    for side in SIDES {
        for validity in validities {
            for mode in Mode::ALL {
                let outcome = mode
                    .case(MODERN, MODERN)
                    .run(|pair| {
                        let change = move |line: &str| match line.find("UIDVALIDITY ") {
                            Some(_) if validity.is_empty() && line.starts_with("* OK") => String::new(),
                            Some(at) => {
                                let number = at + "UIDVALIDITY ".len();
                                let end = line[number..].find([']', ' ', ')']).expect("an end") + number;
                                format!("{}{validity}{}", &line[..number], &line[end..])
                            }
                            None => line.to_owned(),
                        };
                        pair.server(side).hook(times(
                            usize::MAX,
                            |call| is_opening(call) || call.is("STATUS"),
                            text(move |text| text.split_inclusive("\r\n").map(change).collect()),
                        ));
                    })
                    .await;
                assert_eq!(outcome.report().tally.copied, 6, "{side} {validity:?} {mode:?}");
                let deleted_from = match mode {
                    Mode::Keep => None,
                    Mode::Delete1 => Some(Side::Source),
                    Mode::Delete2 => Some(Side::Destination),
                };
                if deleted_from == Some(side) {
                    // What UIDs mean cannot be relied on: nothing is deleted by them.
                    assert_eq!(outcome.report().deleted, [0, 0], "{side} {validity:?} {mode:?}");
                    outcome.assert_reported("UIDVALIDITY");
                } else {
                    outcome.assert_borne();
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_063_uidnext_that_cannot_be_trusted() {
    for capabilities in [MODERN, PLAIN] {
        for next in ["", "0", "1", "3", "4294967295", "4294967296"] {
            for (mode, lost) in [(Mode::Keep, 2), (Mode::Keep, 6), (Mode::Delete1, 4), (Mode::Delete2, 5)] {
                mode.case(MODERN, capabilities)
                    .run(|pair| {
                        let change = move |line: &str| match line.find("UIDNEXT ") {
                            Some(_) if next.is_empty() && line.starts_with("* OK") => String::new(),
                            Some(at) => {
                                let number = at + "UIDNEXT ".len();
                                let end = line[number..].find([']', ' ', ')']).expect("an end") + number;
                                format!("{}{next}{}", &line[..number], &line[end..])
                            }
                            None => line.to_owned(),
                        };
                        for side in SIDES {
                            pair.server(side).hook(times(
                                usize::MAX,
                                |call| is_opening(call) || call.is("STATUS"),
                                text(move |text| text.split_inclusive("\r\n").map(change).collect()),
                            ));
                        }
                        pair.destination.hook(times(
                            1,
                            move |call| is_stored(call) && call.nth == lost,
                            || Act::Lose,
                        ));
                    })
                    .await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_064_uids_out_of_order_twice_or_zero() {
    /// The rows of a FETCH answer in another order or number.
    type Rows = fn(Vec<Vec<u8>>) -> Vec<Vec<u8>>;
    let changes: [Rows; 4] = [
        |rows| rows.into_iter().rev().collect(),
        |rows| rows.iter().flat_map(|row| [row.clone(), row.clone()]).collect(),
        |rows| [rows.clone(), rows].concat(),
        |rows| {
            let zero: Vec<Vec<u8>> = rows
                .iter()
                .map(|row| crate::peer::replace(row, b"(UID ", b"(UID 0 X-"))
                .map(|row| crate::peer::replace(&row, b" X-", b" X-WAS "))
                .collect();
            [zero, rows].concat()
        },
    ];
    for side in SIDES {
        for change in changes {
            for mode in Mode::ALL {
                mode.case(MODERN, MODERN)
                    .run(|pair| {
                        pair.server(side).hook(times(
                            usize::MAX,
                            |call| call.is("UID FETCH"),
                            edit(move |bytes| {
                                let (rows, end) = rows(&bytes);
                                [change(rows).concat(), end].concat()
                            }),
                        ));
                    })
                    .await
                    .assert_borne();
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_065_new_uids_without_uidplus() {
    for mode in Mode::ALL {
        for lost in 1..=6 {
            mode.case(MODERN, PLAIN)
                .meanwhile(Side::Destination, |mail| {
                    for n in 1..=3 {
                        inbox(mail).add(message("foreign", n), &[]);
                    }
                })
                .run(|pair| {
                    pair.meanwhile(|call| call.appends() && call.nth == 2, pass);
                    pair.destination.hook(times(
                        1,
                        move |call| is_stored(call) && call.nth == lost,
                        || Act::Lose,
                    ));
                    // STATUS with more than was asked for.
                    pair.destination.hook(times(
                        usize::MAX,
                        |call| call.is("STATUS"),
                        text(|text| text.replace(" (MESSAGES", " (X-FOO 7 RECENT 2 MESSAGES")),
                    ));
                })
                .await
                .assert_borne();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_066_appenduid_that_lies() {
    /// From UIDVALIDITY and UID to what stands in the reply.
    type Lie = fn(u32, u32) -> String;
    let lies: [Lie; 12] = [
        |v, uid| format!("[APPENDUID {} {uid}] ", v + 1),
        |v, uid| format!("[APPENDUID {v} {uid}:{}] ", uid + 3),
        |v, uid| format!("[APPENDUID {v} {uid},1] "),
        |v, _| format!("[APPENDUID {v} 1] "),
        |v, uid| format!("[APPENDUID {v} {}] ", uid + 1),
        |v, uid| format!("[APPENDUID {v} {}] ", uid - 1),
        |v, _| format!("[APPENDUID {v} 0] "),
        |v, _| format!("[APPENDUID {v} 4294967295] "),
        |v, _| format!("[APPENDUID {v} 4294967296] "),
        |v, _| format!("[APPENDUID {v} *] "),
        |v, _| format!("[APPENDUID {v}] "),
        |_, _| "[APPENDUID] ".to_owned(),
    ];
    for (number, lie) in lies.into_iter().enumerate() {
        for mode in Mode::ALL {
            for lost in [0, 2, 3, 6] {
                let case = mode.case(MODERN, MODERN);
                let outcome = case
                    .run(|pair| {
                        pair.destination.hook(times(
                            1,
                            move |call| is_stored(call) && call.nth == lost,
                            || Act::Lose,
                        ));
                        pair.destination.hook(move |_, call| {
                            if !is_stored(call) {
                                return Act::Pass;
                            }
                            Act::Edit(Box::new(move |bytes| {
                                let text = String::from_utf8(bytes).unwrap();
                                let (at, end) = (text.find("[APPENDUID ").unwrap(), text.find("] ").unwrap());
                                let mut numbers = text[at + 11..end].split(' ').map(|n| n.parse().unwrap());
                                let (validity, uid) = (numbers.next().unwrap(), numbers.next().unwrap());
                                format!("{}{}{}", &text[..at], lie(validity, uid), &text[end + 2..])
                                    .into_bytes()
                            }))
                        });
                    })
                    .await;
                assert!(
                    outcome.report().is_success(),
                    "{number} {mode:?} {lost}: {:?}",
                    outcome.report().errors
                );
            }
        }
    }
    // In reply to other commands it means nothing.
    for mode in Mode::ALL {
        mode.case(MODERN, MODERN)
            .run(|pair| {
                pair.destination.hook(times(
                    usize::MAX,
                    |call| call.stage == Stage::Applied && !call.line.starts_with("APPEND"),
                    text(|text| text.replace(" OK done", " OK [APPENDUID 1001 4] done")),
                ));
            })
            .await
            .assert_borne();
    }
}
