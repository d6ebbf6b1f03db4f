use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::CloseReason;
use crate::link::Core;

/// The work of a link: moves its bytes, pings, drains.
///
/// Its owner polls it, in a task that the owner ends; it resolves when the
/// link is over. Dropping it ends the link at once: every stream of the
/// link fails at both ends.
#[must_use = "a session does nothing unless its driver is polled"]
pub struct Driver {
    work: Pin<Box<dyn Future<Output = CloseReason> + Send>>,
    core: std::sync::Arc<Core>,
}

impl Driver {
    pub(crate) fn new(
        core: std::sync::Arc<Core>,
        work: impl Future<Output = CloseReason> + Send + 'static,
    ) -> Self {
        Self {
            work: Box::pin(work),
            core,
        }
    }
}

impl Future for Driver {
    type Output = CloseReason;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<CloseReason> {
        self.work
            .as_mut()
            .poll(cx)
            .map(|reason| self.core.set_closed(reason))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.core.set_closed(CloseReason::Aborted);
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("core", &self.core)
            .finish_non_exhaustive()
    }
}
