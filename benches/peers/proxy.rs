//! A long line of any bandwidth: a TCP proxy on loopback that holds every piece back for half a round trip in each
//! direction, keeps the order, and counts bytes and turns.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// What one read takes.
const PIECE: usize = 64 << 10;
/// Pieces on their way, in each direction of a connection; a reader who does not read stops the writer at last.
const PIECES: usize = 1024;

/// What has crossed a line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traffic {
    /// How often a client spoke after having heard something, all connections added.
    pub(crate) turns: u64,
    /// Bytes that clients sent.
    pub(crate) sent: u64,
    /// Bytes that clients received.
    pub(crate) received: u64,
    /// Connections.
    pub(crate) connections: u64,
}

#[derive(Default)]
struct Counts {
    turns: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
    connections: AtomicU64,
}

/// A line to one server; gone when it is dropped.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    counts: Arc<Counts>,
    listening: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port and passes connections on to that port of 127.0.0.1. Called inside of a runtime.
    pub(crate) async fn start(server: u16, round_trip: Duration) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let counts = Arc::new(Counts::default());
        let theirs = Arc::clone(&counts);
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // A server that is gone is for the client to notice: its connection closes.
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await else { continue };
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                theirs.connections.fetch_add(1, SeqCst);
                let (up, down) = (client.into_split(), server.into_split());
                let heard = Arc::new(AtomicBool::new(false));
                let (counts, ears) = (Arc::clone(&theirs), Arc::clone(&heard));
                let sent = move |bytes: usize| {
                    counts.sent.fetch_add(bytes as u64, SeqCst);
                    counts.turns.fetch_add(u64::from(ears.swap(false, SeqCst)), SeqCst);
                };
                let counts = Arc::clone(&theirs);
                let received = move |bytes: usize| {
                    counts.received.fetch_add(bytes as u64, SeqCst);
                    heard.store(true, SeqCst);
                };
                carry(up.0, down.1, round_trip / 2, sent, |_| ());
                carry(down.0, up.1, round_trip / 2, |_| (), received);
            }
        });
        Ok(Proxy { port, counts, listening })
    }

    /// What has crossed it so far.
    pub(crate) fn traffic(&self) -> Traffic {
        let Counts { turns, sent, received, connections } = &*self.counts;
        Traffic {
            turns: turns.load(SeqCst),
            sent: sent.load(SeqCst),
            received: received.load(SeqCst),
            connections: connections.load(SeqCst),
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// One direction of a connection: `came` is called with what was read, `gone` just before it is handed on.
fn carry(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    delay: Duration,
    came: impl Fn(usize) + Send + 'static,
    gone: impl Fn(usize) + Send + 'static,
) {
    let (send, mut due) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES);
    tokio::spawn(async move {
        loop {
            let mut piece = Vec::with_capacity(PIECE);
            // Whoever writes in small pieces waits for these acknowledgements, 40 ms each time; on a long line it would be
            // the machine at its end that gives them.
            #[cfg(target_os = "linux")]
            let _ = socket2::SockRef::from(from.as_ref()).set_tcp_quickack(true);
            match from.read_buf(&mut piece).await {
                Ok(0) | Err(_) => break,
                Ok(count) => came(count),
            }
            if send.send((Instant::now() + delay, piece)).await.is_err() {
                break;
            }
        }
    });
    tokio::spawn(async move {
        while let Some((when, piece)) = due.recv().await {
            if !delay.is_zero() {
                tokio::time::sleep_until(when).await;
            }
            gone(piece.len());
            if to.write_all(&piece).await.is_err() {
                break;
            }
        }
        let _ = to.shutdown().await;
    });
}

impl Traffic {
    /// What has been added since.
    pub(crate) fn since(self, before: Traffic) -> Traffic {
        Traffic {
            turns: self.turns - before.turns,
            sent: self.sent - before.sent,
            received: self.received - before.received,
            connections: self.connections - before.connections,
        }
    }
}
