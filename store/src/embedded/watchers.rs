use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::recent::weight;
use crate::{Batch, Event, Key, Revision};

/// Batches that may wait in a watch.
const QUEUE: usize = 1024;

/// The watches that are up to date.
#[derive(Debug)]
pub(super) struct Watchers {
    /// Together by prefix: what is for one is for all of a prefix.
    prefixes: BTreeMap<Key, HashMap<u64, Sender>>,
    len: usize,
    next_id: u64,
    max_bytes: usize,
}

#[derive(Debug)]
struct Sender {
    queue: Arc<Queue>,
    /// It is given nothing of earlier revisions.
    from: Revision,
}

/// What waits in a watch. When that becomes too much it is let go of at once,
/// and not when somebody reads: a client that has stopped reading may keep its
/// watch for an hour.
#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    batches: VecDeque<Batch>,
    /// Of the values in them.
    bytes: usize,
    /// The first change that was let go of.
    lagged: Option<Revision>,
    ended: bool,
}

/// The other end: batches, and why they end.
#[derive(Debug)]
pub(super) struct Receiver {
    pub(super) id: u64,
    queue: Arc<Queue>,
}

impl Watchers {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            prefixes: BTreeMap::new(),
            len: 0,
            next_id: 0,
            max_bytes,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn add(&mut self, prefix: Key, from: Revision) -> Receiver {
        let queue = Arc::new(Queue::default());
        let id = self.next_id;
        self.next_id += 1;
        self.len += 1;
        self.prefixes.entry(prefix).or_default().insert(
            id,
            Sender {
                queue: queue.clone(),
                from,
            },
        );
        Receiver { id, queue }
    }

    /// Nothing happens if it is gone already.
    pub(super) fn remove(&mut self, prefix: &Key, id: u64) {
        if let Some(senders) = self.prefixes.get_mut(prefix) {
            self.len -= usize::from(senders.remove(&id).is_some());
            if senders.is_empty() {
                self.prefixes.remove(prefix);
            }
        }
    }

    /// Hands changes to the watches that they concern. Never waits: a watch
    /// that has too much waiting is ended instead.
    pub(super) fn publish(&mut self, revision: Revision, events: &[Event]) {
        for (prefix, senders) in &mut self.prefixes {
            let concerned = |event: &&Event| event.kv.key.has_prefix(prefix);
            let events: Arc<[Event]> = events.iter().filter(concerned).cloned().collect();
            if events.is_empty() {
                continue;
            }
            let bytes = events.iter().map(weight).sum();
            let before = senders.len();
            senders.retain(|_, sender| sender.send(revision, &events, bytes, self.max_bytes));
            self.len -= before - senders.len();
        }
        self.prefixes.retain(|_, senders| !senders.is_empty());
    }

    /// Tells every watch how far it is, unless its queue is full.
    pub(super) fn progress(&self, revision: Revision) {
        let events: Arc<[Event]> = Arc::new([]);
        for sender in self.prefixes.values().flat_map(HashMap::values) {
            if sender.from <= revision.next() {
                let events = events.clone();
                let mut waiting = sender.queue.lock();
                if waiting.batches.len() < QUEUE {
                    waiting.batches.push_back(Batch { revision, events });
                    sender.queue.changed.notify_one();
                }
            }
        }
    }

    /// Ends all.
    pub(super) fn clear(&mut self) {
        self.prefixes.clear();
        self.len = 0;
    }
}

impl Sender {
    /// Whether the watch goes on.
    fn send(&self, revision: Revision, all: &Arc<[Event]>, bytes: usize, max: usize) -> bool {
        let early = all.partition_point(|event| event.kv.mod_revision < self.from);
        let (events, bytes) = match &all[early..] {
            [] => return true,
            _ if early == 0 => (all.clone(), bytes),
            late => (late.into(), late.iter().map(weight).sum()),
        };
        let mut waiting = self.queue.lock();
        // One batch is taken whatever its size, or its watch could never get it.
        let fits = waiting.bytes == 0 || waiting.bytes + bytes <= max;
        let goes_on = fits && waiting.batches.len() < QUEUE;
        waiting.batches.push_back(Batch { revision, events });
        if goes_on {
            waiting.bytes += bytes;
        } else {
            let batches = std::mem::take(&mut waiting.batches);
            let first = batches.iter().find_map(|batch| batch.events.first());
            waiting.lagged = first.map(|event| event.kv.mod_revision);
            waiting.ended = true;
        }
        drop(waiting);
        self.queue.changed.notify_one();
        goes_on
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.queue.lock().ended = true;
        self.queue.changed.notify_one();
    }
}

impl Queue {
    /// Held for a moment.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Receiver {
    /// The next batch, or at the end the revision to resume from, if the watch
    /// was ended because it lagged. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Batch, Option<Revision>> {
        loop {
            {
                let mut waiting = self.queue.lock();
                if let Some(batch) = waiting.batches.pop_front() {
                    waiting.bytes -= batch.events.iter().map(weight).sum::<usize>();
                    return Ok(batch);
                }
                if waiting.ended {
                    return Err(waiting.lagged);
                }
            }
            self.queue.changed.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{EventKind, KeyValue};

    fn change(revision: u64, value: &Bytes) -> Event {
        Event {
            kind: EventKind::Put,
            kv: Arc::new(KeyValue {
                key: Key::from("/a/1"),
                value: value.clone(),
                create_revision: Revision(1),
                mod_revision: Revision(revision),
                version: revision,
                lease: None,
            }),
            prev: None,
        }
    }

    #[tokio::test]
    async fn what_waits_in_watches_that_nobody_reads_is_let_go_of_when_it_is_too_much() {
        let mut watchers = Watchers::new(1 << 20);
        let value = Bytes::from(vec![b'x'; 256 << 10]);
        let mut unread: Vec<Receiver> = (0..1000)
            .map(|_| watchers.add(Key::from("/a/"), Revision(1)))
            .collect();
        let mut held = Vec::new();
        for revision in 1..=3 {
            held.push(change(revision, &value));
            watchers.publish(Revision(revision), &held[held.len() - 1..]);
        }
        assert!(held.iter().all(|event| Arc::strong_count(&event.kv) > 1));
        for revision in 4..=8 {
            watchers.publish(Revision(revision), &[change(revision, &value)]);
        }
        assert_eq!(watchers.len(), 0);
        for event in &held {
            assert_eq!(Arc::strong_count(&event.kv), 1, "a watch holds on to it");
        }
        for watch in &mut unread {
            assert_eq!(watch.next().await, Err(Some(Revision(1))));
        }
    }
}
