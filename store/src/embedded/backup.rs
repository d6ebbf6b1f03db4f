use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::archive::{Part, Writing};
use super::disk::View;
use super::medium::sync_folder;
use super::reading::blocking;
use super::record::Place;
use super::shared::Shared;
use crate::{Incarnation, Revision, StoreError};

/// What a backup holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BackupSummary {
    /// Of which store it is.
    pub incarnation: Incarnation,
    /// The revision that it holds everything up to.
    pub revision: Revision,
    /// How many changes are in it.
    pub records: u64,
    /// Its length in bytes.
    pub bytes: u64,
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The file could not be written, or exists.
    #[error("cannot write the backup {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The store could not be read.
    #[error("cannot read what is to be backed up: {0}")]
    Store(#[from] StoreError),
}

/// Ends the copying when nobody waits for it any more.
struct Abandon(Arc<AtomicBool>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(super) async fn backup(shared: Arc<Shared>, to: PathBuf) -> Result<BackupSummary, BackupError> {
    let abandoned = Arc::new(AtomicBool::new(false));
    let abandon = Abandon(abandoned.clone());
    let work = move || Ok(write(&shared, &to, &abandoned));
    let result = blocking(work).await?;
    drop(abandon);
    result
}

fn write(shared: &Shared, to: &Path, abandoned: &AtomicBool) -> Result<BackupSummary, BackupError> {
    let failed = |source| BackupError::File {
        path: to.to_owned(),
        source,
    };
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&partial)
        .map_err(failed)?;
    let mut copied = None;
    let read = shared.read(
        |state| state.readable(None),
        |view, _| {
            copied = Some(copy(view, file, abandoned));
            Ok(())
        },
    );
    // A link, because it does not replace what is there.
    let linked = match (read, copied) {
        (Err(error), _) => Err(error.into()),
        (Ok(()), Some(Ok(summary))) => std::fs::hard_link(&partial, to)
            .and_then(|()| sync_folder(to))
            .map(|()| summary)
            .map_err(failed),
        (Ok(()), Some(Err(CopyError::Store(error)))) => Err(error.into()),
        (Ok(()), Some(Err(CopyError::Io(error)))) => Err(failed(error)),
        (Ok(()), None) => Err(StoreError::Closed.into()),
    };
    let removed = std::fs::remove_file(&partial);
    let summary = linked?;
    removed.map_err(failed)?;
    Ok(summary)
}

/// Why a copy was not finished.
#[derive(Debug, thiserror::Error)]
enum CopyError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn copy(view: &View, file: File, abandoned: &AtomicBool) -> Result<BackupSummary, CopyError> {
    let (identity, meta) = view.meta()?;
    let mut out = Writing::new(BufWriter::with_capacity(1 << 20, file))?;
    out.part(&Part::Store(identity, meta))?;
    let mut records = 0;
    for entry in view.history.records(Place::FIRST, Place::LAST)? {
        if abandoned.load(Ordering::Relaxed) {
            return Err(StoreError::Closed.into());
        }
        let (place, record) = entry?;
        out.part(&Part::Record(place, record))?;
        records += 1;
    }
    for (id, ttl) in view.leases()? {
        out.part(&Part::Lease(id, ttl))?;
    }
    out.part(&Part::End)?;
    let bytes = out.bytes;
    let mut out = out.into_inner();
    out.flush()?;
    out.get_ref().sync_all()?;
    Ok(BackupSummary {
        incarnation: identity.incarnation,
        revision: meta.revision,
        records,
        bytes,
    })
}
