//! What the README says is so: its example is the one that is compiled, its options exist, its shell loops do what they
//! promise.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

/// Code without the indentation of its lines.
fn flush(code: &str) -> String {
    code.lines().map(|line| format!("{}\n", line.trim_start())).collect()
}

/// The indented block that holds this text, without its indentation.
fn block(part: &str) -> String {
    let readme = file("README.md");
    let mut blocks = vec![String::new()];
    for line in readme.lines() {
        match (line.strip_prefix("    "), blocks.last_mut()) {
            (Some(code), Some(block)) => block.extend([code, "\n"]),
            _ => blocks.push(String::new()),
        }
    }
    blocks.into_iter().find(|block| block.contains(part)).unwrap_or_else(|| panic!("no block with {part}"))
}

#[test]
fn the_examples_are_compiled() {
    for (part, compiled) in [
        ("SyncJob::new", "imapsync-core/examples/copy.rs"),
        ("new.hook(", "imapsync-core/src/testing/mod.rs"),
        ("run_script(", "imapsync-core/src/testing/script/mod.rs"),
    ] {
        let compiled = file(compiled).replace("//! ", "").replace("//!\n", "\n").replace("/// ", "");
        let shown = flush(&block(part));
        assert!(flush(&compiled).contains(&shown), "not in the example:\n{shown}");
    }
}

#[test]
fn the_first_command_is_the_demonstration() {
    let readme = file("README.md");
    let first = readme.lines().find_map(|line| line.strip_prefix("    ")).unwrap();
    assert_eq!(first, "cargo run --release -- demo");
    // It runs from here: one program among the members that are built by default.
    let workspace = file("Cargo.toml");
    assert!(workspace.contains("default-members = [\"imapsync-core\", \"imapsync-cli\"]"));
}

#[test]
fn every_option_exists() {
    let mut help = String::new();
    for arguments in [&["--help"][..], &["demo", "--help"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_imapsync")).args(arguments).output().unwrap();
        help.push_str(&String::from_utf8(output.stdout).unwrap());
    }
    // Those of cargo and its tools, and of the benches.
    let others = [
        "benches",
        "bin",
        "connections",
        "example",
        "features",
        "list",
        "locked",
        "open",
        "path",
        "quick",
        "release",
        "sanitizer",
        "times",
        "us",
    ];
    let readme = file("README.md");
    let mut count = 0;
    for word in readme.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')) {
        let Some(name) = word.strip_prefix("--").filter(|name| !name.is_empty()) else { continue };
        count += 1;
        let plain = name.strip_prefix("no").unwrap_or(name);
        let known = [name, plain]
            .iter()
            .any(|name| help.contains(&format!("--{name}")) || help.contains(&format!("--[no]{name}")));
        assert!(known || others.contains(&name), "--{name} is neither in --help nor an option of cargo");
    }
    assert!(count > 20);
}

/// A folder with programs that take the place of the real ones.
fn with_programs(programs: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let bin = dir.path().join("bin");
    fs::create_dir(&bin).unwrap();
    for (name, text) in programs {
        let path = bin.join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    (dir, bin)
}

fn shell(script: &str, dir: &Path, bin: &Path) -> Output {
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    Command::new("sh")
        .args(["-c", script])
        .current_dir(dir)
        .env("PATH", path)
        .env("HOME", dir)
        .output()
        .unwrap()
}

#[test]
fn the_list_loop_hands_over_passwords_as_they_are() {
    // It reads its standard input, as nothing in the loop may: the list is there.
    let stub =
        "printf '<%s>' \"$IMAPSYNC_PASSWORD1\" \"$IMAPSYNC_PASSWORD2\" \"$@\"; echo; [ \"$4\" != bob ]\n";
    let (dir, bin) = with_programs(&[("imapsync", stub)]);
    // The last line does not end.
    fs::write(dir.path().join("accounts"), "alice; pa ss\\n$HOME`id` ;alice2;\"'*\nbob;b1;-bob2;b2").unwrap();
    let output = shell(&block("IFS=';'"), dir.path(), &bin);
    let host = "<--host1><imap.old.example>";
    let host2 = "<--host2><imap.new.example>";
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!(
            "< pa ss\\n$HOME`id` ><\"'*>{host}<--user1><alice>{host2}<--user2><alice2>\n\
             <b1><b2>{host}<--user1><bob>{host2}<--user2><-bob2>\n"
        )
    );
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "bob: not complete, exit status 1\n");
}

#[test]
fn the_loop_goes_on_until_all_is_there() {
    let stub = "echo run >> runs; [ $(wc -l < runs) = 3 ]\n";
    let (dir, bin) = with_programs(&[("imapsync", stub), ("sleep", "echo slept $1\n")]);
    let output = shell(&block("while ! imapsync"), dir.path(), &bin);
    assert!(output.status.success());
    let expected = "not complete\nslept 60\n".repeat(2);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}
