use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::archive::{ArchiveError, Part, Reading};
use super::backup::BackupSummary;
use super::disk::{Commit, Disk, failure};
use super::medium::InFile;
use super::meta::{FORMAT, Identity, Meta};
use super::opening::{Folder, OpenError};
use super::reading::blocking;
use super::record::{Place, Record};
use crate::{LeaseId, Revision, StoreError};

/// How far a restored store is ahead of its backup, in revisions.
///
/// What the old store did after the backup must not be mistaken for what the
/// new one does. At 10,000 changes a second this is three years of them, and
/// 9,000 restores fit into the numbers that JSON readers keep exact. The same
/// goes for the numbers of leases.
pub const RESTORE_STEP: u64 = 1_000_000_000_000;

/// Records written in one commit.
const SLICE: usize = 1024;
/// The same in bytes of values.
const SLICE_BYTES: usize = 16 << 20;

/// Why a backup was not restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The backup is damaged.
    #[error("the backup {path} cannot be used: {why}; nothing was restored")]
    Damaged {
        /// The backup.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There is a store already.
    #[error("there is a store at {path}; move it away first")]
    Exists {
        /// The store's file.
        path: PathBuf,
    },
    /// The new store's folder or file could not be made.
    #[error("cannot make the store: {0}")]
    File(#[from] io::Error),
    /// The new store's folder could not be made.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The new store could not be written.
    #[error("cannot write the store: {0}")]
    Store(#[from] StoreError),
}

/// Makes a store in a folder out of a backup.
///
/// It is another [`Incarnation`](crate::Incarnation), at a revision that is
/// [`RESTORE_STEP`] beyond the backup's; its history is compacted up to there,
/// so that nobody goes on with what he saw of the old one. Returns what the
/// new store is and holds.
///
/// # Errors
///
/// If the backup is damaged in any place, or there is a store in the folder.
pub async fn restore(backup: &Path, folder: &Path) -> Result<BackupSummary, RestoreError> {
    let (backup, folder) = (backup.to_owned(), folder.to_owned());
    blocking(move || Ok(restore_now(&backup, &folder))).await?
}

fn restore_now(backup: &Path, to: &Path) -> Result<BackupSummary, RestoreError> {
    let damaged = |error: ArchiveError| RestoreError::Damaged {
        path: backup.to_owned(),
        why: error.to_string(),
    };
    // All of it once before anything is made.
    each(backup, |_| Ok(())).map_err(damaged)?;
    let folder = Folder::lock(to)?;
    let path = folder.file.clone();
    if path.try_exists()? {
        return Err(RestoreError::Exists { path });
    }
    folder.make(|medium| build(backup, medium))
}

fn build(backup: &Path, medium: &InFile) -> Result<BackupSummary, RestoreError> {
    let disk = Disk::open(medium, 16 << 20, false)
        .map_err(|error| failure("open its file", error.into()))?;
    let identity = Identity::new();
    let mut building = Building {
        disk,
        identity,
        meta: Meta::EMPTY,
        records: Vec::new(),
        leases: Vec::new(),
        bytes: 0,
        total: 0,
    };
    each(backup, |part| building.take(part)).map_err(|error| RestoreError::Damaged {
        path: backup.to_owned(),
        why: error.to_string(),
    })?;
    building.commit()?;
    Ok(BackupSummary {
        incarnation: identity.incarnation,
        revision: building.meta.revision,
        records: building.total,
        bytes: medium.path.metadata()?.len(),
    })
}

/// A store that is being restored.
struct Building {
    disk: Disk,
    identity: Identity,
    meta: Meta,
    records: Vec<(Place, Record)>,
    leases: Vec<(LeaseId, Duration)>,
    bytes: usize,
    total: u64,
}

impl Building {
    fn take(&mut self, part: Part) -> Result<(), ArchiveError> {
        match part {
            Part::Store(_, meta) => {
                let ahead = |number: u64| {
                    number
                        .checked_add(RESTORE_STEP)
                        .filter(|ahead| *ahead <= i64::MAX as u64)
                        .ok_or(ArchiveError::Damaged("there are no more revisions"))
                };
                let revision = Revision(ahead(meta.revision.0)?);
                self.meta = Meta {
                    revision,
                    compacted: revision,
                    next_lease: ahead(meta.next_lease)?,
                };
                self.disk
                    .init(self.identity, self.meta)
                    .map_err(|error| failure("write its first record", error))?;
            }
            Part::Record(place, record) => {
                self.total += 1;
                self.bytes += record.kv.value.len();
                self.records.push((place, record));
            }
            Part::Lease(id, ttl) => self.leases.push((id, ttl)),
            Part::End => {}
        }
        if self.records.len() + self.leases.len() >= SLICE || self.bytes >= SLICE_BYTES {
            self.commit()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        let commit = Commit {
            records: &self.records,
            granted: &self.leases,
            ..Commit::default()
        };
        self.disk
            .commit(&commit, self.meta)
            .map_err(|error| failure("write", error))?;
        self.records.clear();
        self.leases.clear();
        self.bytes = 0;
        Ok(())
    }
}

/// Gives every part of a backup that is whole.
fn each(
    backup: &Path,
    mut take: impl FnMut(Part) -> Result<(), ArchiveError>,
) -> Result<(), ArchiveError> {
    let file = File::open(backup)?;
    let mut reading = Reading::new(BufReader::with_capacity(1 << 20, file))?;
    match reading.part()? {
        Part::Store(identity, _) if identity.format != FORMAT => {
            return Err(ArchiveError::Damaged("it is of another version's format"));
        }
        part @ Part::Store(..) => take(part)?,
        Part::End | Part::Lease(..) | Part::Record(..) => {
            return Err(ArchiveError::Damaged(
                "it does not say of which store it is",
            ));
        }
    }
    loop {
        match reading.part()? {
            Part::End => return take(Part::End),
            Part::Store(..) => return Err(ArchiveError::Damaged("it is of two stores")),
            part @ (Part::Lease(..) | Part::Record(..)) => take(part)?,
        }
    }
}
