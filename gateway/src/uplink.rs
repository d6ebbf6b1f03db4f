//! What is known of a request's body while it is sent on.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Counts what a client sends, and knows who keeps it waiting.
#[derive(Debug, Default)]
pub(crate) struct Uplink {
    bytes: AtomicU64,
    stage: Mutex<Stage>,
}

/// How far a request's body is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Stage {
    /// The client has been asked for more and has not sent it.
    AwaitsClient,
    /// What the client has sent waits for room on the way to the cluster.
    #[default]
    AwaitsCluster,
    /// All of it has been passed on, or nothing more of it will be.
    Ended,
    /// The client broke it off.
    Failed,
}

impl Uplink {
    pub(crate) fn add(&self, count: usize) {
        self.bytes.fetch_add(count as u64, Relaxed);
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    pub(crate) fn stage(&self) -> Stage {
        *self.lock()
    }

    pub(crate) fn set_stage(&self, stage: Stage) {
        *self.lock() = stage;
    }

    /// Notes that nothing more will be passed on, if it is not known why already.
    pub(crate) fn end(&self) {
        let mut stage = self.lock();
        if *stage != Stage::Failed {
            *stage = Stage::Ended;
        }
    }

    /// No code panics while it holds this lock.
    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
