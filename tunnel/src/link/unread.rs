use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

use proto::StreamLimit;

use crate::ResetReason;
use crate::stream::Shared;

/// A link's streams by their numbers on its connection.
#[derive(Debug, Default)]
pub(crate) struct UnreadTable {
    streams: Mutex<HashMap<u64, Weak<Shared>>>,
}

/// What waits to be read after the budget has been enforced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Unread {
    /// Bytes, those of all streams together.
    pub(crate) bytes: usize,
    /// Streams that were reset.
    pub(crate) reset: usize,
}

impl UnreadTable {
    pub(crate) fn insert(&self, id: u64, stream: Weak<Shared>) {
        self.lock().insert(id, stream);
    }

    pub(crate) fn remove(&self, id: u64) {
        self.lock().remove(&id);
    }

    /// Lets a stream's writer go on up to the peer's new limit.
    pub(crate) fn grant(&self, limit: StreamLimit) {
        let stream = self.lock().get(&limit.stream).and_then(Weak::upgrade);
        if let Some(stream) = stream {
            stream.grant(limit.limit);
        }
    }

    /// Resets the longest-stalled streams until at most `budget` bytes wait.
    pub(crate) fn enforce(&self, budget: usize) -> Unread {
        // A statement of its own: whoever drops a stream's last handle takes the lock.
        let streams: Vec<_> = self.lock().values().filter_map(Weak::upgrade).collect();
        let mut waiting: Vec<_> = streams
            .into_iter()
            .map(|stream| (stream.last_read(), stream.unread(), stream))
            .filter(|(_, unread, _)| *unread > 0)
            .collect();
        let mut total: usize = waiting.iter().map(|(_, unread, _)| unread).sum();
        waiting.sort_by_key(|(last_read, _, _)| *last_read);
        let mut reset = 0;
        for (_, unread, stream) in waiting {
            if total <= budget {
                break;
            }
            stream.reset(ResetReason::Budget);
            total -= unread;
            reset += 1;
        }
        Unread {
            bytes: total,
            reset,
        }
    }

    /// No code panics while it holds this lock.
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Weak<Shared>>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
