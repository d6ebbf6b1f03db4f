use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::{ClusterStatus, Status, Strategy};

/// What a cluster's status comes to at a moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    /// It may start.
    Waits,
    /// It takes a place among those at work, for so long if nothing changes.
    AtWork {
        status: Status,
        left: Option<Duration>,
    },
    /// It was given up.
    TimedOut,
    /// It needs nothing.
    Done,
}

impl Standing {
    pub(super) fn of(cluster: ClusterStatus, strategy: &Strategy, now: Timestamp) -> Self {
        let status = cluster.status;
        match status {
            Status::ToApply => Self::Waits,
            Status::Skip => Self::Done,
            Status::TimeOut => Self::TimedOut,
            Status::Succeeded => match left(cluster.since, strategy.min_success_time, now) {
                None => Self::Done,
                left => Self::AtWork { status, left },
            },
            Status::Failed | Status::Progressing => match strategy.progress_deadline {
                None => Self::AtWork { status, left: None },
                Some(deadline) => match left(cluster.since, deadline, now) {
                    None => Self::TimedOut,
                    left => Self::AtWork { status, left },
                },
            },
        }
    }
}

/// What is left of a time that began then; `None` if nothing is. What begins
/// in the future, by another's clock, begins now.
fn left(since: Option<Timestamp>, time: Duration, now: Timestamp) -> Option<Duration> {
    let gone = now.duration_since(since.unwrap_or(now));
    let gone = Duration::try_from(gone).unwrap_or_default();
    time.checked_sub(gone).filter(|left| !left.is_zero())
}

/// Clusters that are rolled out to alike, in the order of their names.
#[derive(Debug, Default)]
pub(super) struct Tally<'a> {
    pub(super) at_work: Vec<(&'a str, Status)>,
    pub(super) failed: usize,
    /// When the first of those at work is over its time.
    pub(super) next: Option<Duration>,
    pub(super) timed_out: Vec<&'a str>,
    pub(super) waiting: Vec<&'a str>,
}

impl<'a> Tally<'a> {
    pub(super) fn add(&mut self, cluster: &'a str, standing: Standing) {
        match standing {
            Standing::Done => {}
            Standing::Waits => self.waiting.push(cluster),
            Standing::TimedOut => {
                self.failed += 1;
                self.timed_out.push(cluster);
            }
            Standing::AtWork { status, left } => {
                self.failed += usize::from(status == Status::Failed);
                self.next = self.next.into_iter().chain(left).min();
                self.at_work.push((cluster, status));
            }
        }
    }

    /// Whether one of them starts, is at work or soaks.
    pub(super) fn is_busy(&self) -> bool {
        let mut at_work = self.at_work.iter();
        !self.waiting.is_empty() || at_work.any(|(_, status)| *status != Status::Failed)
    }
}
