//! The process dies while it writes, or the disk is full: the old content or the new, never a mixture.

use super::*;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

const MESSAGES: u32 = 3000;
/// What the child saves at most.
const TURNS: u32 = 20;

/// Not a test of its own: what the process does that is killed. It saves and intends without end and says what is done.
#[tokio::test]
async fn child() {
    let Some(directory) = std::env::var_os("IMAPSYNC_STATE_CHILD") else { return };
    let store = store(Path::new(&directory));
    let remembered = store.open(options()).await.unwrap();
    // What is saved at a time bears one number in all its parts.
    let last = remembered.mailboxes.iter().map(|mailbox| mailbox.uid_next - 1).max().unwrap_or(0);
    let mut ids: Vec<IntentId> = remembered.intents.into_iter().map(|(id, _)| id).collect();
    // Behind what the test harness has begun to print.
    println!("\nready");
    if remembered.notice.is_some() {
        println!("failed to open");
        return;
    }
    for turn in last + 1..=last + TURNS {
        match store.intend(vec![intent(turn), intent(turn)]).await {
            Ok(new) => {
                println!("intended {turn}");
                ids.extend(new);
            }
            Err(error) => println!("failed {error}"),
        }
        let settled = std::mem::take(&mut ids);
        match store.save(Changes { settled: settled.clone(), ..changes("INBOX", MESSAGES, turn) }).await {
            Ok(()) => println!("saved {turn}"),
            Err(error) => {
                println!("failed {error}");
                ids = settled;
            }
        }
    }
}

fn command(directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "state::sqlite::tests::killed::child", "--nocapture", "--test-threads=1"])
        .env("IMAPSYNC_STATE_CHILD", directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

/// What the numbers are after a crash: that of the mailboxes, and that of the intents.
async fn look(directory: &Path) -> (u32, Vec<u32>) {
    let (mailboxes, intents, notice) = all(&store(directory)).await;
    assert_eq!(notice, None);
    let turn = match &mailboxes[..] {
        [] => 0,
        [(one, _), (two, _)] if one.uid_next == two.uid_next => one.uid_next - 1,
        other => panic!("{:?}", other.iter().map(|(mailbox, _)| mailbox.uid_next).collect::<Vec<_>>()),
    };
    if turn > 0 {
        for ((_, rows), (_, expected)) in mailboxes.iter().zip(content("INBOX", MESSAGES, turn)) {
            assert!(*rows == expected, "rows of another time than {turn}");
        }
    }
    // Twice in one step, and again after a crash that came before they were settled.
    let mut intended: Vec<u32> = intents.iter().map(|intent| intent.destination_uid_next).collect();
    assert!(intents.iter().zip(&intended).all(|(kept, turn)| *kept == intent(*turn)));
    intended.dedup();
    for turn in &intended {
        assert_eq!(intents.iter().filter(|intent| intent.destination_uid_next == *turn).count() % 2, 0);
    }
    (turn, intended)
}

#[tokio::test]
async fn at_any_moment() {
    let directory = tempfile::tempdir().unwrap();
    let kills = if std::env::var_os("IMAPSYNC_FULL").is_some_and(|value| value == "1") { 200 } else { 12 };
    for kill in 0..kills {
        let mut child = command(directory.path()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut intended, mut saved) = (0, 0);
        let mut take = |line: String| {
            let number = |what| line.strip_prefix(what).and_then(|rest| rest.trim().parse::<u32>().ok());
            intended = number("intended").unwrap_or(intended);
            saved = number("saved").unwrap_or(saved);
            assert!(!line.starts_with("failed"), "{line}");
            line == "ready"
        };
        while !take(lines.next().unwrap().unwrap()) {}
        // Alternately during an intent and during a save, a bit later each time.
        for _ in 0..1 + kill % 4 {
            take(lines.next().unwrap().unwrap());
        }
        std::thread::sleep(Duration::from_micros(kill * 700 % 9000));
        child.kill().unwrap();
        child.wait().unwrap();
        lines.map_while(Result::ok).for_each(|line| {
            take(line);
        });
        let (turn, open) = look(directory.path()).await;
        assert!(turn == saved || turn == saved + 1 || saved == 0, "{turn} after {saved}");
        // What was intended is there unless the save behind it, which settles it, is there too.
        let expected = if turn >= intended { [vec![], vec![turn + 1]] } else { [vec![intended], vec![]] };
        assert!(
            expected[..if turn >= intended { 2 } else { 1 }].contains(&open),
            "{open:?} after {intended}, {turn}"
        );
    }
}

/// A limit on the size of files, which the child meets as it would meet a full disk.
#[cfg(unix)]
#[tokio::test]
async fn the_disk_is_full() {
    let directory = tempfile::tempdir().unwrap();
    let (mut saved, mut failed) = (0, 0);
    for blocks in [0, 1, 8, 64, 200, 1000, 2500] {
        // Ignored, the signal leaves an error of write().
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let inner = command(directory.path());
        let mut outer = Command::new("sh");
        outer.arg("-c").arg(script).arg(inner.get_program()).args(inner.get_args());
        outer.env("IMAPSYNC_STATE_CHILD", directory.path()).stdin(Stdio::null()).stderr(Stdio::null());
        let output = outer.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("ready"), "{blocks}: {text}");
        let last = text.lines().filter_map(|line| line.strip_prefix("saved ")?.parse::<u32>().ok()).max();
        saved += u32::from(last.is_some());
        failed += u32::from(text.contains("failed"));
        let intended = text.lines().filter_map(|line| line.strip_prefix("intended ")?.parse::<u32>().ok());
        let open = intended.filter(|turn| last.is_none_or(|last| *turn > last)).collect();
        assert_eq!(look(directory.path()).await, (last.unwrap_or(0), open), "{blocks}");
        store(directory.path()).forget().await.unwrap();
    }
    assert!(saved > 0 && failed > 2, "{saved} {failed}");
}
