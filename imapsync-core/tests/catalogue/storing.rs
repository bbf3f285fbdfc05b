//! E. What APPEND and STORE leave behind: flags that are refused or lost, answers that are not true, other bytes.

use crate::case::*;
use imapsync_core::Side;
use imapsync_core::testing::{Act, Call, Mail, Rewrite, Stage};
use std::time::Duration;

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
