//! A client that costs nothing: it sends what was written down before and looks at nothing but the end of the answer.
//! What it takes is what two servers need for the work on so many connections. It runs as a process of its own:
//! this program again, with `zero-cost` as its first argument.

use crate::corpus::{Folder, Text};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Messages in one APPEND.
const GROUP: usize = 100;
/// What is asked of each message where nothing is to be copied: enough to know it again.
const SCAN: &str =
    "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID RECEIVED)])";
const BODIES: &str = "UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])";

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Reads all bodies of the source and writes all to the destination, both at once.
    Copy,
    /// Reads the headers, flags, dates and sizes of both sides at once.
    Scan,
}

/// Writes down what will be sent: a file for each connection and side.
pub(crate) fn prepare(
    dir: &Path,
    folders: &[Folder],
    text: &Text,
    connections: usize,
) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let mut bytes: Vec<(u64, &Folder)> = Vec::new();
    for folder in folders {
        bytes.push((folder.mails.iter().map(|mail| mail.bytes(text).len() as u64 + 2000).sum(), folder));
    }
    // The largest first, each to the connection that has the least to do.
    bytes.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
    let mut shares: Vec<(u64, Vec<&Folder>)> = vec![(0, Vec::new()); connections];
    for (size, folder) in bytes {
        let least = shares.iter_mut().min_by_key(|(share, _)| *share).expect("one connection at least");
        least.0 += size;
        least.1.push(folder);
    }
    for (n, (_, share)) in shares.iter().enumerate() {
        for (name, fetch) in [("scan", SCAN), ("copy-source", BODIES)] {
            let mut out = String::new();
            for folder in share {
                let _ = write!(out, "a EXAMINE {}\r\na {fetch}\r\n", folder.name);
            }
            std::fs::write(dir.join(format!("{name}-{n}")), out + "z NOOP\r\n")?;
        }
        let file = std::fs::File::create(dir.join(format!("copy-destination-{n}")))?;
        let mut out = std::io::BufWriter::with_capacity(1 << 20, file);
        for folder in share.iter().filter(|folder| folder.name != "INBOX") {
            write!(out, "a CREATE {0}\r\na SUBSCRIBE {0}\r\n", folder.name)?;
        }
        for folder in share {
            for group in folder.mails.chunks(GROUP) {
                write!(out, "a APPEND {}", folder.name)?;
                for mail in group {
                    let body = mail.bytes(text);
                    let flags = mail.flags.join(" ");
                    write!(out, " ({flags}) \"{}\" {{{}+}}\r\n", mail.internal_date(), body.len())?;
                    out.write_all(&body)?;
                }
                out.write_all(b"\r\n")?;
            }
        }
        out.write_all(b"z NOOP\r\n")?;
        out.flush()?;
    }
    Ok(())
}

/// What the process is given.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) work: Work,
    pub(crate) streams: PathBuf,
    pub(crate) connections: usize,
    /// Port and user of the source, then of the destination.
    pub(crate) sides: [(u16, String); 2],
    /// TLS on both sides, with certificates that this CA signed for each.
    pub(crate) ca: Option<[PathBuf; 2]>,
}

impl Order {
    /// The arguments of the process, which [`run`] reads.
    pub(crate) fn args(&self) -> Vec<OsString> {
        let [(port1, user1), (port2, user2)] = &self.sides;
        let mut args: Vec<OsString> = vec!["zero-cost".into(), self.streams.clone().into()];
        let work = if self.work == Work::Copy { "copy" } else { "scan" };
        let words =
            [work, &self.connections.to_string(), &port1.to_string(), user1, &port2.to_string(), user2];
        args.extend(words.map(OsString::from));
        args.extend(self.ca.iter().flatten().map(OsString::from));
        args
    }

    fn parse(args: &[OsString]) -> Option<Self> {
        let (streams, rest) = args.split_first()?;
        let words: Vec<&str> = rest.iter().map(|arg| arg.to_str()).collect::<Option<_>>()?;
        let [work, connections, port1, user1, port2, user2, ca @ ..] = &words[..] else { return None };
        Some(Order {
            work: if *work == "copy" { Work::Copy } else { Work::Scan },
            streams: streams.into(),
            connections: connections.parse().ok()?,
            sides: [(port1.parse().ok()?, (*user1).to_owned()), (port2.parse().ok()?, (*user2).to_owned())],
            ca: <[&str; 2]>::try_from(ca).ok().map(|both| both.map(PathBuf::from)),
        })
    }
}

/// The process: does what its arguments order.
pub(crate) fn run(args: &[OsString]) -> Result<(), String> {
    let order = Order::parse(args).ok_or("zero-cost: wrong arguments")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(async {
        let mut all = JoinSet::new();
        for n in 0..order.connections {
            for (side, (port, user)) in order.sides.iter().enumerate() {
                let name = match (order.work, side) {
                    (Work::Scan, _) => "scan",
                    (Work::Copy, 0) => "copy-source",
                    (Work::Copy, _) => "copy-destination",
                };
                let file = order.streams.join(format!("{name}-{n}"));
                let (port, user, ca) =
                    (*port, user.clone(), order.ca.as_ref().map(|both| both[side].clone()));
                all.spawn(async move { connection(port, &user, &file, ca.as_deref()).await });
            }
        }
        while let Some(done) = all.join_next().await {
            done.map_err(|error| error.to_string())??;
        }
        Ok(())
    })
}

async fn connection(port: u16, user: &str, file: &Path, ca: Option<&Path>) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", file.display());
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.map_err(told)?;
    stream.set_nodelay(true).map_err(told)?;
    match ca {
        None => dialogue(stream, user, file).await.map_err(told),
        Some(ca) => dialogue(secured(stream, ca).await.map_err(told)?, user, file).await.map_err(told),
    }
}

async fn secured(
    stream: TcpStream,
    ca: &Path,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
    let other = |error: &dyn std::fmt::Display| std::io::Error::other(error.to_string());
    let ca = CertificateDer::from_pem_file(ca).map_err(|error| other(&error))?;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(ca).map_err(|error| other(&error))?;
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").map_err(|error| other(&error))?;
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

async fn dialogue(
    stream: impl AsyncRead + AsyncWrite + Send + 'static,
    user: &str,
    file: &Path,
) -> std::io::Result<()> {
    let (mut from, mut to) = tokio::io::split(stream);
    until(&mut from, b"* OK").await?;
    to.write_all(format!("y LOGIN {user} pass\r\n").as_bytes()).await?;
    to.flush().await?;
    until(&mut from, b"y OK").await?;
    let mut file = std::fs::File::open(file)?;
    let writing = tokio::spawn(async move {
        let mut piece = vec![0; 1 << 18];
        loop {
            // The file lies in memory.
            match file.read(&mut piece)? {
                0 => break,
                count => to.write_all(&piece[..count]).await?,
            }
        }
        to.flush().await?;
        Ok::<_, std::io::Error>(to)
    });
    until(&mut from, b"z OK").await?;
    writing.await.map_err(std::io::Error::other)??;
    Ok(())
}

/// Reads until a line begins with this and has ended. Only the last lines of a piece are looked at.
async fn until(from: &mut (impl AsyncRead + Unpin), end: &[u8]) -> std::io::Result<()> {
    const TAIL: usize = 2048;
    let (mut tail, mut piece) = (Vec::with_capacity(2 * TAIL), vec![0; 1 << 18]);
    tail.push(b'\n');
    let mut wanted = vec![b'\n'];
    wanted.extend_from_slice(end);
    loop {
        let count = from.read(&mut piece).await?;
        if count == 0 {
            return Err(std::io::Error::other("the server has closed the connection"));
        }
        if count >= TAIL {
            tail.clear();
        }
        tail.extend_from_slice(&piece[count.saturating_sub(TAIL)..count]);
        tail.drain(..tail.len().saturating_sub(TAIL));
        if tail.ends_with(b"\n") && tail.windows(wanted.len()).any(|window| window == wanted) {
            return Ok(());
        }
    }
}
