//! One run of a program, and what it cost: wall clock, processor time, memory.
//!
//! The kernel adds the memory of the process that starts a program to the peak of the program. So it is started by a
//! small process in between: this program again, with `measure` as its first argument.

use nix::sys::resource::{UsageWho, getrusage};
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A program to run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<(&'static str, String)>,
    /// What it reads from its standard input.
    pub(crate) input: String,
}

/// What it cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    /// User and system time, that of the processes it waited for included.
    pub(crate) cpu: Duration,
    /// Peak of resident memory, in bytes.
    pub(crate) memory: u64,
    /// Exit status 0.
    pub(crate) succeeded: bool,
}

impl Program {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Program { path: path.into(), ..Program::default() }
    }

    pub(crate) fn args<T: Into<OsString>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Runs it to its end, its output goes to `log`; ended after `limit`.
    pub(crate) fn run(&self, log: &Path, limit: Duration) -> Result<Cost, String> {
        let failed = |error: std::io::Error| format!("{}: {error}", self.path.display());
        let mut child = Command::new(std::env::current_exe().map_err(failed)?)
            .arg("measure")
            .arg(limit.as_secs().to_string())
            .arg(log)
            .arg(&self.path)
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let _ = child.stdin.take().expect("it is piped").write_all(self.input.as_bytes());
        let out = child.wait_with_output().map_err(failed)?;
        let text = String::from_utf8_lossy(&out.stdout);
        let numbers: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [wall, cpu, memory, succeeded] = numbers[..] else {
            return Err(format!("{}: could not be run (see {})", self.path.display(), log.display()));
        };
        Ok(Cost {
            wall: Duration::from_micros(wall),
            cpu: Duration::from_micros(cpu),
            memory,
            succeeded: succeeded == 1,
        })
    }
}

/// The process in between: `args` are the limit in seconds, the log, the program and what it is given.
pub(crate) fn between(args: &[OsString]) -> Result<(), String> {
    let [limit, log, program, args @ ..] = args else { return Err("measure: too few arguments".to_owned()) };
    let limit = limit.to_str().and_then(|text| text.parse().ok()).map_or(Duration::MAX, Duration::from_secs);
    let log = std::fs::File::create(log).map_err(|error| error.to_string())?;
    let errors = log.try_clone().map_err(|error| error.to_string())?;
    let begun = Instant::now();
    let mut child = Command::new(program)
        .args(args)
        .stdout(log)
        .stderr(errors)
        .spawn()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    let id = child.id().to_string();
    let (done, ended) = std::sync::mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        if ended.recv_timeout(limit) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            // The child is not yet waited for, so that the number is still its own.
            let _ = Command::new("kill").arg(id).status();
        }
    });
    let status = child.wait().map_err(|error| error.to_string())?;
    let wall = begun.elapsed();
    drop(done);
    // Taken before anything else is waited for.
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|error| error.to_string())?;
    let _ = watch.join();
    let micros = |time: nix::sys::time::TimeVal| time.tv_sec() as u64 * 1_000_000 + time.tv_usec() as u64;
    println!(
        "{} {} {} {}",
        wall.as_micros(),
        micros(usage.user_time()) + micros(usage.system_time()),
        // Linux gives kilobytes.
        usage.max_rss() * 1024,
        u8::from(status.success())
    );
    Ok(())
}
