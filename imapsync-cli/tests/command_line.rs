//! The program as its callers see it: exit status, standard output, standard error.

use std::process::{Command, Output, Stdio};

fn imapsync(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_imapsync"))
        .env("XDG_STATE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/state"))
        .args(arguments)
        .env_remove("IMAPSYNC_PASSWORD1")
        .env_remove("IMAPSYNC_PASSWORD2")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A port of this machine where nobody listens.
fn closed_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

#[test]
fn without_arguments_the_help_and_success() {
    let bare = imapsync(&[]);
    assert_eq!(bare.status.code(), Some(0));
    assert!(text(&bare.stdout).contains("Usage: imapsync --host1"));
    assert_eq!(bare.stdout, imapsync(&["--help"]).stdout);
    assert_eq!(bare.stdout, imapsync(&["-h", "--dry"]).stdout);
}

#[test]
fn the_version() {
    let version = imapsync(&["-version"]);
    assert_eq!(version.status.code(), Some(0));
    assert_eq!(text(&version.stdout), format!("imapsync {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn what_is_not_understood_is_64() {
    let accounts = ["--host1", "a", "--user1", "u", "--password1=hunter2", "--host2", "b", "--user2", "u"];
    for (more, expected) in [
        (&["--nosuchthing"][..], "unknown option --nosuchthing"),
        (&["stray"], "stray"),
        (&["--password2", "hunter2", "--delete1", "--delete2"], "--delete2"),
        (&["--password2", "hunter2", "--ssl1", "--tls1"], "--ssl1"),
        (&["--password2", "hunter2", "--regextrans2", "s/x/y/e"], "--regextrans2"),
        (&["--password2", "hunter2", "--exclude", "("], "--exclude"),
        (&["--password2", "hunter2", "--f1f2", "nothing"], "--f1f2"),
        (&[], "no password for host2"),
    ] {
        let arguments: Vec<_> = accounts.iter().chain(more).copied().collect();
        let output = imapsync(&arguments);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(64), "{more:?} {err}");
        assert!(err.contains(expected), "{more:?}: {err}");
        assert!(out.contains("Exiting with return value 64 (EX_USAGE: "), "{out}");
        assert!(!out.contains("hunter2") && !err.contains("hunter2"), "{out}{err}");
    }
    for missing in [&["--user1", "u"][..], &["--host1", "a"], &["--dry"]] {
        let output = imapsync(missing);
        assert_eq!(output.status.code(), Some(64), "{missing:?}");
        assert!(text(&output.stderr).contains("is missing"), "{missing:?}");
    }
}

#[test]
fn an_unreadable_password_file_is_66() {
    let output = imapsync(&[
        "--host1",
        "a",
        "--user1",
        "u",
        "--passfile1",
        "/nonexistent",
        "--host2",
        "b",
        "--user2",
        "u",
    ]);
    assert_eq!(output.status.code(), Some(66));
    assert!(text(&output.stderr).contains("/nonexistent"));
}

#[test]
fn the_command_line_is_told_with_its_secrets_masked() {
    let output = imapsync(&["--password1", "hunter2", "--PASSWORD2=hunter2", "--nolog"]);
    let out = text(&output.stdout);
    assert!(out.contains("Command line used: imapsync --password1 *** --PASSWORD2=*** --nolog\n"), "{out}");
    assert!(!out.contains("hunter2"));
}

#[test]
fn a_closed_port_is_101_or_102() {
    let port = closed_port();
    let output = imapsync(&[
        "--host1",
        "127.0.0.1",
        "--port1",
        &port,
        "--user1",
        "u",
        "--password1",
        "hunter2",
        "--host2",
        "127.0.0.1",
        "--port2",
        &port,
        "--user2",
        "u",
        "--password2",
        "hunter2",
    ]);
    let out = text(&output.stdout);
    assert!(matches!(output.status.code(), Some(101 | 102)), "{:?} {out}", output.status);
    assert!(out.contains("Host1 failure: ") || out.contains("Host2 failure: "), "{out}");
    assert!(out.contains("Exiting with return value 10"), "{out}");
}

#[cfg(unix)]
#[test]
fn a_closed_standard_output_is_no_panic() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = Command::new(env!("CARGO_BIN_EXE_imapsync"))
        .arg("--help")
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_run_with_statistics_and_is_passed_on() {
    use std::os::unix::process::ExitStatusExt;
    // A server that never greets keeps the run waiting.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let child = Command::new(env!("CARGO_BIN_EXE_imapsync"))
        .env("XDG_STATE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/state"))
        .args(["--host1", "127.0.0.1", "--port1", &port, "--user1", "u", "--password1", "p"])
        .args(["--host2", "127.0.0.1", "--port2", &port, "--user2", "u", "--password2", "p"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _connection = silent.accept().unwrap();
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    let out = text(&output.stdout);
    assert_eq!(output.status.signal(), Some(15), "{out}");
    assert!(out.contains("Exiting with return value 6 (EXIT_BY_SIGNAL: "), "{out}");
}
