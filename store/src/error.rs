use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::{LeaseId, Revision};

/// Why a request to a store failed.
///
/// After [`Closed`](Self::Closed) and [`Io`](Self::Io) a change may have been
/// made all the same; after the others nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store was closed, or ended itself.
    #[error("the store is closed")]
    Closed,
    /// The history that was asked for is gone.
    #[error("revision {requested} is gone: history begins behind {compacted}")]
    Compacted {
        /// The revision asked for.
        requested: Revision,
        /// Up to which revision history is gone.
        compacted: Revision,
    },
    /// Something on disk is not what was written. It is not given to anybody.
    #[error("the store is damaged: {what}; restore a backup")]
    Corrupt {
        /// What is damaged, and how.
        what: Arc<str>,
    },
    /// Writing is refused since the disk failed to make a change durable.
    #[error("the disk failed before: reads go on, writing needs a restart")]
    Failed,
    /// The revision that was asked for has not been reached.
    #[error("revision {requested} is of the future: the store is at {current}")]
    Future {
        /// The revision asked for.
        requested: Revision,
        /// The store's.
        current: Revision,
    },
    /// Reading or writing failed.
    #[error("the store could not {doing}: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        source: Arc<io::Error>,
    },
    /// The lease has expired, was revoked, or never was.
    #[error("there is no lease {0}")]
    LeaseNotFound(LeaseId),
    /// A lease's time is none that the store takes.
    #[error("a lease cannot last {ttl:?}: from {min:?} to {max:?}")]
    LeaseTtl {
        /// The time asked for.
        ttl: Duration,
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
    },
    /// There are as many as there may be.
    #[error("the store has {limit} {what}, the most it may have")]
    Limit {
        /// Of what.
        what: &'static str,
        /// How many.
        limit: usize,
    },
    /// The disk is full. Reads go on, and writes do again when there is room.
    #[error("the store's disk is full: make room for writes to go on")]
    NoSpace,
    /// A key or a value is too long, or the key is empty.
    #[error("a {what} of {len} bytes: from {min} to {max}")]
    Size {
        /// Key or value.
        what: &'static str,
        /// Its length.
        len: usize,
        /// The least.
        min: usize,
        /// The most.
        max: usize,
    },
}
