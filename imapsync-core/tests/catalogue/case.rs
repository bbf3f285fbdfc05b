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
//!
//! Where somebody else changes a mailbox during the run ([`Case::meanwhile`]), there are several right ends: as if it had
//! happened before, after, or between two runs.

pub use crate::fault::*;
use crate::peer::{self, Router, Transcript};
use crate::witness::Witness;
use imapsync_core::account::{Account, TlsMode};
use imapsync_core::testing::{Act, Body, Call, Mail, Message, Server};
use imapsync_core::{Error, Event, Report, Side, SyncJob, SyncOptions};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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

/// What somebody else does to the mail of one side.
type Change = (Side, Arc<dyn Fn(&mut Mail) + Send + Sync>);

/// The two servers of a case.
pub struct Pair {
    pub source: Server,
    pub destination: Server,
    routes: peer::Routes,
    change: Option<Change>,
    /// Whether somebody else has been at work.
    changed: Arc<AtomicBool>,
}

impl Pair {
    fn new(capabilities: [&str; 2]) -> Self {
        let [source, destination] = capabilities.map(Server::new);
        // Else the same UIDVALIDITY and UIDs would make the two INBOXes look like one.
        let destination = destination.with_validity(500_000);
        Self { source, destination, routes: peer::Routes::default(), change: None, changed: Arc::default() }
    }

    /// Somebody else is at work the first time that `when` holds on his side; `act` is what the server does then.
    pub fn meanwhile(
        &self,
        when: impl Fn(&Call<'_>) -> bool + Send + 'static,
        act: impl Fn() -> Act + Send + 'static,
    ) {
        let (side, change) = self.change.clone().expect("a case with a change");
        let changed = self.changed.clone();
        self.server(side).hook(move |mail, call| {
            if changed.load(Ordering::Relaxed) || !when(call) {
                return Act::Pass;
            }
            changed.store(true, Ordering::Relaxed);
            change(mail);
            act()
        });
    }

    fn change(&self) {
        if let Some((side, change)) = &self.change {
            change(&mut self.server(*side).mail());
        }
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
    change: Option<Change>,
    rest: Duration,
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
    /// The folders as the first run left them, per side.
    pub left: [BTreeMap<String, Vec<Message>>; 2],
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
            change: None,
            rest: Duration::ZERO,
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

    /// Something beside the messages that are set up already.
    pub fn also(mut self, more: impl Fn(&Pair) + 'static) -> Self {
        let setup = self.setup;
        self.setup = Box::new(move |pair| {
            setup(pair);
            more(pair);
        });
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

    /// The fault lasts for so long: what comes after it comes no sooner.
    pub fn resting(mut self, time: Duration) -> Self {
        self.rest = time;
        self
    }

    /// Somebody else does this during the run, when [`Pair::meanwhile`] says so.
    pub fn meanwhile(mut self, side: Side, change: impl Fn(&mut Mail) + Send + Sync + 'static) -> Self {
        self.change = Some((side, Arc::new(change)));
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

    /// The two servers before a run.
    fn pair(&self) -> Pair {
        let mut pair = Pair::new(self.capabilities);
        (self.setup)(&pair);
        pair.change = self.change.clone();
        pair
    }

    fn states(&self, pair: &Pair) -> [State; 2] {
        [self.state(&pair.source), self.state(&pair.destination)]
    }

    /// The fault-free ends: source and destination. The first is the one without a change by others.
    async fn references(&self) -> Vec<[State; 2]> {
        let run = async |pair: &Pair| {
            let (result, _) = self.once(pair).await;
            let report = result.expect("without a fault the run is a success");
            assert!(report.is_success(), "without a fault: {:?} {:?}", report.errors, report.stopped);
            report
        };
        let pair = self.pair();
        let report = run(&pair).await;
        assert!(report.tally.copied > 0, "a scenario with nothing to copy shows nothing");
        let mut ends = vec![self.states(&pair)];
        if self.change.is_some() {
            let early = self.pair();
            early.change();
            run(&early).await;
            ends.push(self.states(&early));
            pair.change();
            ends.push(self.states(&pair));
            run(&pair).await;
            ends.push(self.states(&pair));
        }
        ends
    }

    fn state(&self, server: &Server) -> State {
        let mail = server.mail();
        let folders = mail.folders.iter().filter(|(_, folder)| !folder.ghost);
        let messages = |messages: &[Message]| {
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
        let ends = self.references().await;
        let pair = self.pair();
        let before = self.states(&pair);
        let sane = [&pair.source, &pair.destination].map(habits);
        fault(&pair);

        let witness = Witness::begin();
        let (result, events) = self.once(&pair).await;
        let traced = witness.end();
        for line in &traced {
            assert_secretless(line);
            assert!(!has_controls(line), "I6: control characters in the log: {line:?}");
        }
        for event in &events {
            let shown = format!("{event:?}");
            assert_secretless(&shown);
            assert!(
                !has_controls(&shown) && !is_escaped_by_debug(&shown),
                "I6: control characters in {shown}"
            );
        }
        self.check(&pair, &result, &before, &ends);
        let log = [&pair.source, &pair.destination].map(|server| server.mail().log.clone());
        let connections = [pair.source.mail().connections, pair.destination.mail().connections];
        let left = [&pair.source, &pair.destination].map(folders);

        for (server, habits) in [&pair.source, &pair.destination].into_iter().zip(sane) {
            server.behave();
            habits(&mut server.mail());
        }
        pair.routes.clear();
        tokio::time::sleep(self.rest).await;
        let mut reached = false;
        for _ in 0..3 {
            let (result, _) = self.once(&pair).await;
            self.check(&pair, &result, &before, &ends);
            reached = result.is_ok_and(|report| report.is_success());
            if reached {
                break;
            }
        }
        assert!(reached, "I3: no success although the fault has stopped");
        for (at, side) in ["source", "destination"].into_iter().enumerate() {
            let mut now = self.states(&pair)[at].clone();
            // A folder that was listed for a moment may have been made for nothing.
            now.retain(|folder, messages| ends[0][at].contains_key(folder) || !messages.is_empty());
            let shown: Vec<_> = ends.iter().map(|end| show(&end[at])).collect();
            assert!(shown.contains(&show(&now)), "I3: the {side} is {:#?}, not {shown:#?}", show(&now));
            assert!(ends.iter().any(|end| end[at] == now), "I3: flags, dates or bodies of the {side} differ");
        }
        let (again, _) = self.once(&pair).await;
        assert_eq!(again.expect("I3").tally.copied, 0, "I3: copies again although nothing is missing");
        Outcome { result, events, pair, log, connections, traced, left }
    }

    fn check(&self, pair: &Pair, result: &Result<Report, Error>, before: &[State; 2], ends: &[[State; 2]]) {
        let now = self.states(pair);
        let is_in = |state: &State, body: &[u8]| state.values().flatten().any(|one| one.0 == body);
        // What others have delivered meanwhile is not to be lost either.
        let delivered = ends.get(2).filter(|_| pair.changed.load(Ordering::Relaxed)).map(|end| &end[0]);
        for (folder, messages) in before[0].iter().chain(delivered.into_iter().flatten()) {
            let left = now[0].get(folder).map_or(&[][..], Vec::as_slice);
            for (body, ..) in messages {
                let stays = left.iter().any(|one| one.0 == *body);
                let removed_by_others = ends.iter().any(|end| !is_in(&end[0], body) && !is_in(&end[1], body));
                assert!(
                    stays || is_in(&now[1], body) || removed_by_others,
                    "I1: lost in {folder}: {}",
                    beginning(body)
                );
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
        let [had, has] = [&before[1], &now[1]].map(counted);
        let wanted: Vec<_> = ends.iter().map(|end| counted(&end[1])).collect();
        let of = |key| wanted.iter().map(move |wanted| wanted.get(key).copied().unwrap_or(0));
        for (key, number) in &has {
            let most = of(key).chain(had.get(key).copied()).max().unwrap_or(0);
            assert!(*number <= most, "I2: {number} times in {}, not {most}: {}", key.0, beginning(&key.1));
        }
        for (key, number) in &had {
            let least = of(key).min().unwrap_or(0).min(*number);
            let there = has.get(key).copied().unwrap_or(0);
            assert!(there >= least, "I2: removed from {}: {}", key.0, beginning(&key.1));
        }
        match result {
            Ok(report) => {
                let shown = format!("{report:?}");
                assert_secretless(&shown);
                assert!(
                    !has_controls(&shown) && !is_escaped_by_debug(&shown),
                    "I6: control characters in {shown}"
                );
                for error in report.errors.iter().chain(&report.stopped) {
                    assert_reason(error);
                }
                if report.is_success() {
                    let (shown, right) =
                        (show(&now[1]), ends.iter().map(|end| show(&end[1])).collect::<Vec<_>>());
                    assert!(
                        right.contains(&shown),
                        "I5: called a success, but the end is {shown:#?}, not {right:#?}"
                    );
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

    /// A message on the destination as the first run left it, by its Message-Id.
    #[track_caller]
    pub fn copy(&self, folder: &str, n: usize) -> &Message {
        let id = format!("Message-Id: <{n}.{folder}@example.org>");
        let mut messages = self.left[1].get(folder).into_iter().flatten();
        let copy = messages.find(|one| memchr::memmem::find(&one.body.to_bytes(), id.as_bytes()).is_some());
        copy.unwrap_or_else(|| panic!("no copy of {n} in {folder}"))
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

/// All messages of a server.
fn folders(server: &Server) -> BTreeMap<String, Vec<Message>> {
    let mail = server.mail();
    mail.folders.iter().map(|(name, folder)| (name.clone(), folder.messages.clone())).collect()
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
    assert!(!has_controls(&text), "control characters: {text:?}");
}

#[track_caller]
fn assert_secretless(text: &str) {
    for form in SECRETS {
        assert!(!text.contains(form), "I6: the password in {text}");
    }
}

/// Characters that could move the cursor, begin another line or turn text around.
pub fn has_controls(text: &str) -> bool {
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().any(|c| c.is_control() || turns(c))
}

/// Whether `Debug` had a control character to escape: what the crate has escaped itself has two backslashes there.
fn is_escaped_by_debug(shown: &str) -> bool {
    let mut rest = shown;
    while let Some(at) = rest.find('\\') {
        let escape = &rest[at + 1..];
        let code =
            escape.strip_prefix("u{").and_then(|hex| u32::from_str_radix(&hex[..hex.find('}')?], 16).ok());
        let hidden = code.and_then(char::from_u32).is_some_and(|c| has_controls(&c.to_string()));
        if hidden || escape.starts_with(['r', 'n', 't', '0']) {
            return true;
        }
        rest = escape.get(1..).unwrap_or_default();
    }
    false
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
