//! Judging a server's certificate, and saying plainly why it is refused and what would accept it.

use super::fingerprint;
use super::policy::Verify;
use crate::account::Trust;
use crate::error::{Error, ErrorKind, Side};
use crate::imap::text::escape;
use chrono::DateTime;
use rustls::CertificateError::{self, ExpiredContext, InvalidPurposeContext, NotValidForNameContext};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// The longest name of a certificate that is shown, in characters.
const LONGEST_NAME: usize = 80;
/// How many names of a certificate are shown.
const MOST_NAMES: usize = 5;

/// Why a certificate was refused. It travels through rustls as the cause of the failed handshake.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    /// Of the server's certificate.
    fingerprint: [u8; 32],
    /// Each a clause about the certificate ("it expired on ...").
    reasons: Vec<String>,
    /// Trusting its issuer would help.
    issuer_unknown: bool,
    /// Only pinned certificates are accepted.
    pinned: bool,
}

impl Refusal {
    /// The refusal as an error with what can be done about it.
    pub(super) fn error(&self, side: Side, host: &str) -> Error {
        let n = side.number();
        let shown = fingerprint::colons(&self.fingerprint);
        let hex = fingerprint::hex(&self.fingerprint);
        let hint = if self.pinned {
            format!(
                "its SHA-256 fingerprint is {shown}; if that is the server's new certificate, use --pin{n} {hex}"
            )
        } else {
            let issuer = if self.issuer_unknown {
                format!("--cafile{n} FILE trusts its issuer, ")
            } else {
                String::new()
            };
            format!(
                "its SHA-256 fingerprint is {shown}; --pin{n} {hex} accepts this certificate, {issuer}\
                 --insecure{n} accepts any"
            )
        };
        Error::new(ErrorKind::Tls, format!("the certificate of {host} is refused: {self}"))
            .on(side)
            .hint(hint)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reasons.join("; "))
    }
}

impl std::error::Error for Refusal {}

/// The verifier of one account's connections.
#[derive(Debug)]
pub(super) struct Verifier {
    verify: Verify,
    pins: Vec<[u8; 32]>,
    authorities: Arc<WebPkiServerVerifier>,
    /// The certificates of the CA files, to recognise a self-signed one that was named there.
    named: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    /// Reads the CA files and the platform's store where wanted: this blocks.
    pub(super) fn new(trust: &Trust, verify: Verify, provider: Arc<CryptoProvider>) -> Result<Self, Error> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let mut named = Vec::new();
        for file in &trust.ca_files {
            for certificate in read_pem(file)? {
                let bad = |error| tls_error(format!("unusable certificate in {}: {error}", file.display()));
                roots.add(certificate.clone()).map_err(bad)?;
                named.push(certificate);
            }
        }
        if trust.platform_roots {
            let found = rustls_native_certs::load_native_certs();
            for error in &found.errors {
                tracing::warn!("the platform's certificate store: {error}");
            }
            // Stores hold old oddities that no verifier reads; those are passed over.
            roots.add_parsable_certificates(found.certs);
        }
        let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|error| tls_error(format!("no certificate verifier: {error}")))?;
        Ok(Self { verify, pins: trust.pins.clone(), authorities, named, provider })
    }

    /// How strictly it judges.
    pub(super) fn verify(&self) -> Verify {
        self.verify
    }

    /// Whether a trusted authority signed the chain `leaf`, `above` for `name` and it is valid at `now`.
    pub(super) fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        let chain = match self.authorities.verify_server_cert(leaf, above, name, &[], now) {
            Ok(_) => return Ok(()),
            Err(rustls::Error::InvalidCertificate(error)) => error,
            Err(error) => return Err(self.refusal(leaf, vec![error.to_string()], false)),
        };
        let mut reasons = Vec::new();
        let mut issuer_unknown = false;
        let name_error = name_error(leaf, name);
        match chain {
            NotValidForNameContext { .. } => {} // told below
            CertificateError::UnknownIssuer => {
                issuer_unknown = true;
                reasons.push(if is_self_signed(leaf) {
                    "it is self-signed".to_owned()
                } else if above.is_empty() {
                    "no trusted authority signed it (the server sent no intermediate certificate)".to_owned()
                } else {
                    "no trusted authority signed it".to_owned()
                });
            }
            // An authority that was set up anew under its old name, say.
            CertificateError::BadSignature => {
                issuer_unknown = true;
                reasons.push(
                    "no trusted authority signed it (one of the issuer's name has another key)".to_owned(),
                );
            }
            CertificateError::Other(error) if is_authority_itself(&error) => {
                // The dates were found good before this. What `openssl req -x509` makes says that it is an
                // authority; a file that names the very certificate means it.
                if !self.named.iter().any(|named| named.as_ref() == leaf.as_ref()) {
                    issuer_unknown = true;
                    let kind = if is_self_signed(leaf) { "self-signed" } else { "an authority's own" };
                    reasons.push(format!("it is {kind}"));
                }
            }
            other => reasons.push(reason(&other, !above.is_empty())),
        }
        reasons.extend(name_error);
        if reasons.is_empty() { Ok(()) } else { Err(self.refusal(leaf, reasons, issuer_unknown)) }
    }

    fn refusal(&self, leaf: &CertificateDer<'_>, reasons: Vec<String>, issuer_unknown: bool) -> Refusal {
        let pinned = self.verify == Verify::Pins;
        Refusal { fingerprint: fingerprint::of(leaf), reasons, issuer_unknown, pinned }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = match self.verify {
            Verify::Authorities => self.judge(leaf, above, name, now),
            Verify::Pins if self.pins.contains(&fingerprint::of(leaf)) => Ok(()),
            Verify::Pins => Err(self.refusal(leaf, vec!["it is not a pinned one".to_owned()], false)),
            // On loopback it is judged after the handshake, for the notice.
            Verify::Loopback | Verify::Nothing => Ok(()),
        };
        match verdict {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(refusal) => Err(CertificateError::Other(OtherError(Arc::new(refusal))).into()),
        }
    }

    // Whatever the certificate, the server proves in the handshake that it holds its key.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, leaf, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, leaf, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The certificates in a PEM file; there must be one.
fn read_pem(file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let shown = file.display();
    let bytes = std::fs::read(file)
        .map_err(|error| Error::new(ErrorKind::Io, format!("cannot read the CA file {shown}: {error}")))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if found.is_empty() => Err(tls_error(format!("no PEM certificate in the CA file {shown}"))),
        Ok(found) => Ok(found),
        Err(error) => Err(tls_error(format!("the CA file {shown} is damaged: {error}"))),
    }
}

/// What is wrong with the certificate's names, where anything is: a second reason is often the one that matters.
fn name_error(leaf: &CertificateDer<'_>, name: &ServerName<'_>) -> Option<String> {
    let certificate = webpki::EndEntityCert::try_from(leaf).ok()?; // told already by the chain's error
    let Err(webpki::Error::CertNotValidForName(context)) = certificate.verify_is_valid_for_subject_name(name)
    else {
        return None;
    };
    let wanted = escape(name.to_str().as_bytes(), LONGEST_NAME);
    let all = &context.presented;
    if all.is_empty() {
        return Some(format!("it holds no host name that could be {wanted} (no subjectAltName)"));
    }
    let mut names: Vec<_> =
        all.iter().take(MOST_NAMES).map(|name| escape(bare(name).as_bytes(), LONGEST_NAME)).collect();
    if all.len() > MOST_NAMES {
        names.push(format!("{} more", all.len() - MOST_NAMES));
    }
    Some(format!("it is for {}, not for {wanted}", names.join(", ")))
}

/// `x` from webpki's `DnsName("x")` or `IpAddress(x)`.
fn bare(presented: &str) -> &str {
    let inner =
        presented.split_once('(').map_or(presented, |(_, rest)| rest.strip_suffix(')').unwrap_or(rest));
    inner.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(inner)
}

fn is_self_signed(leaf: &CertificateDer<'_>) -> bool {
    webpki::EndEntityCert::try_from(leaf)
        .is_ok_and(|certificate| certificate.issuer() == certificate.subject())
}

fn is_authority_itself(error: &OtherError) -> bool {
    matches!(error.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

/// One clause about a chain that is not good. `above` says that it is longer than one certificate: the fault may then
/// lie in any of them.
fn reason(error: &CertificateError, above: bool) -> String {
    let it = if above { "it, or one that vouches for it," } else { "it" };
    match error {
        ExpiredContext { not_after, .. } => format!("{it} expired on {}", day(*not_after)),
        CertificateError::Expired => format!("{it} has expired"),
        CertificateError::NotValidYetContext { time, not_before } => {
            format!(
                "{it} is valid only from {}, and this machine's clock says {}",
                day(*not_before),
                day(*time)
            )
        }
        InvalidPurposeContext { .. } | CertificateError::InvalidPurpose => {
            format!("{it} is not meant for servers (its extended key usage lacks serverAuth)")
        }
        CertificateError::BadEncoding => format!("{it} is damaged"),
        CertificateError::Other(OtherError(cause)) => format!("{it} breaks a rule: {cause}"),
        other => format!("{it} breaks a rule: {other}"),
    }
}

fn day(time: UnixTime) -> String {
    i64::try_from(time.as_secs())
        .ok()
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .map_or_else(|| "a day beyond the calendar".to_owned(), |at| at.format("%Y-%m-%d").to_string())
}

fn tls_error(message: String) -> Error {
    Error::new(ErrorKind::Tls, message)
}
