//! Plays a scenario with one cut, and checks what must hold after each run and at the end.

use crate::cut::{Cut, Length};
use crate::scenario::{Rows, Scenario, expected, fill, found, names, rows};
use imapsync_core::testing::{Act, Gauge, Server, Stage, account, connector};
use imapsync_core::{Report, Side, SyncJob};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
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
}

impl Theatre {
    fn new(scenario: &Scenario) -> Self {
        let gauge = Gauge::default();
        let source = Server::new(scenario.capabilities).with_gauge(&gauge);
        let destination = Server::new(scenario.capabilities).with_gauge(&gauge);
        fill(&source, scenario.source);
        fill(&destination, scenario.destination);
        let connector = connector(&source, &destination);
        Self { source, destination, gauge, connector }
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

/// The scenario without a cut: that it ends as it must, and how long it is.
pub fn undisturbed(scenario: &Scenario) -> Result<Length, String> {
    runtime().block_on(async {
        let stage = Theatre::new(scenario);
        let appends = Arc::new(Mutex::new(Vec::new()));
        let noted = appends.clone();
        stage.destination.hook(move |_, call| {
            if call.appends() {
                noted.lock().unwrap().push(call.step);
            }
            Act::Pass
        });
        // Steps are counted in the same way as with a cut: with a hook.
        stage.source.hook(|_, _| Act::Pass);
        let report = stage.run(scenario).await?.map_err(|error| error.to_string())?;
        check_end(scenario, &stage, &report)?;
        let length = Length {
            steps: [stage.source.mail().steps, stage.destination.mail().steps],
            bytes: stage.gauge.moved(),
            appends: appends.lock().unwrap().clone(),
        };
        settled(scenario, &stage).await?;
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
    let stage = Theatre::new(scenario);
    let mut tell = |line: String| {
        if let Some(tell) = &mut tell {
            tell(line);
        }
    };
    let ended = match cut {
        Cut::Close { side, step, .. } => {
            stage.server(side).hook(move |_, call| if call.step == step { Act::Close } else { Act::Pass });
            Some(stage.run(scenario).await?)
        }
        Cut::Late { side, step, after, .. } => {
            let after = Duration::from_millis(after);
            stage.server(side).hook(move |_, call| match call.step == step && call.stage == Stage::Literal {
                true => Act::LoseAndApply(after),
                false => Act::Pass,
            });
            Some(stage.run(scenario).await?)
        }
        Cut::Drop { bytes, .. } => stage.run_until(scenario, bytes).await?,
    };
    tell(format!("first run: {ended:?}"));
    check_meanwhile(scenario, &stage).map_err(|why| format!("after the cut: {why}"))?;
    if let Some(Ok(report)) = &ended
        && report.is_success()
    {
        check_end(scenario, &stage, report).map_err(|why| format!("success after the cut, but {why}"))?;
    }
    stage.source.behave();
    stage.destination.behave();
    if let Some(bytes) = cut.again() {
        let ended = stage.run_until(scenario, bytes).await?;
        tell(format!("second run, cut again: {ended:?}"));
        check_meanwhile(scenario, &stage).map_err(|why| format!("after the second cut: {why}"))?;
    }
    let report = stage.run(scenario).await?.map_err(|error| format!("the rerun: {error}"))?;
    tell(format!("rerun: {report:?}"));
    if !report.is_success() {
        return Err(format!("the rerun is no success: {:?} {:?}", report.errors, report.stopped));
    }
    check_end(scenario, &stage, &report)?;
    settled(scenario, &stage).await
}

/// One more run does nothing.
async fn settled(scenario: &Scenario, stage: &Theatre) -> Result<(), String> {
    let before = [stage.source.mail().log.len(), stage.destination.mail().log.len()];
    let report = stage.run(scenario).await?.map_err(|error| format!("one more run: {error}"))?;
    check_end(scenario, stage, &report).map_err(|why| format!("after one more run: {why}"))?;
    for (server, before) in [&stage.source, &stage.destination].into_iter().zip(before) {
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
fn check_end(scenario: &Scenario, stage: &Theatre, report: &Report) -> Result<(), String> {
    if !report.is_success() {
        return Err(format!("no success: {:?} {:?}", report.errors, report.stopped));
    }
    if report.tally.total() != report.start[0].messages {
        return Err(format!("{:?} is not {:?}", report.tally, report.start[0]));
    }
    let names = names(scenario);
    for (what, server, wanted) in [
        ("source", &stage.source, scenario.source_after),
        ("destination", &stage.destination, scenario.destination_after),
    ] {
        let (wanted, found) = (expected(wanted), found(server, &names));
        if wanted != found {
            return Err(format!("{what}: wanted {wanted:?}, found {found:?}"));
        }
    }
    Ok(())
}

/// What holds at every instant: nothing lost, nothing doubled, nothing foreign, nothing deleted that is to stay.
fn check_meanwhile(scenario: &Scenario, stage: &Theatre) -> Result<(), String> {
    let names = names(scenario);
    let here = counts(&found(&stage.source, &names));
    let there = counts(&found(&stage.destination, &names));
    let (source, destination) = (counts(&rows(scenario.source)), counts(&rows(scenario.destination)));
    let end = [counts(&rows(scenario.source_after)), counts(&rows(scenario.destination_after))];
    let count = |counts: &BTreeMap<(String, String), usize>, key: &(String, String)| {
        counts.get(key).copied().unwrap_or(0)
    };
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
