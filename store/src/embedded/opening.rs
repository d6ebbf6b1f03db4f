use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use redb::DatabaseError;

use super::disk::{Disk, failure};
use super::index::Index;
use super::leases::Leases;
use super::medium::{InFile, InMemory, Medium, sync_folder};
use super::meta::{FORMAT, Identity, Meta};
use super::options::Options;
use super::recent::Recent;
use super::record::Place;
use super::request::Queued;
use super::shared::Shared;
use super::state::State;
use super::watchers::Watchers;
use super::writer::Writer;
use crate::{Incarnation, Revision, StoreError};

/// The name of the store's file in its folder.
pub(super) const FILE: &str = "store.redb";

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Its file could not be made.
    #[error("cannot make the store's file: {0}")]
    File(#[from] io::Error),
    /// Its folder could not be made.
    #[error("cannot make the folder {path}: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It was written in a layout that this version does not know.
    #[error("the store is of format {found}, and this version knows {FORMAT} only")]
    Format {
        /// The layout's number.
        found: u32,
    },
    /// Another process has it open, or this one.
    #[error("the store is in use by another process; stop that one first")]
    InUse,
    /// The system gives no thread.
    #[error("cannot start the store's writer: {0}")]
    Thread(io::Error),
    /// It could not be read, or is damaged.
    #[error("cannot open the store: {0}")]
    Store(#[from] StoreError),
}

/// The folder of a store while its file is being made; nobody else makes one
/// there meanwhile.
pub(super) struct Folder {
    /// Where the file is to be.
    pub(super) file: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder, if it is not there; only its owner may look into it.
    pub(super) fn lock(path: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Folder {
            path: path.to_owned(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed)?;
        let lock = File::open(path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                file: path.join(FILE),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Makes the file by `build`, under another name until it is complete: of
    /// one that is not, nothing can be told.
    pub(super) fn make<T, E>(&self, build: impl FnOnce(&InFile) -> Result<T, E>) -> Result<T, E>
    where
        E: From<io::Error>,
    {
        let path = self.file.with_extension("new");
        if path.try_exists()? {
            fs::remove_file(&path)?;
        }
        let building = InFile { path };
        let built = build(&building)?;
        fs::rename(&building.path, &self.file)?;
        sync_folder(&self.file)?;
        Ok(built)
    }
}

/// The file in a folder; made, with an empty store, if it is not there.
pub(super) fn in_folder(path: &Path, options: &Options) -> Result<InFile, OpenError> {
    let file = path.join(FILE);
    // Whoever has the store open has no use for the folder's lock.
    if !file.exists() {
        let folder = Folder::lock(path)?;
        if !folder.file.exists() {
            folder.make(|medium| {
                let disk = Disk::open(medium, options.cache, false).map_err(cannot_open)?;
                init(&disk, Meta::EMPTY)
            })?;
        }
    }
    Ok(InFile { path: file })
}

fn init(disk: &Disk, meta: Meta) -> Result<(), OpenError> {
    disk.init(Identity::new(), meta)
        .map_err(|error| failure("write its first record", error).into())
}

/// Opens the database, verifies it, and reads all that is kept in memory.
pub(super) fn open(
    medium: Arc<dyn Medium>,
    options: Options,
    queue: Receiver<Queued>,
) -> Result<Writer, OpenError> {
    open_from(medium, Meta::EMPTY, options, queue)
}

/// Makes an empty store in memory that begins at a revision; all before it
/// counts as compacted.
pub(super) fn in_memory(
    first: Revision,
    options: Options,
    queue: Receiver<Queued>,
) -> Result<Writer, OpenError> {
    let empty = Meta {
        revision: first,
        compacted: Revision(first.0.saturating_sub(1)),
        ..Meta::EMPTY
    };
    open_from(Arc::new(InMemory), empty, options, queue)
}

/// Opens what lies on a medium; `empty`, if nothing does.
fn open_from(
    medium: Arc<dyn Medium>,
    empty: Meta,
    options: Options,
    queue: Receiver<Queued>,
) -> Result<Writer, OpenError> {
    let disk = Disk::open(&*medium, options.cache, true).map_err(cannot_open)?;
    let (identity, meta) = match disk.meta()? {
        Some((identity, _)) if identity.format != FORMAT => {
            let found = identity.format;
            return Err(OpenError::Format { found });
        }
        Some(known) => known,
        None => {
            init(&disk, empty)?;
            disk.view()?.meta()?
        }
    };
    let (state, leases) = load(&disk, identity.incarnation, meta, &options)?;
    Ok(Writer {
        shared: Arc::new(Shared::new(options, medium, identity, disk, state)),
        queue,
        leases,
        meta,
        pause: None,
        failing: false,
    })
}

fn load(
    disk: &Disk,
    incarnation: Incarnation,
    meta: Meta,
    options: &Options,
) -> Result<(State, Leases), StoreError> {
    let view = disk.view()?;
    let mut index = Index::default();
    for entry in view.history.records(Place::FIRST, Place::LAST)? {
        let (place, record) = entry?;
        index.apply(place, record.kind, &record.kv);
    }
    let mut leases = Leases::default();
    for (id, ttl) in view.leases()? {
        leases.insert(id, ttl);
    }
    for kv in index.iter() {
        if let Some(lease) = kv.lease {
            leases.bind(lease, &kv.key);
        }
    }
    let state = State {
        incarnation,
        revision: meta.revision,
        compacted: meta.compacted,
        index,
        recent: Recent::new(meta.revision.next(), options.recent),
        watchers: Watchers::new(options.watch_bytes),
        leases: leases.len() as u64,
        closed: false,
    };
    Ok((state, leases))
}

fn cannot_open(error: DatabaseError) -> OpenError {
    if matches!(error, DatabaseError::DatabaseAlreadyOpen) {
        return OpenError::InUse;
    }
    OpenError::Store(failure("open its file", error.into()))
}
