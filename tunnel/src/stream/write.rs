use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::AsyncWrite;

use super::{Shared, StreamWatch};
use crate::{ResetReason, StreamError};

/// The direction of a stream that takes this end's data.
///
/// Dropped before [`WriteHalf::finish`], it cancels the stream.
#[derive(Debug)]
pub struct WriteHalf {
    shared: Arc<Shared>,
}

/// The most that one write takes; more would only wait in the carrier's queue.
/// With HTTP/2's frame header of 9 bytes it fills four TLS records.
pub(super) const MAX_WRITE: usize = 64 * 1024 - 9;

impl WriteHalf {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(super) fn set_user(&self, user: &str) {
        self.shared.set_user(user);
    }

    pub(crate) fn watch(&self) -> StreamWatch {
        StreamWatch::new(&self.shared)
    }

    /// Sends all of `data`, waiting while the peer's window is full.
    ///
    /// Not cancel-safe: dropped, it may have sent a part.
    pub async fn write_chunk(&mut self, mut data: Bytes) -> Result<(), StreamError> {
        while !data.is_empty() {
            let wanted = data.len().min(MAX_WRITE);
            let granted = poll_fn(|cx| self.shared.poll_capacity(cx, wanted)).await?;
            self.shared.send(data.split_to(granted.min(data.len())))?;
        }
        Ok(())
    }

    /// Ends this direction cleanly, behind everything written. The other direction goes on.
    pub fn finish(&mut self) -> Result<(), StreamError> {
        self.shared.finish()
    }

    /// Ends both directions with an error that the peer sees.
    pub fn reset(self, reason: ResetReason) {
        self.shared.reset(reason);
    }
}

impl AsyncWrite for WriteHalf {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let granted = ready!(self.shared.poll_capacity(cx, buf.len().min(MAX_WRITE)))?;
        let taken = granted.min(buf.len());
        self.shared.send(Bytes::copy_from_slice(&buf[..taken]))?;
        Poll::Ready(Ok(taken))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let total: usize = bufs.iter().map(|buf| buf.len()).sum();
        if total == 0 {
            return Poll::Ready(Ok(0));
        }
        let granted = ready!(self.shared.poll_capacity(cx, total.min(MAX_WRITE)))?;
        let mut data = Vec::with_capacity(granted.min(total));
        for buf in bufs {
            let room = granted.saturating_sub(data.len());
            data.extend_from_slice(&buf[..buf.len().min(room)]);
        }
        let taken = data.len();
        self.shared.send(data.into())?;
        Poll::Ready(Ok(taken))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The driver sends what is queued without being asked.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.shared.finish() {
            Ok(()) | Err(StreamError::Finished) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(error.into())),
        }
    }
}

impl Drop for WriteHalf {
    fn drop(&mut self) {
        self.shared.drop_write();
    }
}
