//! The store in this process.
//!
//! On disk is the history: every change that is kept, by revision. In memory
//! is an index of all keys with their values of now and the places of those of
//! the past, made from the history when the store is opened. One thread
//! writes: it takes all requests that wait, judges them, makes one commit of
//! them, and when that is durable changes the memory, tells the watches and
//! answers. Reads of now touch no disk and wait for no commit.

mod archive;
mod backup;
mod disk;
mod history;
mod index;
mod leases;
mod medium;
mod meta;
mod opening;
mod options;
mod plan;
mod reading;
mod recent;
mod record;
mod request;
mod restore;
mod shared;
mod state;
mod watchers;
mod watching;
mod writer;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::ready;
use tokio::sync::{Semaphore, oneshot};

pub use backup::{BackupError, BackupSummary};
pub use medium::Medium;
pub use opening::OpenError;
pub use options::Options;
pub use record::{Place, Record, RecordError};
pub use restore::{RESTORE_STEP, RestoreError, restore};

use crate::{
    Got, Key, Lease, LeaseId, Outcome, Page, Range, Revision, Stats, Store, StoreError,
    StoreFuture, Txn, WatchStream,
};
use request::{Queued, Reply, Request};
use shared::Shared;
use writer::Writer;

/// A store in one file of this machine.
///
/// It is ended by [`close`](Self::close); when it is dropped, its thread ends
/// by itself a little later. Reads of the past and watches that begin there
/// need a tokio runtime, whose blocking threads they use.
#[derive(Debug)]
pub struct Embedded {
    shared: Arc<Shared>,
    queue: SyncSender<Queued>,
    places: Arc<Semaphore>,
}

impl Embedded {
    /// Opens the store in a folder; both are made if they are not there.
    ///
    /// Every page of the file is verified, and all of it is read: that takes
    /// about a second for a few hundred MiB.
    ///
    /// # Errors
    ///
    /// If the store is in use, damaged, of another format, or cannot be read.
    pub async fn open(folder: &Path, options: Options) -> Result<Self, OpenError> {
        let folder = folder.to_owned();
        Self::start(options.queue.max(1), move |requests| {
            let medium = opening::in_folder(&folder, &options)?;
            opening::open(Arc::new(medium), options, requests)
        })
        .await
    }

    /// Opens the store that lies on a medium, as [`open`](Self::open) does.
    ///
    /// # Errors
    ///
    /// As of [`open`](Self::open).
    pub async fn open_on(medium: Arc<dyn Medium>, options: Options) -> Result<Self, OpenError> {
        Self::start(options.queue.max(1), move |requests| {
            opening::open(medium, options, requests)
        })
        .await
    }

    /// Makes an empty store in this process' memory, which is gone with it.
    ///
    /// Its first revision is `first`, 1 at least: whoever begins where an
    /// earlier store was, at a smaller one, is told that this is compacted.
    ///
    /// # Errors
    ///
    /// If its thread cannot be started.
    pub async fn in_memory(first: Revision, options: Options) -> Result<Self, OpenError> {
        Self::start(options.queue.max(1), move |requests| {
            opening::in_memory(first, options, requests)
        })
        .await
    }

    /// Starts the writer, which opens the store first: all that blocks.
    async fn start(
        capacity: usize,
        open: impl FnOnce(Receiver<Queued>) -> Result<Writer, OpenError> + Send + 'static,
    ) -> Result<Self, OpenError> {
        let (queue, requests) = sync_channel(capacity);
        let (opened, opening) = oneshot::channel();
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || match open(requests) {
                Ok(writer) => {
                    if opened.send(Ok(writer.shared.clone())).is_ok() {
                        writer.run();
                    }
                }
                Err(error) => drop(opened.send(Err(error))),
            })
            .map_err(OpenError::Thread)?;
        // The database panics at pages that make no sense.
        let shared = opening
            .await
            .unwrap_or_else(|_| Err(disk::corrupt("a page of it cannot be read").into()))?;
        Ok(Self {
            shared,
            queue,
            places: Arc::new(Semaphore::new(capacity)),
        })
    }

    /// Ends the store when what was requested before is done. Watches end with
    /// an error. The file can be opened again when this returns.
    pub async fn close(&self) {
        // An error means that it is closed already.
        let _ = self.request(Request::Close).await;
    }

    /// Copies the store as it is now into a new file, while reads and writes
    /// go on. The file is complete, or is not there.
    ///
    /// # Errors
    ///
    /// If there is such a file, reading or writing fails, or the store is damaged.
    pub async fn backup(&self, to: &Path) -> Result<BackupSummary, BackupError> {
        backup::to_file(self.shared.clone(), to.to_owned()).await
    }

    /// Writes the same to something else than a file, on a thread that may
    /// block. Without its end, [`restore()`] refuses it.
    ///
    /// While it is being written, the store's file keeps the room of what is
    /// changed meanwhile, so whoever gives `out` bounds how long it may take.
    ///
    /// # Errors
    ///
    /// If `out` fails, reading fails, or the store is damaged.
    pub async fn backup_to(
        &self,
        out: impl Write + Send + 'static,
    ) -> Result<BackupSummary, BackupError> {
        backup::to_writer(self.shared.clone(), out).await
    }

    /// Has the writer do something, when there is a place in its queue.
    async fn request<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, StoreError> {
        let place = self.places.clone().acquire_owned().await;
        let place = place.map_err(|_| StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let request = request(reply);
        // There are as many places in the channel, so this does not block.
        let queued = Queued { request, place };
        self.queue.send(queued).map_err(|_| StoreError::Closed)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    fn stats_now(&self) -> Result<Stats, StoreError> {
        let size = self.shared.medium.size();
        let state = self.shared.state();
        Ok(Stats {
            incarnation: state.incarnation,
            revision: state.readable(None)?,
            compacted: state.compacted,
            keys: state.index.live(),
            history: state.index.history(),
            garbage: state.index.garbage_len(state.compacted),
            leases: state.leases,
            watches: state.watchers.len() as u64,
            size: size.map_err(|source| StoreError::Io {
                doing: "measure its file",
                source: Arc::new(source),
            })?,
        })
    }
}

impl Store for Embedded {
    fn get<'a>(&'a self, key: &'a Key, at: Option<Revision>) -> StoreFuture<'a, Got> {
        reading::get(&self.shared, key, at).boxed()
    }

    fn range(&self, range: Range) -> StoreFuture<'_, Page> {
        reading::range(&self.shared, range).boxed()
    }

    fn txn(&self, txn: Txn) -> StoreFuture<'_, Outcome> {
        self.request(|reply| Request::Txn(txn, reply)).boxed()
    }

    fn watch(&self, prefix: Key, from: Revision) -> StoreFuture<'_, WatchStream> {
        ready(watching::watch(self.shared.clone(), prefix, from)).boxed()
    }

    fn request_progress(&self) -> StoreFuture<'_, ()> {
        let state = self.shared.state();
        let current = state.readable(None);
        ready(current.map(|current| state.watchers.progress(current))).boxed()
    }

    fn current(&self) -> StoreFuture<'_, Revision> {
        ready(self.shared.current()).boxed()
    }

    fn compact(&self, to: Revision) -> StoreFuture<'_, ()> {
        self.request(move |reply| Request::Compact(to, reply))
            .boxed()
    }

    fn grant_lease(&self, ttl: Duration) -> StoreFuture<'_, Lease> {
        self.request(move |reply| Request::Grant(ttl, reply))
            .boxed()
    }

    fn keep_alive(&self, lease: LeaseId) -> StoreFuture<'_, Lease> {
        self.request(move |reply| Request::KeepAlive(lease, reply))
            .boxed()
    }

    fn revoke_lease(&self, lease: LeaseId) -> StoreFuture<'_, ()> {
        self.request(move |reply| Request::Revoke(lease, reply))
            .boxed()
    }

    fn stats(&self) -> StoreFuture<'_, Stats> {
        ready(self.stats_now()).boxed()
    }
}
