//! Since when clusters have no session with the hub.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The sessions of the clusters that come through the tunnel.
///
/// A cluster counts as one of these once it had a session, which is noted at its
/// ManagedCluster; a lease that is renewed without one says that its agent comes
/// by another way, and then only its lease tells.
#[derive(Debug)]
pub(crate) struct Tunnel {
    begun: Instant,
    limit: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    connected: Arc<BTreeSet<String>>,
    gone: HashMap<String, Gone>,
}

#[derive(Clone, Copy, Debug)]
struct Gone {
    since: Instant,
    comes_otherwise: bool,
}

/// What sessions say of a cluster.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Session {
    /// It has one.
    There,
    /// It has none, but not for long: so long is left.
    Missing(Duration),
    /// It had none for longer than is good.
    Gone,
    /// It does not need one.
    Otherwise,
}

impl Tunnel {
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            begun: Instant::now(),
            limit,
            state: Mutex::default(),
        }
    }

    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    /// Takes up who is connected now; returns who was not, or is not any more.
    pub(crate) fn note(&self, connected: Arc<BTreeSet<String>>) -> Vec<String> {
        let mut state = self.state();
        let lost: Vec<String> = state.connected.difference(&connected).cloned().collect();
        let new: Vec<String> = connected.difference(&state.connected).cloned().collect();
        let since = Instant::now();
        for cluster in &lost {
            let gone = Gone {
                since,
                comes_otherwise: false,
            };
            state.gone.insert(cluster.clone(), gone);
        }
        for cluster in &new {
            state.gone.remove(cluster);
        }
        state.connected = connected;
        lost.into_iter().chain(new).collect()
    }

    /// A cluster has renewed its lease.
    pub(crate) fn renewed(&self, cluster: &str) {
        let mut state = self.state();
        if state.connected.contains(cluster) {
            return;
        }
        // What was under way when the session ended may still arrive.
        let late = self.limit / 2;
        let begun = self.begun;
        let gone = state.gone.entry(cluster.to_owned()).or_insert(Gone {
            since: begun,
            comes_otherwise: false,
        });
        gone.comes_otherwise |= gone.since.elapsed() > late;
    }

    /// How it is with a cluster that once had a session.
    pub(crate) fn of(&self, cluster: &str) -> Session {
        let state = self.state();
        if state.connected.contains(cluster) {
            return Session::There;
        }
        let gone = state.gone.get(cluster);
        if gone.is_some_and(|gone| gone.comes_otherwise) {
            return Session::Otherwise;
        }
        let since = gone.map_or(self.begun, |gone| gone.since);
        match self.limit.checked_sub(since.elapsed()) {
            Some(left) if !left.is_zero() => Session::Missing(left),
            _ => Session::Gone,
        }
    }

    /// There is no such cluster any more.
    pub(crate) fn forget(&self, cluster: &str) {
        self.state().gone.remove(cluster);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn set(names: &[&str]) -> Arc<BTreeSet<String>> {
        Arc::new(names.iter().map(|name| (*name).to_owned()).collect())
    }

    fn tunnel() -> Tunnel {
        Tunnel::new(Duration::from_secs(30))
    }

    #[tokio::test(start_paused = true)]
    async fn a_cluster_is_gone_30_s_after_its_last_session() {
        let tunnel = tunnel();
        assert_eq!(tunnel.note(set(&["a"])), ["a"]);
        advance(Duration::from_secs(600)).await;
        assert_eq!(tunnel.of("a"), Session::There);
        assert_eq!(tunnel.note(set(&[])), ["a"]);
        assert_eq!(tunnel.of("a"), Session::Missing(Duration::from_secs(30)));
        advance(Duration::from_secs(29)).await;
        assert_eq!(tunnel.of("a"), Session::Missing(Duration::from_secs(1)));
        advance(Duration::from_secs(1)).await;
        assert_eq!(tunnel.of("a"), Session::Gone);
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_that_comes_back_in_time_changes_nothing() {
        let tunnel = tunnel();
        tunnel.note(set(&["a"]));
        tunnel.note(set(&[]));
        advance(Duration::from_secs(29)).await;
        tunnel.note(set(&["a"]));
        advance(Duration::from_secs(29)).await;
        assert_eq!(tunnel.of("a"), Session::There);
    }

    #[tokio::test(start_paused = true)]
    async fn a_restarted_hub_gives_everybody_the_whole_time() {
        let tunnel = tunnel();
        advance(Duration::from_secs(20)).await;
        assert_eq!(tunnel.of("a"), Session::Missing(Duration::from_secs(10)));
        advance(Duration::from_secs(10)).await;
        assert_eq!(tunnel.of("a"), Session::Gone);
    }

    #[tokio::test(start_paused = true)]
    async fn an_agent_that_renews_its_lease_without_a_session_comes_by_another_way() {
        let tunnel = tunnel();
        tunnel.note(set(&["a"]));
        tunnel.note(set(&[]));
        advance(Duration::from_secs(1)).await;
        tunnel.renewed("a");
        assert!(matches!(tunnel.of("a"), Session::Missing(_)));
        advance(Duration::from_secs(20)).await;
        tunnel.renewed("a");
        assert_eq!(tunnel.of("a"), Session::Otherwise);
        tunnel.note(set(&["a"]));
        tunnel.note(set(&[]));
        assert!(matches!(tunnel.of("a"), Session::Missing(_)));
    }
}
