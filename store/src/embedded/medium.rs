use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Bound;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::backends::{FileBackend, InMemoryBackend};
use redb::{BackendError, StorageBackend};

/// Where a store lies: a file, or in tests something that fails like one.
pub trait Medium: Debug + Send + Sync + 'static {
    /// Opens it; again after a failure, when what was opened before is gone.
    ///
    /// # Errors
    ///
    /// If it cannot be opened.
    fn open(&self) -> io::Result<Box<dyn StorageBackend>>;

    /// The bytes it takes on disk.
    ///
    /// # Errors
    ///
    /// If they cannot be told.
    fn size(&self) -> io::Result<u64>;
}

/// A file.
#[derive(Debug)]
pub(super) struct InFile {
    pub(super) path: PathBuf,
}

impl Medium for InFile {
    fn open(&self) -> io::Result<Box<dyn StorageBackend>> {
        // It holds secrets.
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&self.path)?;
        let backend = FileBackend::new(file).map_err(io::Error::other)?;
        Ok(Box::new(backend))
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.path.metadata()?.blocks() * 512)
    }
}

/// The memory of this process: it never fails, and is opened once.
#[derive(Debug)]
pub(super) struct InMemory;

impl Medium for InMemory {
    fn open(&self) -> io::Result<Box<dyn StorageBackend>> {
        Ok(Box::new(InMemoryBackend::new()))
    }

    fn size(&self) -> io::Result<u64> {
        Ok(0)
    }
}

/// Makes what happened to a file's name durable.
pub(super) fn sync_folder(of: &Path) -> io::Result<()> {
    let folder = match of.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

/// Storage that remembers whether a sync of it has failed.
///
/// What was written before such a sync may be lost although it can be read:
/// the kernel marks pages that it could not write as clean.
#[derive(Debug)]
pub(super) struct Observed {
    pub(super) inner: Box<dyn StorageBackend>,
    pub(super) sync_failed: Arc<AtomicBool>,
}

impl StorageBackend for Observed {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        let result = self.inner.sync_data();
        if result.is_err() {
            self.sync_failed.store(true, Ordering::Release);
        }
        result
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.inner.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.inner.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.query_lock_range(start, end)
    }
}
