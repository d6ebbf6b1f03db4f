use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::disk::Commit;
use super::index::{Garbage, Index};
use super::leases::Leases;
use super::meta::Meta;
use super::options::Options;
use super::record::{Place, Record};
use super::state::event;
use crate::{
    Change, Compare, Event, EventKind, Key, KeyValue, Lease, LeaseId, Outcome, Revision,
    StoreError, Txn,
};

/// One commit in the making: each request is judged by what is there and by
/// what those before it in the same commit will have done.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    index: &'a Index,
    leases: &'a Leases,
    options: &'a Options,
    /// Keys that this commit changes, as they then are.
    pending: HashMap<Key, (Option<Arc<KeyValue>>, Place)>,
    pub(super) changes: Changes,
}

/// What a commit changes.
#[derive(Debug)]
pub(super) struct Changes {
    pub(super) meta: Meta,
    pub(super) records: Vec<(Place, Record)>,
    pub(super) events: Vec<Event>,
    pub(super) granted: Vec<(LeaseId, Duration)>,
    pub(super) revoked: Vec<LeaseId>,
    pub(super) garbage: Vec<Garbage>,
    /// What was on disk before.
    pub(super) before: Meta,
}

impl Changes {
    /// Whether there is anything to commit.
    pub(super) fn is_empty(&self) -> bool {
        self.meta == self.before && self.revoked.is_empty() && self.garbage.is_empty()
    }

    pub(super) fn commit(&self) -> Commit<'_> {
        Commit {
            records: &self.records,
            garbage: &self.garbage,
            granted: &self.granted,
            revoked: &self.revoked,
        }
    }
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        index: &'a Index,
        leases: &'a Leases,
        options: &'a Options,
        meta: Meta,
    ) -> Self {
        Self {
            index,
            leases,
            options,
            pending: HashMap::new(),
            changes: Changes {
                meta,
                records: Vec::new(),
                events: Vec::new(),
                granted: Vec::new(),
                revoked: Vec::new(),
                garbage: Vec::new(),
                before: meta,
            },
        }
    }

    pub(super) fn txn(&mut self, txn: Txn) -> Result<Outcome, StoreError> {
        let Txn {
            key,
            compare,
            change,
        } = txn;
        self.check(&key, &change)?;
        let (prev, place) = self.look(&key);
        if let Compare::ModRevision(wanted) = compare
            && prev.as_ref().map_or(Revision::ZERO, |kv| kv.mod_revision) != wanted
        {
            return Ok(Outcome::Conflict {
                current: prev,
                revision: self.changes.meta.revision,
            });
        }
        let kv = match (change, &prev) {
            (Change::Delete, None) => None,
            (Change::Delete, Some(_)) => {
                let revision = self.next_revision();
                self.push(
                    Place::first_of(revision),
                    None,
                    deletion(key, revision),
                    prev.clone(),
                    place,
                );
                None
            }
            (Change::Put { value, lease }, _) => {
                let revision = self.next_revision();
                let kv = Arc::new(KeyValue {
                    key,
                    value,
                    create_revision: prev.as_ref().map_or(revision, |kv| kv.create_revision),
                    mod_revision: revision,
                    version: prev.as_ref().map_or(1, |kv| kv.version + 1),
                    lease,
                });
                self.push(
                    Place::first_of(revision),
                    Some(kv.clone()),
                    kv.clone(),
                    prev.clone(),
                    place,
                );
                Some(kv)
            }
        };
        Ok(Outcome::Done {
            kv,
            prev,
            revision: self.changes.meta.revision,
        })
    }

    pub(super) fn grant(&mut self, ttl: Duration) -> Result<Lease, StoreError> {
        let (min, max) = (Options::MIN_TTL, Options::MAX_TTL);
        if !(min..=max).contains(&ttl) {
            return Err(StoreError::LeaseTtl { ttl, min, max });
        }
        let limit = self.options.max_leases;
        if self.leases.len() + self.changes.granted.len() >= limit {
            let what = "leases";
            return Err(StoreError::Limit { what, limit });
        }
        let id = LeaseId(self.changes.meta.next_lease);
        self.changes.meta.next_lease += 1;
        self.changes.granted.push((id, ttl));
        Ok(Lease { id, ttl })
    }

    /// Answers for a lease that was kept alive before this plan was made.
    pub(super) fn keep_alive(&self, id: LeaseId) -> Result<Lease, StoreError> {
        let ttl = self.leases.ttl(id).filter(|_| self.has_lease(id));
        let ttl = ttl.ok_or(StoreError::LeaseNotFound(id))?;
        Ok(Lease { id, ttl })
    }

    pub(super) fn revoke(&mut self, id: LeaseId) -> Result<(), StoreError> {
        if !self.has_lease(id) {
            return Err(StoreError::LeaseNotFound(id));
        }
        self.changes.revoked.push(id);
        let bound = self.leases.keys(id).chain(self.pending.keys());
        let keys: BTreeSet<Key> = bound
            .filter(|key| self.look(key).0.is_some_and(|kv| kv.lease == Some(id)))
            .cloned()
            .collect();
        if keys.is_empty() {
            return Ok(());
        }
        let revision = self.next_revision();
        for (sub, key) in (0..).zip(keys) {
            let (prev, place) = self.look(&key);
            self.push(
                Place { revision, sub },
                None,
                deletion(key, revision),
                prev,
                place,
            );
        }
        Ok(())
    }

    pub(super) fn compact(&mut self, to: Revision) -> Result<(), StoreError> {
        let meta = &mut self.changes.meta;
        if to > meta.revision {
            return Err(StoreError::Future {
                requested: to,
                current: meta.revision,
            });
        }
        meta.compacted = meta.compacted.max(to);
        Ok(())
    }

    fn has_lease(&self, id: LeaseId) -> bool {
        !self.changes.revoked.contains(&id)
            && (self.leases.contains(id) || self.changes.granted.iter().any(|(g, _)| *g == id))
    }

    fn check(&self, key: &Key, change: &Change) -> Result<(), StoreError> {
        let size = |what, len, min, max| {
            if (min..=max).contains(&len) {
                return Ok(());
            }
            Err(StoreError::Size {
                what,
                len,
                min,
                max,
            })
        };
        size("key", key.as_bytes().len(), 1, Options::MAX_KEY)?;
        if let Change::Put { value, lease } = change {
            size("value", value.len(), 0, self.options.max_value())?;
            if let Some(id) = *lease
                && !self.has_lease(id)
            {
                return Err(StoreError::LeaseNotFound(id));
            }
        }
        Ok(())
    }

    /// What a key then is, and where that lies.
    fn look(&self, key: &Key) -> (Option<Arc<KeyValue>>, Option<Place>) {
        match self.pending.get(key) {
            Some((Some(kv), place)) => (Some(kv.clone()), Some(*place)),
            Some((None, _)) => (None, None),
            None => (self.index.current(key).cloned(), self.index.place(key)),
        }
    }

    fn next_revision(&mut self) -> Revision {
        self.changes.meta.revision = self.changes.meta.revision.next();
        self.changes.meta.revision
    }

    fn push(
        &mut self,
        place: Place,
        now: Option<Arc<KeyValue>>,
        kv: Arc<KeyValue>,
        prev: Option<Arc<KeyValue>>,
        prev_place: Option<Place>,
    ) {
        let kind = match now {
            Some(_) => EventKind::Put,
            None => EventKind::Delete,
        };
        self.pending.insert(kv.key.clone(), (now, place));
        let record = Record {
            kind,
            kv,
            prev: prev_place,
        };
        self.changes.events.push(event(&record, prev));
        self.changes.records.push((place, record));
    }
}

/// What a deletion leaves.
fn deletion(key: Key, revision: Revision) -> Arc<KeyValue> {
    Arc::new(KeyValue {
        key,
        value: Bytes::new(),
        create_revision: Revision::ZERO,
        mod_revision: revision,
        version: 0,
        lease: None,
    })
}
