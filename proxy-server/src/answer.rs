use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::FutureExt as _;
use tokio::time::Instant;
use tunnel::OpenError;

use crate::{Counters, DialOutcome, TargetKind};

/// Resolves when the agent has answered a stream that is already in use.
///
/// The answer comes with the stream's first data, so somebody has to read the
/// stream. What became of it is counted. Cancel-safe.
#[derive(Debug)]
#[must_use = "a refused stream says why only here"]
pub struct Answer {
    answer: tunnel::Answer,
    /// Until it is counted.
    dial: Option<Dial>,
}

/// An attempt to reach a target, counted when it ends.
#[derive(Debug)]
pub(crate) struct Dial {
    counters: Arc<Counters>,
    kind: TargetKind,
    begun: Instant,
    outcome: DialOutcome,
}

impl Answer {
    pub(crate) fn new(answer: tunnel::Answer, dial: Dial) -> Self {
        Self {
            answer,
            dial: Some(dial),
        }
    }
}

impl Future for Answer {
    type Output = Result<(), OpenError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(self.answer.poll_unpin(cx));
        if let Some(dial) = self.dial.take() {
            dial.answered(&answer);
        }
        Poll::Ready(answer)
    }
}

impl Drop for Answer {
    /// The response may have come before anybody asked for the answer.
    fn drop(&mut self) {
        if let Some(dial) = self.dial.take()
            && let Some(answer) = (&mut self.answer).now_or_never()
        {
            dial.answered(&answer);
        }
    }
}

impl Dial {
    pub(crate) fn begin(counters: Arc<Counters>, kind: TargetKind) -> Self {
        Self {
            counters,
            kind,
            begun: Instant::now(),
            outcome: DialOutcome::Abandoned,
        }
    }

    pub(crate) fn ended(mut self, outcome: DialOutcome) {
        self.outcome = outcome;
    }

    fn answered(self, answer: &Result<(), OpenError>) {
        self.ended(match answer {
            Ok(()) => DialOutcome::Opened,
            Err(error) => error.into(),
        });
    }
}

impl Drop for Dial {
    fn drop(&mut self) {
        self.counters
            .note_dial(self.kind, self.outcome, self.begun.elapsed());
    }
}
