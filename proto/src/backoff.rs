use std::time::Duration;

use rand::Rng;

/// Waits between attempts: each uniformly random between zero and a bound
/// ("full jitter"), so that many agents that lost the same hub do not come
/// back together.
///
/// The bound is half the time for which attempts have failed: a hub that was
/// away for a moment is found again in a moment, one that stays away is asked
/// seldom. Times are durations since any fixed moment.
#[derive(Clone, Debug)]
pub struct Backoff {
    pace: Pace,
    failing_since: Option<Duration>,
    rejected: bool,
}

/// How fast attempts may follow each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pace {
    /// The least bound of a wait.
    pub base: Duration,
    /// The largest bound of a wait.
    pub cap: Duration,
}

/// The bound for failures that time alone rarely mends.
const REJECTED: Duration = Duration::from_secs(30);

impl Pace {
    /// The pace of an agent that no hub has told any.
    pub const UNKNOWN: Self = Self {
        base: Duration::from_millis(100),
        cap: Duration::from_secs(30),
    };

    /// The pace of agents whose first attempts are to be spread over `spread`.
    ///
    /// While the hub is away, each asks once in about `spread`, or twice a second.
    pub fn spread_over(spread: Duration) -> Self {
        Self {
            base: spread.max(Self::UNKNOWN.base),
            cap: (2 * spread).max(Duration::from_secs(1)),
        }
    }
}

impl Backoff {
    /// A backoff without failures.
    pub fn new(pace: Pace) -> Self {
        Self {
            pace,
            failing_since: None,
            rejected: false,
        }
    }

    /// An attempt has failed, or what it gave is lost; how long to wait before the next.
    pub fn next_wait(&mut self, now: Duration, rng: &mut impl Rng) -> Duration {
        self.bound(now).mul_f64(rng.random())
    }

    /// An attempt has succeeded: the next failure is a first one.
    pub fn reset(&mut self) {
        self.failing_since = None;
        self.rejected = false;
    }

    /// Waits keep this pace from now on.
    pub fn set_pace(&mut self, pace: Pace) {
        self.pace = pace;
    }

    /// The following waits are up to 30 s, or the pace's cap if that is
    /// longer: for failures that time alone rarely mends.
    pub fn slow_down(&mut self) {
        self.rejected = true;
    }

    fn bound(&mut self, now: Duration) -> Duration {
        let since = *self.failing_since.get_or_insert(now);
        if self.rejected {
            return self.pace.cap.max(REJECTED);
        }
        let failing = now.saturating_sub(since);
        (failing / 2).max(self.pace.base).min(self.pace.cap)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    use super::*;

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    proptest! {
        #[test]
        fn no_wait_exceeds_half_the_outage_or_the_cap(seed: u64, steps in prop::collection::vec(0_u64..5_000, 0..80)) {
            let mut rng = SmallRng::seed_from_u64(seed);
            let mut backoff = Backoff::new(Pace::UNKNOWN);
            let mut now = secs(1000);
            for step in steps {
                let bound = ((now - secs(1000)) / 2).max(Pace::UNKNOWN.base).min(Pace::UNKNOWN.cap);
                let wait = backoff.next_wait(now, &mut rng);
                prop_assert!(wait <= bound);
                now += wait + Duration::from_millis(step);
            }
        }
    }

    #[test]
    fn bounds_follow_the_outage_and_start_anew_after_a_reset() {
        let mut backoff = Backoff::new(Pace::UNKNOWN);
        let mut bound_at = |at| backoff.bound(secs(at));
        assert_eq!(bound_at(10), Duration::from_millis(100));
        assert_eq!(bound_at(14), secs(2));
        assert_eq!(bound_at(1000), secs(30));
        backoff.reset();
        assert_eq!(backoff.bound(secs(1001)), Duration::from_millis(100));
        backoff.slow_down();
        assert_eq!(backoff.bound(secs(1001)), secs(30));
    }

    #[test]
    fn a_hub_with_few_agents_is_found_again_within_a_second() {
        let mut backoff = Backoff::new(Pace::spread_over(Duration::from_millis(10)));
        assert_eq!(backoff.bound(secs(0)), Duration::from_millis(100));
        assert_eq!(backoff.bound(secs(30)), secs(1));
    }

    #[test]
    fn a_hub_with_many_agents_is_not_stormed() {
        let mut backoff = Backoff::new(Pace::spread_over(secs(20)));
        assert_eq!(backoff.bound(secs(0)), secs(20));
        assert_eq!(backoff.bound(secs(600)), secs(40));
    }
}
