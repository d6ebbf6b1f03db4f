use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use proto::StreamLimit;

use crate::stream::Shared;
use crate::{ResetReason, StreamInfo};

/// A link's streams by their numbers on its connection.
#[derive(Debug, Default)]
pub(crate) struct UnreadTable {
    streams: Mutex<HashMap<u64, Entry>>,
    bulk: Mutex<Bulk>,
}

#[derive(Debug)]
struct Entry {
    stream: Weak<Shared>,
    /// Whether the stream is here; if it is on its way from or to another
    /// link, only the peer's limits are for it.
    here: bool,
}

/// The last count of streams in bulk.
#[derive(Debug, Default)]
struct Bulk {
    counted: Duration,
    looked: Duration,
    streams: usize,
}

/// A stream that moves more than this between two counts is in bulk.
const BULK: u64 = 16 * 1024;
/// The least time between two counts.
const COUNT_EVERY: Duration = Duration::from_secs(1);
/// The least time between two looks at what has moved since the last count.
const LOOK_EVERY: Duration = Duration::from_millis(200);

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
        self.lock().insert(id, Entry { stream, here: true });
    }

    /// The stream is to come here as this one.
    pub(crate) fn expect(&self, id: u64, stream: Weak<Shared>) {
        let here = false;
        self.lock().insert(id, Entry { stream, here });
    }

    /// The stream goes on elsewhere, and some of it is still to come.
    pub(crate) fn leave(&self, id: u64) {
        if let Some(entry) = self.lock().get_mut(&id) {
            entry.here = false;
        }
    }

    /// The stream with this number, if it is here.
    pub(crate) fn find(&self, id: u64) -> Option<Arc<Shared>> {
        let entries = self.lock();
        let entry = entries.get(&id).filter(|entry| entry.here)?;
        entry.stream.upgrade()
    }

    pub(crate) fn remove(&self, id: u64) {
        self.lock().remove(&id);
    }

    /// Lets a stream's writer go on up to the peer's new limit.
    pub(crate) fn grant(&self, limit: StreamLimit) {
        let stream = self
            .lock()
            .get(&limit.stream)
            .and_then(|entry| entry.stream.upgrade());
        if let Some(stream) = stream {
            stream.grant(limit.limit);
        }
    }

    /// How many streams moved much between the last two counts, or have since
    /// then; counts anew if the last count is a second old.
    pub(crate) fn bulk_streams(&self, now: Duration) -> usize {
        let mut bulk = self.bulk.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = now.saturating_sub(bulk.counted) >= COUNT_EVERY;
        if counts || now.saturating_sub(bulk.looked) >= LOOK_EVERY {
            bulk.looked = now;
            if counts {
                bulk.counted = now;
            }
            let streams = self.here();
            bulk.streams = streams.iter().filter(|s| s.is_bulk(BULK, counts)).count();
        }
        bulk.streams
    }

    /// The streams that move much.
    pub(crate) fn in_bulk(&self) -> Vec<Arc<Shared>> {
        let mut streams = self.here();
        streams.retain(|stream| stream.is_bulk(BULK, false));
        streams
    }

    /// At most so many streams, oldest first.
    pub(crate) fn streams(&self, most: usize) -> Vec<StreamInfo> {
        let mut streams = self.here();
        streams.sort_by_key(|stream| stream.opened());
        streams.iter().take(most).map(|s| s.info()).collect()
    }

    /// Resets the longest-stalled streams until at most `budget` bytes wait.
    pub(crate) fn enforce(&self, budget: usize) -> Unread {
        let mut waiting: Vec<_> = self
            .here()
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

    /// The streams that are here. To be let go of without the lock, which whoever
    /// drops a stream's last handle takes.
    fn here(&self) -> Vec<Arc<Shared>> {
        let entries = self.lock();
        let here = entries.values().filter(|entry| entry.here);
        here.filter_map(|entry| entry.stream.upgrade()).collect()
    }

    /// No code panics while it holds this lock.
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Entry>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
