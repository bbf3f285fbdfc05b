//! Cases of the fault catalogue whose point is memory or work: in a process of their own, one after the other, so that
//! what is measured is theirs.
#![allow(missing_docs, unreachable_pub)]
#![cfg(all(feature = "client", target_os = "linux"))]

mod memory;

use imapsync_core::account::TlsMode;
use imapsync_core::net::MemoryConnector;
use imapsync_core::testing::{Act, Body, Server, job};
use imapsync_core::{Account, ErrorKind, Report, SyncJob, SyncOptions};
use memory::Meter;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const MODERN: &str = "IMAP4rev1 NAMESPACE UIDPLUS LITERAL+";

/// Tests of one process run at the same time unless they wait for each other.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the large counts are wanted too.
fn full() -> bool {
    std::env::var_os("IMAPSYNC_FULL").is_some_and(|value| value == "1")
}

/// A run in a runtime of this thread, with virtual time.
fn run(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(work);
}

/// A server that begins one literal after the other and never ends a line.
async fn flood(
    mut servers: tokio::sync::mpsc::UnboundedReceiver<(imapsync_core::Side, tokio::io::DuplexStream)>,
) {
    while let Some((_, mut stream)) = servers.recv().await {
        tokio::spawn(async move {
            let mut chunk = [0; 1024];
            let _ = stream.write_all(b"* OK ready\r\n").await;
            let _ = stream.read(&mut chunk).await;
            let literal = [b" X {100000}\r\n".to_vec(), vec![b'x'; 100_000]].concat();
            let _ = stream.write_all(b"* 1 FETCH (UID 1").await;
            while stream.write_all(&literal).await.is_ok() {}
        });
    }
}

#[test]
fn case_042_literals_that_are_never_completed() {
    let _alone = alone();
    run(async {
        let (connector, servers) = MemoryConnector::new(64 * 1024);
        let serving = tokio::spawn(flood(servers));
        let mut account = Account::new("localhost", "alice", "secret");
        account.tls = TlsMode::Plaintext;
        let meter = Meter::begin();
        let result = SyncJob::new(account.clone(), account).connector(Arc::new(connector)).run().await;
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        assert!(error.to_string().contains("over limit"), "{error}");
        // Each side may hold one line of 64 MiB, and the buffer doubles on its way there.
        let most = meter.grown();
        assert!(most < 400 << 20, "{} MiB", most >> 20);
        serving.abort();
    });
}

/// How much a run from one server to the other adds to the memory in use at most, and what it reports.
async fn measured(source: &Server, destination: &Server, options: SyncOptions) -> (u64, Report) {
    let meter = Meter::begin();
    let report = job(source, destination).options(options).run().await.unwrap();
    (meter.grown(), report)
}

#[test]
fn case_048_a_message_of_any_size_streams_through() {
    let _alone = alone();
    let sizes: &[u64] = if full() { &[100 << 20, 4 << 30] } else { &[100 << 20] };
    run(async {
        for size in sizes {
            for capabilities in [MODERN, "IMAP4rev1"] {
                let (source, destination) = (Server::new(capabilities), Server::new(capabilities));
                let body = Body::made(7, *size);
                source.mail().folder("INBOX").add(body.clone(), &["\\Seen"]);
                destination.mail().keep_at_most = 1 << 20;
                let (most, report) = measured(&source, &destination, SyncOptions::default()).await;
                assert!(report.is_success(), "{:?}", report.errors);
                let there = destination.messages("INBOX");
                assert_eq!(there.len(), 1);
                assert_eq!((there[0].body.len(), there[0].body.digest()), (*size, body.digest()));
                assert!(most < 32 << 20, "{} MiB for {} MiB", most >> 20, size >> 20);
                assert_eq!(destination.mail().offences, Vec::<String>::new());
            }
        }
    });
}

#[test]
fn case_055_the_listing_of_a_million() {
    let _alone = alone();
    let sizes = if full() { [250_000, 1_000_000] } else { [25_000, 100_000] };
    run(async {
        let mut times = Vec::new();
        let mut commands = Vec::new();
        for n in sizes {
            let (source, destination) = (Server::new(MODERN), Server::new(MODERN).with_validity(5000));
            for number in 0..n {
                source.mail().folder("INBOX").add(Body::made(number, 2000), &["\\Seen"]);
            }
            let before = memory::processor_time();
            // Planned only: the listing and the plan are what counts here.
            let dry = SyncOptions { dry: true, ..SyncOptions::default() };
            let (most, report) = measured(&source, &destination, dry).await;
            times.push(memory::processor_time() - before);
            assert!(report.is_success(), "{:?}", report.errors);
            assert_eq!(report.tally.copied, n);
            commands.push(source.mail().log.len() + destination.mail().log.len());
            let each = most / n;
            assert!(each < 400, "{each} bytes for each of {n} messages");
        }
        assert_eq!(commands[0], commands[1], "commands do not grow with the folder");
        // Four times as many messages: 4 where the work is linear, 16 where it is quadratic.
        let growth = times[1].as_secs_f64() / times[0].as_secs_f64();
        assert!(growth < 9.0, "{growth} times the work: {times:?}");
    });
}

#[test]
fn case_055_both_sides_of_a_large_folder() {
    let _alone = alone();
    let sizes = if full() { [50_000, 200_000] } else { [5_000, 20_000] };
    run(async {
        let mut times = Vec::new();
        for n in sizes {
            let (source, destination) = (Server::new(MODERN), Server::new(MODERN).with_validity(5000));
            for server in [&source, &destination] {
                for number in 0..n {
                    server.mail().folder("INBOX").add(Body::made(number, 2000), &["\\Seen"]);
                }
            }
            let before = memory::processor_time();
            let (most, report) = measured(&source, &destination, SyncOptions::default()).await;
            times.push(memory::processor_time() - before);
            assert!(report.is_success(), "{:?}", report.errors);
            assert_eq!(report.tally.already_there, n);
            // Small folders are dearer for each message: buffers have their own size.
            let each = most.saturating_sub(8 << 20) / n;
            assert!(each < 800, "{each} bytes for each of {n} messages");
        }
        let growth = times[1].as_secs_f64() / times[0].as_secs_f64();
        assert!(growth < 9.0, "{growth} times the work: {times:?}");
    });
}

#[test]
fn case_093_a_list_of_folders_without_end() {
    let _alone = alone();
    let limit = if full() { 500_000 } else { 50_000 };
    let options = SyncOptions { folder_limit: limit, ..SyncOptions::default() };
    run(async {
        for same in [false, true] {
            let (source, destination) = (Server::new(MODERN), Server::new(MODERN).with_validity(5000));
            source.hook(move |_, call| {
                if !call.is("LIST") {
                    return Act::Pass;
                }
                let name = |n: usize| if same { 0 } else { n };
                let lines = (0..=limit).map(|n| format!("* LIST () \"/\" \"Folder {}\"\r\n", name(n)));
                Act::Say(lines.chain(["{tag} OK done\r\n".to_owned()]).collect())
            });
            let meter = Meter::begin();
            let error = job(&source, &destination).options(options.clone()).run().await.unwrap_err();
            assert!(error.to_string().contains("more than"), "{error}");
            // What the server holds of its answer is in it.
            let each = meter.grown().saturating_sub(8 << 20) / limit as u64;
            assert!(each < if same { 200 } else { 600 }, "{each} bytes for each line, the same: {same}");
        }
    });
}
