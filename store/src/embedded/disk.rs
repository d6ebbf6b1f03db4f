use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redb::{
    Database, DatabaseError, ReadTransaction, ReadableDatabase as _, ReadableTable as _,
    TableDefinition, WriteTransaction,
};

use super::history::{HISTORY, Reading, Writing};
use super::index::Garbage;
use super::medium::{Medium, Observed};
use super::meta::{Identity, Meta};
use super::record::{Place, Record};
use crate::{LeaseId, StoreError};

/// Leases: their time in milliseconds, with its checksum.
const LEASES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("leases");
/// What the store is, and how far.
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const IDENTITY: &str = "identity";
const STATE: &str = "state";

/// The database, and what was noticed of its storage.
#[derive(Debug)]
pub(super) struct Disk {
    db: Database,
    sync_failed: Arc<AtomicBool>,
}

/// What one commit changes.
#[derive(Debug, Default)]
pub(super) struct Commit<'a> {
    pub(super) records: &'a [(Place, Record)],
    pub(super) garbage: &'a [Garbage],
    pub(super) granted: &'a [(LeaseId, Duration)],
    pub(super) revoked: &'a [LeaseId],
}

impl Disk {
    /// Opens the database. With `check`, every page of it is verified first.
    pub(super) fn open(
        medium: &dyn Medium,
        cache: usize,
        check: bool,
    ) -> Result<Self, DatabaseError> {
        let sync_failed = Arc::new(AtomicBool::new(false));
        let inner = medium.open().map_err(redb::StorageError::from)?;
        let db = Database::builder()
            .set_cache_size(cache)
            .set_check_integrity_on_open(check)
            .create_with_backend(Observed {
                inner,
                sync_failed: sync_failed.clone(),
            })?;
        Ok(Self { db, sync_failed })
    }

    /// Whether what was written may be lost, although it can be read.
    pub(super) fn sync_failed(&self) -> bool {
        self.sync_failed.load(Ordering::Acquire)
    }

    /// Writes the first of all, into a database without tables.
    pub(super) fn init(&self, identity: Identity, meta: Meta) -> Result<(), redb::Error> {
        let txn = self.db.begin_write()?;
        txn.open_table(HISTORY)?;
        txn.open_table(LEASES)?;
        txn.open_table(META)?
            .insert(IDENTITY, identity.encode().as_slice())?;
        write_meta(&txn, meta)?;
        Ok(txn.commit()?)
    }

    /// Makes a commit durable; when this returns, it is.
    pub(super) fn commit(&self, commit: &Commit<'_>, meta: Meta) -> Result<(), redb::Error> {
        let txn = self.db.begin_write()?;
        {
            let mut history = Writing(txn.open_table(HISTORY)?);
            for (place, record) in commit.records {
                history.insert(*place, record)?;
            }
            history.remove(commit.garbage)?;
        }
        if !commit.granted.is_empty() || !commit.revoked.is_empty() {
            let mut leases = txn.open_table(LEASES)?;
            for (id, ttl) in commit.granted {
                leases.insert(id.0, encode_ttl(*id, *ttl).as_slice())?;
            }
            for id in commit.revoked {
                leases.remove(id.0)?;
            }
        }
        write_meta(&txn, meta)?;
        Ok(txn.commit()?)
    }

    /// A view of the database as it is now.
    pub(super) fn view(&self) -> Result<View, StoreError> {
        let view = || -> Result<View, redb::Error> {
            let txn = self.db.begin_read()?;
            let history = Reading(txn.open_table(HISTORY)?);
            Ok(View { txn, history })
        };
        view().map_err(|error| failure("begin to read", error))
    }

    /// What the store is and how far; none if nothing was ever committed.
    pub(super) fn meta(&self) -> Result<Option<(Identity, Meta)>, StoreError> {
        let txn = self
            .db
            .begin_read()
            .map_err(|error| failure("begin to read", error.into()))?;
        read_meta(&txn)
    }
}

fn write_meta(txn: &WriteTransaction, meta: Meta) -> Result<(), redb::Error> {
    txn.open_table(META)?
        .insert(STATE, meta.encode().as_slice())?;
    Ok(())
}

fn read_meta(txn: &ReadTransaction) -> Result<Option<(Identity, Meta)>, StoreError> {
    let reading = |error: redb::Error| failure("read what the store is", error);
    let table = match txn.open_table(META) {
        Ok(table) => table,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(reading(error.into())),
    };
    let get = |name| table.get(name).map_err(|e| reading(e.into()));
    let (Some(identity), Some(state)) = (get(IDENTITY)?, get(STATE)?) else {
        return Err(corrupt("there is no state in it"));
    };
    Ok(Some((
        Identity::decode(identity.value())?,
        Meta::decode(state.value())?,
    )))
}

/// The database as it was when this was made.
pub(super) struct View {
    txn: ReadTransaction,
    pub(super) history: Reading,
}

impl View {
    /// What the store is, and how far it was.
    pub(super) fn meta(&self) -> Result<(Identity, Meta), StoreError> {
        read_meta(&self.txn)?.ok_or_else(|| corrupt("there is no state in it"))
    }

    pub(super) fn leases(&self) -> Result<Vec<(LeaseId, Duration)>, StoreError> {
        let reading = |error: redb::Error| failure("read the leases", error);
        let table = self.txn.open_table(LEASES).map_err(|e| reading(e.into()))?;
        let all = table.iter().map_err(|e| reading(e.into()))?;
        all.map(|entry| {
            let (id, ttl) = entry.map_err(|e| reading(e.into()))?;
            let id = LeaseId(id.value());
            Ok((id, decode_ttl(id, ttl.value())?))
        })
        .collect()
    }
}

pub(super) fn decode(place: Place, bytes: &[u8]) -> Result<Record, StoreError> {
    Record::decode(place, bytes)
        .map_err(|error| corrupt(format!("the record of revision {place}: {error}")))
}

pub(super) fn encode_ttl(id: LeaseId, ttl: Duration) -> [u8; 12] {
    let millis = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&millis.to_le_bytes());
    let crc = lease_checksum(id, &bytes[..8]);
    bytes[8..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

pub(super) fn decode_ttl(id: LeaseId, bytes: &[u8]) -> Result<Duration, StoreError> {
    let wrong = || corrupt(format!("the record of lease {id}"));
    let (millis, crc) = bytes.split_last_chunk().ok_or_else(wrong)?;
    if lease_checksum(id, millis) != u32::from_le_bytes(*crc) {
        return Err(wrong());
    }
    let millis = millis.try_into().map_err(|_| wrong())?;
    Ok(Duration::from_millis(u64::from_le_bytes(millis)))
}

fn lease_checksum(id: LeaseId, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&id.0.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

pub(super) fn corrupt(what: impl Into<Arc<str>>) -> StoreError {
    StoreError::Corrupt { what: what.into() }
}

/// What a failure of the database means to whoever asked.
pub(super) fn failure(doing: &'static str, error: redb::Error) -> StoreError {
    if let redb::Error::Corrupted(what) = error {
        return corrupt(what);
    }
    let source = if let redb::Error::Io(source) = error {
        source
    } else {
        io::Error::other(error)
    };
    let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
    if full.contains(&source.kind()) {
        return StoreError::NoSpace;
    }
    let source = Arc::new(source);
    StoreError::Io { doing, source }
}
