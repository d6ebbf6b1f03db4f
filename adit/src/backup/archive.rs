//! The form of the file: a line that names it, then parts with their lengths
//! in front, and at the end a SHA-256 of all before.

use std::io::{self, Read, Write};

use aws_lc_rs::digest::{Context, SHA256, SHA256_OUTPUT_LEN};

use super::contents::Place;
use crate::data_dir::Secrecy;

const NAME: &[u8] = b"adit hub backup 1\n";
/// No part is longer; one that says it is, is damaged.
const MAX_PART: usize = 64 << 20;

/// What a backup is made of: files, pieces of the store's backup in their
/// order, and the end.
#[derive(Debug)]
pub(super) enum Part {
    File(FilePart),
    Store(Vec<u8>),
    End,
}

/// A file of the data directory.
#[derive(Debug)]
pub(super) struct FilePart {
    pub(super) place: Place,
    pub(super) secrecy: Secrecy,
    pub(super) contents: Vec<u8>,
}

/// Why a backup cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    #[error("it cannot be read")]
    Io(#[from] io::Error),
    #[error("it is no backup of a hub, or one of another version of Adit")]
    NotOne,
}

/// Writes a backup.
pub(super) struct Writing<W> {
    out: W,
    sum: Context,
}

/// Reads a backup.
pub(super) struct Reading<R> {
    input: R,
    sum: Context,
}

impl<W: Write> Writing<W> {
    pub(super) fn new(out: W) -> io::Result<Self> {
        let mut this = Self {
            out,
            sum: Context::new(&SHA256),
        };
        this.raw(NAME)?;
        Ok(this)
    }

    pub(super) fn file(&mut self, file: &FilePart) -> io::Result<()> {
        let path = file.place.path().as_bytes();
        let path_len = u8::try_from(path.len()).map_err(io::Error::other)?;
        let private = u8::from(matches!(file.secrecy, Secrecy::Private));
        self.part(b'F', &[&[private, path_len], path, &file.contents])
    }

    /// A piece of the store's backup, of any length.
    pub(super) fn store(&mut self, piece: &[u8]) -> io::Result<()> {
        let mut pieces = piece.chunks(MAX_PART);
        pieces.try_for_each(|piece| self.part(b'S', &[piece]))
    }

    /// Ends it, and gives back what was written to.
    pub(super) fn end(mut self) -> io::Result<W> {
        let sum = self.sum.clone().finish();
        self.part(b'E', &[sum.as_ref()])?;
        Ok(self.out)
    }

    fn part(&mut self, tag: u8, pieces: &[&[u8]]) -> io::Result<()> {
        let len: usize = pieces.iter().map(|piece| piece.len()).sum();
        let fits = u32::try_from(len).ok().filter(|_| len <= MAX_PART);
        let len = fits.ok_or_else(|| io::Error::other("a file is too long for a backup"))?;
        self.raw(&[tag])?;
        self.raw(&len.to_le_bytes())?;
        pieces.iter().try_for_each(|piece| self.raw(piece))
    }

    fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sum.update(bytes);
        self.out.write_all(bytes)
    }
}

impl<R: Read> Reading<R> {
    pub(super) fn new(input: R) -> Result<Self, ArchiveError> {
        let mut this = Self {
            input,
            sum: Context::new(&SHA256),
        };
        match this.raw(NAME.len()) {
            Ok(name) if name == NAME => Ok(this),
            Ok(_) | Err(ArchiveError::Damaged(_)) => Err(ArchiveError::NotOne),
            Err(error) => Err(error),
        }
    }

    /// The next part; behind the end there must be nothing.
    pub(super) fn part(&mut self) -> Result<Part, ArchiveError> {
        let sum = self.sum.clone().finish();
        let head = self.raw(5)?;
        let (tag, len) = head.split_at(1);
        let len = len.try_into().map_or(0, u32::from_le_bytes) as usize;
        if len > MAX_PART {
            return Err(ArchiveError::Damaged("a part is too long"));
        }
        let body = self.raw(len)?;
        match tag {
            b"F" => file(&body).map(Part::File),
            b"S" => Ok(Part::Store(body)),
            b"E" if body.len() != SHA256_OUTPUT_LEN || body != sum.as_ref() => {
                Err(ArchiveError::Damaged("its checksum is wrong"))
            }
            b"E" if self.input.read(&mut [0])? != 0 => {
                Err(ArchiveError::Damaged("there is something behind its end"))
            }
            b"E" => Ok(Part::End),
            _ => Err(ArchiveError::Damaged("a part is unknown")),
        }
    }

    fn raw(&mut self, len: usize) -> Result<Vec<u8>, ArchiveError> {
        let mut bytes = Vec::new();
        // What the length says is believed when it has come.
        let mut limited = self.input.by_ref().take(len as u64);
        if limited.read_to_end(&mut bytes)? < len {
            return Err(ArchiveError::Damaged("it is cut off"));
        }
        self.sum.update(&bytes);
        Ok(bytes)
    }
}

fn file(body: &[u8]) -> Result<FilePart, ArchiveError> {
    let parsed = || {
        let (private, rest) = body.split_first()?;
        let (len, rest) = rest.split_first()?;
        let (path, contents) = rest.split_at_checked(usize::from(*len))?;
        let place = Place::parse(std::str::from_utf8(path).ok()?)?;
        let secrecy = match private {
            0 => Secrecy::Public,
            _ => Secrecy::Private,
        };
        Some(FilePart {
            place,
            secrecy,
            contents: contents.to_vec(),
        })
    };
    parsed().ok_or(ArchiveError::Damaged("a file's name is none"))
}

#[cfg(test)]
mod tests;
