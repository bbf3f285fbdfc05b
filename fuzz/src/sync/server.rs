//! The two servers of a run: they read commands as any server would, and answer what the script says.

use super::script::{Script, Step, index, kind};
use crate::reading;
use imapsync_core::Side;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{sleep, timeout};

/// More commands, or more connections, in one run are one without an end.
const MOST_COMMANDS: usize = 30_000;
const MOST_CONNECTIONS: usize = 3_000;
/// Bytes of a literal that are looked at.
const MOST_KEPT: usize = 4 << 20;

/// What the servers say, and what they saw.
pub(super) struct Servers {
    script: Mutex<Script>,
    seen: Mutex<Seen>,
    interrupt: Box<dyn Fn() + Send + Sync>,
}

/// What the servers saw, per side where there are two.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) connections: [usize; 2],
    commands: usize,
    /// The letters of commands that came in full.
    pub(super) kinds: [BTreeSet<u8>; 2],
    /// A server ended the connection, or fell silent.
    pub(super) broken: [bool; 2],
    /// What the source sent, by connection.
    pub(super) sent: Vec<Vec<u8>>,
    /// The messages that the destination took.
    pub(super) accepted: Vec<Vec<u8>>,
}

impl Servers {
    pub(super) fn new(script: Script, interrupt: Box<dyn Fn() + Send + Sync>) -> Self {
        Self { script: Mutex::new(script), seen: Mutex::default(), interrupt }
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One connection from its greeting to its end.
    pub(super) async fn serve(&self, side: Side, stream: DuplexStream) {
        {
            let mut seen = self.seen();
            seen.connections[index(side)] += 1;
            assert!(seen.connections[index(side)] <= MOST_CONNECTIONS, "connects without an end");
            if side == Side::Source {
                seen.sent.push(Vec::new());
            }
        }
        let mut talk = Talk { servers: self, side, stream, received: Vec::new() };
        let raw = self.script().is_raw(side);
        let _ = if raw { talk.pour().await } else { talk.run().await };
    }
}

/// One connection.
struct Talk<'a> {
    servers: &'a Servers,
    side: Side,
    stream: DuplexStream,
    received: Vec<u8>,
}

/// A command as it came.
#[derive(Default)]
struct Received {
    /// All of it.
    whole: Vec<u8>,
    /// Without the bytes of its literals.
    line: Vec<u8>,
    /// Its literals.
    literals: Vec<Vec<u8>>,
}

/// None wherever the connection is over.
impl Talk<'_> {
    /// Says bytes without listening.
    async fn pour(&mut self) -> Option<()> {
        let bytes = self.servers.script().stream(self.side)?;
        self.say(&bytes).await?;
        let mut received = [0; 4096];
        while let Ok(Ok(1..)) = timeout(Duration::from_secs(1), self.stream.read(&mut received)).await {}
        None
    }

    async fn run(&mut self) -> Option<()> {
        self.answer(b'G', "", b"").await?;
        loop {
            let Some(command) = self.command().await? else { continue };
            reading::read(&command.whole).unwrap_or_else(|why| panic!("no command: {why}"));
            let tag = tag(&command.whole);
            let kind = kind(&command.line);
            {
                let mut seen = self.servers.seen();
                seen.commands += 1;
                assert!(seen.commands <= MOST_COMMANDS, "commands without an end");
                seen.kinds[index(self.side)].insert(kind);
            }
            if kind == b'I' {
                self.challenges(&command.line).await?;
            }
            let said = self.answer(kind, &tag, &command.line).await?;
            let ok = format!("{tag} OK");
            let is_ok = |line: &[u8]| {
                line.get(..ok.len()).is_some_and(|start| start.eq_ignore_ascii_case(ok.as_bytes()))
            };
            if kind == b'A' && said.split(|byte| *byte == b'\n').any(is_ok) {
                // The name of the mailbox may be a literal too.
                let name = command
                    .line
                    .split(|byte| *byte == b' ')
                    .nth(2)
                    .is_some_and(|word| word.starts_with(b"{"));
                let messages = command.literals.into_iter().skip(usize::from(name));
                self.servers.seen().accepted.extend(messages);
            }
        }
    }

    /// The next command; the inner None where it ended before a literal that the server did not want.
    async fn command(&mut self) -> Option<Option<Received>> {
        let mut command = Received::default();
        loop {
            let text = self.line().await?;
            command.whole.extend_from_slice(&text);
            command.line.extend_from_slice(&text);
            let Some((len, waits)) = reading::literal(&text) else { return Some(Some(command)) };
            if waits {
                let said = self.answer(b'P', &tag(&command.whole), &command.line).await?;
                if !said.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"+")) {
                    return Some(None);
                }
            }
            let literal = self.exactly(len).await?;
            command.whole.extend_from_slice(&literal);
            command.literals.push(literal);
        }
    }

    /// What AUTHENTICATE asks for before it ends.
    async fn challenges(&mut self, line: &[u8]) -> Option<()> {
        let challenges: &[&[u8]] =
            match line.to_ascii_uppercase().trim_ascii().rsplit(|byte| *byte == b' ').next() {
                Some(b"PLAIN") => &[b"+ \r\n"],
                Some(b"LOGIN") => &[b"+ VXNlcm5hbWU6\r\n", b"+ UGFzc3dvcmQ6\r\n"],
                _ => &[],
            };
        for challenge in challenges {
            self.say(challenge).await?;
            self.line().await?;
        }
        Some(())
    }

    /// Says what the script has for this kind of command; all that was said. A `+` that no literal waits for the client
    /// takes for the next one: from there on the two do not mean the same, and the connection ends.
    async fn answer(&mut self, kind: u8, tag: &str, line: &[u8]) -> Option<Vec<u8>> {
        let steps = self.servers.script().answer(self.side, kind, tag, line);
        let mut said = Vec::new();
        for step in steps {
            match step {
                Step::Say(bytes) => {
                    self.say(&bytes).await?;
                    said.extend(bytes);
                }
                Step::Interrupt => (self.servers.interrupt)(),
                Step::Pause => sleep(Duration::from_secs(30)).await,
                Step::Close | Step::Stall => {
                    self.servers.seen().broken[index(self.side)] = true;
                    if step == Step::Stall {
                        std::future::pending::<()>().await;
                    }
                    return None;
                }
            }
        }
        let goes_on = said.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"+")).count();
        let is_over = !tag.is_empty() && memchr::memmem::find(&said, tag.as_bytes()).is_some();
        if goes_on > usize::from(kind == b'P' && !is_over) {
            self.servers.seen().broken[index(self.side)] = true;
            return None;
        }
        Some(said)
    }

    async fn say(&mut self, bytes: &[u8]) -> Option<()> {
        if self.side == Side::Source
            && let Some(sent) = self.servers.seen().sent.last_mut()
        {
            sent.extend_from_slice(bytes);
        }
        self.stream.write_all(bytes).await.ok()
    }

    async fn line(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.received) {
                let rest = self.received.split_off(end + 1);
                return Some(std::mem::replace(&mut self.received, rest));
            }
            self.more().await?;
        }
    }

    /// So many bytes, or the first of them where they are beyond all measure.
    async fn exactly(&mut self, len: u64) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut left = len;
        loop {
            let take = self.received.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let rest = self.received.split_off(take);
            let piece = std::mem::replace(&mut self.received, rest);
            left -= piece.len() as u64;
            if bytes.len() < MOST_KEPT {
                bytes.extend_from_slice(&piece);
            }
            if left == 0 {
                return Some(bytes);
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Option<()> {
        match self.stream.read_buf(&mut self.received).await {
            Ok(1..) => Some(()),
            _ => None,
        }
    }
}

fn tag(command: &[u8]) -> String {
    String::from_utf8_lossy(command.split(|byte| *byte == b' ').next().unwrap_or_default()).into_owned()
}
