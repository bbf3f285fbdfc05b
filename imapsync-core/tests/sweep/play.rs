//! Plays a scenario with one cut, and checks what must hold after each run and at the end.

use crate::cut::{Cut, Kind, Length, What};
use crate::scenario::{Rows, Scenario, body, expected, fill, found, names, rows};
use imapsync_core::testing::{Act, Call, Gauge, Mail, Server, account, connector};
use imapsync_core::{Delete1, Report, Side, SyncJob};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Longer than any run may take, in virtual time.
const PATIENCE: Duration = Duration::from_secs(2 * 3600);
/// Commands that change something.
const CHANGES: [&str; 9] =
    ["APPEND", "UID STORE", "STORE", "UID EXPUNGE", "EXPUNGE", "CREATE", "SUBSCRIBE", "DELETE", "CLOSE"];

/// Tells what happens, for a point that is looked at alone.
pub type Tell<'a> = Option<&'a mut dyn FnMut(String)>;

struct Theatre {
    source: Server,
    destination: Server,
    gauge: Gauge,
    connector: imapsync_core::net::MemoryConnector,
    /// Another client has delivered a message to the source.
    delivered: Arc<AtomicBool>,
}

impl Theatre {
    fn new(scenario: &Scenario) -> Self {
        let gauge = Gauge::default();
        let source = Server::new(scenario.capabilities).with_gauge(&gauge);
        let destination = Server::new(scenario.capabilities).with_gauge(&gauge).with_validity(3000);
        fill(&source, scenario.source);
        fill(&destination, scenario.destination);
        let connector = connector(&source, &destination);
        Self { source, destination, gauge, connector, delivered: Arc::default() }
    }

    fn job(&self, scenario: &Scenario) -> SyncJob {
        SyncJob::new(account(), account())
            .options((scenario.options)())
            .connector(Arc::new(self.connector.clone()))
    }

    /// A run to its end.
    async fn run(&self, scenario: &Scenario) -> Result<Result<Report, imapsync_core::Error>, String> {
        tokio::time::timeout(PATIENCE, self.job(scenario).run()).await.map_err(|_| "the run hangs".to_owned())
    }

    /// A run that is dropped after so many bytes; None where it was.
    async fn run_until(
        &self,
        scenario: &Scenario,
        bytes: u64,
    ) -> Result<Option<Result<Report, imapsync_core::Error>>, String> {
        self.gauge.tell_at(Some(self.gauge.moved() + bytes));
        let ended = tokio::select! {
            biased;
            () = self.gauge.reached() => Ok(None),
            ended = self.run(scenario) => ended.map(Some),
        };
        self.gauge.tell_at(None);
        ended
    }

    fn server(&self, side: Side) -> &Server {
        if side == Side::Source { &self.source } else { &self.destination }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// The scenario without a disturbance: that it ends as it must, and how long it is.
pub fn undisturbed(scenario: &Scenario) -> Result<Length, String> {
    runtime().block_on(async {
        let theatre = Theatre::new(scenario);
        let noted: [Arc<Mutex<Vec<_>>>; 2] = Default::default();
        for (server, noted) in [&theatre.source, &theatre.destination].into_iter().zip(noted.clone()) {
            server.hook(move |_, call| {
                noted.lock().unwrap().push((call.step, call.stage, call.line.to_owned()));
                Act::Pass
            });
        }
        let report = theatre.run(scenario).await?.map_err(|error| error.to_string())?;
        check_end(scenario, &theatre, &report)?;
        let steps = noted.map(|noted| std::mem::take(&mut *noted.lock().unwrap()));
        let length = Length { steps, bytes: theatre.gauge.moved() };
        settled(scenario, &theatre).await?;
        Ok(length)
    })
}

/// Plays one point; a panic is a failure like any other.
pub fn guarded(scenario: &Scenario, cut: Cut, tell: Tell<'_>) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| runtime().block_on(play(scenario, cut, tell)))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("panic: {}", text.unwrap_or_default()))
    })
}

async fn play(scenario: &Scenario, cut: Cut, mut tell: Tell<'_>) -> Result<(), String> {
    let theatre = Theatre::new(scenario);
    let mut tell = |line: String| {
        if let Some(tell) = &mut tell {
            tell(line);
        }
    };
    let ended = match cut.what {
        What::At { side, step, act } => {
            let delivered = theatre.delivered.clone();
            theatre.server(side).hook(move |mail, call| match call.step == step {
                true => happen(act, mail, call, &delivered),
                false => Act::Pass,
            });
            Some(theatre.run(scenario).await?)
        }
        What::Drop { bytes } => theatre.run_until(scenario, bytes).await?,
    };
    tell(format!("first run: {ended:?}"));
    if matches!(cut.what, What::At { act: Kind::Late(_), .. }) {
        // Whatever comes late has come now.
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    check_meanwhile(scenario, &theatre).map_err(|why| format!("after the cut: {why}"))?;
    if let Some(Ok(report)) = &ended
        && report.is_success()
        && !theatre.delivered.load(Ordering::Relaxed)
    {
        check_end(scenario, &theatre, report).map_err(|why| format!("success after the cut, but {why}"))?;
    }
    theatre.source.behave();
    theatre.destination.behave();
    if let Some(bytes) = cut.again {
        let ended = theatre.run_until(scenario, bytes).await?;
        tell(format!("second run, cut again: {ended:?}"));
        check_meanwhile(scenario, &theatre).map_err(|why| format!("after the second cut: {why}"))?;
    }
    let report = theatre.run(scenario).await?.map_err(|error| format!("the rerun: {error}"))?;
    tell(format!("rerun: {report:?}"));
    if !report.is_success() {
        return Err(format!("the rerun is no success: {:?} {:?}", report.errors, report.stopped));
    }
    check_end(scenario, &theatre, &report)?;
    settled(scenario, &theatre).await
}

/// Does it, once.
fn happen(kind: Kind, mail: &mut Mail, call: &Call<'_>, delivered: &AtomicBool) -> Act {
    let edit = |change: fn(String) -> String| {
        Act::Edit(Box::new(move |bytes| change(String::from_utf8_lossy(&bytes).into_owned()).into_bytes()))
    };
    match kind {
        Kind::Close => Act::Close,
        Kind::Late(after) => Act::LoseAndApply(Duration::from_millis(after)),
        Kind::No => Act::Say("{tag} NO not now\r\n".to_owned()),
        Kind::Bad => Act::Say("{tag} BAD what\r\n".to_owned()),
        Kind::Short => edit(|text| match text.find(")\r\n") {
            Some(at) if text.starts_with("* 1 FETCH") => text[at + 3..].to_owned(),
            _ => text,
        }),
        Kind::Empty => edit(emptied),
        Kind::Garbled => edit(|text| text.replace("FLAGS (", "FLAGS ((")),
        Kind::Renumbered => {
            let inbox = mail.folder("INBOX");
            inbox.messages.reverse();
            inbox.renumber(inbox.validity + 500);
            Act::Close
        }
        Kind::Delivery => {
            delivered.store(true, Ordering::Relaxed);
            mail.folder("INBOX").add(body(DELIVERED), &["\\Deleted"]);
            debug_assert!(call.step > 0);
            Act::Pass
        }
    }
}

/// What another client delivers.
const DELIVERED: &str = "zz";

/// The answer with nothing in its literals.
fn emptied(text: String) -> String {
    let (mut out, mut rest) = (String::new(), text.as_str());
    while let Some(open) = rest.find(" {") {
        let Some((digits, after)) = rest[open + 2..].split_once("}\r\n") else { break };
        let Ok(len) = digits.parse::<usize>() else { break };
        out.push_str(&rest[..open]);
        out.push_str(" {0}\r\n");
        rest = after.get(len..).unwrap_or("");
    }
    out + rest
}

/// One more run does nothing.
async fn settled(scenario: &Scenario, theatre: &Theatre) -> Result<(), String> {
    let before = [theatre.source.mail().log.len(), theatre.destination.mail().log.len()];
    let report = theatre.run(scenario).await?.map_err(|error| format!("one more run: {error}"))?;
    check_end(scenario, theatre, &report).map_err(|why| format!("after one more run: {why}"))?;
    for (server, before) in [&theatre.source, &theatre.destination].into_iter().zip(before) {
        let mail = server.mail();
        let change = mail.log[before..].iter().find(|line| CHANGES.iter().any(|verb| line.starts_with(verb)));
        if let Some(line) = change {
            return Err(format!("one more run still does something: {line}"));
        }
        if let Some(offence) = mail.offences.first() {
            return Err(format!("an offence: {offence}"));
        }
    }
    Ok(())
}

/// The end of the table, and a report that says so.
fn check_end(scenario: &Scenario, theatre: &Theatre, report: &Report) -> Result<(), String> {
    if !report.is_success() {
        return Err(format!("no success: {:?} {:?}", report.errors, report.stopped));
    }
    if report.tally.total() != report.start[0].messages {
        return Err(format!("{:?} is not {:?}", report.tally, report.start[0]));
    }
    let names = names(scenario);
    for (what, server, wanted) in [
        ("source", &theatre.source, scenario.source_after),
        ("destination", &theatre.destination, scenario.destination_after),
    ] {
        let (mut wanted, found) = (expected(wanted), found(server, &names));
        if theatre.delivered.load(Ordering::Relaxed) && what == "destination" {
            // Where messages are deleted on the source, a mark there may be our own: it goes on no copy.
            let options = (scenario.options)();
            let ours = options.delete1 != Delete1::No || options.expunge1;
            let flags = if ours { vec![] } else { vec!["\\Deleted"] };
            wanted.entry("INBOX".to_owned()).or_default().push((DELIVERED.to_owned(), flags));
        }
        if wanted != found {
            return Err(format!("{what}: wanted {wanted:?}, found {found:?}"));
        }
    }
    Ok(())
}

/// What holds at every instant: nothing lost, nothing doubled, nothing foreign, nothing deleted that is to stay.
fn check_meanwhile(scenario: &Scenario, theatre: &Theatre) -> Result<(), String> {
    let names = names(scenario);
    let delivered = usize::from(theatre.delivered.load(Ordering::Relaxed));
    let here = counts(&found(&theatre.source, &names));
    let there = counts(&found(&theatre.destination, &names));
    let (mut source, destination) = (counts(&rows(scenario.source)), counts(&rows(scenario.destination)));
    let mut end = [counts(&rows(scenario.source_after)), counts(&rows(scenario.destination_after))];
    let count = |counts: &BTreeMap<(String, String), usize>, key: &(String, String)| {
        counts.get(key).copied().unwrap_or(0)
    };
    if delivered > 0 {
        let key = ("INBOX".to_owned(), DELIVERED.to_owned());
        source.insert(key.clone(), 1);
        end[1].insert(key, 1);
    }
    for (key, n) in &source {
        if count(&here, key) == 0 && count(&there, key) == 0 {
            return Err(format!("lost: {key:?}"));
        }
        if count(&here, key) < (*n).min(count(&end[0], key)) {
            return Err(format!("gone from the source: {key:?}"));
        }
    }
    for (key, n) in &destination {
        if count(&there, key) < (*n).min(count(&end[1], key)) {
            return Err(format!("gone from the destination: {key:?}"));
        }
    }
    for (key, n) in &there {
        let most = count(&destination, key).max(count(&end[1], key));
        if *n > most {
            return Err(format!("doubled: {n} times {key:?}"));
        }
    }
    for (key, n) in &here {
        if *n > count(&source, key) {
            return Err(format!("new on the source: {key:?}"));
        }
    }
    Ok(())
}

/// How often each message is in each folder.
fn counts(rows: &Rows) -> BTreeMap<(String, String), usize> {
    let mut counts = BTreeMap::new();
    for (folder, messages) in rows {
        for (name, _) in messages {
            *counts.entry((folder.clone(), name.clone())).or_default() += 1;
        }
    }
    counts
}
