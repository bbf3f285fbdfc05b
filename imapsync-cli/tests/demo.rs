//! `imapsync demo` as a newcomer uses it: the tour, and the servers kept up for trying.
#![cfg(all(unix, feature = "demo"))]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// A small mailbox: the tests run unoptimised.
const SMALL: [&str; 2] = ["--messages", "200"];

fn imapsync() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imapsync"));
    // Another password than that of the demonstration must not get in its way.
    command.env("XDG_STATE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/state"));
    command.env("IMAPSYNC_PASSWORD1", "wrong").env("IMAPSYNC_PASSWORD2", "wrong").stdin(Stdio::null());
    command
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The number at the end of each line that begins so.
fn figures(text: &str, name: &str) -> Vec<u64> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(": "));
    lines.map(|figure| figure.split(' ').next().unwrap().parse().unwrap()).collect()
}

#[test]
fn the_tour_ends_well_and_leaves_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    let mut command = imapsync();
    command.arg("demo").args(SMALL).env("TMPDIR", temporary.path()).env("XDG_STATE_HOME", temporary.path());
    let output = command.output().unwrap();
    let text = out(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert_eq!(output.stderr, b"");
    let (copied, there) =
        (figures(&text, "Messages transferred"), figures(&text, "Messages already on host2"));
    assert!(copied[0] > 180 && there[0] > 0, "{copied:?} {there:?}");
    assert_eq!((copied[1], there[1]), (0, copied[0] + there[0]));
    assert_eq!(figures(&text, "Messages found duplicate on host1"), [1, 1]);
    assert_eq!(figures(&text, "Messages failed or not reached"), [0, 0]);
    // TLS, verified: a connection to this machine that is not would be told.
    assert_eq!(text.matches(": connected, TLSv1.3").count(), 4, "{text}");
    assert!(!text.contains("Notice:") && !text.contains("insecure"), "{text}");
    for line in [
        "Folder [INBOX.Sent] -> [Sent Messages]",
        "Folder [INBOX.Entwürfe] -> [Drafts]",
        "Folder [INBOX.家族.写真] -> [家族/写真] (to be created)",
        "[<double@example.org> Here twice, byte for byte] duplicate of UID 5, not copied again",
        "The second run copied 0 messages and changed nothing.",
        "imapsync --host1 imap.old.example ",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0, "something is left");
}

#[test]
fn its_options() {
    let help = imapsync().args(["demo", "--help"]).output().unwrap();
    assert!(help.status.success());
    assert!(out(&help).contains("Usage: imapsync demo [--serve]"));
    assert_eq!(help.stdout, imapsync().args(["demo", "-h", "--serve"]).output().unwrap().stdout);
    for (arguments, why) in [
        (&["demo", "--host1", "x"][..], "unknown option --host1"),
        (&["demo", "twice"], "argument twice is left over"),
        (&["--dry", "demo"], "argument demo is left over"),
        (&["demo", "--messages", "many"], "'many'"),
    ] {
        let refused = imapsync().args(arguments).output().unwrap();
        let text = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(64), "{arguments:?} {text}");
        assert!(text.contains(why), "{arguments:?} {text}");
    }
}

/// `imapsync demo`, and what it has told so far. Killed where a test gives up.
struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
    told: String,
}

impl Running {
    fn start(temporary: &Path, arguments: &[&str]) -> Self {
        let mut child = imapsync()
            .arg("demo")
            .args(arguments)
            .env("TMPDIR", temporary)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines, told: String::new() }
    }

    /// Reads until a line holds this; gives the line.
    fn until(&mut self, part: &str) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "{part} was never told:\n{}", self.told);
            self.told.push_str(&line);
            if line.contains(part) {
                return line.trim_end().to_owned();
            }
        }
    }

    /// Sends a signal; gives the number of the one that ended it, and the rest of what it told.
    fn end(mut self, signal: &str) -> (Option<i32>, String) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        let status = self.child.wait().unwrap();
        (std::os::unix::process::ExitStatusExt::signal(&status), rest)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a line of a shell.
fn shell(line: &str) -> Output {
    Command::new("sh").args(["-c", line]).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn the_servers_can_be_tried_with_the_line_that_is_told() {
    // A blank, a quote and a dollar: what is told must be ready for a shell all the same.
    let temporary = tempfile::Builder::new().prefix("it's $HOME ").tempdir().unwrap();
    let mut served = Running::start(temporary.path(), &["--serve", SMALL[0], SMALL[1]]);
    let line = served.until(" --host1 ");
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 1);

    let dry = shell(&format!("{line} --dry"));
    assert_eq!(dry.status.code(), Some(0), "{line}\n{}{}", out(&dry), String::from_utf8_lossy(&dry.stderr));
    let planned = out(&dry).matches(" would be copied to ").count();
    served.until("Host1: unchanged");
    served.until("Host2: unchanged");

    let real = shell(&line);
    let copied = figures(&out(&real), "Messages transferred")[0];
    assert_eq!(real.status.code(), Some(0));
    assert_eq!(copied, planned as u64);
    served.until("Host1: unchanged");
    let told = served.until("Host2: ");
    assert!(told.contains(&format!("; {copied} messages are new, 0 are gone, ")), "{told}");

    let again = shell(&line);
    assert_eq!(again.status.code(), Some(0));
    assert_eq!(figures(&out(&again), "Messages transferred"), [0]);
    served.until("Host1: unchanged");
    served.until("Host2: unchanged");

    // The options work there as anywhere: the mirror has no room for what only host2 has.
    let mirror = shell(&format!("{line} --delete2"));
    assert_eq!(figures(&out(&mirror), "Messages deleted on host2"), [1]);
    let told = served.until("Host2: ");
    assert!(told.contains("; 0 messages are new, 1 are gone, 0 "), "{told}");

    let moved = shell(&format!("{line} --delete1"));
    assert_eq!(moved.status.code(), Some(0), "{}", out(&moved));
    let told = served.until("Host1: 0 messages (");
    served.until("Host2: unchanged");
    let all = figures(&out(&again), "Messages skipped")[0];
    assert!(told.contains(&format!("; 0 messages are new, {all} are gone, ")), "{told}");

    // What is told of the certificate is so: without it nothing is trusted.
    let file = line.split(" --cafile1 ").nth(1).and_then(|rest| rest.split(" --ssl1").next()).unwrap();
    let untrusting = shell(&line.replacen(&format!(" --cafile1 {file}"), "", 1));
    assert_eq!(untrusting.status.code(), Some(12), "{}", out(&untrusting));

    let (signal, rest) = served.end("-TERM");
    assert_eq!(signal, Some(15), "{rest}");
    assert!(rest.ends_with("The servers and their files are gone.\n"), "{rest}");
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0, "something is left");
    assert_eq!(shell(&line).status.code(), Some(66), "the password files are gone");
}

#[test]
fn control_c_ends_the_servers_and_the_tour() {
    let temporary = tempfile::tempdir().unwrap();
    for (arguments, when, last) in [
        (&["--serve", "--messages", "50"][..], " --host1 ", "The servers and their files are gone.\n"),
        (&["--messages", "2000"], "copied to ", "Exiting with return value 6 (EXIT_BY_SIGNAL: "),
    ] {
        let mut demo = Running::start(temporary.path(), arguments);
        demo.until(when);
        let (signal, rest) = demo.end("-INT");
        assert_eq!(signal, Some(2), "{rest}");
        assert!(rest.contains(last) && !rest.contains("==== The same again"), "{rest}");
        assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0, "something is left");
    }
}
