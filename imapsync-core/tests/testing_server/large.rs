//! A folder with very many messages, and a message of very many bytes. `IMAPSYNC_FULL=1` makes it a million and 2 GiB;
//! the times are printed, not judged.

use imapsync_core::testing::{Body, Server};
use std::time::Instant;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};

fn sized<T>(sample: T, complete: T) -> T {
    if std::env::var_os("IMAPSYNC_FULL").is_some_and(|value| value == "1") { complete } else { sample }
}

/// Says this and reads up to the tagged line; gives the number of bytes and what `each` has counted.
async fn ask(stream: &mut BufReader<DuplexStream>, command: &str, mut each: impl FnMut(&[u8]) -> u64) -> u64 {
    let started = Instant::now();
    stream.write_all(format!("t {command}\r\n").as_bytes()).await.unwrap();
    let (mut line, mut sum) = (Vec::new(), 0);
    loop {
        line.clear();
        assert!(stream.read_until(b'\n', &mut line).await.unwrap() > 0, "the connection ends");
        if line.starts_with(b"t ") {
            assert!(line.starts_with(b"t OK"), "{command}: {}", String::from_utf8_lossy(&line));
            println!("{:8.3} s  {command}", started.elapsed().as_secs_f64());
            return sum;
        }
        sum += each(&line);
    }
}

async fn connect(server: &Server) -> BufReader<DuplexStream> {
    let (here, there) = duplex(64 * 1024);
    server.serve(there);
    let mut stream = BufReader::with_capacity(64 * 1024, here);
    ask(&mut stream, "LOGIN alice secret", |_| 0).await;
    stream
}

#[tokio::test]
async fn a_folder_with_a_million_messages() {
    let count = sized(20_000_u32, 1_000_000);
    let server = Server::new("IMAP4rev1 UIDPLUS MOVE ESEARCH CONDSTORE");
    let started = Instant::now();
    {
        let mut mail = server.mail();
        mail.folder("Other");
        let inbox = mail.folder("INBOX");
        for n in 1..=u64::from(count) {
            inbox.add(Body::made(n, 2048), &["\\Seen"]);
        }
    }
    println!("{:8.3} s  {count} messages", started.elapsed().as_secs_f64());
    let mut stream = connect(&server).await;
    ask(&mut stream, "SELECT INBOX", |_| 0).await;
    let mut next = 0;
    let rows = ask(&mut stream, "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)", |line| {
        next += 1;
        let expected = format!(
            "* {next} FETCH (UID {next} FLAGS (\\Seen) INTERNALDATE \"01-Jan-2020 12:00:00 +0000\" RFC822.SIZE 2048)\r\n"
        );
        assert!(line == expected.as_bytes(), "{}", String::from_utf8_lossy(line));
        1
    })
    .await;
    assert_eq!(rows, u64::from(count));
    let line = ask(&mut stream, "UID SEARCH ALL", |line| line.len() as u64).await;
    assert!(line > u64::from(count) * 5);
    let line = ask(&mut stream, "UID SEARCH RETURN (ALL) SEEN", |line| line.len() as u64).await;
    assert!(line < 100, "a range is written as one");
    let half = count / 2;
    let told = ask(&mut stream, &format!("UID STORE 1:{half} +FLAGS.SILENT (\\Deleted)"), |_| 1).await;
    assert_eq!(told, 0);
    let told = ask(&mut stream, &format!("UID EXPUNGE 1:{half}"), |_| 1).await;
    assert_eq!(told, u64::from(half));
    let told = ask(&mut stream, &format!("UID COPY {}:* Other", half + 1), |_| 1).await;
    assert_eq!(told, 0);
    let told = ask(&mut stream, &format!("UID MOVE {}:* Other", half + 1), |_| 1).await;
    assert_eq!(told, u64::from(count - half) + 1);
    assert_eq!(server.messages("Other").len(), 2 * (count - half) as usize);
    // One by one, with the folder selected that grows: each costs its own news.
    ask(&mut stream, "SELECT Other", |_| 0).await;
    let appends = sized(200, 20_000);
    let started = Instant::now();
    for _ in 0..appends {
        stream.write_all(b"a APPEND Other {3}\r\n").await.unwrap();
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        assert_eq!(line, "+ go on\r\n");
        stream.write_all(b"a:b\r\n").await.unwrap();
        while !line.starts_with("a OK") {
            line.clear();
            stream.read_line(&mut line).await.unwrap();
        }
    }
    println!("{:8.3} s  {appends} times APPEND", started.elapsed().as_secs_f64());
    assert_eq!(server.mail().offences, Vec::<String>::new());
}

#[tokio::test]
async fn a_message_that_no_memory_holds() {
    let len = sized(20_u64 << 20, 2 << 30);
    let server = Server::new("IMAP4rev1");
    server.mail().folder("INBOX").add(Body::made(1, len), &[]);
    let mut stream = connect(&server).await;
    ask(&mut stream, "SELECT INBOX", |_| 0).await;
    stream.write_all(b"t UID FETCH 1 (BODY.PEEK[])\r\n").await.unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    assert_eq!(line, format!("* 1 FETCH (UID 1 BODY[] {{{len}}}\r\n"));
    let started = Instant::now();
    let (mut left, mut chunk, mut hasher) = (len, vec![0; 64 * 1024], blake3::Hasher::new());
    while left > 0 {
        let most = chunk.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let n = stream.read(&mut chunk[..most]).await.unwrap();
        assert!(n > 0);
        hasher.update(&chunk[..n]);
        left -= n as u64;
    }
    println!("{:8.3} s  a body of {len} bytes", started.elapsed().as_secs_f64());
    assert_eq!(*hasher.finalize().as_bytes(), Body::made(1, len).digest());
    line.clear();
    stream.read_line(&mut line).await.unwrap();
    assert_eq!(line, ")\r\n");
}
