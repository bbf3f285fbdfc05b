//! Cases of the fault catalogue that only the program can show: signals, outputs that are closed or full, secrets and
//! traps in what it prints, what it leaves on the disk.
#![cfg(unix)]

use imapsync_core::testing::{Act, Listening, Server};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use tokio::runtime::Runtime;

const PASSWORD: &str = "Zq9xY7-hunter2";
const MODERN: &str = "IMAP4rev1 NAMESPACE UIDPLUS LITERAL+";
/// What moves the cursor, rings, begins another line, turns text around.
const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\rHost2: all is well\u{202e}\u{9b}31m\u{85}";

/// Two servers on ports of this machine: on the first are messages, and folders whose names are traps.
struct World {
    servers: [Server; 2],
    listening: [Listening; 2],
    _runtime: Runtime,
}

fn message(n: usize) -> Vec<u8> {
    format!("Message-Id: <{n}@x>\r\nSubject: {n} {}\r\n\r\nbody {n}\r\n", HOSTILE.replace('\r', " "))
        .into_bytes()
}

impl World {
    fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let servers = [Server::new(MODERN), Server::new(MODERN).with_validity(500_000)];
        for n in 1..=20 {
            servers[0].mail().folder("INBOX").add(message(n), &["\\Seen"]);
        }
        // The report names it: a duplicate.
        servers[0].mail().folder("INBOX").add(message(1), &[]);
        for (n, name) in ["../../../tmp/imapsync-trap", "/etc/imapsync-trap", HOSTILE].into_iter().enumerate()
        {
            let name = name.trim_start_matches('/');
            servers[0].mail().folder(name).add(message(100 + n), &[]);
        }
        let inside = runtime.enter();
        let listening = servers.each_ref().map(|server| server.listen().unwrap());
        drop(inside);
        Self { servers, listening, _runtime: runtime }
    }

    /// The program between the two, with its passwords in the environment.
    fn program(&self) -> Command {
        let mut command = self.bare();
        command.env("IMAPSYNC_PASSWORD1", PASSWORD).env("IMAPSYNC_PASSWORD2", PASSWORD);
        command
    }

    /// As `program`, without passwords.
    fn bare(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imapsync"));
        command.env("XDG_STATE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/state"));
        command.env_remove("IMAPSYNC_PASSWORD1").env_remove("IMAPSYNC_PASSWORD2").stdin(Stdio::null());
        for (listening, side) in self.listening.iter().zip([1, 2]) {
            command.arg(format!("--host{side}=127.0.0.1")).arg(format!("--user{side}=alice"));
            command.arg(format!("--port{side}={}", listening.address.port()));
            command.args([format!("--nossl{side}"), format!("--notls{side}")]);
        }
        command
    }

    /// The bodies of all folders of a side, sorted.
    fn bodies(&self, side: usize) -> Vec<Vec<u8>> {
        let names: Vec<String> = self.servers[side].mail().folders.keys().cloned().collect();
        let mut all: Vec<_> = names.iter().flat_map(|name| self.servers[side].bodies(name)).collect();
        all.sort();
        all
    }

    /// All is there, once.
    fn assert_copied(&self) {
        let mut wanted = self.bodies(0);
        wanted.dedup();
        assert_eq!(self.bodies(1), wanted);
    }
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap() + &String::from_utf8(output.stderr.clone()).unwrap()
}

/// Sends a signal to a process of ours.
fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

/// Between two runs nothing is kept but the state, which is told where to be and may be turned off; no name of a folder becomes a
/// path.
#[test]
fn case_102_nothing_is_kept_on_the_disk() {
    let world = World::new();
    let directory = tempfile::tempdir().unwrap();
    for state in ["--nostate", "--statedir=kept", "--state"] {
        let mut program = world.program();
        for variable in ["HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"] {
            program.env(variable, directory.path());
        }
        let output = program.arg(state).current_dir(directory.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", out(&output));
        world.assert_copied();
        let names = |path: &Path| -> Vec<String> {
            let entries = std::fs::read_dir(path).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        };
        let expected = match state {
            _ if cfg!(not(feature = "state")) => continue,
            "--statedir=kept" => Some("kept"),
            "--state" => Some("imapsync"),
            _ => None,
        };
        assert_eq!(names(directory.path()), expected.into_iter().collect::<Vec<_>>(), "{state}");
        if let Some(place) = expected.map(|name| directory.path().join(name)) {
            let files = names(&place);
            let ours = |name: &String| name.starts_with("alice@127.0.0.1_") && name.contains(".sqlite");
            assert!(files.len() == 2 && files.iter().all(ours), "the file and its lock: {files:?}");
            std::fs::remove_dir_all(place).unwrap();
        }
        assert!(!Path::new("/tmp/imapsync-trap").exists());
    }
}

#[test]
fn case_108_signals_at_any_time() {
    for (name, number, ordered) in
        [("-TERM", 15, true), ("-INT", 2, true), ("-HUP", 1, false), ("-PIPE", 13, true)]
    {
        for at in [1, 7, 20] {
            let world = World::new();
            let (reached, moment) = mpsc::channel();
            world.servers[1].hook(move |_, call| {
                if call.appends() && call.nth == at {
                    // Whoever waits may have gone.
                    let _ = reached.send(());
                    return Act::Wait(Duration::from_millis(200));
                }
                Act::Pass
            });
            let child = world.program().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            moment.recv_timeout(Duration::from_secs(60)).unwrap();
            signal(&child, name);
            let output = child.wait_with_output().unwrap();
            let text = out(&output);
            if number == 13 {
                // Of a reader that went away the program hears when it writes.
                assert_eq!(output.status.code(), Some(0), "{text}");
            } else {
                assert_eq!(output.status.signal(), Some(number), "{name} {text}");
                assert_eq!(text.contains("EXIT_BY_SIGNAL"), ordered, "{name} {text}");
            }
            world.servers[1].behave();
            let again = world.program().output().unwrap();
            assert_eq!(again.status.code(), Some(0), "{name} {}", out(&again));
            world.assert_copied();
        }
    }
}

/// A log that nobody reads or that has no room is no reason to stop half-way, and no panic.
#[test]
fn case_108_outputs_that_are_closed_or_full() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        writer
    };
    let mut sinks: Vec<(Stdio, Stdio, bool)> = vec![
        (closed().into(), Stdio::piped(), false),
        (closed().into(), closed().into(), false),
        (Stdio::piped(), closed().into(), false),
    ];
    if cfg!(target_os = "linux") {
        sinks.push((full().into(), Stdio::piped(), true));
        sinks.push((full().into(), full().into(), false));
        sinks.push((Stdio::piped(), full().into(), false));
    }
    for (stdout, stderr, told) in sinks {
        let world = World::new();
        let program =
            world.program().args(["--debug", "--debugimap"]).stdout(stdout).stderr(stderr).spawn().unwrap();
        let output = program.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", out(&output));
        assert_eq!(out(&output).contains("the output cannot be written"), told, "{}", out(&output));
        assert!(!out(&output).contains("panicked"), "{}", out(&output));
        world.assert_copied();
    }
}

#[test]
fn case_111_what_is_printed_moves_no_cursor() {
    let world = World::new();
    world.servers[0].hook(|_, call| match call.is("LOGIN") || call.is("LIST") {
        true => {
            Act::Insert(format!("* OK [ALERT] {HOSTILE}\r\n* NO {HOSTILE}\r\n* {HOSTILE}\r\n").into_bytes())
        }
        false => Act::Pass,
    });
    world.servers[1].hook(|_, call| match call.appends() && call.nth > 20 {
        true => Act::Say(format!("{{tag}} NO {HOSTILE}{}\r\n", "x".repeat(1_000_000))),
        false => Act::Pass,
    });
    let output = world.program().args(["--debug", "--debugimap"]).output().unwrap();
    let text = out(&output);
    assert_ne!(output.status.code(), Some(0));
    assert!(text.contains("\\x1b[2J"), "it is there, escaped");
    for line in text.lines() {
        assert!(!line.chars().any(|c| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c)), "{line:?}");
        assert!(!line.starts_with("Host2: all is well"), "a forged line");
        assert!(line.len() < 20_000, "{} bytes", line.len());
    }
}

/// Where it is given makes no difference: nothing that the program prints has it, nor has its title.
#[test]
fn case_113_passwords_are_printed_nowhere() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("passfile");
    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    let file = file.to_str().unwrap();
    let attached = format!("--password1={PASSWORD}");
    let ways: [&[&str]; 4] = [
        &[&attached, "--password2", PASSWORD],
        &["-PASSWORD1", PASSWORD, "--passfile2", file],
        &["--passfile1", file, "--passfile2", file],
        &["--password1", PASSWORD, "--password2", PASSWORD, "--authmech1", "PLAIN", "--authmech2", "LOGIN"],
    ];
    for way in ways {
        for right in [true, false] {
            let world = World::new();
            for server in &world.servers {
                let mut mail = server.mail();
                mail.capabilities = format!("{MODERN} AUTH=PLAIN AUTH=LOGIN");
                mail.password = Some(if right { PASSWORD } else { "another" }.to_owned());
            }
            let (reached, moment) = mpsc::channel();
            world.servers[0].hook(move |_, call| {
                if call.is("CAPABILITY") || call.is("LOGIN") || call.is("AUTHENTICATE") {
                    let _ = reached.send(());
                    return Act::Wait(Duration::from_millis(200));
                }
                Act::Pass
            });
            let mut program = world.bare();
            program.args(way).args(["--debug", "--debugimap"]).stdout(Stdio::piped()).stderr(Stdio::piped());
            let child = program.spawn().unwrap();
            moment.recv_timeout(Duration::from_secs(60)).unwrap();
            if cfg!(target_os = "linux") {
                let title = std::fs::read(format!("/proc/{}/cmdline", child.id())).unwrap();
                let title = String::from_utf8(title).unwrap();
                assert!(title.contains("--host1") && !title.contains(PASSWORD), "{title:?}");
            }
            let output = child.wait_with_output().unwrap();
            let text = out(&output);
            assert_eq!(output.status.success(), right, "{text}");
            assert!(text.contains("Command line used: imapsync --host1="), "{text}");
            // As it is, and in the base64 of any message with it inside.
            for part in [PASSWORD, "WnE5eFk3", "pxOXhZNy", "acTl4WTct"] {
                assert!(!text.contains(part), "{text}");
            }
        }
    }
}
