//! What the connector's tests talk to: authorities, certificates and servers, made on the spot.

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{HandshakeKind, ServerConfig, SupportedProtocolVersion};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

pub(super) const HOST: &str = "mail.example.test";
pub(super) const GREETING: &[u8] = b"* OK ready\r\n";

/// An authority of the tests, in a file as `--cafile1` names it.
pub(super) struct Authority {
    pub(super) issuer: Issuer<'static, KeyPair>,
    pub(super) file: tempfile::NamedTempFile,
}

impl Authority {
    pub(super) fn new() -> Self {
        Self::named("Authority of the tests")
    }

    pub(super) fn named(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { issuer: Issuer::new(params, key), file: pem_file(&certificate) }
    }

    pub(super) fn sign(&self, params: &CertificateParams) -> Served {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Served { certificate, above: Vec::new(), key }
    }

    /// Signs with an intermediate authority that expires at the end of `year`.
    pub(super) fn sign_through(&self, year: i32, params: &CertificateParams) -> Served {
        let mut between = CertificateParams::default();
        between.distinguished_name.push(DnType::CommonName, "Intermediate authority of the tests");
        between.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        between.not_after = date_time_ymd(year, 12, 31);
        let Served { certificate, key, .. } = self.sign(&between);
        let key_of_leaf = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key_of_leaf, &Issuer::new(between, key)).unwrap();
        Served { certificate: leaf, above: vec![certificate.der().clone()], key: key_of_leaf }
    }
}

/// What a server shows.
pub(super) struct Served {
    pub(super) certificate: Certificate,
    /// The intermediate certificates.
    pub(super) above: Vec<CertificateDer<'static>>,
    pub(super) key: KeyPair,
}

impl Served {
    pub(super) fn self_signed(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self { certificate: params.self_signed(&key).unwrap(), above: Vec::new(), key }
    }

    pub(super) fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(self.certificate.der()).into()
    }

    pub(super) fn config(&self, versions: &[&'static SupportedProtocolVersion]) -> Arc<ServerConfig> {
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert([vec![self.certificate.der().clone()], self.above.clone()].concat(), key)
            .unwrap();
        Arc::new(config)
    }
}

pub(super) fn pem_file(certificate: &Certificate) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), certificate.pem()).unwrap();
    file
}

/// A server certificate for [`HOST`], good until 2100.
pub(super) fn params() -> CertificateParams {
    let mut params = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, HOST);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2100, 1, 1);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

/// A TLS server that greets, reads, and closes as told; it reports how each handshake went.
pub(super) async fn serve(
    config: Arc<ServerConfig>,
    says_goodbye: bool,
) -> (u16, mpsc::UnboundedReceiver<HandshakeKind>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (kinds, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = TlsAcceptor::from(Arc::clone(&config));
            let Ok(mut tls) = acceptor.accept(socket).await else { continue };
            let _ = kinds.send(tls.get_ref().1.handshake_kind().unwrap());
            // A client that refuses the certificate of TLS 1.3 is gone by now.
            let _ = tls.write_all(GREETING).await;
            let _ = tls.flush().await;
            if says_goodbye {
                let _ = tls.shutdown().await;
            }
        }
    });
    (port, receiver)
}

/// A server without TLS that hangs up after `speech`, or stays silent without one.
pub(super) async fn serve_plain(speech: Option<&'static [u8]>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            match speech {
                Some(speech) => {
                    let mut hello = [0; 4096];
                    let _ = socket.write_all(speech).await;
                    // Read first: closing over unread bytes would reset the connection.
                    while !matches!(socket.read(&mut hello).await, Ok(0) | Err(_)) {
                        let _ = socket.shutdown().await;
                    }
                }
                None => held.push(socket),
            }
        }
    });
    port
}
