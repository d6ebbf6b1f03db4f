use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use crate::{Event, EventKind, Key, LeaseId};

/// The leases there are, when they end, and the keys that go with them.
#[derive(Debug, Default)]
pub(super) struct Leases {
    leases: HashMap<LeaseId, Held>,
    /// One entry for each lease; when it comes up, the lease may have been
    /// kept alive meanwhile and is then put back.
    ends: BinaryHeap<Reverse<(Instant, LeaseId)>>,
}

#[derive(Debug)]
struct Held {
    ttl: Duration,
    end: Instant,
    keys: BTreeSet<Key>,
}

impl Leases {
    pub(super) fn len(&self) -> usize {
        self.leases.len()
    }

    pub(super) fn contains(&self, id: LeaseId) -> bool {
        self.leases.contains_key(&id)
    }

    pub(super) fn insert(&mut self, id: LeaseId, ttl: Duration) {
        let end = Instant::now() + ttl;
        let keys = BTreeSet::new();
        self.leases.insert(id, Held { ttl, end, keys });
        self.ends.push(Reverse((end, id)));
    }

    pub(super) fn remove(&mut self, id: LeaseId) {
        self.leases.remove(&id);
    }

    /// Lets a lease live for its whole time again, if it is there.
    pub(super) fn keep_alive(&mut self, id: LeaseId) {
        if let Some(held) = self.leases.get_mut(&id) {
            held.end = Instant::now() + held.ttl;
        }
    }

    pub(super) fn ttl(&self, id: LeaseId) -> Option<Duration> {
        self.leases.get(&id).map(|held| held.ttl)
    }

    pub(super) fn keys(&self, id: LeaseId) -> impl Iterator<Item = &Key> {
        self.leases.get(&id).into_iter().flat_map(|held| &held.keys)
    }

    /// Binds a key that is there.
    pub(super) fn bind(&mut self, id: LeaseId, key: &Key) {
        if let Some(held) = self.leases.get_mut(&id) {
            held.keys.insert(key.clone());
        }
    }

    /// Follows what a change did to the binding of its key.
    pub(super) fn follow(&mut self, event: &Event) {
        if let Some(id) = event.prev.as_ref().and_then(|prev| prev.lease)
            && let Some(held) = self.leases.get_mut(&id)
        {
            held.keys.remove(&event.kv.key);
        }
        if event.kind == EventKind::Put
            && let Some(id) = event.kv.lease
        {
            self.bind(id, &event.kv.key);
        }
    }

    /// When the first may end.
    pub(super) fn next_end(&self) -> Option<Instant> {
        self.ends.peek().map(|Reverse((end, _))| *end)
    }

    /// Some of those that have ended. They are looked at again after `again`,
    /// unless they are removed until then.
    pub(super) fn ended(&mut self, max: usize, again: Duration) -> Vec<LeaseId> {
        let now = Instant::now();
        let mut ended = Vec::new();
        while let Some(&Reverse((end, id))) = self.ends.peek()
            && end <= now
            && ended.len() < max
        {
            self.ends.pop();
            match self.leases.get(&id) {
                Some(held) if held.end > now => self.ends.push(Reverse((held.end, id))),
                Some(_) => {
                    self.ends.push(Reverse((now + again, id)));
                    ended.push(id);
                }
                None => {}
            }
        }
        ended
    }
}
