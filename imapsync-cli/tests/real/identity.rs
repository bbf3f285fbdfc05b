//! Acceptance 2: mail without headers, mail that shares its headers, true duplicates: nothing lost, nothing doubled.

use crate::run::Sync;
use crate::server;

#[test]
#[ignore = "needs real servers: run .ci/test"]
fn nothing_is_lost_and_nothing_doubled() {
    let (from, to) = (server::sdbox().account(), server::maildir().account());
    from.fill(&["identity", "2"]);
    let source = from.dump();
    assert_eq!(source.messages(), 17);
    for round in 1..=3 {
        // With state a folder that has not changed is not looked at message by message.
        let run = Sync::new(&from, &to).arg("--debug").arg("--nostate").run().expect(0);
        assert_eq!(
            run.statistic("Messages transferred"),
            if round == 1 { 16 } else { 0 },
            "round {round}\n{}",
            run.stdout
        );
        assert_eq!(run.statistic("Messages found duplicate on host1"), 1, "round {round}\n{}", run.stdout);
        // Each of the 17 has one named outcome: the sixteen with their UIDs, the twin as a duplicate of the other.
        for uid in 1..=17 {
            run.says(&[&format!("Identity/{uid} ")]);
        }
        run.says(&["Identity/12 ", "duplicate"]);
        source.assert_same(&to.dump(), &["--once"]);
    }
}

/// `--syncduplicates` copies the twin too, once.
#[test]
#[ignore = "needs real servers: run .ci/test"]
fn duplicates_are_copied_on_request() {
    let (from, to) = (server::sdbox().account(), server::maildir().account());
    from.fill(&["identity", "3"]);
    for _ in 0..2 {
        Sync::new(&from, &to).arg("--syncduplicates").run().expect(0);
        from.dump().assert_same(&to.dump(), &[]);
    }
}
