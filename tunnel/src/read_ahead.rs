use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;

/// Reads a socket ahead in pieces of 64 KiB, for a TLS library above it that
/// asks for 4 KiB at a time. It holds no memory while nothing waits in it.
#[derive(Debug)]
pub struct ReadAhead<IO> {
    io: IO,
    ahead: BytesMut,
}

const PIECE: usize = 64 * 1024;

impl<IO> ReadAhead<IO> {
    /// Reads `io` ahead.
    pub fn new(io: IO) -> Self {
        Self {
            io,
            ahead: BytesMut::new(),
        }
    }

    /// The socket.
    pub fn get_ref(&self) -> &IO {
        &self.io
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for ReadAhead<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.ahead.is_empty() {
            if buf.remaining() >= PIECE {
                return Pin::new(&mut this.io).poll_read(cx, buf);
            }
            this.ahead.reserve(PIECE);
            match poll_read_buf(Pin::new(&mut this.io), cx, &mut this.ahead) {
                Poll::Ready(read) => read?,
                Poll::Pending => {
                    this.ahead = BytesMut::new();
                    return Poll::Pending;
                }
            };
        }
        let taken = this.ahead.len().min(buf.remaining());
        buf.put_slice(&this.ahead[..taken]);
        this.ahead.advance(taken);
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for ReadAhead<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn what_is_read_ahead_arrives_whole_and_in_order() {
        let (near, mut far) = duplex(300_000);
        let sent: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
        far.write_all(&sent).await.unwrap();
        drop(far);
        let mut near = ReadAhead::new(near);
        let mut received = Vec::new();
        let mut piece = [0; 1000];
        loop {
            let count = near.read(&mut piece).await.unwrap();
            if count == 0 {
                break;
            }
            received.extend_from_slice(&piece[..count]);
        }
        assert_eq!(received, sent);
    }

    #[tokio::test]
    async fn a_silent_connection_holds_no_buffer() {
        let (near, mut far) = duplex(1000);
        let mut near = ReadAhead::new(near);
        far.write_all(b"ping").await.unwrap();
        near.read_exact(&mut [0; 4]).await.unwrap();
        let mut byte = [0; 1];
        let read = near.read(&mut byte);
        tokio::select! {
            biased;
            _ = read => panic!("nothing was sent"),
            () = std::future::ready(()) => {}
        }
        assert_eq!(near.ahead.capacity(), 0);
    }
}
