//! Noticing that a stream has broken while its client takes nothing from it.
//!
//! Who copies towards a client that does not read waits for the client, and
//! hears of the stream only when the client reads on. Somebody else has to look.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};
use tunnel::{ResetReason, StreamError, StreamWatch};

/// The stream from which a client's connection is being answered, if there is one.
///
/// It keeps no stream alive. Clones are handles to the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source {
    current: Arc<Mutex<Weak<StreamWatch>>>,
}

/// For how long a client has taken nothing of what is left of its stream.
struct Standstill {
    /// What the client had taken by then.
    taken: u64,
    timer: Pin<Box<Sleep>>,
}

impl Source {
    pub(crate) fn set(&self, stream: &Arc<StreamWatch>) {
        *self.lock() = Arc::downgrade(stream);
    }

    /// Waits until the stream is broken and the client gets no more of it.
    ///
    /// A stream that was given up may have said all before: it is over when
    /// the client, by what it has `taken`, has stood still for as long as
    /// `idle`. Any other is over at once. To be polled by the task that writes
    /// the stream, after that.
    pub(crate) async fn lost(&self, idle: Duration, taken: impl Fn() -> u64) -> StreamError {
        let mut standstill = None;
        poll_fn(|cx| {
            let Some(error) = self.broken(cx) else {
                standstill = None;
                return Poll::Pending;
            };
            if may_have_been_whole(&error) {
                ready!(poll_standstill(&mut standstill, cx, idle, taken()));
            }
            Poll::Ready(error)
        })
        .await
    }

    fn broken(&self, cx: &mut Context<'_>) -> Option<StreamError> {
        let stream = self.lock().upgrade()?;
        broken(&stream, cx)
    }

    /// No code panics while it holds this lock.
    fn lock(&self) -> MutexGuard<'_, Weak<StreamWatch>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What cut off the rest of a stream that its client has not taken, if something has.
///
/// For whoever is done with the stream: nobody is woken any more.
pub(crate) fn cut_off_by(stream: &StreamWatch) -> Option<StreamError> {
    broken(stream, &mut Context::from_waker(Waker::noop()))
        .filter(|error| !may_have_been_whole(error))
}

fn broken(stream: &StreamWatch, cx: &mut Context<'_>) -> Option<StreamError> {
    match pin!(stream.broken()).poll(cx) {
        Poll::Ready(error) => Some(error),
        Poll::Pending => None,
    }
}

fn poll_standstill(
    standstill: &mut Option<Standstill>,
    cx: &mut Context<'_>,
    idle: Duration,
    taken: u64,
) -> Poll<()> {
    let standstill = match standstill {
        Some(standstill) if standstill.taken == taken => standstill,
        Some(_) | None => standstill.insert(Standstill {
            taken,
            timer: Box::pin(sleep(idle)),
        }),
    };
    standstill.timer.as_mut().poll(cx)
}

/// An agent that has sent a whole response takes no more of the request, and
/// says so with a reset behind the end of its own direction.
fn may_have_been_whole(error: &StreamError) -> bool {
    matches!(error, StreamError::Reset(ResetReason::Cancelled))
}
