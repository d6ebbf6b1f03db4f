use std::time::Duration;

/// Notices a link that has gone silent.
///
/// After `silence` without a byte from the peer a ping is due; a link whose
/// peer then stays silent for `answer` more is dead. Any byte received is an
/// answer, so a busy link sends no pings. Times are durations since any fixed
/// moment, which must not go backwards.
#[derive(Clone, Debug)]
pub struct Liveness {
    silence: Duration,
    answer: Duration,
    heard: Duration,
    pinged: Option<Duration>,
}

/// What [`Liveness::poll`] wants done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LivenessAction {
    /// The peer is gone: give the link up.
    GiveUp,
    /// Send a ping, then poll again at the given time.
    Ping(Duration),
    /// Nothing until the given time.
    Wait(Duration),
}

impl Liveness {
    /// A link that was heard at `now`.
    pub fn new(silence: Duration, answer: Duration, now: Duration) -> Self {
        Self {
            silence,
            answer,
            heard: now,
            pinged: None,
        }
    }

    /// The peer was heard at `at`; an earlier time than known changes nothing.
    pub fn heard(&mut self, at: Duration) {
        self.heard = self.heard.max(at);
    }

    /// What is due at `now`.
    pub fn poll(&mut self, now: Duration) -> LivenessAction {
        match self.pinged {
            Some(pinged) if self.heard < pinged => {
                let limit = pinged + self.answer;
                if now >= limit {
                    LivenessAction::GiveUp
                } else {
                    LivenessAction::Wait(limit)
                }
            }
            Some(_) | None if now >= self.heard + self.silence => {
                self.pinged = Some(now);
                // A byte that came at this very moment does not answer the ping.
                self.heard = self.heard.min(now.saturating_sub(Duration::from_nanos(1)));
                LivenessAction::Ping(now + self.answer)
            }
            Some(_) | None => LivenessAction::Wait(self.heard + self.silence),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::LivenessAction::{GiveUp, Ping, Wait};
    use super::*;

    const SILENCE: Duration = Duration::from_secs(5);
    const ANSWER: Duration = Duration::from_secs(5);

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_silent_link_is_pinged_after_five_seconds_and_given_up_after_ten() {
        let mut link = Liveness::new(SILENCE, ANSWER, secs(0));
        assert_eq!(link.poll(secs(4)), Wait(secs(5)));
        assert_eq!(link.poll(secs(5)), Ping(secs(10)));
        assert_eq!(link.poll(secs(9)), Wait(secs(10)));
        assert_eq!(link.poll(secs(10)), GiveUp);
    }

    #[test]
    fn any_byte_answers_a_ping() {
        let mut link = Liveness::new(SILENCE, ANSWER, secs(0));
        assert_eq!(link.poll(secs(5)), Ping(secs(10)));
        link.heard(secs(6));
        assert_eq!(link.poll(secs(10)), Wait(secs(11)));
        assert_eq!(link.poll(secs(11)), Ping(secs(16)));
    }

    #[test]
    fn a_process_that_slept_pings_before_it_gives_up() {
        let mut link = Liveness::new(SILENCE, ANSWER, secs(0));
        assert_eq!(link.poll(secs(3600)), Ping(secs(3605)));
        link.heard(secs(3601));
        assert_eq!(link.poll(secs(3605)), Wait(secs(3606)));
    }

    proptest! {
        /// Whatever is heard and however late the polls come, a link is given
        /// up only when a ping went unanswered, and always then.
        #[test]
        fn gives_up_exactly_when_a_ping_stays_unanswered(
            steps in prop::collection::vec((0_u64..8_000, any::<bool>()), 1..200)
        ) {
            let mut link = Liveness::new(SILENCE, ANSWER, Duration::ZERO);
            let mut now = Duration::ZERO;
            let mut unanswered: Option<Duration> = None;
            for (step, hears) in steps {
                now += Duration::from_millis(step + 1);
                if hears {
                    link.heard(now);
                    unanswered = None;
                }
                let action = link.poll(now);
                let expected = unanswered.is_some_and(|pinged| now >= pinged + ANSWER);
                prop_assert_eq!(action == GiveUp, expected);
                match action {
                    GiveUp => break,
                    Ping(at) => {
                        prop_assert_eq!(at, now + ANSWER);
                        unanswered = Some(now);
                    }
                    Wait(at) => prop_assert!(at > now),
                }
            }
        }
    }
}
