use std::time::Duration;

use super::failure::Retry;
use super::place::Place;

/// What came of going through a work.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// What is to be watched from now on.
    pub(super) tracked: Vec<Tracked>,
    /// When to do it again, if not only with a change.
    pub(super) again: Option<Again>,
}

/// An object that a work has to do with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Tracked {
    pub(super) place: Place,
    /// The `resourceVersion` it was last seen with; `None` if it was not there.
    pub(super) version: Option<String>,
}

/// When to do it again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Again {
    After(Duration),
    Backoff,
}

impl Outcome {
    /// Has it done again sooner, if what failed asks for that.
    pub(super) fn retry(&mut self, retry: Retry) {
        self.again = match (retry, self.again) {
            (Retry::Backoff, _) | (_, Some(Again::Backoff)) => Some(Again::Backoff),
            (Retry::After(wait), Some(Again::After(other))) => Some(Again::After(wait.min(other))),
            (Retry::After(wait), None) => Some(Again::After(wait)),
            (Retry::WithChange, again) => again,
        };
    }
}
