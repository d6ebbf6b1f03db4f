use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::{fmt, io};

use bytes::{Buf, Bytes};
use proto::{Answer, Decoder};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::oneshot;

use super::Shared;
use crate::{ResetReason, StreamError};

/// The direction of a stream that brings the peer's data.
///
/// Dropped before its end, it cancels the stream.
pub struct ReadHalf {
    shared: Arc<Shared>,
    state: State,
}

enum State {
    /// The answer of the peer, who has not yet sent all of it.
    Answer {
        decoder: Decoder,
        told: Option<Teller>,
    },
    /// Data that has been taken from the stream but not yet from here.
    Data(Bytes),
    Ended,
    Failed(StreamError),
}

/// Passes the answer on to whoever waits for it.
pub(crate) type Teller = oneshot::Sender<Result<(), StreamError>>;

/// A refusal's message is at most 1 KiB; the rest is framing.
const MAX_ANSWER_LEN: usize = 4 * 1024;

impl ReadHalf {
    /// A half whose peer has yet to answer.
    pub(crate) fn unanswered(shared: Arc<Shared>) -> Self {
        let state = State::Answer {
            decoder: Decoder::new(MAX_ANSWER_LEN),
            told: None,
        };
        Self { shared, state }
    }

    pub(crate) fn with_front(shared: Arc<Shared>, front: Bytes) -> Self {
        Self {
            shared,
            state: State::Data(front),
        }
    }

    /// Has the answer told to `teller` once it is read.
    pub(crate) fn tell_answer(&mut self, teller: Teller) {
        if let State::Answer { told, .. } = &mut self.state {
            *told = Some(teller);
        }
    }

    /// The next piece of the peer's data, at most one frame; `None` after the peer's finish.
    ///
    /// Cancel-safe.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, StreamError> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// Waits for the peer's answer to the header.
    pub(crate) fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        loop {
            let State::Answer { decoder, .. } = &mut self.state else {
                return Poll::Ready(match &self.state {
                    State::Failed(error) => Err(error.clone()),
                    State::Answer { .. } | State::Data(_) | State::Ended => Ok(()),
                });
            };
            match decoder.next_message() {
                Ok(Some(Answer::Opened)) => self.answered(Ok(())),
                Ok(Some(Answer::Refused(refusal))) => self.answered(Err(refusal.into())),
                Ok(None) => match ready!(self.shared.poll_chunk(cx)) {
                    Ok(Some(chunk)) => decoder.push(&chunk),
                    Ok(None) => self.answered(Err(StreamError::Reset(ResetReason::Protocol))),
                    Err(error) => self.answered(Err(error)),
                },
                Err(error) => self.answered(Err(error.into())),
            }
        }
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamError>> {
        ready!(self.poll_answer(cx))?;
        match &mut self.state {
            State::Data(front) if !front.is_empty() => Poll::Ready(Ok(Some(std::mem::take(front)))),
            State::Ended => Poll::Ready(Ok(None)),
            State::Answer { .. } | State::Data(_) | State::Failed(_) => {
                let next = ready!(self.shared.poll_chunk(cx));
                match &next {
                    Ok(Some(_)) => {}
                    Ok(None) => self.state = State::Ended,
                    Err(error) => self.state = State::Failed(error.clone()),
                }
                Poll::Ready(next)
            }
        }
    }

    fn answered(&mut self, answer: Result<(), StreamError>) {
        let next = match &answer {
            Ok(()) => State::Data(Bytes::new()),
            Err(error) => State::Failed(error.clone()),
        };
        let State::Answer { decoder, told } = std::mem::replace(&mut self.state, next) else {
            return;
        };
        if answer.is_ok() {
            self.state = State::Data(decoder.into_rest());
        }
        if let Some(teller) = told {
            // Nobody may be waiting any more.
            let _ = teller.send(answer);
        }
    }
}

impl AsyncRead for ReadHalf {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let Some(mut chunk) = ready!(self.poll_nonempty(cx))? else {
            return Poll::Ready(Ok(()));
        };
        let taken = chunk.len().min(buf.remaining());
        buf.put_slice(&chunk[..taken]);
        chunk.advance(taken);
        self.state = State::Data(chunk);
        Poll::Ready(Ok(()))
    }
}

impl ReadHalf {
    /// Like [`Self::poll_chunk`]; an empty read would look like the end.
    fn poll_nonempty(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamError>> {
        loop {
            match ready!(self.poll_chunk(cx))? {
                Some(chunk) if chunk.is_empty() => {}
                next => return Poll::Ready(Ok(next)),
            }
        }
    }
}

impl Drop for ReadHalf {
    fn drop(&mut self) {
        match self.state {
            State::Ended => {}
            State::Answer { .. } | State::Data(_) | State::Failed(_) => self.shared.drop_read(),
        }
    }
}

impl fmt::Debug for ReadHalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadHalf").finish_non_exhaustive()
    }
}
