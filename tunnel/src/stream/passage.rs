use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;

use crate::carrier::{RawError, RawStream};
use crate::link::{Core, StreamPlace};
use crate::{ResetReason, StreamError};

/// A carrier's stream, and its place on its link.
#[derive(Debug)]
pub(super) struct Carried {
    pub(super) raw: RawStream,
    pub(super) place: StreamPlace,
    /// The number of `raw` on its connection.
    pub(super) id: u64,
}

/// Where a stream is on its way from one link to another.
///
/// The hub asks by the first message on the new link. From the agent's answer
/// on, each end sends on the new one, and finishes the old one behind what it
/// has sent there; a reader reads the old one to its end first.
#[derive(Debug)]
pub(super) enum Passage {
    /// It is where it is.
    None,
    /// The peer has been asked. A reader who comes to the end meanwhile waits
    /// to be told which end it is.
    Asked(Option<Waker>),
    /// It has moved, and what was sent before may still come.
    Read(Box<Former>),
}

/// Where a stream was.
#[derive(Debug)]
pub(super) struct Former {
    pub(super) at: Carried,
    /// What came on the new link behind the message that it began with.
    pub(super) front: Bytes,
}

impl Carried {
    pub(super) fn new(raw: RawStream, place: StreamPlace) -> Self {
        let id = raw.id();
        Self { raw, place, id }
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        self.place.core()
    }

    /// The error as the stream's user sees it.
    pub(super) fn error(&self, error: RawError) -> StreamError {
        error.on(self.core())
    }

    /// Lets what this end has finished go out, and forgets the stream.
    pub(super) fn leave(&mut self) {
        if let Some(unwritten) = self.raw.take_unwritten() {
            self.core().linger(unwritten);
        }
        self.core().unread.remove(self.id);
    }
}

impl Passage {
    /// What still comes from where the stream was; `None` when nothing does.
    pub(super) fn poll_former(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, StreamError>>> {
        let Self::Read(former) = self else {
            return Poll::Ready(None);
        };
        Poll::Ready(match ready!(former.at.raw.poll_chunk(cx)) {
            Ok(Some(chunk)) => Some(Ok(chunk)),
            Ok(None) => {
                let front = std::mem::take(&mut former.front);
                self.leave();
                (!front.is_empty()).then_some(Ok(front))
            }
            Err(error) => Some(Err(former.at.error(error))),
        })
    }

    /// Whether the peer has yet to answer.
    pub(super) fn is_asked(&self) -> bool {
        matches!(self, Self::Asked(_))
    }

    /// Who is to be told of the peer's answer.
    pub(super) fn note_reader(&mut self, cx: &Context<'_>) {
        if let Self::Asked(reader) = self {
            *reader = Some(cx.waker().clone());
        }
    }

    /// Who waits for the peer's answer.
    pub(super) fn take_reader(&mut self) -> Option<Waker> {
        match self {
            Self::Asked(reader) => reader.take(),
            Self::None | Self::Read(_) => None,
        }
    }

    /// Waits until what still comes from where the stream was is cut off.
    pub(super) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        let Self::Read(former) = self else {
            return Poll::Pending;
        };
        let error = ready!(former.at.raw.poll_reset(cx));
        Poll::Ready(former.at.error(error))
    }

    /// Bytes that have arrived besides those where the stream is now.
    pub(super) fn unread(&mut self) -> usize {
        match self {
            Self::Read(former) => former.at.raw.unread() + former.front.len(),
            Self::Asked(_) | Self::None => 0,
        }
    }

    /// The stream is reset; tells who is to be woken.
    pub(super) fn reset(&mut self, reason: ResetReason) -> Option<Waker> {
        match self {
            Self::Asked(reader) => reader.take(),
            Self::Read(former) => {
                former.at.raw.reset(reason);
                None
            }
            Self::None => None,
        }
    }

    /// Frees what has come, and refuses the rest.
    pub(super) fn stop_receiving(&mut self) {
        if let Self::Read(former) = self {
            former.at.raw.stop_receiving();
            former.front = Bytes::new();
        }
    }

    /// Nothing more is wanted of where the stream was.
    pub(super) fn leave(&mut self) {
        if let Self::Read(former) = self {
            former.at.leave();
            *self = Self::None;
        }
    }
}
