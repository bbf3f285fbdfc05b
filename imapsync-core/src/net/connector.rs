//! The way out of the process: what opens connections, and the real one over TCP and TLS.

use super::policy::{Attempt, Security, Verify, policy, probe_patience};
use super::prompt::Prompt;
use super::tcp;
use super::tls::{Tls, Where};
use crate::account::{Account, Trust};
use crate::error::{Error, ErrorKind, Side};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{fmt, io};
use tokio::io::{AsyncRead, AsyncWrite};

/// A future that can be returned from a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A two-way byte stream.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A byte stream whose kind no longer matters.
pub type BoxStream = Box<dyn Stream>;

/// Finds the addresses of a host name, for a port that is to be part of them.
pub type Resolver = Box<dyn Fn(&str, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// Opens connections. An embedder gives its own to go through a proxy or to stay in memory.
///
/// Nothing here speaks IMAP: a connection for [`Security::StartTls`] arrives in clear, and is given to
/// [`Connector::upgrade`] once the server has accepted STARTTLS.
pub trait Connector: Send + Sync {
    /// Opens a connection to the account's host: TCP, then TLS where the attempt is [`Security::Implicit`].
    ///
    /// # Errors
    /// `Connect` where the port is closed (see [`try_next`](super::try_next)), `Tls`, `Timeout` of the handshake,
    /// `Usage`, `Io` for a CA file. An error is retryable only where a timeout or a reset caused it.
    fn connect<'a>(
        &'a self,
        side: Side,
        account: &'a Account,
        attempt: Attempt,
    ) -> BoxFuture<'a, Result<Connected, Error>>;

    /// Does the TLS handshake on a connection where STARTTLS was just accepted and nothing after it was read.
    ///
    /// # Errors
    /// As [`Connector::connect`], without `Connect`.
    fn upgrade<'a>(
        &'a self,
        side: Side,
        account: &'a Account,
        stream: BoxStream,
    ) -> BoxFuture<'a, Result<Connected, Error>>;
}

/// An open connection.
///
/// The end of a TLS stream whose server did not say goodbye (close_notify, RFC 8446, section 6.1) reads as
/// [`io::ErrorKind::UnexpectedEof`], never as a clean end: somebody may have cut it.
pub struct Connected {
    /// The bytes, decrypted.
    pub stream: BoxStream,
    /// What TLS came to; None in clear.
    pub tls: Option<TlsInfo>,
    /// What the user should be told, such as a certificate on loopback that nobody vouches for. Every connection
    /// says it; show equal texts once.
    pub notices: Vec<String>,
}

impl fmt::Debug for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connected")
            .field("tls", &self.tls)
            .field("notices", &self.notices)
            .finish_non_exhaustive()
    }
}

/// What a TLS handshake came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsInfo {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: String,
    /// The cipher suite by its IANA name.
    pub cipher: String,
    /// SHA-256 of the server's certificate; see [`fingerprint`](super::fingerprint).
    pub fingerprint: [u8; 32],
    /// Whether the certificate was found good, by an authority or by a pin.
    pub verified: bool,
}

/// The real [`Connector`]: TCP with both address families racing, TLS by rustls.
///
/// Keep one for all connections of a run: it holds the TLS sessions, so that a further connection to the same server
/// needs no full handshake.
pub struct NetConnector {
    resolver: Resolver,
    /// One entry for each way of judging certificates: a session found good by one must not be resumed by another.
    tls: Mutex<Vec<(Trust, Verify, Arc<Tls>)>>,
}

impl NetConnector {
    /// A connector that asks the system for addresses.
    pub fn new() -> Self {
        Self::with_resolver(Box::new(|host, port| {
            let host = host.to_owned();
            Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
        }))
    }

    /// A connector that asks `resolver` for addresses. Numeric hosts and `localhost` are never asked for.
    pub fn with_resolver(resolver: Resolver) -> Self {
        Self { resolver, tls: Mutex::default() }
    }

    async fn open(&self, side: Side, account: &Account, attempt: Attempt) -> Result<Connected, Error> {
        let verify = policy(account)?.verify;
        let probe = probe_patience(account, attempt);
        let patience = match (limit(account.timeouts.connect), probe) {
            (Some(limit), Some(probe)) => Some(limit.min(probe)),
            (limit, probe) => limit.or(probe),
        };
        let socket = Prompt::new(tcp::connect(&self.resolver, account, attempt.port, patience).await?);
        if attempt.security != Security::Implicit {
            return Ok(Connected { stream: Box::new(socket), tls: None, notices: Vec::new() });
        }
        let place = Where { side, host: &account.host, port: Some(attempt.port), probe: probe.is_some() };
        self.tls(&account.trust, verify).await?.handshake(Box::new(socket), place, patience).await
    }

    async fn secure(&self, side: Side, account: &Account, stream: BoxStream) -> Result<Connected, Error> {
        let verify = policy(account)?.verify;
        let place = Where { side, host: &account.host, port: None, probe: false };
        let patience = limit(account.timeouts.connect);
        self.tls(&account.trust, verify).await?.handshake(stream, place, patience).await
    }

    /// The TLS client for one way of judging certificates.
    async fn tls(&self, trust: &Trust, verify: Verify) -> Result<Arc<Tls>, Error> {
        let known = |all: &[(Trust, Verify, Arc<Tls>)]| {
            all.iter().find(|(t, v, _)| t == trust && *v == verify).map(|(_, _, tls)| Arc::clone(tls))
        };
        if let Some(tls) = known(&self.tls.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(tls);
        }
        let wanted = trust.clone();
        // Reads files: the CA files, and the platform's store with its hundreds of certificates.
        let made = tokio::task::spawn_blocking(move || Tls::new(&wanted, verify))
            .await
            .map_err(|error| Error::new(ErrorKind::Io, format!("the CA files were not read: {error}")))??;
        let mut all = self.tls.lock().unwrap_or_else(PoisonError::into_inner);
        // Another connection may have been here meanwhile; keep its sessions.
        Ok(known(&all).unwrap_or_else(|| {
            let made = Arc::new(made);
            all.push((trust.clone(), verify, Arc::clone(&made)));
            made
        }))
    }
}

impl Default for NetConnector {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for NetConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetConnector").finish_non_exhaustive()
    }
}

impl Connector for NetConnector {
    fn connect<'a>(
        &'a self,
        side: Side,
        account: &'a Account,
        attempt: Attempt,
    ) -> BoxFuture<'a, Result<Connected, Error>> {
        Box::pin(async move { self.open(side, account, attempt).await.map_err(|error| error.on(side)) })
    }

    fn upgrade<'a>(
        &'a self,
        side: Side,
        account: &'a Account,
        stream: BoxStream,
    ) -> BoxFuture<'a, Result<Connected, Error>> {
        Box::pin(async move { self.secure(side, account, stream).await.map_err(|error| error.on(side)) })
    }
}

/// Zero means for ever.
fn limit(timeout: Duration) -> Option<Duration> {
    (!timeout.is_zero()).then_some(timeout)
}
