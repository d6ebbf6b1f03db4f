use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::h2::{RawError, RawStream};
use crate::session::StreamPlace;
use crate::{CloseReason, ResetReason, StreamError};

/// What the two halves of a stream, and its session, know of it.
#[derive(Debug)]
pub(crate) struct Shared {
    id: u64,
    /// When the reader last took something, in nanoseconds since the session's start.
    last_read: AtomicU64,
    raw: Mutex<RawStream>,
    place: StreamPlace,
}

impl Shared {
    pub(crate) fn new(place: StreamPlace, raw: RawStream) -> Arc<Self> {
        let core = place.core();
        let id = raw.id();
        let last_read = nanos(core.meter.now());
        let unread = Arc::clone(core);
        let shared = Arc::new(Self {
            id,
            last_read: last_read.into(),
            raw: raw.into(),
            place,
        });
        unread.unread.insert(id, Arc::downgrade(&shared));
        shared
    }

    pub(crate) fn poll_chunk(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamError>> {
        let polled = self.raw().poll_chunk(cx);
        if polled.is_ready() {
            self.last_read
                .store(nanos(self.place.core().meter.now()), Relaxed);
        }
        polled.map_err(|error| self.error(error))
    }

    /// Waits until some of `wanted` bytes may be sent; how many.
    pub(super) fn poll_capacity(
        &self,
        cx: &mut Context<'_>,
        wanted: usize,
    ) -> Poll<Result<usize, StreamError>> {
        self.raw()
            .poll_capacity(cx, wanted)
            .map_err(|error| self.error(error))
    }

    /// Waits until one end has reset the stream or the session is over.
    pub(super) fn poll_reset(&self, cx: &mut Context<'_>) -> Poll<StreamError> {
        self.raw().poll_reset(cx).map(|error| self.error(error))
    }

    pub(crate) fn send(&self, data: Bytes) -> Result<(), StreamError> {
        self.raw().send(data).map_err(|error| self.error(error))
    }

    pub(crate) fn finish(&self) -> Result<(), StreamError> {
        self.raw().finish().map_err(|error| self.error(error))
    }

    pub(crate) fn reset(&self, reason: ResetReason) {
        self.raw().reset(reason);
    }

    /// The write half is gone: unless it was finished, the stream is cancelled.
    pub(super) fn drop_write(&self) {
        let mut raw = self.raw();
        if raw.sends() {
            raw.reset(ResetReason::Cancelled);
        }
    }

    /// The read half is gone before its end: the stream is cancelled, after
    /// what was written before a finish has been sent.
    pub(crate) fn drop_read(&self) {
        let mut raw = self.raw();
        if raw.sends() {
            raw.reset(ResetReason::Cancelled);
        } else {
            raw.stop_receiving();
        }
    }

    /// Bytes that have arrived and wait to be read.
    pub(crate) fn unread(&self) -> usize {
        self.raw().unread()
    }

    /// When the reader last took something, in nanoseconds since the session's start.
    pub(crate) fn last_read(&self) -> u64 {
        self.last_read.load(Relaxed)
    }

    fn error(&self, error: RawError) -> StreamError {
        match error {
            RawError::Finished => StreamError::Finished,
            RawError::Link(detail) => StreamError::Closed(
                self.place
                    .core()
                    .close_reason(|| CloseReason::LinkLost(detail)),
            ),
            RawError::Reset(reason) => StreamError::Reset(reason),
        }
    }

    /// No code panics while it holds this lock.
    fn raw(&self) -> MutexGuard<'_, RawStream> {
        self.raw.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let raw = self.raw.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(unwritten) = raw.take_unwritten() {
            self.place.core().linger(unwritten);
        }
        self.place.core().unread.remove(self.id);
    }
}

fn nanos(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
