use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use quinn::{ReadError, RecvStream};

use super::code;
use crate::carrier::RawError;
use crate::{CloseReason, ResetReason};

/// The peer's direction of a stream, with what was read ahead of its reader:
/// the library does not tell how much has arrived.
#[derive(Debug)]
pub(super) struct Receiving {
    stream: RecvStream,
    held: VecDeque<Bytes>,
    held_bytes: usize,
    /// Bytes that are read ahead at most; the rest is left to QUIC's own window.
    max_held: usize,
    end: Option<End>,
}

#[derive(Debug)]
enum End {
    Clean,
    Failed(RawError),
    /// Nobody reads any more.
    Stopped,
}

/// Pieces taken at once; they are a packet's size, and joined.
const PIECES: usize = 32;

impl Receiving {
    pub(super) fn new(stream: RecvStream, max_held: usize) -> Self {
        Self {
            stream,
            held: VecDeque::new(),
            held_bytes: 0,
            max_held,
            end: None,
        }
    }

    /// Takes what has arrived; `waker` is told of more.
    pub(super) fn read_ahead(&mut self, waker: &Waker) {
        let mut cx = Context::from_waker(waker);
        while self.end.is_none() && self.held_bytes < self.max_held {
            let mut pieces = [const { Bytes::new() }; PIECES];
            let read = pin!(self.stream.read_chunks(&mut pieces)).poll(&mut cx);
            match read {
                Poll::Ready(Ok(Some(count))) => self.hold(&mut pieces[..count]),
                Poll::Ready(Ok(None)) => self.end = Some(End::Clean),
                Poll::Ready(Err(error)) => self.end = Some(End::Failed(failure(&error))),
                Poll::Pending => return,
            }
        }
    }

    /// What has come next, `None` at the clean end.
    pub(super) fn poll_chunk(&mut self, waker: &Waker) -> Poll<Result<Option<Bytes>, RawError>> {
        if self.held.is_empty() {
            self.read_ahead(waker);
        }
        if let Some(chunk) = self.held.pop_front() {
            self.held_bytes -= chunk.len();
            return Poll::Ready(Ok(Some(chunk)));
        }
        match &self.end {
            Some(End::Clean) => Poll::Ready(Ok(None)),
            Some(End::Failed(error)) => Poll::Ready(Err(error.clone())),
            Some(End::Stopped) => Poll::Ready(Err(RawError::Reset(ResetReason::Cancelled))),
            None => Poll::Pending,
        }
    }

    /// Why nothing more comes, if the direction has failed.
    pub(super) fn failed(&self) -> Option<RawError> {
        match &self.end {
            Some(End::Failed(error)) => Some(error.clone()),
            Some(End::Clean | End::Stopped) | None => None,
        }
    }

    /// Bytes that are read ahead.
    pub(super) fn held(&self) -> usize {
        self.held_bytes
    }

    /// Frees what has arrived and refuses the rest.
    pub(super) fn stop(&mut self, reason: ResetReason) {
        if self.end.is_none() {
            // It fails only where the peer has ended the direction.
            let _ = self.stream.stop(code::of_reset(reason));
        }
        self.end = Some(End::Stopped);
        self.held = VecDeque::new();
        self.held_bytes = 0;
    }

    fn hold(&mut self, pieces: &mut [Bytes]) {
        let chunk = match pieces {
            [piece] => std::mem::take(piece),
            pieces => {
                let mut joined = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
                for piece in pieces {
                    joined.extend_from_slice(piece);
                }
                joined.freeze()
            }
        };
        self.held_bytes += chunk.len();
        self.held.push_back(chunk);
    }
}

fn failure(error: &ReadError) -> RawError {
    match error {
        ReadError::Reset(code) => RawError::Reset(code::reset(*code)),
        ReadError::ConnectionLost(error) => RawError::Link(code::close_reason(error)),
        ReadError::ClosedStream | ReadError::IllegalOrderedRead | ReadError::ZeroRttRejected => {
            RawError::Link(CloseReason::LinkLost(error.to_string().into()))
        }
    }
}
