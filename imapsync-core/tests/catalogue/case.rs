//! A case: a scenario, a fault, and what must hold after each run, whatever the fault.
//!
//! The scenario is set up twice: on two servers that behave, whose state after a run is the fault-free end, and on two
//! that are made to misbehave. After each run against these:
//!
//! - I1: what has left the source is on the destination;
//! - I2: nothing has left the destination that the fault-free run keeps, nothing is there that it would not bring, and
//!   nothing is there more often;
//! - I3: once the fault has stopped, reruns reach the fault-free end, and then find nothing to do;
//! - I4: no panic, and an end within a bounded (virtual) time;
//! - I5: a success is the fault-free end; anything else has a reason;
//! - I6: the password is in no error, event, report or log line, in no form.

use crate::peer::{self, Router, Transcript};
use crate::witness::Witness;
use imapsync_core::account::{Account, TlsMode};
use imapsync_core::testing::{Act, Body, Call, Mail, Server, Stage};
use imapsync_core::{Error, Event, Report, Side, SyncJob, SyncOptions};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What most servers can.
pub const MODERN: &str = "IMAP4rev1 NAMESPACE UIDPLUS LITERAL+";
/// What all can.
pub const PLAIN: &str = "IMAP4rev1";
/// Nothing else contains it.
pub const PASSWORD: &str = "Zq9xY7-hunter2";
/// More than any run against these few messages may take.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// Both sides, one after the other.
pub const SIDES: [Side; 2] = [Side::Source, Side::Destination];

/// The two servers of a case.
pub struct Pair {
    pub source: Server,
    pub destination: Server,
    routes: peer::Routes,
}

impl Pair {
    fn new(capabilities: [&str; 2]) -> Self {
        let [source, destination] = capabilities.map(Server::new);
        // With the same UIDVALIDITY they might be the same server.
        let destination = destination.with_validity(5000);
        Self { source, destination, routes: peer::Routes::default() }
    }

    /// The server of a side.
    pub fn server(&self, side: Side) -> &Server {
        match side {
            Side::Source => &self.source,
            Side::Destination => &self.destination,
        }
    }

    /// The next connection to this side is served by a transcript.
    pub fn transcript(&self, side: Side, transcript: &str) {
        self.routes.push(side, Transcript::parse(transcript));
    }

    /// Connections to this side go to a port of this machine, through TCP, with TLS where it is asked for.
    pub fn port(&self, side: Side, port: u16) {
        self.routes.to_port(side, port);
    }

    /// So many connections to this side are served by a transcript.
    pub fn transcripts(&self, side: Side, times: usize, transcript: &str) {
        for _ in 0..times {
            self.transcript(side, transcript);
        }
    }
}

/// A scenario. The default: five messages in INBOX and three in Work on the source, nothing on the destination.
pub struct Case {
    capabilities: [&'static str; 2],
    setup: Box<dyn Fn(&Pair)>,
    options: SyncOptions,
    accounts: [Account; 2],
    pipe: usize,
    exact: bool,
}

/// Folders, and of each its messages as body, flags and date in an order that does not depend on UIDs.
pub type State = BTreeMap<String, Vec<(Vec<u8>, Vec<String>, String)>>;

/// What a case came to.
pub struct Outcome {
    /// The first run, with the fault.
    pub result: Result<Report, Error>,
    /// What it told meanwhile.
    pub events: Vec<Event>,
    pub pair: Pair,
    /// Commands before the fault stopped, per side.
    pub log: [Vec<String>; 2],
    /// Connections before the fault stopped, per side.
    pub connections: [usize; 2],
    /// Lines of the protocol log of the first run.
    pub traced: Vec<String>,
}

impl Case {
    pub fn new(source: &'static str, destination: &'static str) -> Self {
        let account = || {
            let mut account = Account::new("localhost", "alice", PASSWORD);
            account.tls = TlsMode::Plaintext;
            account
        };
        Self {
            capabilities: [source, destination],
            setup: Box::new(|pair| {
                fill(&pair.source, "INBOX", 5);
                fill(&pair.source, "Work", 3);
            }),
            options: SyncOptions::default(),
            accounts: [account(), account()],
            pipe: 64 * 1024,
            exact: true,
        }
    }

    pub fn modern() -> Self {
        Self::new(MODERN, MODERN)
    }

    pub fn plain() -> Self {
        Self::new(PLAIN, PLAIN)
    }

    /// Other messages than the usual ones.
    pub fn setup(mut self, setup: impl Fn(&Pair) + 'static) -> Self {
        self.setup = Box::new(setup);
        self
    }

    pub fn options(mut self, change: impl FnOnce(&mut SyncOptions)) -> Self {
        change(&mut self.options);
        self
    }

    /// Changes both accounts.
    pub fn accounts(mut self, change: impl Fn(&mut Account)) -> Self {
        self.accounts.iter_mut().for_each(change);
        self
    }

    /// The pipes between hold so many bytes: one makes segments of one byte.
    pub fn pipe(mut self, bytes: usize) -> Self {
        self.pipe = bytes;
        self
    }

    /// The fault itself changes what the end looks like (flags or dates that the server does not keep): only the
    /// bodies are compared.
    pub fn bodies_only(mut self) -> Self {
        self.exact = false;
        self
    }

    fn job(&self, pair: &Pair) -> SyncJob {
        let [source, destination] = self.accounts.clone();
        SyncJob::new(source, destination).options(self.options.clone()).connector(Arc::new(Router::new(
            pair,
            &pair.routes,
            self.pipe,
        )))
    }

    async fn once(&self, pair: &Pair) -> (Result<Report, Error>, Vec<Event>) {
        let mut job = self.job(pair);
        let mut events = job.events(100_000);
        let listen = async {
            let mut all = Vec::new();
            while let Some(event) = events.next().await {
                all.push(event);
            }
            all
        };
        let run = async { tokio::join!(job.run(), listen) };
        tokio::time::timeout(PATIENCE, run).await.expect("I4: the run hangs")
    }

    /// The fault-free end: source and destination.
    async fn reference(&self) -> [State; 2] {
        let pair = Pair::new(self.capabilities);
        (self.setup)(&pair);
        let (result, _) = self.once(&pair).await;
        let report = result.expect("without a fault the run is a success");
        assert!(report.is_success(), "without a fault: {:?} {:?}", report.errors, report.stopped);
        assert!(report.tally.copied > 0, "a scenario with nothing to copy shows nothing");
        [self.state(&pair.source), self.state(&pair.destination)]
    }

    fn state(&self, server: &Server) -> State {
        let mail = server.mail();
        let folders = mail.folders.iter().filter(|(_, folder)| !folder.ghost);
        let messages = |messages: &[imapsync_core::testing::Message]| {
            let mut messages: Vec<_> = messages
                .iter()
                .map(|message| {
                    let mut flags = message.flags.clone();
                    flags.sort();
                    match self.exact {
                        true => (kept(&message.body), flags, message.date.to_string()),
                        false => (kept(&message.body), Vec::new(), String::new()),
                    }
                })
                .collect();
            messages.sort();
            messages
        };
        folders.map(|(name, folder)| (name.clone(), messages(&folder.messages))).collect()
    }

    /// Runs the scenario with the fault, then without, and checks the invariants after each run.
    pub async fn run(self, fault: impl FnOnce(&Pair)) -> Outcome {
        let [source_end, end] = self.reference().await;
        let pair = Pair::new(self.capabilities);
        (self.setup)(&pair);
        let before = [self.state(&pair.source), self.state(&pair.destination)];
        let sane = [&pair.source, &pair.destination].map(habits);
        fault(&pair);

        let witness = Witness::begin();
        let (result, events) = self.once(&pair).await;
        let traced = witness.end();
        for line in &traced {
            assert_secretless(line);
        }
        for event in &events {
            assert_secretless(&format!("{event:?}"));
        }
        self.check(&pair, &result, &before, &end);
        let log = [&pair.source, &pair.destination].map(|server| server.mail().log.clone());
        let connections = [pair.source.mail().connections, pair.destination.mail().connections];

        for (server, habits) in [&pair.source, &pair.destination].into_iter().zip(sane) {
            server.behave();
            habits(&mut server.mail());
        }
        pair.routes.clear();
        let mut reached = false;
        for _ in 0..3 {
            let (result, _) = self.once(&pair).await;
            self.check(&pair, &result, &before, &end);
            reached = result.is_ok_and(|report| report.is_success());
            if reached {
                break;
            }
        }
        assert!(reached, "I3: no success although the fault has stopped");
        assert_eq!(show(&self.state(&pair.destination)), show(&end), "I3: the end (left) is another (right)");
        let mut reached = self.state(&pair.destination);
        // A folder that was listed for a moment may have been made for nothing.
        reached.retain(|folder, messages| end.contains_key(folder) || !messages.is_empty());
        assert!(reached == end, "I3: folders, flags, dates or bodies differ");
        assert_eq!(show(&self.state(&pair.source)), show(&source_end), "I3: the source");
        let (again, _) = self.once(&pair).await;
        assert_eq!(again.expect("I3").tally.copied, 0, "I3: copies again although nothing is missing");
        Outcome { result, events, pair, log, connections, traced }
    }

    fn check(&self, pair: &Pair, result: &Result<Report, Error>, before: &[State; 2], end: &State) {
        let now = [self.state(&pair.source), self.state(&pair.destination)];
        for (folder, messages) in &before[0] {
            let left = now[0].get(folder).map_or(&[][..], Vec::as_slice);
            for (body, ..) in messages {
                let stays = left.iter().any(|one| one.0 == *body);
                let copied = now[1].values().flatten().any(|one| one.0 == *body);
                assert!(stays || copied, "I1: lost in {folder}: {}", beginning(body));
            }
        }
        let counted = |state: &State| {
            let mut count: BTreeMap<(String, Vec<u8>), usize> = BTreeMap::new();
            for (folder, messages) in state {
                for (body, ..) in messages {
                    *count.entry((folder.clone(), body.clone())).or_default() += 1;
                }
            }
            count
        };
        let [had, has, wanted] = [&before[1], &now[1], end].map(counted);
        for (key, number) in &has {
            let most = had.get(key).copied().unwrap_or(0).max(wanted.get(key).copied().unwrap_or(0));
            assert!(*number <= most, "I2: {number} times in {}, not {most}: {}", key.0, beginning(&key.1));
        }
        for (key, number) in &had {
            let least = wanted.get(key).copied().unwrap_or(0).min(*number);
            let there = has.get(key).copied().unwrap_or(0);
            assert!(there >= least, "I2: removed from {}: {}", key.0, beginning(&key.1));
        }
        match result {
            Ok(report) => {
                assert_secretless(&format!("{report:?}"));
                for error in report.errors.iter().chain(&report.stopped) {
                    assert_reason(error);
                }
                if report.is_success() {
                    assert_eq!(show(&now[1]), show(end), "I5: called a success, but the end is another");
                }
                assert_eq!(report.tally.total(), report.start[0].messages, "one outcome for each message");
            }
            Err(error) => assert_reason(error),
        }
    }
}

impl Outcome {
    /// The error that ended the run before it began.
    #[track_caller]
    pub fn error(&self) -> &Error {
        self.result.as_ref().expect_err("the run began")
    }

    #[track_caller]
    pub fn report(&self) -> &Report {
        self.result.as_ref().unwrap_or_else(|error| panic!("the run did not begin: {error}"))
    }

    /// The fault is borne: nothing is reported.
    #[track_caller]
    pub fn assert_borne(&self) -> &Self {
        let report = self.report();
        assert!(report.is_success(), "{:?} {:?}", report.errors, report.stopped);
        self
    }

    /// The fault is reported, in words of which these are some.
    #[track_caller]
    pub fn assert_reported(&self, words: &str) -> &Self {
        let texts: Vec<String> = match &self.result {
            Ok(report) => report.errors.iter().chain(&report.stopped).map(ToString::to_string).collect(),
            Err(error) => vec![error.to_string()],
        };
        assert!(texts.iter().any(|text| text.contains(words)), "no {words:?} in {texts:#?}");
        self
    }

    /// No correct client breaks the grammar, whatever the server does.
    #[track_caller]
    pub fn assert_no_offence(&self) -> &Self {
        for server in [&self.pair.source, &self.pair.destination] {
            assert_eq!(server.mail().offences, Vec::<String>::new());
        }
        self
    }

    /// Commands with this beginning that came to a side while the fault lasted.
    pub fn count(&self, side: Side, beginning: &str) -> usize {
        self.log[usize::from(side.number() - 1)].iter().filter(|line| line.starts_with(beginning)).count()
    }

    /// What the user was told that is no error.
    pub fn notices(&self) -> Vec<&str> {
        let notice = |event: &'_ Event| matches!(event, Event::Notice { .. });
        let notices = self.events.iter().filter(|event| notice(event));
        notices.map(|event| if let Event::Notice { text, .. } = event { text.as_str() } else { "" }).collect()
    }

    /// Logins that were tried on a side while the fault lasted.
    pub fn logins(&self, side: Side) -> usize {
        self.count(side, "LOGIN") + self.count(side, "AUTHENTICATE")
    }
}

/// What puts a server's habits back to what they are now.
fn habits(server: &Server) -> impl FnOnce(&mut Mail) + use<> {
    let mail = server.mail();
    let (greeting, capabilities) = (mail.greeting.clone(), mail.capabilities.clone());
    let (first, quirks) = (mail.first_capabilities.clone(), mail.quirks.clone());
    let (quota, separator, prefix) = (mail.quota, mail.separator, mail.prefix.clone());
    let (user, password) = (mail.user.clone(), mail.password.clone());
    move |mail| {
        mail.greeting = greeting;
        mail.capabilities = capabilities;
        mail.first_capabilities = first;
        mail.quirks = quirks;
        mail.quota = quota;
        mail.user = user;
        mail.password = password;
        mail.separator = separator;
        mail.prefix = prefix;
    }
}

/// A body as it is compared: its bytes, or its digest where it is large.
fn kept(body: &Body) -> Vec<u8> {
    match body.len() {
        0..=1_000_000 if !matches!(body, Body::Digest { .. }) => body.to_bytes().to_vec(),
        _ => body.digest().to_vec(),
    }
}

#[track_caller]
fn assert_reason(error: &Error) {
    assert_secretless(&format!("{error} {error:?}"));
    let text = error.to_string();
    assert!(text.len() > 10, "I5: no reason: {text}");
    assert!(!text.chars().any(|c| c.is_control()), "control characters: {text:?}");
}

#[track_caller]
fn assert_secretless(text: &str) {
    for form in SECRETS {
        assert!(!text.contains(form), "I6: the password in {text}");
    }
}

/// The password as it is, and in the base64 of PLAIN and of LOGIN.
const SECRETS: [&str; 3] = [PASSWORD, "AGFsaWNlAFpxOXhZNy1odW50ZXIy", "WnE5eFk3LWh1bnRlcjI="];

/// Folders with the beginnings of their messages, for people.
fn show(state: &State) -> Vec<String> {
    let messages = state.iter().flat_map(|(folder, all)| all.iter().map(move |one| (folder, one)));
    messages.map(|(folder, (body, ..))| format!("{folder}: {}", beginning(body))).collect()
}

fn beginning(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(60)]).escape_debug().to_string()
}

/// So many messages of different lengths, the first of them read and flagged.
pub fn fill(server: &Server, folder: &str, messages: usize) {
    for n in 1..=messages {
        let flags: &[&str] = if n == 1 { &["\\Seen", "\\Flagged"] } else { &["\\Seen"] };
        server.mail().folder(folder).add(message(folder, n), flags);
    }
}

/// A message like any other.
pub fn message(folder: &str, n: usize) -> Vec<u8> {
    let body = "All work and no play.\r\n".repeat(n % 7 + 1);
    format!(
        "Message-Id: <{n}.{folder}@example.org>\r\nFrom: a@example.org\r\nSubject: Number {n}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Whether the large counts are wanted too.
pub fn full() -> bool {
    std::env::var_os("IMAPSYNC_FULL").is_some_and(|value| value == "1")
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

/// Says this.
pub fn say(text: &str) -> impl Fn() -> Act + Send + 'static {
    let text = text.to_owned();
    move || Act::Say(text.clone())
}

/// Changes the bytes of an answer.
pub fn edit(
    change: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
) -> impl Fn() -> Act + Send + 'static {
    let change = Arc::new(change);
    move || {
        let change = change.clone();
        Act::Edit(Box::new(move |bytes| change(bytes)))
    }
}

/// Changes each answer to an executed command, as long as the fault lasts.
pub fn every_answer(server: &Server, change: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static) {
    server.hook(times(usize::MAX, |call| call.stage == Stage::Applied, edit(change)));
}

/// Answers a command of this kind with the server's own answer, changed, so many times.
pub fn answers(
    number: usize,
    beginning: &'static str,
    change: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
) -> impl FnMut(&mut Mail, &Call<'_>) -> Act + Send + 'static {
    times(number, move |call| call.stage == Stage::Applied && call.line.starts_with(beginning), edit(change))
}
