//! E. What FETCH gives: refused, missing or split answers, dates and flags that are none.

use crate::case::*;
use crate::peer::replace;
use imapsync_core::testing::{Act, Call};
use imapsync_core::{ErrorKind, Side};

/// Only INBOX has a message with this UID.
const BAD: u32 = 4;

/// A FETCH of whole messages that is executed, the bad one among them.
fn gives_bad(call: &Call<'_>) -> bool {
    let stage = call.stage == imapsync_core::testing::Stage::Applied;
    stage
        && call.line.starts_with("UID FETCH")
        && call.line.contains("BODY.PEEK[])")
        && asks_for(call.line, BAD)
}

/// Whether a UID is in the set of a command; `n:*` holds all.
fn asks_for(line: &str, uid: u32) -> bool {
    let set = line.split(' ').nth(2).unwrap_or_default();
    set.split(',').any(|range| {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        let number = |text: &str| text.parse::<u32>().unwrap_or(u32::MAX);
        (number(first)..=number(last)).contains(&uid)
    })
}

/// The answer without some rows, and perhaps with another end.
fn without_rows(goes: fn(u32) -> bool, end: Option<&'static str>) -> impl Fn() -> Act + Send + 'static {
    edit(move |bytes| {
        let (rows, last) = rows(&bytes);
        let kept: Vec<Vec<u8>> = rows.into_iter().filter(|row| !goes(uid_of(row))).collect();
        let tag = last.split(|byte| *byte == b' ').next().unwrap().to_vec();
        let last = end.map_or(last, |end| [&tag[..], b" ", end.as_bytes(), b"\r\n"].concat());
        [kept.concat(), last].concat()
    })
}

/// How a message is withheld: the UIDs whose rows are missing, and how the answer ends.
type Withheld = (fn(u32) -> bool, Option<&'static str>);

/// The bad message is withheld once: nobody notices. Withheld each time: the others are copied, it is named, and with the
/// delete modes nothing is lost for it.
async fn withheld(ways: &[Withheld]) {
    for (goes, end) in ways {
        for mode in Mode::ALL {
            let hook = |number| times(number, gives_bad, without_rows(*goes, *end));
            let once = mode.case(MODERN, MODERN).run(|pair| pair.source.hook(hook(1))).await;
            once.assert_borne();
            assert_eq!(once.report().tally.copied, 6, "{end:?} {mode:?}");

            let outcome = mode.case(MODERN, MODERN).run(|pair| pair.source.hook(hook(usize::MAX))).await;
            let report = outcome.report();
            assert_eq!((report.tally.copied, report.tally.failed), (5, 1), "{end:?} {mode:?}");
            let error = report.errors.iter().find(|error| error.uid().is_some()).expect("it is named");
            assert_eq!((error.kind(), error.uid()), (ErrorKind::Fetch, Some(BAD)), "{end:?} {mode:?}");
            assert_eq!(error.server_text().is_some_and(|said| said.contains("corrupt")), end.is_some());
            let alone = format!("UID FETCH {BAD} ");
            assert!((1..=4).contains(&outcome.count(Side::Source, &alone)), "tried alone, and not for ever");
            match mode {
                Mode::Keep => assert_eq!(report.deleted, [0, 0]),
                Mode::Delete1 => assert_eq!(report.deleted, [7, 0]),
                // Its copy may be what looks superfluous.
                Mode::Delete2 => assert_eq!(report.deleted, [0, 0]),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_076_no_for_one_message_of_a_set() {
    let no = Some("NO message 4 is corrupt");
    withheld(&[
        (|uid| uid == BAD, no),
        (|uid| uid >= BAD, no),
        (|_| true, no),
        (|_| true, Some("BAD corrupt")),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn case_077_ok_but_answers_are_missing() {
    withheld(&[(|uid| uid == BAD, None), (|uid| uid >= BAD, None), (|_| true, None)]).await;
    // The same with headers and listings: what is known in the end is right.
    for side in SIDES {
        for number in [1, usize::MAX] {
            for mode in Mode::ALL {
                let headers = |call: &Call<'_>| {
                    call.stage == imapsync_core::testing::Stage::Applied && call.line.contains("HEADER")
                };
                let outcome = mode
                    .case(MODERN, MODERN)
                    .run(|pair| {
                        pair.server(side).hook(times(number, headers, without_rows(|uid| uid == 2, None)));
                    })
                    .await;
                if number == 1 || side == Side::Source {
                    outcome.assert_borne();
                }
            }
        }
    }
}

/// A row with everything in it, as several responses.
type Split = fn(&str, &[&str]) -> Vec<String>;

#[tokio::test(start_paused = true)]
async fn case_078_answers_that_come_in_pieces() {
    let splits: [Split; 5] = [
        |n, items| items.iter().map(|item| format!("* {n} FETCH ({item})\r\n")).collect(),
        |n, items| items.iter().rev().map(|item| format!("* {n} FETCH ({item})\r\n")).collect(),
        |n, items| {
            let [uid, rest @ ..] = items else { unreachable!() };
            rest.iter().map(|item| format!("* {n} FETCH ({uid} {item})\r\n")).collect()
        },
        // Flags without a UID, of this message and of one that is not there.
        |n, items| {
            let whole = format!("* {n} FETCH ({})\r\n", items.join(" "));
            vec![whole, "* 99 FETCH (FLAGS (\\Draft))\r\n".to_owned()]
        },
        |n, items| {
            let (flags, rest): (Vec<&str>, Vec<&str>) =
                items.iter().partition(|item| item.starts_with("FLAGS"));
            let flags = flags.iter().map(|flags| format!("* {n} FETCH ({flags})\r\n"));
            flags.chain([format!("* {n} FETCH ({})\r\n", rest.join(" "))]).collect()
        },
    ];
    for (number, split) in splits.into_iter().enumerate() {
        for side in SIDES {
            for mode in Mode::ALL {
                let outcome = mode
                    .case(MODERN, MODERN)
                    .run(|pair| {
                        pair.server(side).hook(times(
                            usize::MAX,
                            |call| call.is("UID FETCH"),
                            edit(move |bytes| in_pieces(&bytes, split)),
                        ));
                    })
                    .await;
                outcome.assert_borne();
                assert_eq!(outcome.report().tally.copied, 6, "{number} {side} {mode:?}");
                for n in 1..=5 {
                    let flags = &outcome.copy("INBOX", n).flags;
                    let wanted: &[&str] = if n == 1 { &["\\Seen", "\\Flagged"] } else { &["\\Seen"] };
                    assert_eq!(flags.len(), wanted.len(), "{number} {side} {mode:?} {n}: {flags:?}");
                }
            }
        }
    }
}

/// Content without a UID is nobody's, however likely it seems whose.
#[tokio::test(start_paused = true)]
async fn case_078_content_apart_from_its_uid() {
    for large in [false, true] {
        for mode in Mode::ALL {
            let outcome = mode
                .case(MODERN, MODERN)
                .options(|options| options.memory = if large { 4096 } else { options.memory })
                .run(|pair| {
                    pair.source.hook(times(
                        usize::MAX,
                        gives_bad,
                        edit(|bytes| {
                            let (rows, end) = rows(&bytes);
                            let apart = rows.into_iter().map(|row| match uid_of(&row) {
                                BAD => {
                                    let head = row.windows(6).position(|six| six == b"FETCH ").unwrap() + 6;
                                    let alone = replace(&row, b"(UID 4 ", b"(");
                                    [&row[..head], b"(UID 4)\r\n", &alone].concat()
                                }
                                _ => row,
                            });
                            apart.chain([end]).collect::<Vec<_>>().concat()
                        }),
                    ));
                })
                .await;
            outcome.assert_reported("did not give the message");
            assert_eq!((outcome.report().tally.copied, outcome.report().tally.failed), (5, 1), "{mode:?}");
        }
    }
}

/// Each row of an answer, its items split. What has a body stays as it is.
fn in_pieces(bytes: &[u8], split: Split) -> Vec<u8> {
    let (rows, end) = rows(bytes);
    let pieces = rows.into_iter().map(|row| {
        if memchr::memmem::find(&row, b"BODY[").is_some() {
            return row;
        }
        let row = String::from_utf8(row).unwrap();
        let (number, items) = row[2..].trim_end_matches(")\r\n").split_once(" FETCH (").unwrap();
        split(number, &pieces_of(items)).concat().into_bytes()
    });
    pieces.chain([end]).collect::<Vec<_>>().concat()
}

/// `UID 4 FLAGS (\Seen) RFC822.SIZE 10` as its items.
fn pieces_of(items: &str) -> Vec<&str> {
    let names = ["UID ", "FLAGS ", "INTERNALDATE ", "RFC822.SIZE "];
    let mut starts: Vec<usize> = names.iter().filter_map(|name| items.find(name)).collect();
    starts.sort_unstable();
    let ends = starts.iter().skip(1).copied().chain([items.len()]);
    starts.iter().zip(ends).map(|(start, end)| items[*start..end].trim_end_matches(' ')).collect()
}

/// A listing in which each value of an item is another one.
fn with_item(name: &'static str, end: char, value: &'static [u8]) -> impl Fn() -> Act + Send + 'static {
    edit(move |bytes| {
        let (rows, last) = rows(&bytes);
        let changed = rows.into_iter().flat_map(|row| {
            let Some(at) = memchr::memmem::find(&row, name.as_bytes()) else { return row };
            let from = at + name.len();
            let len = row[from..].iter().position(|byte| *byte == end as u8).unwrap() + 1;
            [&row[..at], value, &row[from + len..]].concat()
        });
        changed.chain(last).collect()
    })
}

#[tokio::test(start_paused = true)]
async fn case_079_dates_that_are_none() {
    // What is told, and the date of the copy; none: the server's own.
    let dates: [(&str, Option<&str>); 14] = [
        ("", None),
        ("INTERNALDATE NIL", None),
        ("INTERNALDATE \"\"", None),
        ("INTERNALDATE \"00-Jan-2020 12:00:00 +0000\"", None),
        ("INTERNALDATE \"01-Jän-2020 12:00:00 +0000\"", None),
        ("INTERNALDATE \"30-Feb-2020 12:00:00 +0000\"", None),
        ("INTERNALDATE \"01-Jan-2020 25:61:00 +0000\"", None),
        ("INTERNALDATE \"yesterday\"", None),
        ("INTERNALDATE 17", None),
        ("INTERNALDATE \"1-Jan-2020 12:00:00 +0000\"", Some("01-Jan-2020 12:00:00 +0000")),
        ("INTERNALDATE \" 1-jan-2020 12:00:00 -0130\"", Some("01-Jan-2020 12:00:00 -0130")),
        ("INTERNALDATE \"01-Jan-2020 12:00:00 +9900\"", None),
        ("INTERNALDATE \"31-Dec-9999 23:59:59 -1200\"", None),
        // Dates that servers choke on become the nearest that they do not.
        ("INTERNALDATE \"01-Jan-1900 00:00:00 +0000\"", Some("02-Jan-1970 00:00:00 +0000")),
    ];
    for (told, wanted) in dates {
        for (mode, side) in Mode::ALL.into_iter().flat_map(|mode| SIDES.map(|side| (mode, side))) {
            let outcome = mode
                .case(MODERN, MODERN)
                .bodies_only()
                .run(|pair| {
                    let change: Box<dyn Fn() -> Act + Send> = match told {
                        "INTERNALDATE 17" => Box::new(with_item("INTERNALDATE \"", '"', b"INTERNALDATE 17")),
                        _ => Box::new(with_item("INTERNALDATE \"", '"', told.as_bytes())),
                    };
                    pair.server(side).hook(times(usize::MAX, is_listing, change));
                })
                .await;
            outcome.assert_borne().assert_no_offence();
            assert_eq!(outcome.report().tally.copied, 6, "{told} {mode:?}");
            if side == Side::Source {
                // The server's own is the present.
                let wanted = wanted.unwrap_or("25-Nov-2026 12:00:00 +0000");
                assert_eq!(&*outcome.copy("INBOX", 4).date, wanted, "{told}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_080_flags_that_are_none() {
    let many: String = (1..=500).map(|n| format!(" key{n}")).collect();
    let many = format!("FLAGS (\\Seen{many})");
    let long = format!("FLAGS (\\Seen {})", "k".repeat(3000));
    // What is told, and how many flags the copy has; none: the flags cannot be read, which is told.
    let flags: [(&[u8], Option<usize>); 17] = [
        (b"FLAGS (\\Recent \\Seen)", Some(1)),
        (b"FLAGS (\\SEEN \\seen \\Seen)", Some(1)),
        (b"FLAGS (\\Seen $Forwarded $forwarded NonJunk)", Some(3)),
        (b"FLAGS (\\Seen \\X-Unknown)", Some(1)),
        (b"FLAGS (\\Seen \\X-Unknown $Forwarded)", Some(2)),
        (b"FLAGS (\\Seen \\*)", Some(1)),
        (b"FLAGS (\\Seen \\)", Some(1)),
        (b"FLAGS ( \\Seen  \\Flagged )", Some(2)),
        (b"FLAGS (\\Seen \"quoted\")", Some(2)),
        (b"FLAGS (\\Seen caf\xe9 f\xc3\xbcr)", Some(1)),
        (b"FLAGS (\\Seen a{b c%d e*f)", Some(1)),
        (b"FLAGS (\\Seen foo(bar\\ \\Flagged)", None),
        (b"FLAGS NIL", None),
        (b"FLAGS 17", None),
        (b"FLAGS \\Seen", None),
        (many.as_bytes(), Some(501)),
        (long.as_bytes(), Some(2)),
    ];
    for (told, kept) in flags {
        for (source, destination) in [(MODERN, MODERN), (MODERN, PLAIN)] {
            for mode in Mode::ALL {
                let told: &'static [u8] = Box::leak(told.into());
                // What has left the source keeps on the destination what it was copied with.
                let case = mode.case(source, destination);
                let case = if mode == Mode::Delete1 { case.bodies_only() } else { case };
                let outcome = case
                    .run(|pair| {
                        let listed = |call: &Call<'_>| call.is("UID FETCH") && call.line.contains("FLAGS");
                        pair.source.hook(times(usize::MAX, listed, with_item("FLAGS (", ')', told)));
                    })
                    .await;
                let shown = String::from_utf8_lossy(&told[..told.len().min(60)]);
                let report = outcome.report();
                assert_eq!((report.tally.copied, report.tally.failed), (6, 0), "{shown} {mode:?}");
                for (folder, n) in [("INBOX", 1), ("INBOX", 4), ("Work", 1), ("Work", 3)] {
                    let flags = &outcome.copy(folder, n).flags;
                    match kept {
                        Some(kept) => {
                            assert_eq!(flags.len(), kept, "{shown} {mode:?} {folder} {n}: {flags:?}")
                        }
                        // What was there before stays as it was.
                        None if (folder, n) == ("INBOX", 1) => assert_eq!(flags.len(), 2, "{shown} {mode:?}"),
                        None => assert_eq!(flags, &[] as &[&str], "{shown} {mode:?}"),
                    }
                }
                match kept {
                    Some(_) => drop(outcome.assert_borne()),
                    None => drop(outcome.assert_reported("cannot be read")),
                }
            }
        }
    }
}
