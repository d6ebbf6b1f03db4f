//! Objects in the store.

use std::sync::Arc;
use std::time::Duration;

use api::Resource;
use bytes::Bytes;
use futures_util::StreamExt as _;
use store::{
    Key, KeyValue, Outcome, Page, Range, Revision, Stats, Store, StoreError, Txn, WatchStream,
};

use crate::Status;
use crate::changes::Changes;
use crate::lifetimes::Lifetimes;
use crate::mirror::Mirror;
use crate::object::Stored;

/// The store, with its failures as clients are told them.
#[derive(Clone, Debug)]
pub(crate) struct Storage {
    store: Arc<dyn Store>,
    mirror: Option<Arc<Mirror>>,
    lifetimes: Arc<Lifetimes>,
    changes: Arc<Changes>,
}

/// What came of a write.
#[derive(Debug)]
pub(crate) enum Written {
    /// It is done, at this revision.
    Done(u64),
    /// Somebody was faster.
    Lost,
}

impl Storage {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            mirror: None,
            lifetimes: Arc::default(),
            changes: Arc::default(),
        }
    }

    /// The same store; what is written to it, and what is read and heard from
    /// it, is so only when `mirror` shows it. Whoever knows of a change can
    /// rely on being decided about by it.
    pub(crate) fn mirrored_by(self, mirror: Arc<Mirror>) -> Self {
        Self {
            mirror: Some(mirror),
            ..self
        }
    }

    /// What was made of its latest changes.
    pub(crate) fn changes(&self) -> &Changes {
        &self.changes
    }

    /// The object under a key, if there is one.
    pub(crate) async fn get(&self, key: &Key) -> Result<Option<Stored>, Status> {
        let got = self.store.get(key, None).await.map_err(failed)?;
        self.show(got.kv.as_deref()).await;
        got.kv.as_deref().map(Stored::new).transpose()
    }

    /// The keys and values of a range.
    pub(crate) async fn range(&self, range: Range) -> Result<Page, RangeError> {
        let page = self.store.range(range).await.map_err(|error| {
            if matches!(error, StoreError::Compacted { .. }) {
                RangeError::Gone
            } else {
                RangeError::Failed(failed(error))
            }
        })?;
        self.show(page.kvs.iter().map(|kv| &**kv)).await;
        Ok(page)
    }

    /// Waits until the mirror shows what was read. The store's own revision may
    /// be that of something else than an object, which no mirror shows.
    async fn show(&self, read: impl IntoIterator<Item = &KeyValue>) {
        let newest = read.into_iter().map(|kv| kv.mod_revision).max();
        if let (Some(mirror), Some(newest)) = (&self.mirror, newest) {
            mirror.reach(newest.0).await;
        }
    }

    /// Writes an object that must not be there yet.
    pub(crate) async fn create(
        &self,
        resource: &Resource,
        key: Key,
        object: Bytes,
    ) -> Result<Written, Status> {
        self.put(resource, Txn::create(key, object)).await
    }

    /// Writes an object in the place of the one of that revision.
    pub(crate) async fn replace(
        &self,
        resource: &Resource,
        key: Key,
        revision: u64,
        object: Bytes,
    ) -> Result<Written, Status> {
        let txn = Txn::update(key, Revision(revision), object);
        self.put(resource, txn).await
    }

    /// Writes for as long as objects of the resource are kept.
    async fn put(&self, resource: &Resource, txn: Txn) -> Result<Written, Status> {
        let Some(seconds) = resource.behaviour.ttl_seconds else {
            return self.write(txn).await;
        };
        let lease = self
            .lifetimes
            .lease(&self.store, seconds)
            .await
            .map_err(failed)?;
        self.write(txn.with_lease(lease)).await
    }

    /// Forgets the history up to a revision.
    pub(crate) async fn compact(&self, to: u64) -> Result<(), Status> {
        self.store.compact(Revision(to)).await.map_err(failed)
    }

    /// Takes the object of that revision away.
    pub(crate) async fn remove(&self, key: Key, revision: u64) -> Result<Written, Status> {
        self.write(Txn::delete(key, Revision(revision))).await
    }

    async fn write(&self, txn: Txn) -> Result<Written, Status> {
        match self.store.txn(txn).await.map_err(failed)? {
            Outcome::Done { revision, .. } => {
                if let Some(mirror) = &self.mirror {
                    mirror.reach(revision.0).await;
                }
                Ok(Written::Done(revision.0))
            }
            Outcome::Conflict { .. } => Ok(Written::Lost),
        }
    }

    /// Changes below a prefix from a revision on, or from now on.
    pub(crate) async fn watch(
        &self,
        prefix: Key,
        from: Option<u64>,
    ) -> Result<WatchStream, Status> {
        let from = from.map_or(Revision::ZERO, Revision);
        let changes = self.store.watch(prefix, from).await.map_err(failed)?;
        let Some(mirror) = self.mirror.clone() else {
            return Ok(changes);
        };
        let shown = changes.then(move |batch| {
            let mirror = mirror.clone();
            async move {
                if let Ok(batch) = &batch
                    && !batch.events.is_empty()
                {
                    mirror.reach(batch.revision.0).await;
                }
                batch
            }
        });
        Ok(shown.boxed())
    }

    /// The current revision.
    pub(crate) async fn current(&self) -> Result<u64, Status> {
        Ok(self.store.current().await.map_err(failed)?.0)
    }

    /// Waits until the store has reached a revision that a client asks for.
    ///
    /// # Errors
    /// If it has not after 3 s, as with a revision of another store.
    pub(crate) async fn reach(&self, revision: u64) -> Result<(), Status> {
        let deadline = tokio::time::Instant::now() + FUTURE_WAIT;
        loop {
            let current = self.current().await?;
            if current >= revision {
                return Ok(());
            }
            if tokio::time::Instant::now() >= deadline {
                return Err(Status::too_large_revision(revision, current));
            }
            tokio::time::sleep(FUTURE_STEP).await;
        }
    }

    /// Size and state of the store.
    pub(crate) async fn stats(&self) -> Result<Stats, Status> {
        self.store.stats().await.map_err(failed)
    }

    /// Asks all watches to tell how far they are.
    pub(crate) async fn request_progress(&self) -> Result<(), Status> {
        self.store.request_progress().await.map_err(failed)
    }
}

/// Why a range could not be read.
#[derive(Debug)]
pub(crate) enum RangeError {
    /// For a reason that clients are told.
    Failed(Status),
    /// That revision is gone.
    Gone,
}

/// The objects of a page, parsed as far as is needed to send them.
pub(crate) fn stored(kvs: &[Arc<KeyValue>]) -> Result<Vec<Stored>, Status> {
    kvs.iter().map(|kv| Stored::new(kv)).collect()
}

/// What a resource's object would be under, for messages.
pub(crate) fn not_found(resource: &Resource, name: &str) -> Status {
    Status::not_found(&resource.group_resource(), name)
}

/// A store's failure, as clients are told it.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "all but these are failures of the server's own"
)]
fn failed(error: StoreError) -> Status {
    match error {
        StoreError::Closed => Status::unavailable("the server is being shut down"),
        StoreError::Future { requested, current } => {
            Status::too_large_revision(requested.0, current.0)
        }
        StoreError::Limit { .. } => Status::too_many_requests(1),
        StoreError::Size { max, .. } => Status::too_large(max),
        error => {
            tracing::error!(%error, "the store failed");
            Status::internal(&error.to_string())
        }
    }
}

const FUTURE_WAIT: Duration = Duration::from_secs(3);
const FUTURE_STEP: Duration = Duration::from_millis(50);
