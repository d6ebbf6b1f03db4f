use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use proto::Reconnect;

/// What agents are told about coming back, as it follows from how many there are.
#[derive(Debug)]
pub(crate) struct ReconnectPace {
    per_second: u32,
    told: Mutex<Reconnect>,
}

/// Below this nothing is gained by telling more exactly.
const LEAST: Duration = Duration::from_millis(64);

impl ReconnectPace {
    /// A pace at which `per_second` agents come back.
    pub(crate) fn new(per_second: u32, hubs: Vec<String>) -> Self {
        let told = Reconnect {
            hubs,
            spread: LEAST,
        };
        Self {
            per_second: per_second.max(1),
            told: Mutex::new(told),
        }
    }

    /// What a new agent is told.
    pub(crate) fn told(&self) -> Reconnect {
        self.lock().clone()
    }

    /// There are `sessions` now; what all of them are to be told, if that has changed much.
    ///
    /// It doubles in steps, and falls only when it is four times too long, so
    /// that agents that come and go are not told again and again.
    pub(crate) fn follow(&self, sessions: usize) -> Option<Reconnect> {
        let needed = self.spread(sessions);
        let mut told = self.lock();
        if needed <= told.spread && needed * 4 > told.spread {
            return None;
        }
        told.spread = needed;
        Some(told.clone())
    }

    /// The addresses of all replicas have changed; what agents are to be told.
    pub(crate) fn set_hubs(&self, hubs: Vec<String>) -> Option<Reconnect> {
        let mut told = self.lock();
        if told.hubs == hubs {
            return None;
        }
        told.hubs = hubs;
        Some(told.clone())
    }

    fn spread(&self, sessions: usize) -> Duration {
        let sessions = u32::try_from(sessions).unwrap_or(u32::MAX);
        let exact = Duration::from_secs(1) * sessions / self.per_second;
        let millis = u64::try_from(exact.max(LEAST).as_millis()).unwrap_or(u64::MAX / 2);
        Duration::from_millis(millis.next_power_of_two())
    }

    /// No code panics while it holds this lock.
    fn lock(&self) -> MutexGuard<'_, Reconnect> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_agents_take_about_as_long_as_the_hub_needs_for_them() {
        let pace = ReconnectPace::new(500, Vec::new());
        let told: Vec<_> = (0..=10_000).filter_map(|n| pace.follow(n)).collect();
        assert!(told.len() < 10, "told {} times", told.len());
        let spread = pace.told().spread;
        assert!(spread >= Duration::from_secs(20), "{spread:?}");
        assert!(spread < Duration::from_secs(40), "{spread:?}");
    }

    #[test]
    fn the_pace_quickens_again_only_when_most_agents_have_gone() {
        let pace = ReconnectPace::new(500, Vec::new());
        pace.follow(10_000);
        assert_eq!(pace.follow(5_001), None);
        assert!(pace.follow(100).is_some());
        assert_eq!(pace.follow(100), None);
    }
}
