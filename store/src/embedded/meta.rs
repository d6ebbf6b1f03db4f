use super::disk::corrupt;
use crate::{Incarnation, Revision, StoreError};

/// The layout of the tables; a store of another is not opened.
pub(super) const FORMAT: u32 = 1;

/// Which store it is, and in which layout.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Identity {
    pub(super) format: u32,
    pub(super) incarnation: Incarnation,
}

/// How far a store is; written with every commit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Meta {
    pub(super) revision: Revision,
    pub(super) compacted: Revision,
    pub(super) next_lease: u64,
}

impl Identity {
    /// The length of an encoded one.
    pub(super) const LEN: usize = 24;

    /// Of a store that has never been.
    pub(super) fn new() -> Self {
        Self {
            format: FORMAT,
            incarnation: Incarnation(rand::random()),
        }
    }

    pub(super) fn encode(self) -> Vec<u8> {
        sealed(&[
            &self.format.to_le_bytes(),
            &self.incarnation.0.to_le_bytes(),
        ])
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let body = opened(bytes, 20, "what it is")?;
        let (format, incarnation) = body.split_at(4);
        Ok(Self {
            format: u32::from_le_bytes(exact(format)),
            incarnation: Incarnation(u128::from_le_bytes(exact(incarnation))),
        })
    }
}

impl Meta {
    /// Of an empty store.
    pub(super) const EMPTY: Self = Self {
        revision: Revision(1),
        compacted: Revision::ZERO,
        next_lease: 1,
    };

    pub(super) fn encode(self) -> Vec<u8> {
        sealed(&[
            &self.revision.0.to_le_bytes(),
            &self.compacted.0.to_le_bytes(),
            &self.next_lease.to_le_bytes(),
        ])
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let body = opened(bytes, 24, "how far it is")?;
        let number = |at: usize| u64::from_le_bytes(exact(&body[at..at + 8]));
        Ok(Self {
            revision: Revision(number(0)),
            compacted: Revision(number(8)),
            next_lease: number(16),
        })
    }
}

/// Parts one behind the other, and their CRC-32.
fn sealed(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = parts.concat();
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

/// What was sealed, of a known length.
fn opened<'a>(bytes: &'a [u8], len: usize, what: &str) -> Result<&'a [u8], StoreError> {
    match bytes.split_last_chunk() {
        Some((body, crc))
            if body.len() == len && crc32fast::hash(body) == u32::from_le_bytes(*crc) =>
        {
            Ok(body)
        }
        _ => Err(corrupt(format!("the record of {what}"))),
    }
}

/// Bytes whose number has been checked.
fn exact<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(bytes);
    out
}
