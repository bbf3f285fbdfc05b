//! A. Capabilities, login, and what is asked right behind it.

use crate::case::*;
use imapsync_core::imap::sasl::Mechanism;
use imapsync_core::testing::{Act, Stage};
use imapsync_core::{Compression, ErrorKind, Side};

#[tokio::test(start_paused = true)]
async fn case_016_capabilities_that_change_with_login() {
    // What is said before login, and after: LOGIN tells it with its OK, in a line of its own, or not at all.
    let before = "IMAP4rev1 LITERAL+ NAMESPACE XAPPLEPUSHSERVICE AUTH=PLAIN";
    for way in ["code", "line", "silent"] {
        for (before, after) in
            [(before, PLAIN), (PLAIN, MODERN), ("IMAP4rev1", "IMAP4rev1 XAPPLEPUSHSERVICE LITERAL-")]
        {
            let outcome = Case::new(after, after)
                .run(|pair| {
                    for server in [&pair.source, &pair.destination] {
                        server.mail().first_capabilities = Some(before.into());
                        let line = format!("* CAPABILITY {after}\r\n");
                        server.hook(times(
                            9,
                            |call| call.stage == Stage::Applied && call.line.starts_with("LOGIN"),
                            edit(move |bytes| {
                                let text = String::from_utf8(bytes).unwrap();
                                let (tag, _) = text.split_once(' ').unwrap();
                                match way {
                                    "code" => text.into_bytes(),
                                    "line" => format!("{line}{tag} OK in\r\n").into_bytes(),
                                    _ => format!("{tag} OK in\r\n").into_bytes(),
                                }
                            }),
                        ));
                    }
                })
                .await;
            outcome.assert_borne().assert_no_offence();
            let uses = outcome.log[1].iter().any(|line| line.starts_with("NAMESPACE"));
            assert_eq!(uses, after == MODERN, "{way} {before} -> {after}");
        }
    }
    // In the middle of the session the server takes one back.
    let outcome = Case::modern()
        .run(|pair| {
            let mut told = false;
            pair.destination.hook(move |mail, call| {
                if call.stage != Stage::Applied || !call.line.starts_with("LIST") || told {
                    return Act::Pass;
                }
                told = true;
                mail.capabilities = "IMAP4rev1 UIDPLUS".into();
                Act::Edit(Box::new(|bytes| {
                    [&b"* OK [CAPABILITY IMAP4rev1 UIDPLUS] less\r\n"[..], &bytes].concat()
                }))
            });
        })
        .await;
    outcome.assert_borne().assert_no_offence();
}

#[tokio::test(start_paused = true)]
async fn case_017_capability_that_gets_bad() {
    // LITERAL+: many are in flight when the first BAD comes; none of their messages suffers for it.
    for messages in [8, 300] {
        let outcome = Case::modern()
            .setup(move |pair| fill(&pair.source, "INBOX", messages))
            .run(|pair| {
                pair.destination.hook(|_, call| match call.is("APPEND") && call.line.ends_with("+}") {
                    true => Act::Say("{tag} BAD no such literal\r\n".into()),
                    false => Act::Pass,
                });
                // A reconnection in the middle does not make it be tried again.
                pair.destination.hook(times(
                    1,
                    |call| call.stage == Stage::Literal && call.nth == 5,
                    || Act::Close,
                ));
            })
            .await;
        outcome.assert_borne().assert_no_offence();
        let log = &outcome.log[1];
        assert!(log.len() < messages * 4 + 50, "{}", log.len());
        assert!(outcome.report().reconnections[1] <= 3, "{:?}", outcome.report().reconnections);
    }
    // Everything else that may be offered and not done.
    let all = "IMAP4rev1 NAMESPACE UIDPLUS ID LIST-EXTENDED LIST-STATUS SPECIAL-USE ENABLE UTF8=ACCEPT CONDSTORE QRESYNC \
        ESEARCH MULTIAPPEND COMPRESS=DEFLATE MOVE UNSELECT BINARY IDLE STATUS=SIZE OBJECTID METADATA QUOTA ACL";
    let outcome = Case::plain()
        .run(|pair| {
            for server in [&pair.source, &pair.destination] {
                server.hook(times(usize::MAX, |call| call.is("LOGIN"), || Act::Pass));
                server.hook(times(
                    usize::MAX,
                    |call| call.stage == Stage::Applied && call.line.starts_with("LOGIN"),
                    edit(move |bytes| String::from_utf8(bytes).unwrap().replace(PLAIN, all).into_bytes()),
                ));
            }
        })
        .await;
    outcome.assert_borne();
}

#[tokio::test(start_paused = true)]
async fn case_018_logindisabled() {
    let outcome = Case::plain()
        .run(|pair| pair.source.mail().first_capabilities = Some("IMAP4rev1 LOGINDISABLED AUTH=PLAIN".into()))
        .await;
    outcome.assert_borne();
    assert_eq!(outcome.count(Side::Source, "LOGIN"), 0);
    for (offered, mechanism) in [
        ("IMAP4rev1 LOGINDISABLED", None),
        ("IMAP4rev1 LOGINDISABLED AUTH=GSSAPI", None),
        ("IMAP4rev1 LOGINDISABLED AUTH=PLAIN", Some(Mechanism::LoginCommand)),
    ] {
        let outcome = Case::plain()
            .accounts(|account| account.mechanism = mechanism)
            .run(|pair| {
                pair.source.mail().first_capabilities = Some(offered.into());
                pair.source.mail().capabilities = offered.into();
            })
            .await;
        assert_eq!(outcome.error().kind(), ErrorKind::Authentication, "{offered}");
        outcome.assert_reported("disabled LOGIN");
        assert_eq!(outcome.logins(Side::Source), 0, "{offered}");
    }
}

#[tokio::test(start_paused = true)]
async fn case_019_challenges_that_are_wrong() {
    // What AUTHENTICATE is answered with, and words of the report.
    let begin = "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=LOGIN] hi\nC: AUTHENTICATE\n";
    let table = [
        (Mechanism::Plain, "S: + !!!! no base64\nL:\nS: {tag} BAD cancelled", "base64"),
        (Mechanism::Plain, "S: +\nL:\nS: + AAAA\nL:\nS: {tag} BAD cancelled", "asks for more"),
        (
            Mechanism::Login,
            "S: + VXNlcm5hbWU6\nL:\nS: + UGFzc3dvcmQ6\nL:\nS: + AAAA\nL:\nS: {tag} BAD no",
            "asks for more",
        ),
        (Mechanism::Login, "S: + VXNlcm5hbWU6\nL:\nS: {tag} NO [AUTHENTICATIONFAILED] unknown", "unknown"),
    ];
    for (mechanism, rest, words) in table {
        let outcome = Case::new("IMAP4rev1 AUTH=PLAIN AUTH=LOGIN", "IMAP4rev1 AUTH=PLAIN AUTH=LOGIN")
            .accounts(|account| account.mechanism = Some(mechanism))
            .run(|pair| pair.transcripts(Side::Source, 1, &format!("{begin}{rest}")))
            .await;
        assert_eq!(outcome.error().kind(), ErrorKind::Authentication, "{rest} {}", outcome.error());
        outcome.assert_reported(words);
        let answered = outcome.traced.iter().any(|line| line.contains("-> ***"));
        assert!(answered, "answers to challenges are masked: {:?}", outcome.traced);
    }
    // A challenge although nothing was begun.
    let outcome = Case::plain()
        .run(|pair| pair.transcripts(Side::Source, 9, "S: * OK hi\nC: CAPABILITY\nS: + AAAA\nH:"))
        .await;
    assert_eq!(outcome.error().kind(), ErrorKind::Protocol);
    // `+` without a space is a challenge like any other.
    let outcome = Case::new("IMAP4rev1 AUTH=PLAIN", "IMAP4rev1 AUTH=PLAIN")
        .accounts(|account| account.mechanism = Some(Mechanism::Plain))
        .run(|pair| {
            let plus = edit(|bytes| if bytes == b"+ \r\n" { b"+\r\n".to_vec() } else { bytes });
            pair.source.hook(times(
                9,
                |call| call.stage == Stage::Applied && call.line.starts_with("AUTH"),
                plus,
            ));
        })
        .await;
    outcome.assert_borne();
}

#[tokio::test(start_paused = true)]
async fn case_020_token_that_is_refused() {
    let outcome = Case::new("IMAP4rev1 AUTH=XOAUTH2", "IMAP4rev1 AUTH=XOAUTH2")
        .accounts(|account| account.mechanism = Some(Mechanism::XOAuth2))
        .run(|pair| pair.source.mail().password = Some("another token".into()))
        .await;
    assert_eq!(outcome.error().kind(), ErrorKind::Authentication);
    outcome.assert_reported("\"status\":\"400\"").assert_reported("token").assert_no_offence();
    assert_eq!(outcome.logins(Side::Source), 1);
}

#[tokio::test(start_paused = true)]
async fn case_021_login_refused_for_now_or_for_good() {
    for code in ["UNAVAILABLE", "LIMIT", "INUSE"] {
        let no = format!("{{tag}} NO [{code}] later\r\n");
        let outcome =
            Case::plain().run(|pair| pair.source.hook(times(2, |call| call.is("LOGIN"), say(&no)))).await;
        outcome.assert_borne();
        assert_eq!(outcome.logins(Side::Source), 3, "{code}");
        let outcome =
            Case::plain().run(|pair| pair.source.hook(times(99, |call| call.is("LOGIN"), say(&no)))).await;
        assert_eq!(outcome.error().kind(), ErrorKind::Unavailable);
        assert!(outcome.logins(Side::Source) <= 5, "{code} {}", outcome.logins(Side::Source));
    }
    for no in
        ["NO [AUTHENTICATIONFAILED] no", "NO [AUTHORIZATIONFAILED] no", "NO [EXPIRED] old", "NO no", "BAD no"]
    {
        // Some servers repeat what they were given.
        let answer = format!("{{tag}} {no}: {PASSWORD}\r\n");
        let outcome = Case::plain()
            .run(|pair| pair.source.hook(times(99, |call| call.is("LOGIN"), say(&answer))))
            .await;
        assert_eq!(outcome.error().kind(), ErrorKind::Authentication, "{no}");
        assert_eq!(outcome.logins(Side::Source), 1, "{no}: an account that is locked helps nobody");
    }
}

#[tokio::test(start_paused = true)]
async fn case_022_bye_right_after_login() {
    let said = "* BYE User is authenticated but not connected.\r\n";
    let bye = move |number: usize| {
        times(
            number,
            |call| call.stage == Stage::Applied && call.line.starts_with("LOGIN"),
            move || Act::EditAndClose(Box::new(move |bytes| [&bytes[..], said.as_bytes()].concat())),
        )
    };
    for side in [Side::Source, Side::Destination] {
        Case::modern().run(|pair| pair.server(side).hook(bye(2))).await.assert_borne();
        let outcome = Case::modern().run(|pair| pair.server(side).hook(bye(99))).await;
        outcome.assert_reported("authenticated but not connected");
        assert!(outcome.logins(side) <= 5, "{}", outcome.logins(side));
    }
}

#[tokio::test(start_paused = true)]
async fn case_023_compression_that_is_none() {
    let with = "IMAP4rev1 NAMESPACE UIDPLUS LITERAL+ COMPRESS=DEFLATE";
    let outcome = Case::new(with, with).run(|_| {}).await;
    outcome.assert_borne();
    // On a fast line it is not asked for.
    assert_eq!(outcome.count(Side::Source, "COMPRESS") + outcome.count(Side::Destination, "COMPRESS"), 0);
    // The server says OK and goes on in clear, or sends something of its own behind its OK; a bomb is a test of the stream.
    let compressing = || Case::new(with, with).accounts(|account| account.compression = Compression::Always);
    for side in SIDES {
        let clear = "{tag} OK\r\n";
        for answer in [clear, "{tag} OK\r\n* OK in clear\r\n", "{tag} OK\r\n\0\0\0\0\0"] {
            let always = compressing()
                .run(|pair| {
                    pair.server(side).hook(times(usize::MAX, |call| call.is("COMPRESS"), say(answer)));
                })
                .await;
            assert!(always.error().is_connection_lost() || always.error().kind() == ErrorKind::Protocol);
            assert!(always.logins(side) <= 5, "{}", always.logins(side));
        }
        let once = compressing().run(|pair| {
            pair.server(side).hook(times(1, |call| call.is("COMPRESS"), say(clear)));
        });
        once.await.assert_borne();
    }
}

#[tokio::test(start_paused = true)]
async fn case_024_id_namespace_enable_refused() {
    let with = "IMAP4rev1 NAMESPACE UIDPLUS LITERAL+ ID ENABLE UTF8=ACCEPT CONDSTORE";
    for verb in ["ID", "NAMESPACE", "ENABLE"] {
        for answer in ["{tag} BAD what\r\n", "{tag} NO no\r\n"] {
            let outcome = Case::new(with, with)
                .run(|pair| {
                    for server in [&pair.source, &pair.destination] {
                        server.hook(times(99, move |call| call.is(verb), say(answer)));
                    }
                })
                .await;
            outcome.assert_borne();
        }
    }
}
