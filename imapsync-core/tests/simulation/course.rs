//! The course of a scene: runs that go wrong, runs that go well, one that has nothing to do; and what each is held to.

use crate::model::{Acted, Model};
use crate::scene::{Does, Host, Other, Scene, delivered};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imapsync_core::account::TlsMode;
use imapsync_core::net::MemoryConnector;
use imapsync_core::testing::{Act, Call, Fired, Gauge, Kind, Mail, Quirks, Server, connector};
use imapsync_core::{Account, Error, ErrorKind, Report, SyncJob, SyncOptions};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const PASSWORD: &str = "hunter2-correct-horse";
/// No run takes longer, in virtual time.
const PATIENCE: Duration = Duration::from_secs(2 * 3600);
/// What was in the servers' hands when a run ended has had its effect by then.
const PAUSE: Duration = Duration::from_secs(3);
/// Runs without faults until one is a success.
const TRIES: usize = 3;
/// Commands that change something.
const WRITES: [&str; 8] =
    ["APPEND", "UID STORE", "STORE", "CREATE", "UID EXPUNGE", "EXPUNGE", "DELETE", "RENAME"];

/// What has happened in one scene.
#[derive(Debug, Default)]
pub struct Played {
    fired: BTreeMap<Kind, u64>,
    runs: u64,
    killed: u64,
    successes: u64,
    refused: u64,
    stored: u64,
    acted: u64,
}

/// The sums over all scenes.
#[derive(Debug, Default)]
pub struct Sums {
    scenes: u64,
    all: Played,
    pub fired: BTreeMap<Kind, u64>,
}

impl Sums {
    pub fn add(&mut self, played: &Played) {
        self.scenes += 1;
        for (kind, count) in &played.fired {
            *self.fired.entry(*kind).or_default() += count;
        }
        for (sum, count) in [
            (&mut self.all.runs, played.runs),
            (&mut self.all.killed, played.killed),
            (&mut self.all.successes, played.successes),
            (&mut self.all.refused, played.refused),
            (&mut self.all.stored, played.stored),
            (&mut self.all.acted, played.acted),
        ] {
            *sum += count;
        }
    }
}

impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Played { runs, killed, successes, refused, stored, acted, .. } = &self.all;
        writeln!(
            f,
            "{} scenes, {runs} runs: {successes} successes, {refused} reports or errors that named a failure, \
             {killed} killed; {stored} messages stored, another client interfered {acted} times",
            self.scenes
        )?;
        writeln!(f, "faults that happened:")?;
        Kind::ALL.iter().try_for_each(|kind| {
            writeln!(f, "{:>8} {}", self.fired.get(kind).copied().unwrap_or(0), kind.name())
        })
    }
}

impl fmt::Display for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (side, host) in ["source", "destination"].iter().zip(&self.hosts) {
            let Host { capabilities, separator, prefix, quirks } = host;
            writeln!(f, "{side}: {capabilities} | separator {separator} prefix {prefix:?}")?;
            let Quirks { rewrite, dates, keywords, ghosts, shuffled, no_for_bad, .. } = quirks;
            writeln!(f, "  {rewrite:?} {dates:?} {keywords:?} ghosts {ghosts:?} {shuffled} {no_for_bad}")?;
        }
        writeln!(f, "{:?}", self.choice)?;
        for folder in &self.folders {
            writeln!(
                f,
                "folder {:?}{}",
                folder.path,
                if folder.there.is_none() { ", missing over there" } else { "" }
            )?;
            let letters = |side: &'static str, letters: &[crate::scene::Letter]| {
                letters.iter().enumerate().map(move |(n, l)| (side, n + 1, l.clone())).collect::<Vec<_>>()
            };
            let there = folder.there.as_deref().unwrap_or_default();
            for (side, uid, letter) in
                letters("here", &folder.here).into_iter().chain(letters("there", there))
            {
                let begin = String::from_utf8_lossy(&letter.body[..letter.body.len().min(70)]).into_owned();
                writeln!(f, "  {side} {uid} {:?} {} bytes {begin:?}", letter.flags, letter.body.len())?;
            }
        }
        for (side, script) in ["source", "destination"].iter().zip(&self.scripts) {
            writeln!(f, "script of the {side}:\n{script}")?;
        }
        for other in &self.others {
            writeln!(f, "{other:?}")?;
        }
        writeln!(f, "rounds: {:?}", self.rounds)
    }
}

/// The servers of a scene, and what has happened to them.
pub struct World<'a> {
    pub scene: &'a Scene,
    pub servers: [Server; 2],
    pub acted: Arc<Mutex<Acted>>,
    gauge: Gauge,
    connector: MemoryConnector,
    story: Vec<String>,
    played: Played,
}

/// Plays a scene to its end; what it was that went wrong, with the logs, where something did.
pub async fn play(scene: &Scene) -> Result<Played, String> {
    let mut world = World::new(scene);
    let fired: Vec<Fired> = (0..2).map(|side| world.servers[side].run_script(&scene.scripts[side])).collect();
    let result = world.course(&fired).await;
    world.played.acted = world.acted.lock().unwrap().count;
    for kind in Kind::ALL {
        world.played.fired.insert(kind, fired.iter().map(|fired| fired.count(kind)).sum());
    }
    result.map_err(|why| {
        let logs: Vec<String> = (0..2)
            .map(|side| {
                format!(
                    "log of {}:\n{}",
                    ["source", "destination"][side],
                    world.servers[side].mail().log.join("\n")
                )
            })
            .collect();
        let fired: Vec<String> = Kind::ALL
            .iter()
            .filter(|kind| world.played.fired[kind] > 0)
            .map(|kind| format!("{} {}", world.played.fired[kind], kind.name()))
            .collect();
        format!("{why}\n{scene}fired: {}\n{}\n{}", fired.join(", "), world.story.join("\n"), logs.join("\n"))
    })?;
    Ok(world.played)
}

impl<'a> World<'a> {
    fn new(scene: &'a Scene) -> Self {
        let gauge = Gauge::default();
        let servers: [Server; 2] = [0, 1].map(|side| {
            let host = &scene.hosts[side];
            let first = [1000, 500_000][side];
            let server = Server::new(&host.capabilities).with_gauge(&gauge).with_validity(first);
            let mut mail = server.mail();
            mail.separator = host.separator;
            mail.prefix.clone_from(&host.prefix);
            mail.quirks = host.quirks.clone();
            for (at, folder) in scene.folders.iter().enumerate() {
                let letters = if side == 0 { Some(&folder.here) } else { folder.there.as_ref() };
                let Some(letters) = letters else { continue };
                let name = scene.name(side, at);
                let to = mail.folder(&name);
                for letter in letters {
                    to.store(
                        scene.kept_body(side, letter).into(),
                        scene.kept_flags(side, letter),
                        &letter.date,
                    );
                }
            }
            if side == 1 {
                let name = scene.elsewhere();
                let elsewhere = mail.folder(&name);
                elsewhere.add("Message-Id: <else@x>\r\n\r\nnot yours\r\n", &["\\Flagged"]);
                elsewhere.add("Message-Id: <else2@x>\r\n\r\nnor this\r\n", &["\\Deleted"]);
            }
            drop(mail);
            server
        });
        let acted: Arc<Mutex<Acted>> = Arc::default();
        for other in &scene.others {
            let (name, other, acted) = (scene.name(other.side, other.folder), other.clone(), acted.clone());
            servers[other.side].hook(move |mail, call| interfere(mail, call, &name, &other, &acted));
        }
        let connector = connector(&servers[0], &servers[1]);
        Self { scene, servers, acted, gauge, connector, story: Vec::new(), played: Played::default() }
    }

    async fn course(&mut self, fired: &[Fired]) -> Result<(), String> {
        let options = self.scene.choice.options();
        if self.scene.choice.dry_first {
            let dry = SyncOptions { dry: true, ..options.clone() };
            let from = self.mark("a dry run");
            self.run(dry, None, false).await?;
            self.nothing_written(from, &WRITES)?;
        }
        for (n, round) in self.scene.rounds.iter().enumerate() {
            self.mark(&format!("run {}", n + 1));
            let before = self.acted.lock().unwrap().clone();
            let old = fired[0].count(Kind::Replica) > 0;
            let report = self.run(options.clone(), round.killed_after, true).await?;
            let old = old || fired[0].count(Kind::Replica) > 0;
            let model = Model::new(self);
            model.always()?;
            if report.as_ref().is_some_and(Report::is_success) {
                // What a source showed that lags behind is all that can be expected.
                let before = if old { Acted::default() } else { before };
                model.success(&before)?;
            }
        }
        self.servers.iter().for_each(Server::behave);
        let mut last = None;
        for n in 0..TRIES {
            self.mark(&format!("without faults {}", n + 1));
            let report = self.run(options.clone(), None, true).await?.ok_or("killed")?;
            Model::new(self).always()?;
            let done = report.is_success();
            last = Some(report);
            if done {
                break;
            }
        }
        let report = last.ok_or("no run")?;
        let refused = report.errors.iter().any(|error| error.kind() == ErrorKind::Delete);
        if !report.is_success() && !self.may_refuse(&report) {
            return Err(format!("no success without faults: {:?} {:?}", report.errors, report.stopped));
        }
        let model = Model::new(self);
        model.success(&self.acted.lock().unwrap())?;
        model.end(refused)?;
        if self.scene.choice.marks() || self.scene.hosts[0].quirks.shuffled {
            // Of duplicates, the one that is left when the other has gone gives the copy its flags; or the first one does,
            // where another was read before it.
            self.mark("what is left");
            self.run(options.clone(), None, true).await?;
            Model::new(self).always()?;
        }
        let from = self.mark("nothing to do");
        self.run(options, None, true).await?;
        Model::new(self).always()?;
        let writes: Vec<&str> = WRITES
            .into_iter()
            .filter(|word| !word.contains("STORE") || !(refused || self.scene.loses_keywords()))
            .filter(|word| !word.contains("EXPUNGE") || !refused)
            .collect();
        self.nothing_written(from, &writes)
    }

    /// One run; its report, where it was neither killed nor ended by an error. Then what was in flight settles.
    async fn run(
        &mut self,
        options: SyncOptions,
        killed_after: Option<u64>,
        real: bool,
    ) -> Result<Option<Report>, String> {
        let mut account = Account::new("localhost", "alice", PASSWORD);
        account.tls = TlsMode::Plaintext;
        let job = SyncJob::new(account.clone(), account)
            .options(options)
            .connector(Arc::new(self.connector.clone()));
        self.gauge.tell_at(killed_after.map(|bytes| self.gauge.moved() + bytes));
        let before = self.stored();
        let result = {
            let run = tokio::time::timeout(PATIENCE, job.run());
            tokio::select! {
                biased;
                () = self.gauge.reached() => None,
                result = run => Some(result.map_err(|_| "the run hangs")?),
            }
        };
        self.gauge.tell_at(None);
        tokio::time::sleep(PAUSE).await;
        self.played.runs += 1;
        self.played.stored += self.stored().saturating_sub(before);
        for (side, server) in self.servers.iter().enumerate() {
            let offences = server.mail().offences.join("; ");
            if !offences.is_empty() {
                return Err(format!("side {}: the client's fault: {offences}", side + 1));
            }
        }
        match result {
            None => {
                self.tell("killed");
                self.played.killed += 1;
                Ok(None)
            }
            Some(Err(error)) => {
                self.tell(&error.to_string());
                self.played.refused += 1;
                no_secret(&format!("{error} {error:?}"))?;
                Ok(None)
            }
            Some(Ok(report)) => {
                let errors: Vec<String> =
                    report.errors.iter().chain(&report.stopped).map(Error::to_string).collect();
                self.tell(&format!("{:?} {errors:?}", report.tally));
                no_secret(&format!("{errors:?} {report:?}"))?;
                adds_up(&report)?;
                *(if report.is_success() { &mut self.played.successes } else { &mut self.played.refused }) +=
                    1;
                let alone = self.scene.others.is_empty() && !self.scene.choice.delete2 && real;
                let stored = self.stored() - before.min(self.stored());
                if alone
                    && (report.tally.copied > stored || report.is_success() && report.tally.copied != stored)
                {
                    return Err(format!("{} reported as copied, {stored} stored", report.tally.copied));
                }
                Ok(Some(report))
            }
        }
    }

    /// What goes wrong without any fault, and is said: without UIDPLUS nothing is expunged where somebody else's marks are
    /// in the way, and keywords that a server takes and does not keep are named.
    fn may_refuse(&self, report: &Report) -> bool {
        let uid_plus = self.scene.hosts.iter().all(|host| host.capabilities.contains("UIDPLUS"));
        let expected = |error: &Error| match error.kind() {
            ErrorKind::Delete => !uid_plus,
            ErrorKind::Flags => self.scene.loses_keywords(),
            _ => false,
        };
        report.stopped.is_none() && report.errors.iter().all(expected)
    }

    /// Messages on the destination.
    fn stored(&self) -> u64 {
        self.servers[1].mail().folders.values().map(|folder| folder.messages.len() as u64).sum()
    }

    /// Writes a headline into both logs; where they stand.
    fn mark(&mut self, title: &str) -> [usize; 2] {
        self.story.push(title.to_owned());
        [0, 1].map(|side| {
            let log = &mut self.servers[side].mail().log;
            log.push(format!("--- {title}"));
            log.len()
        })
    }

    /// What became of the run whose headline came last.
    fn tell(&mut self, what: &str) {
        if let Some(headline) = self.story.last_mut() {
            *headline += &format!(": {what}");
        }
    }

    fn nothing_written(&self, from: [usize; 2], writes: &[&str]) -> Result<(), String> {
        for (side, from) in from.into_iter().enumerate() {
            for line in &self.servers[side].mail().log[from..] {
                if writes.iter().any(|word| line.starts_with(word)) {
                    return Err(format!("side {}: nothing was to be done: {line}", side + 1));
                }
            }
        }
        Ok(())
    }
}

fn no_secret(text: &str) -> Result<(), String> {
    let encoded = STANDARD.encode(format!("\0alice\0{PASSWORD}"));
    if text.contains(PASSWORD) || text.contains(&encoded) {
        return Err(format!("the password is told: {text}"));
    }
    Ok(())
}

fn adds_up(report: &Report) -> Result<(), String> {
    let tally = &report.tally;
    let named = tally.total() - tally.copied - tally.already_there;
    let folders: u64 = report.folders.iter().map(|folder| folder.tally.total()).sum();
    if tally.total() != report.start[0].messages
        || named != report.named.len() as u64
        || folders != tally.total()
    {
        return Err(format!("the report does not add up: {report:?}"));
    }
    if report.is_success() && tally.failed + tally.skipped > 0 {
        return Err(format!("a success with failures: {report:?}"));
    }
    Ok(())
}

/// What another client does, at its step.
fn interfere(mail: &mut Mail, call: &Call<'_>, name: &str, other: &Other, acted: &Mutex<Acted>) -> Act {
    if call.step != other.step {
        return Act::Pass;
    }
    let mut acted = acted.lock().unwrap();
    let Some(folder) = mail.folders.get_mut(name) else { return Act::Pass };
    acted.count += 1;
    let acts = &mut acted.folders.entry((other.side, other.folder)).or_default();
    if other.does == Does::Deliver {
        let body = delivered(other.side, other.which);
        let uid = folder.add(body.clone(), &["\\Flagged"]);
        acts.delivered.push((uid, body));
        return Act::Pass;
    }
    let count = folder.messages.len() as u64;
    if count == 0 {
        return Act::Pass;
    }
    let (uid, body) = {
        let message = &folder.messages[(other.which % count) as usize];
        (message.uid, message.body.to_bytes().to_vec())
    };
    match other.does {
        Does::Flag => {
            folder.flag(uid, |flags| flags.retain(|flag| flag != "\\Answered"));
            folder.flag(uid, |flags| flags.push("\\Answered".to_owned()));
            acts.flagged.push(uid);
        }
        Does::MarkDeleted => {
            folder.flag(uid, |flags| flags.retain(|flag| flag != "\\Deleted"));
            folder.flag(uid, |flags| flags.push("\\Deleted".to_owned()));
            acts.marked.push((uid, body));
        }
        Does::Expunge | Does::Deliver => {
            folder.expunge(|message| message.uid == uid);
            acts.removed.push((uid, body));
        }
    }
    Act::Pass
}
