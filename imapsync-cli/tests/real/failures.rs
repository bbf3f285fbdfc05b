//! Acceptance 6: what goes wrong is said with side, folder and message, has its exit code, and stops nothing else.

use std::net::TcpListener;

use crate::account::{self, Account};
use crate::proxy::{Options, Proxy};
use crate::run::Sync;
use crate::server::{self, Server};

#[test]
#[ignore = "needs real servers: run .ci/test"]
fn a_wrong_password() {
    let (good, other) = (server::sdbox().account(), server::maildir().account());
    let wrong = |account: &Account| Account { password: "xyzzy-secret".into(), ..account.clone() };
    let first = Sync::new(&wrong(&good), &other).run().expect(161);
    first.says(&["Host1", &good.user]);
    let second = Sync::new(&good, &wrong(&other)).run().expect(162);
    second.says(&["Host2", &other.user]);
    let debug = Sync::new(&wrong(&good), &other).args(["--debug", "--debugimap"]).run().expect(161);
    for run in [&first, &second, &debug] {
        assert!(!format!("{}{}", run.stdout, run.stderr).contains("xyzzy-secret"), "the password is shown");
    }
}

#[test]
#[ignore = "needs real servers: run .ci/test"]
fn a_closed_port_or_unknown_host() {
    let (from, to) = (server::sdbox().account(), server::maildir().account());
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        Account { port: listener.local_addr().expect("bound").port(), ..from.clone() }
    };
    Sync::new(&closed, &to).run().expect(101).says(&["Host1", &closed.port.to_string()]);
    Sync::new(&from, &closed).run().expect(102).says(&["Host2", &closed.port.to_string()]);
    let unknown = |option: &str| Sync::new(&from, &to).without(option).args([option, "no-such-host.invalid"]);
    unknown("--host1").run().expect(101).says(&["Host1", "no-such-host.invalid"]);
    unknown("--host2").run().expect(102).says(&["Host2", "no-such-host.invalid"]);
}

/// Under `--ssl1`, `--tls1` or `--cafile1` a certificate is verified, on loopback too; elsewhere a notice is enough there.
#[test]
#[ignore = "needs real servers: run .ci/test"]
fn certificates() {
    let to = server::maildir().account();
    let good = server::sdbox();
    let from = good.account();
    from.fill(&["batch", "tls", "5"]);
    let over_tls = Account { port: from.tls_port, ..from.clone() };
    let trusted = good.ca().to_string_lossy().into_owned();
    let plain_target = ["--nossl2", "--notls2"];
    let ssl = |account: &Account, ca: &str| {
        Sync::bare(account, &to).args(["--ssl1", "--cafile1", ca]).args(plain_target).run()
    };
    let tls = |account: &Account, ca: &str| {
        Sync::bare(account, &to).args(["--tls1", "--cafile1", ca]).args(plain_target).run()
    };
    ssl(&over_tls, &trusted).expect(0);
    tls(&from, &trusted).expect(0);
    // The CA that nobody trusts.
    Sync::bare(&over_tls, &to)
        .arg("--ssl1")
        .args(plain_target)
        .run()
        .expect(12)
        .says(&["Host1", "certificate"]);
    // Not asked for by name: one notice, and the copy goes on.
    Sync::bare(&from, &to).run().expect(0);
    for which in ["expired", "selfsigned", "wrongname"] {
        let server = Server::start("dovecot", &[("CERT", which)]);
        let from = server.account();
        from.fill(&["batch", which, "3"]);
        let over_tls = Account { port: server.tls_port, ..from.clone() };
        let ca = server.ca().to_string_lossy().into_owned();
        ssl(&over_tls, &ca).expect(12).says(&["Host1", "certificate"]);
        tls(&from, &ca).expect(12).says(&["Host1", "certificate"]);
        Sync::bare(&over_tls, &to).args(["--ssl1", "--insecure1"]).args(plain_target).run().expect(0);
        Sync::bare(&over_tls, &to)
            .args(["--sslargs1", "SSL_verify_mode=0", "--ssl1"])
            .args(plain_target)
            .run()
            .expect(0);
    }
}

/// Somebody on the line takes STARTTLS out of the capabilities.
#[test]
#[ignore = "needs real servers: run .ci/test"]
fn a_stripped_starttls() {
    let (from, to) = (server::sdbox().account(), server::maildir().account());
    from.fill(&["batch", "strip", "3"]);
    let strip =
        Proxy::start(from.port, Options { replace: Some(("STARTTLS", "XTARTTLS")), ..Options::default() });
    let run =
        Sync::bare(&from.through(&strip), &to).args(["--tls1", "--nossl2", "--notls2"]).run().expect(12);
    run.says(&["Host1", "STARTTLS"]);
    assert_eq!(
        (strip.count("LOGIN"), strip.count("AUTHENTICATE")),
        (0, 0),
        "the password went over a plain line"
    );
    let no_tls = Server::start("dovecot", &[("TLS", "no")]);
    Sync::bare(&no_tls.account(), &to).args(["--tls1", "--nossl2", "--notls2"]).run().expect(12);
}

/// The target is full: what fits is there and nothing is half there.
#[test]
#[ignore = "needs real servers: run .ci/test"]
fn a_full_quota() {
    let (from, to) = (server::sdbox().account(), server::limited().named("q1"));
    from.fill(&["bulk", "quota", "10", "5000", "1"]);
    Sync::new(&from, &to).run().expect(0);
    // What comes next is more than fits. A group of messages is stored whole or not at all.
    from.fill(&["bulk", "more", "40", "5000", "1"]);
    let run = Sync::new(&from, &to).run().expect(113);
    run.says(&["Host2", "INBOX"]).says(&["uota"]);
    let there = to.dump();
    assert!((10..30).contains(&there.messages()), "{} of 50 messages in 100 KiB", there.messages());
    from.dump().assert_same(&there, &["--subset"]);
}

/// One message is refused (too large for that server): it is named, the others are there, the source keeps it.
#[test]
#[ignore = "needs real servers: run .ci/test"]
fn a_refused_message() {
    let (from, to) = (server::sdbox().account(), server::limited().account());
    from.fill(&["batch", "large", "10"]);
    let mut message =
        b"Message-Id: <too-large@corpus.example>\r\nSubject: too large for you\r\n\r\n".to_vec();
    message.extend(b"all work and no play\r\n".repeat(4000));
    from.put("INBOX", "\\Seen", &message);
    let before = from.dump();
    let run = Sync::new(&from, &to).run().expect(114);
    run.says(&["Host2", "INBOX", "too large for you"]);
    before.assert_same(&to.dump(), &["--missing-message", "too large for you"]);
    let run = Sync::new(&from, &to).arg("--delete1").run().expect(114);
    assert_eq!(from.dump().messages(), 1, "only what was not copied is left\n{}", run.stdout);
}

/// A folder is refused (quotes in its name, on Cyrus): it is named, the others are there, nothing of it is deleted.
#[test]
#[ignore = "needs real servers: run .ci/test"]
fn a_refused_folder() {
    let (from, to) = (server::sdbox().account(), server::cyrus().account());
    from.fill(&["batch", "folder", "6"]);
    from.put("say \"hi\"", "", b"Message-Id: <hi@corpus.example>\r\nSubject: hi\r\n\r\nhi\r\n");
    let before = from.dump();
    Sync::new(&from, &to).arg("--delete1").run().expect(116).says(&["Host2", "say \"hi\""]);
    before.assert_same(&to.dump(), &["--missing", "say \"hi\"", "--unmarked"]);
    assert_eq!(from.dump().messages(), 1);
}

/// The source folder is read-only: everything is copied, the refusal to delete is named, the source stays as it was.
#[test]
#[ignore = "needs real servers: run .ci/test"]
fn a_read_only_source() {
    let source = server::limited();
    let (from, to) = (source.account(), server::maildir().account());
    account::write_maildir(&source.maildir(&from), 0, 10, 0);
    account::write_maildir(&source.maildir(&from).join(".Locked"), 8, 500, 0);
    from.fill(&["batch", "open", "6"]);
    let before = from.dump();
    assert_eq!(before.messages(), 14);
    let run = Sync::new(&from, &to).arg("--delete1").run();
    assert!(run.code.is_some_and(|code| code != 0), "{:?}\n{}", run.code, run.stdout);
    run.says(&["Host1", "Locked"]);
    before.assert_same(&to.dump(), &["--unmarked"]);
    let after = from.dump();
    assert_eq!((after.messages(), after.deleted()), (8, 0), "{}", run.stdout);
}
