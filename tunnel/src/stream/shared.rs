use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use proto::{ReceiveWindow, RefusalReason, SendWindow, StreamLimit, Target};

use super::StreamInfo;
use super::info::About;
use crate::carrier::{RawError, RawStream};
use crate::link::StreamPlace;
use crate::{ResetReason, StreamError};

/// What the two halves of a stream, and its link, know of it.
#[derive(Debug)]
pub(crate) struct Shared {
    id: u64,
    /// When the reader last took something, in nanoseconds since the link's start.
    last_read: AtomicU64,
    about: About,
    /// Since the link's start, in nanoseconds.
    opened: u64,
    received: AtomicU64,
    sent: AtomicU64,
    /// How many of them the last count has seen.
    counted: AtomicU64,
    /// Whether a reset has been counted.
    reset_noted: AtomicBool,
    state: Mutex<State>,
    place: StreamPlace,
}

#[derive(Debug)]
struct State {
    raw: RawStream,
    receive_window: ReceiveWindow,
    send_window: SendWindow,
    /// Waits for the peer to grant more.
    writer: Option<Waker>,
}

impl Shared {
    /// The stream that `raw` carries, on which this end has sent `sent` bytes.
    pub(crate) fn new(place: StreamPlace, raw: RawStream, sent: usize) -> Arc<Self> {
        let core = Arc::clone(place.core());
        let id = raw.id();
        let now = core.meter.now();
        let state = State {
            raw,
            receive_window: ReceiveWindow::new(core.config.max_stream_window, now),
            send_window: SendWindow::new(sent),
            writer: None,
        };
        let last_read = nanos(now).into();
        let shared = Arc::new(Self {
            id,
            last_read,
            about: About::default(),
            opened: nanos(now),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            counted: AtomicU64::new(0),
            reset_noted: AtomicBool::new(false),
            state: state.into(),
            place,
        });
        core.unread.insert(id, Arc::downgrade(&shared));
        shared
    }

    pub(crate) fn poll_chunk(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamError>> {
        let mut state = self.state();
        let polled = ready!(state.raw.poll_chunk(cx));
        let now = self.place.core().meter.now();
        self.last_read.store(nanos(now), Relaxed);
        if let Ok(Some(chunk)) = &polled {
            self.received.fetch_add(chunk.len() as u64, Relaxed);
            let unread = state.raw.unread();
            let core = self.place.core();
            let window = &mut state.receive_window;
            let before = window.growth();
            let limit = window.read(chunk.len(), unread, core.growth_room(), now);
            core.note_growth(before, window.growth());
            if let Some(limit) = limit {
                core.grant(StreamLimit {
                    stream: self.id,
                    limit,
                });
            }
        }
        drop(state);
        Poll::Ready(polled.map_err(|error| self.error(error)))
    }

    /// Waits until some of `wanted` bytes may be sent; how many.
    pub(super) fn poll_capacity(
        &self,
        cx: &mut Context<'_>,
        wanted: usize,
    ) -> Poll<Result<usize, StreamError>> {
        let mut state = self.state();
        let wanted = wanted.min(state.send_window.available());
        let polled = if wanted > 0 {
            state
                .raw
                .poll_capacity(cx, wanted)
                .map_ok(|granted| granted.min(wanted))
        } else if state.raw.sends() {
            state.writer = Some(cx.waker().clone());
            state.raw.poll_reset(cx).map(Err)
        } else {
            // It tells why nothing more may be sent.
            Poll::Ready(state.raw.send(Bytes::new()).map(|()| 0))
        };
        drop(state);
        polled.map_err(|error| self.error(error))
    }

    /// The peer lets this end send up to `limit`.
    pub(crate) fn grant(&self, limit: u64) {
        let mut state = self.state();
        if state.send_window.grant(limit)
            && let Some(writer) = state.writer.take()
        {
            drop(state);
            writer.wake();
        }
    }

    /// Waits until one end has reset the stream or the link is over.
    pub(super) fn poll_reset(&self, cx: &mut Context<'_>) -> Poll<StreamError> {
        let polled = self.state().raw.poll_reset(cx);
        polled.map(|error| self.error(error))
    }

    pub(crate) fn send(&self, data: Bytes) -> Result<(), StreamError> {
        let mut state = self.state();
        state.send_window.send(data.len());
        self.sent.fetch_add(data.len() as u64, Relaxed);
        let sent = state.raw.send(data);
        drop(state);
        sent.map_err(|error| self.error(error))
    }

    pub(crate) fn finish(&self) -> Result<(), StreamError> {
        let finished = self.state().raw.finish();
        finished.map_err(|error| self.error(error))
    }

    pub(crate) fn reset(&self, reason: ResetReason) {
        self.note_reset(reason);
        let mut state = self.state();
        state.raw.reset(reason);
        let writer = state.writer.take();
        drop(state);
        if let Some(writer) = writer {
            writer.wake();
        }
    }

    /// The write half is gone: unless it was finished, the stream is cancelled.
    pub(super) fn drop_write(&self) {
        if self.state().raw.sends() {
            self.reset(ResetReason::Cancelled);
        }
    }

    /// The read half is gone before its end: the stream is cancelled, after
    /// what was written before a finish has been sent.
    pub(crate) fn drop_read(&self) {
        let mut state = self.state();
        if !state.raw.sends() {
            state.raw.stop_receiving();
            return;
        }
        drop(state);
        self.reset(ResetReason::Cancelled);
    }

    /// Bytes that have arrived and wait to be read.
    pub(crate) fn unread(&self) -> usize {
        self.state().raw.unread()
    }

    /// What the stream is for, as its header says.
    pub(crate) fn set_target(&self, target: Target) {
        let _ = self.about.target.set(target);
    }

    /// This end has refused it.
    pub(crate) fn set_refused(&self, reason: RefusalReason) {
        let _ = self.about.refused.set(reason);
    }

    pub(super) fn set_user(&self, user: &str) {
        let _ = self.about.user.set(user.into());
    }

    pub(crate) fn info(&self) -> StreamInfo {
        let now = nanos(self.place.core().meter.now());
        StreamInfo {
            id: self.id,
            target: self.about.target.get().cloned(),
            user: self.about.user.get().cloned(),
            refused: self.about.refused.get().copied(),
            age: Duration::from_nanos(now.saturating_sub(self.opened)),
            received: self.received.load(Relaxed),
            sent: self.sent.load(Relaxed),
            unread: self.unread(),
        }
    }

    /// Bytes moved in both directions since this was last asked.
    pub(crate) fn moved_since_count(&self) -> u64 {
        let moved = self.received.load(Relaxed) + self.sent.load(Relaxed);
        moved - self.counted.swap(moved, Relaxed)
    }

    /// When it was opened, in nanoseconds since the link's start.
    pub(crate) fn opened(&self) -> u64 {
        self.opened
    }

    /// When the reader last took something, in nanoseconds since the link's start.
    pub(crate) fn last_read(&self) -> u64 {
        self.last_read.load(Relaxed)
    }

    fn error(&self, error: RawError) -> StreamError {
        let error = error.on(self.place.core());
        if let StreamError::Reset(reason) = &error {
            self.note_reset(*reason);
        }
        error
    }

    /// Counts a reset once, whoever notices it first.
    fn note_reset(&self, reason: ResetReason) {
        let core = self.place.core();
        if !core.is_over() && !self.reset_noted.swap(true, Relaxed) {
            core.config.counters.note_reset(reason);
        }
    }

    /// No code panics while it holds this lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(unwritten) = state.raw.take_unwritten() {
            self.place.core().linger(unwritten);
        }
        let core = self.place.core();
        core.note_growth(state.receive_window.growth(), 0);
        core.unread.remove(self.id);
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
