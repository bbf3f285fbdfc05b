//! The first thing to run: a small account to each kind of server, once and again.

use crate::account::Account;
use crate::proxy::{Options, Proxy};
use crate::run::Sync;
use crate::server;

/// Copies 30 messages in three folders, compares, and runs again: then nothing is written.
fn copies_once(from: &Account, to: &Account) {
    from.fill(&["batch", "smoke", "30"]);
    let target = Proxy::start(to.port, Options::default());
    let first = Sync::new(from, &to.through(&target)).run().expect(0);
    assert_eq!(first.statistic("Messages transferred"), 30, "{}", first.stdout);
    assert_eq!(target.appended(), 30);
    first.says(&["From software :"]).says(&["To   software :"]).says(&["The sync looks good"]);
    from.dump().assert_same(&to.dump(), &["--rewritten", "final line end"]);
    let (source, target) =
        (Proxy::start(from.port, Options::default()), Proxy::start(to.port, Options::default()));
    let again = Sync::new(&from.through(&source), &to.through(&target)).run().expect(0);
    assert_eq!(again.statistic("Messages transferred"), 0, "{}", again.stdout);
    assert_eq!((source.writes(), target.writes()), Default::default());
}

#[test]
#[ignore = "needs real servers: run .ci/test"]
fn dovecot_to_dovecot() {
    copies_once(&server::sdbox().account(), &server::maildir().account());
}

#[test]
#[ignore = "needs real servers: run .ci/test"]
fn dovecot_to_cyrus() {
    copies_once(&server::maildir().account(), &server::cyrus().account());
}

#[test]
#[ignore = "needs real servers: run .ci/test"]
fn dovecot_to_courier() {
    copies_once(&server::maildir().account(), &server::courier().account());
}

/// `--dry` writes nothing, and names the messages and the folders that do not exist yet.
#[test]
#[ignore = "needs real servers: run .ci/test"]
fn a_dry_run_shows_the_plan() {
    let (from, to) = (server::sdbox().account(), server::inbox_prefix().account());
    from.fill(&["batch", "dry", "12"]);
    let target = Proxy::start(to.port, Options::default());
    let dry = Sync::new(&from, &to.through(&target)).arg("--dry").run().expect(0);
    assert!(target.writes().is_empty(), "{:?}", target.writes());
    dry.says(&["INBOX.Crash.Deep"]).says(&["Messages transferred", "could be 12 without dry mode"]);
    assert_eq!(to.dump().messages(), 0);
}

/// SIGTERM stops in order and prints the statistics; the next run completes the work.
#[test]
#[ignore = "needs real servers: run .ci/test"]
fn a_signal_stops_in_order() {
    let (from, to) = (server::sdbox().account(), server::maildir().account());
    from.fill(&["bulk", "signal", "600", "2000", "5"]);
    let slow = Options { round_trip: std::time::Duration::from_millis(200), ..Options::default() };
    let target = Proxy::start(to.port, slow);
    let run = Sync::new(&from, &to.through(&target)).spawn();
    std::thread::sleep(std::time::Duration::from_millis(900));
    run.signal("TERM");
    let stopped = run.wait();
    assert_ne!(stopped.code, Some(0), "{}", stopped.stdout);
    stopped.says(&["++++ Statistics"]);
    Sync::new(&from, &to).run().expect(0);
    from.dump().assert_same(&to.dump(), &[]);
}
