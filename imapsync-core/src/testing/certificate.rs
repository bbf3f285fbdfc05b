//! Certificates for servers in this process, made on the spot and signed by themselves.

use crate::net::fingerprint;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::fmt;
use std::sync::Arc;

/// A certificate with its key. Whoever trusts its [`pem`](Self::pem) as an authority or pins its
/// [`fingerprint`](Self::fingerprint) accepts the server that shows it.
///
/// ```
/// use imapsync_core::testing::Certificate;
/// let certificate = Certificate::new();
/// assert!(certificate.pem().starts_with("-----BEGIN CERTIFICATE-----"));
/// assert_ne!(certificate.fingerprint(), Certificate::new().fingerprint());
/// ```
#[derive(Clone)]
pub struct Certificate {
    der: CertificateDer<'static>,
    pem: String,
    key: Vec<u8>,
}

impl Certificate {
    /// A good one for `localhost` and `127.0.0.1`.
    pub fn new() -> Self {
        Self::signed(&["localhost", "127.0.0.1"], 2100, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// One for `localhost` and `127.0.0.1` that has expired.
    pub fn expired() -> Self {
        Self::signed(&["localhost", "127.0.0.1"], 2021, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A good one for another host alone.
    pub fn named(host: &str) -> Self {
        Self::signed(&[host], 2100, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// One that is meant for clients, for this host: no server may show it.
    pub fn for_clients(host: &str) -> Self {
        Self::signed(&[host], 2100, ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// Good until the first day of `year`, for this use.
    fn signed(names: &[&str], year: i32, usage: ExtendedKeyUsagePurpose) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names of hosts");
        params.distinguished_name.push(DnType::CommonName, "imapsync test server");
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self { der: certificate.der().clone(), pem: certificate.pem(), key: key.serialize_der() }
    }

    /// The certificate as text, for `--cafile1`.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// SHA-256 of the certificate, for a pin; see [`fingerprint`].
    pub fn fingerprint(&self) -> [u8; 32] {
        fingerprint::of(&self.der)
    }

    /// What a server needs to show it.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the versions of TLS that the provider has")
            .with_no_client_auth()
            .with_single_cert(vec![self.der.clone()], key)
            .expect("a certificate with its own key");
        Arc::new(config)
    }
}

impl Default for Certificate {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificate").field(&fingerprint::hex(&self.fingerprint())).finish()
    }
}
