//! The tasks that hyper starts for the requests of one HTTP/2 connection.

use hyper::rt::Executor;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// Tasks that end with this at the latest.
#[derive(Debug)]
pub(super) struct OwnedTasks {
    spawner: Spawner,
    _end_at_drop: DropGuard,
}

/// Starts tasks of an [`OwnedTasks`].
#[derive(Clone, Debug)]
pub(super) struct Spawner {
    tasks: TaskTracker,
    end: CancellationToken,
}

impl OwnedTasks {
    pub(super) fn new() -> Self {
        let end = CancellationToken::new();
        Self {
            _end_at_drop: end.clone().drop_guard(),
            spawner: Spawner {
                tasks: TaskTracker::new(),
                end,
            },
        }
    }

    pub(super) fn spawner(&self) -> Spawner {
        self.spawner.clone()
    }
}

impl<F> Executor<F> for Spawner
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, future: F) {
        let end = self.end.clone();
        self.tasks.spawn(async move {
            end.run_until_cancelled(future).await;
        });
    }
}
