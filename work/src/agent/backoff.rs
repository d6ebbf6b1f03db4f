use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use rand::Rng as _;

/// How long to wait after failures, for each key: twice as long each time, half of
/// it by chance, so that what failed together is not tried together.
#[derive(Debug)]
pub(super) struct Backoff<K> {
    failures: HashMap<K, u32>,
}

impl<K: Eq + Hash> Backoff<K> {
    pub(super) fn new() -> Self {
        Self {
            failures: HashMap::new(),
        }
    }

    /// How long to wait after this failure.
    pub(super) fn failed(&mut self, key: K) -> Duration {
        let failures = self.failures.entry(key).or_default();
        let most = FIRST.saturating_mul(1 << (*failures).min(16)).min(LONGEST);
        *failures = failures.saturating_add(1);
        rand::rng().random_range(most / 2..=most)
    }

    /// Forgets the failures: it went well, or is something else now.
    pub(super) fn reset(&mut self, key: &K) {
        self.failures.remove(key);
    }
}

/// So long at most after the first failure.
const FIRST: Duration = Duration::from_millis(200);
/// So long at most after many.
const LONGEST: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_with_each_failure_up_to_a_minute_and_begin_anew_after_a_change() {
        let mut backoff = Backoff::new();
        let mut most = FIRST;
        for _ in 0..40 {
            let wait = backoff.failed("a");
            assert!(most / 2 <= wait && wait <= most, "{wait:?} of {most:?}");
            most = (most * 2).min(LONGEST);
        }
        assert!(backoff.failed("a") >= LONGEST / 2);
        assert!(backoff.failed("b") <= FIRST);
        backoff.reset(&"a");
        assert!(backoff.failed("a") <= FIRST);
    }
}
