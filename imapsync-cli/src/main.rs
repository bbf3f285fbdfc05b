//! The program `imapsync`: a command line in, a sync by `imapsync-core`, lines and an exit status out.

#[cfg(feature = "demo")]
mod demo;
mod exit;
mod log;
mod options;
mod output;
mod settings;
mod signal;
#[cfg(feature = "state")]
mod state;
mod title;

use exit::Status;
use imapsync_core::state::StateStore;
use imapsync_core::sync::SyncJob;
use imapsync_core::{Account, Report};
use options::{IMAPSYNC, Values};
use output::{Screen, Usage};
use settings::{Refusal, Settings};
use signal::Stop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How many events may wait to be printed before further ones are dropped.
const WAITING_EVENTS: usize = 10_000;
/// How long lines may wait, so that many leave in one write.
const LINES_WAIT: Duration = Duration::from_millis(20);

fn main() -> ExitCode {
    let stop = Stop::default();
    let status = guarded(|| run(&stop));
    // Only now, when nothing is left to be cleaned up.
    stop.die();
    ExitCode::from(status.exit().code)
}

/// What comes of it. A panic would end with 101, which means something else to the callers of this program.
fn guarded(work: impl FnOnce() -> Status) -> Status {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Status::Software)
}

fn run(stop: &Stop) -> Status {
    let mut screen = Screen::new();
    match call(&mut screen, stop) {
        Ok(status) => status,
        Err(Refusal { status, text }) => {
            complain(&text);
            screen.print(&output::exit_line(status, 1));
            status
        }
    }
}

/// Does what the command line says.
fn call(screen: &mut Screen, stop: &Stop) -> Result<Status, Refusal> {
    let arguments = std::env::args_os()
        .skip(1)
        .enumerate()
        .map(|(n, argument)| {
            argument
                .into_string()
                .map_err(|_| Refusal::usage(format!("argument {} is not UTF-8 text", n + 1)))
        })
        .collect::<Result<Vec<_>, _>>()?;
    match arguments.split_first() {
        #[cfg(feature = "demo")]
        Some((first, rest)) if first == "demo" => demo::run(screen, stop, rest),
        #[cfg(not(feature = "demo"))]
        Some((first, _)) if first == "demo" => Err(Refusal::usage(
            "this imapsync was built without its demo (the feature `demo` of imapsync-cli)",
        )),
        #[cfg(feature = "state")]
        Some((first, rest)) if first == "state" => state::run(screen, rest),
        #[cfg(not(feature = "state"))]
        Some((first, _)) if first == "state" => Err(Refusal::usage(
            "this imapsync was built without its state (the feature `state` of imapsync-cli)",
        )),
        _ => {
            let values = options::parse(&IMAPSYNC, &arguments)?;
            title::hide(&values);
            match prepare(screen, &values)? {
                None => Ok(Status::Ok),
                Some(settings) => {
                    stop.watch();
                    sync(screen, stop, settings).map(|(status, _)| status)
                }
            }
        }
    }
}

/// Reads the options; None where they only ask for the help or the version.
fn prepare(screen: &mut Screen, values: &Values) -> Result<Option<Settings>, Refusal> {
    if !values.any || values.switch("help") {
        screen.print(options::help(&IMAPSYNC).trim_end());
        return Ok(None);
    }
    if values.switch("version") {
        screen.print(concat!("imapsync ", env!("CARGO_PKG_VERSION")));
        return Ok(None);
    }
    screen.print(&output::banner(&values.shown));
    let settings = Settings::new(values)?;
    for notice in &settings.notices {
        screen.print(&output::notice(None, notice));
    }
    Ok(Some(settings))
}

/// Runs a sync and tells about it; there is a report unless nothing could be begun.
fn sync(screen: &mut Screen, stop: &Stop, settings: Settings) -> Result<(Status, Option<Report>), Refusal> {
    let Settings {
        source,
        destination,
        options,
        state,
        debug,
        debugimap,
        errors_dump,
        subfolder1,
        notices: _,
    } = settings;
    log::start(debug, debugimap);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Refusal { status: Status::Software, text: format!("cannot start: {error}") })?;

    screen.run_begins(options.dry);
    let used = Usage::now();
    let store = store(state, &source, &destination);
    let mut job = SyncJob::new(source, destination).options(options);
    if let Some(store) = store {
        job = job.state(store);
    }
    let mut events = job.events(WAITING_EVENTS);
    let (stopped, run) = (stop.token.clone(), job.cancellation());
    runtime.spawn(async move {
        stopped.cancelled().await;
        run.cancel();
    });

    // Events are printed on a thread of their own: a reader that is slow must not keep the engine waiting.
    let handle = runtime.handle().clone();
    let over = CancellationToken::new();
    let result = std::thread::scope(|scope| {
        let (screen, over) = (&mut *screen, &over);
        scope.spawn(move || {
            handle.block_on(async {
                while let Some(event) = events.next().await {
                    screen.event(&event);
                    while let Some(event) = events.waiting() {
                        screen.event(&event);
                    }
                    screen.flush();
                    let _ = tokio::time::timeout(LINES_WAIT, over.cancelled()).await;
                }
            });
        });
        let result = runtime.block_on(job.run());
        over.cancel();
        result
    });
    screen.run_ends();

    let status = match &result {
        Ok(report) => {
            let local =
                |date: chrono::DateTime<chrono::Utc>| date.with_timezone(&chrono::Local).fixed_offset();
            screen.print(output::summary(report, &Usage::now().since(&used), errors_dump, local).trim_end());
            let status = Status::of_report(report, subfolder1);
            screen.print(&output::exit_line(status, output::errors(report).count()));
            status
        }
        Err(error) => {
            let status = Status::of_start(error, subfolder1);
            screen.print(&output::failure(error));
            screen.print(&output::exit_line(status, 1));
            status
        }
    };
    Ok((status, result.ok()))
}

/// What earlier runs have remembered.
#[cfg(feature = "state")]
fn store(directory: Option<PathBuf>, source: &Account, destination: &Account) -> Option<Arc<dyn StateStore>> {
    use imapsync_core::state::{AccountPair, SqliteStore};
    let store = |directory| SqliteStore::new(directory, AccountPair::new(source, destination));
    directory.map(|directory| Arc::new(store(directory)) as Arc<dyn StateStore>)
}

/// Nothing is remembered.
#[cfg(not(feature = "state"))]
fn store(_: Option<PathBuf>, _: &Account, _: &Account) -> Option<Arc<dyn StateStore>> {
    None
}

/// Says on the standard error why nothing was begun.
fn complain(text: &str) {
    use std::io::Write;
    // Nobody may be listening there either.
    let _ = writeln!(std::io::stderr(), "imapsync: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_has_an_exit_status_of_its_own() {
        assert_eq!(guarded(|| Status::Ok), Status::Ok);
        assert_eq!(guarded(|| std::panic::resume_unwind(Box::new("of a test"))), Status::Software);
        // As one on the thread that prints.
        let status = guarded(|| {
            std::thread::scope(|scope| {
                scope.spawn(|| std::panic::resume_unwind(Box::new("of a test")));
            });
            Status::Ok
        });
        assert_eq!(status, Status::Software);
    }
}
