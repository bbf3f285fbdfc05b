//! C. Literals, sizes, memory. Those that need a process of their own are in `tests/bounded`.

use crate::answer::{each, each_text, responses};
use crate::case::*;
use crate::peer::replace;
use imapsync_core::plan::Outcome as Became;
use imapsync_core::testing::{Act, Call, Rewrite, Stage};
use imapsync_core::{Delete1, ErrorKind, Side};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A message of about so many bytes.
fn large(n: usize, bytes: usize) -> Vec<u8> {
    let mut message =
        format!("Message-Id: <large{n}@example.org>\r\nSubject: Large {n}\r\n\r\n").into_bytes();
    let mut line = 0;
    while message.len() < bytes {
        message.extend_from_slice(format!("line {line} of message {n}\r\n").as_bytes());
        line += 1;
    }
    message
}

/// Three small messages and one of this size; memory is so small that 60 KB stream.
fn with_one_of(bytes: usize) -> Case {
    Case::modern()
        .setup(move |pair| {
            fill(&pair.source, "INBOX", 3);
            pair.source.mail().folder("INBOX").add(large(1, bytes), &[]);
        })
        .options(|options| options.memory = 128 * 1024)
}

fn is_body(call: &Call<'_>) -> bool {
    call.stage == Stage::Applied && call.line.starts_with("UID FETCH") && call.line.contains("BODY.PEEK[]")
}

fn is_listing(call: &Call<'_>) -> bool {
    call.stage == Stage::Applied && call.line.starts_with("UID FETCH") && call.line.contains("RFC822.SIZE")
}

#[tokio::test(start_paused = true)]
async fn case_041_literals_beyond_reason() {
    let lengths =
        ["4294967295", "17179869185", "18446744073709551615", "99999999999999999999", "-5", "", "5 5"];
    for size in [2000, 60_000] {
        let real = large(1, size).len();
        for length in lengths {
            for number in [1, usize::MAX] {
                let change = move |bytes: Vec<u8>| {
                    replace(&bytes, format!("{{{real}}}").as_bytes(), format!("{{{length}}}").as_bytes())
                };
                let outcome = with_one_of(size)
                    .options(|options| options.delete1 = Delete1::Expunge)
                    .run(|pair| pair.source.hook(times(number, is_body, edit(change))))
                    .await;
                if number == 1 {
                    assert!(outcome.report().is_success(), "{size} {length} {:?}", outcome.report().errors);
                } else {
                    assert!(!outcome.report().is_success(), "{size} {length}");
                }
            }
        }
    }
    // Where no message is due.
    for line in ["* LIST () \"/\" {99999999999999999999}\r\n", "* XYZZY {17179869185}\r\n"] {
        let outcome = Case::modern()
            .run(|pair| every_answer(&pair.source, move |bytes| [line.as_bytes(), &bytes].concat()))
            .await;
        outcome.assert_reported("hostile or over limit");
    }
}

#[tokio::test(start_paused = true)]
async fn case_043_literals_that_never_end() {
    for size in [2000, 60_000] {
        for part in [0, 50, 99] {
            // The server says nothing more, or says it on its own later: on this connection nothing is to be had.
            let cut = move |bytes: Vec<u8>| {
                let last = responses(&bytes).iter().rev().nth(1).map_or(0, Vec::len);
                let whole = bytes.len() - last + last * part / 100;
                bytes[..whole.min(bytes.len() - 20)].to_vec()
            };
            let mut silent = None;
            let outcome = with_one_of(size)
                .options(|options| options.delete1 = Delete1::Expunge)
                .run(|pair| {
                    pair.source.hook(move |_, call| match silent {
                        Some(connection) if connection == call.connection => Act::Hang,
                        None if is_body(call) => {
                            silent = Some(call.connection);
                            Act::Edit(Box::new(cut))
                        }
                        _ => Act::Pass,
                    });
                })
                .await;
            outcome.assert_borne();
            assert_eq!(outcome.report().reconnections[0], 1, "{size} {part}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_044_literals_with_another_length() {
    // Too short: what follows is no IMAP any more. Too long: what follows is swallowed.
    for difference in [-10_i64, -1, 1, 10, 100_000] {
        for size in [2000, 60_000] {
            let real = large(1, size).len() as i64;
            let change = move |bytes: Vec<u8>| {
                let length = format!("{{{}}}", real + difference);
                replace(&bytes, format!("{{{real}}}").as_bytes(), length.as_bytes())
            };
            let outcome = with_one_of(size)
                .options(|options| options.delete1 = Delete1::Expunge)
                .run(|pair| pair.source.hook(times(1, is_body, edit(change))))
                .await;
            assert!(outcome.report().is_success(), "{difference} {size} {:?}", outcome.report().errors);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_045_sizes_that_are_not_the_length() {
    type Change = fn(u64) -> String;
    let table: [(&str, Change); 8] = [
        ("0", |_| "0".into()),
        ("NIL", |_| "NIL".into()),
        ("1", |_| "1".into()),
        ("less", |size| (size * 9 / 10).to_string()),
        ("more", |size| (size + 37).to_string()),
        ("much more", |size| (size * 1000).to_string()),
        ("16 GiB", |_| (16_u64 << 30).to_string()),
        ("2^63", |_| (1_u64 << 63).to_string()),
    ];
    for (what, size_of) in table {
        for size in [2000, 60_000] {
            for number in [1, usize::MAX] {
                let change = move |bytes: Vec<u8>| {
                    each_text(&bytes, |line| {
                        let Some((head, rest)) = line.split_once("RFC822.SIZE ") else {
                            return line.to_owned();
                        };
                        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                        let told = size_of(rest[..digits].parse().unwrap());
                        format!("{head}RFC822.SIZE {told}{}", &rest[digits..])
                    })
                };
                let change = Arc::new(change);
                let outcome = with_one_of(size)
                    .run(|pair| {
                        for server in [&pair.source, &pair.destination] {
                            let change = change.clone();
                            server.hook(times(number, is_listing, edit(move |bytes| change(bytes))));
                        }
                    })
                    .await;
                assert!(outcome.report().is_success(), "{what} {size} {:?}", outcome.report().errors);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_046_empty_bodies_of_messages_that_are_not() {
    for size in [2000, 60_000] {
        let message = String::from_utf8(large(1, size)).unwrap();
        for empty in ["NIL", "\"\"", "{0}\r\n", "{2}\r\n\r\n"] {
            for number in [1, usize::MAX] {
                let body = format!("{{{}}}\r\n{message}", message.len());
                let change = move |bytes: Vec<u8>| replace(&bytes, body.as_bytes(), empty.as_bytes());
                let outcome = with_one_of(size)
                    .options(|options| options.delete1 = Delete1::Expunge)
                    .run(|pair| pair.source.hook(times(number, is_body, edit(change))))
                    .await;
                let report = outcome.report();
                assert_eq!(report.is_success(), number == 1, "{size} {empty:?} {:?}", report.errors);
                if number > 1 {
                    let error = &report.errors[0];
                    assert_eq!((error.kind(), error.uid()), (ErrorKind::Fetch, Some(4)), "{empty:?} {error}");
                    assert_eq!(report.tally.copied, 3);
                }
            }
        }
    }
    // A message that is empty is copied as what it is, where the listing says so.
    let outcome = Case::modern()
        .setup(|pair| {
            fill(&pair.source, "INBOX", 2);
            pair.source.mail().folder("INBOX").add("\r\n", &[]);
        })
        .run(|_| {})
        .await;
    outcome.assert_borne();
}

#[tokio::test(start_paused = true)]
async fn case_047_messages_that_look_like_imap() {
    for size in [0, 60_000] {
        for (source, destination) in [(MODERN, MODERN), (PLAIN, PLAIN), (MODERN, PLAIN)] {
            let outcome = Case::new(source, destination)
                .options(|options| options.memory = 128 * 1024)
                .setup(move |pair| {
                    let alike = [
                        ")\r\na1 OK done\r\n",
                        "a5 OK FETCH completed\r\na6 OK done\r\n",
                        ")\r\n* 1 EXPUNGE\r\n* BYE gone\r\n",
                        "{10}\r\n",
                        "{99999999999999999999}\r\n",
                        "+ go on\r\n",
                        "a7 LOGOUT\r\na8 DELETE INBOX\r\n",
                        "* ",
                        "\"",
                    ];
                    for (n, text) in alike.iter().enumerate() {
                        let filling = "x".repeat(70) + "\r\n";
                        let filling = filling.repeat(size / 72);
                        let body = format!("Message-Id: <{n}@x>\r\n\r\n{text}{filling}{text}");
                        pair.source.mail().folder("INBOX").add(body, &[]);
                    }
                })
                .run(|_| {})
                .await;
            outcome.assert_borne().assert_no_offence();
            assert_eq!(outcome.report().reconnections, [0, 0]);
        }
    }
}

/// Messages that mail servers choke on.
fn nasty() -> Vec<Vec<u8>> {
    let head = |n: usize| format!("Message-Id: <nasty{n}@example.org>\r\nSubject: {n}\r\n\r\n").into_bytes();
    let mut bodies: Vec<Vec<u8>> = [
        &b"bare\nline\nfeeds\n"[..],
        b"bare\rreturns\r",
        b"8 bit \xff\xfe\x80 \xc3\xa9\r\n",
        b".\r\n..\r\n.\r\n",
        b"no end of line",
        b"\r\n\r\n\r\n",
        b"",
    ]
    .iter()
    .enumerate()
    .map(|(n, body)| [&head(n), *body].concat())
    .collect();
    bodies.push([head(90), vec![b'x'; 1 << 20]].concat());
    bodies.push(b"Message-Id: <lf@example.org>\nSubject: only line feeds\n\nbody\n".to_vec());
    bodies.push([b"Subject: 8 bit \xe4\xf6 in the header\r\nMessage-Id: <h@x>\r\n\r\n".to_vec()].concat());
    bodies
}

#[tokio::test(start_paused = true)]
async fn case_049_bytes_of_every_kind() {
    let setup = |rewrite: Rewrite| {
        move |pair: &Pair| {
            fill(&pair.source, "INBOX", 1);
            for body in nasty() {
                pair.source.mail().folder("INBOX").add(body, &[]);
            }
            pair.destination.mail().quirks.rewrite = rewrite;
        }
    };
    // Whatever the server makes of them, the second run knows them again.
    for rewrite in [Rewrite::Nothing, Rewrite::NulAndLineFeed, Rewrite::LineEnds, Rewrite::Headers] {
        for capabilities in [MODERN, PLAIN] {
            let outcome = Case::new(capabilities, capabilities).setup(setup(rewrite)).run(|_| {}).await;
            outcome.assert_borne();
            assert!(!outcome.log[1].iter().any(|line| line.contains('~')), "literal8 without BINARY");
        }
    }
    // A server that refuses some: each is named with the reason, the others are copied.
    let outcome = Case::modern()
        .setup(setup(Rewrite::Nothing))
        .run(|pair| pair.destination.mail().quirks.rewrite = Rewrite::Refuses)
        .await;
    let report = outcome.report();
    assert!(report.tally.failed > 0 && report.tally.copied > 0, "{:?}", report.tally);
    for error in &report.errors {
        assert_eq!(error.kind(), ErrorKind::Append);
        assert!(error.uid().is_some() && error.server_text().is_some(), "{error}");
    }
    assert_eq!(report.errors.len() as u64, report.tally.failed);
    // NUL: only literal8 could carry it.
    let with_nul = |pair: &Pair| {
        fill(&pair.source, "INBOX", 2);
        pair.source.mail().folder("INBOX").add(&b"Message-Id: <nul@x>\r\n\r\na\0b\r\n"[..], &[]);
    };
    Case::modern().setup(with_nul).run(|_| {}).await.assert_borne();
    let outcome = Case::modern()
        .setup(with_nul)
        .run(|pair| pair.destination.mail().quirks.rewrite = Rewrite::Refuses)
        .await;
    assert_eq!((outcome.report().tally.copied, outcome.report().tally.failed), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn case_050_literal_plus_that_is_none() {
    // The server offers LITERAL+ and does not know it: it reads the message as commands.
    for size in [100, 2000, 60_000] {
        let outcome = Case::new(PLAIN, PLAIN)
            .options(|options| options.memory = 128 * 1024)
            .setup(move |pair| {
                fill(&pair.source, "INBOX", 20);
                pair.source.mail().folder("INBOX").add(large(1, size), &[]);
                pair.source
                    .mail()
                    .folder("INBOX")
                    .add("Message-Id: <z@x>\r\n\r\na9 NOOP\r\nx LOGOUT\r\n", &[]);
            })
            .run(|pair| {
                let lie = |bytes: Vec<u8>| {
                    replace(&bytes, b"CAPABILITY IMAP4rev1", b"CAPABILITY IMAP4rev1 LITERAL+")
                };
                pair.destination.hook(answers(usize::MAX, "LOGIN", lie));
            })
            .await;
        outcome.assert_borne();
        let plus =
            outcome.log[1].iter().filter(|line| line.starts_with("APPEND") && line.ends_with("+}")).count();
        assert!(plus <= 1, "it is not tried twice: {plus}");
    }
}

#[tokio::test(start_paused = true)]
async fn case_051_target_that_closes_inside_an_append() {
    for capabilities in [MODERN, PLAIN] {
        for size in [2000, 60_000] {
            for at in [0, 1, 2, 3] {
                for lost in [|| Act::Close, || Act::Lose, || Act::LoseAndApply(Duration::from_millis(700))] {
                    let outcome = Case::new(capabilities, capabilities)
                        .options(|options| options.memory = 128 * 1024)
                        .setup(move |pair| {
                            fill(&pair.source, "INBOX", 3);
                            pair.source.mail().folder("INBOX").add(large(1, size), &[]);
                        })
                        .run(|pair| {
                            let real = large(1, size).len();
                            let ours = move |call: &Call<'_>| {
                                let stage = match call.stage {
                                    Stage::Line => 0,
                                    Stage::Part(_) => 1,
                                    Stage::Literal => 2,
                                    Stage::Applied => 3,
                                    _ => 9,
                                };
                                stage == at
                                    && call.line.starts_with("APPEND")
                                    && call.line.contains(&format!("{{{real}"))
                            };
                            pair.destination.hook(times(1, ours, lost));
                        })
                        .await;
                    let report = outcome.report();
                    assert!(report.is_success(), "{capabilities} {size} {at} {:?}", report.errors);
                    outcome.assert_no_offence();
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_052_no_in_place_of_a_continuation() {
    // What is said, which kind of error it is.
    let table = [
        ("NO [OVERQUOTA] the mailbox is full", ErrorKind::OverQuota),
        ("NO [TRYCREATE] no such folder", ErrorKind::Append),
        ("NO [TOOBIG] too large", ErrorKind::Append),
        ("NO I do not like it", ErrorKind::Append),
        ("BAD what", ErrorKind::Append),
    ];
    for (answer, kind) in table {
        for size in [2000, 60_000] {
            let real = large(1, size).len();
            let sent = Arc::new(AtomicUsize::new(0));
            let counted = sent.clone();
            let outcome = Case::plain()
                .options(|options| options.memory = 128 * 1024)
                .setup(move |pair| {
                    fill(&pair.source, "INBOX", 3);
                    pair.source.mail().folder("INBOX").add(large(1, size), &[]);
                })
                .run(|pair| {
                    let ours = move |call: &Call<'_>| call.line.contains(&format!("{{{real}}}"));
                    pair.destination.hook(move |_, call| {
                        if matches!(call.stage, Stage::Part(_) | Stage::Literal) && ours(call) {
                            counted.fetch_add(1, Ordering::Relaxed);
                        }
                        match call.stage == Stage::Continuation && ours(call) {
                            true => Act::Say(format!("{{tag}} {answer}\r\n")),
                            false => Act::Pass,
                        }
                    });
                })
                .await;
            let report = outcome.report();
            assert_eq!(sent.load(Ordering::Relaxed), 0, "{answer}: the literal is not sent");
            assert_eq!((report.tally.copied, report.tally.failed), (3, 1), "{answer} {:?}", report.errors);
            let error = &report.errors[0];
            assert_eq!((error.kind(), error.uid()), (kind, Some(4)), "{answer} {error}");
            outcome.assert_no_offence();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn case_053_appendlimit() {
    let outcome = Case::modern()
        .setup(|pair| {
            fill(&pair.source, "INBOX", 3);
            pair.source.mail().folder("INBOX").add(large(1, 2000), &[]);
        })
        .run(|pair| pair.destination.mail().capabilities = format!("{MODERN} APPENDLIMIT=1000"))
        .await;
    let report = outcome.report();
    assert_eq!((report.tally.copied, report.tally.skipped), (3, 1), "{:?}", report.tally);
    outcome.assert_reported("larger than the 1000 bytes that the server takes");
    let named: Vec<_> = report.named.iter().map(|one| (one.uid, one.outcome.to_owned())).collect();
    assert!(
        matches!(&named[..], [(4, Became::Skipped(reason))] if reason.to_string().contains("1000")),
        "{named:?}"
    );
    let fetched = outcome.log[0].iter().filter(|line| line.contains("BODY.PEEK[]"));
    assert!(fetched.clone().count() > 0 && fetched.clone().all(|line| !line.contains('4')), "{fetched:?}");
    assert_eq!(outcome.count(Side::Destination, "APPEND"), 3);
}

#[tokio::test(start_paused = true)]
async fn case_054_headers_beyond_reason() {
    let (bytes, lines) = if full() { (10 << 20, 100_000) } else { (3 << 20, 20_000) };
    let id = |n: usize| format!("Message-Id: <header{n}@example.org>\r\n");
    let received = "Received: from a.example.org by b.example.org; Wed, 01 Jan 2020 12:00:00 +0000\r\n";
    let headers: Vec<(&str, Vec<u8>)> = vec![
        ("one long line", format!("{}X-Long: {}\r\n\r\nbody\r\n", id(1), "x".repeat(bytes)).into_bytes()),
        ("many lines", format!("{}{}\r\nbody\r\n", id(2), "X-Line: y\r\n".repeat(lines)).into_bytes()),
        (
            "the identity at its end",
            format!("{}{}\r\nbody\r\n", "X-Line: y\r\n".repeat(lines), id(3)).into_bytes(),
        ),
        (
            "many lines that count",
            format!("{}{}\r\nbody\r\n", id(4), received.repeat(lines / 10)).into_bytes(),
        ),
        (
            "a long fold",
            format!("{}Subject: a\r\n{}\r\nbody\r\n", id(5), " b\r\n".repeat(lines)).into_bytes(),
        ),
        ("no header", b"\r\nonly a body\r\n".to_vec()),
        ("another without", b"\r\nonly another body\r\n".to_vec()),
        ("no blank line", id(6).into_bytes()),
        ("no blank line and no line end", b"Message-Id: <header7@example.org>".to_vec()),
        ("no colon", b"this is no header at all\r\n\r\nbody\r\n".to_vec()),
        (
            "a long Message-Id",
            format!("Message-Id: <{}@x>\r\n\r\nbody\r\n", "i".repeat(100_000)).into_bytes(),
        ),
    ];
    for memory in [128 * 1024, 16 << 20] {
        let headers = headers.clone();
        let outcome = Case::modern()
            .options(|options| options.memory = memory)
            .setup(move |pair| {
                for (_, message) in &headers {
                    pair.source.mail().folder("INBOX").add(message.as_slice(), &[]);
                }
                // The folder is there already, so that headers are read on both sides.
                pair.destination.mail().folder("INBOX").add(headers[2].1.as_slice(), &[]);
            })
            .run(|_| {})
            .await;
        outcome.assert_borne();
    }
}

#[tokio::test(start_paused = true)]
async fn case_056_parts_and_messages_that_nobody_asked_for() {
    // What comes in front of each answer, or inside of each row.
    let lines = [
        "* 50 FETCH (UID 5000 BODY[] {11}\r\nX: y\r\n\r\nabc)\r\n",
        "* 1 FETCH (UID 1 BODY[TEXT] {3}\r\nabc)\r\n",
        "* 1 FETCH (UID 1 BODY[HEADER] {11}\r\nX: y\r\n\r\nabc)\r\n",
        "* 1 FETCH (UID 1 BODY[]<0> {3}\r\nabc)\r\n",
        "* 1 FETCH (UID 1 BODY[1] {3}\r\nabc)\r\n",
        "* 1 FETCH (UID 1 RFC822.TEXT {3}\r\nabc)\r\n",
        "* 1 FETCH (UID 1 BINARY[] ~{3}\r\nabc)\r\n",
        "* 1 FETCH (UID 1 FLAGS (\\Deleted))\r\n",
        "* 1 FETCH (BODY[] {3}\r\nabc)\r\n",
        "* 50 FETCH (UID 5000 FLAGS () INTERNALDATE \"01-Jan-2020 12:00:00 +0000\" RFC822.SIZE 3)\r\n",
    ];
    for line in lines {
        for delete1 in [Delete1::No, Delete1::Expunge] {
            let outcome = Case::modern()
                .setup(|pair| {
                    fill(&pair.source, "INBOX", 4);
                    fill(&pair.destination, "INBOX", 2);
                })
                .options(|options| options.delete1 = delete1)
                .bodies_only()
                .run(|pair| {
                    for server in [&pair.source, &pair.destination] {
                        server.hook(answers(usize::MAX, "UID FETCH", move |bytes| {
                            // For a message that is there already, and for one that is to be copied.
                            let lines = format!("{line}{}", line.replace("UID 1 ", "UID 3 "));
                            each(&bytes, |response| [lines.as_bytes(), &response].concat())
                        }));
                    }
                })
                .await;
            let report = outcome.report();
            let phantom = line.contains("RFC822.SIZE");
            assert!(report.is_success() || phantom, "{line} {:?}", report.errors);
        }
    }
    // Large ones as well, which come in pieces.
    let text = "x".repeat(60_000);
    for line in [
        format!("* 1 FETCH (UID 1 BODY[TEXT] {{60000}}\r\n{text})\r\n"),
        format!("* 1 FETCH (BODY[TEXT] {{60000}}\r\n{text} UID 1)\r\n"),
        format!("* XYZZY {{60000}}\r\n{text}\r\n"),
    ] {
        let outcome = with_one_of(60_000)
            .run(|pair| {
                for server in [&pair.source, &pair.destination] {
                    let lines = format!("{line}{}", line.replace("UID 1", "UID 4"));
                    server.hook(answers(usize::MAX, "UID FETCH", move |bytes| {
                        each(&bytes, |response| [lines.as_bytes(), &response].concat())
                    }));
                }
            })
            .await;
        assert!(outcome.report().is_success(), "{} {:?}", &line[..40], outcome.report().errors);
    }
    let items = [
        "BODY[TEXT] {3}\r\nabc ",
        "BODY[HEADER] {3}\r\nabc ",
        "BODY[]<0> {3}\r\nabc ",
        "BODY[2] NIL ",
        "X {3}\r\nabc ",
    ];
    for item in items {
        let added = move |bytes: Vec<u8>| {
            each(&bytes, |response| replace(&response, b" FETCH (", format!(" FETCH ({item}").as_bytes()))
        };
        let outcome = Case::modern()
            .setup(|pair| {
                fill(&pair.source, "INBOX", 4);
                fill(&pair.destination, "INBOX", 2);
            })
            .run(|pair| {
                for server in [&pair.source, &pair.destination] {
                    server.hook(answers(usize::MAX, "UID FETCH", added));
                }
            })
            .await;
        assert!(outcome.report().is_success(), "{item} {:?}", outcome.report().errors);
    }
}
