//! A peer that says what a transcript has, for what the model server cannot say; and the connector between.
//!
//! A transcript is lines of the form `X: text`, in which `\r`, `\n`, `\t`, `\0`, `\xNN` and `\\` stand for bytes:
//!
//! ```text
//! S: * OK ready           the server says this line (CR LF is added)
//! R: * OK rea             the server says these bytes
//! B: * OK ready           as S, one byte at a time, a millisecond between
//! C: LOGIN                wait for a command that begins so; {tag} is its tag from here on
//! L:                      wait for any line, such as an answer to a challenge
//! W: 30                   wait so many seconds
//! H:                      hang: read on and never answer
//! F: 1000 * OK spam\r\n   as R, so many times
//! ```
//!
//! After the last line the connection is closed; on a command that the transcript does not expect as well.

use crate::case::Pair;
use imapsync_core::net::{
    Attempt, BoxFuture, BoxStream, Connected, Connector, MemoryConnector, NetConnector,
};
use imapsync_core::{Account, Error, Side};
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// Who answers connections to a side in place of its server.
#[derive(Default)]
struct Stead {
    transcripts: VecDeque<Transcript>,
    /// A port of this machine: connections go there through TCP, with TLS where it is asked for.
    port: Option<u16>,
}

/// Where connections go, per side.
#[derive(Clone, Default)]
pub struct Routes(Arc<Mutex<[Stead; 2]>>);

impl Routes {
    pub fn push(&self, side: Side, transcript: Transcript) {
        self.0.lock().unwrap()[at(side)].transcripts.push_back(transcript);
    }

    pub fn to_port(&self, side: Side, port: u16) {
        self.0.lock().unwrap()[at(side)].port = Some(port);
    }

    pub fn clear(&self) {
        *self.0.lock().unwrap() = Default::default();
    }

    fn pop(&self, side: Side) -> Option<Transcript> {
        self.0.lock().unwrap()[at(side)].transcripts.pop_front()
    }

    fn port(&self, side: Side) -> Option<u16> {
        self.0.lock().unwrap()[at(side)].port
    }
}

fn at(side: Side) -> usize {
    usize::from(side.number() - 1)
}

/// Leads to the two servers over pipes in memory, to transcripts that wait, or to a port.
pub struct Router {
    memory: MemoryConnector,
    net: NetConnector,
    routes: Routes,
}

impl Router {
    /// The pipes hold so many bytes.
    pub fn new(pair: &Pair, routes: &Routes, pipe: usize) -> Self {
        let (memory, mut arrivals) = MemoryConnector::new(pipe);
        let (source, destination) = (pair.source.clone(), pair.destination.clone());
        let waiting = routes.clone();
        tokio::spawn(async move {
            while let Some((side, stream)) = arrivals.recv().await {
                match (waiting.pop(side), side) {
                    (Some(transcript), _) => drop(tokio::spawn(transcript.serve(stream))),
                    (None, Side::Source) => source.serve(stream),
                    (None, Side::Destination) => destination.serve(stream),
                }
            }
        });
        // Every name is one of this machine.
        let net = NetConnector::with_resolver(Box::new(|_, port| {
            Box::pin(async move { Ok(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))]) })
        }));
        Self { memory, net, routes: routes.clone() }
    }
}

impl Connector for Router {
    fn connect<'a>(
        &'a self,
        side: Side,
        account: &'a Account,
        attempt: Attempt,
    ) -> BoxFuture<'a, Result<Connected, Error>> {
        match self.routes.port(side) {
            Some(port) => self.net.connect(side, account, Attempt { port, ..attempt }),
            None => self.memory.connect(side, account, attempt),
        }
    }

    fn upgrade<'a>(
        &'a self,
        side: Side,
        account: &'a Account,
        stream: BoxStream,
    ) -> BoxFuture<'a, Result<Connected, Error>> {
        match self.routes.port(side) {
            Some(_) => self.net.upgrade(side, account, stream),
            None => self.memory.upgrade(side, account, stream),
        }
    }
}

/// A port of this machine, closed when dropped.
pub struct Port {
    pub number: u16,
    task: AbortHandle,
}

impl Drop for Port {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves each connection to a new port.
fn listen<F: Future<Output = ()> + Send + 'static>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Port {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let number = listener.local_addr().unwrap().port();
    let listener = TcpListener::from_std(listener).unwrap();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    Port { number, task: task.abort_handle() }
}

/// Every connection to this port is served by the transcript, below TLS.
pub fn transcript_port(transcript: &str) -> Port {
    let transcript = Transcript::parse(transcript);
    listen(move |stream| transcript.clone().serve(stream))
}

/// Leads to `address`; the first connection is cut after so many bytes from the server, with FIN and without a word.
pub fn cutting_port(address: SocketAddr, after: u64) -> Port {
    let limits = Arc::new(Mutex::new(Some(after)));
    listen(move |client| {
        let limit = limits.lock().unwrap().take().unwrap_or(u64::MAX);
        async move {
            let mut server = TcpStream::connect(address).await.unwrap();
            let ((mut from_server, mut to_server), mut client) = (server.split(), client);
            let (mut from_client, mut to_client) = client.split();
            let mut down = (&mut from_server).take(limit);
            tokio::select! {
                _ = tokio::io::copy(&mut down, &mut to_client) => {}
                _ = tokio::io::copy(&mut from_client, &mut to_server) => {}
            }
            let _ = to_client.shutdown().await;
        }
    })
}

#[derive(Debug, Clone)]
enum Step {
    Say(Vec<u8>),
    Dribble(Vec<u8>),
    Command(String),
    Line,
    Wait(Duration),
    Hang,
    Flood(usize, Vec<u8>),
}

/// What one connection says.
#[derive(Debug, Clone)]
pub struct Transcript(Vec<Step>);

impl Transcript {
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().map(str::trim_start).filter(|line| !line.is_empty());
        Self(lines.map(step).collect())
    }

    /// Serves a connection to its end.
    pub async fn serve<S: AsyncRead + AsyncWrite + Unpin>(self, mut stream: S) {
        let mut reader = Reader { buffer: Vec::new(), tag: String::new() };
        for step in &self.0 {
            if reader.step(step, &mut stream).await.is_none() {
                break;
            }
        }
    }
}

fn step(line: &str) -> Step {
    let (kind, rest) = line.split_at(line.find(':').expect("X: text"));
    let rest = rest[1..].strip_prefix(' ').unwrap_or(&rest[1..]);
    let with_end = |text: &str| [unescape(text), b"\r\n".to_vec()].concat();
    match kind {
        "S" => Step::Say(with_end(rest)),
        "R" => Step::Say(unescape(rest)),
        "B" => Step::Dribble(with_end(rest)),
        "C" => Step::Command(rest.to_owned()),
        "L" => Step::Line,
        "W" => Step::Wait(Duration::from_secs_f64(rest.parse().expect("seconds"))),
        "H" => Step::Hang,
        "F" => {
            let (times, text) = rest.split_once(' ').expect("times and text");
            Step::Flood(times.parse().expect("times"), unescape(text))
        }
        other => panic!("no such step: {other}"),
    }
}

/// The bytes that a text with escapes stands for.
pub fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match bytes.next().expect("an escape") {
            b'r' => b'\r',
            b'n' => b'\n',
            b't' => b'\t',
            b'0' => 0,
            b'x' => {
                let digits = [bytes.next().expect("a digit"), bytes.next().expect("a digit")];
                u8::from_str_radix(std::str::from_utf8(&digits).expect("digits"), 16).expect("two hex digits")
            }
            other => other,
        });
    }
    out
}

struct Reader {
    buffer: Vec<u8>,
    tag: String,
}

impl Reader {
    /// None: the connection is over.
    async fn step<S: AsyncRead + AsyncWrite + Unpin>(&mut self, step: &Step, stream: &mut S) -> Option<()> {
        let tagged = |bytes: &[u8]| replace(bytes, b"{tag}", self.tag.as_bytes());
        match step {
            Step::Say(bytes) => stream.write_all(&tagged(bytes)).await.ok(),
            Step::Flood(times, bytes) => {
                for _ in 0..*times {
                    stream.write_all(&tagged(bytes)).await.ok()?;
                }
                Some(())
            }
            Step::Dribble(bytes) => {
                for byte in tagged(bytes) {
                    stream.write_all(&[byte]).await.ok()?;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Some(())
            }
            Step::Command(beginning) => {
                let line = self.line(stream).await?;
                let (tag, rest) = line.split_once(' ')?;
                tag.clone_into(&mut self.tag);
                rest.starts_with(beginning.as_str()).then_some(())
            }
            Step::Line => self.line(stream).await.map(drop),
            Step::Wait(time) => {
                tokio::time::sleep(*time).await;
                Some(())
            }
            Step::Hang => {
                let mut chunk = [0; 1024];
                while stream.read(&mut chunk).await.is_ok_and(|n| n > 0) {}
                None
            }
        }
    }

    async fn line<S: AsyncRead + Unpin>(&mut self, stream: &mut S) -> Option<String> {
        loop {
            if let Some(at) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=at).collect();
                return Some(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            let mut chunk = [0; 1024];
            let n = stream.read(&mut chunk).await.ok().filter(|n| *n > 0)?;
            self.buffer.extend_from_slice(&chunk[..n]);
        }
    }
}

/// Puts `by` in the place of each `what`.
pub fn replace(bytes: &[u8], what: &[u8], by: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(what.len()).position(|window| window == what) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(by);
        rest = &rest[at + what.len()..];
    }
    out.extend_from_slice(rest);
    out
}
