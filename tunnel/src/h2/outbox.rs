use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// What all streams of a connection have queued for sending and the connection
/// has not yet written.
///
/// The library lets each stream queue as if it were alone. That much in all
/// makes a slow connection slow for longer: what is queued on it stays there
/// when the streams move to another.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    bytes: AtomicUsize,
    /// Each at most once.
    waiting: Mutex<VecDeque<Arc<Outbox>>>,
}

/// The same of one stream.
#[derive(Debug)]
pub(super) struct Outbox {
    bytes: AtomicUsize,
    all: Arc<Backlog>,
    /// Who waits for room; there while this is among those who do.
    waker: Mutex<Option<Waker>>,
}

/// Queued by all streams, in bytes; with more, only streams that have little queued may add.
const MANY: usize = 256 * 1024;
/// What a stream may have queued at all times.
const LITTLE: usize = 16 * 1024;
/// With no more than this left, everybody is woken who waits: whom the others
/// woke may have lost interest.
const FEW: usize = 64 * 1024;

impl Outbox {
    pub(super) fn new(all: &Arc<Backlog>) -> Arc<Self> {
        Arc::new(Self {
            bytes: AtomicUsize::new(0),
            all: Arc::clone(all),
            waker: Mutex::default(),
        })
    }

    /// Waits until there is room for more.
    pub(super) fn poll_room(self: &Arc<Self>, cx: &Context<'_>) -> Poll<()> {
        if self.has_room() {
            return Poll::Ready(());
        }
        let waits = self.waker().replace(cx.waker().clone()).is_some();
        if !waits {
            self.all.waiting().push_back(Arc::clone(self));
        }
        // It may have come in the meantime, and nobody else may wake this task.
        if self.has_room() {
            return Poll::Ready(());
        }
        Poll::Pending
    }

    pub(super) fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, SeqCst);
        self.all.bytes.fetch_add(bytes, SeqCst);
    }

    pub(super) fn take(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, SeqCst);
        let left = self.all.bytes.fetch_sub(bytes, SeqCst) - bytes;
        if left <= FEW {
            let waiting = std::mem::take(&mut *self.all.waiting());
            waiting.iter().for_each(|outbox| outbox.wake());
        } else if left < MANY {
            let next = self.all.waiting().pop_front();
            if let Some(outbox) = next {
                outbox.wake();
            }
        }
    }

    fn wake(&self) {
        let waker = self.waker().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn has_room(&self) -> bool {
        self.all.bytes.load(SeqCst) < MANY || self.bytes.load(SeqCst) < LITTLE
    }

    /// No code panics while it holds this lock.
    fn waker(&self) -> MutexGuard<'_, Option<Waker>> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backlog {
    /// No code panics while it holds this lock.
    fn waiting(&self) -> MutexGuard<'_, VecDeque<Arc<Outbox>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
