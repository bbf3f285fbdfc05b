//! One connection: reads commands, asks the hooks, has the commands executed, sends the answers.

use super::body::Body;
use super::command::{Executor, Verdict};
use super::hook::{Act, Stage};
use super::judge;
use super::order::{About, Late};
use super::output::{Chunk, Output};
use super::quirks::TurnedAway;
use super::server::Server;
use super::syntax::{Segment, Word, announced, unannounced, words};
use super::throttle::Held;
use super::wire::Wire;
use bytes::Bytes;
use tokio::time::{Instant, sleep};

/// A line longer than this ends the connection.
const LONGEST_LINE: usize = 1 << 20;

pub(super) struct Session {
    server: Server,
    wire: Wire,
    number: usize,
    buffer: Vec<u8>,
    executor: Executor,
    late: Late,
}

/// Takes the connection off the number of open ones, however it ends.
struct Open(Server);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.mail().open -= 1;
    }
}

/// The connection is over.
pub(super) enum Over {
    /// Closed in order.
    Closed,
    /// By RST.
    Cut,
}

impl From<std::io::Error> for Over {
    fn from(_: std::io::Error) -> Self {
        Self::Closed
    }
}

/// A command as it came.
pub(super) struct Command {
    pub(super) tag: String,
    /// Its first line, without the tag.
    pub(super) line: String,
    pub(super) words: Vec<Word>,
}

impl Session {
    pub(super) fn new(server: Server, wire: Wire) -> Self {
        let number = {
            let mut mail = server.mail();
            mail.connections += 1;
            mail.open += 1;
            mail.connections
        };
        let executor = Executor::new(server.clone(), wire.security());
        Self { server, wire, number, buffer: Vec::new(), executor, late: Late::default() }
    }

    /// Serves until one side closes, or the future is dropped.
    pub(super) async fn run(mut self) {
        let _open = Open(self.server.clone());
        let mut end = self.greet().await;
        while end.is_ok() {
            end = self.command().await;
        }
        match end {
            Err(Over::Cut) => self.wire.reset(),
            _ => self.wire.close().await,
        }
    }

    async fn greet(&mut self) -> Result<(), Over> {
        let (greeting, full, at_once) = {
            let mail = self.server.mail();
            let full = mail.quirks.connections.is_some_and(|most| mail.open > most);
            (mail.greeting.clone(), full, mail.quirks.turned_away == TurnedAway::Bye)
        };
        let act = self.ask(Stage::Connected, "").await?;
        let text = match act {
            Act::Say(text) => text,
            Act::Edit(edit) => return self.send(&edit(greeting.into_bytes())).await,
            Act::Pass if full && at_once => "* BYE [LIMIT] too many connections\r\n".to_owned(),
            Act::Pass => greeting,
            act => return self.end(act).await,
        };
        let leaves = text.starts_with("* BYE");
        self.send(text.as_bytes()).await?;
        if leaves { Err(Over::Closed) } else { Ok(()) }
    }

    /// Asks the hooks.
    async fn ask(&mut self, stage: Stage, line: &str) -> Result<Act, Over> {
        let act = self.server.ask(self.number, stage, line);
        self.meanwhile(act).await
    }

    /// Does what happens beside the command.
    async fn meanwhile(&mut self, act: Act) -> Result<Act, Over> {
        match act {
            Act::Wait(time) => sleep(time).await,
            Act::Insert(bytes) => self.send(&bytes).await?,
            act => return Ok(act),
        }
        Ok(Act::Pass)
    }

    /// Does what a hook wants in the middle of a literal or of an answer.
    async fn amid(&mut self, then: Box<dyn FnOnce() -> Act + Send>) -> Result<(), Over> {
        let act = self.meanwhile(then()).await?;
        self.end(act).await
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Over> {
        let n = self.wire.write(bytes).await?;
        self.server.gauge.count(n);
        Ok(())
    }

    async fn more(&mut self) -> Result<(), Over> {
        // The client may be waiting for these.
        self.overdue().await?;
        let n = self.wire.read(&mut self.buffer).await?;
        self.server.gauge.count(n);
        if n == 0 { Err(Over::Closed) } else { Ok(()) }
    }

    async fn line(&mut self) -> Result<Vec<u8>, Over> {
        let mut looked = 0;
        let longest = self.server.mail().quirks.longest_line.unwrap_or(LONGEST_LINE);
        loop {
            if let Some(at) =
                memchr::memmem::find(&self.buffer[looked..], b"\r\n").filter(|at| looked + at <= longest)
            {
                let mut line: Vec<u8> = self.buffer.drain(..looked + at + 2).collect();
                line.truncate(looked + at);
                return Ok(line);
            }
            looked = self.buffer.len().saturating_sub(1);
            if looked > longest {
                self.send(b"* BYE [TOOBIG] line too long\r\n").await?;
                return Err(Over::Closed);
            }
            self.more().await?;
        }
    }

    /// While the client idles it is told the news as they come, until it says something.
    async fn idle(&mut self) -> Result<(), Over> {
        let Some(mut changes) = self.executor.idles().map(Server::changes) else { return Ok(()) };
        while self.buffer.is_empty() {
            changes.borrow_and_update();
            let mut out = Output::default();
            self.executor.news(&mut out, true);
            if out.len() > 0 {
                self.send(&out.flatten()).await?;
            }
            tokio::select! {
                read = self.wire.read(&mut self.buffer) => {
                    let n = read?;
                    self.server.gauge.count(n);
                    if n == 0 {
                        return Err(Over::Closed);
                    }
                }
                _ = changes.changed() => {}
            }
        }
        Ok(())
    }

    /// Reads one command and does what is to be done with it.
    async fn command(&mut self) -> Result<(), Over> {
        self.idle().await?;
        let bytes = self.line().await?;
        if let Some(challenge) = self.executor.takes_line() {
            let mut out = Output::default();
            let verdict = self.executor.line(challenge, &bytes, &mut out);
            return self.answer(verdict, out).await;
        }
        let space = bytes.iter().position(|byte| *byte == b' ').unwrap_or(bytes.len());
        let tag = String::from_utf8_lossy(&bytes[..space]).into_owned();
        let rest = bytes.get(space + 1..).unwrap_or_default().to_vec();
        let line = String::from_utf8_lossy(&rest).into_owned();
        {
            let logged = line.split_once(" {").map_or(line.as_str(), |(begin, _)| begin).to_owned();
            self.server.mail().log.push(logged);
        }
        let mut act = self.ask(Stage::Line, &line).await?;
        let mut segments = Vec::new();
        let mut next = rest;
        let mut literals = false;
        while let Some((len, waits)) = announced(&next) {
            if !self.may_announce(len, waits) {
                // Its bytes are read as commands: that is what the client gets.
                self.server.mail().offences.push(format!("a literal that must wait does not: {line}"));
                return self.send(format!("{tag} BAD no such literal here\r\n").as_bytes()).await;
            }
            match act {
                Act::Pass => {}
                Act::Say(_) | Act::Edit(_) if !waits => {
                    // The answer comes early; the command comes all the same.
                    self.say(&tag, act).await?;
                    return self.swallow(len).await;
                }
                Act::Say(_) => return self.say(&tag, act).await,
                // To be executed all the same: not before it is here.
                Act::Lose | Act::LoseAndApply(_) | Act::EditAndClose(_) | Act::Edit(_) => {}
                act => return self.end(act).await,
            }
            if waits {
                let refusal = (!literals).then(|| self.executor.refuses_early(&line, len)).flatten();
                match (self.ask(Stage::Continuation, &line).await?, refusal) {
                    (Act::Say(text), _) => {
                        let text = text.replace("{tag}", &tag);
                        self.send(text.as_bytes()).await?;
                        if !text.starts_with('+') {
                            return Ok(());
                        }
                    }
                    (Act::Pass, Some(refusal)) => {
                        return self.send(format!("{tag} {refusal}\r\n").as_bytes()).await;
                    }
                    (Act::Pass, None) => self.send(b"+ go on\r\n").await?,
                    (act, _) => return self.end(act).await,
                }
            }
            segments.push(Segment::Text(unannounced(&next).to_vec()));
            segments.push(Segment::Literal(self.literal(len, &line).await?));
            next = self.line().await?;
            literals = true;
        }
        segments.push(Segment::Text(next));
        if literals && matches!(act, Act::Pass) {
            act = self.ask(Stage::Literal, &line).await?;
        }
        let words = words(&segments);
        let judged = words
            .as_ref()
            .is_some_and(|words| judge::accepts(&tag, &segments, words, self.executor.is_utf8()));
        if !judged {
            self.server.mail().offences.push(format!("no command by the grammar: {line}"));
        }
        let Some(words) = words.filter(|_| judged) else {
            let verdict = self.executor.syntax_error();
            return self.send(format!("{tag} {verdict} that is no command\r\n").as_bytes()).await;
        };
        self.act(Command { tag, line, words }, act).await
    }

    /// Whether a literal of this kind and length may be announced here at all.
    fn may_announce(&self, len: u64, waits: bool) -> bool {
        let mail = self.server.mail();
        waits || mail.has("LITERAL+") || mail.has("LITERAL-") && len <= 4096
    }

    /// Reads the rest of a command whose answer has gone out already.
    async fn swallow(&mut self, len: u64) -> Result<(), Over> {
        let mut len = len;
        loop {
            self.literal(len, "").await?;
            match announced(&self.line().await?) {
                Some((next, _)) => len = next,
                None => return Ok(()),
            }
        }
    }

    async fn literal(&mut self, len: u64, line: &str) -> Result<Body, Over> {
        let keep = len <= self.server.mail().keep_at_most;
        let (mut kept, mut hasher) = (Vec::new(), blake3::Hasher::new());
        let (mut here, mut told, mut half) = (0_u64, 0_u64, false);
        let mut mark = match self.ask(Stage::Part(0), line).await? {
            Act::At(at, then) => Some((at, then)),
            act => {
                self.end(act).await?;
                None
            }
        };
        while here < len {
            if let Some((_, then)) = mark.take_if(|(at, _)| *at == here) {
                self.amid(then).await?;
            }
            if self.buffer.is_empty() {
                self.more().await?;
            }
            let stop = mark.as_ref().map_or(len, |(at, _)| len.min(*at));
            let take = self.buffer.len().min((stop - here) as usize);
            if keep {
                kept.extend_from_slice(&self.buffer[..take]);
            } else {
                hasher.update(&self.buffer[..take]);
            }
            self.buffer.drain(..take);
            here += take as u64;
            let halfway = !half && here < len && here >= len / 2;
            if halfway || here > told + 8192 {
                half |= here >= len / 2;
                told = here;
                let act = self.ask(Stage::Part(here as usize), line).await?;
                self.end(act).await?;
            }
        }
        if keep {
            Ok(Body::Bytes(Bytes::from(kept)))
        } else {
            Ok(Body::Digest { len, digest: *hasher.finalize().as_bytes() })
        }
    }

    /// An answer in place of the server's own.
    async fn say(&mut self, tag: &str, act: Act) -> Result<(), Over> {
        match act {
            Act::Say(text) => self.send(text.replace("{tag}", tag).as_bytes()).await,
            Act::Edit(edit) => {
                let bytes = edit(format!("{tag} NO not done\r\n").into_bytes());
                self.send(&bytes).await
            }
            _ => Ok(()),
        }
    }

    /// The last of a connection. What is not an end is none.
    async fn end(&mut self, act: Act) -> Result<(), Over> {
        match act {
            Act::Hang => {
                while self.more().await.is_ok() {
                    self.buffer.clear();
                }
                Err(Over::Closed)
            }
            Act::Replica { changes, lag } => {
                self.server.mail().fall_back(changes, Instant::now() + lag);
                Err(Over::Closed)
            }
            Act::Reset => Err(Over::Cut),
            Act::Close | Act::Lose | Act::LoseAndApply(_) | Act::EditAndClose(_) => Err(Over::Closed),
            Act::Bye(text) => {
                self.send(format!("* BYE {text}\r\n").as_bytes()).await?;
                Err(Over::Closed)
            }
            Act::Pass | Act::Say(_) | Act::Edit(_) | Act::Wait(_) | Act::Insert(_) | Act::At(..) => Ok(()),
        }
    }

    async fn act(&mut self, command: Command, act: Act) -> Result<(), Over> {
        match act {
            Act::Pass => {
                let reorders = self.server.mail().quirks.reorders;
                let about = About::of(&command, &self.executor).filter(|_| reorders);
                if self.late.hinders(about.as_ref()) {
                    self.overdue().await?;
                }
                let mut out = self.executor.output();
                let verdict = self.held(&command, &mut out).await;
                match self.ask(Stage::Applied, &command.line).await? {
                    Act::Pass => {}
                    Act::Say(text) => return self.send(text.replace("{tag}", &command.tag).as_bytes()).await,
                    Act::Edit(edit) => return self.send(&edit(finished(&verdict, out))).await,
                    Act::EditAndClose(edit) => {
                        self.send(&edit(finished(&verdict, out))).await?;
                        return Err(Over::Closed);
                    }
                    Act::At(at, then) => {
                        let bytes = finished(&verdict, out);
                        let at = usize::try_from(at).ok().filter(|at| *at < bytes.len());
                        let (before, behind) = bytes.split_at(at.unwrap_or(bytes.len()));
                        self.send(before).await?;
                        if at.is_some() {
                            self.amid(then).await?;
                        }
                        self.send(behind).await?;
                        return self.after(verdict).await;
                    }
                    act => return self.end(act).await,
                }
                if let Some(about) = about {
                    self.late.hold(about, verdict, out);
                    return Ok(());
                }
                if self.server.is_watched() {
                    return self.watched(&command.line, verdict, out).await;
                }
                self.answer(verdict, out).await
            }
            Act::Say(_) => self.say(&command.tag, act).await,
            Act::Edit(edit) => {
                let mut out = Output::default();
                let verdict = self.executor.execute(&command, &mut out);
                self.send(&edit(finished(&verdict, out))).await
            }
            Act::EditAndClose(edit) => {
                let mut out = Output::default();
                let verdict = self.executor.execute(&command, &mut out);
                self.send(&edit(finished(&verdict, out))).await?;
                Err(Over::Closed)
            }
            Act::Lose => {
                self.executor.execute(&command, &mut Output::default());
                Err(Over::Closed)
            }
            Act::LoseAndApply(after) => {
                let mut late = self.executor.clone();
                tokio::spawn(async move {
                    sleep(after).await;
                    late.execute(&command, &mut Output::default());
                });
                Err(Over::Closed)
            }
            act => self.end(act).await,
        }
    }

    /// Has the command executed, as soon as the server does anything.
    async fn held(&mut self, command: &Command, out: &mut Output) -> Verdict {
        let held = self.server.mail().throttle(&command.line);
        match held {
            Held::No => {}
            Held::Wait(time) => sleep(time).await,
            Held::Refused(text) => return Verdict::Done(format!("{} {text}", command.tag)),
            Held::Ended(text, bye) => return Verdict::Last(format!("{} {text}\r\n{bye}", command.tag)),
        }
        self.executor.execute(command, out)
    }

    /// Sends an answer in two halves, and asks between and after.
    async fn watched(&mut self, line: &str, verdict: Verdict, out: Output) -> Result<(), Over> {
        let bytes = finished(&verdict, out);
        let half = bytes.len() / 2;
        self.send(&bytes[..half]).await?;
        let act = self.ask(Stage::Half, line).await?;
        self.end(act).await?;
        self.send(&bytes[half..]).await?;
        match self.ask(Stage::Replied, line).await? {
            Act::Say(text) => self.send(text.as_bytes()).await?,
            act => self.end(act).await?,
        }
        self.after(verdict).await
    }

    /// Sends the answers that have been held back.
    async fn overdue(&mut self) -> Result<(), Over> {
        while let Some((verdict, out)) = self.late.next() {
            self.answer(verdict, out).await?;
        }
        Ok(())
    }

    async fn answer(&mut self, verdict: Verdict, out: Output) -> Result<(), Over> {
        let out = with_verdict(&verdict, out);
        for chunk in out.chunks() {
            match chunk {
                Chunk::Later(mut later) => {
                    while let Some(more) = later() {
                        for chunk in more.chunks() {
                            self.chunk(chunk).await?;
                        }
                    }
                }
                chunk => self.chunk(chunk).await?,
            }
        }
        self.after(verdict).await
    }

    async fn chunk(&mut self, chunk: Chunk) -> Result<(), Over> {
        match chunk {
            Chunk::Bytes(bytes) => self.send(&bytes).await,
            Chunk::Body(body) => {
                let mut at = 0;
                while at < body.len() {
                    let piece = body.slice(at, 64 * 1024);
                    self.send(&piece).await?;
                    at += piece.len() as u64;
                }
                Ok(())
            }
            // What is made late holds nothing that is made later still.
            Chunk::Later(_) => Ok(()),
        }
    }

    /// What follows an answer that is out.
    async fn after(&mut self, verdict: Verdict) -> Result<(), Over> {
        match verdict {
            Verdict::Done(_) | Verdict::More(_) => {}
            Verdict::Last(_) => return Err(Over::Closed),
            Verdict::StartTls(_) => {
                if !self.buffer.is_empty() {
                    // What came in clear must not be taken for what TLS protects (RFC 9051, section 6.2.1).
                    self.server.mail().offences.push("commands behind STARTTLS".to_owned());
                    self.buffer.clear();
                }
                self.wire.start_tls().await?;
                self.executor.secured();
            }
            Verdict::Compress(_) => {
                let read = std::mem::take(&mut self.buffer);
                self.buffer = self.wire.compress(&read)?;
            }
        }
        Ok(())
    }
}

/// The whole answer in one piece.
fn finished(verdict: &Verdict, out: Output) -> Vec<u8> {
    with_verdict(verdict, out).flatten()
}

fn with_verdict(verdict: &Verdict, mut out: Output) -> Output {
    if !matches!(verdict, Verdict::Done(_)) {
        out.quiet();
    }
    if let Some(line) = verdict.line() {
        out.line(line);
    }
    out
}
