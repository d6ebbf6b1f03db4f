use std::time::Duration;

/// Lets so many events through in a second, and at the very most one second's
/// worth of them at once (a token bucket that holds one second).
///
/// Times are durations since any fixed moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// The time that one event takes up.
    each: Duration,
    /// When all that was let through will have been made up for.
    idle_at: Duration,
}

/// What may be let through at once, as the time to make up for it.
const BURST: Duration = Duration::from_secs(1);

impl Rate {
    /// A rate of which nothing has been used; 0 is taken for 1.
    pub fn per_second(events: u32) -> Self {
        Self {
            each: BURST / events.max(1),
            idle_at: Duration::ZERO,
        }
    }

    /// Whether one more event may pass now, which then counts.
    pub fn take(&mut self, now: Duration) -> bool {
        let after = self.idle_at.max(now) + self.each;
        let passes = after <= now + BURST;
        if passes {
            self.idle_at = after;
        }
        passes
    }

    /// Whether it is as if it had never been used.
    pub fn is_idle(&self, now: Duration) -> bool {
        self.idle_at <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn passing(rate: &mut Rate, now: Duration, asked: usize) -> usize {
        (0..asked).filter(|_| rate.take(now)).count()
    }

    #[test]
    fn a_seconds_worth_passes_at_once_and_then_as_many_as_come_in_time() {
        let mut rate = Rate::per_second(10);
        assert_eq!(passing(&mut rate, at(5000), 100), 10);
        assert_eq!(passing(&mut rate, at(5099), 100), 0);
        assert_eq!(passing(&mut rate, at(5100), 100), 1);
        assert_eq!(passing(&mut rate, at(5600), 100), 5);
    }

    #[test]
    fn what_is_refused_costs_nothing_and_idleness_saves_no_more_than_a_second() {
        let mut rate = Rate::per_second(4);
        assert_eq!(passing(&mut rate, at(0), 1000), 4);
        assert!(!rate.is_idle(at(999)));
        assert!(rate.is_idle(at(1000)));
        assert_eq!(passing(&mut rate, at(3_600_000), 1000), 4);
    }

    #[test]
    fn every_rate_lets_something_through() {
        for events in [0, 1, u32::MAX] {
            assert!(Rate::per_second(events).take(at(0)), "{events}");
        }
    }
}
