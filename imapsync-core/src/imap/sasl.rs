//! SASL mechanisms as step functions: a challenge in, a response out; no I/O.

/// A password or a token. It cannot be printed: Debug shows `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("***") }
}

impl Secret {
    /// Wraps a secret.
    pub fn new(_text: impl Into<String>) -> Self { todo!() }
    /// The secret itself; name every call in a review.
    pub fn reveal(&self) -> &str { todo!() }
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

/// One authentication exchange. Bytes are before base64.
#[derive(Debug)]
pub struct Exchange { /* private */ }

impl Exchange {
    /// `user` is whose mail it is; `auth_user` (an administrator) is who proves the secret, where given.
    pub fn new(_mechanism: Mechanism, _user: &str, _auth_user: Option<&str>, _secret: &Secret) -> Self { todo!() }
    /// The mechanism's name for AUTHENTICATE.
    pub fn name(&self) -> &'static str { todo!() }
    /// The response that may be sent at once (SASL-IR, RFC 4959), where the mechanism speaks first.
    pub fn initial(&mut self) -> Option<Vec<u8>> { todo!() }
    /// Answers one challenge (already decoded); Err = cancel with `*`, with the reason.
    pub fn respond(&mut self, _challenge: &[u8]) -> Result<Vec<u8>, &'static str> { todo!() }
    /// What the server's failure challenge said (XOAUTH2 JSON), for the error text.
    pub fn failure_detail(&self) -> Option<&str> { todo!() }
}
