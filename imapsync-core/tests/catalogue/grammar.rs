//! B. Grammar and untagged data.

use crate::answer::{between, each, each_text};
use crate::case::*;
use crate::peer::replace;
use imapsync_core::testing::{Act, Call, Stage};
use imapsync_core::{Delete1, Side};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A case whose answers on both sides are changed by this.
async fn changed(change: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + Clone + 'static) -> Outcome {
    Case::modern()
        .run(|pair| {
            every_answer(&pair.source, change.clone());
            every_answer(&pair.destination, change);
        })
        .await
}

#[tokio::test(start_paused = true)]
async fn case_025_untagged_data_between_any_two_lines() {
    // None of these is what the command in flight asks for; LIST and STATUS lines would be while folders are listed.
    let always = "* OK hello\r\n* 7 RECENT\r\n* FLAGS (\\Seen \\Answered)\r\n* SEARCH 1 2 3\r\n* ENABLED X\r\n\
        * 1 FETCH (FLAGS (\\Seen))\r\n* ESEARCH (TAG \"a1\") UID ALL 1\r\n* ID NIL\r\n* QUOTA \"\" (STORAGE 1 2)\r\n";
    let later = "* LIST () \"/\" Noise\r\n* LSUB () \"/\" Noise\r\n* STATUS Noise (MESSAGES 5)\r\n\
        * NAMESPACE ((\"Noise/\" \"/\")) NIL NIL\r\n* 1 FETCH (BODY[] {3}\r\nabc)\r\n";
    for capabilities in [MODERN, PLAIN] {
        let outcome = Case::new(capabilities, capabilities)
            .run(|pair| {
                for server in [&pair.source, &pair.destination] {
                    server.hook(move |_, call| {
                        let of_messages = ["EXAMINE", "SELECT", "UID ", "APPEND"];
                        let reading = of_messages.iter().any(|verb| call.line.starts_with(verb));
                        // FLAGS and RECENT are what SELECT asks for.
                        let noise = match (reading, call.stage) {
                            (_, stage) if stage != Stage::Applied => return Act::Pass,
                            (true, _) if call.line.contains("SEARCH") => later.to_owned(),
                            (true, _) => format!("{always}{later}"),
                            (false, _) => {
                                "* OK hello\r\n* 7 RECENT\r\n* 1 FETCH (FLAGS (\\Seen))\r\n".to_owned()
                            }
                        };
                        Act::Edit(Box::new(move |bytes| between(&bytes, &noise)))
                    });
                }
            })
            .await;
        outcome.assert_borne().assert_no_offence();
    }
}

#[tokio::test(start_paused = true)]
async fn case_026_missing_texts_and_spare_spaces() {
    type Change = fn(&str) -> String;
    let table: [(&str, Change); 7] = [
        ("no text", |line| line.replace("OK done\r\n", "OK\r\n").replace("OK welcome", "OK")),
        ("no text but a space", |line| line.replace("OK done\r\n", "OK \r\n")),
        ("a bare OK", |line| format!("* OK\r\n* OK \r\n{line}")),
        ("a bare code", |line| line.replace("OK done\r\n", "OK [READ-WRITE]\r\n")),
        ("spaces at the end", |line| match line.starts_with("* ") && !line.ends_with("}\r\n") {
            true => line.replace("\r\n", "  \r\n"),
            false => line.to_owned(),
        }),
        ("two spaces", |line| match line.starts_with("* ") && !line.contains('{') && !line.contains('"') {
            true => line.replace(' ', "  "),
            false => line.to_owned(),
        }),
        ("two spaces in a tagged line", |line| line.replace(" OK ", "  OK  ")),
    ];
    for (what, change) in table {
        for capabilities in [MODERN, PLAIN, "IMAP4rev1 ID NAMESPACE"] {
            let outcome = Case::new(capabilities, capabilities)
                .run(|pair| {
                    // Texts stand in front of literals only where the whole answer is text.
                    let change = move |bytes: Vec<u8>| match what {
                        "a bare OK" => between(&bytes, "* OK\r\n* OK \r\n"),
                        _ => each_text(&bytes, change),
                    };
                    every_answer(&pair.source, change);
                    every_answer(&pair.destination, change);
                })
                .await;
            assert!(outcome.report().is_success(), "{what}: {:?}", outcome.report().errors);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_027_line_ends_and_nul() {
    for end in ["\n", "\r\r\n", "\r\r\r\n"] {
        changed(move |bytes| each_text(&bytes, |line| line.replace("\r\n", end))).await.assert_borne();
    }
    for side in SIDES {
        let nul = |bytes: Vec<u8>| replace(&bytes, b" OK done", b" OK do\0ne");
        // Once: another connection does it.
        let outcome = Case::modern().run(|pair| pair.server(side).hook(answers(1, "UID FETCH", nul))).await;
        outcome.assert_borne();
        // Always: it is said.
        let outcome = Case::modern().run(|pair| every_answer(pair.server(side), nul)).await;
        outcome.assert_reported("NUL");
    }
}

#[tokio::test(start_paused = true)]
async fn case_028_keywords_in_any_case() {
    fn mixed(line: &str) -> String {
        let words = [
            (" OK", " Ok"),
            ("FETCH", "fetch"),
            ("UID ", "Uid "),
            ("FLAGS", "flags"),
            ("INTERNALDATE", "InternalDate"),
            ("RFC822.SIZE", "rfc822.Size"),
            ("BODY[", "Body["),
            ("HEADER.FIELDS", "header.fields"),
            ("EXISTS", "exists"),
            ("RECENT", "Recent"),
            ("LIST", "List"),
            ("LSUB", "lsub"),
            ("CAPABILITY", "Capability"),
            ("STATUS", "status"),
            ("UIDVALIDITY", "UidValidity"),
            ("UIDNEXT", "uidnext"),
            ("APPENDUID", "appenduid"),
            ("MESSAGES", "messages"),
            ("NAMESPACE", "namespace"),
            ("READ-ONLY", "read-only"),
            ("PERMANENTFLAGS", "permanentflags"),
            ("IMAP4rev1", "imap4REV1"),
            ("LITERAL+", "literal+"),
            ("\\Seen", "\\SEEN"),
            ("SEARCH", "search"),
        ];
        words.iter().fold(line.to_owned(), |line, (from, to)| line.replace(from, to))
    }
    let outcome = changed(|bytes| each_text(&bytes, mixed)).await;
    outcome.assert_borne().assert_no_offence();
}

#[tokio::test(start_paused = true)]
async fn case_029_unknown_responses_and_codes() {
    let noise = "* XYZZY foo (bar \"baz\")\r\n* 12 XYZZY\r\n* OK [XYZZY foo \"b]ar\"] text\r\n* OK [UNTERMINATED\r\n\
        * OK [] empty\r\n* OK [UIDVALIDITY] none\r\n* OK [UIDNEXT x] none\r\n* X-GM-EXT1 {3}\r\nabc\r\n* \r\n*\r\n";
    let outcome = Case::modern()
        .run(|pair| {
            for server in [&pair.source, &pair.destination] {
                // A line that nobody can read may have been a folder or a message: it counts there.
                server.hook(|_, call| match call.stage == Stage::Applied && !call.line.starts_with("LIST") {
                    true => Act::Edit(Box::new(|bytes| between(&bytes, noise))),
                    false => Act::Pass,
                });
            }
        })
        .await;
    outcome.assert_borne().assert_no_offence();
}

#[tokio::test(start_paused = true)]
async fn case_030_tags_that_are_not_ours() {
    // What comes in front of the answer, or behind it; `TAG` is that of the command.
    let table = [
        ("z9 OK done\r\n", ""),
        ("a1 OK done\r\n", ""),
        ("a1 NO failed\r\n", ""),
        ("a999 OK done\r\n", ""),
        ("", "TAG OK done\r\n"),
        ("", "TAG NO failed\r\n"),
        ("A OK done\r\n", ""),
        ("+1 OK\r\n", ""),
        ("OK done\r\n", ""),
    ];
    for (before, behind) in table {
        for (side, verb) in [
            (Side::Source, "UID FETCH"),
            (Side::Source, "EXAMINE"),
            (Side::Destination, "APPEND"),
            (Side::Destination, "CREATE"),
            (Side::Source, "LIST"),
            (Side::Destination, "SELECT"),
        ] {
            let strange = move |bytes: Vec<u8>| {
                let tag = crate::answer::responses(&bytes).pop().unwrap();
                let tag = tag.split(|byte| *byte == b' ').next().unwrap().to_vec();
                let behind = replace(behind.as_bytes(), b"TAG", &tag);
                [before.as_bytes(), &bytes, &behind].concat()
            };
            let outcome = Case::modern().run(|pair| pair.server(side).hook(answers(1, verb, strange))).await;
            // A line that is nothing at all may have been a folder.
            match outcome.report().is_success() {
                true => outcome.assert_borne(),
                false if verb == "LIST" && before.starts_with("OK") => {
                    outcome.assert_reported("cannot be read")
                }
                false => panic!("{before}{behind} {verb}: {:?}", outcome.report().errors),
            };
            outcome.assert_no_offence();
        }
    }
    // Always: nothing is done, and that is said.
    let always = |bytes: Vec<u8>| [b"z9 OK done\r\n", &bytes[..]].concat();
    let outcome = Case::modern().run(|pair| every_answer(&pair.destination, always)).await;
    outcome.assert_reported("a reply to no command of ours");
}

#[tokio::test(start_paused = true)]
async fn case_031_untagged_no_and_bad_are_warnings() {
    let noise = "* NO disk is 98% full\r\n* BAD I did not like that\r\n";
    let outcome = changed(|bytes| between(&bytes, noise)).await;
    outcome.assert_borne();
    for text in ["disk is 98% full", "I did not like that"] {
        let told = outcome.notices().iter().filter(|notice| notice.contains(text)).count();
        assert_eq!(told, 2, "once for each side: {:?}", outcome.notices());
    }
}

#[tokio::test(start_paused = true)]
async fn case_032_nested_beyond_reason() {
    let deep = "(".repeat(100_000);
    for (side, verb, line) in [
        (Side::Source, "LIST", format!("* LIST {deep}\r\n")),
        (Side::Source, "UID FETCH", format!("* 1 FETCH (UID 1 BODYSTRUCTURE {deep}\r\n")),
        (Side::Source, "UID FETCH", format!("* 1 FETCH (UID 1 FLAGS {deep}{})\r\n", ")".repeat(100_000))),
        (Side::Destination, "UID FETCH", format!("* 1 FETCH {deep}\r\n")),
        (Side::Destination, "SELECT", format!("* FLAGS {deep}\r\n")),
        (Side::Destination, "NAMESPACE", format!("* NAMESPACE {deep}\r\n")),
        (Side::Source, "STATUS", format!("* STATUS x {deep}\r\n")),
        (Side::Source, "LSUB", format!("* XYZZY {deep}\r\n")),
    ] {
        let setup = |pair: &Pair| {
            fill(&pair.source, "INBOX", 3);
            fill(&pair.destination, "INBOX", 1);
        };
        for number in [1, 99] {
            let line = line.clone();
            let nested = move |bytes: Vec<u8>| [line.as_bytes(), &bytes].concat();
            let outcome = Case::modern()
                .setup(setup)
                .run(|pair| pair.server(side).hook(answers(number, verb, nested)))
                .await;
            match number {
                1 => outcome.assert_borne(),
                _ => outcome.assert_reported("nested"),
            };
        }
    }
    // In the text of a status, and in a quoted string, parentheses are text.
    let text = format!("* OK {deep}\r\n* LSUB () \"/\" \"{}\"\r\n", &deep[..1000]);
    changed(move |bytes| between(&bytes, &text)).await.assert_borne();
}

#[tokio::test(start_paused = true)]
async fn case_033_numbers_at_the_edges() {
    let numbers = [
        "-1",
        "0",
        "007",
        "+5",
        "2147483648",
        "4294967295",
        "4294967296",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999999999",
        "1e3",
        "0x10",
        "5.5",
        "NIL",
        "\"5\"",
        "",
    ];
    // Where the number stands: the text in front of it.
    let places = [
        ("UID FETCH", "UID "),
        ("UID FETCH", "RFC822.SIZE "),
        ("UID FETCH", "* "),
        ("EXAMINE", "[UIDVALIDITY "),
        ("EXAMINE", "[UIDNEXT "),
        ("EXAMINE", "* "),
        ("STATUS", "MESSAGES "),
        ("STATUS", "UIDNEXT "),
        ("SELECT", "[UIDVALIDITY "),
        ("SELECT", "[UIDNEXT "),
        ("APPEND", "APPENDUID "),
        ("SELECT", "* "),
    ];
    let setup = |pair: &Pair| {
        fill(&pair.source, "INBOX", 4);
        fill(&pair.destination, "INBOX", 2);
        pair.destination.mail().folder("INBOX").add(message("other", 7), &[]);
    };
    for (n, number) in numbers.into_iter().enumerate() {
        for (at, (verb, place)) in places.into_iter().enumerate() {
            // Every place meets every number in the full tier; in between each meets every third.
            if !full() && (n + at) % 3 != 0 {
                continue;
            }
            let change = move |bytes: Vec<u8>| each_text(&bytes, |line| renumbered(line, place, number));
            let delete = (n / 3 + at) % 2 == 0;
            // The invariants are the assertion: whatever is made of it, nothing is lost, doubled or kept silent.
            let outcome = Case::modern()
                .setup(setup)
                .options(|options| match delete {
                    true => options.delete1 = Delete1::Expunge,
                    false => options.delete2 = true,
                })
                .run(|pair| {
                    for server in [&pair.source, &pair.destination] {
                        server.hook(answers(usize::MAX, verb, change));
                    }
                })
                .await;
            outcome.assert_no_offence();
        }
    }
}

/// The first number behind `place` becomes another.
fn renumbered(line: &str, place: &str, number: &str) -> String {
    let Some(at) = line.find(place).map(|at| at + place.len()) else { return line.to_owned() };
    let digits = line[at..].bytes().take_while(u8::is_ascii_digit).count();
    match digits {
        0 => line.to_owned(),
        _ => format!("{}{number}{}", &line[..at], &line[at + digits..]),
    }
}

#[tokio::test(start_paused = true)]
async fn case_034_quoted_strings() {
    // Names with quotes, backslashes and bytes beyond ASCII are read as what they are.
    let names = ["a\"b", "a\\b", "\\\"", "Gr\u{fc}n", "tab\tbed", "{5}", "a{5}"];
    let outcome = Case::modern()
        .setup(move |pair| {
            for name in names {
                fill(&pair.source, name, 1);
            }
        })
        .run(|_| {})
        .await;
    outcome.assert_borne().assert_no_offence();
    assert!(outcome.pair.destination.mail().folders.len() >= names.len());
    // Odd lines between the folders: a name that nobody can open, or a line that nobody can read, is reported.
    let megabyte = "x".repeat(1 << 20);
    let table = [
        "* LIST () \"/\" \"ill\\egal\"\r\n".to_owned(),
        "* LIST () \"/\" \"\u{fc}\"\r\n".to_owned(),
        format!("* LIST () \"/\" \"{megabyte}\"\r\n"),
        "* LIST () \"/\" \"never ends\r\n".to_owned(),
        "* LIST () \"/\" \"ends in \\\"\r\n".to_owned(),
        "* LIST () \"/\" \"two\" \"names\"\r\n".to_owned(),
    ];
    for line in table {
        let shown: String = line.chars().take(60).collect();
        let more = move |bytes: Vec<u8>| [line.as_bytes(), &bytes].concat();
        let outcome = Case::modern().run(|pair| pair.source.hook(answers(9, "LIST", more))).await;
        assert!(!outcome.report().is_success(), "{shown}");
        assert_eq!(outcome.report().tally.copied, 8, "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn case_035_atoms_strings_literals_and_nil() {
    type Change = fn(&str) -> String;
    let table: [(&str, Change); 7] = [
        ("names as atoms", |line| line.replace("\"INBOX\"", "INBOX").replace("\"Work\"", "Work")),
        ("names as strings", |line| {
            line.replace(" INBOX\r\n", " \"INBOX\"\r\n").replace(" Work\r\n", " \"Work\"\r\n")
        }),
        ("names as literals", |line| match line.starts_with("* LIST") || line.starts_with("* LSUB") {
            true => line
                .replace("\"INBOX\"", "{5}\r\nINBOX")
                .replace(" INBOX\r\n", " {5}\r\nINBOX\r\n")
                .replace("\"Work\"", "{4}\r\nWork")
                .replace(" Work\r\n", " {4}\r\nWork\r\n"),
            false => line.to_owned(),
        }),
        ("the separator as an atom", |line| line.replace(" \"/\" ", " / ")),
        ("sizes as strings", |line| {
            let Some((head, rest)) = line.split_once("RFC822.SIZE ") else { return line.to_owned() };
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            format!("{head}RFC822.SIZE \"{}\"{}", &rest[..digits], &rest[digits..])
        }),
        ("BODY[] quoted empty and NIL beside it", |line| {
            line.replace("FLAGS (", "ENVELOPE NIL X \"\" Y NIL FLAGS (")
        }),
        ("status names as literals", |line| {
            line.replace("STATUS \"INBOX\"", "STATUS {5}\r\nINBOX")
                .replace("STATUS INBOX", "STATUS {5}\r\nINBOX")
        }),
    ];
    for (what, change) in table {
        let outcome = changed(move |bytes| each_text(&bytes, change)).await;
        assert!(outcome.report().is_success(), "{what} {:?}", outcome.report().errors);
    }
    // NIL for what has to be a string or a list.
    for (from, to) in [(" () ", " NIL "), ("FLAGS (\\Seen)", "FLAGS NIL")] {
        let outcome = Case::modern()
            .bodies_only()
            .run(|pair| {
                for server in [&pair.source, &pair.destination] {
                    every_answer(server, move |bytes| each_text(&bytes, |line| line.replace(from, to)));
                }
            })
            .await;
        assert!(!outcome.pair.destination.messages("INBOX").is_empty(), "{from}");
    }
}

#[tokio::test(start_paused = true)]
async fn case_036_long_lines() {
    // 10 MB of numbers are a legal answer to SEARCH, wherever they come.
    let long: String = (0..1_400_000).map(|n| format!(" {n}")).collect();
    assert!(long.len() > 9_000_000);
    for line in
        [format!("* SEARCH{long}\r\n"), format!("* FLAGS (\\Seen{long})\r\n"), format!("* OK{long}\r\n")]
    {
        let outcome = Case::modern()
            .run(|pair| {
                let line = line.clone();
                pair.source.hook(answers(1, "UID FETCH", move |bytes| [line.as_bytes(), &bytes].concat()));
            })
            .await;
        outcome.assert_borne();
        assert_eq!(outcome.report().reconnections, [0, 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn case_037_bye_in_the_middle_of_anything() {
    let verbs = [
        (Side::Source, "CAPABILITY"),
        (Side::Source, "LOGIN"),
        (Side::Source, "NAMESPACE"),
        (Side::Source, "LIST"),
        (Side::Source, "STATUS"),
        (Side::Source, "EXAMINE"),
        (Side::Source, "UID FETCH"),
        (Side::Source, "UID STORE"),
        (Side::Source, "UID EXPUNGE"),
        (Side::Destination, "LIST"),
        (Side::Destination, "CREATE"),
        (Side::Destination, "SELECT"),
        (Side::Destination, "APPEND"),
        (Side::Destination, "UID FETCH"),
    ];
    for (side, verb) in verbs {
        // In front of its answer, behind it, in its place; the connection is closed, or left open without a word.
        for way in 0..6 {
            let goodbye = b"* BYE [UNAVAILABLE] shutting down\r\n".to_vec();
            let outcome = Case::modern()
                .options(|options| options.delete1 = Delete1::Expunge)
                .run(|pair| {
                    let bye = move |bytes: Vec<u8>| match way % 3 {
                        0 => [&goodbye[..], &bytes].concat(),
                        1 => [&bytes[..], &goodbye].concat(),
                        _ => goodbye.clone(),
                    };
                    let bye = Arc::new(bye);
                    let when =
                        move |call: &Call<'_>| call.stage == Stage::Applied && call.line.starts_with(verb);
                    let dead = Arc::new(Mutex::new(None));
                    let connection = dead.clone();
                    let mut left = 1;
                    pair.server(side).hook(move |_, call| {
                        if *connection.lock().unwrap() == Some(call.connection) && call.stage == Stage::Line {
                            return Act::Hang;
                        }
                        if left == 0 || !when(call) {
                            return Act::Pass;
                        }
                        left = 0;
                        let bye = bye.clone();
                        if way < 3 {
                            return Act::EditAndClose(Box::new(move |bytes| bye(bytes)));
                        }
                        *connection.lock().unwrap() = Some(call.connection);
                        Act::Edit(Box::new(move |bytes| bye(bytes)))
                    });
                })
                .await;
            assert!(outcome.report().is_success(), "{verb} {way} {:?}", outcome.report().errors);
            outcome.assert_no_offence();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_038_continuations_out_of_place() {
    // One when none is due.
    for (side, verb) in [
        (Side::Source, "LIST"),
        (Side::Source, "UID FETCH"),
        (Side::Destination, "SELECT"),
        (Side::Destination, "APPEND"),
    ] {
        for plus in ["+ go on\r\n", "+\r\n", "+OK\r\n"] {
            let early = move |bytes: Vec<u8>| [plus.as_bytes(), &bytes].concat();
            Case::modern().run(|pair| pair.server(side).hook(answers(1, verb, early))).await.assert_borne();
            let outcome = Case::modern().run(|pair| pair.server(side).hook(answers(99, verb, early))).await;
            // An APPEND that was answered so is done all the same, and found.
            match verb {
                "APPEND" => outcome.assert_borne(),
                _ => outcome.assert_reported("continuation"),
            };
        }
    }
    // None when one is due: silence, or OK as if all were there.
    for act in [|| Act::Hang, || Act::Wait(Duration::from_secs(100)), || Act::Say("* OK wait\r\n".into())] {
        let outcome = Case::plain()
            .run(|pair| pair.destination.hook(times(1, |call| call.stage == Stage::Continuation, act)))
            .await;
        outcome.assert_borne();
    }
    let ok = say("{tag} OK [APPENDUID 1 5] done\r\n");
    let outcome = Case::plain()
        .run(|pair| pair.destination.hook(times(1, |call| call.stage == Stage::Continuation, ok)))
        .await;
    outcome.assert_borne();
}

#[tokio::test(start_paused = true)]
async fn case_039_answers_in_another_order() {
    // Every second answer to such a command waits for the next one. Of FETCHes only those of one folder: no answer may
    // come behind that to the EXAMINE of the next (RFC 9051 section 5.5).
    for (side, verb) in [(Side::Destination, "APPEND"), (Side::Source, "STATUS"), (Side::Source, "UID FETCH")]
    {
        let large = |line: &str| line.contains("BODY.PEEK[]") && !line.contains(" 1:4 ");
        let outcome = Case::modern()
            .setup(|pair| {
                fill(&pair.source, "INBOX", 400);
                for n in 0..6 {
                    fill(&pair.source, &format!("Folder {n}"), 4);
                }
            })
            .run(|pair| {
                let held = Arc::new(Mutex::new(Vec::new()));
                let mut nth = 0;
                pair.server(side).hook(move |_, call| {
                    let meant = call.line.starts_with(verb) && (verb != "UID FETCH" || large(call.line));
                    if call.stage != Stage::Applied || !meant || nth == 4 {
                        return Act::Pass;
                    }
                    nth += 1;
                    let (held, hold) = (held.clone(), nth % 2 == 1);
                    Act::Edit(Box::new(move |bytes| {
                        let mut held = held.lock().unwrap();
                        match hold {
                            true => {
                                *held = bytes;
                                Vec::new()
                            }
                            false => [bytes, std::mem::take(&mut held)].concat(),
                        }
                    }))
                });
            })
            .await;
        assert!(outcome.report().is_success(), "{verb} {:?}", outcome.report().errors);
        assert_eq!(outcome.report().reconnections, [0, 0], "{verb}");
    }
}

#[tokio::test(start_paused = true)]
async fn case_040_structures_that_nobody_asked_for() {
    let table = [
        "ENVELOPE (NIL \"x\" ((",
        "ENVELOPE (NIL NIL) ",
        "BODYSTRUCTURE (((\"TEXT\" NIL)) 5) ",
        "BODY (\"a\" ",
        "BODYSTRUCTURE NIL ",
        "ENVELOPE \"",
        "ENVELOPE {3}\r\nabc ",
        "BODYSTRUCTURE ) ",
    ];
    for structure in table {
        for number in [1, usize::MAX] {
            let added = move |bytes: Vec<u8>| {
                each(&bytes, |response| {
                    replace(&response, b" FETCH (", format!(" FETCH ({structure}").as_bytes())
                })
            };
            let outcome =
                Case::modern().run(|pair| pair.source.hook(answers(number, "UID FETCH", added))).await;
            let asked = outcome
                .log
                .iter()
                .flatten()
                .any(|line| line.contains("ENVELOPE") || line.contains("STRUCTURE"));
            assert!(!asked, "never asked for");
            if number == 1 {
                assert!(outcome.report().is_success(), "{structure} {:?}", outcome.report().errors);
            }
        }
    }
}
