//! A. Greeting and TLS.

use crate::case::*;
use crate::peer::{cutting_port, transcript_port};
use imapsync_core::account::TlsMode;
use imapsync_core::testing::{Act, Certificate, Stage};
use imapsync_core::{ErrorKind, Side};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn case_001_greeting_bye() {
    let outcome = Case::modern()
        .run(|pair| pair.destination.mail().greeting = "* BYE too many connections\r\n".into())
        .await;
    assert_eq!(outcome.error().kind(), ErrorKind::Unavailable);
    outcome.assert_reported("too many connections");
    assert_eq!(outcome.logins(Side::Destination), 0);
    // Tried again, but not for ever.
    assert!((2..=5).contains(&outcome.connections[1]), "{:?}", outcome.connections);

    // It may pass.
    let busy = || Act::Say("* BYE come back\r\n".into());
    let outcome = Case::modern()
        .run(|pair| pair.destination.hook(times(2, |call| call.stage == Stage::Connected, busy)))
        .await;
    outcome.assert_borne();
    assert_eq!(outcome.connections[1], 3);
}

#[tokio::test(start_paused = true)]
async fn case_002_preauth_where_starttls_is_required() {
    for greeting in ["* PREAUTH hello root\r\n", "* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n"] {
        let outcome = Case::new("IMAP4rev1 STARTTLS", "IMAP4rev1 STARTTLS")
            .accounts(|account| account.tls = TlsMode::StartTls)
            .run(|pair| pair.destination.mail().greeting = greeting.into())
            .await;
        assert_eq!(outcome.error().kind(), ErrorKind::Authentication);
        outcome.assert_reported("PREAUTH");
        assert_eq!(outcome.log[1], Vec::<String>::new(), "no command at all");
        assert_eq!(outcome.connections[1], 1);
    }
}

#[tokio::test(start_paused = true)]
async fn case_003_preauth_through_tls() {
    // Nobody can ask for it, so it is refused.
    let outcome = Case::modern()
        .accounts(|account| account.tls = TlsMode::Implicit)
        .run(|pair| pair.source.mail().greeting = "* PREAUTH hello root\r\n".into())
        .await;
    assert_eq!(
        (outcome.error().kind(), outcome.error().side()),
        (ErrorKind::Authentication, Some(Side::Source))
    );
    assert_eq!(outcome.log[0], Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn case_004_greeting_that_is_none() {
    // What comes in place of a greeting, and what of it is shown.
    let table = [
        ("S: HTTP/1.1 400 Bad Request\nS:\nS: <html>", "HTTP/1.1 400"),
        ("R: \\x16\\x03\\x01\\x00\\x05hello", "\\x16\\x03"),
        ("R: \\x15\\x03\\x03\\x00\\x02\\x02\\x28", "\\x15\\x03"),
        ("S: SSH-2.0-OpenSSH_9.2", "SSH-2.0"),
        ("S: +OK POP3 ready", "+OK POP3"),
        ("S: 220 mail.example.org ESMTP", "220 mail"),
        ("S: a1 OK logged in", "a1 OK"),
        ("S: * CAPABILITY IMAP4rev1", "CAPABILITY"),
        ("S: * 5 FETCH (BODY[] {5}\nS: hello)", "FETCH"),
        ("S: * 5 FETCH (BODY[] {99999999}\nH:", "literal"),
        ("S: * \\x1b[2J\\x07", "\\x1b[2J"),
        ("S: * BAD go away", "go away"),
        ("S: * NO go away", "go away"),
        ("F: 200000 \\r\\n\nH:", "empty lines"),
        ("R: * OK no\\0body", "NUL"),
    ];
    for (transcript, shown) in table {
        let outcome = Case::modern().run(|pair| pair.transcripts(Side::Source, 9, transcript)).await;
        let error = outcome.error();
        assert!(
            matches!(error.kind(), ErrorKind::Protocol | ErrorKind::Unavailable | ErrorKind::Authentication),
            "{transcript}: {:?} {error}",
            error.kind()
        );
        assert!(error.to_string().contains(shown), "{transcript}: {error}");
    }
    // An empty line before the greeting is no greeting, and no reason to go.
    Case::modern().run(|pair| pair.source.mail().greeting = "\r\n* OK ready\r\n".into()).await.assert_borne();
    // Bytes without end and without a line end: 100 MB of them.
    let flood = format!("R: * OK\nF: 2000 {}", " hello".repeat(8000));
    let outcome = Case::modern().run(|pair| pair.transcripts(Side::Source, 9, &flood)).await;
    assert_eq!(outcome.error().kind(), ErrorKind::Protocol);
    outcome.assert_reported("over limit");
}

#[tokio::test(start_paused = true)]
async fn case_005_greeting_in_small_pieces_or_late() {
    // Segments of one byte, on both sides, to the end of the run.
    Case::modern().pipe(1).run(|_| {}).await.assert_borne().assert_no_offence();
    Case::plain().pipe(1).run(|_| {}).await.assert_borne().assert_no_offence();
    let connected = |call: &imapsync_core::testing::Call<'_>| call.stage == Stage::Connected;
    let late = || Act::Wait(Duration::from_secs(29));
    let outcome = Case::modern().run(|pair| pair.source.hook(times(9, connected, late))).await;
    outcome.assert_borne();
    assert_eq!(outcome.connections[0], 1);
    // Never.
    let begun = tokio::time::Instant::now();
    let outcome = Case::modern().run(|pair| pair.source.hook(times(99, connected, || Act::Hang))).await;
    assert_eq!(outcome.error().kind(), ErrorKind::Timeout);
    assert!(begun.elapsed() < Duration::from_secs(300), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn case_006_greeting_without_starttls() {
    // Somebody in the middle takes STARTTLS out of the greeting; CAPABILITY still has it.
    let outcome = Case::new("IMAP4rev1 STARTTLS", "IMAP4rev1 STARTTLS")
        .accounts(|account| {
            account.host = "imap.example.org".into();
            account.port = Some(143);
            account.tls = TlsMode::Auto;
        })
        .run(|pair| pair.destination.mail().greeting = "* OK [CAPABILITY IMAP4rev1 UIDPLUS] hi\r\n".into())
        .await;
    outcome.assert_borne();
    assert_eq!(outcome.log[1][..2], ["CAPABILITY", "STARTTLS"], "{:?}", outcome.log[1]);
}

#[tokio::test(start_paused = true)]
async fn case_007_starttls_stripped() {
    let stripped = |tls: TlsMode| {
        Case::new("IMAP4rev1 STARTTLS", "IMAP4rev1 STARTTLS")
            .accounts(move |account| {
                account.host = "imap.example.org".into();
                account.port = Some(143);
                account.tls = tls;
            })
            .run(|pair| pair.destination.mail().capabilities = "IMAP4rev1".into())
    };
    for tls in [TlsMode::Auto, TlsMode::StartTls] {
        let outcome = stripped(tls).await;
        assert_eq!(outcome.error().kind(), ErrorKind::Tls);
        outcome.assert_reported("STARTTLS").assert_reported("--nossl2 --notls2");
        assert_eq!(outcome.logins(Side::Destination), 0);
    }
    // Unless the user has said so.
    let outcome = stripped(TlsMode::Plaintext).await;
    outcome.assert_borne();
    assert!(outcome.notices().iter().any(|text| text.contains("in clear")), "{:?}", outcome.notices());
}

#[tokio::test(start_paused = true)]
async fn case_008_starttls_refused() {
    for answer in ["{tag} NO not today\r\n", "{tag} BAD what\r\n", "* BYE no\r\n{tag} NO no\r\n"] {
        for tls in [TlsMode::Auto, TlsMode::StartTls] {
            let outcome = Case::new("IMAP4rev1 STARTTLS", "IMAP4rev1 STARTTLS")
                .accounts(|account| {
                    account.port = Some(143);
                    account.tls = tls;
                })
                .run(|pair| pair.destination.hook(times(9, |call| call.is("STARTTLS"), say(answer))))
                .await;
            assert_eq!(outcome.error().kind(), ErrorKind::Tls, "{answer} {}", outcome.error());
            assert_eq!(outcome.logins(Side::Destination), 0, "{answer}");
        }
    }
}

/// What may stand behind the answer to STARTTLS, and in place of TLS.
const INJECTED: [&str; 6] = [
    "* CAPABILITY IMAP4rev1 LITERAL+\r\n",
    "a2 OK [CAPABILITY IMAP4rev1] logged in\r\n",
    "* OK",
    "\r\n",
    "x",
    "* 1 FETCH (BODY[] {100000}\r\nhello",
];

#[tokio::test(start_paused = true)]
async fn case_009_response_injection_behind_starttls() {
    for injected in INJECTED {
        let answer = format!("{{tag}} OK begin TLS\r\n{injected}");
        let outcome = Case::new("IMAP4rev1 STARTTLS", "IMAP4rev1 STARTTLS")
            .accounts(|account| account.tls = TlsMode::StartTls)
            .run(|pair| pair.destination.hook(times(9, |call| call.is("STARTTLS"), say(&answer))))
            .await;
        assert_eq!(outcome.error().kind(), ErrorKind::Tls, "{injected:?} {}", outcome.error());
        assert_eq!(outcome.logins(Side::Destination), 0, "{injected:?}");
        assert_eq!(outcome.connections[1], 1);
    }
}

#[tokio::test]
async fn case_009_response_injection_through_real_tls() {
    // On a socket: in the same segment, and a little later, when it meets the handshake.
    let certificate = Certificate::named("imap.example.org");
    let mut held = None;
    for later in [false, true] {
        for injected in INJECTED {
            let injected = injected.replace('\r', "\\r").replace('\n', "\\n");
            let pause = if later { "\nW: 0.2\nR: " } else { "" };
            let transcript = format!(
                "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hi\nC: STARTTLS\nR: {{tag}} OK go on\\r\\n{pause}{injected}\nH:"
            );
            let pin = certificate.fingerprint();
            let outcome = Case::new("IMAP4rev1 STARTTLS", "IMAP4rev1 STARTTLS")
                .accounts(|account| {
                    account.host = "imap.example.org".into();
                    account.port = Some(143);
                    account.tls = TlsMode::StartTls;
                    account.trust.pins.push(pin);
                    account.timeouts.connect = Duration::from_secs(2);
                    account.reconnect_tries = 1;
                })
                .run(|pair| {
                    let listening = transcript_port(&transcript);
                    pair.port(Side::Destination, listening.number);
                    held = Some(listening);
                })
                .await;
            let kind = outcome.error().kind();
            assert!(matches!(kind, ErrorKind::Tls | ErrorKind::Timeout), "{transcript} {}", outcome.error());
        }
    }
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn case_010_what_was_learnt_before_tls_is_forgotten() {
    let planted = "* CAPABILITY IMAP4rev1 STARTTLS LITERAL+ NAMESPACE UIDPLUS AUTH=XOAUTH2\r\n\
        * LIST () \"/\" Evil\r\n* LSUB () \"/\" Evil\r\n* STATUS INBOX (MESSAGES 0 UIDNEXT 1)\r\n* NAMESPACE ((\"Evil/\" \"/\")) NIL NIL\r\n\
        * 99 EXISTS\r\n* 99 RECENT\r\n* FLAGS (\\Evil)\r\n* SEARCH 1 2 3\r\n* ENABLED UTF8=ACCEPT\r\n\
        * 1 FETCH (UID 1 FLAGS (\\Deleted) RFC822.SIZE 5 INTERNALDATE \"01-Jan-2020 12:00:00 +0000\")\r\n\
        * OK [UIDVALIDITY 5] planted\r\n{tag} OK done\r\n";
    for side in [Side::Source, Side::Destination] {
        let outcome = Case::new("IMAP4rev1 STARTTLS", "IMAP4rev1 STARTTLS")
            .accounts(|account| account.tls = TlsMode::StartTls)
            .run(|pair| pair.server(side).hook(times(1, |call| call.is("CAPABILITY"), say(planted))))
            .await;
        outcome.assert_borne().assert_no_offence();
        let log = &outcome.log[usize::from(side.number() - 1)];
        let tls = log.iter().position(|line| line == "STARTTLS").expect("STARTTLS");
        assert!(
            log[tls..].iter().any(|line| line.starts_with("CAPABILITY") || line.starts_with("LOGIN")),
            "{log:?}"
        );
        assert_eq!(log[tls + 1], "CAPABILITY", "asked again");
        assert!(!log.iter().any(|line| line.starts_with("NAMESPACE") || line.contains("Evil")), "{log:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn case_011_alerts_and_referrals() {
    // Where the alert stands; the notice must have it, with ESC escaped.
    let alert = "[ALERT] closed \x1b[31m tomorrow";
    let table: [(&str, String); 4] = [
        ("", format!("* OK {alert}\r\n")),
        ("LOGIN", format!("* OK {alert}\r\n{{tag}} OK in\r\n")),
        ("LIST", format!("{{tag}} OK {alert}\r\n")),
        ("EXAMINE", format!("* NO {alert}\r\n")),
    ];
    for (verb, line) in table {
        let outcome = Case::plain()
            .run(|pair| match verb {
                "" => pair.source.mail().greeting = line.clone(),
                "LOGIN" => {
                    // The answer is the server's own; the alert comes in front of it.
                    let line = line.replace("{tag} OK in\r\n", "");
                    pair.source.hook(times(
                        1,
                        move |call| call.stage == Stage::Applied && call.line.starts_with("LOGIN"),
                        edit(move |bytes| [line.as_bytes(), &bytes[..]].concat()),
                    ));
                }
                _ => {
                    let tagged = line.starts_with("{tag}");
                    let alert = alert.to_owned();
                    let verb = verb.to_owned();
                    pair.source.hook(times(
                        1,
                        move |call| call.stage == Stage::Applied && call.line.starts_with(&verb),
                        edit(move |bytes| {
                            let text = String::from_utf8(bytes).unwrap();
                            match tagged {
                                true => text.replace("OK done", &format!("OK {alert}")).into_bytes(),
                                false => format!("* NO {alert}\r\n{text}").into_bytes(),
                            }
                        }),
                    ));
                }
            })
            .await;
        outcome.assert_borne();
        let shown: Vec<String> = outcome.events.iter().map(|event| format!("{event:?}")).collect();
        assert!(!shown.iter().any(|text| text.contains('\x1b')), "{shown:?}");
        let told = outcome.notices().iter().any(|text| text.contains("closed \\x1b[31m tomorrow"));
        assert!(told, "{verb}: {:?}", outcome.notices());
    }
    // A referral is never followed: nobody connects, nothing is sent, the refusal is reported.
    let no = "{tag} NO [REFERRAL imap://alice@evil.example/] go there\r\n";
    let outcome =
        Case::plain().run(|pair| pair.source.hook(times(9, |call| call.is("LOGIN"), say(no)))).await;
    assert_eq!(outcome.error().kind(), ErrorKind::Authentication);
    assert_eq!(outcome.connections[0], 1);
    outcome.assert_reported("go there");
}

#[tokio::test]
async fn case_012_certificates() {
    // The certificate, the host that is asked for, whether it is named as an authority; words of the refusal.
    let other = "mail.example.org";
    let table = [
        (Certificate::named("imap.example.org"), "imap.example.org", false, "self-signed"),
        (Certificate::expired(), "localhost", true, "expired"),
        (Certificate::named(other), "imap.example.org", true, other),
        (Certificate::named("127.0.0.2"), "127.0.0.1", true, "127.0.0.2"),
        (Certificate::for_clients("imap.example.org"), "imap.example.org", true, "not meant for servers"),
        (Certificate::named("imap.example.org"), "imap.example.org", true, ""),
    ];
    for (certificate, host, trusted, words) in table {
        for mode in [TlsMode::Implicit, TlsMode::StartTls] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), certificate.pem()).unwrap();
            let mut held = None;
            let outcome = Case::new("IMAP4rev1 STARTTLS", "IMAP4rev1 STARTTLS")
                .accounts(|account| {
                    account.host = host.into();
                    account.port = Some(993);
                    account.tls = mode;
                    if trusted {
                        account.trust.ca_files.push(file.path().to_owned());
                    }
                })
                .run(|pair| {
                    let listening = match mode {
                        TlsMode::Implicit => pair.destination.listen_tls(&certificate),
                        _ => pair.destination.listen_starttls(&certificate),
                    };
                    let listening = listening.unwrap();
                    pair.port(Side::Destination, listening.address.port());
                    held = Some(listening);
                })
                .await;
            drop(held);
            if words.is_empty() {
                outcome.assert_borne();
                continue;
            }
            assert_eq!(outcome.error().kind(), ErrorKind::Tls, "{words} {}", outcome.error());
            outcome.assert_reported(words);
            assert_eq!(outcome.logins(Side::Destination), 0, "{words}");
        }
    }
}

/// A ServerHello of this version (`\x01`: TLS 1.0) with TLS_RSA_WITH_AES_128_CBC_SHA, which nobody offers any more.
fn old_hello(minor: &str) -> String {
    let random = "\\x11".repeat(32);
    format!("R: \\x16\\x03{minor}\\x00\\x2a\\x02\\x00\\x00\\x26\\x03{minor}{random}\\x00\\x00\\x2f\\x00\nH:")
}

/// A run whose destination speaks TLS as the transcript does, from its first byte.
async fn through_tls_of(transcript: &str) -> Outcome {
    let mut held = None;
    Case::modern()
        .accounts(|account| {
            account.host = "imap.example.org".into();
            account.port = Some(993);
            account.tls = TlsMode::Implicit;
            account.timeouts.connect = Duration::from_secs(5);
            account.reconnect_tries = 1;
        })
        .run(|pair| {
            let listening = transcript_port(transcript);
            pair.port(Side::Destination, listening.number);
            held = Some(listening);
        })
        .await
}

#[tokio::test]
async fn case_013_old_tls_and_weak_suites() {
    for minor in ["\\x01", "\\x02", "\\x03"] {
        let outcome = through_tls_of(&old_hello(minor)).await;
        assert_eq!(outcome.error().kind(), ErrorKind::Tls, "{}", outcome.error());
    }
}

#[tokio::test]
async fn case_014_tls_that_ends_without_close_notify() {
    let certificate = Certificate::named("imap.example.org");
    for cut in [40_000, 120_000, 250_000] {
        let mut held = None;
        let pin = certificate.fingerprint();
        let outcome = Case::modern()
            .setup(|pair| {
                fill(&pair.source, "INBOX", 2);
                let body = "All work and no play.\r\n".repeat(13_000);
                let large = format!("Message-Id: <large@example.org>\r\n\r\n{body}");
                pair.source.mail().folder("INBOX").add(large, &[]);
            })
            .accounts(|account| {
                account.host = "imap.example.org".into();
                account.port = Some(993);
                account.tls = TlsMode::Implicit;
                account.trust.pins.push(pin);
            })
            .run(|pair| {
                let listening = pair.source.listen_tls(&certificate).unwrap();
                let port = cutting_port(listening.address, cut);
                pair.port(Side::Source, port.number);
                held = Some((listening, port));
            })
            .await;
        drop(held);
        outcome.assert_borne();
        assert_eq!(outcome.report().reconnections[0], 1, "{cut}");
    }
}

#[tokio::test]
async fn case_015_floods_below_tls() {
    // ChangeCipherSpec, warnings, empty handshake records, empty application data: without end, before anything else.
    let floods = [
        "\\x14\\x03\\x03\\x00\\x01\\x01",
        "\\x15\\x03\\x03\\x00\\x02\\x01\\x00",
        "\\x16\\x03\\x03\\x00\\x00",
        "\\x17\\x03\\x03\\x00\\x00",
        // HelloRequest: a renegotiation.
        "\\x16\\x03\\x03\\x00\\x04\\x00\\x00\\x00\\x00",
    ];
    for record in floods {
        let begun = std::time::Instant::now();
        let outcome = through_tls_of(&format!("R: {}\nH:", record.repeat(5000))).await;
        let kind = outcome.error().kind();
        assert!(matches!(kind, ErrorKind::Tls | ErrorKind::Timeout), "{record} {}", outcome.error());
        // The deadlines of its two tries; the rest is slack for a busy machine.
        assert!(begun.elapsed() < Duration::from_secs(60), "{record}");
    }
}
