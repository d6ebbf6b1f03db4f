use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use proto::Target;
use tokio::sync::oneshot;

use crate::carrier::RawStream;
use crate::link::StreamPlace;
use crate::stream::Shared;
use crate::{OpenError, ReadHalf, ResetReason, Stream, StreamError, WriteHalf};

/// A stream that this end has opened and the peer has not yet answered.
///
/// Dropped, it is cancelled at the far end.
#[derive(Debug)]
pub struct Opening {
    read: ReadHalf,
    write: WriteHalf,
}

/// Resolves when the peer has answered a stream that is already in use.
///
/// The answer comes with the stream's first data, so somebody has to read the
/// stream. Cancel-safe.
#[derive(Debug)]
#[must_use = "a refused stream says why only here"]
pub struct Answer {
    told: oneshot::Receiver<Result<(), StreamError>>,
}

impl Opening {
    pub(crate) fn new(place: StreamPlace, raw: RawStream, sent: usize, target: Target) -> Self {
        let shared = Shared::new(place, raw, sent);
        shared.set_target(target);
        Self {
            read: ReadHalf::unanswered(Arc::clone(&shared)),
            write: WriteHalf::new(shared),
        }
    }

    /// Waits for the answer.
    pub async fn opened(mut self) -> Result<Stream, OpenError> {
        poll_fn(|cx| self.read.poll_answer(cx)).await?;
        Ok(Stream::new(self.read, self.write))
    }

    /// The stream to be written at once; reads wait for the answer.
    ///
    /// What is written before a refusal is lost with it.
    pub fn early(mut self) -> (Stream, Answer) {
        let (teller, told) = oneshot::channel();
        self.read.tell_answer(teller);
        (Stream::new(self.read, self.write), Answer { told })
    }
}

impl Future for Answer {
    type Output = Result<(), OpenError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.told).poll(cx));
        // The stream was dropped before its answer came.
        let dropped = || Err(StreamError::Reset(ResetReason::Cancelled));
        Poll::Ready(
            answer
                .unwrap_or_else(|_| dropped())
                .map_err(OpenError::Stream),
        )
    }
}
