use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use proto::StreamLimit;

use crate::stream::Shared;
use crate::{ResetReason, StreamInfo};

/// A link's streams by their numbers on its connection.
#[derive(Debug, Default)]
pub(crate) struct UnreadTable {
    streams: Mutex<HashMap<u64, Weak<Shared>>>,
    bulk: Mutex<Bulk>,
}

/// The last count of streams in bulk.
#[derive(Debug, Default)]
struct Bulk {
    at: Duration,
    streams: usize,
}

/// A stream that moves more than this between two counts is in bulk.
const BULK: u64 = 16 * 1024;
/// The least time between two counts.
const COUNT_EVERY: Duration = Duration::from_secs(1);

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

    /// Streams that moved much between the last two counts; counts anew if the
    /// last count is a second old.
    pub(crate) fn bulk_streams(&self, now: Duration) -> usize {
        let mut bulk = self.bulk.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_sub(bulk.at) >= COUNT_EVERY {
            // A statement of its own: whoever drops a stream's last handle takes the lock.
            let streams: Vec<_> = self.lock().values().filter_map(Weak::upgrade).collect();
            bulk.at = now;
            bulk.streams = streams
                .iter()
                .filter(|s| s.moved_since_count() > BULK)
                .count();
        }
        bulk.streams
    }

    /// At most so many streams, oldest first.
    pub(crate) fn streams(&self, most: usize) -> Vec<StreamInfo> {
        // A statement of its own: whoever drops a stream's last handle takes the lock.
        let mut streams: Vec<_> = self.lock().values().filter_map(Weak::upgrade).collect();
        streams.sort_by_key(|stream| stream.opened());
        streams.iter().take(most).map(|s| s.info()).collect()
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
