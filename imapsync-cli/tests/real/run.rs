//! Runs of the built program: credentials in files, output caught, peak memory and time measured.

use std::ffi::OsString;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::account::Account;

/// No run of a test takes longer; one that does is killed and has failed.
const LIMIT: Duration = Duration::from_secs(1200);

/// One command line, not yet run.
pub(crate) struct Sync {
    args: Vec<OsString>,
    dir: tempfile::TempDir,
}

impl Sync {
    /// `imapsync` from one account to the other in plain text, asked for with `--nossl --notls`.
    pub(crate) fn new(from: &Account, to: &Account) -> Sync {
        Sync::bare(from, to).args(["--nossl1", "--notls1", "--nossl2", "--notls2"])
    }

    /// The same, saying nothing of TLS: hosts, ports, users and password files only.
    pub(crate) fn bare(from: &Account, to: &Account) -> Sync {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut args: Vec<OsString> = Vec::new();
        for (side, account) in [("1", from), ("2", to)] {
            let file = dir.path().join(format!("pass{side}"));
            std::fs::write(&file, format!("{}\n", account.password)).expect("the folder is ours");
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            std::fs::set_permissions(&file, mode).expect("the file is ours");
            for (name, value) in [
                ("--host", OsString::from("127.0.0.1")),
                ("--port", account.port.to_string().into()),
                ("--user", account.user.clone().into()),
                ("--passfile", file.into()),
            ] {
                args.push(format!("{name}{side}").into());
                args.push(value);
            }
        }
        Sync { args, dir }
    }

    /// Adds one argument; a later one overrides an earlier one of the same name.
    pub(crate) fn arg(mut self, arg: impl Into<OsString>) -> Sync {
        self.args.push(arg.into());
        self
    }

    /// Adds several.
    pub(crate) fn args<'a>(mut self, args: impl IntoIterator<Item = &'a str>) -> Sync {
        self.args.extend(args.into_iter().map(OsString::from));
        self
    }

    /// Takes an option and its value back that the constructor had set.
    pub(crate) fn without(mut self, option: &str) -> Sync {
        if let Some(at) = self.args.iter().position(|arg| arg == option) {
            self.args.drain(at..at + 2);
        }
        self
    }

    /// Starts it.
    pub(crate) fn spawn(self) -> Running {
        // Another build of the program may be put in its place, a released one for example.
        let program =
            std::env::var_os("IMAPSYNC_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_imapsync").into());
        let mut child = Command::new(program)
            .args(&self.args)
            .current_dir(self.dir.path())
            .env("XDG_STATE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/state"))
            .env_remove("IMAPSYNC_PASSWORD1")
            .env_remove("IMAPSYNC_PASSWORD2")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program was built");
        let stdout = reader(child.stdout.take().expect("piped"));
        let stderr = reader(child.stderr.take().expect("piped"));
        Running { child, stdout, stderr, started: Instant::now(), peak_kib: 0, _dir: self.dir }
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Output {
        self.spawn().wait()
    }
}

fn reader(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// A run in progress.
pub(crate) struct Running {
    child: Child,
    stdout: JoinHandle<String>,
    stderr: JoinHandle<String>,
    started: Instant,
    peak_kib: u64,
    _dir: tempfile::TempDir,
}

impl Running {
    /// Lets it run for that long, then SIGKILL; nothing if it has ended by then. Tells whether it was killed.
    pub(crate) fn kill_after(mut self, time: Duration) -> bool {
        let due = self.started + time;
        while Instant::now() < due {
            if self.child.try_wait().expect("our child").is_some() {
                self.wait();
                return false;
            }
            std::thread::sleep(Duration::from_millis(1).min(due.saturating_duration_since(Instant::now())));
        }
        let alive = self.child.try_wait().expect("our child").is_none();
        let _ = self.child.kill();
        self.wait();
        alive
    }

    /// Sends a signal by name, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "cannot send {name}");
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Output {
        let status = loop {
            // VmHWM only grows, so the last look before the end is the peak, or as good as.
            self.peak_kib = self.peak_kib.max(peak(self.child.id()));
            if let Some(status) = self.child.try_wait().expect("our child") {
                break status;
            }
            if self.started.elapsed() > LIMIT {
                let _ = self.child.kill();
                panic!("the run did not end in {LIMIT:?}");
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Output {
            took: self.started.elapsed(),
            code: status.code(),
            peak_kib: self.peak_kib,
            stdout: self.stdout.join().expect("the reader does not panic"),
            stderr: self.stderr.join().expect("the reader does not panic"),
        }
    }
}

/// The largest resident size of a process so far, KiB; 0 when it has gone.
fn peak(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// What a run left.
pub(crate) struct Output {
    /// None when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
    /// Peak resident memory, KiB.
    pub(crate) peak_kib: u64,
}

impl Output {
    /// Fails the test unless the run ended with this exit code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Output {
        assert_eq!(
            self.code,
            Some(code),
            "exit code\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// The number that the final statistics give behind a label, such as `Messages transferred`.
    #[track_caller]
    pub(crate) fn statistic(&self, label: &str) -> u64 {
        let line = self.stdout.lines().find(|line| line.starts_with(label));
        let value = line.and_then(|line| line.split_once(" : ").or_else(|| line.split_once(": ")));
        let number = value.and_then(|(_, value)| value.split_whitespace().next()?.parse().ok());
        number.unwrap_or_else(|| panic!("no statistic {label:?} in\n{}", self.stdout))
    }

    /// Fails the test unless all these texts stand together on one line of the output.
    #[track_caller]
    pub(crate) fn says(&self, texts: &[&str]) -> &Output {
        let all = || self.stdout.lines().chain(self.stderr.lines());
        let found = all().any(|line| texts.iter().all(|text| line.contains(text)));
        assert!(found, "no line with {texts:?}\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }
}
