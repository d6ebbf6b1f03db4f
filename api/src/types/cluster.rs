//! `cluster.open-cluster-management.io`.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector, Time};
use kube_derive::CustomResource;
use serde::{Deserialize, Serialize};

/// What is wanted of a managed cluster.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, PartialEq, Serialize)]
#[kube(
    group = "cluster.open-cluster-management.io",
    version = "v1",
    kind = "ManagedCluster",
    plural = "managedclusters",
    schema = "disabled",
    status = "ManagedClusterStatus",
    derive = "Default",
    derive = "PartialEq",
    crates(kube_core = "kube_core", k8s_openapi = "k8s_openapi", serde = "serde")
)]
#[serde(default, rename_all = "camelCase")]
pub struct ManagedClusterSpec {
    /// How its API server can be reached from the hub, for those who can.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub managed_cluster_client_configs: Vec<ClientConfig>,
    /// The hub's half of the handshake.
    pub hub_accepts_client: bool,
    /// How often the agent renews its lease; 0 is 60.
    pub lease_duration_seconds: i32,
    /// What keeps placements away.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<Taint>,
}

/// An address of an API server.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ClientConfig {
    /// Begins with `https://`.
    pub url: String,
    /// The authorities it is trusted by, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_bundle: Option<ByteString>,
}

/// What keeps placements away from a cluster.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Taint {
    /// What a toleration names.
    pub key: String,
    /// What a toleration may ask for.
    pub value: String,
    /// Whom it keeps away.
    pub effect: TaintEffect,
    /// Set by the hub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_added: Option<Time>,
}

/// Whom a taint keeps away.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum TaintEffect {
    /// Every placement that does not tolerate it.
    #[default]
    NoSelect,
    /// Placements that have others to choose from.
    PreferNoSelect,
    /// Placements that have not selected the cluster yet.
    NoSelectIfNew,
}

/// What is known of a managed cluster.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ManagedClusterStatus {
    /// `HubAcceptedManagedCluster`, `ManagedClusterJoined` and others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The sum over its nodes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub capacity: BTreeMap<String, Quantity>,
    /// The sum over the nodes that take pods.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub allocatable: BTreeMap<String, Quantity>,
    /// Of its API server.
    pub version: ManagedClusterVersion,
    /// What it says of itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cluster_claims: Vec<Claim>,
    /// Namespaces that its cluster sets want there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub managed_namespaces: Vec<ManagedNamespace>,
}

/// The version of a cluster's API server.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ManagedClusterVersion {
    /// `gitVersion` of `/version`.
    pub kubernetes: String,
}

/// One thing a cluster says of itself.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Claim {
    /// Of its ClusterClaim.
    pub name: String,
    /// At most 1,024 characters.
    pub value: String,
}

/// A namespace that a cluster set wants in its clusters.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ManagedNamespace {
    /// The namespace.
    pub name: String,
    /// Who wants it.
    pub cluster_set: String,
    /// `NamespaceAvailable`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// One thing a cluster says of itself.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, PartialEq, Serialize)]
#[kube(
    group = "cluster.open-cluster-management.io",
    version = "v1alpha1",
    kind = "ClusterClaim",
    plural = "clusterclaims",
    schema = "disabled",
    derive = "Default",
    derive = "PartialEq",
    crates(kube_core = "kube_core", k8s_openapi = "k8s_openapi", serde = "serde")
)]
#[serde(default, rename_all = "camelCase")]
pub struct ClusterClaimSpec {
    /// At most 1,024 characters.
    pub value: String,
}

/// Which clusters a set has.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, PartialEq, Serialize)]
#[kube(
    group = "cluster.open-cluster-management.io",
    version = "v1beta2",
    kind = "ManagedClusterSet",
    plural = "managedclustersets",
    schema = "disabled",
    status = "ManagedClusterSetStatus",
    derive = "Default",
    derive = "PartialEq",
    crates(kube_core = "kube_core", k8s_openapi = "k8s_openapi", serde = "serde")
)]
#[serde(default, rename_all = "camelCase")]
pub struct ManagedClusterSetSpec {
    /// How they are chosen.
    pub cluster_selector: ClusterSelector,
    /// Namespaces that each of them is to have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub managed_namespaces: Vec<NamespaceWanted>,
}

/// How a set's clusters are chosen.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ClusterSelector {
    /// By the label of sets, or by any.
    pub selector_type: SelectorType,
    /// For [`SelectorType::LabelSelector`]; an empty one selects every cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_selector: Option<LabelSelector>,
}

/// How a set's clusters are chosen.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum SelectorType {
    /// By `cluster.open-cluster-management.io/clusterset`: a cluster is in one set at most.
    #[default]
    ExclusiveClusterSetLabel,
    /// By any labels: sets may overlap.
    LabelSelector,
}

/// A namespace by its name.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NamespaceWanted {
    /// The name.
    pub name: String,
}

/// What is known of a set.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ManagedClusterSetStatus {
    /// `ClusterSetEmpty`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// A set that placements of this namespace may use.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, PartialEq, Serialize)]
#[kube(
    group = "cluster.open-cluster-management.io",
    version = "v1beta2",
    kind = "ManagedClusterSetBinding",
    plural = "managedclustersetbindings",
    namespaced,
    schema = "disabled",
    status = "ManagedClusterSetBindingStatus",
    derive = "Default",
    derive = "PartialEq",
    crates(kube_core = "kube_core", k8s_openapi = "k8s_openapi", serde = "serde")
)]
#[serde(default, rename_all = "camelCase")]
pub struct ManagedClusterSetBindingSpec {
    /// As the binding's own name.
    pub cluster_set: String,
}

/// What is known of a binding.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ManagedClusterSetBindingStatus {
    /// `Bound`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// What a placement asks for, as far as others than its scheduler read it.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, PartialEq, Serialize)]
#[kube(
    group = "cluster.open-cluster-management.io",
    version = "v1beta1",
    kind = "Placement",
    plural = "placements",
    namespaced,
    schema = "disabled",
    status = "PlacementStatus",
    derive = "Default",
    derive = "PartialEq",
    crates(kube_core = "kube_core", k8s_openapi = "k8s_openapi", serde = "serde")
)]
#[serde(default, rename_all = "camelCase")]
pub struct PlacementSpec {
    /// None is every set that is bound.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cluster_sets: Vec<String>,
    /// None is all that fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number_of_clusters: Option<i32>,
}

/// What was decided, in numbers.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PlacementStatus {
    /// Over all groups.
    pub number_of_selected_clusters: i32,
    /// In their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub decision_groups: Vec<DecisionGroup>,
    /// `PlacementSatisfied`, `PlacementMisconfigured`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// A group of decided clusters.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DecisionGroup {
    /// From 0.
    pub decision_group_index: i32,
    /// Empty for those without one.
    pub decision_group_name: String,
    /// The names of its PlacementDecisions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<String>,
    /// So many clusters.
    pub cluster_count: i32,
}

/// Nothing: a decision is in its status.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, PartialEq, Serialize)]
#[kube(
    group = "cluster.open-cluster-management.io",
    version = "v1beta1",
    kind = "PlacementDecision",
    plural = "placementdecisions",
    namespaced,
    schema = "disabled",
    status = "PlacementDecisionStatus",
    derive = "Default",
    derive = "PartialEq",
    crates(kube_core = "kube_core", k8s_openapi = "k8s_openapi", serde = "serde")
)]
#[serde(default, rename_all = "camelCase")]
pub struct PlacementDecisionSpec {}

/// At most 100 clusters that a placement chose.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PlacementDecisionStatus {
    /// In the order of their names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<Decision>,
}

/// One chosen cluster.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Decision {
    /// Its ManagedCluster.
    pub cluster_name: String,
    /// Why, for people.
    pub reason: String,
}
