use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

use crate::ResetReason;
use crate::stream::Shared;

/// A session's streams by what waits to be read on them.
#[derive(Debug, Default)]
pub(crate) struct UnreadTable {
    streams: Mutex<HashMap<u64, Weak<Shared>>>,
}

impl UnreadTable {
    pub(crate) fn insert(&self, id: u64, stream: Weak<Shared>) {
        self.lock().insert(id, stream);
    }

    pub(crate) fn remove(&self, id: u64) {
        self.lock().remove(&id);
    }

    /// Resets the longest-stalled streams until at most `budget` bytes wait; returns how many it reset.
    pub(crate) fn enforce(&self, budget: usize) -> usize {
        let mut waiting: Vec<_> = self
            .lock()
            .values()
            .filter_map(Weak::upgrade)
            .map(|stream| (stream.last_read(), stream.unread(), stream))
            .filter(|(_, unread, _)| *unread > 0)
            .collect();
        let mut total: usize = waiting.iter().map(|(_, unread, _)| unread).sum();
        if total <= budget {
            return 0;
        }
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
        reset
    }

    /// No code panics while it holds this lock.
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Weak<Shared>>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
