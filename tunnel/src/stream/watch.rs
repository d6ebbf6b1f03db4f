use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;

use super::{Shared, StreamInfo};
use crate::{ResetReason, StreamError};

/// An eye on a stream that somebody else reads and writes.
///
/// A reader sees a reset only when it reads, and one that waits for its own
/// consumer does not.
pub struct StreamWatch {
    shared: Arc<Shared>,
}

impl StreamWatch {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
        }
    }

    /// Waits until either end has reset the stream or its link is over.
    ///
    /// A stream that ends cleanly in both directions leaves it waiting.
    /// Cancel-safe. To be awaited by the task that writes the stream: only the
    /// last of two tasks is woken.
    pub async fn broken(&self) -> StreamError {
        poll_fn(|cx| self.shared.poll_reset(cx)).await
    }

    /// The stream's figures now, also when it has ended.
    pub fn info(&self) -> StreamInfo {
        self.shared.info()
    }

    /// Ends both directions with an error that the peer sees, whoever has the halves.
    pub fn reset(&self, reason: ResetReason) {
        self.shared.reset(reason);
    }
}

impl fmt::Debug for StreamWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamWatch").finish_non_exhaustive()
    }
}
