//! The names that Open Cluster Management gives to things, letter by letter.

/// On what belongs to a cluster: its name.
pub(crate) const CLUSTER_NAME: &str = "open-cluster-management.io/cluster-name";
/// On a ManagedCluster: the set it is in.
pub(crate) const CLUSTER_SET: &str = "cluster.open-cluster-management.io/clusterset";
/// Where clusters are that are in no other set.
pub(crate) const DEFAULT_SET: &str = "default";
/// Has every cluster.
pub(crate) const GLOBAL_SET: &str = "global";

/// On a ManagedCluster that was accepted because of who asked for its
/// certificate: when. Whoever denies it later is not overruled.
pub(crate) const ACCEPTED_ON: &str = "open-cluster-management.io/automatically-accepted-on";
/// On what is removed with its cluster: its place in the order, 0 to 100.
pub(crate) const CLEANUP_PRIORITY: &str = "open-cluster-management.io/cleanup-priority";
/// On a ManagedCluster whose clock is not looked at: `true`.
pub(crate) const SKIP_CLOCK_CHECK: &str =
    "registration.open-cluster-management.io/skip-clock-sync-check";
/// On a set that the hub is not to keep as it was: `false`.
pub(crate) const AUTO_UPDATE: &str = "cluster.open-cluster-management.io/autoupdate";
/// On a ManagedCluster whose agents have had a session with this hub: `true`.
/// Without one for some time, they are not available. Adit's own.
pub(crate) const TUNNELLED: &str = "adit/tunnelled";
/// On a ManagedCluster whose agents are the tunnel alone, without anybody who
/// would renew a lease, and the value there. It counts until an agent says that
/// it has joined. Adit's own.
pub const TUNNEL_ALONE: (&str, &str) = ("adit/tunnel", "alone");

/// Holds a ManagedCluster until its rights are removed.
pub(crate) const ACCESS_FINALIZER: &str = "cluster.open-cluster-management.io/api-resource-cleanup";
/// Holds a ManagedCluster until what is in its namespace is removed.
pub(crate) const CONTENT_FINALIZER: &str = "cluster.open-cluster-management.io/resource-cleanup";
/// Holds ManifestWorks until the agent has removed what they applied, and the
/// agent's right to them.
pub(crate) const WORK_FINALIZER: &str = "cluster.open-cluster-management.io/manifest-work-cleanup";

/// What an agent renews to say that it lives.
pub(crate) const LEASE: &str = "managed-cluster-lease";
/// How often, if its cluster does not say: seconds.
pub(crate) const LEASE_SECONDS: i64 = 60;
/// After so many of these it is not alive.
pub(crate) const LEASES_OF_GRACE: i64 = 5;

/// All agents of managed clusters are in this group.
pub(crate) const AGENTS_GROUP: &str = "system:open-cluster-management:managed-clusters";
/// Who may ask for a first certificate with a bootstrap token.
pub(crate) const BOOTSTRAP_GROUP: &str = "system:bootstrappers:managedcluster";
/// Where the service account for bootstrapping is.
pub(crate) const NAMESPACE: &str = "open-cluster-management";
/// Where the hub's own controllers are.
pub(crate) const HUB_NAMESPACE: &str = "open-cluster-management-hub";
/// The service account for bootstrapping.
pub(crate) const BOOTSTRAP_ACCOUNT: &str = "agent-registration-bootstrap";
/// The signer of agents' certificates.
pub(crate) const SIGNER: &str = "kubernetes.io/kube-apiserver-client";

pub(crate) const HUB_ACCEPTED: &str = "HubAcceptedManagedCluster";
/// Set by an agent that has registered.
pub(crate) const JOINED: &str = "ManagedClusterJoined";
pub(crate) const AVAILABLE: &str = "ManagedClusterConditionAvailable";
pub(crate) const CLOCK_SYNCED: &str = "ManagedClusterConditionClockSynced";
pub(crate) const DELETING: &str = "Deleting";

/// The group of a cluster's agents, by the organization in their certificates.
pub(crate) fn cluster_group(cluster: &str) -> String {
    format!("system:open-cluster-management:{cluster}")
}

/// The group of a cluster's agents where identities come from elsewhere.
pub(crate) fn foreign_group(cluster: &str) -> String {
    format!("open-cluster-management:{cluster}")
}

/// Whether a namespace is the hub's own: what an agent may do in its cluster's
/// namespace, such as renewing leases, would there be a right over the hub.
#[must_use]
pub fn is_the_hubs(namespace: &str) -> bool {
    namespace == "default"
        || namespace.starts_with("kube-")
        || namespace == NAMESPACE
        || namespace.starts_with("open-cluster-management-")
}
