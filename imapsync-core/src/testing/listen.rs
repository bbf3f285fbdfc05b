//! A server on a port: what another process, or the real connector, can reach.

use super::certificate::Certificate;
use super::server::Server;
use super::session::Session;
use super::wire::Wire;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// A server that accepts connections on a port of the loopback interface, until this is dropped: then nobody listens
/// there any more and its connections are cut.
#[derive(Debug)]
pub struct Listening {
    /// Where: 127.0.0.1 and a port that the system gave.
    pub address: SocketAddr,
    task: AbortHandle,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a port does with a new connection.
#[derive(Clone)]
enum Security {
    Clear(Option<TlsAcceptor>),
    Implicit(TlsAcceptor),
}

impl Server {
    /// Listens in clear; STARTTLS is not offered, whatever the capabilities say. Must be called inside of a runtime, as those below.
    ///
    /// # Errors
    /// Those of the system, such as no port to be had.
    ///
    /// ```
    /// use imapsync_core::testing::Server;
    /// use std::io::{BufRead, BufReader};
    /// # let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    /// # let _inside = runtime.enter();
    /// let server = Server::new("IMAP4rev1");
    /// let listening = server.listen().unwrap();
    /// let mut client = BufReader::new(std::net::TcpStream::connect(listening.address).unwrap());
    /// let mut greeting = String::new();
    /// client.read_line(&mut greeting).unwrap();
    /// assert_eq!(greeting, "* OK ready\r\n");
    /// ```
    pub fn listen(&self) -> io::Result<Listening> {
        self.accept(Security::Clear(None))
    }

    /// Listens in clear; STARTTLS, where it is among the capabilities, shows this certificate.
    ///
    /// # Errors
    /// Those of the system.
    pub fn listen_starttls(&self, certificate: &Certificate) -> io::Result<Listening> {
        self.accept(Security::Clear(Some(TlsAcceptor::from(certificate.config()))))
    }

    /// Listens for TLS from the first byte (port 993 on a real server).
    ///
    /// # Errors
    /// Those of the system.
    pub fn listen_tls(&self, certificate: &Certificate) -> io::Result<Listening> {
        self.accept(Security::Implicit(TlsAcceptor::from(certificate.config())))
    }

    fn accept(&self, security: Security) -> io::Result<Listening> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        let server = self.clone();
        let task = tokio::spawn(async move {
            // Its connections end with it.
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => if let Ok((socket, _)) = accepted {
                        connections.spawn(connection(server.clone(), socket, security.clone()));
                    },
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Ok(Listening { address, task: task.abort_handle() })
    }
}

async fn connection(server: Server, socket: TcpStream, security: Security) {
    // Who fails here is gone: a client that refuses the certificate, for one.
    let wire = match security {
        Security::Clear(tls) => Wire::clear(socket, tls),
        Security::Implicit(tls) => Wire::implicit(socket, &tls).await,
    };
    if let Ok(wire) = wire {
        Session::new(server, wire).run().await;
    }
}
