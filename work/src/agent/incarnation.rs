use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

/// The annotation of an AppliedManifestWork with which life of the hub's data it is
/// of: after a restore from a backup it is another, and what is absent then may be
/// absent only there.
pub(super) const ANNOTATION: &str = "work.adit.dev/hub-incarnation";

/// What stands in the annotation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Mark {
    incarnation: String,
    /// Since when it is that one.
    since: Timestamp,
    /// Of the work then: with another one, somebody has changed it since.
    generation: i64,
}

impl Mark {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.rsplitn(3, ' ');
        let generation = parts.next()?.parse().ok()?;
        let since = parts.next()?.parse().ok()?;
        Some(Self {
            incarnation: parts.next()?.to_owned(),
            since,
            generation,
        })
    }

    /// The mark there has to be; `None` if it is the one there is, or the hub does
    /// not tell. What is made only now cannot have been lost.
    pub(super) fn next(
        old: Option<&Self>,
        incarnation: Option<&str>,
        generation: i64,
        is_new: bool,
        now: Timestamp,
    ) -> Option<Self> {
        let incarnation = incarnation?;
        if old.is_some_and(|of| of.incarnation == incarnation) {
            return None;
        }
        Some(Self {
            incarnation: incarnation.to_owned(),
            since: if is_new { Timestamp::UNIX_EPOCH } else { now },
            generation,
        })
    }

    /// Whether what is absent from the work is not to be deleted yet.
    pub(super) fn holds(&self, generation: i64, grace: Option<Duration>, now: Timestamp) -> bool {
        self.generation == generation && self.until(grace).is_none_or(|until| now < until)
    }

    /// When the life of the hub's data has lasted long enough; `None` is never.
    pub(super) fn until(&self, grace: Option<Duration>) -> Option<Timestamp> {
        if self.since == Timestamp::UNIX_EPOCH {
            return Some(self.since);
        }
        after(self.since, grace?)
    }
}

/// So long after a time; `None` is beyond all times.
pub(super) fn after(time: Timestamp, wait: Duration) -> Option<Timestamp> {
    time.checked_add(SignedDuration::try_from(wait).ok()?).ok()
}

impl std::fmt::Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            incarnation,
            since,
            generation,
        } = self;
        write!(f, "{incarnation} {since} {generation}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Option<Duration> = Some(Duration::from_secs(60));

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_restored_hub_has_time_until_what_is_absent_is_deleted() {
        let made = Mark::next(None, Some("1"), 7, true, at(1000)).unwrap();
        assert!(!made.holds(7, GRACE, at(1000)));
        assert_eq!(Mark::next(Some(&made), Some("1"), 8, false, at(1001)), None);
        let restored = Mark::next(Some(&made), Some("2"), 7, false, at(2000)).unwrap();
        assert!(restored.holds(7, GRACE, at(2059)));
        assert!(!restored.holds(7, GRACE, at(2060)));
        // Whoever changes the work after that says what is to be there.
        assert!(!restored.holds(8, GRACE, at(2001)));
        assert!(restored.holds(7, None, at(1_000_000)));
    }

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let mark = Mark::next(None, Some("a b"), 7, false, at(1000)).unwrap();
        assert_eq!(Mark::parse(&mark.to_string()), Some(mark));
        for text in ["", "1", "a b c", "a 2026-01-01T00:00:00Z x"] {
            assert_eq!(Mark::parse(text), None, "{text}");
        }
        assert_eq!(Mark::next(None, None, 1, false, at(1)), None);
    }
}
