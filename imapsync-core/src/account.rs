//! An account as plain data: where it is, how to get in, whom to trust.

use crate::imap::sasl::{Mechanism, Secret};
use std::path::PathBuf;
use std::time::Duration;

/// One of the two accounts of a sync. Made with [`Account::new`]; every field may be changed afterwards.
///
/// ```
/// use imapsync_core::Account;
/// let mut account = Account::new("imap.example.org", "alice", "hunter2");
/// account.port = Some(993);
/// assert!(!format!("{account:?}").contains("hunter2"));
/// ```
#[derive(Debug, Clone)]
pub struct Account {
    /// Host name or address.
    pub host: String,
    /// TCP port; None tries 993 with TLS, then 143 with STARTTLS.
    pub port: Option<u16>,
    /// How the connection is encrypted.
    pub tls: TlsMode,
    /// Which certificates are accepted.
    pub trust: Trust,
    /// Whose mail it is.
    pub user: String,
    /// An administrator who logs in for `user` (`--authuser1`).
    pub auth_user: Option<String>,
    /// The password, or the token of XOAUTH2.
    pub secret: Secret,
    /// The mechanism; None picks one the server offers.
    pub mechanism: Option<Mechanism>,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// SO_KEEPALIVE on the socket.
    pub keepalive: bool,
    /// Which addresses of the host are tried.
    pub family: AddressFamily,
    /// Send ID (RFC 2971) after login; some servers want to know who calls.
    pub send_id: bool,
    /// Whether what travels is compressed (`--compress1`), where the server offers COMPRESS=DEFLATE.
    pub compression: Compression,
    /// How many times in a row a lost connection is opened again without any progress in between.
    pub reconnect_tries: u32,
}

impl Account {
    /// An account with the safe defaults: TLS required and verified, 120 s of silence allowed.
    pub fn new(host: impl Into<String>, user: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port: None,
            tls: TlsMode::Auto,
            trust: Trust::default(),
            user: user.into(),
            auth_user: None,
            secret: Secret::new(password),
            mechanism: None,
            timeouts: Timeouts::default(),
            keepalive: true,
            family: AddressFamily::Any,
            send_id: true,
            compression: Compression::Auto,
            reconnect_tries: 3,
        }
    }
}

/// Whether what travels is compressed. On a fast line that costs more time than it saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// On connections that are opened once the line has proved slow.
    #[default]
    Auto,
    /// From the login on.
    Always,
    /// Never.
    Never,
}

/// How the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsMode {
    /// Implicit TLS on port 993, STARTTLS elsewhere. On a loopback host an unverified certificate, and a server
    /// without TLS, are accepted with a notice.
    #[default]
    Auto,
    /// TLS from the first byte, asked for by name (`--ssl1`): always verified.
    Implicit,
    /// STARTTLS, asked for by name (`--tls1`): always verified, never skipped.
    StartTls,
    /// No TLS at all (`--nossl1 --notls1`): passwords travel in clear.
    Plaintext,
}

/// Which certificates are accepted. The default is what webpki-roots (Mozilla's list) vouches for, with the right name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// PEM files with further certificate authorities (`--cafile1`); naming one means TLS was asked for by name.
    pub ca_files: Vec<PathBuf>,
    /// Also trust the platform's authorities.
    pub platform_roots: bool,
    /// SHA-256 fingerprints of accepted certificates (`--pin1`), whoever signed them; naming one means TLS was asked
    /// for by name.
    pub pins: Vec<[u8; 32]>,
    /// Accept any certificate (`--insecure1`).
    pub insecure: bool,
}

/// How long to wait. Zero means for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the TCP connection, the TLS handshake and the greeting, each.
    pub connect: Duration,
    /// For the next byte from a server that owes one; not less than 10 minutes while it stores a message.
    pub idle: Duration,
    /// For one whole command, however steadily bytes trickle in.
    pub command: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            idle: Duration::from_secs(120),
            command: Duration::from_secs(6 * 3600),
        }
    }
}

/// Which addresses of a host are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AddressFamily {
    /// Both, racing (RFC 8305).
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}
