//! The TLS handshake: made within its time, and explained where it fails.

use super::connector::{BoxStream, Connected, TlsInfo};
use super::fingerprint;
use super::policy::{Verify, is_localhost, literal};
use super::verify::{Refusal, Verifier};
use crate::account::Trust;
use crate::error::{Error, ErrorKind, Side};
use crate::imap::text::escape;
use rustls::client::ClientConnection;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, OtherError, PeerIncompatible, ProtocolVersion,
};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// How many of the server's first bytes are kept, to show what it speaks instead of TLS.
const FIRST_BYTES: usize = 80;

/// Whose handshake it is, for errors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Where<'a> {
    /// The account.
    pub(super) side: Side,
    /// Its host.
    pub(super) host: &'a str,
    /// The port of implicit TLS; None after STARTTLS.
    pub(super) port: Option<u16>,
    /// Nobody asked for this port by name: silence means that it is closed.
    pub(super) probe: bool,
}

/// A TLS client with one way of judging certificates. It remembers sessions, which a later handshake resumes.
pub(super) struct Tls {
    connector: TlsConnector,
    verifier: Arc<Verifier>,
}

impl Tls {
    /// Reads CA files: this blocks.
    pub(super) fn new(trust: &Trust, verify: Verify) -> Result<Self, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = Arc::new(Verifier::new(trust, verify, Arc::clone(&provider))?);
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|error| Error::new(ErrorKind::Tls, format!("TLS cannot be set up: {error}")))?
            .dangerous() // the verifier is ours; it asks rustls's own, and is tested against bad certificates
            .with_custom_certificate_verifier(Arc::clone(&verifier) as _)
            .with_no_client_auth();
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), verifier })
    }

    /// Makes the handshake, in `patience` at most.
    pub(super) async fn handshake(
        &self,
        stream: BoxStream,
        place: Where<'_>,
        patience: Option<Duration>,
    ) -> Result<Connected, Error> {
        let name = server_name(place.host)?;
        let stream = FirstBytes { stream, seen: Vec::new() };
        let handshake = self.connector.connect(name.clone(), stream).into_fallible();
        let done = match patience {
            Some(patience) => timeout(patience, handshake).await.map_err(|_| silent(place))?,
            None => handshake.await,
        };
        let stream = done.map_err(|(error, stream)| explain(&error, &stream.seen, place))?;
        let (tls, notices) = self.outcome(stream.get_ref().1, &name, place);
        Ok(Connected { stream: Box::new(stream), tls: Some(tls), notices })
    }

    /// Looks at the certificate again, also where a resumed session showed none to the verifier.
    fn outcome(
        &self,
        session: &ClientConnection,
        name: &ServerName<'_>,
        place: Where<'_>,
    ) -> (TlsInfo, Vec<String>) {
        let certificates = session.peer_certificates().unwrap_or_default();
        let mut notices = Vec::new();
        let verified = match (self.verifier.verify(), certificates) {
            (Verify::Authorities | Verify::Pins, _) => true,
            (Verify::Loopback, [leaf, above @ ..]) => {
                let verdict = self.verifier.judge(leaf, above, name, UnixTime::now());
                notices.extend(verdict.as_ref().err().map(|refusal| {
                    format!("{}: the certificate of {} is not verified: {refusal}", place.side, place.host)
                }));
                verdict.is_ok()
            }
            (Verify::Loopback | Verify::Nothing, _) => false,
        };
        let version = match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2".to_owned(),
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3".to_owned(),
            other => format!("{other:?}"),
        };
        let suite = session.negotiated_cipher_suite().map(|suite| suite.suite());
        // rustls says TLS13_ where IANA's name begins with TLS_.
        let cipher = suite.and_then(|suite| suite.as_str()).unwrap_or("unknown").replace("TLS13_", "TLS_");
        let fingerprint = certificates.first().map(|leaf| fingerprint::of(leaf)).unwrap_or_default();
        (TlsInfo { version, cipher, fingerprint, verified }, notices)
    }
}

/// The host as TLS names it: an address, or a name without the final dot.
fn server_name(host: &str) -> Result<ServerName<'static>, Error> {
    let host = host.trim();
    if let Some(ip) = literal(host) {
        return Ok(ServerName::IpAddress(ip.into()));
    }
    // A scope (fe80::1%eth0) is this machine's affair, no certificate holds one.
    if let Some(ip) = host.split_once('%').and_then(|(ip, _)| literal(ip)) {
        return Ok(ServerName::IpAddress(ip.into()));
    }
    let name = if is_localhost(host) { "localhost" } else { host.strip_suffix('.').unwrap_or(host) };
    ServerName::try_from(name.to_owned()).map_err(|_| {
        Error::new(ErrorKind::Usage, format!("{host} is no host name for TLS"))
            .hint("write a name with other letters than a-z in its xn-- form")
    })
}

fn silent(place: Where<'_>) -> Error {
    // The port of a probe is one that nobody asked for: that it is silent is no fault.
    let kind = if place.probe { ErrorKind::Connect } else { ErrorKind::Timeout };
    Error::new(kind, format!("no answer to the TLS handshake{} in time", on_port(place))).retryable(true)
}

fn on_port(place: Where<'_>) -> String {
    match place.port {
        Some(port) => format!(" on port {port}"),
        None => " after STARTTLS".to_owned(),
    }
}

/// Why a handshake failed, from rustls's error and the first bytes that the server sent.
fn explain(error: &io::Error, seen: &[u8], place: Where<'_>) -> Error {
    use rustls::Error::{AlertReceived, InvalidCertificate, PeerIncompatible as Incompatible};
    let on_port = on_port(place);
    let tls = |message: String| Error::new(ErrorKind::Tls, message);
    match error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>()) {
        Some(InvalidCertificate(CertificateError::Other(OtherError(cause)))) => {
            match cause.downcast_ref::<Refusal>() {
                Some(refusal) => refusal.error(place.side, place.host),
                None => tls(format!("the certificate of {} is of no use: {cause}", place.host)),
            }
        }
        Some(InvalidCertificate(cause)) => {
            tls(format!("the server's proof that it owns its certificate is wrong: {cause}"))
        }
        // The types of TLS records (RFC 8446, section 5.1) are 20 to 23; 24 is the heartbeat's (RFC 6520).
        Some(_) if seen.first().is_some_and(|first| !(20..=24).contains(first)) => {
            let message = format!("the server does not speak TLS{on_port}");
            let error = tls(message).server_said(escape(seen, FIRST_BYTES));
            match place.port {
                Some(_) => error.hint(format!("--tls{} asks for STARTTLS", place.side.number())),
                None => error,
            }
        }
        Some(
            AlertReceived(AlertDescription::ProtocolVersion)
            | Incompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            ),
        ) => tls(format!("the server speaks only TLS versions older than 1.2{on_port}")),
        Some(AlertReceived(AlertDescription::HandshakeFailure) | Incompatible(_)) => {
            tls(format!("no way of encrypting in common with the server{on_port}: {error}"))
        }
        Some(_) => tls(format!("the TLS handshake failed{on_port}: {error}")),
        // A port whose other side hangs up at once (a forwarder without a target, say) is as good as closed.
        None => {
            let kind = if place.probe && seen.is_empty() { ErrorKind::Connect } else { ErrorKind::Tls };
            let message = match error.kind() {
                io::ErrorKind::UnexpectedEof => {
                    format!("the server closed the connection during the TLS handshake{on_port}")
                }
                _ => format!("the connection broke during the TLS handshake{on_port}: {error}"),
            };
            Error::new(kind, message).retryable(true)
        }
    }
}

/// A stream that keeps what it read first.
struct FirstBytes {
    stream: BoxStream,
    seen: Vec<u8>,
}

impl AsyncRead for FirstBytes {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let ready = Pin::new(&mut self.stream).poll_read(cx, buf);
        let room = FIRST_BYTES.saturating_sub(self.seen.len());
        if room > 0 {
            let fresh = buf.filled().iter().skip(before).take(room);
            self.seen.extend(fresh);
        }
        ready
    }
}

impl AsyncWrite for FirstBytes {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
