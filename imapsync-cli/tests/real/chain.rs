//! Acceptance 1: an account goes round all servers and comes home whole; each second run writes nothing.

use crate::account::Account;
use crate::proxy::{Options, Proxy};
use crate::run::Sync;
use crate::{server, sized};

/// One leg: copy, compare from outside, run again and dry with an eye on the wire.
fn leg(name: &str, from: &Account, to: &Account, expected: &[&str]) {
    let dry = {
        let (source, target) =
            (Proxy::start(from.port, Options::default()), Proxy::start(to.port, Options::default()));
        let dry = Sync::new(&from.through(&source), &to.through(&target)).arg("--dry").run().expect(0);
        assert_eq!((source.writes(), target.writes()), Default::default(), "{name}: a dry run writes");
        dry
    };
    let there = from.dump().messages();
    dry.says(&["Messages transferred", &format!("could be {there} without dry mode")]);
    let first = Sync::new(from, to).run().expect(0);
    println!("{name}: {there} messages in {:.2?}", first.took);
    println!("{}", from.dump().assert_same(&to.dump(), expected));
    let (source, target) =
        (Proxy::start(from.port, Options::default()), Proxy::start(to.port, Options::default()));
    let again = Sync::new(&from.through(&source), &to.through(&target)).run().expect(0);
    assert_eq!(
        (source.writes(), target.writes()),
        Default::default(),
        "{name}: a second run writes\n{}",
        again.stdout
    );
    assert_eq!(again.statistic("Messages transferred"), 0);
    println!("{name}: nothing to do in {:.2?}", again.took);
}

#[test]
#[ignore = "needs real servers: run .ci/test"]
fn an_account_goes_round_all_servers() {
    let (first, second) = (server::sdbox().account(), server::cyrus().account());
    let (third, fourth, fifth) =
        (server::courier().account(), server::inbox_prefix().account(), server::sdbox().account());
    let big = sized("2000000", "20000000");
    first.fill(&["acceptance", "7", sized("400", "2000"), big]);
    let start = first.dump();
    // "a.b/c" cannot keep its dot as a name where the dot separates: the parts stay, the "." becomes "_".
    leg("sdbox to Cyrus", &first, &second, &["--map", "a.b/c=a_b/c"]);
    // Courier ends the last line of a message that lacks an end.
    leg("Cyrus to Courier", &second, &third, &["--rewritten", "final line end"]);
    leg("Courier to Maildir++", &third, &fourth, &[]);
    leg("Maildir++ to sdbox", &fourth, &fifth, &[]);
    start.assert_same(&fifth.dump(), &["--map", "a.b/c=a_b/c", "--rewritten", "final line end"]);
}

/// What Cyrus refuses (a message whose header has a line without colon, a name with quotes) is named, the rest is there.
#[test]
#[ignore = "needs real servers: run .ci/test"]
fn what_cyrus_refuses_is_named() {
    let (from, to) = (server::sdbox().account(), server::cyrus().account());
    from.fill(&["refused", "1"]);
    let run = Sync::new(&from, &to).run();
    assert!(matches!(run.code, Some(111 | 114 | 116)), "{:?}\n{}{}", run.code, run.stdout, run.stderr);
    run.says(&["say \"hi\""]).says(&["INBOX", "headerless"]);
    let expected = ["--missing", "say \"hi\"", "--missing-message", "headerless"];
    from.dump().assert_same(&to.dump(), &expected);
}

/// What Courier refuses (an emoji in a name) is named, the rest is there.
#[test]
#[ignore = "needs real servers: run .ci/test"]
fn what_courier_refuses_is_named() {
    let (from, to) = (server::sdbox().account(), server::courier().account());
    from.fill(&["refused", "1"]);
    Sync::new(&from, &to).run().expect(116).says(&["party 🎉"]);
    from.dump().assert_same(&to.dump(), &["--missing", "party 🎉", "--rewritten", "final line end"]);
}
