//! What the rest of the crate sees of a carrier, whichever it is.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;

mod control;
mod duties;

pub(crate) use control::{ControlStream, ended};
pub(crate) use duties::{Duties, End};

use crate::link::{Core, Packets};
use crate::meter::Meter;
use crate::{CloseReason, OpenError, ResetReason, StreamError, h2, quic};

/// What carries a link.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Carrier {
    /// HTTP/2 over TLS over TCP.
    H2,
    /// QUIC over UDP.
    Quic,
}

/// How this end opens streams, and what else it knows of its connection.
#[derive(Debug)]
pub(crate) enum Opener {
    H2(h2::Opener),
    Quic(quic::Opener),
}

/// Both directions of one of the carrier's streams.
#[derive(Debug)]
pub(crate) enum RawStream {
    H2(h2::RawStream),
    Quic(Box<quic::RawStream>),
}

/// A finished stream of which some is still on its way. It resolves when all
/// has gone out; dropped earlier, the rest is lost.
#[derive(Debug)]
pub(crate) enum Unwritten {
    H2(h2::Unwritten),
    Quic(Box<quic::Unwritten>),
}

/// Why an operation on a raw stream failed.
#[derive(Clone, Debug)]
pub(crate) enum RawError {
    /// This end's direction was finished before.
    Finished,
    /// The connection is gone, for this reason unless the link knows better.
    Link(CloseReason),
    /// One end reset the stream.
    Reset(ResetReason),
}

impl Carrier {
    /// Its name as people write it: `h2`, `quic`.
    pub fn name(self) -> &'static str {
        match self {
            Self::H2 => "h2",
            Self::Quic => "quic",
        }
    }
}

impl fmt::Display for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Opener {
    pub(crate) fn carrier(&self) -> Carrier {
        match self {
            Self::H2(_) => Carrier::H2,
            Self::Quic(_) => Carrier::Quic,
        }
    }

    /// Opens a stream that begins with `header`. Cancel-safe.
    pub(crate) async fn open(&self, core: &Core, header: Bytes) -> Result<RawStream, OpenError> {
        match self {
            Self::H2(opener) => opener.open(core, header).await.map(RawStream::H2),
            Self::Quic(opener) => {
                let raw = opener.open(core, header).await?;
                Ok(RawStream::Quic(Box::new(raw)))
            }
        }
    }

    /// Opens a carrier's stream with which a stream of another link goes on;
    /// `None` where that cannot be.
    pub(crate) fn open_move(&self, message: Bytes) -> Option<RawStream> {
        match self {
            Self::H2(opener) => opener.open_move(message).map(RawStream::H2),
            // Over QUIC no stream is in another's way.
            Self::Quic(_) => None,
        }
    }

    /// Lets go of the connection, which is over for `reason`.
    pub(crate) fn close(&self, reason: &CloseReason) {
        match self {
            Self::H2(opener) => opener.close(),
            Self::Quic(opener) => opener.close(reason),
        }
    }

    /// Brings the meter up to date.
    pub(crate) fn read_meter(&self, meter: &Meter) {
        match self {
            // It is passed by every byte.
            Self::H2(_) => {}
            Self::Quic(opener) => opener.read_meter(meter),
        }
    }

    pub(crate) fn packets(&self) -> Option<Packets> {
        match self {
            Self::H2(_) => None,
            Self::Quic(opener) => Some(opener.packets()),
        }
    }

    /// Whether the meter is up to date by itself.
    pub(crate) fn keeps_meter(&self) -> bool {
        match self {
            Self::H2(_) => true,
            Self::Quic(_) => false,
        }
    }
}

impl RawStream {
    /// The stream's number on its connection.
    pub(crate) fn id(&self) -> u64 {
        match self {
            Self::H2(raw) => raw.id(),
            Self::Quic(raw) => raw.id(),
        }
    }

    /// Whether this end has neither finished nor reset.
    pub(crate) fn sends(&self) -> bool {
        match self {
            Self::H2(raw) => raw.sends(),
            Self::Quic(raw) => raw.sends(),
        }
    }

    /// What has come next; `None` at the clean end.
    pub(crate) fn poll_chunk(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, RawError>> {
        match self {
            Self::H2(raw) => raw.poll_chunk(cx),
            Self::Quic(raw) => raw.poll_chunk(cx),
        }
    }

    /// Waits until some of `wanted` bytes can be sent; how many.
    pub(crate) fn poll_capacity(
        &mut self,
        cx: &mut Context<'_>,
        wanted: usize,
    ) -> Poll<Result<usize, RawError>> {
        match self {
            Self::H2(raw) => raw.poll_capacity(cx, wanted),
            Self::Quic(raw) => raw.poll_capacity(cx, wanted),
        }
    }

    /// Waits until one end has reset the stream or the connection is gone.
    ///
    /// Of the tasks that poll this and [`Self::poll_capacity`] the last is woken.
    pub(crate) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<RawError> {
        match self {
            Self::H2(raw) => raw.poll_reset(cx),
            Self::Quic(raw) => raw.poll_reset(cx),
        }
    }

    /// Queues `data`, which [`Self::poll_capacity`] has granted or which is a small message.
    pub(crate) fn send(&mut self, data: Bytes) -> Result<(), RawError> {
        match self {
            Self::H2(raw) => raw.send(data),
            Self::Quic(raw) => raw.send(data),
        }
    }

    /// Ends this direction behind everything that was sent.
    pub(crate) fn finish(&mut self) -> Result<(), RawError> {
        match self {
            Self::H2(raw) => raw.finish(),
            Self::Quic(raw) => raw.finish(),
        }
    }

    /// Ends both directions now; what has arrived and was not read is freed.
    pub(crate) fn reset(&mut self, reason: ResetReason) {
        match self {
            Self::H2(raw) => raw.reset(reason),
            Self::Quic(raw) => raw.reset(reason),
        }
    }

    /// Frees what has arrived and refuses the rest; what this end has sent still goes out.
    pub(crate) fn stop_receiving(&mut self) {
        match self {
            Self::H2(raw) => raw.stop_receiving(),
            Self::Quic(raw) => raw.stop_receiving(),
        }
    }

    /// Bytes that have arrived and were not read.
    pub(crate) fn unread(&mut self) -> usize {
        match self {
            Self::H2(raw) => raw.unread(),
            Self::Quic(raw) => raw.unread(),
        }
    }

    /// Answers a stream that was not taken.
    pub(crate) fn refuse(mut self, answer: Bytes) {
        // A peer that has gone away needs no answer.
        let _ = self.send(answer).and_then(|()| self.finish());
    }

    /// The sending half of a finished stream that nobody holds any more, if
    /// some of what it sent has not gone out yet.
    pub(crate) fn take_unwritten(&mut self) -> Option<Unwritten> {
        match self {
            Self::H2(raw) => raw.take_unwritten().map(Unwritten::H2),
            Self::Quic(raw) => {
                let unwritten = raw.take_unwritten()?;
                Some(Unwritten::Quic(Box::new(unwritten)))
            }
        }
    }
}

impl Future for Unwritten {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &mut *self {
            Self::H2(unwritten) => Pin::new(unwritten).poll(cx),
            Self::Quic(unwritten) => Pin::new(unwritten).poll(cx),
        }
    }
}

impl RawError {
    /// The error as the stream's user sees it.
    pub(crate) fn on(self, core: &Core) -> StreamError {
        match self {
            Self::Finished => StreamError::Finished,
            Self::Link(reason) => StreamError::Closed(core.close_reason(|| reason)),
            Self::Reset(reason) => StreamError::Reset(reason),
        }
    }
}
