//! `adit clusters --output wide`: what Open Cluster Management tells of each
//! cluster, beside its sessions.

use std::collections::BTreeMap;

use anyhow::Context as _;
use api::types::cluster::ManagedCluster;
use kube::{Client, ResourceExt as _};
use serde::Deserialize;

use super::question::ask;
use crate::hub::Listing;
use crate::output;

const PATH: &str = "/apis/cluster.open-cluster-management.io/v1/managedclusters";
const HEAD: [&str; 9] = [
    "NAME",
    "ACCEPTED",
    "JOINED",
    "AVAILABLE",
    "CLUSTERSET",
    "CPU",
    "MEMORY",
    "KUBERNETES VERSION",
    "AGENTS",
];
const SET: &str = "cluster.open-cluster-management.io/clusterset";

/// The hub's ManagedClusters.
#[derive(Default, Deserialize)]
pub(super) struct Known {
    items: Vec<ManagedCluster>,
}

/// Asks the hub for them.
pub(super) async fn fetch(client: &Client) -> anyhow::Result<Known> {
    let answer = ask(client, PATH).await?;
    let body = answer.map_err(|status| {
        anyhow::anyhow!(
            "the hub answered {} to the question for its ManagedClusters",
            status.code
        )
    })?;
    serde_json::from_str(&body).context("the hub answered something else than clusters")
}

/// A line for each cluster that has a ManagedCluster or an agent.
pub(super) fn table(listing: &Listing, known: &Known) -> String {
    let mut rows = BTreeMap::new();
    for cluster in &listing.clusters {
        let mut row = vec![String::new(); HEAD.len()];
        row[0].clone_from(&cluster.name);
        row[8] = cluster.sessions.len().to_string();
        rows.insert(cluster.name.clone(), row);
    }
    for cluster in &known.items {
        let name = cluster.name_any();
        let agents = rows
            .get(&name)
            .map_or_else(|| "0".to_owned(), |row| row[8].clone());
        rows.insert(name, row(cluster, agents));
    }
    let head = HEAD.map(str::to_owned).to_vec();
    let all: Vec<Vec<String>> = std::iter::once(head).chain(rows.into_values()).collect();
    output::table(&all)
}

fn row(cluster: &ManagedCluster, agents: String) -> Vec<String> {
    let status = cluster.status.clone().unwrap_or_default();
    let condition = |kind: &str| {
        let found = status.conditions.iter().find(|of| of.type_ == kind);
        found.map(|of| of.status.clone()).unwrap_or_default()
    };
    let capacity = |of: &str| {
        let quantity = status.capacity.get(of);
        quantity.map(|of| of.0.clone()).unwrap_or_default()
    };
    vec![
        cluster.name_any(),
        cluster.spec.hub_accepts_client.to_string(),
        condition("ManagedClusterJoined"),
        condition("ManagedClusterConditionAvailable"),
        cluster.labels().get(SET).cloned().unwrap_or_default(),
        capacity("cpu"),
        capacity("memory"),
        status.version.kubernetes.clone(),
        agents,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_a_line_whether_it_is_registered_connected_or_both() {
        let listing = r#"{"clusters": [{"name": "edge-1", "sessions": []}]}"#;
        let listing: Listing = serde_json::from_str(listing).unwrap();
        let known = r#"{"items": [{
            "apiVersion": "cluster.open-cluster-management.io/v1",
            "kind": "ManagedCluster",
            "metadata": {"name": "edge-2",
                         "labels": {"cluster.open-cluster-management.io/clusterset": "default"}},
            "spec": {"hubAcceptsClient": true},
            "status": {
                "capacity": {"cpu": "8", "memory": "16Gi"},
                "version": {"kubernetes": "v1.33.0"},
                "conditions": [{"type": "ManagedClusterConditionAvailable", "status": "True",
                    "reason": "ManagedClusterAvailable", "message": "",
                    "lastTransitionTime": "2026-01-02T03:04:05Z"}]
            }}]}"#;
        let known: Known = serde_json::from_str(known).unwrap();
        let table = table(&listing, &known);
        let cells = |line: usize| -> Vec<&str> {
            table
                .lines()
                .nth(line)
                .unwrap()
                .split_whitespace()
                .collect()
        };
        assert_eq!(cells(1), ["edge-1", "-", "-", "-", "-", "-", "-", "-", "0"]);
        assert_eq!(
            cells(2),
            [
                "edge-2", "true", "-", "True", "default", "8", "16Gi", "v1.33.0", "0"
            ]
        );
    }
}
