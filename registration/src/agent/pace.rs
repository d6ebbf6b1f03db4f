//! How often an agent does what it does.

use std::time::Duration;

use rand::Rng as _;

/// How often and how long. The defaults are Open Cluster Management's where
/// it has any; tests are in more of a hurry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pace {
    /// Between two looks at the cluster's health; default 1 min.
    pub status: Duration,
    /// For how long its API server has to fail before it is called
    /// unavailable; default 20 s.
    pub unhealthy: Duration,
    /// Between two attempts during that time; default 5 s.
    pub health_retry: Duration,
    /// How long changes are gathered before they are told; default 1 s.
    pub settle: Duration,
    /// Between two looks at the ManagedCluster's annotations, labels and client
    /// configs, up to twice as long; default 60 min.
    pub resync: Duration,
    /// Between two looks at the certificate's age; default 5 min.
    pub rotation: Duration,
    /// Within what time of hearing that another authority signs a new
    /// certificate is asked for; default 30 s.
    pub authority: Duration,
    /// How long after a refused certificate request another is made; default 5 min.
    pub denied: Duration,
    /// The most between two attempts at what fails; default 1 min.
    pub retry: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            status: Duration::from_secs(60),
            unhealthy: Duration::from_secs(20),
            health_retry: Duration::from_secs(5),
            settle: Duration::from_secs(1),
            resync: Duration::from_secs(60 * 60),
            rotation: Duration::from_secs(5 * 60),
            authority: Duration::from_secs(30),
            denied: Duration::from_secs(5 * 60),
            retry: Duration::from_secs(60),
        }
    }
}

/// `period`, or up to `more` of it longer, so that agents that were started
/// together do not stay together.
pub(super) fn jittered(period: Duration, more: f64) -> Duration {
    period.mul_f64(1.0 + more * rand::rng().random::<f64>())
}

/// How long to wait after so many failures in a row, `most` at most.
pub(super) fn after_failures(failures: u32, most: Duration) -> Duration {
    let bound = FIRST_RETRY.saturating_mul(1 << failures.min(10)).min(most);
    // Never at once: what fails at once would be a loop.
    bound.mul_f64(0.5 + 0.5 * rand::rng().random::<f64>())
}

const FIRST_RETRY: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_neither_nothing_nor_longer_than_the_most() {
        let most = Duration::from_secs(60);
        for failures in [0, 1, 5, 10, 100, u32::MAX] {
            let wait = after_failures(failures, most);
            assert!(wait >= FIRST_RETRY / 2 && wait <= most, "{wait:?}");
        }
    }

    #[test]
    fn a_lease_is_renewed_every_duration_and_up_to_a_quarter_later() {
        let period = Duration::from_secs(60);
        for _ in 0..1000 {
            let wait = jittered(period, 0.25);
            assert!(wait >= period && wait < Duration::from_secs(75), "{wait:?}");
        }
    }
}
