use hyper::rt::Executor;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// The tasks of a pool's connections; they end with this.
#[derive(Debug)]
pub(super) struct OwnedTasks {
    spawner: Spawner,
    _end: DropGuard,
}

/// Starts tasks that end with their [`OwnedTasks`].
#[derive(Clone, Debug)]
pub(super) struct Spawner {
    end: CancellationToken,
    tasks: TaskTracker,
}

impl OwnedTasks {
    pub(super) fn new() -> Self {
        let end = CancellationToken::new();
        let spawner = Spawner {
            end: end.clone(),
            tasks: TaskTracker::new(),
        };
        Self {
            spawner,
            _end: end.drop_guard(),
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
    fn execute(&self, task: F) {
        let end = self.end.clone();
        self.tasks
            .spawn(async move { end.run_until_cancelled(task).await.map(drop) });
    }
}
