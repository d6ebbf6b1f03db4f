use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::Semaphore;

use super::disk::{Disk, View, corrupt, failure};
use super::medium::Medium;
use super::meta::{Identity, Meta};
use super::options::Options;
use super::plan::Changes;
use super::state::State;
use crate::{Revision, StoreError};

/// What the writer and the readers have in common.
///
/// Who takes both locks takes the disk's first.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) medium: Arc<dyn Medium>,
    identity: Identity,
    disk: RwLock<Option<Disk>>,
    state: RwLock<State>,
    /// Places for watches.
    pub(super) watches: Arc<Semaphore>,
    /// A sync has failed: nothing is written any more.
    failed: AtomicBool,
}

impl Shared {
    pub(super) fn new(
        options: Options,
        medium: Arc<dyn Medium>,
        identity: Identity,
        disk: Disk,
        state: State,
    ) -> Self {
        let watches = Arc::new(Semaphore::new(options.max_watches));
        Self {
            watches,
            options,
            medium,
            identity,
            disk: RwLock::new(Some(disk)),
            state: RwLock::new(state),
            failed: AtomicBool::new(false),
        }
    }

    /// Held briefly, and never while anything is waited for.
    pub(super) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn has_garbage(&self) -> bool {
        let state = self.state();
        state.index.garbage_len(state.compacted) > 0
    }

    /// Whether there is a database to write to.
    pub(super) fn is_open(&self) -> bool {
        let disk = self.disk.read().unwrap_or_else(PoisonError::into_inner);
        disk.is_some() && !self.failed.load(Ordering::Acquire)
    }

    /// Makes changes durable.
    pub(super) fn commit(&self, changes: &Changes) -> Result<(), StoreError> {
        let disk = self.disk.read().unwrap_or_else(PoisonError::into_inner);
        let disk = disk.as_ref().ok_or(StoreError::Failed)?;
        disk.commit(&changes.commit(), changes.meta)
            .map_err(|error| failure("write", error))
    }

    /// Reads what is only on disk, as it was when `look` saw what is in memory.
    /// Blocks.
    pub(super) fn read<T, U>(
        &self,
        look: impl FnOnce(&State) -> Result<T, StoreError>,
        read: impl FnOnce(&View, T) -> Result<U, StoreError>,
    ) -> Result<U, StoreError> {
        let disk = self.disk.read().unwrap_or_else(PoisonError::into_inner);
        // The view is made before anything can be removed that memory tells of.
        let (view, seen) = {
            let state = self.state();
            let seen = look(&state)?;
            let disk = disk.as_ref().ok_or(StoreError::Failed)?;
            (disk.view()?, seen)
        };
        read(&view, seen)
    }

    /// Lets a commit be seen.
    pub(super) fn apply(&self, changes: &Changes, leases: u64) {
        let mut state = self.state_mut();
        state.compacted = changes.meta.compacted;
        state.leases = leases;
        state.apply(&changes.records, &changes.events);
        state.forget(&changes.garbage);
    }

    /// Opens the database anew, and tells how far it is. What was written to
    /// one whose sync failed may be lost although it reads well, so that one
    /// stays as it is.
    pub(super) fn reopen(&self) -> Result<Meta, StoreError> {
        let mut slot = self.disk.write().unwrap_or_else(PoisonError::into_inner);
        if slot.as_ref().is_some_and(Disk::sync_failed) {
            self.failed.store(true, Ordering::Release);
        }
        if self.failed.load(Ordering::Acquire) {
            return Err(StoreError::Failed);
        }
        // Its lock has to go first.
        *slot = None;
        let disk = Disk::open(&*self.medium, self.options.cache, false)
            .map_err(|error| failure("open its file", error.into()))?;
        let Some((identity, meta)) = disk.meta()? else {
            return Err(corrupt("it is empty all at once"));
        };
        // What is neither before nor after the commit is nothing to go on with.
        let known = self.state().revision;
        if identity != self.identity || meta.revision < known {
            return Err(corrupt("its file was exchanged"));
        }
        *slot = Some(disk);
        Ok(meta)
    }

    /// Ends reading and watching, and lets go of the file.
    pub(super) fn close(&self) {
        self.state_mut().close();
        let mut disk = self.disk.write().unwrap_or_else(PoisonError::into_inner);
        *disk = None;
    }

    /// The current revision.
    pub(super) fn current(&self) -> Result<Revision, StoreError> {
        self.state().readable(None)
    }
}
