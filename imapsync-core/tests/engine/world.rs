//! Two servers, a connector between, and what must hold after a run.

use imapsync_core::net::MemoryConnector;
use imapsync_core::plan::Outcome;
use imapsync_core::testing::{Act, Call, Gauge, Mail, Server, account, connector};
use imapsync_core::{Account, Connections, Error, Report, SyncJob, SyncOptions};
use std::num::NonZeroUsize;
use std::sync::Arc;

/// What most servers can.
pub const MODERN: &str = "IMAP4rev1 NAMESPACE UIDPLUS LITERAL+";
/// What all can.
pub const PLAIN: &str = "IMAP4rev1";

/// Messages travel in groups.
pub const GROUPS: &str = "IMAP4rev1 NAMESPACE UIDPLUS LITERAL+ MULTIAPPEND";
/// Folders for several connections.
pub const FOLDERS: [&str; 5] = ["INBOX", "One", "Two", "Three", "Four"];

/// Two accounts.
pub struct World {
    pub source: Server,
    pub destination: Server,
    pub connector: MemoryConnector,
    pub account: Account,
    pub gauge: Gauge,
}

impl World {
    pub fn new(source: &str, destination: &str) -> Self {
        let (source, destination) = (Server::new(source), Server::new(destination).with_validity(500_000));
        Self::between(source, destination)
    }

    /// Both accounts are one and the same.
    pub fn one(capabilities: &str) -> Self {
        let server = Server::new(capabilities);
        Self::between(server.clone(), server)
    }

    /// Two accounts whose folders have the same UIDVALIDITY.
    pub fn twins(capabilities: &str) -> Self {
        Self::between(Server::new(capabilities), Server::new(capabilities))
    }

    fn between(source: Server, destination: Server) -> Self {
        let gauge = Gauge::default();
        let (source, destination) = (source.with_gauge(&gauge), destination.with_gauge(&gauge));
        let connector = connector(&source, &destination);
        Self { source, destination, connector, account: account(), gauge }
    }

    /// The same capabilities on both sides, and so many messages in the source's INBOX.
    pub fn with(capabilities: &str, messages: usize) -> Self {
        let world = Self::new(capabilities, capabilities);
        world.fill("INBOX", messages);
        world
    }

    pub fn fill(&self, folder: &str, messages: usize) {
        for n in 1..=messages {
            self.source.mail().folder(folder).add(message(folder, n), &["\\Seen"]);
        }
    }

    pub fn job(&self, options: SyncOptions) -> SyncJob {
        SyncJob::new(self.account.clone(), self.account.clone())
            .options(options)
            .connector(Arc::new(self.connector.clone()))
    }

    pub async fn try_run(&self, options: SyncOptions) -> Result<Report, Error> {
        // An hour of virtual time: more is a hang.
        let patience = std::time::Duration::from_secs(7 * 3600);
        tokio::time::timeout(patience, self.job(options).run()).await.expect("the run hangs")
    }

    pub async fn run(&self, options: SyncOptions) -> Report {
        let report = self.try_run(options).await.unwrap();
        let told = report.tally.total();
        let listed = report.start[0].messages;
        assert_eq!(told, listed, "every message has one outcome");
        report
    }

    pub async fn sync(&self) -> Report {
        self.run(SyncOptions::default()).await
    }

    /// The destination has each message of the source once, byte for byte, and nothing else.
    #[track_caller]
    pub fn assert_same(&self, folder: &str) {
        let (here, there) = (self.source.bodies(folder), self.destination.bodies(folder));
        assert_eq!(shown(&there), shown(&here), "destination (left), source (right)");
        assert!(here == there, "the bodies differ");
    }

    /// A success, and the same messages on both sides.
    #[track_caller]
    pub fn assert_copied(&self, report: &Report) {
        assert!(report.is_success(), "{:?} {:?}", report.errors, report.stopped);
        self.assert_same("INBOX");
    }

    /// A second run finds nothing to do.
    pub async fn assert_settled(&self) {
        let report = self.sync().await;
        assert!(report.is_success(), "{:?}", report.errors);
        assert_eq!(report.tally.copied, 0, "the second run copies again");
    }
}

/// The default options with so many connections.
pub fn with(connections: usize) -> SyncOptions {
    let connections = Connections::Fixed(NonZeroUsize::new(connections).unwrap());
    SyncOptions { connections, ..SyncOptions::default() }
}

/// So many messages in each of five folders.
pub fn shared_world(capabilities: &str, messages: usize) -> World {
    let world = World::with(capabilities, 0);
    for folder in FOLDERS {
        world.fill(folder, messages);
    }
    world
}

/// The beginnings of messages, for a failed assertion.
fn shown(bodies: &[Vec<u8>]) -> Vec<String> {
    bodies.iter().map(|body| String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned()).collect()
}

/// A message like any other.
pub fn message(folder: &str, n: usize) -> Vec<u8> {
    let body = "All work and no play.\r\n".repeat(n % 7 + 1);
    format!(
        "Message-Id: <{n}.{folder}@example.org>\r\nFrom: a@example.org\r\nSubject: Number {n}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A message of about so many bytes.
pub fn large(n: usize, bytes: usize) -> Vec<u8> {
    let mut message =
        format!("Message-Id: <large{n}@example.org>\r\nSubject: Large {n}\r\n\r\n").into_bytes();
    let mut line = 0;
    while message.len() < bytes {
        message.extend_from_slice(format!("line {line} of message {n}\r\n").as_bytes());
        line += 1;
    }
    message
}

/// Small memory: 100 KB streams.
pub fn small_memory() -> SyncOptions {
    SyncOptions { memory: 128 * 1024, ..SyncOptions::default() }
}

/// A hook that acts the first `times` times that `when` holds.
pub fn times(
    times: usize,
    when: impl Fn(&Call<'_>) -> bool + Send + 'static,
    act: impl Fn() -> Act + Send + 'static,
) -> impl FnMut(&mut Mail, &Call<'_>) -> Act + Send + 'static {
    let mut left = times;
    move |_, call| {
        if left > 0 && when(call) {
            left -= 1;
            return act();
        }
        Act::Pass
    }
}

/// Once.
pub fn once(
    when: impl Fn(&Call<'_>) -> bool + Send + 'static,
    act: impl Fn() -> Act + Send + 'static,
) -> impl FnMut(&mut Mail, &Call<'_>) -> Act + Send + 'static {
    times(1, when, act)
}

/// Says this.
pub fn say(text: &str) -> impl Fn() -> Act + Send + 'static {
    let text = text.to_owned();
    move || Act::Say(text.clone())
}

/// Changes the text of an answer.
pub fn edit(change: impl Fn(String) -> String + Send + Clone + 'static) -> impl Fn() -> Act + Send + 'static {
    move || {
        let change = change.clone();
        Act::Edit(Box::new(move |bytes| change(String::from_utf8(bytes).unwrap()).into_bytes()))
    }
}

/// The outcomes that a report names, as `uid name`.
pub fn named(report: &Report) -> Vec<String> {
    let mut named: Vec<_> =
        report.named.iter().map(|one| format!("{} {}", one.uid, Outcome::name(&one.outcome))).collect();
    named.sort();
    named
}

/// An answer to FETCH without this message.
pub fn without(text: &str, uid: u32) -> String {
    let Some(at) = text.find(&format!("(UID {uid} ")) else { return text.to_owned() };
    let start = text[..at].rfind("* ").unwrap();
    let end = at + text[at..].find(")\r\n").unwrap() + 3;
    format!("{}{}", &text[..start], &text[end..])
}
