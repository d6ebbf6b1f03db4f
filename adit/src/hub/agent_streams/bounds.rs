//! Bodies and connections that do not wait for ever for their far end.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A request's body, each piece of which has to come in time.
pub(super) struct PromptBody {
    body: Incoming,
    clock: Clock,
}

/// A stream whose far end has to take what is written in time.
pub(super) struct PromptIo<Io> {
    io: Io,
    clock: Clock,
}

/// Why a request's body did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error(transparent)]
    Broken(#[from] hyper::Error),
    #[error("nothing of the request's body has come for {0:?}")]
    Slow(Duration),
}

/// Runs while something is waited for.
struct Clock {
    patience: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Clock {
    fn new(patience: Duration) -> Self {
        Self {
            patience,
            waiting: None,
        }
    }

    /// Ready when it has been waited for too long.
    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let patience = self.patience;
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(sleep(patience)));
        waiting.as_mut().poll(cx)
    }

    /// What was waited for has come.
    fn stop(&mut self) {
        self.waiting = None;
    }
}

impl PromptBody {
    pub(super) fn new(body: Incoming, patience: Duration) -> Self {
        Self {
            body,
            clock: Clock::new(patience),
        }
    }
}

impl Body for PromptBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.clock.stop();
            return Poll::Ready(frame.map(|frame| Ok(frame?)));
        }
        ready!(self.clock.poll_over(cx));
        Poll::Ready(Some(Err(BodyError::Slow(self.clock.patience))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<Io> PromptIo<Io> {
    pub(super) fn new(io: Io, patience: Duration) -> Self {
        Self {
            io,
            clock: Clock::new(patience),
        }
    }

    fn in_time<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.clock.stop();
            return written;
        }
        ready!(self.clock.poll_over(cx));
        let message = "the agent does not take its answer";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, message)))
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for PromptIo<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for PromptIo<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buffer);
        self.in_time(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, buffers);
        self.in_time(cx, written)
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
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::time::Instant;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn whoever_takes_nothing_is_given_up() {
        let begun = Instant::now();
        let (near, _far) = duplex(16);
        let mut io = PromptIo::new(near, PATIENCE);
        let error = io.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed(), PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_takes_little_is_waited_for() {
        let (near, mut far) = duplex(16);
        let reads = async {
            let mut piece = [0; 16];
            for _ in 0..4 {
                sleep(PATIENCE / 2).await;
                far.read_exact(&mut piece).await.unwrap();
            }
        };
        let mut io = PromptIo::new(near, PATIENCE);
        let (written, ()) = tokio::join!(io.write_all(&[0; 64]), reads);
        written.unwrap();
    }
}
