//! What `--debug` and `--debugimap` tell, on the standard error.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The target of every line to and from a server.
const WIRE: &str = "imapsync::wire";

/// Starts the log, as far as it is asked for.
pub(crate) fn start(debug: bool, debugimap: bool) {
    if !debug && !debugimap {
        return;
    }
    let wire = if debugimap { LevelFilter::TRACE } else { LevelFilter::OFF };
    let targets = Targets::new().with_default(LevelFilter::DEBUG).with_target(WIRE, wire);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .log_internal_errors(false);
    // Refused only where another log has been started before, which nobody does.
    let _ = tracing_subscriber::registry().with(targets).with(lines).try_init();
}
