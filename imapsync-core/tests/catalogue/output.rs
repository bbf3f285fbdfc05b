//! H. Output and secrets.

use crate::case::*;
use imapsync_core::imap::sasl::Mechanism;
use imapsync_core::message::{MessageTransform, Scope};
use imapsync_core::substitution::{Pattern, Substitution};
use imapsync_core::testing::{Server, Stage, job};
use imapsync_core::{Account, SyncOptions};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What moves the cursor, rings, begins another line, turns text around.
const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\rHost2: all is well\u{202e}\u{2066}\u{9b}31m\u{8}\u{85}";

/// Texts for people are no longer than this, whatever a server says.
const LONGEST: usize = 10_000;

/// Nobody is told more than can be read; that no control character is told is checked after each run of each case.
#[track_caller]
fn assert_short(outcome: &Outcome) {
    for event in &outcome.events {
        assert!(format!("{event:?}").len() < LONGEST, "{:?}", &format!("{event:?}")[..300]);
    }
    for line in &outcome.traced {
        assert!(line.len() < LONGEST, "{:?}", &line[..300]);
    }
    match &outcome.result {
        Ok(report) => {
            for error in report.errors.iter().chain(&report.stopped) {
                assert!(error.to_string().len() < LONGEST);
            }
            assert!(report.named.iter().all(|one| one.title.len() < LONGEST && one.folder.len() < LONGEST));
        }
        Err(error) => assert!(error.to_string().len() < LONGEST),
    }
}

#[tokio::test(start_paused = true)]
async fn case_111_texts_that_are_traps_for_terminals() {
    let long = format!("{HOSTILE}{}", "long ".repeat(200_000));
    // Names of folders, and subjects of messages that the report must name.
    let name = format!("Folder {HOSTILE}");
    let (long_name, subject) = (format!("Folder {long}"), long.clone());
    let outcome = Case::modern()
        .setup(move |pair| {
            for name in [&name, &long_name] {
                fill(&pair.source, name, 2);
            }
            for (n, text) in [HOSTILE, &subject].into_iter().enumerate() {
                // No line of a header can hold a bare CR or LF; everything else it can.
                let text = text.replace(['\r', '\n'], " ");
                for _ in 0..2 {
                    let twin = format!("Message-Id: <twin{n}@x>\r\nSubject: {text}\r\n\r\nTwice\r\n");
                    pair.source.mail().folder("INBOX").add(twin.into_bytes(), &[]);
                }
            }
        })
        .run(|_| {})
        .await;
    outcome.assert_borne();
    assert_short(&outcome);
    assert_eq!(outcome.report().named.len(), 2, "duplicates are named");
    // What servers say, in answers that are good and in those that are not.
    for said in [HOSTILE, &long] {
        let hostile = said.replace('\n', " ");
        type Say = fn(&str) -> String;
        let says: [Say; 5] = [
            |said| format!("* OK [ALERT] {said}\r\n"),
            |said| format!("* NO {said}\r\n"),
            |said| format!("* {said}\r\n"),
            |said| format!("* OK [{said}] {said}\r\n"),
            |said| format!("* BYE {said}\r\n"),
        ];
        for side in SIDES {
            for say in says {
                let line = say(&hostile);
                let outcome = Case::modern()
                    .run(|pair| {
                        let server = pair.server(side);
                        let change = move |bytes: Vec<u8>| [line.as_bytes(), &bytes].concat();
                        server.hook(times(3, |call| call.stage == Stage::Applied, edit(change)));
                    })
                    .await;
                assert_short(&outcome);
            }
            for verb in ["LOGIN", "LIST", "EXAMINE", "UID FETCH", "CREATE", "APPEND", "UID STORE"] {
                for word in ["NO", "BAD"] {
                    let answer = format!("{{tag}} {word} {hostile}\r\n");
                    let refused = Case::modern()
                        .run(|pair| pair.server(side).hook(times(9, move |call| call.is(verb), say(&answer))))
                        .await;
                    assert_short(&refused);
                }
            }
        }
    }
}

/// The password as it is and as AUTHENTICATE PLAIN sends it, where a server may put them; that they are told nowhere is
/// checked after each run of each case.
#[tokio::test(start_paused = true)]
async fn case_112_a_server_that_echoes_the_password() {
    let secret = format!("{PASSWORD} AGFsaWNlAFpxOXhZNy1odW50ZXIy {PASSWORD}");
    // Where a text is cut, within the password: no half of it is told.
    let cut = |at: usize| {
        let padding = at - 5;
        format!("{}{PASSWORD}{}", "x".repeat(padding), "y".repeat(3000))
    };
    let mut texts = vec![secret.clone(), format!("\"{PASSWORD}\"")];
    texts.extend([40, 60, 200, 255, 1000, 2000].map(cut));
    for side in SIDES {
        for text in &texts {
            for verb in ["CAPABILITY", "LOGIN", "LIST", "EXAMINE", "UID FETCH", "CREATE", "APPEND"] {
                for word in ["NO", "BAD", "OK"] {
                    let cut = text.len() > 200;
                    if (verb, word) == ("APPEND", "OK")
                        || cut && (word != "NO" || verb != "LOGIN" && verb != "CREATE")
                    {
                        continue;
                    }
                    let answer = format!("{{tag}} {word} {text}\r\n");
                    let outcome = Case::plain()
                        .run(|pair| pair.server(side).hook(times(9, move |call| call.is(verb), say(&answer))))
                        .await;
                    assert_no_part(&outcome);
                }
            }
            for line in [
                "* OK [ALERT] ",
                "* NO ",
                "* BYE ",
                "* OK [",
                "* FLAGS ((",
                "* LIST ((",
                "? ",
                "X9 OK ",
                "+ ",
            ] {
                if text.len() > 200 && !matches!(line, "* NO " | "? ") {
                    continue;
                }
                let line = format!("{line}{text}\r\n");
                // In one piece, and byte by byte.
                for pipe in [64 * 1024, 1] {
                    if pipe == 1 && text != &secret {
                        continue;
                    }
                    let line = line.clone();
                    let outcome = Case::plain()
                        .pipe(pipe)
                        .run(|pair| {
                            let change = move |bytes: Vec<u8>| [line.as_bytes(), &bytes].concat();
                            let server = pair.server(side);
                            server.hook(times(2, |call| call.stage == Stage::Applied, edit(change)));
                        })
                        .await;
                    assert_no_part(&outcome);
                }
            }
            let greeting = format!("* OK [CAPABILITY IMAP4rev1 {PASSWORD}] {text}\r\n");
            assert_no_part(&Case::plain().run(|pair| pair.server(side).mail().greeting = greeting).await);
            let garbage = format!("{text}\r\n");
            assert_no_part(&Case::plain().run(|pair| pair.server(side).mail().greeting = garbage).await);
        }
    }
}

/// Not even a good part of the password is told.
#[track_caller]
fn assert_no_part(outcome: &Outcome) {
    let events = outcome.events.iter().map(|event| format!("{event:?}"));
    let result = [format!("{:?}", outcome.result)];
    for text in events.chain(result).chain(outcome.traced.iter().cloned()) {
        assert!(!text.contains(&PASSWORD[..4]), "{}", &text[..text.len().min(3000)]);
    }
}

/// Every way to log in, with the log as detailed as it gets.
#[tokio::test(start_paused = true)]
async fn case_113_no_secret_in_any_log() {
    let ways = [
        (None, "IMAP4rev1"),
        (None, "IMAP4rev1 AUTH=PLAIN SASL-IR"),
        (Some(Mechanism::Plain), "IMAP4rev1 AUTH=PLAIN"),
        (Some(Mechanism::Login), "IMAP4rev1 AUTH=LOGIN"),
        (Some(Mechanism::XOAuth2), "IMAP4rev1 AUTH=XOAUTH2 SASL-IR"),
        (Some(Mechanism::XOAuth2), "IMAP4rev1 AUTH=XOAUTH2"),
    ];
    for (mechanism, capabilities) in ways {
        for right in [true, false] {
            let outcome = Case::new(capabilities, capabilities)
                .accounts(|account| account.mechanism = mechanism)
                .run(|pair| {
                    if !right {
                        pair.source.mail().password = Some("another".into());
                    }
                })
                .await;
            assert_eq!(outcome.result.is_ok(), right, "{mechanism:?} {:?}", outcome.result.as_ref().err());
            assert!(outcome.traced.iter().any(|line| line.contains("***")), "{:#?}", outcome.traced);
            // Base64 of anything with the password in it has one of these, whatever stands in front.
            for line in outcome.traced.iter().chain(&[format!("{:?} {:?}", outcome.result, outcome.events)]) {
                for part in ["WnE5eFk3", "pxOXhZNy", "acTl4WTct", PASSWORD] {
                    assert!(!line.contains(part), "{line}");
                }
            }
        }
    }
    // Whatever is shown for debugging.
    let account = Account::new("h", "alice", PASSWORD);
    for shown in [format!("{account:?}"), format!("{account:#?}"), format!("{:?}", account.secret)] {
        assert!(!shown.contains(PASSWORD), "{shown}");
    }
}

/// No pattern takes more than linear time, and nothing of a user is run.
#[test]
fn case_115_edits_and_patterns_of_users() {
    let begun = Instant::now();
    let text = "a".repeat(50_000) + "!";
    // What takes a backtracking engine longer than the age of the universe.
    for pattern in ["(a+)+$", "(a|a)+$", "(a|aa)+$", "(.*a){20}$", "^(([a-z])+.)+[A-Z]([a-z])+$", "(a*)*b"] {
        let found = Pattern::parse(pattern).map(|pattern| pattern.is_match(&text));
        assert!(!found.expect(pattern), "{pattern}");
        let edit = Substitution::parse(&format!("s/{pattern}/x/g")).expect(pattern);
        assert_eq!(edit.apply(&text), text, "{pattern}");
    }
    // Generous: it is a few seconds unoptimised, and years where it is not linear.
    assert!(begun.elapsed() < Duration::from_secs(120));
    let witness = std::env::temp_dir().join(format!("imapsync-case-115-{}", std::process::id()));
    let file = witness.display();
    for code in [
        format!("s/x/open(F, q(>{file}))/e"),
        format!("s/x/`touch {file}`/ee"),
        format!("s/(?{{ system(q(touch {file})) }})x//"),
        format!("s/(??{{ system(q(touch {file})) }})x//"),
        format!("s/x/@{{[system(q(touch {file}))]}}/"),
        format!("system(q(touch {file}))"),
        format!("s/x/y/; system(q(touch {file}))"),
        format!("s/x/y/}}; system(q(touch {file})); {{"),
    ] {
        assert!(Substitution::parse(&code).is_err(), "{code}");
    }
    // A bomb of repetitions is refused instead of built.
    for bomb in ["((((a{1000}){1000}){1000}){1000})", "(?:x{1000}){1000000}"] {
        assert!(Pattern::parse(bomb).is_err(), "{bomb}");
    }
    assert!(!witness.exists());
}

/// A fault of the embedder's own.
struct Panics(Scope);

impl MessageTransform for Panics {
    fn name(&self) -> &str {
        "panics"
    }
    fn scope(&self) -> Scope {
        self.0
    }
    fn header(&self, header: &[u8]) -> Result<Option<Vec<u8>>, String> {
        assert!(!header.windows(8).any(|eight| eight == b"Number 3"), "a fault of a transform");
        Ok(None)
    }
    fn whole(&self, input: &mut dyn std::io::Read, output: &mut dyn std::io::Write) -> std::io::Result<()> {
        let mut all = Vec::new();
        input.read_to_end(&mut all)?;
        self.header(&all).map_err(std::io::Error::other)?;
        output.write_all(&all)
    }
}

#[tokio::test(start_paused = true)]
async fn case_116_a_panic_in_the_middle() {
    for scope in [Scope::Header, Scope::Whole] {
        let (source, destination) = (Server::new(MODERN), Server::new(MODERN).with_validity(500_000));
        fill(&source, "INBOX", 5);
        let options = || SyncOptions { delete1: imapsync_core::Delete1::Expunge, ..SyncOptions::default() };
        let with_panic = SyncOptions { transforms: vec![Arc::new(Panics(scope))], ..options() };
        let mut run = job(&source, &destination).options(with_panic);
        let mut events = run.events(1000);
        let ended =
            tokio::task::LocalSet::new().run_until(async { tokio::task::spawn_local(run.run()).await }).await;
        // Either the run ends with the panic, or with a report that names the message.
        if let Ok(report) = ended {
            let report = report.unwrap();
            assert!(!report.is_success());
            assert_eq!(report.tally.failed, 1, "{:?}", report.errors);
        }
        // Who listens is not left waiting, and the connections are closed.
        while events.next().await.is_some() {}
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!((source.mail().open, destination.mail().open), (0, 0));
        // Nothing is lost, and the next run ends where one without a panic ends.
        let held = [source.bodies("INBOX"), destination.bodies("INBOX")].concat();
        assert!((1..=5).all(|n| held.contains(&message("INBOX", n))), "{scope:?}");
        let report = job(&source, &destination).options(options()).run().await.unwrap();
        assert!(report.is_success(), "{:?}", report.errors);
        assert_eq!((source.messages("INBOX").len(), destination.messages("INBOX").len()), (0, 5));
    }
}
