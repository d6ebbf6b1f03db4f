use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Counts a connection's bytes and notes when it was last heard.
#[derive(Debug)]
pub(crate) struct Meter {
    start: Instant,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    /// Nanoseconds since `start`; they last for 584 years.
    heard: AtomicU64,
    /// Bytes received at which `wake` is told.
    alarm: AtomicU64,
    /// Tells the driver that a drain, a close, a stream's end, a grant or the alarm is to be looked at.
    pub(crate) wake: Notify,
}

/// A connection with a [`Meter`].
#[derive(Debug)]
pub(crate) struct Metered<IO> {
    io: IO,
    meter: Arc<Meter>,
}

impl Meter {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            heard: AtomicU64::new(0),
            alarm: AtomicU64::new(u64::MAX),
            wake: Notify::new(),
        })
    }

    /// The time as durations since the connection's start.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// The instant that is `at` after the connection's start.
    pub(crate) fn instant(&self, at: Duration) -> Instant {
        self.start + at
    }

    /// When the last byte came from the peer.
    pub(crate) fn heard(&self) -> Duration {
        Duration::from_nanos(self.heard.load(Relaxed))
    }

    pub(crate) fn bytes_in(&self) -> u64 {
        self.bytes_in.load(Relaxed)
    }

    pub(crate) fn bytes_out(&self) -> u64 {
        self.bytes_out.load(Relaxed)
    }

    /// Wakes the driver when `more` bytes have come.
    pub(crate) fn set_alarm(&self, more: u64) {
        self.alarm.store(self.bytes_in() + more.max(1), Relaxed);
    }

    /// Whether the bytes of the last alarm have come.
    pub(crate) fn alarmed(&self) -> bool {
        self.bytes_in() >= self.alarm.load(Relaxed)
    }

    /// Notes the bytes that a carrier has counted itself.
    pub(crate) fn set_bytes(&self, received: u64, sent: u64) {
        if self.bytes_in.fetch_max(received, Relaxed) < received {
            self.note_heard();
        }
        self.bytes_out.fetch_max(sent, Relaxed);
    }

    fn received(&self, bytes: usize) {
        let before = self.bytes_in.fetch_add(bytes as u64, Relaxed);
        let alarm = self.alarm.load(Relaxed);
        if before < alarm && alarm <= before + bytes as u64 {
            self.wake.notify_one();
        }
        self.note_heard();
    }

    fn note_heard(&self) {
        let now = u64::try_from(self.now().as_nanos()).unwrap_or(u64::MAX);
        self.heard.store(now, Relaxed);
    }

    fn sent(&self, bytes: usize) {
        self.bytes_out.fetch_add(bytes as u64, Relaxed);
    }
}

impl<IO> Metered<IO> {
    pub(crate) fn new(io: IO, meter: Arc<Meter>) -> Self {
        Self { io, meter }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Metered<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        self.meter.received(buf.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Metered<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, buf))?;
        self.meter.sent(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, bufs))?;
        self.meter.sent(written);
        Poll::Ready(Ok(written))
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
