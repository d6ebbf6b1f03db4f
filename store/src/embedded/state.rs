use std::sync::Arc;

use super::index::{Garbage, Index};
use super::recent::Recent;
use super::record::{Place, Record};
use super::watchers::Watchers;
use crate::{Event, Incarnation, KeyValue, Revision, StoreError};

/// What is in memory; nothing of it is less than durable.
#[derive(Debug)]
pub(super) struct State {
    pub(super) incarnation: Incarnation,
    pub(super) revision: Revision,
    pub(super) compacted: Revision,
    pub(super) index: Index,
    pub(super) recent: Recent,
    pub(super) watchers: Watchers,
    pub(super) leases: u64,
    pub(super) closed: bool,
}

impl State {
    /// The revision to read at.
    pub(super) fn readable(&self, at: Option<Revision>) -> Result<Revision, StoreError> {
        if self.closed {
            return Err(StoreError::Closed);
        }
        match at {
            None => Ok(self.revision),
            Some(requested) if requested > self.revision => Err(StoreError::Future {
                requested,
                current: self.revision,
            }),
            Some(requested) if requested < self.compacted => Err(StoreError::Compacted {
                requested,
                compacted: self.compacted,
            }),
            Some(requested) => Ok(requested),
        }
    }

    /// Takes in a commit, which is durable, and tells the watches.
    pub(super) fn apply(&mut self, records: &[(Place, Record)], events: &[Event]) {
        for (place, record) in records {
            self.index.apply(*place, record.kind, &record.kv);
        }
        if let Some((last, _)) = records.last() {
            self.revision = last.revision;
            self.recent.push(events);
            self.watchers.publish(self.revision, events);
        }
    }

    pub(super) fn forget(&mut self, garbage: &[Garbage]) {
        self.index.forget(garbage);
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
        self.watchers.clear();
    }
}

/// The change as watches see it.
pub(super) fn event(record: &Record, prev: Option<Arc<KeyValue>>) -> Event {
    Event {
        kind: record.kind,
        kv: record.kv.clone(),
        prev,
    }
}
