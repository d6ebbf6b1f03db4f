use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::{EventKind, Key, KeyValue, LeaseId, Revision};

/// Where a record lies in the history: its revision, and its place in it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Place {
    /// The revision.
    pub revision: Revision,
    /// Its place among the changes of that revision, from 0.
    pub sub: u32,
}

impl Place {
    /// The bytes of a place, which sort as places do.
    pub const LEN: usize = 12;

    pub(super) const FIRST: Self = Self {
        revision: Revision::ZERO,
        sub: 0,
    };

    pub(super) const LAST: Self = Self {
        revision: Revision(u64::MAX),
        sub: u32::MAX,
    };

    pub(super) fn first_of(revision: Revision) -> Self {
        Self { revision, sub: 0 }
    }

    pub(super) fn last_of(revision: Revision) -> Self {
        Self {
            revision,
            sub: u32::MAX,
        }
    }

    pub(super) fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..8].copy_from_slice(&self.revision.0.to_be_bytes());
        bytes[8..].copy_from_slice(&self.sub.to_be_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        let [a, b, c, d, e, f, g, h, sub @ ..] = bytes;
        Self {
            revision: Revision(u64::from_be_bytes([a, b, c, d, e, f, g, h])),
            sub: u32::from_be_bytes(sub),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sub {
            0 => self.revision.fmt(f),
            sub => write!(f, "{}.{sub}", self.revision),
        }
    }
}

/// One change as it lies on disk.
///
/// A byte for the layout, one for the kind, the numbers in little-endian order,
/// the key with its length in front, the value, and a CRC-32 of the place and
/// all of it: a record that lies in another's place is as wrong as a torn one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// What was done.
    pub kind: EventKind,
    /// What is there now.
    pub kv: Arc<KeyValue>,
    /// Where the record lies that this one superseded, if it was a value.
    pub prev: Option<Place>,
}

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The checksum is another.
    #[error("its checksum is wrong")]
    Checksum,
    /// The checksum is right, but the contents make no sense.
    #[error("its {0} makes no sense")]
    Malformed(&'static str),
    /// It is shorter than any record.
    #[error("it is too short")]
    Short,
}

const LAYOUT: u8 = 1;
const PUT: u8 = 1;
const DELETE: u8 = 2;
const HEAD: usize = 2 + 8 * 4 + 4 + 4;
const CRC: usize = 4;

impl Record {
    /// The bytes of this record.
    #[must_use]
    pub fn encode(&self, place: Place) -> Vec<u8> {
        let kv = &self.kv;
        let key = kv.key.as_bytes();
        let prev = self.prev.unwrap_or(Place::FIRST);
        let mut out = Vec::with_capacity(HEAD + key.len() + kv.value.len() + CRC);
        out.push(LAYOUT);
        out.push(match self.kind {
            EventKind::Delete => DELETE,
            EventKind::Put => PUT,
        });
        let lease = kv.lease.map_or(0, |lease| lease.0);
        for number in [kv.create_revision.0, kv.version, lease, prev.revision.0] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&prev.sub.to_le_bytes());
        let key_len = u32::try_from(key.len()).expect("keys are limited to a few KiB");
        out.extend_from_slice(&key_len.to_le_bytes());
        out.extend_from_slice(key);
        out.extend_from_slice(&kv.value);
        let crc = checksum(place, &out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    /// Reads the record that lies at a place.
    ///
    /// # Errors
    ///
    /// If the bytes are not what [`encode`](Self::encode) makes for this place.
    pub fn decode(place: Place, bytes: &[u8]) -> Result<Self, RecordError> {
        let (bytes, crc) = bytes.split_last_chunk().ok_or(RecordError::Short)?;
        if checksum(place, bytes) != u32::from_le_bytes(*crc) {
            return Err(RecordError::Checksum);
        }
        let (head, rest) = bytes.split_at_checked(HEAD).ok_or(RecordError::Short)?;
        if head[0] != LAYOUT {
            return Err(RecordError::Malformed("layout"));
        }
        let kind = match head[1] {
            DELETE => EventKind::Delete,
            PUT => EventKind::Put,
            _ => return Err(RecordError::Malformed("kind")),
        };
        let prev = Place {
            revision: Revision(number(head, 3)),
            sub: small(head, 34),
        };
        let key_len = small(head, 38) as usize;
        let (key, value) = rest
            .split_at_checked(key_len)
            .ok_or(RecordError::Malformed("key's length"))?;
        let kv = KeyValue {
            key: Key::from(key),
            value: Bytes::copy_from_slice(value),
            create_revision: Revision(number(head, 0)),
            mod_revision: place.revision,
            version: number(head, 1),
            lease: Some(LeaseId(number(head, 2))).filter(|lease| lease.0 != 0),
        };
        sense(kind, &kv, prev)?;
        Ok(Self {
            kind,
            kv: Arc::new(kv),
            prev: Some(prev).filter(|prev| prev.revision != Revision::ZERO),
        })
    }
}

/// Refuses what this crate never writes.
fn sense(kind: EventKind, kv: &KeyValue, prev: Place) -> Result<(), RecordError> {
    let wrong = RecordError::Malformed;
    if kv.key.as_bytes().is_empty() {
        return Err(wrong("key"));
    }
    if prev.revision >= kv.mod_revision || (prev.revision == Revision::ZERO && prev.sub != 0) {
        return Err(wrong("predecessor"));
    }
    let created = kv.create_revision;
    match kind {
        EventKind::Delete => {
            let blank = created == Revision::ZERO && kv.version == 0 && kv.lease.is_none();
            if !blank || !kv.value.is_empty() {
                return Err(wrong("deletion"));
            }
        }
        EventKind::Put => {
            if created == Revision::ZERO || created > kv.mod_revision || kv.version == 0 {
                return Err(wrong("version"));
            }
        }
    }
    Ok(())
}

/// The CRC-32 of a place and of bytes that lie there.
fn checksum(place: Place, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&place.to_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

/// The `index`th of the four long numbers of a head.
fn number(head: &[u8], index: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&head[2 + 8 * index..][..8]);
    u64::from_le_bytes(bytes)
}

/// The short number of a head at an offset.
fn small(head: &[u8], at: usize) -> u32 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&head[at..at + 4]);
    u32::from_le_bytes(bytes)
}
