use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use tokio::sync::watch;

/// What an agent is told.
#[derive(Clone, Debug)]
pub struct AgentOptions {
    /// The cluster, which is the namespace of its works on the hub.
    pub cluster: String,
    /// Tells this agent from others that apply works in the same cluster, and is
    /// the same after a restart. AppliedManifestWorks of another are left alone.
    pub agent_id: String,
    /// Tells this hub from others, see [`hub_hash`].
    pub hub_hash: String,
    /// How long a work may be missing on the hub before what it made is deleted.
    /// From 100 years on, it never is. An hour, by default.
    pub eviction_grace_period: Duration,
    /// How many works are applied at once, at least 1. By default 10.
    pub concurrency: usize,
    /// How many watches there are at most on what was applied, each on one kind in
    /// one namespace; what no watch is left for is looked at every
    /// [`AgentOptions::poll_interval`]. By default 64.
    pub watches: usize,
    /// How often objects are looked at that cannot be watched: so long and up to as
    /// long again. By default 10 s.
    pub poll_interval: Duration,
    /// After how long a work is gone through although nothing seems to have
    /// changed: so long and up to one and a half times as long again. By default
    /// 4 minutes.
    pub resync_interval: Duration,
    /// Which life of the hub's data this is: another one after a restore from a
    /// backup. Nothing is then deleted for being absent before
    /// [`AgentOptions::eviction_grace_period`] is over. `None`, or a value that is
    /// `None`, where the hub does not tell.
    pub incarnation: Option<watch::Receiver<Option<Arc<str>>>>,
}

impl AgentOptions {
    /// The defaults, for an agent of this cluster.
    #[must_use]
    pub fn new(
        cluster: impl Into<String>,
        agent_id: impl Into<String>,
        hub_hash: impl Into<String>,
    ) -> Self {
        Self {
            cluster: cluster.into(),
            agent_id: agent_id.into(),
            hub_hash: hub_hash.into(),
            eviction_grace_period: Duration::from_secs(60 * 60),
            concurrency: 10,
            watches: 64,
            poll_interval: Duration::from_secs(10),
            resync_interval: Duration::from_secs(4 * 60),
            incarnation: None,
        }
    }

    /// Which life of the hub's data this is now, if that is known.
    pub(super) fn incarnation(&self) -> Option<Arc<str>> {
        self.incarnation.as_ref()?.borrow().clone()
    }

    /// How long absent works are kept; `None` is for ever.
    pub(super) fn grace(&self) -> Option<Duration> {
        (self.eviction_grace_period < NEVER).then_some(self.eviction_grace_period)
    }
}

/// Tells a hub from others by the URL of its API server: the SHA-256 of it, in hex.
#[must_use]
pub fn hub_hash(url: &str) -> String {
    hex(digest(&SHA256, url.as_bytes()).as_ref())
}

/// Bytes in hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_is_told_from_others_by_its_url() {
        let of = hub_hash("https://hub.example:6443");
        assert_eq!(of.len(), 64);
        assert_eq!(
            hub_hash(""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_ne!(of, hub_hash("https://hub.example"));
    }

    #[test]
    fn a_hundred_years_are_for_ever() {
        let mut options = AgentOptions::new("c", "a", "h");
        assert_eq!(options.grace(), Some(Duration::from_secs(3600)));
        options.eviction_grace_period = NEVER;
        assert_eq!(options.grace(), None);
    }
}
