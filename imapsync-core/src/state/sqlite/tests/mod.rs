//! The file: who may have it, what it is taken for, what it costs.

mod damaged;
mod killed;
mod size;

use super::*;
use crate::account::Account;
use crate::state::contract::{all, content, intent, options, pair as changes, whole};
use std::path::Path;

pub(super) fn accounts(user: &str) -> AccountPair {
    AccountPair::new(&Account::new("one.example", user, ""), &Account::new("two.example", user, ""))
}

pub(super) fn store(directory: &Path) -> SqliteStore {
    SqliteStore::new(directory, accounts("alice"))
}

/// Whose notice it is, or none.
pub(super) async fn notice(store: &SqliteStore) -> Option<String> {
    store.open(options()).await.unwrap().notice
}

#[test]
fn names_are_readable_and_tell_pairs_apart() {
    let name = |pair: &AccountPair| {
        let path = SqliteStore::new("", pair.clone()).path();
        path.to_str().unwrap().to_owned()
    };
    let first = name(&accounts("alice"));
    assert!(
        first.starts_with("alice@one.example--alice@two.example-") && first.ends_with(".sqlite"),
        "{first}"
    );
    let odd = ["../../etc/passwd", "Ünïcode\n", "", "alice ", "alice", &"long".repeat(100)];
    let names: std::collections::BTreeSet<String> = odd.iter().map(|user| name(&accounts(user))).collect();
    assert_eq!(names.len(), odd.len());
    for name in names {
        assert!(name.len() < 150 && name.is_ascii() && !name.contains(['/', '\n', ' ']), "{name}");
    }
    let mut port = Account::new("one.example", "alice", "");
    port.port = Some(143);
    assert_ne!(name(&AccountPair::new(&port, &Account::new("two.example", "alice", ""))), first);
}

#[tokio::test]
async fn two_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let (first, second) = (store(directory.path()), store(directory.path()));
    assert_eq!(notice(&first).await, None);
    first.save(changes("INBOX", 5, 0)).await.unwrap();
    assert!(notice(&second).await.unwrap().contains("another run"));
    // It keeps nothing, and does not complain again.
    second.save(changes("Other", 5, 0)).await.unwrap();
    second.intend(vec![intent(1)]).await.unwrap();
    assert!(second.forget().await.is_err());
    // Another pair is nobody's concern.
    assert_eq!(notice(&SqliteStore::new(directory.path(), accounts("bob"))).await, None);
    let before = all(&first).await;
    assert_eq!((before.0.len(), before.1.len()), (2, 0));
    drop(first);
    assert_eq!(all(&second).await, before);
}

#[cfg(unix)]
#[tokio::test]
async fn for_this_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let below = directory.path().join("state/imapsync");
    let store = store(&below);
    notice(&store).await;
    store.save(changes("INBOX", 5, 0)).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&below), mode(below.parent().unwrap())), (0o700, 0o700));
    let files: Vec<_> = std::fs::read_dir(&below).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 3, "the file, its log and its lock: {files:?}");
    files.iter().for_each(|path| assert_eq!(mode(path), 0o600, "{path:?}"));
    store.close().await.unwrap();
    store.forget().await.unwrap();
    assert_eq!(std::fs::read_dir(&below).unwrap().count(), 0);
}

#[tokio::test]
async fn where_no_file_can_be() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "text").unwrap();
    let mut places = vec![file.join("below")];
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let path = directory.path().join("read-only");
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o500)).unwrap();
        if std::fs::write(path.join("probe"), "").is_err() {
            places.push(path);
        } else {
            println!("a read-only directory was not tried: this user may write there all the same");
        }
    }
    for place in places {
        let store = store(&place);
        assert!(notice(&store).await.unwrap().contains("remembers nothing"));
        store.save(changes("INBOX", 5, 0)).await.unwrap();
        store.intend(vec![intent(1)]).await.unwrap();
        let (mailboxes, intents, again) = all(&store).await;
        assert_eq!((mailboxes, intents, again.is_some()), (vec![], vec![], true));
    }
}

/// What is the same is not written: the log grows by the record and one block.
#[tokio::test]
async fn writes_what_differs() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path());
    notice(&store).await;
    store.save(changes("INBOX", 20_000, 0)).await.unwrap();
    let pages = || std::fs::metadata(store.path().with_extension("sqlite-wal")).unwrap().len() / 4096;
    store.close().await.unwrap();
    notice(&store).await;
    store.save(changes("INBOX", 20_000, 0)).await.unwrap();
    let same = pages();
    let mut changed = content("INBOX", 20_000, 0);
    changed[0].1[9000].flags = None;
    store.save(whole(changed)).await.unwrap();
    let one = pages() - same;
    assert!(same <= 4 && (1..=12).contains(&one), "{same} and {one} pages");
}

struct World(tempfile::TempDir);

impl crate::state::contract::Reopen for World {
    type Store = SqliteStore;
    async fn next(&mut self) -> SqliteStore {
        store(self.0.path())
    }
}

#[tokio::test]
async fn keeps_the_contract() {
    crate::state::contract::keep(|| World(tempfile::tempdir().unwrap())).await;
}

#[tokio::test]
async fn seen_from_outside() {
    let directory = tempfile::tempdir().unwrap();
    assert!(store(directory.path()).look().await.is_none());
    assert!(SqliteStore::files(&directory.path().join("missing")).await.unwrap().is_empty());
    let mut saved = Vec::new();
    for user in ["alice", "bob"] {
        let store = SqliteStore::new(directory.path(), accounts(user));
        // Under options that nobody who looks knows.
        store.open(Fingerprint::of([user])).await.unwrap();
        store.save(changes("INBOX", 5, 0)).await.unwrap();
        store.intend(vec![intent(7)]).await.unwrap();
        // As long as it is in use nobody else reads it.
        let held = store.look().await.unwrap();
        assert!(held.content.unwrap_err().to_string().contains("another run is using it"));
        store.close().await.unwrap();
        saved.push(std::fs::read(store.path()).unwrap());
    }
    std::fs::write(directory.path().join("notes.txt"), "text").unwrap();
    std::fs::write(directory.path().join("zzz.sqlite"), "text").unwrap();
    let files = SqliteStore::files(directory.path()).await.unwrap();
    assert_eq!(files.len(), 3);
    for (file, (user, bytes)) in files.iter().zip(["alice", "bob"].into_iter().zip(&saved)) {
        let (pair, remembered) = file.content.as_ref().unwrap();
        assert_eq!((pair, file.bytes, file.written.is_some()), (&accounts(user), bytes.len() as u64, true));
        let expected: Vec<_> = content("INBOX", 5, 0).into_iter().map(|(mailbox, _)| mailbox).collect();
        assert_eq!(remembered.mailboxes, expected);
        assert_eq!(remembered.intents.iter().map(|(_, one)| one.clone()).collect::<Vec<_>>(), [intent(7)]);
        assert_eq!(&std::fs::read(&file.path).unwrap(), bytes, "looking has changed it");
    }
    assert!(files[2].content.is_err());
    assert_eq!(std::fs::read(&files[2].path).unwrap(), b"text");
    // Another account's file under one's own name.
    std::fs::write(store(directory.path()).path(), &saved[1]).unwrap();
    let foreign = store(directory.path()).look().await.unwrap().content.unwrap_err();
    assert!(foreign.to_string().contains("not the state of these accounts"), "{foreign}");
}
