//! Runs on a state file that was damaged since the last one: they end as runs without state. In real time, for SQLite has a
//! thread of its own.

use crate::remembering::{KINDS, Memory, assert_alike, happens};
use crate::world::*;
use imapsync_core::Account;
use imapsync_core::state::{AccountPair, SqliteStore};
use imapsync_core::testing::Dice;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

const PAGE: usize = 4096;

fn store(directory: &Path, user: &str) -> SqliteStore {
    let account = |host: &str| Account::new(host, user, "");
    SqliteStore::new(directory, AccountPair::new(&account("one.example"), &account("two.example")))
}

fn filled(capabilities: &str) -> World {
    let world = World::new(capabilities, capabilities);
    for folder in ["INBOX", "One", "Two"] {
        world.fill(folder, 12);
    }
    world
}

/// A pair of worlds to which the same happens, one of which remembers.
struct Twins {
    without: World,
    with: Memory,
    file: PathBuf,
    dice: Dice,
    round: u64,
}

impl Twins {
    fn new(capabilities: &str, directory: &Path, user: &str) -> Self {
        let store = store(directory, user);
        let file = store.path();
        let with = Memory { world: filled(capabilities), store: Arc::new(store) };
        Self { without: filled(capabilities), with, file, dice: Dice::new(1), round: 0 }
    }

    /// Both go on, and end alike.
    async fn sync(&mut self, what: &str) {
        happens(&mut self.dice, [&self.without, &self.with.world], self.round);
        self.round += 1;
        let one = self.without.sync().await;
        let other = self.with.sync().await;
        let place = format!("round {}, {what}", self.round);
        assert_alike(&place, (&self.with.world, &other), (&self.without, &one));
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(&self.file).unwrap()
    }
}

#[tokio::test]
async fn runs_on_a_damaged_file_end_as_runs_without_one() {
    let directory = tempfile::tempdir().unwrap();
    for (number, capabilities) in KINDS.into_iter().enumerate() {
        let mut twins = Twins::new(capabilities, directory.path(), &format!("alice{number}"));
        let mut other = Twins::new(capabilities, directory.path(), &format!("bob{number}"));
        other.sync("another pair").await;
        twins.sync("the first").await;
        let old = twins.bytes();
        twins.sync("whole").await;

        let mut cut = 0;
        loop {
            let bytes = twins.bytes();
            if cut >= bytes.len() {
                break;
            }
            fs::write(&twins.file, &bytes[..cut]).unwrap();
            twins.sync(&format!("{cut} bytes of {}, {capabilities}", bytes.len())).await;
            cut += PAGE;
        }
        let mut page = 0;
        loop {
            let mut bytes = twins.bytes();
            if page * PAGE >= bytes.len() {
                break;
            }
            let at = page * PAGE..((page + 1) * PAGE).min(bytes.len());
            match page % 3 {
                0 => bytes[at.start + 1500..at.end].fill(0),
                1 => bytes[at.start + 2000] ^= 0x10,
                _ => bytes[at].iter_mut().enumerate().for_each(|(n, byte)| *byte = (n * 7 + page) as u8),
            }
            fs::write(&twins.file, bytes).unwrap();
            twins.sync(&format!("page {page} overwritten, {capabilities}")).await;
            page += 1;
        }
        assert!(cut / PAGE >= 5 && page >= 5, "{cut} {page}");

        for (what, bytes) in [
            ("another pair's", other.bytes()),
            ("an older one", old),
            ("a text", b"Dear diary, ".repeat(1000).to_vec()),
        ] {
            fs::write(&twins.file, bytes).unwrap();
            twins.sync(&format!("{what}, {capabilities}")).await;
        }
        fs::remove_file(&twins.file).unwrap();
        twins.sync(&format!("none, {capabilities}")).await;

        // After all that the state is of use again.
        twins.with.sync().await;
        twins.with.sync().await;
        twins.with.forget_log();
        twins.with.sync().await;
        assert_eq!(twins.with.headers(), 0, "{capabilities}");
        assert!(store(directory.path(), &format!("alice{number}")).look().await.unwrap().content.is_ok());
    }
}

/// A user who may write everywhere meets no obstacle; nothing else may come of it either.
#[cfg(unix)]
#[tokio::test]
async fn runs_on_a_read_only_file_end_as_runs_without_one() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    for (number, capabilities) in KINDS.into_iter().enumerate() {
        let directory = directory.path().join(number.to_string());
        let mut twins = Twins::new(capabilities, &directory, "alice");
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        twins.sync("the first").await;
        for (file, above) in [(0o400, 0o700), (0o400, 0o500), (0o600, 0o500), (0o000, 0o700)] {
            mode(&twins.file, file);
            mode(&directory, above);
            twins.sync(&format!("modes {file:o} and {above:o}, {capabilities}")).await;
            mode(&directory, 0o700);
            mode(&twins.file, 0o600);
            twins.sync(&format!("writable again, {capabilities}")).await;
        }
    }
}

/// Not a test of its own: what the process does whose disk is full.
#[tokio::test]
async fn child() {
    let Some(directory) = std::env::var_os("IMAPSYNC_ENGINE_CHILD") else { return };
    let directory = Path::new(&directory);
    let mut twins = Twins::new(KINDS[0], directory, "alice");
    for _ in 0..6 {
        twins.sync("the disk is full").await;
    }
    println!("\nended alike");
}

#[cfg(unix)]
#[tokio::test]
async fn runs_on_a_full_disk_end_as_runs_without_state() {
    // Blocks of 512 or of 1024 bytes, as the shell has it.
    for blocks in [0, 1, 8, 16, 32, 64, 128] {
        let directory = tempfile::tempdir().unwrap();
        // Ignored, the signal leaves an error of write().
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let output = Command::new("sh")
            .arg("-c")
            .arg(script)
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "damaged::child", "--nocapture", "--test-threads=1"])
            .env("IMAPSYNC_ENGINE_CHILD", directory.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("ended alike"), "{blocks}: {text}");
    }
}
