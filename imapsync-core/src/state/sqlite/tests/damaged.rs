//! Files that are not what was written: nothing of them passes for what was saved, and the next run is in order again.

use super::*;
use crate::state::contract::{Content as Mailboxes, content as expected};
use std::fs;

const MESSAGES: u32 = 700;

/// All that was saved.
type Content = (Mailboxes, Vec<Intent>);

/// The bytes of a file with two mailboxes and an intent, and what is in it.
async fn whole(directory: &Path, user: &str) -> (Vec<u8>, Content) {
    let store = SqliteStore::new(directory, accounts(user));
    store.open(options()).await.unwrap();
    store.save(changes("INBOX", MESSAGES, 0)).await.unwrap();
    store.intend(vec![intent(1), intent(2)]).await.unwrap();
    let (mailboxes, intents, _) = all(&store).await;
    store.close().await.unwrap();
    (fs::read(store.path()).unwrap(), (mailboxes, intents))
}

/// Opens what is there: each mailbox that can be read and each intent is as it was saved. Then a save
/// is kept, at the latest the third.
async fn check(directory: &Path, content: &Content, what: &str) -> Option<String> {
    let store = store(directory);
    let (mailboxes, intents, notice) = all(&store).await;
    for mailbox in &mailboxes {
        assert!(content.0.contains(mailbox), "{what}: {:?}", mailbox.0.name);
        if let Ok(sums) = store.blocks(mailbox.0.side, &mailbox.0.name).await {
            assert_eq!(sums.iter().map(|sum| sum.messages).sum::<u32>(), MESSAGES, "{what}");
        }
    }
    assert!(intents.iter().all(|intent| content.1.contains(intent)), "{what}");
    let lost = mailboxes.len() < content.0.len() || intents.len() < content.1.len();
    let expected = expected("INBOX", MESSAGES, 7);
    // Damage that only the save or what it has done brings to light costs a run or two.
    for run in 0.. {
        let done = store.save(changes("INBOX", MESSAGES, 7)).await;
        store.close().await.unwrap();
        let (mailboxes, _, told) = all(&store).await;
        if done.is_ok() && mailboxes == expected {
            break;
        }
        assert!(run < 2, "{what}: {done:?}, {told:?}, {} mailboxes", mailboxes.len());
    }
    store.close().await.unwrap();
    assert_eq!(super::notice(&store).await, None, "{what}");
    store.forget().await.unwrap();
    notice.filter(|_| lost)
}

#[tokio::test]
async fn cut_off() {
    let directory = tempfile::tempdir().unwrap();
    let (bytes, content) = whole(directory.path(), "alice").await;
    let path = store(directory.path()).path();
    let mut lengths: Vec<usize> = (0..bytes.len()).step_by(4096).collect();
    lengths.extend([1, 15, 16, 99, 100, 101, 511, 4095, 4097, bytes.len() - 1, bytes.len() - 4095]);
    for length in lengths {
        fs::write(&path, &bytes[..length]).unwrap();
        let notice = check(directory.path(), &content, &format!("{length} bytes")).await;
        assert!(notice.is_some() || length == 0 || length > 4096, "{length}");
    }
}

#[tokio::test]
async fn pages_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let (bytes, content) = whole(directory.path(), "alice").await;
    let path = store(directory.path()).path();
    for page in 0..bytes.len() / 4096 {
        for fill in ["zeros", "noise", "another page", "one byte"] {
            let mut damaged = bytes.clone();
            let at = page * 4096..(page + 1) * 4096;
            match fill {
                "zeros" => damaged[at].fill(0),
                "noise" => {
                    blake3::Hasher::new().update(&[page as u8]).finalize_xof().fill(&mut damaged[at]);
                }
                "another page" => damaged.copy_within(
                    ((page + 1) * 4096) % bytes.len()..((page + 1) * 4096) % bytes.len() + 4096,
                    at.start,
                ),
                _ => damaged[at.start + 2000] ^= 0x10,
            }
            fs::write(&path, damaged).unwrap();
            check(directory.path(), &content, &format!("page {page} of {fill}")).await;
        }
    }
}

#[tokio::test]
async fn of_somebody_else() {
    let directory = tempfile::tempdir().unwrap();
    let (own, content) = whole(directory.path(), "alice").await;
    let (other, _) = whole(directory.path(), "bob").await;
    let path = store(directory.path()).path();
    let nothing = (vec![], vec![]);

    fs::write(&path, &other).unwrap();
    let notice = check(directory.path(), &nothing, "another account's").await.unwrap_or_default();
    assert_eq!(notice, "", "nothing could be lost");
    fs::write(&path, &other).unwrap();
    assert!(
        super::notice(&store(directory.path())).await.unwrap().contains("not the state of these accounts")
    );
    assert_eq!(fs::read(path.with_extension("sqlite.unusable")).unwrap(), other, "put aside untouched");

    // Every page of another account's file in place of one's own.
    for page in 0..own.len().min(other.len()) / 4096 {
        let at = page * 4096..(page + 1) * 4096;
        let mut mixed = own.clone();
        mixed[at.clone()].copy_from_slice(&other[at]);
        fs::write(&path, mixed).unwrap();
        check(directory.path(), &content, &format!("page {page} of another account")).await;
    }
}

/// Runs SQL on a file as anybody may.
async fn edit(path: &Path, sql: &'static str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn edited() {
    for (sql, says) in [
        ("PRAGMA user_version = 99", "newer release"),
        ("PRAGMA application_id = 7", "not the state"),
        ("CREATE TRIGGER t AFTER INSERT ON block BEGIN DELETE FROM block; END", "not the state"),
        ("DROP TABLE block", ""),
        ("DROP TABLE intent", "of no use"),
        ("DELETE FROM about WHERE id = 1", "not the state"),
        ("UPDATE about SET value = x'00' WHERE id = 2", "it is damaged"),
        ("UPDATE mailbox SET record = x'00' WHERE id = 1", "it is damaged"),
        ("UPDATE mailbox SET id = 9000000000000000000 WHERE id = 1", "it is damaged"),
        (
            "UPDATE mailbox SET record = (SELECT record FROM mailbox WHERE id = 2) WHERE id = 1",
            "it is damaged",
        ),
        ("UPDATE intent SET record = record || x'00'", "it is damaged"),
        ("UPDATE mailbox SET record = 'text'", "of no use"),
        // No notice: nobody has looked at the blocks yet.
        ("DELETE FROM block WHERE id = (SELECT max(id) FROM block)", ""),
        ("DELETE FROM block WHERE id = (SELECT min(id) FROM block)", ""),
        ("UPDATE block SET id = -id", ""),
        ("UPDATE block SET sum = (SELECT sum FROM block LIMIT 1)", ""),
        ("UPDATE block SET rows = (SELECT rows FROM block LIMIT 1)", ""),
        ("UPDATE block SET rows = 'text'", ""),
        ("INSERT INTO block VALUES ((1 << 23) + 77, x'00', x'00')", ""),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let (_, content) = whole(directory.path(), "alice").await;
        let path = store(directory.path()).path();
        edit(&path, sql).await;
        let notice = super::notice(&store(directory.path())).await.unwrap_or_default();
        assert!(notice.contains(says) && notice.is_empty() == says.is_empty(), "{sql}: {notice}");
        if says.is_empty() {
            let (mailboxes, intents, _) = all(&store(directory.path())).await;
            assert!((mailboxes, intents) != content, "{sql}");
        }
        check(directory.path(), &content, sql).await;
    }
}

/// Older blocks beside newer ones, each sealed as it should be.
#[tokio::test]
async fn blocks_of_another_time() {
    let directory = tempfile::tempdir().unwrap();
    let (_, content) = whole(directory.path(), "alice").await;
    let path = store(directory.path()).path();
    edit(&path, "CREATE TABLE kept AS SELECT * FROM block").await;
    let next = store(directory.path());
    next.open(options()).await.unwrap();
    next.save(changes("INBOX", MESSAGES, 9)).await.unwrap();
    let now = all(&next).await;
    assert_ne!(now.0, content.0);
    next.close().await.unwrap();
    edit(&path, "REPLACE INTO block SELECT * FROM kept WHERE id % 2 = 0; DROP TABLE kept").await;
    assert_eq!(all(&store(directory.path())).await.0, []);
}

#[tokio::test]
async fn something_else() {
    for what in ["text", "empty", "directory", "database", "a log of somebody else"] {
        let directory = tempfile::tempdir().unwrap();
        let path = store(directory.path()).path();
        match what {
            "text" => fs::write(&path, "Dear diary, ".repeat(1000)).unwrap(),
            "empty" => fs::write(&path, "").unwrap(),
            "directory" => fs::create_dir_all(path.join("below")).unwrap(),
            "database" => edit(&path, "CREATE TABLE about (id INTEGER PRIMARY KEY, value BLOB)").await,
            _ => fs::write(path.with_extension("sqlite-wal"), "no log at all ".repeat(1000)).unwrap(),
        }
        let told = notice(&store(directory.path())).await.is_some();
        assert_eq!(told, !matches!(what, "empty" | "a log of somebody else"), "{what}");
        let store = store(directory.path());
        assert_eq!(notice(&store).await, None, "told once: {what}");
        store.save(changes("INBOX", 3, 0)).await.unwrap();
        store.close().await.unwrap();
        assert_eq!(all(&store).await.0.len(), 2, "{what}");
    }
}
