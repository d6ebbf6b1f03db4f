use std::time::Duration;

use super::history::MAX_RECORD;

/// The limits of an embedded store.
///
/// The defaults suit a hub; what each costs is memory.
#[derive(Clone, Debug)]
pub struct Options {
    /// Memory for pages of the file, in bytes; 4 MiB. Values of the present
    /// are in memory anyway, so this serves commits and reads of the past.
    pub cache: usize,
    /// Latest changes kept in memory for watches that begin a little in the
    /// past, in bytes of their values; 16 MiB. Older ones are read from disk.
    pub recent: usize,
    /// Requests that may wait for the writer, and those it takes into one
    /// commit; 1,024. Whoever comes then waits for a place.
    pub queue: usize,
    /// The longest value, in bytes; 8 MiB, and 62 MiB at most.
    pub max_value: usize,
    /// Leases that there may be; 100,000.
    pub max_leases: usize,
    /// Watches that there may be; 10,000.
    pub max_watches: usize,
    /// Values that may wait in a watch that is not read, in bytes; 16 MiB.
    /// Such a watch then ends with [`Lagged`](crate::WatchError::Lagged).
    pub watch_bytes: usize,
}

impl Options {
    /// The longest key, in bytes.
    pub const MAX_KEY: usize = 4096;
    /// The shortest lease.
    pub const MIN_TTL: Duration = Duration::from_millis(100);
    /// The longest lease.
    pub const MAX_TTL: Duration = Duration::from_secs(365 * 24 * 3600);

    /// The longest value that fits into a record, too.
    pub(super) fn max_value(&self) -> usize {
        self.max_value.min(MAX_RECORD - Self::MAX_KEY - 1024)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache: 4 << 20,
            recent: 16 << 20,
            queue: 1024,
            max_value: 8 << 20,
            max_leases: 100_000,
            max_watches: 10_000,
            watch_bytes: 16 << 20,
        }
    }
}
