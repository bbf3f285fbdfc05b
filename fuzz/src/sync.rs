//! A whole sync between two servers that say what the input says. It must end, with an error or with a report that adds
//! up, and do nothing that it was not asked for.

mod script;
mod server;

use imapsync_core::account::TlsMode;
use imapsync_core::net::MemoryConnector;
use imapsync_core::plan::{Outcome, Tally};
use imapsync_core::{Account, Delete1, Error, Report, Side, SyncJob, SyncOptions};
use script::Script;
use server::{Seen, Servers};
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::DuplexStream;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Virtual time after which a run hangs: longer than all pauses and silences of a script together.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// The servers' ends of new connections.
type Arrivals = UnboundedReceiver<(Side, DuplexStream)>;

/// Runs a sync as the input says; `sync/script.rs` tells how one is written.
pub fn one(data: &[u8]) {
    let (script, options) = Script::read(data);
    let raw = [Side::Source, Side::Destination].map(|side| script.is_raw(side));
    let mut account = Account::new("localhost", "alice", "secret");
    account.tls = TlsMode::Plaintext;
    account.timeouts = script::timeouts();
    let (connector, arrivals) = MemoryConnector::new(16 * 1024);
    let job = SyncJob::new(account.clone(), account).options(options.clone()).connector(Arc::new(connector));
    let cancellation = job.cancellation();
    let servers = Arc::new(Servers::new(script, Box::new(move || cancellation.cancel())));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let result = runtime.expect("a runtime").block_on(run(job, arrivals, servers.clone()));
    let seen = servers.seen();
    if !raw[0] && !raw[1] {
        check_commands(&options, &seen);
        check_messages(&seen);
    }
    match result {
        Ok(report) => {
            check_report(&report);
            let whole = seen.connections[1] == 1 && !seen.broken[1] && !raw[1];
            if whole && !options.dry {
                assert!(report.tally.copied <= seen.accepted.len() as u64, "copies that nobody took");
            }
        }
        Err(error) => check_error(&error),
    }
}

async fn run(job: SyncJob, mut arrivals: Arrivals, servers: Arc<Servers>) -> Result<Report, Error> {
    let mut run = pin!(job.run());
    let mut patience = pin!(sleep(PATIENCE));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            result = &mut run => return result,
            () = &mut patience => panic!("the run hangs"),
            Some((side, stream)) = arrivals.recv() => {
                let servers = servers.clone();
                connections.spawn(async move { servers.serve(side, stream).await });
            }
            Some(Err(failed)) = connections.join_next(), if !connections.is_empty() => {
                resume_unwind(failed.into_panic());
            }
        }
    }
}

/// Nothing is written that the options do not ask for.
fn check_commands(options: &SyncOptions, seen: &Seen) {
    let [source, destination] = &seen.kinds;
    let deletes1 = !options.dry && (options.delete1 != Delete1::No || options.expunge1);
    let wrote = |kinds: &std::collections::BTreeSet<u8>, letters: &[u8]| {
        letters.iter().any(|one| kinds.contains(one))
    };
    assert!(!wrote(source, b"AM"), "the source was added to");
    assert!(deletes1 || !wrote(source, b"RX"), "the source was changed");
    assert!(!options.dry || !wrote(destination, b"AMRX"), "a dry run changed the destination");
    assert!(options.delete2 || !wrote(destination, b"X"), "the destination was expunged");
}

/// Every message that was stored came from the source as it was stored, but for the backslashes of quoted strings.
fn check_messages(seen: &Seen) {
    let plain = |bytes: &[u8]| bytes.iter().copied().filter(|byte| *byte != b'\\').collect::<Vec<_>>();
    let sent: Vec<_> = seen.sent.iter().map(|bytes| plain(bytes)).collect();
    for message in &seen.accepted {
        let message = plain(message);
        let came = |sent: &Vec<u8>| memchr::memmem::find(sent, &message).is_some();
        assert!(sent.iter().any(came), "nobody sent this message: {}", message.escape_ascii());
    }
}

/// Every message has one outcome, the sums are those of the folders, and a success is none with failures.
fn check_report(report: &Report) {
    let tally = &report.tally;
    assert_eq!(tally.total(), report.start[0].messages, "each message has one outcome");
    assert_eq!(tally.bytes.total(), report.start[0].bytes, "each byte has one outcome");
    let mut sum = Tally::default();
    report.folders.iter().for_each(|folder| sum.merge(&folder.tally));
    assert_eq!(sum, *tally);
    let named =
        |name: &str| report.named.iter().filter(|one| Outcome::name(&one.outcome) == name).count() as u64;
    for (name, count) in [
        ("failed", tally.failed),
        ("skipped", tally.skipped),
        ("vanished", tally.vanished),
        ("duplicate", tally.duplicates),
    ] {
        assert_eq!(named(name), count, "{name}");
    }
    assert!(tally.failed == 0 || !report.is_success(), "failures, and yet a success");
    let there = tally.copied + tally.already_there + tally.duplicates;
    assert!(report.deleted[0] <= there, "deleted at the source what is not at the destination");
    report.errors.iter().chain(&report.stopped).for_each(check_error);
    let folders = report.folders.iter().flat_map(|folder| [&folder.source, &folder.destination]);
    for text in folders.map(|name| &**name).chain(report.named.iter().map(|one| &*one.title)) {
        assert!(!text.contains(char::is_control), "{text:?}");
    }
}

/// An error is one line, fit for a terminal.
fn check_error(error: &Error) {
    let text = error.to_string();
    assert!(!text.is_empty() && !text.contains(char::is_control), "{text:?}");
}
