//! Greeting, STARTTLS, login.

use crate::world::*;
use imapsync_core::account::TlsMode;
use imapsync_core::testing::{Act, Stage};
use imapsync_core::{ErrorKind, Side};

#[tokio::test(start_paused = true)]
async fn starttls_comes_before_anything_else() {
    // What the server offers, what it answers to STARTTLS; the error, or none.
    let ok = "{tag} OK go on\r\n";
    let table: [(&str, &str, Option<ErrorKind>); 4] = [
        ("IMAP4rev1 STARTTLS UIDPLUS", ok, None),
        ("IMAP4rev1 UIDPLUS", ok, Some(ErrorKind::Tls)),
        ("IMAP4rev1 STARTTLS", "{tag} NO not today\r\n", Some(ErrorKind::Tls)),
        ("IMAP4rev1 STARTTLS", "{tag} OK go on\r\n* CAPABILITY IMAP4rev1 LITERAL+\r\n", Some(ErrorKind::Tls)),
    ];
    for (offered, answer, error) in table {
        let mut world = World::with(offered, 2);
        world.account.tls = TlsMode::StartTls;
        world.account.reconnect_tries = 1;
        world.destination.hook(times(9, |call| call.is("STARTTLS"), say(answer)));
        let result = world.try_run(Default::default()).await;
        let logins = world.destination.count("LOGIN") + world.destination.count("AUTHENTICATE");
        match error {
            None => {
                world.assert_copied(&result.unwrap());
                assert_eq!(logins, 1);
            }
            Some(kind) => {
                let error = result.unwrap_err();
                assert_eq!(error.kind(), kind, "{error}");
                assert!(error.side().is_some());
                assert_eq!(logins, 0, "{offered} {answer}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn capabilities_from_before_tls_are_forgotten() {
    // Somebody in the middle offers LITERAL+ and UIDPLUS before TLS; the server itself does not.
    let mut world = World::with("IMAP4rev1 STARTTLS", 2);
    world.account.tls = TlsMode::StartTls;
    let mut begun = false;
    world.destination.hook(move |_, call| {
        if call.is("CAPABILITY") && !begun {
            begun = true;
            return Act::Say("* CAPABILITY IMAP4rev1 STARTTLS LITERAL+ NAMESPACE\r\n{tag} OK\r\n".into());
        }
        Act::Pass
    });
    let report = world.sync().await;
    world.assert_copied(&report);
    let log = world.destination.mail().log.clone();
    assert!(log.iter().filter(|line| *line == "CAPABILITY").count() >= 2, "{log:?}");
    assert!(!log.iter().any(|line| line.starts_with("NAMESPACE")));
}

#[tokio::test(start_paused = true)]
async fn greetings() {
    let table = [
        ("* BYE too many connections\r\n", ErrorKind::Unavailable),
        ("* PREAUTH hello root\r\n", ErrorKind::Authentication),
        ("HTTP/1.1 400 Bad Request\r\n", ErrorKind::Protocol),
    ];
    for (greeting, kind) in table {
        let world = World::with(MODERN, 2);
        world.destination.mail().greeting = greeting.into();
        let error = world.try_run(Default::default()).await.unwrap_err();
        assert_eq!((error.kind(), error.side()), (kind, Some(Side::Destination)), "{error}");
        assert_eq!(world.destination.count("LOGIN"), 0);
        assert!(world.destination.mail().connections <= 5);
    }
}

#[tokio::test(start_paused = true)]
async fn a_greeting_bye_may_pass() {
    let world = World::with(MODERN, 5);
    world.destination.mail().greeting = "* BYE come back\r\n".into();
    let destination = world.destination.clone();
    tokio::spawn(async move {
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        destination.mail().greeting = "* OK ready\r\n".into();
    });
    world.assert_copied(&world.sync().await);
}

#[tokio::test(start_paused = true)]
async fn wrong_credentials_are_tried_once() {
    let world = World::with(MODERN, 2);
    let no = say("{tag} NO [AUTHENTICATIONFAILED] secret is wrong\r\n");
    world.destination.hook(times(99, |call| call.is("LOGIN"), no));
    let error = world.try_run(Default::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.side()), (ErrorKind::Authentication, Some(Side::Destination)));
    assert!(!error.to_string().contains("secret"), "{error}");
    assert_eq!(world.destination.count("LOGIN"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_login_that_is_refused_after_a_loss_ends_the_run() {
    let world = World::with(MODERN, 5);
    world.destination.hook(once(|call| call.stage == Stage::Literal && call.nth == 3, || Act::Close));
    let no = say("{tag} NO [AUTHENTICATIONFAILED] no\r\n");
    world.destination.hook(times(99, |call| call.is("LOGIN") && call.connection > 1, no));
    let report = world.sync().await;
    assert_eq!(report.stopped.as_ref().unwrap().kind(), ErrorKind::Authentication);
    assert_eq!(world.destination.count("LOGIN"), 2);
}
