//! Thousands of syncs, each from a seed, with everything that can go wrong: nothing may be lost, doubled or wrongly deleted.
//!
//! A seed stands for two servers, their mail, options, faults of both servers, another client that interferes, and runs
//! that are killed. `IMAPSYNC_SEEDS=17..18` runs these seeds alone and tells all about them, `IMAPSYNC_FULL=1` ten times
//! as many as usual.

#![allow(missing_docs, unreachable_pub)]
#![cfg(feature = "client")]

mod course;
mod model;
mod scene;

use imapsync_core::testing::Kind;
use scene::Scene;
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Failures that are told of, each with all its circumstances.
const TOLD: usize = 6;

#[test]
fn nothing_is_lost_doubled_or_wrongly_deleted_whatever_goes_wrong() {
    let asked = std::env::var("IMAPSYNC_SEEDS").ok().map(|text| range(&text));
    let usual = if std::env::var("IMAPSYNC_FULL").is_ok_and(|full| full == "1") { 100_000 } else { 10_000 };
    let seeds = asked.clone().unwrap_or(0..usual);
    let next = AtomicU64::new(seeds.start);
    let sums = Mutex::new(course::Sums::default());
    let failed: Mutex<BTreeMap<u64, String>> = Mutex::default();
    let enough = AtomicBool::new(false);
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !enough.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    match play(&Scene::new(seed)) {
                        Ok(played) => sums.lock().unwrap().add(&played),
                        Err(why) => {
                            let mut failed = failed.lock().unwrap();
                            failed.insert(seed, why);
                            enough.store(failed.len() >= TOLD && asked.is_none(), Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let sums = sums.into_inner().unwrap();
    println!("{sums}");
    let failed = failed.into_inner().unwrap();
    for (seed, why) in failed.iter().take(TOLD) {
        let least = reduced(Scene::new(*seed), why);
        let why_least = play(&least).err().unwrap_or_default();
        println!(
            "seed {seed}: {why}\n\nreduced: {why_least}\n{least}\nto replay: IMAPSYNC_SEEDS={seed}..{} \
             cargo test -p imapsync-core --test simulation -- --nocapture\n",
            seed + 1
        );
    }
    assert!(failed.is_empty(), "seeds {:?}", failed.keys().collect::<Vec<_>>());
    if asked.is_none() {
        for kind in Kind::ALL {
            let fired = sums.fired.get(&kind).copied().unwrap_or(0);
            assert!(fired >= usual / 100, "{}: fired {fired} times", kind.name());
        }
    }
}

fn range(text: &str) -> Range<u64> {
    let (from, to) = text.split_once("..").expect("IMAPSYNC_SEEDS=from..to");
    from.parse().unwrap()..to.parse().unwrap()
}

/// Plays a scene; what went wrong, where something did.
fn play(scene: &Scene) -> Result<course::Played, String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let played = catch_unwind(AssertUnwindSafe(|| runtime.block_on(course::play(scene))));
    played.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        Err(format!(
            "panic: {}",
            text.or(panic.downcast_ref::<&str>().map(|s| (*s).to_owned())).unwrap_or_default()
        ))
    })
}

/// A scene that goes wrong in the same way, as simple as can be.
fn reduced(scene: Scene, why: &str) -> Scene {
    let same = |simpler: &Scene| play(simpler).is_err_and(|other| way(&other) == way(why));
    let mut least = scene;
    loop {
        let simpler = least.simpler().into_iter().filter(|simpler| simpler.size() < least.size());
        let Some(next) = simpler.into_iter().find(same) else { return least };
        least = next;
    }
}

/// In which way something went wrong: the words before the first number or quote, without the folder.
fn way(why: &str) -> &str {
    let line = why.lines().next().unwrap_or_default();
    let line = line.split_once(": ").map_or(line, |(_, rest)| rest);
    line.split(|c: char| c.is_ascii_digit() || c == '"').next().unwrap_or_default()
}
