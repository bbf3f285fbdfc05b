//! The program `imapsync`: a command line in, a sync by `imapsync-core`, lines and an exit status out.

mod exit;
mod log;
mod options;
mod output;
mod settings;
mod signal;

use exit::Status;
use imapsync_core::sync::SyncJob;
use options::Values;
use output::{Screen, Usage};
use settings::{Refusal, Settings};
use signal::Noted;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// How many events may wait to be printed before further ones are dropped.
const WAITING_EVENTS: usize = 10_000;

fn main() -> ExitCode {
    // A panic would end with 101, which means something else to the callers of this program.
    let status = catch_unwind(AssertUnwindSafe(run)).unwrap_or(Status::Software);
    ExitCode::from(status.exit().code)
}

fn run() -> Status {
    let mut screen = Screen::new();
    let status = prepare(&mut screen).and_then(|settings| match settings {
        None => Ok(None),
        Some(settings) => sync(&mut screen, settings).map(Some),
    });
    match status {
        Ok(status) => status.unwrap_or(Status::Ok),
        Err(Refusal { status, text }) => {
            complain(&text);
            screen.print(&output::exit_line(status, 1));
            status
        }
    }
}

/// Reads the command line; None where it only asks for the help or the version.
fn prepare(screen: &mut Screen) -> Result<Option<Settings>, Refusal> {
    let arguments = std::env::args_os()
        .skip(1)
        .enumerate()
        .map(|(n, argument)| {
            argument
                .into_string()
                .map_err(|_| Refusal::usage(format!("argument {} is not UTF-8 text", n + 1)))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let values: Values = options::parse(&arguments)?;
    if !values.any || values.switch("help") {
        screen.print(options::help().trim_end());
        return Ok(None);
    }
    if values.switch("version") {
        screen.print(concat!("imapsync ", env!("CARGO_PKG_VERSION")));
        return Ok(None);
    }
    screen.print(&output::banner(&values.shown));
    let settings = Settings::new(&values)?;
    for notice in &settings.notices {
        screen.print(&output::notice(None, notice));
    }
    Ok(Some(settings))
}

fn sync(screen: &mut Screen, settings: Settings) -> Result<Status, Refusal> {
    let Settings { source, destination, options, debug, debugimap, errors_dump, subfolder1, notices: _ } =
        settings;
    log::start(debug, debugimap);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Refusal { status: Status::Software, text: format!("cannot start: {error}") })?;

    screen.run_begins(options.dry);
    let mut job = SyncJob::new(source, destination).options(options);
    let mut events = job.events(WAITING_EVENTS);
    let noted = Noted::default();
    runtime.spawn(signal::watch(job.cancellation(), noted.clone()));

    // Events are printed on a thread of their own: a reader that is slow must not keep the engine waiting.
    let handle = runtime.handle().clone();
    let result = std::thread::scope(|scope| {
        let screen = &mut *screen;
        scope.spawn(move || {
            handle.block_on(async {
                while let Some(event) = events.next().await {
                    screen.event(&event);
                }
            });
        });
        runtime.block_on(job.run())
    });
    screen.run_ends();

    let status = match &result {
        Ok(report) => {
            let local =
                |date: chrono::DateTime<chrono::Utc>| date.with_timezone(&chrono::Local).fixed_offset();
            screen.print(output::summary(report, &Usage::now(), errors_dump, local).trim_end());
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
    noted.die();
    Ok(status)
}

/// Says on the standard error why nothing was begun.
fn complain(text: &str) {
    use std::io::Write;
    // Nobody may be listening there either.
    let _ = writeln!(std::io::stderr(), "imapsync: {text}");
}
