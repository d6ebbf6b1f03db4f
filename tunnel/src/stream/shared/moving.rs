//! How a stream goes from one link to another.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use proto::{Answer, Message as _, StreamLimit};
use tokio::time::Instant;

use super::super::passage::{Carried, Former, Passage};
use super::{Shared, State, nanos};
use crate::ResetReason;
use crate::carrier::RawStream;
use crate::link::{Core, StreamPlace};

/// A stream that has moved does not move again for so long; nor before all has
/// come from where it was.
const SETTLED: Duration = Duration::from_secs(1);

impl Shared {
    /// Begins the way to another link, unless it has ended, has just moved, or
    /// is on its way; tells where it is.
    pub(crate) fn ask_passage(&self) -> Option<(Arc<Core>, u64)> {
        let mut state = self.state();
        let settled = state.moved.is_none_or(|at| at.elapsed() >= SETTLED);
        if !settled || !state.may_move() {
            return None;
        }
        state.passage = Passage::Asked(None);
        Some((Arc::clone(state.at.core()), state.at.id))
    }

    /// The peer has taken it up on the new link, where `front` came behind its answer.
    pub(crate) fn arrive(self: &Arc<Self>, raw: RawStream, place: StreamPlace, front: Bytes) {
        let mut state = self.state();
        let wakers = [state.passage.take_reader(), state.writer.take()];
        self.settle(&mut state, Carried::new(raw, place), front);
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// It stays where it is.
    pub(crate) fn stay(&self) {
        let mut state = self.state();
        let reader = state.passage.take_reader();
        state.passage = Passage::None;
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// It may be at the one link or the other: nobody can tell.
    pub(crate) fn lose_way(&self) {
        if self.state().passage.is_asked() {
            self.reset(ResetReason::Unknown);
            self.stay();
        }
    }

    /// Takes it up where the hub has moved it, behind which `front` came.
    pub(crate) fn follow(
        self: &Arc<Self>,
        mut raw: RawStream,
        place: StreamPlace,
        front: Bytes,
    ) -> Result<(), RawStream> {
        let mut state = self.state();
        if !state.may_move() || raw.send(Answer::Opened.encode()).is_err() {
            return Err(raw);
        }
        let writer = state.writer.take();
        self.settle(&mut state, Carried::new(raw, place), front);
        drop(state);
        if let Some(writer) = writer {
            writer.wake();
        }
        Ok(())
    }

    /// Goes on at `at`, and finishes where it was.
    fn settle(self: &Arc<Self>, state: &mut State, mut at: Carried, front: Bytes) {
        let growth = state.receive_window.growth();
        state.at.core().note_growth(growth, 0);
        at.core().note_growth(0, growth);
        self.last_read.store(nanos(at.core().meter.now()), Relaxed);
        state.at.core().unread.leave(state.at.id);
        at.core().unread.insert(at.id, Arc::downgrade(self));
        if state.at.raw.sends() {
            // Whoever reads the old one there hears how it has failed.
            let _ = state.at.raw.finish();
        } else {
            let _ = at.raw.finish();
        }
        if state.unheard {
            at.raw.stop_receiving();
        }
        if let Some(reason) = state.reset {
            at.raw.reset(reason);
        }
        // What was granted on the link it leaves may come there when nobody
        // knows the stream any more.
        at.core().grant(StreamLimit {
            stream: at.id,
            limit: state.receive_window.limit(),
        });
        let at = std::mem::replace(&mut state.at, at);
        state.passage = Passage::Read(Box::new(Former { at, front }));
        state.moved = Some(Instant::now());
    }
}

impl State {
    /// Whether it is alive and nothing of an earlier move is left.
    fn may_move(&self) -> bool {
        matches!(self.passage, Passage::None)
            && self.reset.is_none()
            && !self.unheard
            && !self.at.core().is_over()
    }
}
