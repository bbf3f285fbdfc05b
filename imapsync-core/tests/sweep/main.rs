//! The sweep: every scenario is cut at every step of its run, run again, and must end as if nothing had happened.
//!
//! A scenario is a row of a table: what is on both sides before, the options, what must be there afterwards. Its run is
//! numbered through: each command, continuation, half of a literal, effect, half of an answer, answer. At each of these
//! steps the connection is dropped; commands are refused, answers are spoilt, folders change under our hands; an APPEND is
//! applied only after the connection has gone; the whole run is dropped after so many bytes. Some are cut again while they
//! recover. All of it in virtual time.
#![allow(missing_docs, unreachable_pub)]
#![cfg(feature = "client")]

mod cut;
mod engines;
mod play;
mod scenario;
mod table;

use cut::Cut;
use imapsync_core::Connections;
use imapsync_core::testing::Stage;
use scenario::Scenario;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The full tier: ten times as many points.
fn full() -> bool {
    std::env::var("IMAPSYNC_FULL").as_deref() == Ok("1")
}

/// Says it even where the output of tests is captured: the figures are part of the result.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Plays all these points on all cores. The first failures, and how many points were played.
pub fn play_all(scenario: &Scenario, cuts: &[Cut]) -> (usize, Vec<String>) {
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(cut) = cuts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(why) = play::guarded(scenario, *cut, None) {
                        let failure = format!("{} {cut:?}: {why}", scenario.name);
                        say(&failure);
                        let mut failures = failures.lock().unwrap();
                        failures.push(failure);
                        if failures.len() >= 5 {
                            next.store(cuts.len(), Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    (cuts.len(), failures.into_inner().unwrap())
}

#[test]
fn every_scenario_survives_a_cut_at_every_step() {
    let (mut points, mut failures) = (0, Vec::new());
    for scenario in table::ALL {
        let length = play::undisturbed(scenario).unwrap_or_else(|why| panic!("{}: {why}", scenario.name));
        if let Connections::Fixed(pairs) = (scenario.options)().connections {
            let logins = |side: usize| {
                let lines = length.steps[side].iter().filter(|(_, stage, _)| *stage == Stage::Line);
                lines.filter(|(_, _, line)| line.starts_with("LOGIN")).count()
            };
            assert_eq!(
                [logins(0), logins(1)],
                [pairs.get(); 2],
                "{}: they have nothing to do",
                scenario.name
            );
        }
        let cuts = cut::all(&length, table::expunges(scenario), full());
        let (played, failed) = play_all(scenario, &cuts);
        say(&format!(
            "sweep {:<28} {played:>6} points ({} + {} steps, {} bytes), {} failed",
            scenario.name,
            length.steps[0].len(),
            length.steps[1].len(),
            length.bytes,
            failed.len()
        ));
        points += played;
        failures.extend(failed);
    }
    say(&format!("sweep {points} points in all"));
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    assert!(points >= if full() { 50_000 } else { 5_000 }, "only {points} points");
}

/// `IMAPSYNC_SWEEP='first copy/Close { … }'` plays one point alone: what a failure has printed.
#[test]
fn one_point_again() {
    let Ok(wanted) = std::env::var("IMAPSYNC_SWEEP") else { return };
    for scenario in table::ALL.iter().filter(|one| wanted.starts_with(one.name)) {
        let length = play::undisturbed(scenario).unwrap();
        for cut in cut::all(&length, true, true) {
            if wanted == format!("{} {cut:?}", scenario.name) {
                play::guarded(scenario, cut, Some(&mut |line| say(&line))).unwrap();
            }
        }
    }
}
