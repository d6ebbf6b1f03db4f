use std::time::Duration;

/// Where a session stands between its hello and its end, and when it must end.
///
/// Draining begins on either side's word; it ends the session when its last
/// stream has ended or the deadline has passed, whichever comes first. Times
/// are durations since any fixed moment.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    phase: Phase,
}

/// The phases of a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// No new streams; what is open may run until the given time.
    Draining(Duration),
    /// Streams open and close.
    Open,
    /// Over.
    Over,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self { phase: Phase::Open }
    }
}

impl Lifecycle {
    /// The present phase.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether a new stream may be opened or taken.
    pub fn takes_streams(&self) -> bool {
        self.phase == Phase::Open
    }

    /// This end or the peer wants to stop within `deadline`; an earlier end that is already set stays.
    pub fn drain(&mut self, now: Duration, deadline: Duration) {
        let end = now.saturating_add(deadline);
        self.phase = match self.phase {
            Phase::Open => Phase::Draining(end),
            Phase::Draining(set) => Phase::Draining(set.min(end)),
            Phase::Over => Phase::Over,
        };
    }

    /// Advances to `now` with `streams` open; true when the session is over.
    pub fn poll(&mut self, now: Duration, streams: usize) -> bool {
        if let Phase::Draining(end) = self.phase
            && (streams == 0 || now >= end)
        {
            self.phase = Phase::Over;
        }
        self.phase == Phase::Over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_drained_session_ends_with_its_last_stream() {
        let mut session = Lifecycle::default();
        assert!(session.takes_streams());
        session.drain(secs(1), secs(10));
        assert!(!session.takes_streams());
        assert!(!session.poll(secs(2), 1));
        assert!(session.poll(secs(3), 0));
        assert_eq!(session.phase(), Phase::Over);
    }

    #[test]
    fn a_drained_session_ends_at_its_deadline() {
        let mut session = Lifecycle::default();
        session.drain(secs(1), secs(10));
        assert!(!session.poll(secs(10), 3));
        assert!(session.poll(secs(11), 3));
    }

    #[test]
    fn the_earlier_of_two_deadlines_counts() {
        let mut session = Lifecycle::default();
        session.drain(secs(0), secs(10));
        session.drain(secs(1), secs(3));
        session.drain(secs(2), secs(100));
        assert_eq!(session.phase(), Phase::Draining(secs(4)));
    }

    #[test]
    fn an_idle_session_is_not_over_unless_it_drains() {
        let mut session = Lifecycle::default();
        assert!(!session.poll(secs(1_000_000), 0));
    }
}
