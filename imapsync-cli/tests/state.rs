//! `imapsync state` as a user calls it: what a sync has remembered is shown and removed.
#![cfg(feature = "state")]

use imapsync_core::Account;
use imapsync_core::state::{AccountPair, Fingerprint, SqliteStore, StateStore};
use imapsync_core::testing::Server;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const PASSWORD: &str = "pass";

fn imapsync(directory: &Path, arguments: &[String]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_imapsync"))
        .args(arguments)
        .env("XDG_STATE_HOME", directory)
        .env("IMAPSYNC_PASSWORD1", PASSWORD)
        .env("IMAPSYNC_PASSWORD2", PASSWORD)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8([&output.stdout[..], &output.stderr[..]].concat()).unwrap()
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn shown_and_forgotten() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (source, destination) =
        (Server::new("IMAP4rev1 UIDPLUS CONDSTORE"), Server::new("IMAP4rev1 UIDPLUS"));
    for n in 0..7 {
        let text = format!("Message-Id: <{n}@example.org>\r\n\r\nNumber {n}\r\n");
        source.mail().folder("Entw&APw-rfe").add(text, &[]);
    }
    let inside = runtime.enter();
    let ports = [&source, &destination].map(|server| server.listen().unwrap());
    drop(inside);
    let mut accounts = Vec::new();
    for (listening, side) in ports.iter().zip(1..) {
        let (host, port) = (listening.address.ip(), listening.address.port());
        accounts.extend([format!("--host{side}={host}"), format!("--port{side}={port}")]);
        accounts.extend([format!("--user{side}=alice"), format!("--nossl{side}"), format!("--notls{side}")]);
    }
    let home = tempfile::tempdir().unwrap();
    let call = |words: &[&str], accounts: &[String]| {
        let output = imapsync(home.path(), &[owned(words), accounts.to_vec()].concat());
        (output.status.code(), out(&output))
    };

    let (code, text) = call(&["state", "show"], &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("Nothing is remembered in "), "{text}");
    let (code, text) = call(&["state", "forget"], &accounts);
    assert!(code == Some(66) && text.contains("nothing is remembered of alice@127.0.0.1:"), "{text}");
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "looking makes nothing");

    let (code, text) = call(&[], &accounts);
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = call(&["state", "show"], &accounts);
    assert_eq!(code, Some(0), "{text}");
    for part in
        ["Folder [Entwürfe] -> [Entwürfe]: ", "host1: 7 messages", "host2: 7 messages", "last written 20"]
    {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let (code, text) = call(&["state", "show"], &[]);
    assert_eq!(code, Some(0), "{text}");
    let [one, other] = ports.each_ref().map(|listening| listening.address.port());
    let whose = format!("alice@127.0.0.1:{one} to alice@127.0.0.1:{other}:\n");
    assert!(text.starts_with(&whose) && text.contains("host2: 7 messages in 2 folders"), "{text}");

    // As long as a run has the file it stays.
    let account = |port| {
        let mut account = Account::new("127.0.0.1", "alice", "");
        account.port = Some(port);
        account
    };
    let pair = AccountPair::new(&account(one), &account(other));
    let held = SqliteStore::new(home.path().join("imapsync"), pair);
    runtime.block_on(held.open(Fingerprint::of(["any"]))).unwrap();
    for deed in ["show", "forget"] {
        let (code, text) = call(&["state", deed], &accounts);
        assert!(code == Some(66) && text.contains("another run is using it"), "{deed}: {text}");
    }
    runtime.block_on(held.close()).unwrap();
    assert!(held.path().exists());

    let (code, text) = call(&["state", "forget"], &accounts);
    assert!(
        code == Some(0) && text.starts_with(&format!("Removed what was remembered of {}", whose.trim())),
        "{text}"
    );
    assert_eq!(std::fs::read_dir(home.path().join("imapsync")).unwrap().count(), 0, "something is left");
    let (code, text) = call(&["state", "show"], &accounts);
    assert!(code == Some(0) && text.contains("nothing is remembered of"), "{text}");
    // What is gone is found out anew.
    let (code, text) = call(&[], &accounts);
    assert!(code == Some(0) && text.contains("Messages already on host2"), "{text}");
    assert_eq!(destination.bodies("Entw&APw-rfe").len(), 7);
}

#[test]
fn its_options() {
    let home = tempfile::tempdir().unwrap();
    let help = imapsync(home.path(), &owned(&["state", "--help"]));
    assert!(help.status.success() && out(&help).contains("Usage: imapsync state show"));
    assert_eq!(help.stdout, imapsync(home.path(), &owned(&["state"])).stdout);
    for (arguments, why) in [
        (&["state", "--host1", "x"][..], "imapsync state show or imapsync state forget is meant"),
        (&["state", "remove"], "argument remove is left over"),
        (&["state", "forget"], "--host1 is missing"),
        (&["state", "show", "--host1", "x", "--user1", "y"], "--host2 is missing"),
        (&["state", "show", "--delete2"], "unknown option --delete2"),
        (&["--dry", "state"], "argument state is left over"),
    ] {
        let refused = imapsync(home.path(), &owned(arguments));
        let text = String::from_utf8(refused.stderr).unwrap();
        assert!(refused.status.code() == Some(64) && text.contains(why), "{arguments:?} {text}");
    }
}
