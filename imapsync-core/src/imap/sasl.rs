//! SASL mechanisms as step functions: a challenge in, a response out; no I/O.

use super::text;
use std::fmt;

/// A password or a token. It cannot be printed: Debug shows `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself; name every call in a review.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether nothing was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A mechanism this crate can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// The LOGIN command, no SASL.
    LoginCommand,
    /// AUTHENTICATE PLAIN (RFC 4616), with an authorisation identity when an admin logs in for a user.
    Plain,
    /// AUTHENTICATE LOGIN.
    Login,
    /// AUTHENTICATE XOAUTH2 with a bearer token.
    XOAuth2,
}

impl Mechanism {
    /// Every mechanism with what a user or a CAPABILITY line calls it.
    const WORDS: [(&str, Self); 4] = [
        ("LOGIN", Self::LoginCommand),
        ("AUTH=LOGIN", Self::Login),
        ("AUTH=PLAIN", Self::Plain),
        ("AUTH=XOAUTH2", Self::XOAuth2),
    ];

    /// Reads a mechanism as a user names it (`--authmech1`) or as a capability (`AUTH=PLAIN`), in any case.
    ///
    /// `LOGIN` alone is the LOGIN command, as it always was in imapsync; `AUTH=LOGIN` is the SASL mechanism. None for
    /// one this crate cannot do.
    ///
    /// ```
    /// use imapsync_core::imap::sasl::Mechanism;
    /// assert_eq!(Mechanism::parse("plain"), Some(Mechanism::Plain));
    /// assert_eq!(Mechanism::parse("LOGIN"), Some(Mechanism::LoginCommand));
    /// assert_eq!(Mechanism::parse("AUTH=LOGIN"), Some(Mechanism::Login));
    /// ```
    pub fn parse(name: &str) -> Option<Self> {
        let is = |wanted: &str| Self::WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(wanted));
        is(name).or_else(|| is(&format!("AUTH={name}"))).map(|(_, mechanism)| *mechanism)
    }

    /// The name for AUTHENTICATE, and after `AUTH=` in a CAPABILITY line; that of the LOGIN command is `LOGIN` too.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LoginCommand | Self::Login => "LOGIN",
            Self::Plain => "PLAIN",
            Self::XOAuth2 => "XOAUTH2",
        }
    }

    /// Whether an administrator can log in with it for another user (`--authuser1`).
    pub const fn takes_auth_user(self) -> bool {
        matches!(self, Self::Plain | Self::XOAuth2)
    }
}

/// The name for AUTHENTICATE.
impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One authentication exchange. Bytes are before base64.
///
/// ```
/// use imapsync_core::imap::sasl::{Exchange, Mechanism, Secret};
/// let secret = Secret::new("tanstaaftanstaaf");
/// let mut exchange = Exchange::new(Mechanism::Plain, "tim", None, &secret)?;
/// assert_eq!(exchange.initial().as_deref(), Some(&b"\0tim\0tanstaaftanstaaf"[..]));
/// assert!(exchange.respond(b"once more?").is_err());
/// # Ok::<(), &str>(())
/// ```
pub struct Exchange {
    mechanism: Mechanism,
    /// What is still to be said, last first.
    messages: Vec<Secret>,
    /// The password or token, and the whole messages in which it travels: all that must never be shown.
    secrets: Vec<Secret>,
    failure: Option<String>,
}

/// How many characters of a failure challenge are kept.
const MAX_FAILURE: usize = 1000;

impl Exchange {
    /// `user` is whose mail it is; `auth_user` (an administrator) is who proves the secret, where given.
    ///
    /// PLAIN sends both. XOAUTH2 sends `user` alone: the token itself says who proves it.
    ///
    /// # Errors
    /// A reason fit for people, never with the secret in it: the LOGIN command has no exchange; AUTHENTICATE LOGIN has
    /// no place for `auth_user`, and must not log in as the administrator instead; a name is empty; a name or the
    /// secret holds NUL (for XOAUTH2: any control character), which would end the field early.
    pub fn new(
        mechanism: Mechanism,
        user: &str,
        auth_user: Option<&str>,
        secret: &Secret,
    ) -> Result<Self, &'static str> {
        let password = secret.reveal();
        let fields = [user, auth_user.unwrap_or(user), password];
        let forbidden = |c: char| c == '\0' || mechanism == Mechanism::XOAuth2 && c.is_control();
        if fields.iter().any(|field| field.contains(forbidden)) {
            return Err("a user name or the password holds a control character that cannot be sent");
        }
        if user.is_empty() || auth_user.is_some_and(str::is_empty) {
            return Err("the user name is empty");
        }
        if auth_user.is_some() && !mechanism.takes_auth_user() {
            return Err("LOGIN cannot log in for another user; use PLAIN with an authuser");
        }
        let (messages, whole) = match mechanism {
            Mechanism::LoginCommand => return Err("the LOGIN command is not a SASL mechanism"),
            Mechanism::Login => (vec![secret.clone(), Secret::new(user)], None),
            Mechanism::Plain => {
                let message = Secret::new(match auth_user {
                    Some(admin) => format!("{user}\0{admin}\0{password}"),
                    None => format!("\0{user}\0{password}"),
                });
                (vec![message.clone()], Some(message))
            }
            Mechanism::XOAuth2 => {
                let message = Secret::new(format!("user={user}\x01auth=Bearer {password}\x01\x01"));
                (vec![message.clone()], Some(message))
            }
        };
        let secrets = std::iter::once(secret.clone()).chain(whole).collect();
        Ok(Self { mechanism, messages, secrets, failure: None })
    }

    /// The mechanism's name for AUTHENTICATE.
    pub fn name(&self) -> &'static str {
        self.mechanism.name()
    }

    /// The response that may be sent at once (SASL-IR, RFC 4959), where the mechanism speaks first. It counts as sent;
    /// without SASL-IR do not call this: the server's empty challenge gets the same from [`respond`](Self::respond).
    pub fn initial(&mut self) -> Option<Vec<u8>> {
        if self.mechanism == Mechanism::Login { None } else { self.next_message() }
    }

    /// Answers one challenge (already decoded); Err = cancel with `*`, with the reason.
    ///
    /// What a challenge says does not matter: LOGIN's prompts are answered by their order, for servers word them as they
    /// like. Only after everything has been said is it looked at: XOAUTH2 servers then send the reason of a failure and
    /// want an empty answer before their NO.
    ///
    /// # Errors
    /// The server asks for more than the mechanism has to say.
    pub fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, &'static str> {
        if let Some(message) = self.next_message() {
            return Ok(message);
        }
        if self.mechanism == Mechanism::XOAuth2 && self.failure.is_none() {
            let secrets: Vec<&str> = self.secrets.iter().map(Secret::reveal).collect();
            // Masked before it is cut, so that no half of a token remains.
            let said = text::mask(&String::from_utf8_lossy(challenge), &secrets);
            self.failure = Some(text::escape(said.as_bytes(), MAX_FAILURE));
            return Ok(Vec::new());
        }
        Err("the server asks for more than the mechanism provides")
    }

    /// Notes why the exchange is cancelled; what the server said before counts for more.
    pub fn cancel(&mut self, why: &str) {
        self.failure.get_or_insert_with(|| why.to_owned());
    }

    /// Why the exchange failed, for the error text: what the server's failure challenge said (XOAUTH2 JSON), escaped
    /// and without the token, or what made us cancel it.
    pub fn failure_detail(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Whatever must be masked ([`text::mask`]) while this exchange is logged: the password or token, and the messages
    /// that contain it.
    pub fn secrets(&self) -> &[Secret] {
        &self.secrets
    }

    fn next_message(&mut self) -> Option<Vec<u8>> {
        self.messages.pop().map(|message| message.0.into_bytes())
    }
}

/// Shows the mechanism and how much is still to be said, nothing else.
impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("mechanism", &self.mechanism)
            .field("messages_left", &self.messages.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    fn start(mechanism: Mechanism, user: &str, auth_user: Option<&str>, secret: &str) -> Exchange {
        Exchange::new(mechanism, user, auth_user, &Secret::new(secret)).unwrap()
    }

    #[test]
    fn plain() {
        // The examples of RFC 4616 section 4.
        let mut exchange = start(Mechanism::Plain, "tim", None, "tanstaaftanstaaf");
        assert_eq!(exchange.respond(b"").unwrap(), b"\0tim\0tanstaaftanstaaf");
        assert!(exchange.respond(b"").is_err());

        let mut exchange = start(Mechanism::Plain, "Ursel", Some("Kurt"), "xipj3plmq");
        assert_eq!(exchange.name(), "PLAIN");
        assert_eq!(exchange.initial().unwrap(), b"Ursel\0Kurt\0xipj3plmq");
        assert_eq!(exchange.initial(), None);
        assert!(exchange.respond(b"").is_err());
    }

    #[test]
    fn login() {
        let mut exchange = start(Mechanism::Login, "alice", None, "pä ss");
        assert_eq!((exchange.name(), exchange.initial()), ("LOGIN", None));
        assert_eq!(exchange.respond(b"Username:").unwrap(), b"alice");
        assert_eq!(exchange.respond(b"whatever").unwrap(), "pä ss".as_bytes());
        assert!(exchange.respond(b"Password:").is_err());
        assert_eq!(exchange.failure_detail(), None);
    }

    #[test]
    fn xoauth2() {
        // Google's published example, base64 included.
        let mut exchange = start(
            Mechanism::XOAuth2,
            "someuser@example.com",
            None,
            "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg",
        );
        assert_eq!(
            STANDARD.encode(exchange.initial().unwrap()),
            "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ=="
        );
        let failure = br#"{"status":"401","schemes":"bearer"}"#;
        assert_eq!(exchange.respond(failure).unwrap(), b"");
        assert_eq!(exchange.failure_detail().map(str::as_bytes), Some(&failure[..]));
        assert!(exchange.respond(b"more").is_err());
        assert_eq!(exchange.failure_detail().map(str::as_bytes), Some(&failure[..]));

        // Without an initial response, and with an administrator's token.
        let mut exchange = start(Mechanism::XOAuth2, "bob", Some("admin"), "tok");
        assert_eq!(exchange.respond(b"").unwrap(), b"user=bob\x01auth=Bearer tok\x01\x01");
    }

    #[test]
    fn a_failure_that_repeats_the_token() {
        let mut exchange = start(Mechanism::XOAuth2, "bob", None, "tok-1234");
        exchange.initial();
        exchange.respond(&[b"\x1bbad tok-1234 ", &[b'x'; 2000][..]].concat()).unwrap();
        let detail = exchange.failure_detail().unwrap();
        assert!(
            detail.starts_with("\\x1bbad *** xxx") && detail.ends_with("x...") && detail.len() < 1100,
            "{detail}"
        );
    }

    #[test]
    fn refused() {
        for (mechanism, user, auth_user, secret) in [
            (Mechanism::LoginCommand, "u", None, "p"),
            (Mechanism::Login, "u", Some("admin"), "p"),
            (Mechanism::Plain, "", None, "p"),
            (Mechanism::Plain, "u", Some(""), "p"),
            (Mechanism::Plain, "u\0admin", None, "p"),
            (Mechanism::Plain, "u", Some("a\0"), "p"),
            (Mechanism::Plain, "u", None, "p\0q"),
            (Mechanism::Login, "u", None, "\0"),
            (Mechanism::XOAuth2, "u\x01auth=Bearer x", None, "t"),
            (Mechanism::XOAuth2, "u", None, "t\x01"),
            (Mechanism::XOAuth2, "u", None, "t\r\n"),
        ] {
            assert!(
                Exchange::new(mechanism, user, auth_user, &Secret::new(secret)).is_err(),
                "{mechanism:?} {user:?}"
            );
        }
    }

    #[test]
    fn mechanism_names() {
        for (word, mechanism) in Mechanism::WORDS {
            assert_eq!(Mechanism::parse(word), Some(mechanism));
            assert_eq!(Mechanism::parse(&word.to_lowercase()), Some(mechanism));
            assert!(word.ends_with(mechanism.name()));
        }
        for mechanism in [Mechanism::Plain, Mechanism::XOAuth2] {
            assert_eq!(Mechanism::parse(mechanism.name()), Some(mechanism));
        }
        for word in ["", "AUTH=", "CRAM-MD5", "AUTH=AUTH=PLAIN", "PLAIN "] {
            assert_eq!(Mechanism::parse(word), None);
        }
    }

    proptest! {
        #[test]
        fn nothing_leaks(secret in "[4-9é]{4,12}", user in "[äöü]{1,8}", admin in "[äöü]{1,8}") {
            for mechanism in [Mechanism::Plain, Mechanism::Login, Mechanism::XOAuth2] {
                let admin = mechanism.takes_auth_user().then_some(admin.as_str());
                let mut exchange = start(mechanism, &user, admin, &secret);
                let whole = Secret::new(secret.clone());
                for _ in 0..4 {
                    let shown = format!("{exchange:?} {:?} {whole:?} {:?}", exchange.secrets(), exchange.failure_detail());
                    prop_assert!(!shown.contains(&secret) && !shown.contains(&user), "{}", shown);
                    let Ok(sent) = exchange.respond(secret.as_bytes()) else { break };
                    let secrets: Vec<_> = exchange.secrets().iter().map(Secret::reveal).collect();
                    // The user name alone is no secret; everything else that is sent is one.
                    if !sent.is_empty() && sent != user.as_bytes() {
                        prop_assert_eq!(text::mask(&STANDARD.encode(&sent), &secrets), "***");
                    }
                }
            }
        }
    }
}
