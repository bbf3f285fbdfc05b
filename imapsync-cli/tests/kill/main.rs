//! The program dies by SIGKILL at each step of its run, is started again, and must end where an undisturbed run ends.
//!
//! The two servers live in this process and count their steps: a connection, a line, a continuation, a piece of a
//! literal, a command done, half of its answer, all of it. At the chosen step of the chosen server the program is killed
//! before anything more is said to it. `IMAPSYNC_FULL=1` takes every step, otherwise an even choice of them.
#![cfg(unix)]

mod program;
mod scenario;
mod world;

use imapsync_core::Side;
use program::{Death, Program};
use scenario::{SCENARIOS, Scenario};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use world::{Holdings, World};

/// Points of a scenario, unless all are taken.
const POINTS: usize = 48;
/// So many programs at a time.
const AT_ONCE: usize = 2;
/// One in so many runs after a death is killed, too.
const AGAIN: usize = 4;

/// A run that nothing disturbed.
struct Undisturbed {
    before: Holdings,
    after: Holdings,
    /// How many steps each server counted.
    steps: [usize; 2],
}

#[test]
fn killed_at_any_step_and_started_again() {
    let full = std::env::var_os("IMAPSYNC_FULL").is_some_and(|value| value == "1");
    let (mut all, mut all_again) = (0, 0);
    for scenario in SCENARIOS {
        let undisturbed = undisturbed(scenario);
        let steps: usize = undisturbed.steps.iter().sum();
        let points = if full { steps } else { POINTS.min(steps) };
        let (next, dead, twice) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let failures = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    loop {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        if n >= points || !failures.lock().unwrap().is_empty() {
                            break;
                        }
                        // The steps of the one server, then those of the other.
                        let step = n * steps / points;
                        let point = if step < undisturbed.steps[0] {
                            (Side::Source, step + 1)
                        } else {
                            (Side::Destination, step - undisturbed.steps[0] + 1)
                        };
                        match cut(scenario, &undisturbed, point, n) {
                            Ok(deaths) => {
                                dead.fetch_add(usize::from(deaths > 0), Ordering::Relaxed);
                                twice.fetch_add(usize::from(deaths > 1), Ordering::Relaxed);
                            }
                            Err(why) => {
                                let [side, step] = [point.0.to_string(), point.1.to_string()];
                                let name = scenario.name;
                                failures
                                    .lock()
                                    .unwrap()
                                    .push(format!("{name}, step {step} of {side}: {why}"));
                            }
                        }
                    }
                });
            }
        });
        assert_eq!(failures.into_inner().unwrap(), Vec::<String>::new());
        let (dead, twice) = (dead.into_inner(), twice.into_inner());
        println!("{:32} {steps:4} steps, killed at {dead:4}, {twice:3} of them killed again", scenario.name);
        // What two servers at once are asked is not counted alike each time: a few points are beyond the end.
        assert!(dead * 10 >= points * 9, "{}: only {dead} of {points} points were reached", scenario.name);
        all += dead;
        all_again += twice;
    }
    println!("{:32} killed at {all} points, {all_again} of them killed again", "all");
    assert!(all >= 500, "only {all} points");
}

fn undisturbed(scenario: &Scenario) -> Undisturbed {
    let world = World::new(scenario);
    let before = world.holdings();
    let program = Program::start(&world, None);
    assert_eq!(program.end(), Death::Exit(0), "{}: {}", scenario.name, program.output());
    world.quiet();
    let steps = world.steps();
    let after = world.holdings();
    assert_ne!(before, after, "{}: nothing happens", scenario.name);
    Undisturbed { before, after, steps }
}

/// Kills the program at a step, perhaps again, and lets it end; gives how often it died.
fn cut(
    scenario: &Scenario,
    undisturbed: &Undisturbed,
    (side, step): (Side, usize),
    n: usize,
) -> Result<usize, String> {
    let world = World::new(scenario);
    let mut deaths = 0;
    let mut cuts = vec![(side, step)];
    if n.is_multiple_of(AGAIN) {
        // Anywhere in the first half of the next run.
        let other = if n.is_multiple_of(2 * AGAIN) { Side::Source } else { Side::Destination };
        cuts.push((other, n * 7 % (undisturbed.steps[usize::from(other.number() - 1)] / 2) + 1));
    }
    for cut in cuts {
        let program = Program::start(&world, Some(cut));
        match program.end() {
            Death::Killed => deaths += 1,
            Death::Exit(0) => {}
            other => return Err(format!("{other:?} without a reason\n{}", program.output())),
        }
        world.quiet();
        undisturbed.allows(&world.holdings())?;
    }
    for run in ["the run after", "one more run"] {
        let before = world.everything();
        let program = Program::start(&world, None);
        let end = program.end();
        world.quiet();
        if end != Death::Exit(0) {
            return Err(format!("{run} ended with {end:?}\n{}", program.output()));
        }
        if world.holdings() != undisturbed.after {
            let difference = world.holdings().differs_from(&undisturbed.after);
            return Err(format!(
                "{run} ended elsewhere than an undisturbed one: {difference}\n{}",
                program.output()
            ));
        }
        if run == "one more run" && world.everything() != before {
            return Err(format!("{run} changed something\n{}", program.output()));
        }
    }
    world.no_offence()?;
    Ok(deaths)
}

impl Undisturbed {
    /// Whether what is there between two runs may be so: nothing is lost, nothing is there twice, nothing is gone or marked
    /// that an undisturbed run would leave.
    fn allows(&self, now: &Holdings) -> Result<(), String> {
        for (place, body) in self.before.places(Side::Source) {
            let copies = |holdings: &Holdings, side| holdings.count(side, &place, &body);
            let here = copies(now, Side::Source);
            if here < copies(&self.after, Side::Source) {
                return Err(format!("host1 lost what an undisturbed run leaves: {place} {body}"));
            }
            let stays = here <= copies(&self.after, Side::Source);
            let left_alone = !self.after.is_marked(Side::Source, &place, &body);
            if stays && left_alone && now.is_marked(Side::Source, &place, &body) {
                return Err(format!("host1 has marked what an undisturbed run leaves alone: {place} {body}"));
            }
            let safe = copies(now, Side::Destination) > 0;
            if !safe && (here == 0 || now.is_marked(Side::Source, &place, &body)) {
                return Err(format!("host1 has deleted or marked what host2 does not have: {place} {body}"));
            }
        }
        for (place, body) in now.places(Side::Destination) {
            let copies = |holdings: &Holdings| holdings.count(Side::Destination, &place, &body);
            if copies(now) > copies(&self.before).max(copies(&self.after)) {
                return Err(format!("host2 has it more often than it should: {place} {body}"));
            }
            let kept = copies(&self.after) > 0;
            if kept && now.is_marked(Side::Destination, &place, &body) {
                return Err(format!("host2 has marked what stays: {place} {body}"));
            }
        }
        for (place, body) in self.before.places(Side::Destination) {
            let copies = |holdings: &Holdings| holdings.count(Side::Destination, &place, &body);
            if copies(now) < copies(&self.before).min(copies(&self.after)) {
                return Err(format!("host2 lost what stays: {place} {body}"));
            }
        }
        Ok(())
    }
}

#[test]
fn what_must_not_be_is_found() {
    use imapsync_core::testing::Server;
    // What each server has in its INBOX: a letter for each message, in capitals where it is marked as deleted.
    let holdings = |source: &str, destination: &str| {
        let server = |letters: &str| {
            let server = Server::new("IMAP4rev1");
            for letter in letters.chars() {
                let flags: &[&str] = if letter.is_uppercase() { &["\\Deleted"] } else { &[] };
                server.mail().folder("INBOX").add(letter.to_lowercase().to_string(), flags);
            }
            server
        };
        Holdings::of_servers(&[server(source), server(destination)])
    };
    // `a` and `b` are moved, `c` is a true duplicate of which one copy is made, `x` stays, `y` goes.
    let undisturbed =
        Undisturbed { before: holdings("abcc", "xy"), after: holdings("", "abcx"), steps: [0, 0] };
    for (source, destination, fine) in [
        ("abcc", "xy", true),
        ("Abcc", "xya", true),
        ("bcc", "xya", true),
        ("", "xabc", true),
        ("", "xYabc", true),
        // Lost, marked without a copy, doubled, marked over there, what stays is gone, what is nobody's.
        ("bcc", "xy", false),
        ("Abcc", "xy", false),
        ("abcc", "xyaa", false),
        ("abcc", "xyA", false),
        ("abcc", "ya", false),
        ("abcc", "xyaz", false),
    ] {
        let allowed = undisturbed.allows(&holdings(source, destination));
        assert_eq!(allowed.is_ok(), fine, "{source} {destination}: {allowed:?}");
    }
    // What an undisturbed run leaves on host1 stays.
    let copy = Undisturbed { before: holdings("ab", ""), after: holdings("ab", "ab"), steps: [0, 0] };
    assert!(copy.allows(&holdings("ab", "a")).is_ok());
    assert!(copy.allows(&holdings("b", "ab")).is_err());
    assert!(copy.allows(&holdings("Ab", "ab")).is_err(), "marked although nothing is deleted");
}
