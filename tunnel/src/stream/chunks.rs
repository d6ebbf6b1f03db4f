use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

use super::write::MAX_WRITE;

/// Reads a connection in pieces that suit a stream: small ones from a
/// connection that says little, and such as fill a carrier's frame from one
/// in bulk. It holds no memory while the connection is silent.
#[derive(Debug)]
pub struct Chunks<R> {
    from: R,
    size: usize,
}

/// The first piece, and the pieces of a connection that says little.
const SMALL: usize = 4 * 1024;

impl<R: AsyncRead + Unpin> Chunks<R> {
    /// Reads `from`.
    pub fn new(from: R) -> Self {
        Self { from, size: SMALL }
    }

    /// The next piece, below 64 KiB; `None` at the end. Cancel-safe.
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        let mut buffer = BytesMut::with_capacity(self.size);
        let count = ready!(poll_read_buf(Pin::new(&mut self.from), cx, &mut buffer))?;
        if count == 0 {
            return Poll::Ready(Ok(None));
        }
        let sparse = count < self.size / 4;
        self.size = if count == self.size {
            MAX_WRITE
        } else if sparse {
            SMALL
        } else {
            self.size
        };
        Poll::Ready(Ok(Some(if sparse {
            // It may wait for long, and is not to hold the whole buffer meanwhile.
            Bytes::copy_from_slice(&buffer)
        } else {
            buffer.freeze()
        })))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn bulk_comes_in_large_pieces_whole_and_in_order() {
        let (near, mut far) = duplex(1 << 20);
        let sent: Vec<u8> = (0..1_000_000_u32).map(|n| (n / 7) as u8).collect();
        far.write_all(&sent).await.unwrap();
        drop(far);
        let mut chunks = Chunks::new(near);
        let (mut received, mut pieces) = (Vec::new(), 0);
        while let Some(chunk) = chunks.next().await.unwrap() {
            assert!(chunk.len() <= MAX_WRITE);
            received.extend_from_slice(&chunk);
            pieces += 1;
        }
        assert!(received == sent);
        assert!(pieces < 20, "{pieces} pieces");
    }
}
