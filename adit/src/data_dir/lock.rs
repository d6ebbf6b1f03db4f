//! Advisory locks on files, given back when their holder ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

/// Held until dropped.
#[derive(Debug)]
pub(crate) struct FileLock {
    _file: File,
}

/// How often a waiter looks again.
const POLL: Duration = Duration::from_millis(20);

impl FileLock {
    /// Takes the lock if it is free; `None` if another process holds it.
    pub(crate) fn try_take(path: &Path) -> io::Result<Option<Self>> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Takes the lock, waiting for its holder; `None` if that took too long.
    pub(crate) async fn take(path: &Path, limit: Duration) -> io::Result<Option<Self>> {
        let taken = async {
            loop {
                if let Some(lock) = Self::try_take(path)? {
                    return Ok(lock);
                }
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::time::timeout(limit, taken).await.ok().transpose()
    }
}
