use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
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
    /// What the backup was written to has failed.
    #[error("cannot write the backup: {0}")]
    Write(#[source] io::Error),
}

/// Ends the copying when nobody waits for it any more.
struct Abandon(Arc<AtomicBool>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(super) async fn to_file(
    shared: Arc<Shared>,
    to: PathBuf,
) -> Result<BackupSummary, BackupError> {
    abandoned_when_dropped(move |abandoned| write_file(&shared, &to, abandoned)).await
}

pub(super) async fn to_writer(
    shared: Arc<Shared>,
    out: impl Write + Send + 'static,
) -> Result<BackupSummary, BackupError> {
    abandoned_when_dropped(move |abandoned| {
        let mut copied = Err(StoreError::Closed.into());
        let read = read(&shared, |view| copied = copy(view, out, abandoned));
        read?;
        match copied {
            Ok((summary, _)) => Ok(summary),
            Err(CopyError::Store(error)) => Err(error.into()),
            Err(CopyError::Io(error)) => Err(BackupError::Write(error)),
        }
    })
    .await
}

/// Does work that blocks, and tells it when nobody waits for it any more.
async fn abandoned_when_dropped<T, F>(work: F) -> Result<T, BackupError>
where
    T: Send + 'static,
    F: FnOnce(&AtomicBool) -> Result<T, BackupError> + Send + 'static,
{
    let abandoned = Arc::new(AtomicBool::new(false));
    let abandon = Abandon(abandoned.clone());
    let result = blocking(move || Ok(work(&abandoned))).await?;
    drop(abandon);
    result
}

/// Shows one picture of the store, unless it cannot be read.
fn read(shared: &Shared, look: impl FnOnce(&View)) -> Result<(), StoreError> {
    shared.read(
        |state| state.readable(None),
        |view, _| {
            look(view);
            Ok(())
        },
    )
}

fn write_file(
    shared: &Shared,
    to: &Path,
    abandoned: &AtomicBool,
) -> Result<BackupSummary, BackupError> {
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
    let mut copied = Err(StoreError::Closed.into());
    let read = read(shared, |view| {
        copied = copy(view, file, abandoned).and_then(|(summary, file)| {
            file.sync_all()?;
            Ok(summary)
        });
    });
    // A link, because it does not replace what is there.
    let linked = match (read, copied) {
        (Err(error), _) | (Ok(()), Err(CopyError::Store(error))) => Err(error.into()),
        (Ok(()), Err(CopyError::Io(error))) => Err(failed(error)),
        (Ok(()), Ok(summary)) => std::fs::hard_link(&partial, to)
            .and_then(|()| sync_folder(to))
            .map(|()| summary)
            .map_err(failed),
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

/// Writes all of it, and gives back what was written to, flushed.
fn copy<W: Write>(
    view: &View,
    out: W,
    abandoned: &AtomicBool,
) -> Result<(BackupSummary, W), CopyError> {
    let (identity, meta) = view.meta()?;
    let mut out = Writing::new(BufWriter::with_capacity(1 << 20, out))?;
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
    let out = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    let summary = BackupSummary {
        incarnation: identity.incarnation,
        revision: meta.revision,
        records,
        bytes,
    };
    Ok((summary, out))
}
