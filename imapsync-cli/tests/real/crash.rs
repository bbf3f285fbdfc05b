//! Acceptance 7: killed at any instant, cut at any byte, a reply lost: run again, it ends the same.

use std::time::Duration;

use crate::proxy::{Options, Proxy};
use crate::run::Sync;
use crate::{server, sized};

/// Numbers that look random and are the same on every run (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn line() -> Options {
    Options { round_trip: Duration::from_millis(10), ..Options::default() }
}

/// With --delete1 a mark on the source may be our own: none is set on a copy.
const MOVED: &[&str] = &["--unmarked"];

/// A move killed again and again, new mail coming in between; after each kill and each rerun both sides are looked at.
#[test]
#[ignore = "needs real servers: run .ci/test"]
fn a_killed_move_loses_and_doubles_nothing() {
    let kills = sized(6, 50);
    let mut chance = Chance(0x1234_5678_9abc_def1);
    let mut killed = 0;
    let mut round = 0;
    while killed < kills {
        // New accounts now and then keep the comparison short.
        let (from, to) = (server::sdbox().account(), server::maildir().account());
        let (source, target) = (Proxy::start(from.port, line()), Proxy::start(to.port, line()));
        let sync = || Sync::new(&from.through(&source), &to.through(&target)).arg("--delete1");
        from.fill(&["batch", &format!("whole-{round}"), "100"]);
        let mut everything = from.dump();
        let whole = sync().run().expect(0).took;
        everything.assert_same(&to.dump(), MOVED);
        for _ in 0..10 {
            round += 1;
            assert!(round < 4 * kills, "most runs end before they can be killed");
            from.fill(&["batch", &format!("kill-{round}"), "100"]);
            everything = everything.and(&from.dump());
            let moment = Duration::from_micros(chance.below(whole.as_micros() as u64));
            let was_killed = sync().spawn().kill_after(moment);
            killed += usize::from(was_killed);
            // What was on the line still arrives.
            std::thread::sleep(Duration::from_millis(50));
            let left = from.dump();
            println!(
                "round {round}: {} after {moment:.1?}, {} left on the source, {} of them marked",
                if was_killed { "killed" } else { "ended" },
                left.messages(),
                left.deleted()
            );
            everything.assert_survived(&left, &to.dump());
            sync().run().expect(0);
            assert_eq!(from.dump().messages(), 0, "round {round}: all was copied, so nothing is left");
            everything.assert_same(&to.dump(), MOVED);
            if killed == kills {
                break;
            }
        }
    }
    println!("{killed} kills in {round} rounds");
}

/// `while ! imapsync ...` through a line that breaks every 200 KB ends complete.
#[test]
#[ignore = "needs real servers: run .ci/test"]
fn a_breaking_line_ends_complete() {
    let (from, to) = (server::sdbox().account(), server::maildir().account());
    from.fill(&["bulk", "breaks", sized("400", "2000"), "8000", sized("5", "20")]);
    let breaks = || Options { cut_every: Some(200_000), ..Options::default() };
    let (source, target) = (Proxy::start(from.port, breaks()), Proxy::start(to.port, breaks()));
    let mut runs = 1;
    while Sync::new(&from.through(&source), &to.through(&target)).run().code != Some(0) {
        runs += 1;
        assert!(runs <= 200, "never complete");
    }
    println!(
        "{runs} runs; connections and cuts: source {:?}, target {:?}",
        source.connections(),
        target.connections()
    );
    assert!(source.connections().1 > 0 && target.connections().1 > 0, "the line never broke");
    from.dump().assert_same(&to.dump(), &[]);
}

/// The message is stored and the OK is lost: it is looked for, not sent again.
#[test]
#[ignore = "needs real servers: run .ci/test"]
fn a_lost_reply_doubles_nothing() {
    for lost in [1, 2, 3] {
        for server in [server::maildir(), server::courier()] {
            let (from, to) = (server::sdbox().account(), server.account());
            from.fill(&["batch", "lost", "40"]);
            let target =
                Proxy::start(to.port, Options { lose_reply: Some(("APPEND", lost)), ..Options::default() });
            let run = Sync::new(&from, &to.through(&target)).run().expect(0);
            assert_eq!(target.connections().1, 1, "the reply was not lost\n{}", run.stdout);
            from.dump().assert_same(&to.dump(), &["--rewritten", "final line end"]);
        }
    }
}

/// Cut once at many places: the run itself goes on and ends complete.
#[test]
#[ignore = "needs real servers: run .ci/test"]
fn one_cut_anywhere_is_survived() {
    let from = server::sdbox().account();
    from.fill(&["batch", "cut", "60"]);
    let wanted = from.dump();
    let mut chance = Chance(0xfeed_beef_1234_0001);
    for side in 1..=2 {
        for _ in 0..sized(3, 20) {
            let to = server::maildir().account();
            let at = 500 + chance.below(90_000);
            let cut = |this| Options { cut_at: (side == this).then_some(at), ..Options::default() };
            let (source, target) = (Proxy::start(from.port, cut(1)), Proxy::start(to.port, cut(2)));
            let run = Sync::new(&from.through(&source), &to.through(&target)).run();
            assert_eq!(run.code, Some(0), "side {side} cut at byte {at}\n{}{}", run.stdout, run.stderr);
            wanted.assert_same(&to.dump(), &[]);
        }
    }
}
