//! E. What EXPUNGE removes, and what refusals mean: codes, pauses that are asked for.

use crate::case::*;
use imapsync_core::testing::{Act, Call, Throttle, Throttled};
use imapsync_core::{Delete1, ErrorKind, Side};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// Without UIDPLUS EXPUNGE takes all that is marked: it is sent only where all of it is ours.
#[tokio::test(start_paused = true)]
async fn case_088_expunge_would_take_the_marks_of_others() {
    // A message of the source that others have marked, and that could not be copied.
    let outcome = Case::plain()
        .setup(|pair| {
            fill(&pair.source, "INBOX", 5);
            fill(&pair.source, "Work", 3);
            inbox(&mut pair.source.mail()).flag(4, |flags| flags.push("\\Deleted".to_owned()));
        })
        .options(|options| options.delete1 = Delete1::Expunge)
        .run(|pair| {
            let (mut folder, mut refused) = (String::new(), 0);
            pair.destination.hook(move |_, call| {
                if call.is("APPEND") {
                    folder = call.line.to_owned();
                    refused += u32::from(folder.contains("INBOX"));
                }
                // The fourth message of INBOX, each time.
                match call.is("APPEND") && folder.contains("INBOX") && refused >= 4 && refused != 5 {
                    true => Act::Say("{tag} NO not this one\r\n".to_owned()),
                    false => Act::Pass,
                }
            });
        })
        .await;
    outcome.assert_reported("EXPUNGE would also remove 4");
    assert_eq!(outcome.left[0]["INBOX"].len(), 5, "all of them stay");
    assert_eq!(outcome.left[0]["Work"].len(), 0, "where all marks are ours they go");
    assert_eq!(outcome.count(Side::Source, "EXPUNGE"), 1);

    // Others mark a message of the destination that is the copy of one, at any moment before the EXPUNGE.
    for (moment, nth) in
        ["UID STORE", "SELECT", "NOOP"].into_iter().flat_map(|at| [1, 2, 3].map(|nth| (at, nth)))
    {
        let outcome = Mode::Delete2
            .case(PLAIN, PLAIN)
            .run(|pair| {
                pair.destination.hook(move |mail, call| {
                    if call.is(moment) && call.nth == nth {
                        inbox(mail).flag(1, |flags| flags.push("\\Deleted".to_owned()));
                    }
                    Act::Pass
                });
            })
            .await;
        assert_eq!(outcome.copy("INBOX", 1).uid, 1, "{moment} {nth}: the mark of others is not acted upon");
        if outcome.report().deleted[1] == 0 {
            outcome.assert_reported("EXPUNGE would also remove 1");
            assert_eq!(outcome.count(Side::Destination, "EXPUNGE"), 0, "{moment} {nth}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_089_uid_expunge_is_refused() {
    for answer in ["{tag} NO no\r\n", "{tag} BAD no\r\n", "{tag} NO [CANNOT] no\r\n"] {
        for (mode, side) in [(Mode::Delete1, Side::Source), (Mode::Delete2, Side::Destination)] {
            let outcome = mode
                .case(MODERN, MODERN)
                .run(|pair| {
                    pair.server(side).hook(times(usize::MAX, |call| call.is("UID EXPUNGE"), say(answer)));
                })
                .await;
            outcome.assert_reported("they stay marked");
            assert!(outcome.report().errors.iter().all(|error| error.kind() == ErrorKind::Delete));
            assert_eq!(outcome.report().deleted, [0, 0], "{answer} {mode:?}");
            assert_eq!(outcome.count(side, "EXPUNGE"), 0, "{answer} {mode:?}: never without UIDs");
            let at = usize::from(side.number() - 1);
            let all = outcome.left[at].values().flatten();
            let marked = all.filter(|message| message.has("\\Deleted")).count();
            assert_eq!(marked, if mode == Mode::Delete1 { 8 } else { 1 }, "{answer} {mode:?}");
        }
    }
}

/// Nothing is moved or copied within a server: there is no COPYUID to wait for.
#[tokio::test(start_paused = true)]
async fn case_090_no_move_and_no_copy() {
    for mode in Mode::ALL {
        let able = "IMAP4rev1 NAMESPACE UIDPLUS LITERAL+ MOVE";
        let outcome = mode.case(able, able).run(|_| {}).await;
        outcome.assert_borne().assert_no_offence();
        for side in SIDES {
            for verb in ["COPY", "MOVE", "UID COPY", "UID MOVE"] {
                assert_eq!(outcome.count(side, verb), 0, "{side} {verb} {mode:?}");
            }
        }
    }
}

/// What a refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// It is waited for: said once, nobody notices; said for ever, it is told in the end.
    Wait,
    /// It is told of this message or folder, and the rest goes on.
    Skip,
}

#[tokio::test(start_paused = true)]
async fn case_091_codes_of_refusals() {
    use Class::{Skip, Wait};
    let codes = [
        ("[OVERQUOTA]", Skip),
        ("[LIMIT]", Wait),
        ("[INUSE]", Wait),
        ("[SERVERBUG]", Wait),
        ("[UNAVAILABLE]", Wait),
        ("[EXPUNGEISSUED]", Wait),
        ("[CORRUPTION]", Skip),
        ("[CANNOT]", Skip),
        ("[NOPERM]", Skip),
        ("[CONTACTADMIN]", Skip),
        ("[X-NOBODY-KNOWS 7]", Skip),
        ("", Skip),
    ];
    /// The command that is refused, and what stays undone when it is skipped: copies, deletes.
    type Place = (Side, &'static str, fn(&Call<'_>) -> bool);
    let places: [Place; 5] = [
        (Side::Destination, "APPEND", |call| call.appends()),
        (Side::Source, "UID FETCH", is_body),
        (Side::Source, "EXAMINE", |call| call.is("EXAMINE")),
        (Side::Destination, "UID STORE", |call| call.is("UID STORE")),
        (Side::Destination, "UID EXPUNGE", |call| call.is("UID EXPUNGE")),
    ];
    for (code, class) in codes {
        for (side, verb, when) in places {
            for number in [1, usize::MAX] {
                let mode = if side == Side::Destination { Mode::Delete2 } else { Mode::Keep };
                let answer = format!("{{tag}} NO {code} because\r\n");
                let began = Instant::now();
                let outcome = mode
                    .case(MODERN, MODERN)
                    .run(|pair| pair.server(side).hook(times(number, when, say(&answer))))
                    .await;
                let what = format!("{code} {verb} {number}");
                let report = outcome.report();
                // A FETCH is tried again by itself whatever was said of the set.
                let borne = number == 1 && (class == Wait || verb == "UID FETCH");
                assert_eq!(report.is_success(), borne, "{what}: {:?}", report.errors);
                if !borne {
                    let said = |error: &imapsync_core::Error| {
                        error.server_text().is_some_and(|text| text.contains("because"))
                    };
                    assert!(
                        report.errors.iter().any(said),
                        "{what}: the server's words: {:?}",
                        report.errors
                    );
                }
                assert!(report.stopped.is_none(), "{what}");
                if number == 1 && class == Skip && verb == "APPEND" {
                    assert_eq!((report.tally.copied, report.tally.failed), (5, 1), "{what}");
                }
                assert!(outcome.count(side, verb) <= 80, "{what}: {}", outcome.count(side, verb));
                assert!(began.elapsed() < Duration::from_secs(3600), "{what}: {:?}", began.elapsed());
            }
        }
    }
    // TRYCREATE: somebody has deleted the folder. The next run makes it again.
    let outcome = Case::modern()
        .run(|pair| {
            pair.destination.hook(times(
                usize::MAX,
                |call| call.appends() && call.line.contains("Work"),
                say("{tag} NO [TRYCREATE] no such folder\r\n"),
            ));
        })
        .await;
    assert_eq!((outcome.report().tally.copied, outcome.report().tally.failed), (5, 3));
    outcome.assert_reported("could not append to folder Work");
}

/// When the commands of a kind came.
type Moments = Arc<Mutex<Vec<Instant>>>;

#[tokio::test(start_paused = true)]
async fn case_092_a_pause_that_is_asked_for() {
    let milliseconds =
        |text: &str| format!("Request is throttled. Suggested Backoff Time: {text} milliseconds");
    /// The command that is throttled.
    type Place = (Side, &'static str, fn(&Call<'_>) -> bool);
    let places: [Place; 5] = [
        (Side::Destination, "APPEND", |call| call.appends()),
        (Side::Source, "UID FETCH", is_body),
        (Side::Source, "UID FETCH", is_listing),
        (Side::Destination, "UID STORE", |call| call.is("UID STORE")),
        (Side::Destination, "UID EXPUNGE", |call| call.is("UID EXPUNGE")),
    ];
    for (asked, obeyed) in [("178755", 178_755), ("9999999999", 900_000), ("99999999999999999999999", 1000)] {
        for kind in ["BAD", "NO"] {
            for (side, verb, when) in places {
                let moments = Moments::default();
                let seen = moments.clone();
                let answer = format!("{{tag}} {kind} {}\r\n", milliseconds(asked));
                let mode = if side == Side::Destination { Mode::Delete2 } else { Mode::Keep };
                let outcome = mode
                    .case(MODERN, MODERN)
                    .run(|pair| {
                        pair.server(side).hook(move |_, call| {
                            if !when(call) {
                                return Act::Pass;
                            }
                            seen.lock().unwrap().push(Instant::now());
                            match seen.lock().unwrap().len() {
                                1 => Act::Say(answer.clone()),
                                _ => Act::Pass,
                            }
                        });
                    })
                    .await;
                outcome.assert_borne();
                let what = format!("{kind} {asked} {verb}");
                let moments = moments.lock().unwrap();
                let waited = moments.iter().map(|moment| *moment - moments[0]);
                // What was in flight already was sent before the server asked.
                let waited = waited.max().unwrap();
                let wanted = Duration::from_millis(obeyed);
                assert!(waited >= wanted, "{what}: {waited:?}");
                assert!(waited < wanted + Duration::from_secs(60), "{what}: {waited:?}");
                assert_eq!(outcome.report().tally.copied, 6, "{what}");
            }
        }
    }
    // A server that asks again and again, and closes each time.
    for says in [Throttled::Backoff, Throttled::BackoffAndBye, Throttled::Unavailable, Throttled::Slow] {
        // Where no time is named only short pauses are waited for.
        let seconds = if says == Throttled::Unavailable { 5 } else { 40 };
        let throttle = Throttle { every: 3, pause: Duration::from_secs(seconds), says };
        let outcome = Case::modern()
            .run(|pair| {
                SIDES.iter().for_each(|side| pair.server(*side).mail().quirks.throttle = Some(throttle))
            })
            .await;
        outcome.assert_borne();
        assert_eq!(outcome.report().tally.copied, 8, "{says:?}");
    }
}
