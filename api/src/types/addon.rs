//! `addon.open-cluster-management.io`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube_derive::CustomResource;
use serde::{Deserialize, Serialize};

/// What is wanted of an add-on in one cluster; its namespace is the cluster's.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, PartialEq, Serialize)]
#[kube(
    group = "addon.open-cluster-management.io",
    version = "v1alpha1",
    kind = "ManagedClusterAddOn",
    plural = "managedclusteraddons",
    namespaced,
    schema = "disabled",
    status = "ManagedClusterAddOnStatus",
    derive = "Default",
    derive = "PartialEq",
    crates(kube_core = "kube_core", k8s_openapi = "k8s_openapi", serde = "serde")
)]
#[serde(default, rename_all = "camelCase")]
pub struct ManagedClusterAddOnSpec {
    /// Where the add-on's agent is installed in the managed cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install_namespace: Option<String>,
}

/// What is known of an add-on in one cluster.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ManagedClusterAddOnStatus {
    /// `Available`, `Degraded`, `Progressing` and others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}
