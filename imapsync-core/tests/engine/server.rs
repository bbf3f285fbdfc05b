//! A small scripted IMAP server: a model of mailboxes, its own simple reading of commands, and hooks that make it
//! misbehave at a chosen point.

use crate::commands::{fields, in_set, literal_length, ranges, words};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::Notify;

/// A message as the server stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub uid: u32,
    pub flags: Vec<String>,
    pub date: String,
    pub body: Vec<u8>,
}

/// A mailbox.
#[derive(Debug, Clone)]
pub struct Folder {
    pub validity: u32,
    pub next: u32,
    pub messages: Vec<Message>,
    pub subscribed: bool,
    pub read_only: bool,
    /// Listed, but not there: it cannot be selected until it is created.
    pub ghost: bool,
}

impl Folder {
    fn new(validity: u32) -> Self {
        Self { validity, next: 1, messages: Vec::new(), subscribed: false, read_only: false, ghost: false }
    }

    pub fn add(&mut self, body: &[u8], flags: &[&str]) -> u32 {
        let uid = self.next;
        self.next += 1;
        self.messages.push(Message {
            uid,
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            date: "01-Jan-2020 12:00:00 +0000".to_owned(),
            body: body.to_vec(),
        });
        uid
    }
}

/// Where a command stands when the hooks are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Its line is here, the literal of an APPEND is not.
    Line,
    /// The literal of an APPEND is here.
    Literal,
    /// So many bytes of the literal of an APPEND are here.
    Part(usize),
}

/// What a hook is told.
#[derive(Debug)]
pub struct Call<'a> {
    /// Number of the connection, from 1.
    pub connection: usize,
    pub stage: Stage,
    /// The command without its tag.
    pub line: &'a str,
    /// How often the same command word came before on this server, this time included.
    pub nth: usize,
}

impl Call<'_> {
    /// Whether it is this command, at its line.
    pub fn is(&self, verb: &str) -> bool {
        self.stage == Stage::Line && self.line.starts_with(verb)
    }

    /// Whether it is an APPEND whose message is here.
    pub fn appends(&self) -> bool {
        self.stage == Stage::Literal
    }
}

/// Changes the bytes that the server is about to send.
pub type Edit = Box<dyn FnOnce(Vec<u8>) -> Vec<u8> + Send>;

/// What the server does with a command.
pub enum Act {
    /// As it should.
    Pass,
    /// Nothing but this answer; `{tag}` stands for the tag.
    Say(String),
    /// As it should, but its answer is changed.
    Edit(Edit),
    /// As it should, then this is the last that is sent.
    EditAndClose(Edit),
    /// It closes the connection, the command has no effect.
    Close,
    /// It closes the connection; the command has its effect, the answer is lost.
    Lose,
    /// It closes the connection; the command has its effect after this time.
    LoseAndApply(Duration),
    /// It never answers again.
    Hang,
}

type Hook = Box<dyn FnMut(&mut State, &Call<'_>) -> Act + Send>;

/// Everything the server knows.
pub struct State {
    pub folders: BTreeMap<String, Folder>,
    pub capabilities: String,
    pub greeting: String,
    hooks: Vec<Hook>,
    /// Every command, without tags.
    pub log: Vec<String>,
    counts: BTreeMap<String, usize>,
    pub connections: usize,
    next_validity: u32,
}

impl State {
    pub fn folder(&mut self, name: &str) -> &mut Folder {
        self.next_validity += 1;
        let validity = self.next_validity;
        self.folders.entry(name.to_owned()).or_insert_with(|| Folder::new(validity))
    }

    fn has(&self, capability: &str) -> bool {
        self.capabilities.split(' ').any(|one| one == capability)
    }

    fn usable(&self, name: &str) -> Option<&Folder> {
        self.folders.get(name).filter(|folder| !folder.ghost)
    }
}

/// Bytes between both servers: what was asked of one and acknowledged by the other.
#[derive(Default)]
pub struct Gauge {
    pub open: i64,
    pub most: i64,
    /// Bytes over the wire; at `kill_at` somebody is told.
    pub moved: u64,
    pub kill_at: Option<u64>,
}

/// One server; clones are the same one.
#[derive(Clone)]
pub struct Server {
    state: Arc<Mutex<State>>,
    pub gauge: Arc<Mutex<Gauge>>,
    pub kill: Arc<Notify>,
}

impl Server {
    pub fn new(capabilities: &str, gauge: Arc<Mutex<Gauge>>, kill: Arc<Notify>) -> Self {
        let mut state = State {
            folders: BTreeMap::new(),
            capabilities: capabilities.to_owned(),
            greeting: "* OK ready\r\n".to_owned(),
            hooks: Vec::new(),
            log: Vec::new(),
            counts: BTreeMap::new(),
            connections: 0,
            next_validity: 1000,
        };
        state.folder("INBOX");
        Self { state: Arc::new(Mutex::new(state)), gauge, kill }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Adds a hook; the first that does not pass decides.
    pub fn hook(&self, hook: impl FnMut(&mut State, &Call<'_>) -> Act + Send + 'static) {
        self.state().hooks.push(Box::new(hook));
    }

    /// No more misbehaviour.
    pub fn behave(&self) {
        self.state().hooks.clear();
    }

    pub fn messages(&self, folder: &str) -> Vec<Message> {
        self.state().folders.get(folder).map(|folder| folder.messages.clone()).unwrap_or_default()
    }

    /// The bodies of a folder, sorted.
    pub fn bodies(&self, folder: &str) -> Vec<Vec<u8>> {
        let mut bodies: Vec<_> = self.messages(folder).into_iter().map(|message| message.body).collect();
        bodies.sort();
        bodies
    }

    /// How often a command with this beginning came.
    pub fn count(&self, beginning: &str) -> usize {
        self.state().log.iter().filter(|line| line.starts_with(beginning)).count()
    }

    pub fn serve(&self, stream: DuplexStream) {
        let number = {
            let mut state = self.state();
            state.connections += 1;
            state.connections
        };
        let session = Session {
            server: self.clone(),
            stream,
            number,
            buffer: Vec::new(),
            selected: None,
            writable: false,
        };
        tokio::spawn(session.run());
    }

    fn ask(&self, connection: usize, stage: Stage, line: &str) -> Act {
        let mut state = self.state();
        let verb: Vec<&str> = line.split(' ').take(if line.starts_with("UID ") { 2 } else { 1 }).collect();
        let key = format!("{:?} {}", std::mem::discriminant(&stage), verb.join(" "));
        let count = state.counts.entry(key).or_default();
        *count += 1;
        let call = Call { connection, stage, line, nth: *count };
        let mut hooks = std::mem::take(&mut state.hooks);
        let mut act = Act::Pass;
        for hook in &mut hooks {
            act = hook(&mut state, &call);
            if !matches!(act, Act::Pass) {
                break;
            }
        }
        state.hooks = hooks;
        act
    }

    fn moved(&self, bytes: usize) {
        let mut gauge = self.gauge.lock().unwrap();
        gauge.moved += bytes as u64;
        if gauge.kill_at.is_some_and(|at| gauge.moved >= at) {
            gauge.kill_at = None;
            self.kill.notify_one();
        }
    }
}

struct Session {
    server: Server,
    stream: DuplexStream,
    number: usize,
    buffer: Vec<u8>,
    selected: Option<String>,
    writable: bool,
}

/// The session is over.
struct Over;

impl From<std::io::Error> for Over {
    fn from(_: std::io::Error) -> Self {
        Self
    }
}

impl Session {
    async fn run(mut self) {
        let greeting = self.server.state().greeting.clone();
        if self.send(greeting.as_bytes()).await.is_ok() {
            while self.command().await.is_ok() {}
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Over> {
        self.server.moved(bytes.len());
        self.stream.write_all(bytes).await?;
        Ok(())
    }

    async fn more(&mut self) -> Result<(), Over> {
        let mut chunk = [0; 4096];
        let n = self.stream.read(&mut chunk).await?;
        self.server.moved(n);
        self.buffer.extend_from_slice(&chunk[..n]);
        if n == 0 { Err(Over) } else { Ok(()) }
    }

    async fn line(&mut self) -> Result<String, Over> {
        loop {
            if let Some(at) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..at + 2).collect();
                return Ok(String::from_utf8_lossy(&line[..at]).into_owned());
            }
            self.more().await?;
        }
    }

    async fn command(&mut self) -> Result<(), Over> {
        let line = self.line().await?;
        let (tag, line) = line.split_once(' ').unwrap_or((&line, ""));
        let (tag, line) = (tag.to_owned(), line.to_owned());
        let logged = line.split_once(" {").map_or(line.as_str(), |(begin, _)| begin).to_owned();
        self.server.state().log.push(logged);
        let mut act = self.server.ask(self.number, Stage::Line, &line);
        let mut literal = None;
        if let Some((len, sync)) = literal_length(&line) {
            let refuses = matches!(act, Act::Say(_));
            if refuses && sync {
                return self.act(&tag, &line, None, act).await;
            }
            if refuses {
                // The answer comes early; the literal comes all the same.
                self.act(&tag, &line, None, act).await?;
                self.literal(len, &line).await?;
                self.line().await?;
                return Ok(());
            }
            if !matches!(act, Act::Pass) {
                return self.act(&tag, &line, None, act).await;
            }
            if sync {
                self.send(b"+ go on\r\n").await?;
            }
            literal = Some(self.literal(len, &line).await?);
            self.line().await?;
            act = self.server.ask(self.number, Stage::Literal, &line);
        }
        self.act(&tag, &line, literal, act).await
    }

    async fn literal(&mut self, len: usize, line: &str) -> Result<Vec<u8>, Over> {
        let mut told = 0;
        while self.buffer.len() < len {
            self.more().await?;
            let part = self.buffer.len().min(len);
            if part > told + 8192 {
                told = part;
                if matches!(self.server.ask(self.number, Stage::Part(part), line), Act::Close) {
                    return Err(Over);
                }
            }
        }
        Ok(self.buffer.drain(..len).collect())
    }

    async fn act(&mut self, tag: &str, line: &str, literal: Option<Vec<u8>>, act: Act) -> Result<(), Over> {
        match act {
            Act::Pass => {
                let answer = self.execute(tag, line, literal);
                self.send(&answer).await?;
                if line.starts_with("LOGOUT") { Err(Over) } else { Ok(()) }
            }
            Act::Say(text) => self.send(text.replace("{tag}", tag).as_bytes()).await,
            Act::Edit(edit) => {
                let answer = edit(self.execute(tag, line, literal));
                self.send(&answer).await
            }
            Act::EditAndClose(edit) => {
                let answer = edit(self.execute(tag, line, literal));
                self.send(&answer).await?;
                Err(Over)
            }
            Act::Close => Err(Over),
            Act::Lose => {
                self.execute(tag, line, literal);
                Err(Over)
            }
            Act::LoseAndApply(after) => {
                let mut late = Session {
                    server: self.server.clone(),
                    stream: tokio::io::duplex(1).0,
                    number: self.number,
                    buffer: Vec::new(),
                    selected: self.selected.clone(),
                    writable: self.writable,
                };
                let (tag, line) = (tag.to_owned(), line.to_owned());
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    late.execute(&tag, &line, literal);
                });
                Err(Over)
            }
            Act::Hang => {
                while self.more().await.is_ok() {}
                Err(Over)
            }
        }
    }

    /// Does what the command says, and gives the whole answer.
    fn execute(&mut self, tag: &str, line: &str, literal: Option<Vec<u8>>) -> Vec<u8> {
        let words = words(line);
        let word = |n: usize| words.get(n).map_or("", String::as_str);
        let server = self.server.clone();
        let mut state = server.state();
        let mut out: Vec<u8> = Vec::new();
        let mut say = |text: String| out.extend_from_slice(format!("{text}\r\n").as_bytes());
        let verdict = match (word(0), word(1)) {
            ("CAPABILITY", _) => {
                say(format!("* CAPABILITY {}", state.capabilities));
                "OK".to_owned()
            }
            ("LOGIN", _) => format!("OK [CAPABILITY {}] welcome", state.capabilities),
            ("NAMESPACE", _) => {
                say("* NAMESPACE ((\"\" \"/\")) NIL NIL".into());
                "OK".into()
            }
            ("LIST", _) => {
                for name in state.folders.keys() {
                    say(format!("* LIST () \"/\" \"{name}\""));
                }
                "OK".into()
            }
            ("LSUB", _) => {
                for (name, _) in state.folders.iter().filter(|(_, folder)| folder.subscribed) {
                    say(format!("* LSUB () \"/\" \"{name}\""));
                }
                "OK".into()
            }
            ("STATUS", name) => match state.usable(name) {
                Some(folder) => {
                    let (messages, next, validity) = (folder.messages.len(), folder.next, folder.validity);
                    say(format!(
                        "* STATUS \"{name}\" (MESSAGES {messages} UIDNEXT {next} UIDVALIDITY {validity})"
                    ));
                    "OK".into()
                }
                None => "NO no such folder".into(),
            },
            ("CREATE", name) => {
                if state.usable(name).is_some() {
                    "NO [ALREADYEXISTS] it is there".into()
                } else {
                    state.folder(name).ghost = false;
                    "OK".into()
                }
            }
            ("SUBSCRIBE", name) => {
                if let Some(folder) = state.folders.get_mut(name) {
                    folder.subscribed = true;
                }
                "OK".into()
            }
            ("SELECT" | "EXAMINE", name) => {
                self.selected = None;
                match state.usable(name) {
                    Some(folder) => {
                        self.selected = Some(name.to_owned());
                        self.writable = word(0) == "SELECT" && !folder.read_only;
                        say("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)".into());
                        say(format!("* {} EXISTS", folder.messages.len()));
                        say("* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] ok"
                            .into());
                        say(format!("* OK [UIDVALIDITY {}] ok", folder.validity));
                        say(format!("* OK [UIDNEXT {}] ok", folder.next));
                        if self.writable { "OK [READ-WRITE]".into() } else { "OK [READ-ONLY]".into() }
                    }
                    None => "NO [NONEXISTENT] no such folder".into(),
                }
            }
            ("APPEND", name) => append(&mut state, name, &words, literal, &self.server),
            ("UID", "FETCH") => match self.selected.clone().and_then(|name| state.folders.get(&name)) {
                Some(folder) => {
                    out.extend_from_slice(&fetch(folder, word(2), word(3), &self.server));
                    "OK".into()
                }
                None => "BAD nothing is selected".into(),
            },
            ("UID", "STORE" | "EXPUNGE" | "SEARCH") | ("EXPUNGE", _) => {
                let writable = self.writable;
                match self.selected.clone().and_then(|name| state.folders.get_mut(&name)) {
                    None => "BAD nothing is selected".into(),
                    Some(_) if !writable && word(1) != "SEARCH" => "NO read-only".into(),
                    Some(folder) => change(folder, &words, &mut out),
                }
            }
            ("LOGOUT", _) => {
                say("* BYE".into());
                "OK".into()
            }
            ("STARTTLS" | "NOOP" | "ID", _) => "OK".into(),
            _ => "BAD what".into(),
        };
        out.extend_from_slice(format!("{tag} {verdict} done\r\n").as_bytes());
        out
    }
}

fn append(
    state: &mut State,
    name: &str,
    words: &[String],
    literal: Option<Vec<u8>>,
    server: &Server,
) -> String {
    let uid_plus = state.has("UIDPLUS");
    let Some(body) = literal else { return "BAD no literal".into() };
    server.gauge.lock().unwrap().open -= body.len() as i64;
    if state.usable(name).is_none() {
        return "NO [TRYCREATE] no such folder".into();
    }
    let folder = state.folder(name);
    let mut flags: Vec<String> = Vec::new();
    let mut date = "now".to_owned();
    for word in &words[2..] {
        if let Some(inner) = word.strip_prefix('(') {
            flags = inner.trim_end_matches(')').split_whitespace().map(str::to_owned).collect();
        } else if !word.starts_with('{') {
            date.clone_from(word);
        }
    }
    let uid = folder.next;
    folder.next += 1;
    folder.messages.push(Message { uid, flags, date, body });
    if uid_plus { format!("OK [APPENDUID {} {uid}]", folder.validity) } else { "OK".into() }
}

fn fetch(folder: &Folder, set: &str, items: &str, server: &Server) -> Vec<u8> {
    let mut out = Vec::new();
    let wanted = ranges(set, folder.messages.last().map_or(0, |last| last.uid));
    for (n, message) in folder.messages.iter().enumerate() {
        if !in_set(&wanted, message.uid) {
            continue;
        }
        let mut parts = vec![format!("UID {}", message.uid)];
        if items.contains("FLAGS ") {
            parts.push(format!("FLAGS ({})", message.flags.join(" ")));
        }
        if items.contains("INTERNALDATE") {
            parts.push(format!("INTERNALDATE \"{}\"", message.date));
        }
        if items.contains("RFC822.SIZE") {
            parts.push(format!("RFC822.SIZE {}", message.body.len()));
        }
        out.extend_from_slice(format!("* {} FETCH ({}", n + 1, parts.join(" ")).as_bytes());
        let mut section = |name: &str, bytes: &[u8]| {
            out.extend_from_slice(format!(" {name} {{{}}}\r\n", bytes.len()).as_bytes());
            out.extend_from_slice(bytes);
        };
        if items.contains("BODY.PEEK[]") {
            let mut gauge = server.gauge.lock().unwrap();
            gauge.open += message.body.len() as i64;
            gauge.most = gauge.most.max(gauge.open);
            section("BODY[]", &message.body);
        } else if let Some((_, rest)) = items.split_once("HEADER.FIELDS (") {
            let names = rest.split(')').next().unwrap();
            section(&format!("BODY[HEADER.FIELDS ({names})]"), &fields(&message.body, names));
        } else if items.contains("BODY.PEEK[HEADER]") {
            let end = message.body.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| at + 4);
            section("BODY[HEADER]", &message.body[..end]);
        }
        out.extend_from_slice(b")\r\n");
    }
    out
}

fn change(folder: &mut Folder, words: &[String], out: &mut Vec<u8>) -> String {
    let last = folder.messages.last().map_or(0, |last| last.uid);
    let word = |n: usize| words.get(n).map_or("", String::as_str);
    let marked = |message: &Message| message.flags.iter().any(|flag| flag == "\\Deleted");
    match word(1) {
        "SEARCH" => {
            let found: Vec<String> =
                folder.messages.iter().filter(|m| marked(m)).map(|m| m.uid.to_string()).collect();
            out.extend_from_slice(format!("* SEARCH {}\r\n", found.join(" ")).as_bytes());
        }
        "STORE" => {
            let flags: Vec<String> =
                word(4).trim_matches(['(', ')']).split_whitespace().map(str::to_owned).collect();
            for message in folder.messages.iter_mut().filter(|m| in_set(&ranges(word(2), last), m.uid)) {
                if word(3).starts_with('+') {
                    for flag in &flags {
                        if !message.flags.contains(flag) {
                            message.flags.push(flag.clone());
                        }
                    }
                } else {
                    message.flags.clone_from(&flags);
                }
            }
        }
        _ => {
            let uid = word(0) == "UID";
            let mut n = 0;
            folder.messages.retain(|message| {
                n += 1;
                let goes = marked(message) && (!uid || in_set(&ranges(word(2), last), message.uid));
                if goes {
                    out.extend_from_slice(format!("* {n} EXPUNGE\r\n").as_bytes());
                    n -= 1;
                }
                !goes
            });
        }
    }
    "OK".into()
}
