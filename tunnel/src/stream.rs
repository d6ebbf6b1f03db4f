use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::{fmt, io};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

mod chunks;
mod info;
mod passage;
mod read;
mod shared;
mod watch;
mod write;

pub use chunks::Chunks;
pub use info::StreamInfo;
pub use read::ReadHalf;
pub(crate) use shared::Shared;
pub use watch::StreamWatch;
pub use write::WriteHalf;

use crate::ResetReason;

/// A flow-controlled byte pipe to a target.
///
/// As `AsyncWrite`, shutting it down is [`WriteHalf::finish`]. Dropped
/// unfinished, it is cancelled at the far end, in both directions.
pub struct Stream {
    read: ReadHalf,
    write: WriteHalf,
}

impl Stream {
    pub(crate) fn new(read: ReadHalf, write: WriteHalf) -> Self {
        Self { read, write }
    }

    /// A stream whose peer's data begins with `front`.
    pub(crate) fn with_front(shared: Arc<Shared>, front: Bytes) -> Self {
        let write = WriteHalf::new(Arc::clone(&shared));
        Self {
            read: ReadHalf::with_front(shared, front),
            write,
        }
    }

    /// The two directions, to be used by two owners.
    pub fn into_split(self) -> (ReadHalf, WriteHalf) {
        (self.read, self.write)
    }

    /// An eye on the stream for its owner's task, whatever becomes of the halves.
    pub fn watch(&self) -> StreamWatch {
        self.write.watch()
    }

    /// Says for whom the stream was opened, once; only listings at this end show it.
    pub fn set_user(&self, user: &str) {
        self.write.set_user(user);
    }

    /// Ends both directions with an error that the peer sees.
    pub fn reset(self, reason: ResetReason) {
        self.write.reset(reason);
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.read).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.write).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.write).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.write.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.write).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.write).poll_shutdown(cx)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").finish_non_exhaustive()
    }
}
