//! What it costs to remember: bytes on the disk, and the time of a commit.

use super::*;
use std::time::Instant;

#[tokio::test]
async fn bytes_of_a_message_and_its_copy() {
    let full = std::env::var_os("IMAPSYNC_FULL").is_some_and(|value| value == "1");
    let pairs = if full { 1_000_000 } else { 20_000 };
    let directory = tempfile::tempdir().unwrap();
    let store = store(directory.path());
    notice(&store).await;
    let (first, next, same) =
        (changes("INBOX", pairs, 0), changes("INBOX", pairs, 3), changes("INBOX", pairs, 3));
    let seconds = async |changes| {
        let begun = Instant::now();
        store.save(changes).await.unwrap();
        begun.elapsed().as_secs_f64()
    };
    let all = seconds(first).await;
    let some = seconds(next).await;
    let nothing = seconds(same).await;
    let begun = Instant::now();
    for uid in 0..20 {
        store.intend(vec![intent(uid)]).await.unwrap();
    }
    let intent = begun.elapsed().as_secs_f64() / 20.0;
    let begun = Instant::now();
    let inbox = MailboxName::from_text("INBOX");
    let sums = store.blocks(Side::Source, &inbox).await.unwrap().len();
    let blocks = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    assert_eq!(store.messages(Side::Source, &inbox).await.unwrap().len(), pairs as usize);
    let messages = begun.elapsed().as_secs_f64();
    store.close().await.unwrap();
    let bytes = std::fs::metadata(store.path()).unwrap().len() as f64 / f64::from(pairs);
    println!("{pairs} pairs: {bytes:.1} bytes each");
    println!(
        "saved: all {all:.3} s, a thousandth changed {some:.3} s, nothing {nothing:.3} s; an intent {intent:.4} s"
    );
    println!("read: {sums} sums {blocks:.3} s, one side's messages {messages:.3} s");
    assert!(bytes <= 64.0, "{bytes} bytes");
}
