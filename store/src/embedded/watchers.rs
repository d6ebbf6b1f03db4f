use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::mpsc;

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
    queue: mpsc::Sender<Batch>,
    /// It is given nothing of earlier revisions.
    from: Revision,
    gauge: Arc<Gauge>,
}

/// What a watch has waiting, and whether that became too much.
#[derive(Debug, Default)]
struct Gauge {
    bytes: AtomicUsize,
    /// The revision of the first change that was left out, or zero.
    lagged: AtomicU64,
}

/// The other end: batches, and why they end.
#[derive(Debug)]
pub(super) struct Receiver {
    pub(super) id: u64,
    queue: mpsc::Receiver<Batch>,
    gauge: Arc<Gauge>,
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
        let (sender, queue) = mpsc::channel(QUEUE);
        let gauge = Arc::new(Gauge::default());
        let id = self.next_id;
        self.next_id += 1;
        self.len += 1;
        self.prefixes.entry(prefix).or_default().insert(
            id,
            Sender {
                queue: sender,
                from,
                gauge: gauge.clone(),
            },
        );
        Receiver { id, queue, gauge }
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
                let _ = sender.queue.try_send(Batch { revision, events });
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
        let first = events[0].kv.mod_revision;
        let waiting = self.gauge.bytes.fetch_add(bytes, Ordering::AcqRel);
        // One batch is taken whatever its size, or its watch could never get it.
        let fits = waiting == 0 || waiting + bytes <= max;
        if fits && self.queue.try_send(Batch { revision, events }).is_ok() {
            return true;
        }
        self.gauge.lagged.store(first.0, Ordering::Release);
        false
    }
}

impl Receiver {
    /// The next batch, or at the end the revision to resume from, if the watch
    /// was ended because it lagged. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Batch, Option<Revision>> {
        match self.queue.recv().await {
            Some(batch) => {
                let bytes: usize = batch.events.iter().map(weight).sum();
                self.gauge.bytes.fetch_sub(bytes, Ordering::AcqRel);
                Ok(batch)
            }
            None => {
                let lagged = Revision(self.gauge.lagged.load(Ordering::Acquire));
                Err(Some(lagged).filter(|lagged| *lagged != Revision::ZERO))
            }
        }
    }
}
