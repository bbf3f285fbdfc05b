//! Private servers for the tests: each is one `server.sh hold`, which ends with the pipe that this process holds.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::account::Account;

/// How many users a server knows: u1 to u400, each handed out once.
const USERS: usize = 400;

/// The folder of the scripts.
pub(crate) fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers")
}

/// A running server. It ends when this value is dropped or the test process ends, in whatever way.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) tls_port: u16,
    dir: PathBuf,
    next_user: AtomicUsize,
    users: usize,
    // Its standard input is the pipe; dropping it closes the pipe.
    hold: Child,
}

impl Server {
    /// Starts `dovecot`, `cyrus` or `courier` with the settings that `tests/servers/KIND.sh` describes.
    pub(crate) fn start(kind: &str, settings: &[(&str, &str)]) -> Server {
        assert!(
            std::env::var_os("IMAPSYNC_REAL_SERVERS").is_some_and(|value| value == "1"),
            "real servers are needed: run .ci/test, or imapsync-cli/tests/servers/install.sh and set IMAPSYNC_REAL_SERVERS=1"
        );
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        // The path must be short: it ends in the names of unix sockets.
        let dir = base().join(format!("imapsync-{}-{number}", std::process::id()));
        // saslpasswd2 is slow, so Cyrus gets fewer users.
        let users = if kind == "cyrus" { 60 } else { USERS };
        let mut hold = Command::new("sh")
            .arg(scripts().join("server.sh"))
            .args(["hold", kind])
            .arg(&dir)
            .env("USERS", users.to_string())
            .envs(settings.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh starts");
        let mut line = String::new();
        BufReader::new(hold.stdout.take().expect("piped"))
            .read_line(&mut line)
            .expect("server.sh speaks text");
        let mut words = line.split_whitespace();
        assert_eq!(words.next(), Some("ready"), "{kind} did not start (its log is above)");
        let mut port = || words.next().and_then(|word| word.parse().ok()).expect("server.sh names two ports");
        let (port, tls_port) = (port(), port());
        Server { port, tls_port, dir, next_user: AtomicUsize::new(1), users, hold }
    }

    /// An account that no other test has: empty, password `pass`.
    pub(crate) fn account(&self) -> Account {
        let number = self.next_user.fetch_add(1, Ordering::Relaxed);
        assert!(number <= self.users, "more accounts asked for than the server has users");
        self.named(&format!("u{number}"))
    }

    /// The account of one user by name.
    pub(crate) fn named(&self, user: &str) -> Account {
        Account { port: self.port, tls_port: self.tls_port, user: user.into(), password: "pass".into() }
    }

    /// The CA that signed the server's certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.dir.join("ca.crt")
    }

    /// Where a Dovecot with a Maildir layout keeps the mail of an account.
    pub(crate) fn maildir(&self, account: &Account) -> PathBuf {
        self.dir.join("mail").join(&account.user).join("Maildir")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.hold.stdin.take());
        let _ = self.hold.wait();
    }
}

/// Memory when there is room for a few gigabytes, else the temporary folder.
pub(crate) fn base() -> PathBuf {
    let shm = Path::new("/dev/shm");
    let room = Command::new("df").args(["-k", "--output=avail"]).arg(shm).output();
    let kib = room
        .ok()
        .and_then(|out| String::from_utf8_lossy(&out.stdout).lines().nth(1)?.trim().parse::<u64>().ok());
    if kib.is_some_and(|kib| kib > 6 << 20) { shm.into() } else { std::env::temp_dir() }
}

/// Dovecot, sdbox: separator `/`, no prefix. Shared by all tests of the process, like those below.
pub(crate) fn sdbox() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start("dovecot", &[("LAYOUT", "sdbox")]))
}

/// Dovecot, Maildir++: separator `.`, no prefix.
pub(crate) fn maildir() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start("dovecot", &[("LAYOUT", "maildir")]))
}

/// Dovecot, Maildir++: separator `.`, prefix `INBOX.`.
pub(crate) fn inbox_prefix() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start("dovecot", &[("LAYOUT", "inbox")]))
}

/// Dovecot with limits: users q1 to q9 may store 100 KiB, no message over 64 KiB, "Locked" is read-only.
pub(crate) fn limited() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start("dovecot", &[("LIMITS", "yes")]))
}

/// Cyrus: separator `.`, prefix `INBOX.`.
pub(crate) fn cyrus() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start("cyrus", &[]))
}

/// Courier: separator `.`, prefix `INBOX.`.
pub(crate) fn courier() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start("courier", &[]))
}
