//! Accounts on the test servers, filled, read and compared by `account.py`, which shares no code with imapsync.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::proxy::Proxy;
use crate::server::scripts;

/// The address and the credentials of one account on 127.0.0.1.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// Plain text, with STARTTLS where the server has it.
    pub(crate) port: u16,
    /// TLS from the start.
    pub(crate) tls_port: u16,
    pub(crate) user: String,
    pub(crate) password: String,
}

impl Account {
    /// The same account, reached through a proxy.
    pub(crate) fn through(&self, proxy: &Proxy) -> Account {
        Account { port: proxy.port(), ..self.clone() }
    }

    /// Fills it with a corpus: the name of a function of `corpus.py` and its arguments.
    pub(crate) fn fill(&self, corpus: &[&str]) {
        python(&self.command("fill", corpus));
    }

    /// Appends one message to a folder, which is made first.
    pub(crate) fn put(&self, folder: &str, flags: &str, message: &[u8]) {
        let args = self.command("put", &[folder, flags, "05-Feb-2012 03:04:05 +0100"]);
        let mut child = account_py(&args).stdin(Stdio::piped()).spawn().expect("python starts");
        std::io::Write::write_all(&mut child.stdin.take().expect("piped"), message)
            .expect("python reads it all");
        assert!(child.wait().expect("python ends").success(), "account.py {args:?} failed");
    }

    /// Reads everything: folders, flags, dates, digests of all bodies.
    pub(crate) fn dump(&self) -> Dump {
        Dump::of(&python(&self.command("dump", &[])))
    }

    /// Copies it with a plain FETCH and APPEND loop, which may change headers as `account.py copy` describes.
    pub(crate) fn copied_by_loop(&self, target: &Account, options: &[&str]) {
        let (from, to) = (self.port.to_string(), target.port.to_string());
        let mut args = vec!["copy", "127.0.0.1", &from, &self.user, &to, &target.user, &self.password];
        args.extend(options);
        python(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>());
    }

    fn command(&self, verb: &str, rest: &[&str]) -> Vec<String> {
        let port = self.port.to_string();
        [&[verb, "127.0.0.1", &port, &self.user, &self.password], rest]
            .concat()
            .iter()
            .map(|arg| (*arg).to_owned())
            .collect()
    }
}

/// What an account held at one moment.
pub(crate) struct Dump {
    file: tempfile::TempPath,
}

impl Dump {
    /// Fails the test unless `other` holds what this one holds, but for the differences named
    /// (options of `account.py compare`). What was compared comes back as text.
    pub(crate) fn assert_same(&self, other: &Dump, expected: &[&str]) -> String {
        let mut args = vec!["compare".to_owned(), path(&self.file), path(&other.file)];
        args.extend(expected.iter().map(|arg| (*arg).to_owned()));
        let out = account_py(&args).output().expect("python starts");
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(out.status.success(), "the accounts differ:\n{text}{}", String::from_utf8_lossy(&out.stderr));
        text
    }

    /// How many messages it holds.
    pub(crate) fn messages(&self) -> usize {
        self.occurrences("\"uid\": ")
    }

    /// How many messages bear `\Deleted`.
    pub(crate) fn deleted(&self) -> usize {
        self.occurrences("\"\\\\Deleted\"")
    }

    /// This dump and another one as one.
    pub(crate) fn and(&self, other: &Dump) -> Dump {
        Dump::of(&python(&["join".to_owned(), path(&self.file), path(&other.file)]))
    }

    /// Fails the test unless every message of this dump is in one of the two accounts of a broken-off move, and
    /// the target has none twice and none with other flags or another date.
    pub(crate) fn assert_survived(&self, source: &Dump, target: &Dump) {
        let args = ["survive".to_owned(), path(&self.file), path(&source.file), path(&target.file)];
        let out = account_py(&args).output().expect("python starts");
        assert!(
            out.status.success(),
            "{}{}",
            String::from_utf8_lossy(&out.stdout),
            String::from_utf8_lossy(&out.stderr)
        );
    }

    fn of(text: &str) -> Dump {
        let file = tempfile::NamedTempFile::new().expect("a temporary file").into_temp_path();
        std::fs::write(&file, text).expect("the temporary file is ours");
        Dump { file }
    }

    fn occurrences(&self, what: &str) -> usize {
        std::fs::read_to_string(&self.file).expect("the dump is ours").matches(what).count()
    }
}

/// Fills a Maildir behind the server's back: `count` messages of `size` bytes and, if not 0, one of `giant` bytes.
pub(crate) fn write_maildir(directory: &Path, count: usize, size: usize, giant: u64) {
    let args =
        ["maildir".to_owned(), path(directory), count.to_string(), size.to_string(), giant.to_string()];
    python(&args);
}

fn path(path: &Path) -> String {
    path.to_str().expect("temporary paths are text").to_owned()
}

/// The system's own python: the one in PATH may be a slow wrapper.
pub(crate) fn interpreter() -> PathBuf {
    let system = PathBuf::from("/usr/bin/python3");
    if system.exists() { system } else { "python3".into() }
}

fn account_py(args: &[String]) -> Command {
    let mut command = Command::new(interpreter());
    command.arg(scripts().join("account.py")).args(args);
    command
}

fn python(args: &[String]) -> String {
    let out = account_py(args).stderr(Stdio::inherit()).output().expect("python starts");
    assert!(out.status.success(), "account.py {args:?} failed:\n{}", String::from_utf8_lossy(&out.stdout));
    String::from_utf8(out.stdout).expect("account.py prints UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump(folder: &str, messages: &[(&str, &str, u32)]) -> Dump {
        let one = |(number, (digest, flags, date)): (usize, &(&str, &str, u32))| {
            format!(
                r#"{{"uid": {number}, "flags": [{flags}], "date": {date}, "size": 1, "sha256": "{digest}", "normalised": "{}", "subject": "s"}}"#,
                digest.to_lowercase()
            )
        };
        let messages: Vec<_> = messages.iter().enumerate().map(one).collect();
        Dump::of(&format!(
            r#"{{"folders": [{{"path": "{folder}", "subscribed": true, "messages": [{}]}}]}}"#,
            messages.join(",")
        ))
    }

    fn same(a: &Dump, b: &Dump, expected: &[&str]) -> bool {
        let compare = || a.assert_same(b, expected);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(compare)).is_ok()
    }

    /// The comparison that all tests rest on sees each kind of difference, and accepts only those named.
    #[test]
    #[ignore = "needs python3: run .ci/test"]
    fn the_comparison_sees_differences() {
        let a = dump("x", &[("a", r#""\\Seen""#, 5), ("b", "", 6)]);
        assert!(
            same(&a, &dump("x", &[("b", "", 6), ("a", r#""\\seen""#, 5)]), &[]),
            "order and case do not count"
        );
        assert!(!same(&a, &dump("y", &[("a", r#""\\Seen""#, 5), ("b", "", 6)]), &[]), "another folder");
        assert!(same(&a, &dump("y", &[("a", r#""\\Seen""#, 5), ("b", "", 6)]), &["--map", "x=y"]));
        assert!(!same(&a, &dump("x", &[("a", "", 5), ("b", "", 6)]), &[]), "a flag is lost");
        assert!(!same(&a, &dump("x", &[("a", r#""\\Seen""#, 5), ("b", "", 7)]), &[]), "another date");
        assert!(!same(&a, &dump("x", &[("a", r#""\\Seen""#, 5)]), &[]), "one is lost");
        assert!(same(&a, &dump("x", &[("a", r#""\\Seen""#, 5)]), &["--subset"]));
        let twice = dump("x", &[("a", r#""\\Seen""#, 5), ("b", "", 6), ("b", "", 6)]);
        assert!(!same(&a, &twice, &[]) && !same(&a, &twice, &["--subset"]), "one is doubled");
        assert!(same(&twice, &a, &["--once"]) && !same(&twice, &a, &[]));
        let rewritten = dump("x", &[("a", r#""\\Seen""#, 5), ("B", "", 6)]);
        assert!(!same(&a, &rewritten, &[]) && same(&a, &rewritten, &["--rewritten", "line ends"]));
        let survives = |source: &Dump, target: &Dump| {
            let look = || a.assert_survived(source, target);
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(look)).is_ok()
        };
        let (first, second) = (dump("x", &[("a", r#""\\Seen""#, 5)]), dump("x", &[("b", "", 6)]));
        assert!(survives(&first, &second) && survives(&a, &second) && survives(&first, &a));
        assert!(!survives(&second, &second), "one is in neither");
        assert!(
            !survives(&a, &dump("x", &[("b", r#""\\Deleted""#, 6)])),
            "a copy is marked and its original was not"
        );
    }
}
