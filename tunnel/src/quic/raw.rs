use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use quinn::{RecvStream, SendStream};

use super::receiving::Receiving;
use super::sending::Sending;
use super::wakers::Wakers;
use crate::ResetReason;
use crate::carrier::RawError;

/// Both directions of one QUIC stream.
#[derive(Debug)]
pub(crate) struct RawStream {
    /// `None` when somebody else sees to its end.
    sending: Option<Sending>,
    receiving: Receiving,
    wakers: Arc<Wakers>,
    /// All of `wakers`.
    waker: Waker,
}

/// The sending half of a finished stream.
#[derive(Debug)]
pub(crate) struct Unwritten(Sending);

impl RawStream {
    /// A stream that reads at most `max_held` bytes ahead of its reader.
    pub(super) fn new((send, recv): (SendStream, RecvStream), max_held: usize) -> Self {
        let (wakers, waker) = Wakers::new();
        Self {
            sending: Some(Sending::new(send)),
            receiving: Receiving::new(recv, max_held),
            wakers,
            waker,
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.sending.as_ref().map_or(0, Sending::id)
    }

    pub(crate) fn sends(&self) -> bool {
        self.sending.as_ref().is_some_and(Sending::sends)
    }

    pub(crate) fn poll_chunk(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, RawError>> {
        if let Some(sending) = &mut self.sending {
            if let Some(reason) = sending.reset_for() {
                return Poll::Ready(Err(RawError::Reset(reason)));
            }
            sending.flush(&self.waker);
        }
        self.wakers.reader.register(cx.waker());
        self.receiving.poll_chunk(&self.waker)
    }

    pub(crate) fn poll_capacity(
        &mut self,
        cx: &mut Context<'_>,
        wanted: usize,
    ) -> Poll<Result<usize, RawError>> {
        let Some(sending) = &mut self.sending else {
            return Poll::Ready(Err(RawError::Finished));
        };
        self.wakers.writer.register(cx.waker());
        sending.poll_ready(&self.waker).map_ok(|()| wanted)
    }

    pub(crate) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<RawError> {
        let Some(sending) = &mut self.sending else {
            return Poll::Ready(RawError::Finished);
        };
        if let Some(reason) = sending.reset_for() {
            return Poll::Ready(RawError::Reset(reason));
        }
        self.wakers.writer.register(cx.waker());
        if let Poll::Ready(Err(error)) = sending.poll_stopped(&self.waker) {
            return Poll::Ready(error);
        }
        // A direction that this end has finished tells nothing more.
        self.receiving.read_ahead(&self.waker);
        self.receiving.failed().map_or(Poll::Pending, Poll::Ready)
    }

    pub(crate) fn send(&mut self, data: Bytes) -> Result<(), RawError> {
        let waker = &self.waker;
        let sending = self.sending.as_mut().ok_or(RawError::Finished)?;
        sending.send(data, waker)
    }

    pub(crate) fn finish(&mut self) -> Result<(), RawError> {
        let waker = &self.waker;
        let sending = self.sending.as_mut().ok_or(RawError::Finished)?;
        sending.finish(waker)
    }

    pub(crate) fn reset(&mut self, reason: ResetReason) {
        if let Some(sending) = &mut self.sending {
            if sending.reset_for().is_some() {
                return;
            }
            sending.reset(reason);
        }
        self.receiving.stop(reason);
        self.waker.wake_by_ref();
    }

    pub(crate) fn stop_receiving(&mut self) {
        self.receiving.stop(ResetReason::Cancelled);
    }

    pub(crate) fn unread(&mut self) -> usize {
        self.receiving.read_ahead(&self.waker);
        self.receiving.held()
    }

    pub(crate) fn take_unwritten(&mut self) -> Option<Unwritten> {
        let mut sending = self
            .sending
            .take_if(|sending| !sending.sends() && sending.reset_for().is_none())?;
        match sending.poll_stopped(Waker::noop()) {
            Poll::Ready(_) => None,
            Poll::Pending => Some(Unwritten(sending)),
        }
    }
}

impl Future for Unwritten {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Stopped or lost, nothing more goes out either.
        self.0.poll_stopped(cx.waker()).map(drop)
    }
}
