//! How fast agents make objects in the hub's API.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use proto::{ClusterName, Rate};
use tokio::time::Instant;

/// Keeps how many objects the agents of each cluster make within bounds, however
/// many sessions they have: what they make is kept by the hub.
#[derive(Debug)]
pub(super) struct MakingPace {
    start: Instant,
    made: Mutex<HashMap<ClusterName, Rate>>,
}

/// So many at once, and as many again in the time below: one a second.
const AT_ONCE: u32 = 100;
/// The time in which that many are let through.
const TIME: u32 = 100;
/// Fewer clusters than this are not looked through for idle ones.
const FEW: usize = 1024;

impl Default for MakingPace {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            made: Mutex::default(),
        }
    }
}

impl MakingPace {
    /// Whether the agents of a cluster may make one more object now.
    pub(super) fn take(&self, cluster: &ClusterName) -> bool {
        // A rate holds one second's worth: this clock goes slower.
        let now = self.start.elapsed() / TIME;
        // No code panics while it holds this lock.
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.len() >= FEW && !made.contains_key(cluster) {
            made.retain(|_, rate| !rate.is_idle(now));
        }
        let rate = made.entry(cluster.clone());
        rate.or_insert_with(|| Rate::per_second(AT_ONCE)).take(now)
    }
}

/// How soon one may be made again.
pub(super) const AGAIN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_hundred_are_made_at_once_and_then_one_a_second_in_each_cluster() {
        let pace = MakingPace::default();
        let cluster = |name: &str| name.parse::<ClusterName>().unwrap();
        let made = |name| (0..1000).filter(|_| pace.take(&cluster(name))).count();
        assert_eq!(made("a"), 100);
        assert_eq!(made("b"), 100);
        advance(Duration::from_secs(10)).await;
        assert_eq!(made("a"), 10);
    }
}
