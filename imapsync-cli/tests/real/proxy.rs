//! A TCP proxy on loopback that delays, cuts, edits and records one side's traffic, and counts its commands.
//!
//! The delay is that of a long line of any bandwidth: every piece is stamped when it comes and let go when it
//! is due, in order, so that pipelined traffic stays pipelined.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use self::Direction::{ToClient, ToServer};

/// Commands that change an account.
const WRITES: [&str; 10] =
    ["APPEND", "STORE", "CREATE", "SUBSCRIBE", "EXPUNGE", "COPY", "MOVE", "RENAME", "DELETE", "UNSUBSCRIBE"];

/// What the proxy does to the traffic; the default passes it on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// Added to every round trip, half of it in each direction.
    pub(crate) round_trip: Duration,
    /// Every connection is cut after that many bytes, both directions together.
    pub(crate) cut_every: Option<u64>,
    /// The connection that carries this byte of the proxy's life is cut there; only that one.
    pub(crate) cut_at: Option<u64>,
    /// The reply to the nth command of this name never arrives: the line is cut in its place.
    pub(crate) lose_reply: Option<(&'static str, usize)>,
    /// Every occurrence of the first in what the server says becomes the second, of the same length.
    pub(crate) replace: Option<(&'static str, &'static str)>,
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Direction {
    ToServer,
    ToClient,
}

/// One piece of traffic as the client saw it: when it sent it, or when it was handed over to it.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) at: Instant,
    pub(crate) connection: usize,
    pub(crate) direction: Direction,
    pub(crate) bytes: Vec<u8>,
}

/// A listening proxy in front of one server.
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    options: Options,
    stopped: AtomicBool,
    connections: AtomicUsize,
    cuts: AtomicUsize,
    total: AtomicU64,
    commands: Mutex<BTreeMap<String, usize>>,
    appended: AtomicUsize,
    trace: Mutex<Vec<Event>>,
}

impl Proxy {
    /// Listens on a free port and passes connections on to that port of 127.0.0.1.
    pub(crate) fn start(server: u16, options: Options) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let shared = Arc::new(Shared {
            options,
            stopped: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            cuts: AtomicUsize::new(0),
            total: AtomicU64::new(0),
            commands: Mutex::default(),
            appended: AtomicUsize::new(0),
            trace: Mutex::default(),
        });
        let theirs = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if theirs.stopped.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(client) = client else { continue };
                // A server that is gone is for the client to notice: its connection closes.
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                carry(&theirs, client, server);
            }
        });
        Proxy { port, shared }
    }

    /// The port it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// How many commands of this name went to the server (`UID STORE` is a STORE).
    pub(crate) fn count(&self, verb: &str) -> usize {
        self.shared.commands.lock().expect("no panics inside").get(verb).copied().unwrap_or(0)
    }

    /// How many messages APPEND commands carried; one command may carry several.
    pub(crate) fn appended(&self) -> usize {
        self.shared.appended.load(Ordering::SeqCst)
    }

    /// The commands that change something, with their counts; empty after a run that had nothing to do.
    pub(crate) fn writes(&self) -> BTreeMap<String, usize> {
        let mut all = self.shared.commands.lock().expect("no panics inside").clone();
        all.retain(|verb, _| WRITES.contains(&verb.as_str()));
        all
    }

    /// All commands with their counts.
    pub(crate) fn commands(&self) -> BTreeMap<String, usize> {
        self.shared.commands.lock().expect("no panics inside").clone()
    }

    /// How many connections there were, and how many of them were cut.
    pub(crate) fn connections(&self) -> (usize, usize) {
        (self.shared.connections.load(Ordering::SeqCst), self.shared.cuts.load(Ordering::SeqCst))
    }

    /// Everything that crossed it so far, in the order in which the client saw it.
    pub(crate) fn trace(&self) -> Vec<Event> {
        let mut trace = self.shared.trace.lock().expect("no panics inside").clone();
        trace.sort_by_key(|event| event.at);
        trace
    }

    /// How often a client spoke after having heard something: the turns of the dialogue, all connections added.
    pub(crate) fn turns(&self) -> usize {
        let mut last = BTreeMap::new();
        let mut turns = 0;
        for event in self.trace() {
            let before = last.insert(event.connection, event.direction);
            turns += usize::from(before == Some(ToClient) && event.direction == ToServer);
        }
        turns
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the listener so that it sees the flag.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// One piece on its way, or the end of the line.
enum Item {
    Bytes(Vec<u8>),
    End,
    Cut,
}

fn carry(shared: &Arc<Shared>, client: TcpStream, server: TcpStream) {
    let connection = shared.connections.fetch_add(1, Ordering::SeqCst);
    let watch = Arc::new(Mutex::new(Watch::default()));
    let carried = Arc::new(AtomicU64::new(0));
    for direction in [ToServer, ToClient] {
        let (from, to) = match direction {
            ToServer => (&client, &server),
            ToClient => (&server, &client),
        };
        let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { return };
        let line = Line { shared: Arc::clone(shared), direction, connection, from, to };
        let (watch, carried) = (Arc::clone(&watch), Arc::clone(&carried));
        std::thread::spawn(move || line.carry(&watch, &carried));
    }
}

/// One direction of one connection.
struct Line {
    shared: Arc<Shared>,
    direction: Direction,
    connection: usize,
    from: TcpStream,
    to: TcpStream,
}

impl Line {
    fn carry(mut self, watch: &Mutex<Watch>, carried: &AtomicU64) {
        let delay = self.shared.options.round_trip / 2;
        if delay.is_zero() {
            // Without a queue between them a slow reader slows the writer, as on a real connection.
            while self.next(watch, carried, |line, item| line.deliver(item)) {}
            return;
        }
        let (send, receive) = mpsc::channel::<(Instant, Item)>();
        let (Ok(from), Ok(to)) = (self.from.try_clone(), self.to.try_clone()) else { return };
        let mut out = Line { shared: Arc::clone(&self.shared), from, to, ..self };
        std::thread::spawn(move || {
            for (due, item) in receive {
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                if !out.deliver(item) {
                    break;
                }
            }
        });
        while self.next(watch, carried, |_, item| send.send((Instant::now() + delay, item)).is_ok()) {}
    }

    /// Reads a piece and passes it to `emit`, which tells whether the line still stands.
    fn next(
        &mut self,
        watch: &Mutex<Watch>,
        carried: &AtomicU64,
        emit: impl Fn(&mut Line, Item) -> bool,
    ) -> bool {
        let mut buffer = vec![0; 64 << 10];
        let mut bytes = match self.from.read(&mut buffer) {
            Ok(0) | Err(_) => {
                emit(self, Item::End);
                return false;
            }
            Ok(count) => {
                buffer.truncate(count);
                buffer
            }
        };
        let options = &self.shared.options;
        let mut keep = bytes.len();
        {
            let mut watch = watch.lock().expect("no panics inside");
            match self.direction {
                ToServer => {
                    self.record(bytes.clone());
                    for (verb, tag) in watch.heard_client(&bytes, &self.shared.appended) {
                        let mut commands = self.shared.commands.lock().expect("no panics inside");
                        let count = commands.entry(verb.clone()).or_default();
                        *count += 1;
                        if options.lose_reply == Some((verb.as_str(), *count)) {
                            watch.lost = Some(tag);
                        }
                    }
                }
                ToClient => {
                    if let Some((old, new)) = options.replace {
                        replace(&mut bytes, old.as_bytes(), new.as_bytes());
                    }
                    if let Some(at) = watch.heard_server(&bytes) {
                        keep = at;
                    }
                }
            }
        }
        let count = bytes.len() as u64;
        if let Some(limit) = options.cut_every {
            let before = carried.fetch_add(count, Ordering::SeqCst);
            keep = keep.min(usize::try_from(limit.saturating_sub(before)).unwrap_or(usize::MAX));
        }
        let before = self.shared.total.fetch_add(count, Ordering::SeqCst);
        if let Some(limit) = options.cut_at.filter(|limit| (before..before + count).contains(limit)) {
            keep = keep.min(usize::try_from(limit - before).unwrap_or(usize::MAX));
        }
        let cut = keep < bytes.len();
        bytes.truncate(keep);
        if !emit(self, Item::Bytes(bytes)) {
            return false;
        }
        !cut || {
            emit(self, Item::Cut);
            false
        }
    }

    fn deliver(&mut self, item: Item) -> bool {
        match item {
            Item::Bytes(bytes) => {
                let sent = self.to.write_all(&bytes).is_ok();
                if self.direction == ToClient {
                    self.record(bytes);
                }
                sent
            }
            Item::End => {
                let _ = self.to.shutdown(Shutdown::Write);
                false
            }
            Item::Cut => {
                self.shared.cuts.fetch_add(1, Ordering::SeqCst);
                let _ = (self.from.shutdown(Shutdown::Both), self.to.shutdown(Shutdown::Both));
                false
            }
        }
    }

    fn record(&self, bytes: Vec<u8>) {
        let event =
            Event { at: Instant::now(), connection: self.connection, direction: self.direction, bytes };
        self.shared.trace.lock().expect("no panics inside").push(event);
    }
}

fn replace(bytes: &mut [u8], old: &[u8], new: &[u8]) {
    assert_eq!(old.len(), new.len(), "the length must stay");
    let mut at = 0;
    while at + old.len() <= bytes.len() {
        if &bytes[at..at + old.len()] == old {
            bytes[at..at + old.len()].copy_from_slice(new);
        }
        at += 1;
    }
}

/// What is known of one connection's dialogue: enough to tell commands from the literals inside them.
#[derive(Default)]
struct Watch {
    /// The command line being sent, without its literals.
    line: Vec<u8>,
    /// Bytes of a literal still to come.
    literal: u64,
    /// The next line continues a command.
    continues: bool,
    tag: String,
    verb: String,
    /// A synchronising literal was announced; a NO or BAD with this tag means that it never comes.
    announced: bool,
    /// The command whose reply must not arrive.
    lost: Option<String>,
    /// The start of the server's line that is being received.
    reply: Vec<u8>,
}

impl Watch {
    /// Takes bytes of the client; the commands that start in them, as (name, tag).
    fn heard_client(&mut self, bytes: &[u8], appended: &AtomicUsize) -> Vec<(String, String)> {
        let mut commands = Vec::new();
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            if self.literal > 0 {
                let count = usize::try_from(self.literal).unwrap_or(usize::MAX).min(rest.len());
                self.literal -= count as u64;
                self.announced = false;
                rest = &rest[count..];
                continue;
            }
            rest = &rest[1..];
            if first != b'\n' {
                self.line.push(first);
                continue;
            }
            let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).trim_end().to_owned();
            if !self.continues {
                let mut words = line.split(' ');
                let tag = words.next().unwrap_or_default().to_owned();
                let mut verb = words.next().unwrap_or_default().to_ascii_uppercase();
                if verb == "UID" {
                    verb = words.next().unwrap_or_default().to_ascii_uppercase();
                }
                // A line of one word is the answer to a continuation (SASL) or DONE.
                if !verb.is_empty() {
                    commands.push((verb.clone(), tag.clone()));
                    (self.tag, self.verb) = (tag, verb);
                }
            }
            let announced = line.strip_suffix('}').and_then(|line| line.rsplit_once('{'));
            let size = announced.and_then(|(_, size)| size.trim_end_matches(['+', '-']).parse::<u64>().ok());
            self.continues = size.is_some();
            if let Some(size) = size {
                self.literal = size;
                self.announced = line.ends_with('}') && !line.ends_with("+}");
                if self.verb == "APPEND" && size > 0 {
                    appended.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
        commands
    }

    /// Takes bytes of the server; where to cut, if the reply that must not arrive begins in them.
    fn heard_server(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut start = 0;
        for (at, &byte) in bytes.iter().enumerate() {
            if byte != b'\n' {
                // The start of a line is enough to know a tag and a status.
                if self.reply.len() < 64 {
                    self.reply.push(byte);
                }
                continue;
            }
            let line = String::from_utf8_lossy(&std::mem::take(&mut self.reply)).into_owned();
            let mut words = line.split(' ');
            let (tag, status) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            if self.announced && tag == self.tag && matches!(status, "NO" | "BAD") {
                (self.announced, self.continues, self.literal) = (false, false, 0);
            }
            if self.lost.as_deref() == Some(tag) && matches!(status, "OK" | "NO" | "BAD") {
                return Some(start);
            }
            start = at + 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(pieces: &[&str]) -> (Vec<String>, usize) {
        let (mut watch, appended) = (Watch::default(), AtomicUsize::new(0));
        let verbs = pieces
            .iter()
            .flat_map(|piece| watch.heard_client(piece.as_bytes(), &appended))
            .map(|(verb, _)| verb)
            .collect();
        (verbs, appended.into_inner())
    }

    /// Commands inside literals are not commands, wherever the pieces end.
    #[test]
    fn commands_are_told_from_literals() {
        let dialogue = "a LOGIN {1+}\r\nu {1}\r\np\r\nb APPEND x (\\Seen) {11+}\r\nc STORE 1\r\n {9}\r\nd CREATE \r\n\
                        e uid store 1 +FLAGS (x)\r\nAGEAcA==\r\nDONE\r\nf NOOP\r\n";
        let expected = (["LOGIN", "APPEND", "STORE", "NOOP"].map(String::from).to_vec(), 2);
        assert_eq!(seen(&[dialogue]), expected);
        for at in 1..dialogue.len() {
            assert_eq!(seen(&[&dialogue[..at], &dialogue[at..]]), expected, "split at {at}");
        }
    }

    /// A literal that the server refused is not waited for.
    #[test]
    fn a_refused_literal_never_comes() {
        let (mut watch, appended) = (Watch::default(), AtomicUsize::new(0));
        assert_eq!(watch.heard_client(b"a1 APPEND x {100}\r\n", &appended).len(), 1);
        assert_eq!(watch.heard_server(b"* OK hm\r\na1 NO [TRYCREATE] no such folder\r\n"), None);
        assert_eq!(watch.heard_client(b"a2 CREATE x\r\n", &appended), [("CREATE".into(), "a2".into())]);
    }

    /// The lost reply is cut off at its start, and what stands before it arrives.
    #[test]
    fn the_lost_reply_is_cut_at_its_start() {
        let mut watch = Watch { lost: Some("a7".into()), ..Watch::default() };
        assert_eq!(watch.heard_server(b"a6 OK done\r\na7 OK [APPENDUID 1 2] done\r\n"), Some(12));
    }

    /// Delay: pieces sent at once arrive together, half a round trip late, and in order.
    #[test]
    fn a_delayed_line_stays_pipelined() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let options = Options { round_trip: Duration::from_millis(100), ..Options::default() };
        let proxy = Proxy::start(listener.local_addr().expect("bound").port(), options);
        let started = Instant::now();
        let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).expect("it listens");
        for number in 0..10 {
            client.write_all(format!("a{number} NOOP\r\n").as_bytes()).expect("open");
        }
        client.shutdown(Shutdown::Write).expect("open");
        let mut text = String::new();
        listener.accept().expect("the proxy connects").0.read_to_string(&mut text).expect("text");
        let took = started.elapsed();
        assert_eq!(text, (0..10).map(|number| format!("a{number} NOOP\r\n")).collect::<String>());
        assert!(took >= Duration::from_millis(50) && took < Duration::from_millis(400), "{took:?}");
        assert_eq!(proxy.count("NOOP"), 10);
    }

    /// A connection is cut at the byte asked for, and the next one lives as long.
    #[test]
    fn each_connection_is_cut_after_its_bytes() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let proxy = Proxy::start(port, Options { cut_every: Some(1000), ..Options::default() });
        for round in 1..=2 {
            let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).expect("it listens");
            let (mut server, _) = listener.accept().expect("the proxy connects");
            server.write_all(&[b'x'; 5000]).expect("open");
            let mut got = Vec::new();
            let _ = client.read_to_end(&mut got);
            assert_eq!(got.len(), 1000);
            assert_eq!(proxy.connections(), (round, round));
        }
    }
}
