//! Ports: in clear, through TLS, STARTTLS, RST, and the end of a server.

use imapsync_core::account::TlsMode;
use imapsync_core::testing::{Act, Certificate, Listening, Server};
use imapsync_core::{Account, ErrorKind, SyncJob};
use std::io::{self, Read, Write};
use std::net::TcpStream;

fn server() -> Server {
    let server = Server::new("IMAP4rev1 STARTTLS");
    server.mail().folder("INBOX").add("Subject: x\r\n\r\nHello\r\n", &[]);
    server
}

/// Says something on a plain port and gives what comes until the server is done.
fn talk(listening: &Listening, text: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(listening.address)?;
    stream.write_all(text.as_bytes())?;
    let mut all = Vec::new();
    stream.read_to_end(&mut all)?;
    Ok(String::from_utf8(all).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn in_clear() {
    let listening = server().listen().unwrap();
    let answer = talk(&listening, "a CAPABILITY\r\nb STARTTLS\r\nc LOGOUT\r\nd NOOP\r\n").unwrap();
    let expected = "* OK ready\r\n* CAPABILITY IMAP4rev1\r\na OK done\r\nb BAD not now\r\n* BYE good bye\r\nc OK done\r\n";
    assert_eq!(answer, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_dropped_port_is_closed_and_cuts_its_connections() {
    let server = server();
    let listening = server.listen().unwrap();
    let address = listening.address;
    let mut stream = TcpStream::connect(address).unwrap();
    let mut greeting = [0; 12];
    stream.read_exact(&mut greeting).unwrap();
    assert_eq!(server.mail().open, 1);
    drop(listening);
    assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(server.mail().open, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn reset_is_rst_and_close_is_fin() {
    for (reset, expected) in [(true, Err(io::ErrorKind::ConnectionReset)), (false, Ok(()))] {
        let server = server();
        server.hook(move |_, call| match (call.is("NOOP"), reset) {
            (false, _) => Act::Pass,
            (true, true) => Act::Reset,
            (true, false) => Act::Close,
        });
        let listening = server.listen().unwrap();
        let end = talk(&listening, "a NOOP\r\nb NOOP\r\n");
        assert_eq!(end.map(|_| ()).map_err(|error| error.kind()), expected);
    }
}

/// An account on a port.
fn account(listening: &Listening, tls: TlsMode) -> Account {
    let mut account = Account::new("localhost", "alice", "secret");
    account.port = Some(listening.address.port());
    account.tls = tls;
    account
}

/// How a sync from one account to the other ends.
async fn sync(source: Account, destination: Account) -> Result<u64, ErrorKind> {
    let report = SyncJob::new(source, destination).run().await.map_err(|error| error.kind())?;
    assert!(report.is_success(), "{:?}", report.errors);
    Ok(report.tally.copied)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_sync_through_tls_and_starttls() {
    let (source, destination) = (server(), server());
    let (one, other) = (Certificate::new(), Certificate::new());
    let (from, to) = (source.listen_tls(&one).unwrap(), destination.listen_starttls(&other).unwrap());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), other.pem()).unwrap();
    destination.mail().folder("INBOX").expunge(|_| true);

    let mut account1 = account(&from, TlsMode::Implicit);
    account1.trust.pins.push(one.fingerprint());
    let mut account2 = account(&to, TlsMode::StartTls);
    account2.trust.ca_files.push(file.path().to_owned());
    assert_eq!(sync(account1, account2).await, Ok(1));
    assert_eq!(destination.bodies("INBOX"), source.bodies("INBOX"));
    for server in [source, destination] {
        assert_eq!(server.mail().offences, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn certificates_that_must_be_refused() {
    let destination = server();
    let to = destination.listen().unwrap();
    for certificate in [Certificate::expired(), Certificate::named("mail.example.org")] {
        let source = server();
        let from = source.listen_tls(&certificate).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), certificate.pem()).unwrap();
        let mut account1 = account(&from, TlsMode::Implicit);
        account1.trust.ca_files.push(file.path().to_owned());
        assert_eq!(sync(account1, account(&to, TlsMode::Plaintext)).await, Err(ErrorKind::Tls));
        assert_eq!(source.count("LOGIN"), 0);
    }
}
