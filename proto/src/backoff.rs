use std::time::Duration;

use rand::Rng;

/// Waits between attempts: each uniformly random between zero and a bound that
/// doubles from `base` up to `cap` ("full jitter"), so that many agents that
/// lost the same hub do not come back together.
#[derive(Clone, Debug)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    attempt: u32,
}

impl Backoff {
    /// A backoff whose first wait is at most `base` and whose longest is at most `cap`.
    pub fn new(base: Duration, cap: Duration) -> Self {
        Self {
            base,
            cap,
            attempt: 0,
        }
    }

    /// The next wait.
    pub fn next_wait(&mut self, rng: &mut impl Rng) -> Duration {
        let bound = self.bound();
        self.attempt = self.attempt.saturating_add(1);
        bound.mul_f64(rng.random())
    }

    /// The next wait is at most `base` again.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }

    /// The following waits have the longest bound: for failures that time alone rarely mends.
    pub fn slow_down(&mut self) {
        self.attempt = u32::MAX;
    }

    fn bound(&self) -> Duration {
        let factor = 1_u32.checked_shl(self.attempt).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.cap)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    use super::*;

    const BASE: Duration = Duration::from_millis(500);
    const CAP: Duration = Duration::from_secs(30);

    proptest! {
        #[test]
        fn no_wait_exceeds_its_bound(seed: u64, attempts in 0_u32..80) {
            let mut rng = SmallRng::seed_from_u64(seed);
            let mut backoff = Backoff::new(BASE, CAP);
            for attempt in 0..attempts {
                let bound = BASE.saturating_mul(2_u32.saturating_pow(attempt)).min(CAP);
                prop_assert!(backoff.next_wait(&mut rng) <= bound);
            }
        }
    }

    #[test]
    fn bounds_double_and_start_anew_after_a_reset() {
        let mut rng = SmallRng::seed_from_u64(1);
        let mut backoff = Backoff::new(BASE, CAP);
        let bounds: Vec<u128> = (0..8)
            .map(|_| {
                let bound = backoff.bound().as_millis();
                backoff.next_wait(&mut rng);
                bound
            })
            .collect();
        assert_eq!(
            bounds,
            [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]
        );
        backoff.reset();
        assert_eq!(backoff.bound(), BASE);
        backoff.slow_down();
        assert_eq!(backoff.bound(), CAP);
    }
}
