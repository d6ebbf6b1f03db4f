use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Approvers;

/// The names of the clusters with a session at any replica of the hub, as they
/// are now.
pub type Connected = watch::Receiver<Arc<BTreeSet<String>>>;

/// How the controllers behave.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whose first requests for a certificate are approved, and whose clusters
    /// accepted, without anybody's doing. Nobody's by default.
    pub approvers: Approvers,
    /// How many objects of a kind are worked on at once; default 16.
    pub at_once: usize,
    /// Which clusters are connected. Without it, only leases tell.
    pub connected: Option<Connected>,
    /// How long a cluster that comes through the tunnel is available without a
    /// session; default 30 s. Agents come back sooner from a hub's restart.
    pub disconnected_after: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            approvers: Approvers::default(),
            at_once: 16,
            connected: None,
            disconnected_after: Duration::from_secs(30),
        }
    }
}
