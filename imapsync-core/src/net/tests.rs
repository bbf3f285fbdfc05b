//! The real connector against TLS servers on loopback, good and bad.

mod server;

use super::*;
use crate::account::{Account, TlsMode};
use crate::error::{Error, ErrorKind, Side};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType, date_time_ymd,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, ServerConfig};
use server::{Authority, GREETING, HOST, Served, params, pem_file, serve, serve_plain};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The real connector, to which every name is this machine.
fn connector() -> NetConnector {
    resolving_to(&["127.0.0.1"])
}

fn resolving_to(ips: &[&str]) -> NetConnector {
    let ips: Vec<IpAddr> = ips.iter().map(|ip| ip.parse().unwrap()).collect();
    NetConnector::with_resolver(Box::new(move |_, port| {
        let found = ips.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
        Box::pin(async move { Ok(found) })
    }))
}

fn account(host: &str, port: u16) -> Account {
    let mut account = Account::new(host, "alice", "secret");
    account.port = Some(port);
    account.tls = TlsMode::Implicit;
    account
}

async fn open(connector: &NetConnector, account: &Account) -> Result<Connected, Error> {
    let attempt = Attempt { port: account.port.unwrap(), security: Security::Implicit };
    connector.connect(Side::Source, account, attempt).await
}

async fn open_once(account: &Account) -> Result<Connected, Error> {
    open(&connector(), account).await
}

async fn greeting(connected: &mut Connected) -> Vec<u8> {
    let mut greeting = vec![0; GREETING.len()];
    connected.stream.read_exact(&mut greeting).await.unwrap();
    greeting
}

#[tokio::test]
async fn a_good_certificate_is_verified() {
    let authority = Authority::new();
    for (version, name) in [(&TLS12, "TLSv1.2"), (&TLS13, "TLSv1.3")] {
        let served = if name == "TLSv1.2" {
            authority.sign(&params())
        } else {
            authority.sign_through(2099, &params())
        };
        let (port, _kinds) = serve(served.config(&[version]), true).await;
        for host in [HOST, "MAIL.example.test", "mail.example.test."] {
            let mut account = account(host, port);
            account.trust.ca_files.push(authority.file.path().into());
            let mut connected = open_once(&account).await.unwrap();
            assert_eq!(greeting(&mut connected).await, GREETING);
            let tls = connected.tls.unwrap();
            assert_eq!((tls.version.as_str(), tls.verified), (name, true));
            assert_eq!(tls.fingerprint, served.fingerprint());
            assert!(tls.cipher.starts_with("TLS_"), "{}", tls.cipher);
            assert!(connected.notices.is_empty());
        }
    }
}

#[tokio::test]
async fn a_bad_certificate_is_refused_with_the_reason_unless_pinned_or_insecure() {
    let authority = Authority::new();
    let change = |change: fn(&mut CertificateParams)| {
        let mut params = params();
        change(&mut params);
        params
    };
    let expired = change(|p| p.not_after = date_time_ymd(2021, 2, 3));
    let many_names =
        CertificateParams::new((0..9).map(|n| format!("n{n}.test")).collect::<Vec<_>>()).unwrap();
    let table: [(&str, Served, &str, &[&str]); 14] = [
        ("expired", authority.sign(&expired), HOST, &["it expired on 2021-02-03"]),
        (
            "not yet valid",
            authority.sign(&change(|p| p.not_before = date_time_ymd(2099, 1, 1))),
            HOST,
            &["only from 2099-01-01", "clock says 20"],
        ),
        (
            "wrong name",
            authority.sign(&params()),
            "evil.example.test",
            &["it is for mail.example.test, not for evil."],
        ),
        (
            "many names",
            authority.sign(&many_names),
            HOST,
            &["n0.test, n1.test, n2.test, n3.test, n4.test, 4 more"],
        ),
        ("no name", authority.sign(&change(|p| p.subject_alt_names.clear())), HOST, &["no subjectAltName"]),
        ("address not in it", authority.sign(&params()), "127.0.0.1", &["not for 127.0.0.1"]),
        (
            "other address in it",
            authority
                .sign(&change(|p| p.subject_alt_names = vec![SanType::IpAddress([192, 0, 2, 1].into())])),
            "127.0.0.1",
            &["it is for 192.0.2.1, not for 127.0.0.1"],
        ),
        (
            "client's certificate",
            authority.sign(&change(|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth])),
            HOST,
            &["not meant for servers"],
        ),
        (
            "other authority",
            Authority::named("Nobody").sign(&params()),
            HOST,
            &["no trusted authority signed it (the server sent no intermediate certificate)"],
        ),
        (
            "other authority of the same name",
            Authority::new().sign(&params()),
            HOST,
            &["no trusted authority signed it (one of the issuer's name has another key)"],
        ),
        (
            "expired intermediate",
            authority.sign_through(2021, &params()),
            HOST,
            &["it, or one that vouches for it, expired on 2021-12-31"],
        ),
        (
            "intermediate of another authority",
            Authority::named("Nobody").sign_through(2099, &params()),
            HOST,
            &["no trusted authority signed it"],
        ),
        ("self-signed", Served::self_signed(&params()), HOST, &["it is self-signed"]),
        (
            "self-signed as openssl does, for another name",
            Served::self_signed(&change(|p| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained))),
            "evil.example.test",
            &["it is self-signed", "it is for mail.example.test"],
        ),
    ];
    for (what, served, host, reasons) in table {
        let (port, _kinds) = serve(served.config(&[&TLS13, &TLS12]), true).await;
        let mut account = account(host, port);
        account.trust.ca_files.push(authority.file.path().into());
        let error = open_once(&account).await.unwrap_err();
        let text = error.to_string();
        assert_eq!((error.kind(), error.side()), (ErrorKind::Tls, Some(Side::Source)), "{what}: {text}");
        assert!(!error.is_retryable() && !try_next(&error), "{what}");
        for reason in reasons {
            assert!(text.contains(reason), "{what}: {text}");
        }
        let pin = text.split_once("--pin1 ").unwrap().1.split_whitespace().next().unwrap();
        assert_eq!(fingerprint::parse(pin).unwrap(), served.fingerprint(), "{what}");
        assert!(
            text.contains(&fingerprint::colons(&served.fingerprint())) && text.contains("--insecure1"),
            "{text}"
        );
        let issuer_unknown = text.contains("self-signed") || text.contains("no trusted");
        assert_eq!(text.contains("--cafile1"), issuer_unknown, "{what}: {text}");

        account.trust.pins = vec![[1; 32], served.fingerprint()];
        let connected = open_once(&account).await.unwrap();
        assert!(connected.tls.unwrap().verified && connected.notices.is_empty(), "{what}");

        account.trust.pins = vec![[1; 32]];
        account.trust.insecure = true;
        let error = open_once(&account).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls, "{what}");
        assert!(error.to_string().contains("not a pinned one"), "{what}: {error}");

        account.trust.pins.clear();
        let mut connected = open_once(&account).await.unwrap();
        assert_eq!(greeting(&mut connected).await, GREETING);
        assert!(!connected.tls.unwrap().verified && connected.notices.is_empty(), "{what}");
    }
}

#[tokio::test]
async fn an_address_in_the_certificate_is_a_name() {
    let authority = Authority::new();
    let mut params = params();
    params.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
    let (port, _kinds) = serve(authority.sign(&params).config(&[&TLS13]), true).await;
    let mut account = account("127.0.0.1", port);
    account.trust.ca_files.push(authority.file.path().into());
    assert!(open_once(&account).await.unwrap().tls.unwrap().verified);
}

#[tokio::test]
async fn a_self_signed_certificate_may_be_named_as_ca_file() {
    for authority in [IsCa::NoCa, IsCa::ExplicitNoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let mut params = params();
        params.is_ca = authority;
        let served = Served::self_signed(&params);
        let file = pem_file(&served.certificate);
        let (port, _kinds) = serve(served.config(&[&TLS13]), true).await;
        let mut good = account(HOST, port);
        good.trust.ca_files.push(file.path().into());
        assert!(open_once(&good).await.unwrap().tls.unwrap().verified, "{authority:?}");
        let mut wrong_name = account("evil.example.test", port);
        wrong_name.trust = good.trust.clone();
        let error = open_once(&wrong_name).await.unwrap_err();
        assert!(error.to_string().contains("it is for mail.example.test"), "{authority:?}: {error}");

        params.not_after = date_time_ymd(2021, 2, 3);
        let expired = Served::self_signed(&params);
        let file = pem_file(&expired.certificate);
        let (port, _kinds) = serve(expired.config(&[&TLS13]), true).await;
        let mut account = account(HOST, port);
        account.trust.ca_files.push(file.path().into());
        let error = open_once(&account).await.unwrap_err();
        assert!(error.to_string().contains("it expired on 2021-02-03"), "{authority:?}: {error}");
    }
}

#[tokio::test]
async fn a_pin_does_not_excuse_a_server_without_the_key() {
    /// Shows a certificate with somebody else's key.
    #[derive(Debug)]
    struct Thief(Arc<CertifiedKey>);
    impl ResolvesServerCert for Thief {
        fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
            Some(Arc::clone(&self.0))
        }
    }
    let served = Served::self_signed(&params());
    let other_key = PrivateKeyDer::try_from(KeyPair::generate().unwrap().serialize_der()).unwrap();
    let signer = aws_lc_rs::sign::any_supported_type(&other_key).unwrap();
    let stolen = Arc::new(CertifiedKey::new(vec![served.certificate.der().clone()], signer));
    for version in [&TLS12, &TLS13] {
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Thief(Arc::clone(&stolen))));
        let (port, _kinds) = serve(Arc::new(config), true).await;
        for insecure in [false, true] {
            let mut account = account(HOST, port);
            account.trust.insecure = insecure;
            account.trust.pins = if insecure { Vec::new() } else { vec![served.fingerprint()] };
            let error = open_once(&account).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Tls);
            assert!(error.to_string().contains("proof that it owns its certificate is wrong"), "{error}");
        }
    }
}

#[tokio::test]
async fn loopback_says_what_it_did_not_verify() {
    let served = Served::self_signed(&params());
    let (port, _kinds) = serve(served.config(&[&TLS13]), true).await;
    for host in ["127.0.0.1", "localhost"] {
        let mut account = account(host, port);
        account.tls = TlsMode::Auto;
        let connected = open_once(&account).await.unwrap();
        assert!(!connected.tls.unwrap().verified);
        let [notice] = connected.notices.as_slice() else { panic!("{:?}", connected.notices) };
        assert!(
            notice.starts_with(&format!("host1: the certificate of {host} is not verified: it is self-")),
            "{notice}"
        );
    }
}

#[tokio::test]
async fn sessions_are_resumed_but_not_across_ways_of_judging() {
    let served = Served::self_signed(&params());
    for version in [&TLS12, &TLS13] {
        let (port, mut kinds) = serve(served.config(&[version]), true).await;
        let connector = connector();
        let mut trusting = account(HOST, port);
        trusting.trust.insecure = true;
        let mut pinned = account(HOST, port);
        pinned.trust.pins.push(served.fingerprint());
        for (account, verified, kind) in [
            (&trusting, false, HandshakeKind::Full),
            (&trusting, false, HandshakeKind::Resumed),
            (&pinned, true, HandshakeKind::Full),
            (&pinned, true, HandshakeKind::Resumed),
        ] {
            let mut connected = open(&connector, account).await.unwrap();
            greeting(&mut connected).await; // a TLS 1.3 ticket comes before it
            let tls = connected.tls.unwrap();
            assert_eq!((tls.verified, tls.fingerprint), (verified, served.fingerprint()));
            assert_eq!(kinds.recv().await.unwrap(), kind);
        }
        // What was accepted once without proof is still refused where proof is wanted.
        assert_eq!(open(&connector, &account(HOST, port)).await.unwrap_err().kind(), ErrorKind::Tls);
    }
}

#[tokio::test]
async fn starttls_upgrades_a_connection_in_clear() {
    let authority = Authority::new();
    let (port, _kinds) = serve(authority.sign(&params()).config(&[&TLS13]), true).await;
    let mut account = account(HOST, port);
    account.tls = TlsMode::StartTls;
    account.trust.ca_files.push(authority.file.path().into());
    let attempt = Attempt { port, security: Security::StartTls };
    let connector = connector();
    let clear = connector.connect(Side::Destination, &account, attempt).await.unwrap();
    assert_eq!(clear.tls, None);
    let mut secure = connector.upgrade(Side::Destination, &account, clear.stream).await.unwrap();
    assert!(secure.tls.as_ref().unwrap().verified);
    assert_eq!(greeting(&mut secure).await, GREETING);

    account.host = "evil.example.test".to_owned();
    let clear = connector.connect(Side::Destination, &account, attempt).await.unwrap();
    let error = connector.upgrade(Side::Destination, &account, clear.stream).await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("host2: the certificate of evil.") && text.contains("--pin2 "), "{text}");
}

#[tokio::test]
async fn an_end_without_goodbye_is_an_error() {
    for version in [&TLS12, &TLS13] {
        for says_goodbye in [true, false] {
            let served = Served::self_signed(&params());
            let (port, _kinds) = serve(served.config(&[version]), says_goodbye).await;
            let mut account = account(HOST, port);
            account.trust.pins.push(served.fingerprint());
            let mut connected = open_once(&account).await.unwrap();
            let mut all = Vec::new();
            let end = connected.stream.read_to_end(&mut all).await;
            assert_eq!(all, GREETING);
            if says_goodbye {
                assert_eq!(end.unwrap(), GREETING.len());
            } else {
                assert_eq!(end.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
            }
        }
    }
}

#[tokio::test]
async fn a_server_without_tls_is_shown_for_what_it_is() {
    for (speech, shown) in [
        (&b"* OK IMAP4rev1 \x1b[31m\r\n"[..], "* OK IMAP4rev1"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0"),
    ] {
        let port = serve_plain(Some(speech)).await;
        let error = open_once(&account(HOST, port)).await.unwrap_err();
        let text = error.to_string();
        assert_eq!(error.kind(), ErrorKind::Tls, "{text}");
        assert!(
            text.starts_with(&format!("host1: the server does not speak TLS on port {port}: {shown}")),
            "{text}"
        );
        assert!(!text.contains('\x1b') && text.contains("--tls1"), "{text}");
    }
}

#[tokio::test]
async fn old_tls_is_refused() {
    // What a server of TLS 1.0 answers: an alert record (RFC 5246, section 7.2), fatal, protocol_version (70).
    let port = serve_plain(Some(b"\x15\x03\x01\x00\x02\x02\x46")).await;
    let error = open_once(&account(HOST, port)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls);
    assert!(error.to_string().contains("older than 1.2"), "{error}");
}

#[tokio::test]
async fn a_silent_or_closing_port_counts_as_closed_only_where_it_was_guessed() {
    for (speech, kind_when_asked, words) in
        [(None, ErrorKind::Timeout, "no answer"), (Some(&b""[..]), ErrorKind::Tls, "closed the connection")]
    {
        let port = serve_plain(speech).await;
        let mut account = account(HOST, port);
        account.timeouts.connect = Duration::from_millis(200);
        account.tls = TlsMode::Auto;
        let attempt = Attempt { port, security: Security::Implicit };
        for (given, kind) in [(Some(port), kind_when_asked), (None, ErrorKind::Connect)] {
            account.port = given;
            let error = connector().connect(Side::Source, &account, attempt).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert_eq!(try_next(&error), given.is_none());
            assert!(error.is_retryable() && error.to_string().contains(words), "{error}");
        }
    }
}

#[tokio::test]
async fn a_dead_first_address_is_passed_over() {
    let served = Served::self_signed(&params());
    let (port, _kinds) = serve(served.config(&[&TLS13]), true).await;
    let mut account = account(HOST, port);
    account.trust.insecure = true;
    open(&resolving_to(&["127.0.0.9", "127.0.0.1"]), &account).await.unwrap();

    let error = open(&resolving_to(&["127.0.0.8", "127.0.0.9"]), &account).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "host1: cannot connect to {HOST} port {port}: 127.0.0.8: connection refused; 127.0.0.9: connection refused"
        )
    );
    assert!(error.kind() == ErrorKind::Connect && try_next(&error) && !error.is_retryable());
}

#[tokio::test]
async fn a_name_without_a_fitting_address_is_told() {
    let mut account = account(HOST, 143);
    let error = open(&resolving_to(&[]), &account).await.unwrap_err();
    assert_eq!(error.to_string(), format!("host1: the name {HOST} has no address"));
    account.family = crate::account::AddressFamily::V6;
    let error = open(&resolving_to(&["127.0.0.1"]), &account).await.unwrap_err();
    assert_eq!(error.to_string(), format!("host1: the name {HOST} has no IPv6 address"));
    assert!(error.kind() == ErrorKind::Connect && !error.is_retryable());

    let failing = NetConnector::with_resolver(Box::new(|_, _| {
        Box::pin(async { Err(io::Error::other("Name or service not known")) })
    }));
    let error = open(&failing, &account).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("host1: the name {HOST} has no address: Name or service not known")
    );
}

#[tokio::test]
async fn localhost_is_never_looked_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut account = account("LocalHost", listener.local_addr().unwrap().port());
    account.tls = TlsMode::Plaintext;
    let attempt = Attempt { port: account.port.unwrap(), security: Security::Plaintext };
    let connected = resolving_to(&["127.0.0.9"]).connect(Side::Source, &account, attempt).await.unwrap();
    assert!(connected.tls.is_none());
    listener.accept().await.unwrap();
}

#[tokio::test]
async fn bad_ca_files_are_named() {
    let file = |bytes: &[u8]| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    };
    let port = serve_plain(None).await;
    let (empty, damaged, no_certificate) = (
        file(b""),
        file(b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"),
        file(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
    );
    for (path, kind, words) in [
        (
            std::path::Path::new("/nonexistent/ca.pem"),
            ErrorKind::Io,
            "cannot read the CA file /nonexistent/ca.pem",
        ),
        (empty.path(), ErrorKind::Tls, "no PEM certificate"),
        (damaged.path(), ErrorKind::Tls, "is damaged"),
        (no_certificate.path(), ErrorKind::Tls, "unusable certificate"),
    ] {
        let mut account = account(HOST, port);
        account.trust.ca_files.push(path.into());
        let error = open_once(&account).await.unwrap_err();
        assert!(error.kind() == kind && error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn sockets_are_tuned() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for keepalive in [true, false] {
        let mut account = account("127.0.0.1", port);
        account.keepalive = keepalive;
        let resolver: Resolver = Box::new(|_, _| Box::pin(async { Ok(Vec::new()) }));
        let socket: TcpStream = tcp::connect(&resolver, &account, port, None).await.unwrap();
        assert!(socket.nodelay().unwrap());
        assert_eq!(socket2::SockRef::from(&socket).keepalive().unwrap(), keepalive);
    }
}

#[tokio::test]
async fn memory_connections_reach_their_server_with_their_side() {
    let (connector, mut servers) = MemoryConnector::new(64);
    let account = account(HOST, 143);
    for (side, security, private) in
        [(Side::Source, Security::Implicit, true), (Side::Destination, Security::StartTls, false)]
    {
        let mut client = connector.connect(side, &account, Attempt { port: 143, security }).await.unwrap();
        assert_eq!(client.tls.is_some(), private);
        let (at, mut server) = servers.recv().await.unwrap();
        assert_eq!(at, side);
        server.write_all(GREETING).await.unwrap();
        assert_eq!(greeting(&mut client).await, GREETING);
        let mut upgraded = connector.upgrade(side, &account, client.stream).await.unwrap();
        upgraded.stream.write_all(b"x").await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'x');
        assert!(upgraded.tls.unwrap().verified);
    }
    drop(servers);
    let attempt = Attempt { port: 143, security: Security::StartTls };
    let error = connector.connect(Side::Source, &account, attempt).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Connect && error.side() == Some(Side::Source), "{error}");
}

#[test]
fn hostile_names_do_not_reach_the_terminal() {
    // A name with an escape sequence cannot be encoded as IA5String by honest tools, so the DER is patched.
    let mut params = params();
    params.subject_alt_names = vec![SanType::DnsName("aXXX.example.test".try_into().unwrap())];
    let served = Served::self_signed(&params);
    let mut der = served.certificate.der().to_vec();
    let at = der.windows(4).position(|w| w == b"aXXX").unwrap();
    der[at..at + 4].copy_from_slice(b"a\x1b[m");
    let trust = crate::account::Trust::default();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = verify::Verifier::new(&trust, Verify::Authorities, provider).unwrap();
    let name = HOST.try_into().unwrap();
    let now = rustls::pki_types::UnixTime::now();
    let refusal = verifier.judge(&CertificateDer::from(der), &[], &name, now).unwrap_err();
    let text = refusal.error(Side::Source, HOST).to_string();
    assert!(text.contains("a\\x1b[m.example.test") && !text.contains('\x1b'), "{text:?}");
}
