//! E. What APPEND and STORE leave behind: flags that are refused or lost, answers that are not true, other bytes.

use crate::case::*;
use imapsync_core::testing::{Act, AppendedFlags, Call, Dates, Keywords, Mail, Rewrite, Stage};
use imapsync_core::{ErrorKind, Side};
use std::time::Duration;

/// A mode's messages, some of them with keywords; on the destination they lack these, and other flags.
fn with_keywords(mode: Mode, capabilities: &'static str) -> Case {
    let case = mode.case(MODERN, capabilities).also(|pair| {
        for (folder, uid) in [("INBOX", 1), ("INBOX", 4), ("Work", 1), ("Work", 2)] {
            let add = |flags: &mut Vec<String>| flags.extend(["$Junk", "Label"].map(str::to_owned));
            pair.source.mail().folder(folder).flag(uid, add);
        }
        inbox(&mut pair.destination.mail()).flag(1, |flags| *flags = vec!["\\Draft".to_owned()]);
    });
    // What has left the source keeps the flags that it was given.
    if mode == Mode::Delete1 { case.bodies_only() } else { case }
}

/// The system flags of the copies are those of the source.
#[track_caller]
fn assert_system_flags(outcome: &Outcome, what: &str) {
    for (folder, n) in [("INBOX", 1), ("INBOX", 4), ("INBOX", 5), ("Work", 1), ("Work", 2), ("Work", 3)] {
        let flags = &outcome.copy(folder, n).flags;
        let mut system: Vec<&str> =
            flags.iter().map(String::as_str).filter(|f| f.starts_with('\\')).collect();
        system.sort_unstable();
        let wanted: &[&str] = if n == 1 { &["\\Flagged", "\\Seen"] } else { &["\\Seen"] };
        assert_eq!(system, wanted, "{what}: {folder} {n}");
    }
}

#[tokio::test(start_paused = true)]
async fn case_081_permanentflags_that_cannot_be_trusted() {
    // What PERMANENTFLAGS says, while every keyword is refused.
    let lines =
        ["", "()", "(\\*)", "(\\Seen \\*", "NIL", "(\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)"];
    let refusals =
        ["NO [LIMIT] Too many user flags in mailbox", "NO [CANNOT] no", "NO no", "BAD no keywords here"];
    for (number, line) in lines.into_iter().enumerate() {
        for (at, refusal) in refusals.into_iter().enumerate() {
            for (mode, capabilities) in [(Mode::ALL[(number + at) % 3], MODERN), (Mode::ALL[at % 3], PLAIN)] {
                let began = tokio::time::Instant::now();
                let answer = format!("{{tag}} {refusal}\r\n");
                let outcome = with_keywords(mode, capabilities)
                    .run(|pair| {
                        let change = move |text: String| {
                            let lines =
                                text.split_inclusive("\r\n").map(|one| match one.find("PERMANENTFLAGS") {
                                    Some(_) if line.is_empty() => String::new(),
                                    Some(at) => format!("{}PERMANENTFLAGS {line}] flags\r\n", &one[..at]),
                                    None => one.to_owned(),
                                });
                            lines.collect()
                        };
                        pair.destination.hook(times(usize::MAX, is_opening, text(change)));
                        let brings = |call: &Call<'_>| {
                            (call.appends() || call.is("UID STORE")) && call.line.contains("$Junk")
                        };
                        pair.destination.hook(times(usize::MAX, brings, say(&answer)));
                    })
                    .await;
                let what = format!("{line:?} {refusal} {capabilities} {mode:?}");
                assert_eq!(outcome.report().tally.copied, 6, "{what}");
                // One that stores nothing but what its line says is believed.
                if number != 2 {
                    assert_system_flags(&outcome, &what);
                }
                // What was asked for in vain is told, with what the server said, and is no failure of a message.
                let sent = |one: &String| one.starts_with("UID STORE") && one.contains("$Junk");
                let told = outcome.report().errors.iter().any(|error| error.server_text().is_some());
                assert_eq!(told, outcome.log[1].iter().any(sent), "{what}: {:?}", outcome.report().errors);
                assert!(
                    outcome.report().errors.iter().all(|error| error.kind() == ErrorKind::Flags),
                    "{what}"
                );
                assert!(began.elapsed() < Duration::from_secs(30), "{what}: {:?}", began.elapsed());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_082_store_that_is_not_done() {
    // OK, and nothing has changed, or something else.
    for answer in [
        "{tag} OK done\r\n",
        "* 1 FETCH (FLAGS (\\Draft))\r\n* 1 FETCH (UID 1 FLAGS ())\r\n{tag} OK done\r\n",
    ] {
        for capabilities in [MODERN, PLAIN] {
            for mode in [Mode::Keep, Mode::Delete2] {
                let outcome = with_keywords(mode, capabilities)
                    .run(|pair| {
                        let stores = |call: &Call<'_>| call.is("UID STORE") && !call.line.contains("Deleted");
                        pair.destination.hook(times(usize::MAX, stores, say(answer)));
                    })
                    .await;
                let errors = &outcome.report().errors;
                assert_eq!(errors.len(), 1, "told once: {errors:?}");
                outcome.assert_reported("keeps others");
                assert_eq!(outcome.report().flags_changed, 0, "{answer} {mode:?}");
                let stores = outcome.log[1].iter().filter(|line| line.contains("UID STORE 1 FLAGS"));
                assert_eq!(stores.count(), 1, "not again and again");
            }
        }
    }
    // Keywords alone are lost, as long as the server is what it is: each run tries once, and is a success.
    let habits = [Keywords::Lost, Keywords::Dropped, Keywords::ByStore(1)];
    for keywords in habits {
        for (capabilities, mode) in [MODERN, PLAIN].into_iter().flat_map(|c| Mode::ALL.map(|mode| (c, mode)))
        {
            let outcome = with_keywords(mode, capabilities)
                .also(move |pair| pair.destination.mail().quirks.keywords = keywords)
                // Which of them find room depends on the order.
                .bodies_only()
                .run(|_| {})
                .await;
            outcome.assert_borne();
            if keywords == Keywords::Lost {
                let told = outcome.notices().iter().any(|text| text.contains("does not keep the keywords"));
                assert!(told, "{:?}", outcome.notices());
            }
            assert_system_flags(&outcome, &format!("{keywords:?} {capabilities} {mode:?}"));
            let stores = outcome.count(Side::Destination, "UID STORE");
            assert!(stores <= 8, "{keywords:?} {capabilities} {mode:?}: {stores}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_083_append_that_ignores_flags_or_date() {
    for capabilities in [MODERN, PLAIN] {
        for mode in Mode::ALL {
            let what = format!("{capabilities} {mode:?}");
            let outcome = with_keywords(mode, capabilities)
                .run(|pair| pair.destination.mail().quirks.appended_flags = AppendedFlags::Dropped)
                .await;
            outcome.assert_borne();
            assert_system_flags(&outcome, &what);
            assert_eq!(outcome.copy("INBOX", 4).flags.len(), 3, "{what}: its keywords too");

            // Whoever lies about UIDs as well gets no flags of another message.
            let outcome = with_keywords(mode, capabilities)
                .run(|pair| {
                    pair.destination.mail().quirks.appended_flags = AppendedFlags::Dropped;
                    let lie = |text: String| match text.split_once(" OK [APPENDUID ") {
                        Some((tag, rest)) => {
                            let (numbers, rest) = rest.split_once("] ").unwrap();
                            let (validity, uid) = numbers.split_once(' ').unwrap();
                            let uid = uid.parse::<u32>().unwrap() + 1;
                            format!("{tag} OK [APPENDUID {validity} {uid}] {rest}")
                        }
                        None => text,
                    };
                    pair.destination.hook(times(usize::MAX, is_stored, text(lie)));
                })
                .await;
            outcome.assert_borne();
            assert_system_flags(&outcome, &what);

            let outcome = mode
                .case(MODERN, capabilities)
                .bodies_only()
                .run(|pair| pair.destination.mail().quirks.dates = Dates::Now)
                .await;
            outcome.assert_borne();
            let told = outcome.notices().iter().filter(|text| text.contains("dates of its own")).count();
            assert_eq!(told, 2, "once for each folder: {:?}", outcome.notices());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_084_the_answer_to_an_append_is_lost() {
    let ends: [fn() -> Act; 3] =
        [|| Act::Lose, || Act::LoseAndApply(Duration::from_millis(900)), || Act::Bye("too busy".to_owned())];
    for capabilities in [MODERN, PLAIN] {
        for (number, end) in ends.into_iter().enumerate() {
            for nth in [1, 3, 4, 6] {
                for mode in Mode::ALL {
                    let outcome = mode
                        .case(MODERN, capabilities)
                        .run(|pair| {
                            // A BYE here comes behind the effect; the others before it.
                            let stage = if number == 2 { Stage::Applied } else { Stage::Literal };
                            let stored = move |call: &Call<'_>| {
                                call.stage == stage && call.line.starts_with("APPEND") && call.nth == nth
                            };
                            pair.destination.hook(times(1, stored, end));
                        })
                        .await;
                    outcome.assert_borne();
                    let report = outcome.report();
                    assert_eq!(report.tally.copied, 6, "{number} {nth} {mode:?}");
                    assert_eq!(report.reconnections, [0, 1], "{number} {nth} {mode:?}");
                    let copies = outcome.left[1].values().flatten().count();
                    assert_eq!(copies, if mode == Mode::Delete2 { 8 } else { 9 }, "{number} {nth} {mode:?}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_085_no_to_an_append_that_was_stored() {
    let refusals = [
        "NO no",
        "NO [CANNOT] not this one",
        "NO [UNAVAILABLE] later",
        "NO [SERVERBUG] oops",
        "NO [LIMIT] Too many user flags in mailbox",
        "NO [OVERQUOTA] full",
        "NO Request is throttled. Suggested Backoff Time: 5000 milliseconds",
        "BAD what",
        "BAD [SERVERBUG] what",
    ];
    for refusal in refusals {
        for capabilities in [MODERN, PLAIN] {
            for flags in [&[][..], &["$Junk"], &["\\Deleted"]] {
                for (mode, nth) in [(Mode::Keep, 1), (Mode::Delete1, 6), (Mode::Delete2, 3)] {
                    if mode != Mode::Keep && flags == ["\\Deleted"] {
                        // All of the folder would be up for an EXPUNGE.
                        continue;
                    }
                    let answer = format!("{{tag}} {refusal}\r\n");
                    let outcome = mode
                        .case(MODERN, capabilities)
                        .also(move |pair| {
                            for folder in ["INBOX", "Work"] {
                                for uid in 1..=5 {
                                    let add = |all: &mut Vec<String>| {
                                        all.extend(flags.iter().map(|f| (*f).to_owned()))
                                    };
                                    pair.source.mail().folder(folder).flag(uid, add);
                                }
                            }
                        })
                        .run(|pair| {
                            let stored = move |call: &Call<'_>| is_stored(call) && call.nth == nth;
                            pair.destination.hook(times(1, stored, say(&answer)));
                        })
                        .await;
                    let report = outcome.report();
                    let what = format!("{refusal} {capabilities} {flags:?} {mode:?} {nth}");
                    assert_eq!(report.tally.copied + report.tally.failed, 6, "{what}");
                    if !refusal.contains("OVERQUOTA") {
                        assert!(report.is_success(), "{what}: it is there: {:?}", report.errors);
                    }
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_086_an_append_that_takes_minutes() {
    for stage in [Stage::Literal, Stage::Applied] {
        for minutes in [4, 9] {
            for capabilities in [MODERN, PLAIN] {
                for mode in Mode::ALL {
                    let outcome = mode
                        .case(MODERN, capabilities)
                        .run(|pair| {
                            let stored =
                                move |call: &Call<'_>| call.stage == stage && call.line.starts_with("APPEND");
                            pair.destination
                                .hook(times(2, stored, move || Act::Wait(Duration::from_secs(60 * minutes))));
                        })
                        .await;
                    outcome.assert_borne();
                    assert_eq!(outcome.report().reconnections, [0, 0], "{minutes} {mode:?}");
                    assert_eq!(outcome.count(Side::Destination, "APPEND"), 6, "{minutes} {mode:?}");
                }
            }
        }
        // Beyond all patience it is looked up, and it is there.
        if stage == Stage::Applied {
            let outcome = Case::modern()
                .run(|pair| {
                    pair.destination.hook(times(1, is_stored, || Act::Wait(Duration::from_secs(3600))))
                })
                .await;
            outcome.assert_borne();
            assert_eq!(outcome.report().reconnections, [0, 1]);
        }
    }
}

/// What is stored is another message by its bytes.
#[tokio::test(start_paused = true)]
async fn case_087_the_server_rewrites_messages() {
    /// From what was sent to what is kept.
    type Remake = fn(&str) -> String;
    let remakes: [Remake; 6] = [
        |text| format!("Received: from somewhere by here; 1 Jan 2026 00:00:00 +0000\r\n{text}"),
        |text| text.replace("\r\n", "\n"),
        |text| text.replace("Subject: Number", "Subject:\r\n Number"),
        |text| text.replace("From: a@example.org", "From: <a@example.org>\r\nX-Spam: no"),
        // Exchange: the same parts in another wrapping.
        |text| text.replace("\r\n\r\n", "\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n=20"),
        |text| text.replace("Message-Id:", "Message-ID:"),
    ];
    for (number, remake) in remakes.into_iter().enumerate() {
        for capabilities in [MODERN, PLAIN] {
            for mode in Mode::ALL {
                let case = mode.case(MODERN, capabilities);
                let outcome = case
                    .also(move |pair| {
                        pair.destination.hook(move |mail: &mut Mail, call: &Call<'_>| {
                            if is_stored(call) {
                                let folder = if call.line.contains("INBOX") { "INBOX" } else { "Work" };
                                let message = mail.folder(folder).messages.last_mut().unwrap();
                                let text = String::from_utf8(message.body.to_bytes().to_vec()).unwrap();
                                message.body = remake(&text).into_bytes().into();
                            }
                            Act::Pass
                        });
                    })
                    .run(|_| {})
                    .await;
                outcome.assert_borne();
                assert_eq!(outcome.report().tally.copied, 6, "{number} {mode:?}");
            }
        }
    }
    for rewrite in
        [Rewrite::NulAndLineFeed, Rewrite::LineEnds, Rewrite::Headers, Rewrite::LineFeeds, Rewrite::Mbox]
    {
        for mode in Mode::ALL {
            let outcome = mode
                .case(MODERN, MODERN)
                .also(move |pair| pair.destination.mail().quirks.rewrite = rewrite)
                .run(|_| {})
                .await;
            outcome.assert_borne();
            assert_eq!(outcome.report().tally.copied, 6, "{rewrite:?} {mode:?}");
        }
    }
}
