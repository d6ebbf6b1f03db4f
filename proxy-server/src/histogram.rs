use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// How long something took, each time it happened; written without a lock.
#[derive(Debug, Default)]
pub struct Histogram {
    /// Those that took at most the bound of this index, and more than the one before.
    within: [AtomicU64; Self::BOUNDS.len()],
    longer: AtomicU64,
    micros: AtomicU64,
}

/// A histogram at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramSnapshot {
    /// Upper bounds in seconds and how many took at most so long, but longer
    /// than the bound before; the last bound is infinite.
    pub buckets: Vec<(f64, u64)>,
    /// All of them.
    pub count: u64,
    /// Seconds, all together.
    pub sum: f64,
}

impl Histogram {
    /// The buckets' upper bounds, in milliseconds; what takes longer has a
    /// bucket of its own.
    pub const BOUNDS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 10_000];

    /// Notes one that took so long.
    pub fn note(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let index = Self::BOUNDS.iter().position(|ms| micros <= ms * 1000);
        let bucket = index.map_or(&self.longer, |index| &self.within[index]);
        bucket.fetch_add(1, Relaxed);
        self.micros.fetch_add(micros, Relaxed);
    }

    /// The histogram now.
    pub fn snapshot(&self) -> HistogramSnapshot {
        let bounds = Self::BOUNDS.iter().map(|ms| *ms as f64 / 1000.0);
        let within = self.within.iter().chain([&self.longer]);
        let buckets: Vec<_> = bounds
            .chain([f64::MAX])
            .zip(within.map(|count| count.load(Relaxed)))
            .collect();
        HistogramSnapshot {
            count: buckets.iter().map(|(_, count)| count).sum(),
            sum: self.micros.load(Relaxed) as f64 / 1_000_000.0,
            buckets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_falls_into_the_first_bucket_that_is_wide_enough() {
        let histogram = Histogram::default();
        for millis in [0, 1, 3, 10_000, 60_000] {
            histogram.note(Duration::from_millis(millis));
        }
        let snapshot = histogram.snapshot();
        let filled: Vec<_> = snapshot.buckets.iter().filter(|(_, n)| *n > 0).collect();
        assert_eq!(
            filled,
            [&(0.001, 2), &(0.005, 1), &(10.0, 1), &(f64::MAX, 1)]
        );
        assert_eq!(snapshot.count, 5);
        assert!((snapshot.sum - 70.004).abs() < 1e-9);
    }
}
