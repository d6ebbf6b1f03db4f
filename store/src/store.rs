use std::fmt::Debug;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::{
    Got, Key, Lease, LeaseId, Outcome, Page, Range, Revision, Stats, StoreError, Txn, WatchStream,
};

/// What a store's functions return; boxed, so that a store can be an `Arc<dyn Store>`.
pub type StoreFuture<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Keys and values with a history, as etcd has them.
///
/// Reads are of the latest revision that was acknowledged to anybody, and a
/// client sees what it has written. A future that is dropped leaves a change
/// that may or may not be made; reads and watches are cancel-safe.
pub trait Store: Debug + Send + Sync + 'static {
    /// Reads one key, now or at a revision of the past.
    ///
    /// # Errors
    ///
    /// [`Compacted`](StoreError::Compacted) below the revision that history is
    /// compacted to, [`Future`](StoreError::Future) above the current one.
    fn get<'a>(&'a self, key: &'a Key, at: Option<Revision>) -> StoreFuture<'a, Got>;

    /// Reads keys in their order, as they all were at one revision.
    ///
    /// # Errors
    ///
    /// As of [`get`](Self::get).
    fn range(&self, range: Range) -> StoreFuture<'_, Page>;

    /// Changes a key if a condition holds, and otherwise reads it.
    ///
    /// # Errors
    ///
    /// [`LeaseNotFound`](StoreError::LeaseNotFound), [`Size`](StoreError::Size),
    /// [`NoSpace`](StoreError::NoSpace).
    fn txn(&self, txn: Txn) -> StoreFuture<'_, Outcome>;

    /// Follows the changes of all keys with a prefix, from the revision `from`
    /// on, that one included; with [`Revision::ZERO`], those after now.
    ///
    /// Who has read a page of revision `r` goes on from `r.next()`. A revision
    /// of the future is waited for. What the stream does when it is not read
    /// is the store's affair: it may end with
    /// [`Lagged`](crate::WatchError::Lagged), but holds nobody up.
    ///
    /// # Errors
    ///
    /// [`Limit`](StoreError::Limit). That history is gone is told by the
    /// stream, with [`Compacted`](crate::WatchError::Compacted) if `from` is
    /// not above the compacted revision.
    fn watch(&self, prefix: Key, from: Revision) -> StoreFuture<'_, WatchStream>;

    /// Has every watch that is up to date tell how far it is, by an empty batch.
    ///
    /// A watch that still catches up, or that is not being read, tells nothing:
    /// whoever waits for a revision asks again.
    ///
    /// # Errors
    ///
    /// [`Closed`](StoreError::Closed).
    fn request_progress(&self) -> StoreFuture<'_, ()>;

    /// The revision of the latest change.
    ///
    /// # Errors
    ///
    /// [`Closed`](StoreError::Closed).
    fn current(&self) -> StoreFuture<'_, Revision>;

    /// Forgets the history up to a revision: what was superseded or deleted by
    /// then. That revision itself can still be read.
    ///
    /// It is forgotten when this returns; room is made afterwards. To have
    /// forgotten more already is no error.
    ///
    /// # Errors
    ///
    /// [`Future`](StoreError::Future) above the current revision.
    fn compact(&self, to: Revision) -> StoreFuture<'_, ()>;

    /// Makes a lease.
    ///
    /// # Errors
    ///
    /// [`LeaseTtl`](StoreError::LeaseTtl), [`Limit`](StoreError::Limit).
    fn grant_lease(&self, ttl: Duration) -> StoreFuture<'_, Lease>;

    /// Lets a lease live for its whole time again.
    ///
    /// # Errors
    ///
    /// [`LeaseNotFound`](StoreError::LeaseNotFound).
    fn keep_alive(&self, lease: LeaseId) -> StoreFuture<'_, Lease>;

    /// Ends a lease and deletes its keys, all in one revision.
    ///
    /// # Errors
    ///
    /// [`LeaseNotFound`](StoreError::LeaseNotFound).
    fn revoke_lease(&self, lease: LeaseId) -> StoreFuture<'_, ()>;

    /// Tells size and state.
    ///
    /// # Errors
    ///
    /// [`Closed`](StoreError::Closed).
    fn stats(&self) -> StoreFuture<'_, Stats>;
}
