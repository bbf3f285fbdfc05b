//! Acceptance 5: how a copy behaves on a slow line, counted on the wire, and the time beside mbsync's, printed.

use std::time::{Duration, Instant};

use crate::account::Account;
use crate::adoption::mbsync_copies;
use crate::proxy::{Direction, Event, Options, Proxy};
use crate::run::Sync;
use crate::{server, sized};

fn line(milliseconds: u64) -> Options {
    Options { round_trip: Duration::from_millis(milliseconds), ..Options::default() }
}

/// First copies of `from` to fresh accounts, ours and mbsync's in turn; the medians in seconds.
fn race(from: &Account, round_trip: u64, runs: usize) -> (f64, f64) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let fresh = || server::maildir().account();
        let (to_us, to_them) = (fresh(), fresh());
        // mbsync flushes its state to disk; like the mail it is in memory, where there is room.
        let dir = tempfile::tempdir_in(server::base()).expect("a temporary folder");
        let source = Proxy::start(from.port, line(round_trip));
        let (mine, other) =
            (Proxy::start(to_us.port, line(round_trip)), Proxy::start(to_them.port, line(round_trip)));
        // On loopback without a proxy between: it would cost more than the copy.
        let direct = round_trip == 0;
        let via =
            |account: &Account, proxy: &Proxy| if direct { account.clone() } else { account.through(proxy) };
        let run = Sync::new(&via(from, &source), &via(&to_us, &mine)).run().expect(0);
        ours.push(run.took.as_secs_f64());
        theirs.push(mbsync_copies(&via(from, &source), &via(&to_them, &other), dir.path()).as_secs_f64());
    }
    (median(ours), median(theirs))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// 1,000 messages of 2 KiB in 5 folders beside mbsync without compression. Only printed: times belong to a machine.
#[test]
#[ignore = "needs real servers: run .ci/test"]
fn beside_mbsync() {
    let from = server::maildir().account();
    from.fill(&["bulk", "k1", "1000", "2048", "5"]);
    let runs = sized(1, 5);
    let mut ours = Vec::new();
    for round_trip in [0, 20, 100] {
        let (mine, theirs) = race(&from, round_trip, runs);
        println!(
            "{round_trip:3} ms: imapsync {mine:.3} s, mbsync {theirs:.3} s, ratio {:.2} ({runs} runs)",
            mine / theirs
        );
        ours.push(mine);
    }
    println!("round trips on the critical path: {:.1}", (ours[2] - ours[1]) / 0.080);
}

/// How often the client speaks after having heard, on a 20 ms line: for a small account and a larger one.
fn turns(folders: &str, messages: &str) -> (usize, usize) {
    let (from, to) = (server::maildir().account(), server::maildir().account());
    from.fill(&["bulk", "turns", messages, "1000", folders]);
    let (source, target) = (Proxy::start(from.port, line(20)), Proxy::start(to.port, line(20)));
    Sync::new(&from.through(&source), &to.through(&target)).run().expect(0);
    println!(
        "{messages} messages in {folders} folders: {} turns at the source, {} at the target",
        source.turns(),
        target.turns()
    );
    println!("  source {:?}\n  target {:?}", source.commands(), target.commands());
    (source.turns(), target.turns())
}

/// The time grows with the round trip by a number of turns that neither messages nor folders move.
#[test]
#[ignore = "needs real servers: run .ci/test"]
fn round_trips_do_not_grow_with_the_account() {
    let trips = |folders: &str, messages: &str| {
        let from = server::maildir().account();
        from.fill(&["bulk", "trips", messages, "1000", folders]);
        let time = |round_trip| {
            let to = server::maildir().account();
            let (source, target) =
                (Proxy::start(from.port, line(round_trip)), Proxy::start(to.port, line(round_trip)));
            Sync::new(&from.through(&source), &to.through(&target)).run().expect(0).took.as_secs_f64()
        };
        let (slow, fast) = (time(100), time(20));
        println!(
            "{messages} messages in {folders} folders: {fast:.2} s at 20 ms, {slow:.2} s at 100 ms: {:.1} round trips",
            (slow - fast) / 0.080
        );
    };
    for (folders, messages) in [("5", "100"), ("5", "1000"), ("20", "1000")] {
        turns(folders, messages);
        trips(folders, messages);
    }
}

/// On a 20 ms line APPENDs leave while bodies still arrive.
#[test]
#[ignore = "needs real servers: run .ci/test"]
fn reading_and_writing_overlap() {
    let (from, to) = (server::maildir().account(), server::maildir().account());
    from.fill(&["bulk", "overlap", "1000", "20000", "5"]);
    let (source, target) = (Proxy::start(from.port, line(20)), Proxy::start(to.port, line(20)));
    Sync::new(&from.through(&source), &to.through(&target)).run().expect(0);
    let large = |event: &&Event| event.bytes.len() > 1000;
    let arriving: Vec<Instant> = source
        .trace()
        .iter()
        .filter(|event| event.direction == Direction::ToClient)
        .filter(large)
        .map(|event| event.at)
        .collect();
    let leaving: Vec<Instant> = target
        .trace()
        .iter()
        .filter(|event| event.direction == Direction::ToServer)
        .filter(large)
        .map(|event| event.at)
        .collect();
    let last = *arriving.last().expect("bodies came");
    let (early, all) = (leaving.iter().filter(|at| **at < last).count(), leaving.len());
    println!("{early} of {all} pieces of APPEND left before the last body had come");
    println!(
        "first body {:.3?} before the last, first APPEND {:.3?} before it",
        last - arriving[0],
        last.saturating_duration_since(leaving[0])
    );
    assert!(early * 4 >= all, "{early} of {all} pieces of APPEND left before the last body had come");
}
