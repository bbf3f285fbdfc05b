//! The twenty lines of an embedder: `cargo run --example copy -- HOST1 USER1 PASS1 HOST2 USER2 PASS2`.

use imapsync_core::{Account, Event, SyncJob, SyncOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [host1, user1, pass1, host2, user2, pass2] = arguments.as_slice() else {
        return Err("usage: copy HOST1 USER1 PASS1 HOST2 USER2 PASS2".into());
    };
    let (source, destination) = (Account::new(host1, user1, pass1), Account::new(host2, user2, pass2));
    let mut job = SyncJob::new(source, destination).options(SyncOptions::default());
    let mut events = job.events(10_000);
    let watcher = tokio::spawn(async move {
        while let Some(event) = events.next().await {
            if let Event::Message { folder, uid, outcome, .. } = event {
                println!("{folder} {uid}: {outcome:?}");
            }
        }
    });
    let report = job.run().await?;
    watcher.await?;
    println!("{:?}", report.tally);
    if report.is_success() { Ok(()) } else { Err(format!("{} errors", report.errors.len()).into()) }
}
