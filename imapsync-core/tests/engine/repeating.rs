//! A run is a function of its inputs: the same bytes on both wires, in the same order, at the same instants, each time.

use crate::world::*;
use chrono::{DateTime, Utc};
use imapsync_core::message::{MessageTransform, Scope};
use imapsync_core::net::{Attempt, BoxFuture, BoxStream, Connected, Connector};
use imapsync_core::sync::Clock;
use imapsync_core::testing::Act;
use imapsync_core::{Account, Error, Side, SyncOptions};
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// Every byte of all connections in the order of their passing, and when that was.
#[derive(Clone)]
struct Transcript {
    lines: Arc<Mutex<Vec<String>>>,
    begun: Instant,
    connections: Arc<Mutex<usize>>,
}

/// Notes what passes through the connections of another connector.
struct Recorder<C> {
    inner: C,
    transcript: Transcript,
}

struct Recorded {
    inner: BoxStream,
    name: String,
    transcript: Transcript,
}

impl Recorded {
    fn note(&self, arrow: &str, bytes: &[u8]) {
        let mut line = format!("{:?} {} {arrow} ", self.transcript.begun.elapsed(), self.name);
        write!(line, "{}", bytes.escape_ascii()).unwrap();
        self.transcript.lines.lock().unwrap().push(line);
    }
}

impl<C: Connector> Connector for Recorder<C> {
    fn connect<'a>(
        &'a self,
        side: Side,
        account: &'a Account,
        attempt: Attempt,
    ) -> BoxFuture<'a, Result<Connected, Error>> {
        Box::pin(async move {
            let mut connected = self.inner.connect(side, account, attempt).await?;
            let number = {
                let mut connections = self.transcript.connections.lock().unwrap();
                *connections += 1;
                *connections
            };
            let (name, transcript) = (format!("{side} #{number}"), self.transcript.clone());
            connected.stream = Box::new(Recorded { inner: connected.stream, name, transcript });
            Ok(connected)
        })
    }

    fn upgrade<'a>(
        &'a self,
        side: Side,
        account: &'a Account,
        stream: BoxStream,
    ) -> BoxFuture<'a, Result<Connected, Error>> {
        self.inner.upgrade(side, account, stream)
    }
}

impl AsyncRead for Recorded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        self.note("<-", &buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Recorded {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let n = ready!(Pin::new(&mut self.inner).poll_write(cx, bytes))?;
        self.note("->", &bytes[..n]);
        Poll::Ready(Ok(n))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// A clock that stands still.
struct Still;

impl Clock for Still {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }
}

/// Sees each message whole, on a thread of its own where the message is large.
struct Backwards;

impl MessageTransform for Backwards {
    fn name(&self) -> &str {
        "backwards"
    }
    fn scope(&self) -> Scope {
        Scope::Whole
    }
    fn whole(&self, input: &mut dyn Read, output: &mut dyn Write) -> io::Result<()> {
        let mut all = Vec::new();
        input.read_to_end(&mut all)?;
        let body = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        all[body..].reverse();
        output.write_all(&all)
    }
}

/// Everything that goes another way from time to time: many folders, some of which cannot be created, messages that
/// cannot be read, twins, duplicates, large ones, losses on both sides.
fn eventful(capabilities: &str) -> World {
    let world = World::new(capabilities, capabilities);
    for folder in 0..12 {
        let name = format!("Folder{folder}");
        world.fill(&name, 9);
        world.source.mail().folder(&name).subscribed = true;
        let mut state = world.source.mail();
        let folder = state.folder(&name);
        folder.add(message(&name, 3), &[]);
        folder.add(large(1, 60_000), &["\\Flagged"]);
        for twin in ["first", "other", "third"] {
            folder.add(format!("Message-Id: <twin@x>\r\n\r\n{twin}\r\n").as_bytes(), &[]);
            folder.add(format!("X-None: here\r\n\r\n{twin}\r\n").as_bytes(), &[]);
        }
        folder.add(large(2, 20_000), &["\\Draft"]);
    }
    for folder in [2, 5, 7] {
        let name = format!("Folder{folder}");
        let mut state = world.destination.mail();
        for n in [1, 4, 30] {
            state.folder(&name).add(message(&name, n), &[]);
        }
        state.folder(&name).add(b"Message-Id: <twin@x>\r\n\r\nsecond\r\n", &[]);
    }
    let refused =
        |line: &str| ["Folder1\"", "Folder3\"", "Folder4\"", "Folder9\""].iter().any(|f| line.contains(f));
    world.destination.hook(times(
        100,
        move |call| call.is("CREATE") && refused(&format!("{}\"", call.line.trim_end_matches('"'))),
        say("{tag} NO never\r\n"),
    ));
    world.destination.hook(|_, call| match call.nth % 31 {
        9 if call.appends() => Act::Lose,
        17 if call.appends() => Act::Close,
        26 if call.appends() => Act::LoseAndApply(Duration::from_millis(700)),
        30 if call.is("APPEND") => Act::Say("{tag} NO [UNAVAILABLE] later\r\n".into()),
        _ => Act::Pass,
    });
    let asks_for_three =
        |line: &str| line.contains("BODY.PEEK[]") && (line.contains(" 1:") || line.contains(" 2 "));
    world.source.hook(times(1000, move |call| asks_for_three(call.line), edit(|text| without(&text, 2))));
    world.source.hook(times(
        3,
        |call| call.line.contains("BODY.PEEK[]") && call.nth % 5 == 3,
        || {
            Act::EditAndClose(Box::new(|mut bytes: Vec<u8>| {
                bytes.truncate(bytes.len() * 6 / 10);
                bytes
            }))
        },
    ));
    let corrupted = |line: &str| line.contains("BODY.PEEK[]") && line.contains(" 5 ");
    world.source.hook(times(1000, move |call| corrupted(call.line), say("{tag} NO corrupted\r\n")));
    world
}

/// Runs on a runtime of its own; what passed and what was reported.
fn run(capabilities: &'static str, options: SyncOptions) -> (Vec<String>, String) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = eventful(capabilities);
        let transcript =
            Transcript { lines: Arc::default(), begun: Instant::now(), connections: Arc::default() };
        let recorder = Recorder { inner: world.connector.clone(), transcript: transcript.clone() };
        let job = world.job(options).connector(Arc::new(recorder)).clock(Arc::new(Still));
        let report = job.run().await.unwrap();
        assert!(report.reconnections[0] > 0 && report.reconnections[1] > 2, "{:?}", report.reconnections);
        assert!(report.named.iter().any(|message| !message.title.is_empty()));
        let lines = std::mem::take(&mut *transcript.lines.lock().unwrap());
        (lines, format!("{report:#?}"))
    })
}

#[test]
fn the_same_run_twice_says_the_same() {
    for capabilities in [MODERN, PLAIN] {
        for transforms in [vec![], vec![Arc::new(Backwards) as Arc<dyn MessageTransform>]] {
            for delete2 in [false, true] {
                let options = SyncOptions { transforms: transforms.clone(), delete2, ..small_memory() };
                let first = run(capabilities, options.clone());
                for _ in 0..4 {
                    let again = run(capabilities, options.clone());
                    for (n, (one, other)) in first.0.iter().zip(&again.0).enumerate() {
                        let cut = |line: &str| line.chars().take(300).collect::<String>();
                        assert!(one == other, "line {n}:\n{}\n{}", cut(one), cut(other));
                    }
                    assert_eq!(first.0.len(), again.0.len());
                    assert!(first.1 == again.1, "the reports differ");
                }
            }
        }
    }
}
