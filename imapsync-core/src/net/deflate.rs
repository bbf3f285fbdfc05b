//! COMPRESS=DEFLATE (RFC 4978): a stream whose bytes are compressed both ways, over any other.
//!
//! What is written stays in the compressor until it is flushed; the connection flushes when it has nothing more to say.

use super::connector::BoxStream;
use bytes::{Buf, BytesMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;

/// Compressed bytes read or written at a time.
const CHUNK: usize = 16 * 1024;
/// Compressed bytes that may wait for the socket.
const MOST_WAITING: usize = 64 * 1024;
/// Mail does not shrink to less than a five hundredth for so many bytes on end; what does is made to wear us out.
const BOMB: (u64, u64) = (64 << 20, 500);

/// The stream.
pub(crate) struct Deflated {
    inner: BoxStream,
    inflate: Decompress,
    /// Received, still compressed.
    received: BytesMut,
    deflate: Compress,
    /// Compressed, not written yet.
    waiting: BytesMut,
    /// Something is in the compressor.
    unflushed: bool,
}

impl Deflated {
    /// Over a stream on which both sides have agreed to compress all that follows.
    pub(crate) fn new(inner: BoxStream) -> Self {
        Self {
            inner,
            inflate: Decompress::new(false),
            received: BytesMut::new(),
            deflate: Compress::new(Compression::fast(), false),
            waiting: BytesMut::new(),
            unflushed: false,
        }
    }

    /// Writes what waits.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.waiting.is_empty() {
            let written = ready!(Pin::new(&mut self.inner).poll_write(cx, &self.waiting))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.waiting.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    /// Compresses all of it; with `Sync`, so that the other side can read all of it.
    fn squeeze(&mut self, mut bytes: &[u8], flush: FlushCompress) -> io::Result<()> {
        let mut chunk = [0; CHUNK];
        loop {
            let before = (self.deflate.total_in(), self.deflate.total_out());
            self.deflate.compress(bytes, &mut chunk, flush).map_err(io::Error::other)?;
            let taken = usize::try_from(self.deflate.total_in() - before.0).unwrap_or(bytes.len());
            let made = usize::try_from(self.deflate.total_out() - before.1).unwrap_or(0);
            bytes = &bytes[taken..];
            self.waiting.extend_from_slice(&chunk[..made]);
            if bytes.is_empty() && made < chunk.len() {
                return Ok(());
            }
        }
    }
}

impl AsyncRead for Deflated {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            let before = (this.inflate.total_in(), this.inflate.total_out());
            let room = buf.initialize_unfilled();
            let status = this
                .inflate
                .decompress(&this.received, room, FlushDecompress::Sync)
                .map_err(io::Error::other)?;
            let taken = usize::try_from(this.inflate.total_in() - before.0).unwrap_or(0);
            let made = usize::try_from(this.inflate.total_out() - before.1).unwrap_or(0);
            this.received.advance(taken);
            let (most, ratio) = BOMB;
            if this.inflate.total_out() > most && this.inflate.total_out() / ratio > this.inflate.total_in() {
                let text = "the server's compressed data expand without measure (a deflate bomb)";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, text)));
            }
            if made > 0 {
                buf.advance(made);
                return Poll::Ready(Ok(()));
            }
            if status == Status::StreamEnd {
                // The server has ended its stream: nothing more can come.
                return Poll::Ready(Ok(()));
            }
            this.received.reserve(CHUNK);
            if ready!(poll_read_buf(Pin::new(&mut this.inner), cx, &mut this.received))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for Deflated {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.waiting.len() >= MOST_WAITING {
            ready!(this.poll_drain(cx))?;
        }
        this.squeeze(buf, FlushCompress::None)?;
        this.unflushed = true;
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if std::mem::take(&mut this.unflushed) {
            this.squeeze(&[], FlushCompress::Sync)?;
        }
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::DeflateDecoder;
    use flate2::write::DeflateEncoder;
    use std::io::{Read, Write};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    /// What flate2's own streams, which this does not use, make of it.
    #[tokio::test]
    async fn what_is_flushed_can_be_read_and_what_was_compressed_is_read() {
        let text: Vec<u8> =
            (0..200_000_u32).flat_map(|n| format!("line {} ", n * 7919).into_bytes()).collect();
        let (ours, mut theirs) = duplex(1 << 24);
        let mut ours = Deflated::new(Box::new(ours));
        ours.write_all(&text[..1000]).await.unwrap();
        ours.flush().await.unwrap();
        ours.write_all(&text[1000..]).await.unwrap();
        ours.flush().await.unwrap();
        let mut wire = vec![0; 1 << 24];
        let len = theirs.read(&mut wire).await.unwrap();
        assert!(len < text.len() / 2, "{len} of {}", text.len());
        let mut read = vec![0; text.len()];
        DeflateDecoder::new(&wire[..len]).read_exact(&mut read).unwrap();
        assert!(read == text);

        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&text).unwrap();
        encoder.flush().unwrap();
        let wire = encoder.get_ref().clone();
        let writing = tokio::spawn(async move {
            for piece in wire.chunks(777) {
                theirs.write_all(piece).await.unwrap();
            }
            theirs
        });
        let mut back = vec![0; text.len()];
        ours.read_exact(&mut back).await.unwrap();
        assert!(back == text);
        // The end of the stream beneath is the end.
        drop(writing.await.unwrap());
        assert_eq!(ours.read(&mut back).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_bomb_is_refused() {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        let zeros = vec![0; 1 << 20];
        for _ in 0..100 {
            encoder.write_all(&zeros).unwrap();
        }
        let wire = encoder.finish().unwrap();
        let (ours, mut theirs) = duplex(1 << 24);
        theirs.write_all(&wire).await.unwrap();
        let mut ours = Deflated::new(Box::new(ours));
        let (mut room, mut read) = (vec![0; 1 << 16], 0);
        let error = loop {
            match ours.read(&mut room).await {
                Ok(0) => panic!("all {read} bytes were taken"),
                Ok(n) => read += n as u64,
                Err(error) => break error,
            }
        };
        assert!(error.to_string().contains("bomb"), "{error}");
        assert!(read <= BOMB.0 + (1 << 16));
    }

    #[tokio::test]
    async fn garbage_is_an_error() {
        let (ours, mut theirs) = duplex(1 << 16);
        theirs.write_all(b"\xff\xff\xff\xff* OK hello\r\n").await.unwrap();
        let mut ours = Deflated::new(Box::new(ours));
        assert!(ours.read(&mut [0; 100]).await.is_err());
    }
}
