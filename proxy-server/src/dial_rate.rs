use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use proto::{ClusterName, Rate};
use tokio::time::Instant;

/// Keeps how often targets are asked for within bounds, in all and in each cluster.
#[derive(Debug)]
pub(crate) struct DialRate {
    start: Instant,
    per_second: u32,
    used: Mutex<Used>,
}

/// More is asked for in a second than is allowed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TooOften {
    /// In one cluster.
    #[error("{0} streams a second are asked for in this cluster, the most the hub opens in one")]
    Cluster(u32),
    /// In all clusters together.
    #[error("{0} streams a second are asked for, the most the hub opens")]
    InAll(u32),
}

#[derive(Debug)]
struct Used {
    in_all: Rate,
    /// Of clusters that are asked for; no more than the hub knows.
    by_cluster: HashMap<ClusterName, Rate>,
    /// How many of them there may be before idle ones are forgotten.
    sweep_at: usize,
}

/// Fewer clusters than this are not looked through for idle ones.
const FEW: usize = 256;

impl DialRate {
    pub(crate) fn new(per_second: u32) -> Self {
        Self {
            start: Instant::now(),
            per_second,
            used: Mutex::new(Used {
                in_all: Rate::per_second(per_second),
                by_cluster: HashMap::new(),
                sweep_at: FEW,
            }),
        }
    }

    /// Lets one more target in this cluster be asked for.
    ///
    /// A fifth of what is allowed in all is beyond the reach of any one
    /// cluster's callers, so that those of others are still served.
    pub(crate) fn take(&self, cluster: &ClusterName) -> Result<(), TooOften> {
        let now = self.start.elapsed();
        let per_cluster = (self.per_second - self.per_second / 5).max(1);
        // No code panics while it holds this lock.
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let mut in_all = used.in_all;
        let passes_in_all = in_all.take(now);
        let of_cluster = used.of(cluster, per_cluster, now);
        let mut after = *of_cluster;
        if !after.take(now) {
            return Err(TooOften::Cluster(per_cluster));
        }
        if !passes_in_all {
            return Err(TooOften::InAll(self.per_second));
        }
        *of_cluster = after;
        used.in_all = in_all;
        Ok(())
    }
}

impl Used {
    fn of(&mut self, cluster: &ClusterName, per_second: u32, now: Duration) -> &mut Rate {
        if self.by_cluster.len() >= self.sweep_at && !self.by_cluster.contains_key(cluster) {
            self.by_cluster.retain(|_, rate| !rate.is_idle(now));
            self.sweep_at = (2 * self.by_cluster.len()).max(FEW);
        }
        self.by_cluster
            .entry(cluster.clone())
            .or_insert_with(|| Rate::per_second(per_second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(name: &str) -> ClusterName {
        name.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn one_cluster_leaves_something_to_the_others() {
        let rate = DialRate::new(10);
        let (busy, other) = (cluster("busy"), cluster("other"));
        let taken = |name| (0..100).filter(|_| rate.take(name).is_ok()).count();
        assert_eq!(taken(&busy), 8);
        assert_eq!(rate.take(&busy), Err(TooOften::Cluster(8)));
        assert_eq!(taken(&other), 2);
        assert_eq!(rate.take(&other), Err(TooOften::InAll(10)));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(taken(&busy), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn clusters_that_nobody_asks_for_are_forgotten() {
        let rate = DialRate::new(1_000_000);
        for number in 0..10 * FEW {
            rate.take(&cluster(&format!("c{number}"))).unwrap();
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert!(rate.used.lock().unwrap().by_cluster.len() <= FEW);
    }
}
