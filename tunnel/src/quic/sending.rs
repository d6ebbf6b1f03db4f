use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use quinn::{SendStream, StoppedError, VarInt, WriteError};
use tokio::time::Instant;

use super::code;
use crate::carrier::RawError;
use crate::{CloseReason, ResetReason};

/// This end's direction of a stream.
///
/// Dropped before its finish, it is reset: the library would finish it.
pub(super) struct Sending {
    stream: SendStream,
    /// What the connection has not taken yet. It goes out when anybody polls
    /// the stream; no more is accepted meanwhile than a few small messages.
    rest: Bytes,
    phase: Phase,
    failed: Option<RawError>,
    stopped: Stopped,
    burst: Burst,
}

/// What a stream has sent without a pause.
#[derive(Debug)]
struct Burst {
    bytes: usize,
    last: Instant,
}

/// How far this end's direction is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// All is given to the connection, the end too.
    Finished,
    /// The end goes out behind the rest.
    Finishing,
    Reset(ResetReason),
    Sends,
}

/// What the peer does about this direction.
enum Stopped {
    /// Nobody has asked.
    Unasked,
    Asked(Pin<Box<dyn Future<Output = Result<Option<VarInt>, StoppedError>> + Send + Sync>>),
    /// It has all of it.
    Acknowledged,
    Failed(RawError),
}

/// A stream that has sent more than this, in bytes, without such a pause is in bulk.
const SMALL: usize = 64 * 1024;
const PAUSE: Duration = Duration::from_millis(100);
/// The priority of bulk; the control stream has one above all others.
const BULK: i32 = -1;

/// Messages that wait while the connection takes nothing, in bytes.
const MAX_REST: usize = 1024 * 1024;

impl Sending {
    pub(super) fn new(stream: SendStream) -> Self {
        Self {
            stream,
            rest: Bytes::new(),
            phase: Phase::Sends,
            failed: None,
            stopped: Stopped::Unasked,
            burst: Burst {
                bytes: 0,
                last: Instant::now(),
            },
        }
    }

    pub(super) fn id(&self) -> u64 {
        VarInt::from(self.stream.id()).into_inner()
    }

    /// Whether this end has neither finished nor reset.
    pub(super) fn sends(&self) -> bool {
        self.phase == Phase::Sends
    }

    /// Why this end has reset the stream, if it has.
    pub(super) fn reset_for(&self) -> Option<ResetReason> {
        match self.phase {
            Phase::Reset(reason) => Some(reason),
            Phase::Finished | Phase::Finishing | Phase::Sends => None,
        }
    }

    /// Whether more can be sent now; if not, `waker` is told when.
    pub(super) fn poll_ready(&mut self, waker: &Waker) -> Poll<Result<(), RawError>> {
        self.check()?;
        self.flush(waker);
        self.check()?;
        if self.rest.is_empty() {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    pub(super) fn send(&mut self, data: Bytes, waker: &Waker) -> Result<(), RawError> {
        self.check()?;
        self.take_turn(data.len());
        if self.rest.is_empty() {
            self.rest = data;
        } else if self.rest.len() + data.len() <= MAX_REST {
            let mut joined = BytesMut::from(&self.rest[..]);
            joined.extend_from_slice(&data);
            self.rest = joined.freeze();
        } else {
            let reason = "the peer takes no messages";
            return Err(RawError::Link(CloseReason::LinkLost(reason.into())));
        }
        self.flush(waker);
        self.check()
    }

    pub(super) fn finish(&mut self, waker: &Waker) -> Result<(), RawError> {
        self.check()?;
        self.phase = Phase::Finishing;
        self.flush(waker);
        Ok(())
    }

    /// Gives the connection what it takes of the rest.
    pub(super) fn flush(&mut self, waker: &Waker) {
        let mut cx = Context::from_waker(waker);
        while !self.rest.is_empty() {
            let rest = std::slice::from_mut(&mut self.rest);
            let written = pin!(self.stream.write_chunks(rest)).poll(&mut cx);
            match written {
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => {
                    self.rest = Bytes::new();
                    self.failed = Some(failure(&error));
                }
                Poll::Pending => return,
            }
        }
        if self.phase == Phase::Finishing {
            // The peer may have stopped it, of which there is nobody to be told.
            let _ = self.stream.finish();
            self.phase = Phase::Finished;
        }
    }

    pub(super) fn reset(&mut self, reason: ResetReason) {
        // It fails where the peer has all of it, which makes it pointless.
        let _ = self.stream.reset(code::of_reset(reason));
        self.rest = Bytes::new();
        self.phase = Phase::Reset(reason);
    }

    /// Waits until the peer has stopped this direction, or has all of it.
    pub(super) fn poll_stopped(&mut self, waker: &Waker) -> Poll<Result<(), RawError>> {
        self.flush(waker);
        if let Stopped::Unasked = self.stopped {
            self.stopped = Stopped::Asked(Box::pin(self.stream.stopped()));
        }
        if let Stopped::Asked(asked) = &mut self.stopped {
            let mut cx = Context::from_waker(waker);
            self.stopped = match asked.as_mut().poll(&mut cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(None)) => Stopped::Acknowledged,
                Poll::Ready(Ok(Some(code))) => Stopped::Failed(RawError::Reset(code::reset(code))),
                Poll::Ready(Err(error)) => Stopped::Failed(stopped_failure(&error)),
            };
        }
        Poll::Ready(match &self.stopped {
            Stopped::Failed(error) => Err(error.clone()),
            Stopped::Acknowledged | Stopped::Asked(_) | Stopped::Unasked => Ok(()),
        })
    }

    /// Lets a stream that sends little go before those in bulk, which a path
    /// that takes less than they have keeps waiting for their turns.
    fn take_turn(&mut self, bytes: usize) {
        let now = Instant::now();
        let before = self.burst.bytes;
        if now - self.burst.last > PAUSE {
            self.burst.bytes = 0;
        }
        self.burst.last = now;
        self.burst.bytes = self.burst.bytes.saturating_add(bytes);
        let (was_bulk, is_bulk) = (before > SMALL, self.burst.bytes > SMALL);
        if was_bulk != is_bulk {
            // It fails only where the stream has ended.
            let _ = self.stream.set_priority(if is_bulk { BULK } else { 0 });
        }
    }

    fn check(&self) -> Result<(), RawError> {
        match self.phase {
            Phase::Finished | Phase::Finishing => Err(RawError::Finished),
            Phase::Reset(reason) => Err(RawError::Reset(reason)),
            Phase::Sends => self.failed.clone().map_or(Ok(()), Err),
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if let Phase::Finishing | Phase::Sends = self.phase {
            self.reset(ResetReason::Cancelled);
        }
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending")
            .field("stream", &self.stream)
            .field("rest", &self.rest.len())
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}

fn failure(error: &WriteError) -> RawError {
    match error {
        WriteError::Stopped(code) => RawError::Reset(code::reset(*code)),
        WriteError::ConnectionLost(error) => RawError::Link(code::close_reason(error)),
        WriteError::ClosedStream | WriteError::ZeroRttRejected => {
            RawError::Link(CloseReason::LinkLost(error.to_string().into()))
        }
    }
}

fn stopped_failure(error: &StoppedError) -> RawError {
    RawError::Link(match error {
        StoppedError::ConnectionLost(error) => code::close_reason(error),
        StoppedError::ZeroRttRejected => CloseReason::LinkLost(error.to_string().into()),
    })
}
