use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

/// Corrections of what others change, so many in a while at most for each key: two
/// who contend for a field do not keep each other busy.
#[derive(Debug)]
pub(super) struct Pace<K> {
    corrections: HashMap<K, VecDeque<Instant>>,
}

impl<K: Eq + Hash> Pace<K> {
    pub(super) fn new() -> Self {
        Self {
            corrections: HashMap::new(),
        }
    }

    /// When the next correction may be made; it counts as made then.
    pub(super) fn next(&mut self, key: K, now: Instant) -> Instant {
        let made = self.corrections.entry(key).or_default();
        while made.front().is_some_and(|at| *at + WHILE <= now) {
            made.pop_front();
        }
        if made.len() < MOST {
            made.push_back(now);
            return now;
        }
        made.front().map_or(now, |first| *first + WHILE)
    }

    pub(super) fn forget(&mut self, key: &K) {
        self.corrections.remove(key);
    }
}

const MOST: usize = 20;
const WHILE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_corrections_in_a_short_while_have_to_wait() {
        let now = Instant::now();
        let mut pace = Pace::new();
        for _ in 0..MOST {
            assert_eq!(pace.next("a", now), now);
        }
        assert_eq!(pace.next("a", now), now + WHILE);
        assert_eq!(pace.next("b", now), now);
        let later = now + WHILE;
        assert_eq!(pace.next("a", later), later);
    }
}
