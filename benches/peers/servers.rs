//! Private servers, started with the scripts of the tests; their mail lies in memory where there is room for it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Accounts that a server has, each used once.
const USERS: usize = 300;

/// What runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Dovecot 2.3 with Maildir++.
    Dovecot,
    /// The same, that does not say that it knows MULTIAPPEND.
    DovecotWithoutMultiappend,
    /// Cyrus IMAP 3.6, without a prefix.
    Cyrus,
    /// Courier: no LITERAL+, prefix `INBOX.`.
    Courier,
}

/// A running server; ends when it is dropped, or with this process.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) port: u16,
    pub(crate) tls_port: u16,
    dir: PathBuf,
    used: usize,
    users: usize,
    hold: Child,
}

impl Server {
    pub(crate) fn start(kind: Kind) -> Result<Self, String> {
        static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let dir = memory().join(format!("peers-{}-{number}", std::process::id()));
        let (name, settings, users): (_, &[_], _) = match kind {
            Kind::Dovecot => ("dovecot", &[("LAYOUT", "maildir")], USERS),
            Kind::DovecotWithoutMultiappend => ("dovecot", &[("LAYOUT", "maildir"), ("EXTRA", PLAIN)], USERS),
            Kind::Cyrus => ("cyrus", &[("ALTNS", "yes")], 40),
            Kind::Courier => ("courier", &[], USERS),
        };
        let mut hold = Command::new("sh")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../imapsync-cli/tests/servers/server.sh"))
            .args(["hold", name])
            .arg(&dir)
            .env("USERS", users.to_string())
            .envs(settings.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("sh: {error}"))?;
        let mut line = String::new();
        let out = hold.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut line).map_err(|error| error.to_string())?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let ports = match words[..] {
            ["ready", port, tls_port] => port.parse().ok().zip(tls_port.parse().ok()),
            _ => None,
        };
        let Some((port, tls_port)) = ports else {
            let _ = hold.wait();
            return Err(format!("{name} did not start: imapsync-cli/tests/servers/install.sh brings it"));
        };
        Ok(Server { kind, port, tls_port, dir, used: 0, users, hold })
    }

    /// The next account: empty, password `pass`.
    pub(crate) fn user(&mut self) -> String {
        self.used += 1;
        assert!(self.used <= self.users, "more runs than the server has accounts; fewer --times will do");
        format!("u{}", self.used)
    }

    /// Where a Dovecot keeps the mail of an account.
    pub(crate) fn maildir(&self, user: &str) -> PathBuf {
        self.dir.join("mail").join(user).join("Maildir")
    }

    /// Removes the mail of an account that is no longer needed.
    pub(crate) fn forget(&self, user: &str) {
        if matches!(self.kind, Kind::Dovecot | Kind::DovecotWithoutMultiappend) {
            let _ = std::fs::remove_dir_all(self.dir.join("mail").join(user));
        }
    }

    /// A place for other things that go with the server, however this process ends.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.dir.join("scratch")
    }

    /// The CA that signed its certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.dir.join("ca.crt")
    }

    /// What stands before the name of a folder.
    pub(crate) fn prefix(&self) -> &'static str {
        if self.kind == Kind::Courier { "INBOX." } else { "" }
    }

    /// Processor time of all its processes since they started, those that have ended included.
    pub(crate) fn cpu(&self) -> Duration {
        let file = match self.kind {
            Kind::Courier => "pid",
            Kind::Cyrus => "master.pid",
            Kind::Dovecot | Kind::DovecotWithoutMultiappend => "run/master.pid",
        };
        let text = std::fs::read_to_string(self.dir.join(file)).unwrap_or_default();
        let Ok(master) = text.trim().parse::<u32>() else { return Duration::ZERO };
        let all: Vec<Process> = processes();
        let mut family = vec![master];
        let mut at = 0;
        while let Some(parent) = family.get(at).copied() {
            family.extend(all.iter().filter(|one| one.parent == parent).map(|one| one.id));
            at += 1;
        }
        let ticks: u64 = all.iter().filter(|one| family.contains(&one.id)).map(|one| one.ticks).sum();
        // Linux counts in hundredths of a second here, whatever its clock.
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.hold.stdin.take());
        let _ = self.hold.wait();
    }
}

struct Process {
    id: u32,
    parent: u32,
    ticks: u64,
}

/// All processes, from /proc/PID/stat (proc(5)).
fn processes() -> Vec<Process> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        // The name of the program stands in brackets and may hold anything.
        let Some((_, rest)) = stat.rsplit_once(')') else { continue };
        let fields: Vec<u64> = rest.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect();
        // utime, stime, and those of children that were waited for.
        let ticks = fields.get(11..15).map_or(0, |four| four.iter().sum());
        all.push(Process { id, parent: fields.get(1).map_or(0, |parent| *parent as u32), ticks });
    }
    all
}

/// The capabilities of Dovecot 2.3 without MULTIAPPEND.
const PLAIN: &str = "imap_capability = IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT SORT=DISPLAY \
    THREAD=REFERENCES THREAD=REFS THREAD=ORDEREDSUBJECT URL-PARTIAL CATENATE UNSELECT CHILDREN NAMESPACE UIDPLUS \
    LIST-EXTENDED I18NLEVEL=1 CONDSTORE QRESYNC ESEARCH ESORT SEARCHRES WITHIN CONTEXT=SEARCH LIST-STATUS BINARY \
    MOVE SNIPPET=FUZZY PREVIEW=FUZZY PREVIEW STATUS=SIZE SAVEDATE LITERAL+ NOTIFY SPECIAL-USE";

/// Whether the servers drop to another user.
pub(crate) fn root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Memory when there is room for a few gigabytes, else the temporary folder.
pub(crate) fn memory() -> PathBuf {
    let out = Command::new("df").args(["-k", "--output=avail", "/dev/shm"]).output();
    let kib = out
        .ok()
        .and_then(|out| String::from_utf8(out.stdout).ok()?.lines().nth(1)?.trim().parse::<u64>().ok());
    if kib.is_some_and(|kib| kib > 6 << 20) { "/dev/shm".into() } else { std::env::temp_dir() }
}
