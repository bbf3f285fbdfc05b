//! Connections that never leave the process, for tests, simulations and embedders with their own server.

use super::connector::{BoxFuture, BoxStream, Connected, Connector, TlsInfo};
use super::policy::{Attempt, Security};
use crate::account::Account;
use crate::error::{Error, ErrorKind, Side};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A [`Connector`] whose every connection is a pipe; the server's ends arrive on a channel.
///
/// What is asked for as TLS, at once or by STARTTLS, is passed through in clear and reported as verified: nobody can
/// listen or forge inside the process. Once the receiver is dropped, every connection is refused.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use imapsync_core::{Account, Side, net::{self, Connector, MemoryConnector}};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// let (connector, mut servers) = MemoryConnector::new(4096);
/// let account = Account::new("localhost", "alice", "secret");
/// let attempt = net::policy(&account).unwrap().attempts[0];
/// let mut client = connector.connect(Side::Source, &account, attempt).await.unwrap();
/// let (side, mut server) = servers.recv().await.unwrap();
/// assert_eq!(side, Side::Source);
/// server.write_all(b"* OK ready\r\n").await.unwrap();
/// let mut greeting = [0; 12];
/// client.stream.read_exact(&mut greeting).await.unwrap();
/// assert_eq!(&greeting, b"* OK ready\r\n");
/// # });
/// ```
#[derive(Debug, Clone)]
pub struct MemoryConnector {
    pipe_bytes: usize,
    servers: UnboundedSender<(Side, DuplexStream)>,
}

impl MemoryConnector {
    /// A connector whose pipes hold at most `pipe_bytes` in each direction (at least one), and the server's ends.
    pub fn new(pipe_bytes: usize) -> (Self, UnboundedReceiver<(Side, DuplexStream)>) {
        let (servers, receiver) = unbounded_channel();
        (Self { pipe_bytes: pipe_bytes.max(1), servers }, receiver)
    }
}

impl Connector for MemoryConnector {
    fn connect<'a>(
        &'a self,
        side: Side,
        account: &'a Account,
        attempt: Attempt,
    ) -> BoxFuture<'a, Result<Connected, Error>> {
        Box::pin(async move {
            let (client, server) = duplex(self.pipe_bytes);
            self.servers.send((side, server)).map_err(|_| {
                let (host, port) = (&account.host, attempt.port);
                Error::new(
                    ErrorKind::Connect,
                    format!("cannot connect to {host} port {port}: nobody listens"),
                )
                .on(side)
            })?;
            let tls = (attempt.security == Security::Implicit).then(in_process);
            Ok(Connected { stream: Box::new(client), tls, notices: Vec::new() })
        })
    }

    fn upgrade<'a>(
        &'a self,
        _side: Side,
        _account: &'a Account,
        stream: BoxStream,
    ) -> BoxFuture<'a, Result<Connected, Error>> {
        Box::pin(async move { Ok(Connected { stream, tls: Some(in_process()), notices: Vec::new() }) })
    }
}

fn in_process() -> TlsInfo {
    TlsInfo { version: "memory".into(), cipher: "none".into(), fingerprint: [0; 32], verified: true }
}
