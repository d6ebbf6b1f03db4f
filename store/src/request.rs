use std::sync::Arc;

use bytes::Bytes;

use crate::{Incarnation, Key, KeyValue, LeaseId, Revision};

/// Which keys to read, and when.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Range {
    /// What the keys begin with.
    pub prefix: Key,
    /// The first key to give, when the page is not the first.
    pub start: Option<Key>,
    /// How many keys to give at most; all without.
    pub limit: Option<usize>,
    /// The revision to read at; the current one without.
    pub at: Option<Revision>,
}

impl Range {
    /// All keys with a prefix, now.
    #[must_use]
    pub fn prefix(prefix: impl Into<Key>) -> Self {
        Self {
            prefix: prefix.into(),
            ..Self::default()
        }
    }

    /// At a revision of the past.
    #[must_use]
    pub fn at(mut self, revision: Revision) -> Self {
        self.at = Some(revision);
        self
    }

    /// At most so many keys.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// From this key on.
    #[must_use]
    pub fn start(mut self, start: Key) -> Self {
        self.start = Some(start);
        self
    }
}

/// One key's value at a revision.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Got {
    /// What was there.
    pub kv: Option<Arc<KeyValue>>,
    /// The revision that this shows.
    pub revision: Revision,
}

/// A page of a range.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page {
    /// Keys and values, in the order of the keys.
    pub kvs: Vec<Arc<KeyValue>>,
    /// Whether there are keys behind the last.
    pub more: bool,
    /// How many keys there are from the range's start on, with those of this page.
    pub count: u64,
    /// The revision that this shows; the next page is to be read at the same.
    pub revision: Revision,
}

/// What must hold of a key for a [`Change`] to be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Compare {
    /// Nothing.
    Any,
    /// It was last written at this revision; with [`Revision::ZERO`], it is not there.
    ModRevision(Revision),
}

/// What is done to a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// It is deleted; if it is not there, nothing happens and no revision passes.
    Delete,
    /// It gets a value.
    Put {
        /// The value.
        value: Bytes,
        /// The lease that the key goes with from now on.
        lease: Option<LeaseId>,
    },
}

/// A change of one key under a condition, all at once or not at all.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Txn {
    /// The key.
    pub key: Key,
    /// The condition.
    pub compare: Compare,
    /// The change, if the condition holds. Otherwise the key is read.
    pub change: Change,
}

impl Txn {
    /// Makes a key that is not there.
    #[must_use]
    pub fn create(key: impl Into<Key>, value: impl Into<Bytes>) -> Self {
        Self::update(key, Revision::ZERO, value)
    }

    /// Overwrites a key that was last written at `revision`.
    #[must_use]
    pub fn update(key: impl Into<Key>, revision: Revision, value: impl Into<Bytes>) -> Self {
        let compare = Compare::ModRevision(revision);
        Self {
            compare,
            ..Self::put(key, value)
        }
    }

    /// Writes a key, whatever was there.
    #[must_use]
    pub fn put(key: impl Into<Key>, value: impl Into<Bytes>) -> Self {
        Self {
            key: key.into(),
            compare: Compare::Any,
            change: Change::Put {
                value: value.into(),
                lease: None,
            },
        }
    }

    /// Deletes a key that was last written at `revision`.
    #[must_use]
    pub fn delete(key: impl Into<Key>, revision: Revision) -> Self {
        Self {
            key: key.into(),
            compare: Compare::ModRevision(revision),
            change: Change::Delete,
        }
    }

    /// Binds what is put to a lease.
    #[must_use]
    pub fn with_lease(mut self, id: LeaseId) -> Self {
        if let Change::Put { lease, .. } = &mut self.change {
            *lease = Some(id);
        }
        self
    }
}

/// What came of a [`Txn`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The condition did not hold, and nothing was changed.
    Conflict {
        /// What is there instead.
        current: Option<Arc<KeyValue>>,
        /// The store's revision when it was looked at.
        revision: Revision,
    },
    /// The condition held, and the change is on disk.
    Done {
        /// What is there now; none after a deletion.
        kv: Option<Arc<KeyValue>>,
        /// What was there before.
        prev: Option<Arc<KeyValue>>,
        /// The revision of the change. Of one that changed nothing, the store's.
        revision: Revision,
    },
}

impl Outcome {
    /// Whether the change was made.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done { .. })
    }

    /// The revision of the change, or the store's.
    #[must_use]
    pub fn revision(&self) -> Revision {
        match self {
            Self::Conflict { revision, .. } | Self::Done { revision, .. } => *revision,
        }
    }
}

/// A store's size and state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stats {
    /// Which store it is.
    pub incarnation: Incarnation,
    /// The current revision.
    pub revision: Revision,
    /// Up to which revision history is gone.
    pub compacted: Revision,
    /// Keys there are.
    pub keys: u64,
    /// Superseded values and deletions that are still kept.
    pub history: u64,
    /// Of these, those that compaction is to remove.
    pub garbage: u64,
    /// Leases there are.
    pub leases: u64,
    /// Watches that are open and up to date.
    pub watches: u64,
    /// Bytes on disk.
    pub size: u64,
}
