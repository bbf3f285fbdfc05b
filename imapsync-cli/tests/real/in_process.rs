//! The in-process server of the core against clients of others: what python's imaplib and mbsync make of it.

use imapsync_core::testing::{Certificate, Server};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

const CAPABILITIES: &str =
    "IMAP4rev1 CHILDREN UIDPLUS MOVE UNSELECT LITERAL+ NAMESPACE ENABLE CONDSTORE ESEARCH";

fn server(more: &str) -> Server {
    let server = Server::new(&format!("{CAPABILITIES} {more}"));
    server.mail().user = Some("alice".to_owned());
    server.mail().password = Some("secret".to_owned());
    server
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

/// Every command was one by the grammar of imap-codec.
fn assert_clean(server: &Server) {
    assert_eq!(server.mail().offences, Vec::<String>::new());
}

#[test]
#[ignore = "needs python3: run by .ci/test"]
fn imaplib_completes_a_session_through_starttls_and_tls() {
    let runtime = runtime();
    let _inside = runtime.enter();
    let certificate = Certificate::new();
    let dir = tempfile::tempdir().expect("a folder");
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, certificate.pem()).expect("the folder is ours");
    let server = server("STARTTLS LOGINDISABLED");
    let plain = server.listen_starttls(&certificate).expect("a port");
    let tls = server.listen_tls(&certificate).expect("a port");
    let out = Command::new("/usr/bin/python3")
        .arg(crate::server::scripts().join("session.py"))
        .args([plain.address.port().to_string(), tls.address.port().to_string()])
        .arg(&ca)
        .output()
        .expect("python3 is installed");
    assert_eq!(
        (String::from_utf8_lossy(&out.stdout).trim(), String::from_utf8_lossy(&out.stderr).trim()),
        ("done", "")
    );
    assert_clean(&server);
}

/// The bodies in a folder of a Maildir, sorted, with line ends as they travel, without the line that mbsync adds to
/// find what it has stored.
fn maildir(folder: &Path) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    for part in ["cur", "new"] {
        let Ok(files) = std::fs::read_dir(folder.join(part)) else { continue };
        for file in files {
            let text = std::fs::read(file.expect("readable").path()).expect("readable");
            bodies.push(text.split_inclusive(|byte| *byte == b'\n').fold(Vec::new(), |mut out, line| {
                if !line.starts_with(b"X-TUID: ") {
                    out.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
                    out.extend_from_slice(if line.ends_with(b"\n") { b"\r\n" } else { b"" });
                }
                out
            }));
        }
    }
    bodies.sort();
    bodies
}

/// mbsync pulls all folders, pushes what is new here, and finds nothing to do when it runs again.
#[test]
#[ignore = "needs mbsync: run by .ci/test"]
fn mbsync_pulls_and_pushes() {
    let runtime = runtime();
    let _inside = runtime.enter();
    let server = server("AUTH=PLAIN SASL-IR");
    let listening = server.listen().expect("a port");
    let dir = tempfile::tempdir().expect("a folder");
    let near = dir.path().join("near");
    let message = |folder: &str, n: usize| {
        let lines = format!("Line of number {n} in {folder}\r\n").repeat(n * n);
        format!("Message-Id: <{n}.{folder}@x.org>\r\nSubject: Number {n}\r\n\r\n{lines}")
    };
    for (folder, count) in [("INBOX", 30), ("Work", 3), ("Work/2020", 1), ("Empty", 0)] {
        server.mail().folder(folder);
        for n in 1..=count {
            server.mail().folder(folder).add(message(folder, n), if n % 2 == 0 { &["\\Seen"] } else { &[] });
        }
    }
    let config = dir.path().join("mbsyncrc");
    let text = format!(
        "IMAPAccount far\nHost 127.0.0.1\nPort {}\nUser alice\nPass secret\nSSLType None\nAuthMechs LOGIN\n\n\
         IMAPStore far\nAccount far\n\n\
         MaildirStore near\nPath {near}/\nInbox {near}/INBOX\nSubFolders Verbatim\n\n\
         Channel c\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nCopyArrivalDate yes\nSyncState *\n",
        listening.address.port(),
        near = near.display()
    );
    std::fs::write(&config, text).expect("the folder is ours");
    std::fs::create_dir(&near).expect("the folder is ours");
    let sync = || {
        let out =
            Command::new("mbsync").arg("-c").arg(&config).arg("c").output().expect("mbsync is installed");
        assert!(out.status.success(), "mbsync: {}", String::from_utf8_lossy(&out.stderr));
    };
    let folders = ["INBOX", "Work", "Work/2020", "Empty"];
    let there =
        || folders.map(|folder| (folder, server.bodies(folder))).into_iter().collect::<BTreeMap<_, _>>();
    let here = || {
        folders.map(|folder| (folder, maildir(&near.join(folder)))).into_iter().collect::<BTreeMap<_, _>>()
    };

    sync();
    assert_eq!(there()["INBOX"].len(), 30);
    assert!(here() == there(), "what was pulled differs");

    // One is new here, one has gone there, one is flagged there.
    let new = message("INBOX", 31);
    std::fs::write(near.join("INBOX/new/1580558400.1_1.here"), new.replace("\r\n", "\n")).expect("ours");
    server.mail().folder("INBOX").expunge(|message| message.uid == 7);
    server.mail().folder("INBOX").flag(8, |flags| flags.push("\\Flagged".to_owned()));
    sync();
    // What mbsync adds to what it pushes is left out on both sides.
    let strip = |bodies: Vec<Vec<u8>>| -> Vec<Vec<u8>> {
        let mut all: Vec<Vec<u8>> = bodies
            .iter()
            .map(|body| {
                body.split_inclusive(|b| *b == b'\n')
                    .filter(|l| !l.starts_with(b"X-TUID: "))
                    .flatten()
                    .copied()
                    .collect()
            })
            .collect();
        all.sort();
        all
    };
    let pushed = strip(server.bodies("INBOX"));
    assert_eq!(pushed.len(), 30);
    assert!(pushed.contains(&new.into_bytes()), "what was pushed differs");
    assert!(maildir(&near.join("INBOX")) == pushed, "the two sides differ");
    let flagged = std::fs::read_dir(near.join("INBOX/cur"))
        .expect("a folder")
        .filter(|file| file.as_ref().expect("readable").file_name().to_string_lossy().ends_with(":2,FS"))
        .count();
    assert_eq!(flagged, 1, "the flag was taken over");

    let (before, appended) = (there(), server.count("APPEND"));
    sync();
    assert!(there() == before && server.count("APPEND") == appended, "a third run changed something");
    assert_clean(&server);
}
