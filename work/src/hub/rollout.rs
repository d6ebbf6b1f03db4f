//! Which clusters get something new next: the strategies of Open Cluster
//! Management, as functions of what is known and of the time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

mod standing;
mod strategy;
#[cfg(test)]
mod tests;

use standing::{Standing, Tally};

pub use strategy::{GroupRef, Kind, Size, Strategy, StrategyError};

/// A decision group of a placement, with the clusters that are in it now.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Group {
    /// Its place in the order of groups.
    pub index: i32,
    /// Its name; empty if it has none. Several groups may share one.
    pub name: String,
    /// The names of its clusters.
    pub clusters: BTreeSet<String>,
}

/// How far a cluster has come with what is rolled out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Status {
    /// It is to get it, and has not.
    ToApply,
    /// It has it, and is not done.
    Progressing,
    /// It is done, and well.
    Succeeded,
    /// It says that it went wrong.
    Failed,
    /// It was given up.
    TimeOut,
    /// It is left out.
    Skip,
}

/// A cluster's status and since when it is so, if that is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ClusterStatus {
    /// How far the cluster has come.
    pub status: Status,
    /// Since when. A deadline or a soak counts from it; from now, without.
    pub since: Option<Timestamp>,
}

/// What is to be done next.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Rollout {
    /// The clusters that may be at work now, those that are first. Those with
    /// [`Status::ToApply`] get what is rolled out.
    pub clusters_to_roll_out: Vec<(String, Status)>,
    /// The clusters that were given up.
    pub clusters_timed_out: BTreeSet<String>,
    /// The clusters with a status that are in no group any more.
    pub clusters_removed: BTreeSet<String>,
    /// Whether more have failed than may. Then no cluster starts.
    pub max_failure_breach: bool,
    /// After how long the answer may be another although no status has changed.
    pub recheck_after: Option<Duration>,
}

/// Says which clusters of a placement's groups may be at work now.
///
/// At most as many as the strategy allows are at work at once, clusters that
/// soak included, unless more were before. Clusters start in the order of their
/// names.
#[must_use]
pub fn roll_out(
    strategy: &Strategy,
    groups: &[Group],
    statuses: &BTreeMap<String, ClusterStatus>,
    now: Timestamp,
) -> Rollout {
    let mut groups: Vec<&Group> = groups.iter().collect();
    groups.sort_by_key(|group| group.index);
    let (mandatory, rest): (Vec<_>, Vec<_>) = groups
        .iter()
        .partition(|group| strategy.mandatory.iter().any(|of| of.is(group)));
    let mut walk = Walk {
        strategy,
        statuses,
        now,
        placed: BTreeSet::new(),
        rollout: Rollout::default(),
    };
    let goes_on = walk.group_by_group(&mandatory, &Size::Count(0));
    match &strategy.kind {
        _ if !goes_on => {}
        Kind::ProgressivePerGroup => {
            walk.group_by_group(&rest, &strategy.max_failures);
        }
        Kind::All => walk.all(&rest, None, None),
        Kind::Progressive { max_concurrency } => {
            let total = rest.iter().map(|group| group.clusters.len()).sum();
            let failures = strategy.max_failures.of(total).unwrap_or(0);
            walk.all(&rest, max_concurrency.of(total), Some(failures));
        }
    }
    let known: BTreeSet<&String> = groups.iter().flat_map(|group| &group.clusters).collect();
    let removed = statuses.keys().filter(|cluster| !known.contains(cluster));
    walk.rollout.clusters_removed = removed.cloned().collect();
    walk.rollout
}

/// The answer as it grows.
struct Walk<'a> {
    strategy: &'a Strategy,
    statuses: &'a BTreeMap<String, ClusterStatus>,
    now: Timestamp,
    /// Clusters that a group before has; a cluster is in one group.
    placed: BTreeSet<&'a str>,
    rollout: Rollout,
}

impl<'a> Walk<'a> {
    /// Rolls out to one group after the other, each at once. A group follows
    /// when no cluster of the one before it is at work, other than those that
    /// have failed. Whether what comes behind these groups may go on.
    fn group_by_group(&mut self, groups: &[&'a Group], max_failures: &Size) -> bool {
        for group in groups {
            let tally = self.tally(std::slice::from_ref(group));
            let failures = max_failures.of(group.clusters.len()).unwrap_or(0);
            let breach = tally.failed > failures;
            let busy = tally.is_busy();
            self.take(tally, None, breach);
            if breach || busy {
                return false;
            }
        }
        true
    }

    /// Rolls out to all clusters of these groups alike: so many at once, until
    /// so many have failed; without bounds, where there are none.
    fn all(&mut self, groups: &[&'a Group], at_once: Option<usize>, failures: Option<usize>) {
        let tally = self.tally(groups);
        let breach = failures.is_some_and(|failures| tally.failed > failures);
        self.take(tally, at_once, breach);
    }

    fn tally(&mut self, groups: &[&'a Group]) -> Tally<'a> {
        let mut tally = Tally::default();
        let clusters: BTreeSet<&str> = groups
            .iter()
            .flat_map(|group| &group.clusters)
            .map(String::as_str)
            .filter(|cluster| self.placed.insert(cluster))
            .collect();
        for cluster in clusters {
            let standing = self.statuses.get(cluster).map_or(Standing::Waits, |of| {
                Standing::of(*of, self.strategy, self.now)
            });
            tally.add(cluster, standing);
        }
        tally
    }

    fn take(&mut self, tally: Tally<'a>, at_once: Option<usize>, breach: bool) {
        let rollout = &mut self.rollout;
        rollout.max_failure_breach |= breach;
        let soonest = rollout.recheck_after.into_iter().chain(tally.next);
        rollout.recheck_after = soonest.min();
        let gone = tally.timed_out.into_iter().map(str::to_owned);
        rollout.clusters_timed_out.extend(gone);
        let room = at_once.map_or(usize::MAX, |most| most.saturating_sub(tally.at_work.len()));
        let starting = if breach { 0 } else { room };
        let starts = tally.waiting.into_iter().take(starting);
        let chosen = tally
            .at_work
            .into_iter()
            .chain(starts.map(|cluster| (cluster, Status::ToApply)));
        let chosen = chosen.map(|(cluster, status)| (cluster.to_owned(), status));
        rollout.clusters_to_roll_out.extend(chosen);
    }
}
