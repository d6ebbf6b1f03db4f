//! What agents' leases say, as the hub sees them change.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;
use kube::runtime::watcher::Event;

use super::names::{LEASE_SECONDS, LEASES_OF_GRACE};

/// The leases of all clusters, by the cluster's name.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    known: Mutex<HashMap<String, Renewed>>,
    /// Those of a list that is being read.
    listed: Mutex<HashMap<String, Renewed>>,
}

/// When a lease was renewed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Renewed {
    /// By the clock of the agent.
    told: Option<Timestamp>,
    /// By the hub's clock, from when on its time runs.
    pub(crate) from: Timestamp,
    /// How far the agent's clock is before the hub's, if the hub saw it renew.
    pub(crate) ahead: Option<SignedDuration>,
}

impl Renewed {
    /// A lease that the hub sees now, and saw `before`.
    ///
    /// A renewal that the hub has seen counts from then on, by its own clock:
    /// so a clock that is behind does not make its cluster unavailable, nor one
    /// that is ahead hide that it is.
    fn next(told: Option<Timestamp>, before: Option<&Self>, now: Timestamp) -> Self {
        let anew = |ahead| Self {
            told,
            from: told.map_or(now, |told| told.min(now)),
            ahead,
        };
        let (Some(before), Some(time)) = (before, told) else {
            return anew(None);
        };
        match before.told {
            Some(last) if last == time => *before,
            Some(last) if last < time => Self {
                told,
                from: now,
                ahead: Some(time.duration_since(now)),
            },
            _ => anew(Some(time.duration_since(now))),
        }
    }

    /// How long it holds from now on; `None` if it does not any more.
    pub(crate) fn left(&self, lease_seconds: i32, now: Timestamp) -> Option<SignedDuration> {
        let left = grace(lease_seconds) - now.duration_since(self.from);
        left.is_positive().then_some(left)
    }
}

/// How long a cluster is available without renewing its lease.
pub(crate) fn grace(lease_seconds: i32) -> SignedDuration {
    let seconds = match i64::from(lease_seconds) {
        0 => LEASE_SECONDS,
        seconds => seconds,
    };
    SignedDuration::from_secs(seconds * LEASES_OF_GRACE)
}

impl Leases {
    /// Takes up what is told of leases; returns the clusters for which they are
    /// others now.
    pub(crate) fn note(&self, event: Event<Lease>, now: Timestamp) -> Vec<String> {
        match event {
            Event::Init => {
                lock(&self.listed).clear();
                Vec::new()
            }
            Event::InitApply(lease) => {
                let (cluster, told) = of(&lease);
                let before = lock(&self.known).get(&cluster).copied();
                let renewed = Renewed::next(told, before.as_ref(), now);
                lock(&self.listed).insert(cluster, renewed);
                Vec::new()
            }
            Event::InitDone => {
                let new = std::mem::take(&mut *lock(&self.listed));
                let mut clusters: Vec<String> = new.keys().cloned().collect();
                let old = std::mem::replace(&mut *lock(&self.known), new);
                clusters.extend(old.into_keys());
                clusters
            }
            Event::Apply(lease) => {
                let (cluster, told) = of(&lease);
                let mut known = lock(&self.known);
                let before = known.get(&cluster).copied();
                let renewed = Renewed::next(told, before.as_ref(), now);
                if before == Some(renewed) {
                    return Vec::new();
                }
                known.insert(cluster.clone(), renewed);
                vec![cluster]
            }
            Event::Delete(lease) => {
                let (cluster, _) = of(&lease);
                lock(&self.known).remove(&cluster);
                vec![cluster]
            }
        }
    }

    pub(crate) fn find(&self, cluster: &str) -> Option<Renewed> {
        lock(&self.known).get(cluster).copied()
    }
}

fn of(lease: &Lease) -> (String, Option<Timestamp>) {
    let spec = lease.spec.as_ref();
    let told = spec.and_then(|spec| spec.renew_time.as_ref());
    let cluster = lease.namespace().unwrap_or_default();
    (cluster, told.map(|time| time.0))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn left(renewed: Renewed, now: i64) -> Option<i64> {
        renewed.left(60, at(now)).map(|left| left.as_secs())
    }

    #[test]
    fn a_lease_holds_for_five_times_its_duration_and_not_a_moment_longer() {
        let renewed = Renewed::next(Some(at(0)), None, at(10));
        assert_eq!(left(renewed, 10), Some(290));
        assert_eq!(left(renewed, 299), Some(1));
        assert_eq!(left(renewed, 300), None);
        assert_eq!(renewed.left(1, at(4)).unwrap().as_secs(), 1);
        assert_eq!(renewed.left(1, at(5)), None);
    }

    #[test]
    fn a_duration_of_0_is_one_of_60_seconds() {
        assert_eq!(grace(0), grace(60));
    }

    #[test]
    fn a_renewal_counts_from_when_the_hub_saw_it() {
        let first = Renewed::next(Some(at(-1000)), None, at(0));
        assert_eq!(left(first, 0), None);
        let behind = Renewed::next(Some(at(-940)), Some(&first), at(60));
        assert_eq!(left(behind, 60), Some(300));
        assert_eq!(behind.ahead, Some(SignedDuration::from_secs(-1000)));
        let first = Renewed::next(Some(at(1000)), None, at(0));
        assert_eq!(left(first, 300), None);
    }

    #[test]
    fn a_lease_that_did_not_change_is_as_it_was() {
        let first = Renewed::next(Some(at(0)), None, at(0));
        assert_eq!(Renewed::next(Some(at(0)), Some(&first), at(100)), first);
    }

    #[test]
    fn a_lease_set_back_is_taken_at_its_word() {
        let first = Renewed::next(Some(at(0)), None, at(0));
        let back = Renewed::next(Some(at(-400)), Some(&first), at(1));
        assert_eq!(left(back, 1), None);
    }

    #[test]
    fn what_is_seen_first_says_nothing_of_the_agents_clock() {
        assert_eq!(Renewed::next(Some(at(500)), None, at(0)).ahead, None);
    }
}
