use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::Key;

/// A point in the store's history.
///
/// Every change makes the next one; an empty store is at 1. None is ever used
/// for two things, not even after a restore.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Revision(pub u64);

impl Revision {
    /// Before all history; of a key, that it is not there.
    pub const ZERO: Self = Self(0);

    /// The next one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which store it is: a new one for each store that is made or restored.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Incarnation(pub u128);

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A lease's number.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LeaseId(pub u64);

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A lease: keys that are bound to it go when it is not kept alive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lease {
    /// Its number.
    pub id: LeaseId,
    /// How long it lives from here on.
    pub ttl: Duration,
}

/// A key with its value, as one revision left it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyValue {
    /// The key.
    pub key: Key,
    /// The value; of a deletion, empty.
    pub value: Bytes,
    /// The revision that made the key; of a deletion, zero.
    pub create_revision: Revision,
    /// The revision that wrote this value, or deleted the key.
    pub mod_revision: Revision,
    /// How often it was written since it was made, from 1; of a deletion, 0.
    pub version: u64,
    /// The lease that it goes with.
    pub lease: Option<LeaseId>,
}

/// What a change did to a key.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum EventKind {
    /// It is gone.
    Delete,
    /// It was made or overwritten.
    Put,
}

/// One change of one key; cheap to clone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// What was done.
    pub kind: EventKind,
    /// What is there now. Of a deletion: the key, and in `mod_revision` when.
    pub kv: Arc<KeyValue>,
    /// What was there before, if anything.
    pub prev: Option<Arc<KeyValue>>,
}
