//! What was written where, to be compared with what was read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Which of a stream's two directions.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Direction {
    FromOpener,
    FromTaker,
}

/// Clones are handles to the same ledger.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger(Arc<Mutex<HashMap<(u16, Direction), Entry>>>);

#[derive(Debug, Default)]
struct Entry {
    /// Bytes whose writing has succeeded or been tried.
    written: usize,
    finished: bool,
    read: usize,
    ended_cleanly: bool,
}

/// The bytes of one direction of stream `n`, from `at` on: no two directions' are the same.
pub(crate) fn pattern(n: u16, direction: Direction, at: usize, len: usize) -> Vec<u8> {
    let salt = usize::from(n) * 2 + usize::from(direction == Direction::FromTaker);
    (at..at + len)
        .map(|i| ((i * 31 + i / 251 + salt * 101) % 256) as u8)
        .collect()
}

impl Ledger {
    pub(crate) fn wrote(&self, n: u16, direction: Direction, count: usize) {
        self.with(n, direction, |entry| entry.written += count);
    }

    pub(crate) fn finished(&self, n: u16, direction: Direction) {
        self.with(n, direction, |entry| entry.finished = true);
    }

    /// Takes down what was read, which has to be what was written there.
    pub(crate) fn read(&self, n: u16, direction: Direction, bytes: &[u8]) {
        self.with(n, direction, |entry| {
            let expected = pattern(n, direction, entry.read, bytes.len());
            assert!(
                bytes == expected,
                "stream {n} {direction:?} carries other bytes"
            );
            entry.read += bytes.len();
        });
    }

    pub(crate) fn ended_cleanly(&self, n: u16, direction: Direction) {
        self.with(n, direction, |entry| entry.ended_cleanly = true);
    }

    /// Nothing came that was not sent, and a clean end means that all came.
    pub(crate) fn check(&self) {
        for (of, entry) in &*self.0.lock().unwrap() {
            assert!(entry.read <= entry.written, "{of:?}: {entry:?}");
            if entry.ended_cleanly {
                assert!(entry.finished, "{of:?} ended unfinished: {entry:?}");
                assert_eq!(entry.read, entry.written, "{of:?} was cut short");
            }
        }
    }

    fn with(&self, n: u16, direction: Direction, change: impl FnOnce(&mut Entry)) {
        change(self.0.lock().unwrap().entry((n, direction)).or_default());
    }
}
