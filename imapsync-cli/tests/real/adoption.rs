//! Acceptance 3: what another tool has copied before is recognised: no APPEND, no CREATE.

use std::path::Path;
use std::process::Command;

use crate::account::{Account, interpreter};
use crate::proxy::{Options, Proxy};
use crate::run::Sync;
use crate::server::{self, Server, scripts};

/// Runs ours over two accounts that hold the same mail already.
fn adopts(what: &str, from: &Account, to: &Account) {
    let before = to.dump().messages();
    assert_eq!(before, from.dump().messages(), "{what}: the other tool copied all");
    for round in 1..=2 {
        let target = Proxy::start(to.port, Options::default());
        let run = Sync::new(from, &to.through(&target)).run().expect(0);
        let counts = (target.count("APPEND"), target.count("CREATE"));
        assert_eq!(counts, (0, 0), "{what}, round {round}: APPEND, CREATE\n{}", run.stdout);
    }
    assert_eq!(to.dump().messages(), before);
}

/// A configuration of mbsync that copies one account to another.
pub(crate) fn mbsync_copies(from: &Account, to: &Account, dir: &Path) -> std::time::Duration {
    let mut text = String::new();
    for (name, account) in [("a", from), ("b", to)] {
        text += &format!(
            "IMAPAccount {name}\nHost 127.0.0.1\nPort {}\nUser {}\nPass {}\nSSLType None\nAuthMechs LOGIN\n\
             DisableExtension COMPRESS=DEFLATE\n\nIMAPStore {name}\nAccount {name}\n\n",
            account.port, account.user, account.password
        );
    }
    text += &format!(
        "Channel c\nFar :a:\nNear :b:\nPatterns *\nCreate Near\nSync Pull\nCopyArrivalDate yes\nSyncState {}/\n",
        dir.display()
    );
    let file = dir.join("mbsyncrc");
    std::fs::write(&file, text).expect("the folder is ours");
    let started = std::time::Instant::now();
    let out = Command::new("mbsync").arg("-c").arg(&file).arg("c").output().expect("mbsync is installed");
    assert!(out.status.success(), "mbsync: {}", String::from_utf8_lossy(&out.stderr));
    started.elapsed()
}

/// The same with offlineimap, as install.sh has unpacked it.
fn offlineimap_copies(from: &Account, to: &Account, dir: &Path) {
    let repository = |name: &str, account: &Account| {
        format!(
            "[Repository {name}]\ntype = IMAP\nremotehost = 127.0.0.1\nremoteport = {}\nremoteuser = {}\nremotepass = {}\n\
             ssl = no\nstarttls = no\nauth_mechanisms = LOGIN\n\n",
            account.port, account.user, account.password
        )
    };
    let text = format!(
        "[general]\naccounts = a\nmetadata = {}/meta\nui = quiet\n\n[Account a]\nlocalrepository = there\nremoterepository = here\n\n{}{}",
        dir.display(),
        repository("here", from) + "readonly = yes\n\n",
        repository("there", to)
    );
    let file = dir.join("offlineimaprc");
    std::fs::write(&file, text).expect("the folder is ours");
    let place = Command::new("sh")
        .args(["-c", "here=$1; . \"$1/place.sh\"; echo \"$cache/offlineimap/usr\"", "-"])
        .arg(scripts())
        .output()
        .expect("sh starts");
    let usr = String::from_utf8_lossy(&place.stdout).trim().to_owned();
    let out = Command::new(interpreter())
        .env("PYTHONPATH", format!("{usr}/share/offlineimap3:{usr}/lib/python3/dist-packages"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("HOME", dir)
        .arg(format!("{usr}/share/offlineimap3/run"))
        .arg("-c")
        .arg(&file)
        .arg("-o")
        .output()
        .expect("python starts");
    let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "offlineimap: {said}");
}

#[test]
#[ignore = "needs real servers: run .ci/test"]
fn after_mbsync() {
    let (from, to) = (server::maildir().account(), server::maildir().account());
    from.fill(&["adoption", "1"]);
    let dir = tempfile::tempdir().expect("a temporary folder");
    mbsync_copies(&from, &to, dir.path());
    adopts("mbsync", &from, &to);
}

#[test]
#[ignore = "needs real servers: run .ci/test"]
fn after_offlineimap() {
    let (from, to) = (server::maildir().account(), server::maildir().account());
    from.fill(&["adoption", "2"]);
    let dir = tempfile::tempdir().expect("a temporary folder");
    offlineimap_copies(&from, &to, dir.path());
    adopts("offlineimap", &from, &to);
}

/// What `imapsync --addheader` leaves behind: a Message-Id made of the UID where there was none.
#[test]
#[ignore = "needs real servers: run .ci/test"]
fn after_addheader() {
    let (from, to) = (server::sdbox().account(), server::maildir().account());
    from.fill(&["adoption", "3"]);
    from.copied_by_loop(&to, &["--addheader"]);
    adopts("a loop that adds a header", &from, &to);
}

#[test]
#[ignore = "needs real servers: run .ci/test"]
fn after_a_received_line_was_dropped() {
    let (from, to) = (server::sdbox().account(), server::maildir().account());
    from.fill(&["adoption", "4"]);
    from.copied_by_loop(&to, &["--drop-received"]);
    adopts("a loop that drops a Received line", &from, &to);
}

#[test]
#[ignore = "needs real servers: run .ci/test"]
fn after_a_received_line_was_added() {
    let (from, to) = (server::sdbox().account(), server::maildir().account());
    from.fill(&["adoption", "5", "0"]);
    from.copied_by_loop(&to, &["--add-received"]);
    adopts("a loop that adds a Received line", &from, &to);
}

/// Cyrus with munge8bit writes an X for every 8-bit byte of a header.
#[test]
#[ignore = "needs real servers: run .ci/test"]
fn after_cyrus_munged_the_headers() {
    let munging = Server::start("cyrus", &[("EXTRA", "munge8bit: yes")]);
    let (from, to) = (server::sdbox().account(), munging.account());
    from.fill(&["adoption", "6"]);
    from.copied_by_loop(&to, &[]);
    adopts("Cyrus with munge8bit", &from, &to);
    // And our own copy through it is as stable.
    let to = munging.account();
    Sync::new(&from, &to).run().expect(0);
    adopts("ours through Cyrus with munge8bit", &from, &to);
}
