use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use proto::{ReceiveWindow, RefusalReason, SendWindow, StreamLimit, Target};
use tokio::time::Instant;

use super::StreamInfo;
use super::info::About;
use super::passage::{Carried, Passage};
use crate::carrier::RawStream;
use crate::link::StreamPlace;
use crate::{ResetReason, StreamError};

mod moving;

/// What the two halves of a stream, and its link, know of it.
#[derive(Debug)]
pub(crate) struct Shared {
    /// When the reader last took something, in nanoseconds since the link's start.
    last_read: AtomicU64,
    about: About,
    opened: Instant,
    received: AtomicU64,
    sent: AtomicU64,
    /// How many of them the last count has seen.
    counted: AtomicU64,
    /// Whether they were many.
    bulk: AtomicBool,
    /// Whether a reset has been counted.
    reset_noted: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// What carries it; while it is on its way, what this end sends.
    at: Carried,
    passage: Passage,
    receive_window: ReceiveWindow,
    send_window: SendWindow,
    /// This end's reset.
    reset: Option<ResetReason>,
    /// Whether nobody reads any more.
    unheard: bool,
    /// Waits for the peer to grant more, or for the carrier, or for a reset.
    writer: Option<Waker>,
    /// Whether there is more to send than the carrier takes now; the peer would.
    held_up: bool,
    moved: Option<Instant>,
}

impl Shared {
    /// The stream that `raw` carries, on which this end has sent `sent` bytes.
    pub(crate) fn new(place: StreamPlace, raw: RawStream, sent: usize) -> Arc<Self> {
        let core = Arc::clone(place.core());
        let at = Carried::new(raw, place);
        let id = at.id;
        let now = core.meter.now();
        let state = State {
            at,
            passage: Passage::None,
            receive_window: ReceiveWindow::new(core.config.max_stream_window, now),
            send_window: SendWindow::new(sent),
            reset: None,
            unheard: false,
            writer: None,
            held_up: false,
            moved: None,
        };
        let last_read = nanos(now).into();
        let shared = Arc::new(Self {
            last_read,
            about: About::default(),
            opened: Instant::now(),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            counted: AtomicU64::new(0),
            bulk: AtomicBool::new(false),
            reset_noted: AtomicBool::new(false),
            state: state.into(),
        });
        core.unread.insert(id, Arc::downgrade(&shared));
        shared
    }

    pub(crate) fn poll_chunk(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamError>> {
        let mut guard = self.state();
        let state = &mut *guard;
        let polled = ready!(state.poll_chunk(cx));
        let now = state.at.core().meter.now();
        self.last_read.store(nanos(now), Relaxed);
        if let Ok(Some(chunk)) = &polled {
            self.received.fetch_add(chunk.len() as u64, Relaxed);
            let unread = state.unread();
            let core = state.at.core();
            let window = &mut state.receive_window;
            let before = window.growth();
            let limit = window.read(chunk.len(), unread, core.growth_room(), now);
            core.note_growth(before, window.growth());
            if let Some(limit) = limit {
                core.grant(StreamLimit {
                    stream: state.at.id,
                    limit,
                });
            }
        }
        drop(guard);
        Poll::Ready(self.noted(polled))
    }

    /// Waits until some of `wanted` bytes may be sent; how many.
    pub(super) fn poll_capacity(
        &self,
        cx: &mut Context<'_>,
        wanted: usize,
    ) -> Poll<Result<usize, StreamError>> {
        let mut state = self.state();
        let wanted = wanted.min(state.send_window.available());
        let raw = &mut state.at.raw;
        let polled = if wanted > 0 {
            raw.poll_capacity(cx, wanted)
                .map_ok(|granted| granted.min(wanted))
        } else if raw.sends() {
            raw.poll_reset(cx).map(Err)
        } else {
            // It tells why nothing more may be sent.
            Poll::Ready(raw.send(Bytes::new()).map(|()| 0))
        };
        state.held_up = wanted > 0 && polled.is_pending();
        if polled.is_pending() {
            state.note_writer(cx);
        }
        let polled = polled.map_err(|error| state.at.error(error));
        drop(state);
        polled.map(|polled| self.noted(polled))
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
        let mut state = self.state();
        let polled = state.poll_reset(cx);
        if polled.is_pending() {
            state.note_writer(cx);
        }
        drop(state);
        polled.map(|error| {
            self.note(&error);
            error
        })
    }

    pub(crate) fn send(&self, data: Bytes) -> Result<(), StreamError> {
        let mut state = self.state();
        state.send_window.send(data.len());
        self.sent.fetch_add(data.len() as u64, Relaxed);
        let sent = state.at.raw.send(data);
        let sent = sent.map_err(|error| state.at.error(error));
        drop(state);
        self.noted(sent)
    }

    pub(crate) fn finish(&self) -> Result<(), StreamError> {
        let mut state = self.state();
        let finished = state.at.raw.finish();
        let finished = finished.map_err(|error| state.at.error(error));
        drop(state);
        self.noted(finished)
    }

    pub(crate) fn reset(&self, reason: ResetReason) {
        self.note_reset(reason);
        let mut state = self.state();
        state.reset.get_or_insert(reason);
        state.at.raw.reset(reason);
        let reader = state.passage.reset(reason);
        let writer = state.writer.take();
        drop(state);
        for waiting in [reader, writer].into_iter().flatten() {
            waiting.wake();
        }
    }

    /// The write half is gone: unless it was finished, the stream is cancelled.
    pub(super) fn drop_write(&self) {
        if self.state().at.raw.sends() {
            self.reset(ResetReason::Cancelled);
        }
    }

    /// The read half is gone before its end: the stream is cancelled, after
    /// what was written before a finish has been sent.
    pub(crate) fn drop_read(&self) {
        let mut state = self.state();
        if !state.at.raw.sends() {
            state.unheard = true;
            state.at.raw.stop_receiving();
            state.passage.stop_receiving();
            return;
        }
        drop(state);
        self.reset(ResetReason::Cancelled);
    }

    /// Bytes that have arrived and wait to be read.
    pub(crate) fn unread(&self) -> usize {
        self.state().unread()
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
        let mut state = self.state();
        let (id, unread) = (state.at.id, state.unread());
        drop(state);
        StreamInfo {
            id,
            target: self.about.target.get().cloned(),
            user: self.about.user.get().cloned(),
            refused: self.about.refused.get().copied(),
            age: self.opened.elapsed(),
            received: self.received.load(Relaxed),
            sent: self.sent.load(Relaxed),
            unread,
        }
    }

    /// Whether it has moved more than `much` bytes, in both directions, since
    /// the last count, or had by then, or would have if it could. A new count
    /// begins if `counts`.
    pub(crate) fn is_bulk(&self, much: u64, counts: bool) -> bool {
        let moved = self.received.load(Relaxed) + self.sent.load(Relaxed);
        // Where many share a slow connection, some get little of it.
        let now = moved - self.counted.load(Relaxed) > much || self.state().held_up;
        if counts {
            self.counted.store(moved, Relaxed);
            self.bulk.store(now, Relaxed);
        } else if now {
            self.bulk.store(true, Relaxed);
        }
        self.bulk.load(Relaxed)
    }

    /// When it was opened.
    pub(crate) fn opened(&self) -> Instant {
        self.opened
    }

    /// When the reader last took something, in nanoseconds since the link's start.
    pub(crate) fn last_read(&self) -> u64 {
        self.last_read.load(Relaxed)
    }

    fn noted<T>(&self, result: Result<T, StreamError>) -> Result<T, StreamError> {
        if let Err(error) = &result {
            self.note(error);
        }
        result
    }

    fn note(&self, error: &StreamError) {
        if let StreamError::Reset(reason) = error {
            self.note_reset(*reason);
        }
    }

    /// Counts a reset once, whoever notices it first.
    fn note_reset(&self, reason: ResetReason) {
        let core = Arc::clone(self.state().at.core());
        if !core.is_over() && !self.reset_noted.swap(true, Relaxed) {
            core.config.counters.note_reset(reason);
        }
    }

    /// No code panics while it holds this lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What has come next, wherever it comes from.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamError>> {
        if let Some(chunk) = ready!(self.passage.poll_former(cx)) {
            return Poll::Ready(chunk.map(Some));
        }
        let polled = ready!(self.at.raw.poll_chunk(cx));
        if let Ok(None) = polled
            && self.passage.is_asked()
        {
            // Whether this is the stream's end, the peer's answer tells.
            self.passage.note_reader(cx);
            return Poll::Pending;
        }
        Poll::Ready(polled.map_err(|error| self.at.error(error)))
    }

    fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        if let Poll::Ready(error) = self.passage.poll_reset(cx) {
            return Poll::Ready(error);
        }
        let polled = self.at.raw.poll_reset(cx);
        polled.map(|error| self.at.error(error))
    }

    fn unread(&mut self) -> usize {
        self.passage.unread() + self.at.raw.unread()
    }

    fn note_writer(&mut self, cx: &Context<'_>) {
        match &mut self.writer {
            Some(writer) => writer.clone_from(cx.waker()),
            None => self.writer = Some(cx.waker().clone()),
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        state.passage.leave();
        state.at.leave();
        let core = state.at.core();
        core.note_growth(state.receive_window.growth(), 0);
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
