//! The table of all changes that are kept.
//!
//! A record lies there in pieces: redb puts what is larger than a page of 4 KiB
//! into a page of 8 KiB or 16 KiB, and half of that would be empty for many
//! objects of Kubernetes. In pieces of which four fill a page, a fifth is.

use redb::{Range, ReadOnlyTable, Table, TableDefinition};

use super::disk::{corrupt, decode, failure};
use super::index::Garbage;
use super::record::{Place, Record};
use crate::StoreError;

/// The bytes of a record in one row.
const PIECE: usize = 1000;
/// The longest record there can be.
pub(super) const MAX_RECORD: usize = PIECE * u16::MAX as usize;
/// Records that are kept and are passed over to remove the next, at most.
const MAX_GAP: u64 = 16;

const ROW: usize = Place::LEN + 2;

/// Where a row lies: the place of its record, and which piece it is.
type Row = [u8; ROW];

pub(super) const HISTORY: TableDefinition<'_, Row, &[u8]> = TableDefinition::new("history");

fn row(place: Place, piece: u16) -> Row {
    let mut row = [0; ROW];
    row[..Place::LEN].copy_from_slice(&place.to_bytes());
    row[Place::LEN..].copy_from_slice(&piece.to_be_bytes());
    row
}

fn place(row: Row) -> Place {
    let mut bytes = [0; Place::LEN];
    bytes.copy_from_slice(&row[..Place::LEN]);
    Place::from_bytes(bytes)
}

/// The table, to be changed.
pub(super) struct Writing<'a>(pub(super) Table<'a, Row, &'static [u8]>);

impl Writing<'_> {
    pub(super) fn insert(&mut self, place: Place, record: &Record) -> Result<(), redb::Error> {
        for (piece, bytes) in (0..).zip(record.encode(place).chunks(PIECE)) {
            self.0.insert(row(place, piece), bytes)?;
        }
        Ok(())
    }

    /// Removes records. Those that lie close together go in one pass over that
    /// part of the table, which takes a quarter of the time of a search for each.
    pub(super) fn remove(&mut self, garbage: &[Garbage]) -> Result<(), redb::Error> {
        let mut places: Vec<Place> = garbage.iter().map(|garbage| garbage.place).collect();
        places.sort_unstable();
        for run in places.chunk_by(|a, b| b.revision.0 - a.revision.0 <= MAX_GAP) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else {
                continue;
            };
            let range = row(*first, 0)..=row(*last, u16::MAX);
            self.0
                .retain_in(range, |row, _| run.binary_search(&place(row)).is_err())?;
        }
        Ok(())
    }
}

/// The table as it was at some time.
pub(super) struct Reading(pub(super) ReadOnlyTable<Row, &'static [u8]>);

impl Reading {
    /// The records from one place to another, both included.
    pub(super) fn records(&self, from: Place, to: Place) -> Result<Records, StoreError> {
        let rows = self
            .0
            .range(row(from, 0)..=row(to, u16::MAX))
            .map_err(|error| failure("read the history", error.into()))?;
        Ok(Records { rows, ahead: None })
    }

    /// The record that lies at a place, where there is to be one.
    pub(super) fn record(&self, place: Place) -> Result<Record, StoreError> {
        let missing = || corrupt(format!("the record of revision {place} is missing"));
        let (_, record) = self.records(place, place)?.next().ok_or_else(missing)??;
        Ok(record)
    }
}

/// Records in the order of their places.
pub(super) struct Records {
    rows: Range<'static, Row, &'static [u8]>,
    /// The pieces read of the next record.
    ahead: Option<(Place, Vec<u8>)>,
}

impl Iterator for Records {
    type Item = Result<(Place, Record), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let whole =
            |(place, bytes): (Place, Vec<u8>)| decode(place, &bytes).map(|record| (place, record));
        loop {
            let (row, piece) = match self.rows.next() {
                Some(Ok(row)) => row,
                Some(Err(error)) => return Some(Err(failure("read the history", error.into()))),
                None => return self.ahead.take().map(whole),
            };
            let (place, piece) = (place(row.value()), piece.value());
            match &mut self.ahead {
                Some((ahead, bytes)) if *ahead == place => bytes.extend_from_slice(piece),
                ahead => {
                    if let Some(record) = ahead.replace((place, piece.to_vec())) {
                        return Some(whole(record));
                    }
                }
            }
        }
    }
}
