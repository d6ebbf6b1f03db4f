use std::sync::Arc;

use futures_util::stream::BoxStream;

use crate::{Event, Revision, StoreError};

/// Changes of consecutive revisions, as far as they concern a watch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Batch {
    /// Everything of the watch up to this revision has been given, with this batch.
    pub revision: Revision,
    /// The changes in their order; of one revision all or none. When empty,
    /// the batch tells how far the watch is: see
    /// [`request_progress`](crate::Store::request_progress).
    pub events: Arc<[Event]>,
}

/// Why a watch ended. Nothing comes behind it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// What comes next is gone: read all anew, and watch from there.
    #[error("the watch's history is gone up to revision {compacted}")]
    Compacted {
        /// Up to which revision history is gone.
        compacted: Revision,
    },
    /// Too much was waiting to be taken from the watch.
    #[error("the watch was not read fast enough; it can be resumed from revision {resume}")]
    Lagged {
        /// The first revision that was not given: watch again from here.
        resume: Revision,
    },
    /// The store failed or was closed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The changes of a prefix, in order and without gaps, until the first error.
///
/// Dropping it ends the watch. Taking the next batch is cancel-safe.
pub type WatchStream = BoxStream<'static, Result<Batch, WatchError>>;
