//! The file of a backup: a line that names it, then parts with their lengths
//! in front, and at the end a CRC-32 of all before.

use std::io::{self, Read, Write};

use super::disk::{decode, decode_ttl, encode_ttl};
use super::meta::{Identity, Meta};
use super::record::{Place, Record};
use crate::{LeaseId, StoreError};

use std::time::Duration;

const NAME: &[u8] = b"adit store backup 1\n";
/// No part is longer; one that says it is, is damaged.
const MAX_PART: usize = 1 << 30;

/// What a backup is made of, in this order; of records and leases any number.
#[derive(Debug)]
pub(super) enum Part {
    Store(Identity, Meta),
    Record(Place, Record),
    Lease(LeaseId, Duration),
    End,
}

/// Why a backup cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes a backup.
pub(super) struct Writing<W> {
    out: W,
    crc: crc32fast::Hasher,
    pub(super) bytes: u64,
}

impl<W: Write> Writing<W> {
    pub(super) fn new(out: W) -> io::Result<Self> {
        let mut writing = Self {
            out,
            crc: crc32fast::Hasher::new(),
            bytes: 0,
        };
        writing.raw(NAME)?;
        Ok(writing)
    }

    pub(super) fn part(&mut self, part: &Part) -> io::Result<()> {
        match part {
            Part::Store(identity, meta) => self.tagged(b'S', &[&identity.encode(), &meta.encode()]),
            Part::Record(place, record) => {
                self.tagged(b'R', &[&place.to_bytes(), &record.encode(*place)])
            }
            Part::Lease(id, ttl) => {
                self.tagged(b'L', &[&id.0.to_le_bytes(), &encode_ttl(*id, *ttl)])
            }
            Part::End => {
                let crc = self.crc.clone().finalize();
                self.tagged(b'E', &[&crc.to_le_bytes()])
            }
        }
    }

    /// Gives back what was written to.
    pub(super) fn into_inner(self) -> W {
        self.out
    }

    fn tagged(&mut self, tag: u8, pieces: &[&[u8]]) -> io::Result<()> {
        let len: usize = pieces.iter().map(|piece| piece.len()).sum();
        let len = u32::try_from(len).map_err(io::Error::other)?;
        self.raw(&[tag])?;
        self.raw(&len.to_le_bytes())?;
        pieces.iter().try_for_each(|piece| self.raw(piece))
    }

    fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.crc.update(bytes);
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

/// Reads a backup.
pub(super) struct Reading<R> {
    input: R,
    crc: crc32fast::Hasher,
}

impl<R: Read> Reading<R> {
    pub(super) fn new(input: R) -> Result<Self, ArchiveError> {
        let mut reading = Self {
            input,
            crc: crc32fast::Hasher::new(),
        };
        if reading.raw(NAME.len())? != NAME {
            return Err(ArchiveError::Damaged("it is no backup of a store"));
        }
        Ok(reading)
    }

    /// The next part; behind the end there must be nothing.
    pub(super) fn part(&mut self) -> Result<Part, ArchiveError> {
        let crc = self.crc.clone().finalize();
        let tag = self.raw(1)?[0];
        let len = u32::from_le_bytes(exact(&self.raw(4)?)?) as usize;
        if len > MAX_PART {
            return Err(ArchiveError::Damaged("a part is too long"));
        }
        let body = self.raw(len)?;
        let split = |at| {
            body.split_at_checked(at)
                .ok_or(ArchiveError::Damaged("a part is too short"))
        };
        match tag {
            b'S' => {
                let (identity, meta) = split(Identity::LEN)?;
                Ok(Part::Store(
                    Identity::decode(identity)?,
                    Meta::decode(meta)?,
                ))
            }
            b'R' => {
                let (place, record) = split(Place::LEN)?;
                let place = Place::from_bytes(exact(place)?);
                Ok(Part::Record(place, decode(place, record)?))
            }
            b'L' => {
                let (id, ttl) = split(8)?;
                let id = LeaseId(u64::from_le_bytes(exact(id)?));
                Ok(Part::Lease(id, decode_ttl(id, ttl)?))
            }
            b'E' if u32::from_le_bytes(exact(&body)?) != crc => {
                Err(ArchiveError::Damaged("its checksum is wrong"))
            }
            b'E' if self.input.read(&mut [0])? != 0 => {
                Err(ArchiveError::Damaged("there is something behind its end"))
            }
            b'E' => Ok(Part::End),
            _ => Err(ArchiveError::Damaged("a part is unknown")),
        }
    }

    fn raw(&mut self, len: usize) -> Result<Vec<u8>, ArchiveError> {
        let mut bytes = Vec::new();
        // What the length says is believed when it has come.
        let read = self
            .input
            .by_ref()
            .take(len as u64)
            .read_to_end(&mut bytes)?;
        if read < len {
            return Err(ArchiveError::Damaged("it is cut off"));
        }
        self.crc.update(&bytes);
        Ok(bytes)
    }
}

fn exact<const N: usize>(bytes: &[u8]) -> Result<[u8; N], ArchiveError> {
    bytes
        .try_into()
        .map_err(|_| ArchiveError::Damaged("a number has another length"))
}
