//! The bytes of one connection: over a pipe in memory or TCP, in clear or through TLS, compressed or not.

use crate::net::BoxStream;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use socket2::SockRef;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, empty};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// How long a closed TCP connection is drained, so that the client sees FIN and not RST.
const PATIENCE: Duration = Duration::from_secs(5);
/// So much is read at once.
const CHUNK: usize = 16 * 1024;

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    /// It is in clear for good.
    Clear,
    /// It is in clear until STARTTLS.
    StartTls,
    /// By TLS.
    Tls,
}

pub(super) struct Wire {
    stream: BoxStream,
    /// A second handle on the socket; None in memory.
    socket: Option<std::net::TcpStream>,
    /// What STARTTLS needs.
    tls: Option<TlsAcceptor>,
    secure: bool,
    deflate: Option<Box<(Compress, Decompress)>>,
}

impl Wire {
    /// A pipe inside the process.
    pub(super) fn memory(stream: BoxStream) -> Self {
        Self { stream, socket: None, tls: None, secure: false, deflate: None }
    }

    /// TCP in clear; with `tls`, STARTTLS is possible.
    pub(super) fn clear(socket: TcpStream, tls: Option<TlsAcceptor>) -> io::Result<Self> {
        let (socket, second) = twice(socket)?;
        Ok(Self { stream: Box::new(socket), socket: Some(second), tls, secure: false, deflate: None })
    }

    /// TCP with TLS from the first byte.
    pub(super) async fn implicit(socket: TcpStream, tls: &TlsAcceptor) -> io::Result<Self> {
        let (socket, second) = twice(socket)?;
        let stream = Box::new(tls.accept(socket).await?);
        Ok(Self { stream, socket: Some(second), tls: None, secure: true, deflate: None })
    }

    /// Whether TLS protects it, or could. In memory STARTTLS changes nothing: nobody can listen there.
    pub(super) fn security(&self) -> Security {
        match (self.secure, self.socket.is_none() || self.tls.is_some()) {
            (true, _) => Security::Tls,
            (false, true) => Security::StartTls,
            (false, false) => Security::Clear,
        }
    }

    /// The TLS handshake after STARTTLS.
    pub(super) async fn start_tls(&mut self) -> io::Result<()> {
        if let Some(tls) = &self.tls {
            let stream = std::mem::replace(&mut self.stream, Box::new(empty()));
            self.stream = Box::new(tls.accept(stream).await?);
        }
        self.secure = true;
        Ok(())
    }

    /// From here on both directions are compressed (RFC 4978); `read` has come already and is so too. Gives what it was.
    pub(super) fn compress(&mut self, read: &[u8]) -> io::Result<Vec<u8>> {
        self.deflate = Some(Box::new((Compress::new(Compression::fast(), false), Decompress::new(false))));
        let mut out = Vec::new();
        self.inflate(read, &mut out)?;
        Ok(out)
    }

    fn inflate(&mut self, read: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let Some(deflate) = &mut self.deflate else {
            out.extend_from_slice(read);
            return Ok(());
        };
        let decompress = &mut deflate.1;
        let begun = decompress.total_in();
        loop {
            out.reserve(CHUNK);
            let done = (decompress.total_in() - begun) as usize;
            let before = out.len();
            decompress.decompress_vec(&read[done..], out, FlushDecompress::Sync)?;
            let all = (decompress.total_in() - begun) as usize == read.len();
            // With room left over, nothing more can come of what has been read.
            if all && out.len() < out.capacity() || out.len() == before {
                return Ok(());
            }
        }
    }

    /// Reads what is there onto the end of `out`, and waits where nothing is; gives the bytes on the wire, 0 at its end.
    /// Nothing is lost where the future is dropped.
    pub(super) async fn read(&mut self, out: &mut Vec<u8>) -> io::Result<usize> {
        let mut chunk = [0; CHUNK];
        let n = self.stream.read(&mut chunk).await?;
        self.inflate(&chunk[..n], out)?;
        Ok(n)
    }

    /// Sends; gives the bytes on the wire.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let deflated;
        let sent = match &mut self.deflate {
            Some(deflate) => {
                deflated = deflated_by(&mut deflate.0, bytes)?;
                deflated.as_slice()
            }
            None => bytes,
        };
        self.stream.write_all(sent).await?;
        self.stream.flush().await?;
        Ok(sent.len())
    }

    /// Ends it in order: TLS says goodbye, and TCP sends FIN however much the client has sent meanwhile.
    pub(super) async fn close(mut self) {
        let Some(socket) = self.socket.take() else { return };
        let drained = async {
            if self.stream.shutdown().await.is_ok() {
                let mut chunk = [0; CHUNK];
                while matches!(self.stream.read(&mut chunk).await, Ok(1..)) {}
            }
        };
        let _ = timeout(PATIENCE, drained).await;
        drop(socket);
    }

    /// Cuts it: RST where it is TCP.
    pub(super) fn reset(self) {
        if let Some(socket) = &self.socket {
            // Where it fails the client has gone already.
            let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
        }
    }
}

/// Two handles on a socket.
fn twice(socket: TcpStream) -> io::Result<(TcpStream, std::net::TcpStream)> {
    socket.set_nodelay(true)?;
    let first = socket.into_std()?;
    let second = first.try_clone()?;
    Ok((TcpStream::from_std(first)?, second))
}

/// All of it compressed, up to a boundary that the other side can read to.
fn deflated_by(compress: &mut Compress, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len() / 2 + 64);
    let begun = compress.total_in();
    loop {
        let done = (compress.total_in() - begun) as usize;
        compress.compress_vec(&bytes[done..], &mut out, FlushCompress::Sync)?;
        let all = (compress.total_in() - begun) as usize == bytes.len();
        if all && out.len() < out.capacity() {
            return Ok(out);
        }
        out.reserve(CHUNK);
    }
}
