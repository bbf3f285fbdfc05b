//! A. Greeting, capabilities, TLS, login.

use crate::case::*;
use imapsync_core::{ErrorKind, Side};

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
}
