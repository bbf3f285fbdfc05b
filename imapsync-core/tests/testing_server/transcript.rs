//! Plays a conversation as the RFCs print them, line by line.

use imapsync_core::testing::Server;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex, split};
use tokio::time::timeout;

/// A connection to a server in this process.
pub(crate) struct Talk {
    reader: BufReader<tokio::io::ReadHalf<DuplexStream>>,
    writer: tokio::io::WriteHalf<DuplexStream>,
}

impl Talk {
    pub(crate) fn to(server: &Server) -> Self {
        let (here, there) = duplex(1 << 20);
        server.serve(there);
        let (reader, writer) = split(here);
        Self { reader: BufReader::new(reader), writer }
    }

    /// Logs in and selects; what the server says to that is of no interest.
    pub(crate) async fn selected(server: &Server, commands: &str) -> Self {
        let mut talk = Self::to(server);
        talk.writer.write_all(b"l LOGIN alice secret\r\n").await.unwrap();
        for (n, command) in commands.split(';').filter(|one| !one.is_empty()).enumerate() {
            talk.writer.write_all(format!("l{n} {command}\r\n").as_bytes()).await.unwrap();
        }
        let marker = "lx OK done\r\n";
        talk.writer.write_all(b"lx NOOP\r\n").await.unwrap();
        while talk.line().await.expect("the server answers") != marker {}
        talk
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        let read = timeout(Duration::from_secs(30), self.reader.read_until(b'\n', &mut line)).await;
        matches!(read, Ok(Ok(1..))).then(|| String::from_utf8(line).expect("text"))
    }

    /// Plays it: `C: ` lines are sent, each `S: ` line must be the server's next one, and nothing else may come.
    #[track_caller]
    pub(crate) fn plays<'a>(&'a mut self, script: &'a str) -> impl Future<Output = ()> + 'a {
        let place = std::panic::Location::caller();
        async move {
            for line in script.lines().map(str::trim_start).filter(|line| !line.is_empty()) {
                if let Some(said) = line.strip_prefix("C: ") {
                    self.writer.write_all(format!("{said}\r\n").as_bytes()).await.unwrap();
                } else {
                    let expected = line.strip_prefix("S: ").expect("a line of the client or the server");
                    let got = self.line().await;
                    assert_eq!(got.as_deref(), Some(format!("{expected}\r\n").as_str()), "at {place}");
                }
            }
            assert_eq!(self.line().await, None, "more than was expected, at {place}");
        }
    }
}

/// A server with these capabilities and so many messages in INBOX, of UIDs from 1 on.
pub(crate) fn server(capabilities: &str, messages: u32) -> Server {
    let server = Server::new(capabilities);
    for n in 1..=messages {
        server.mail().folder("INBOX").add(format!("Subject: {n}\r\n\r\nText {n}\r\n"), &[]);
    }
    server
}

/// All commands were commands.
#[track_caller]
pub(crate) fn clean(server: &Server) {
    assert_eq!(server.mail().offences, Vec::<String>::new());
}
