use serde_json::{Value, json};

use super::{CLUSTERS, WORKS, cluster, with, work};
use crate::request::{Request, apply, delete, get, json_patch, merge, post, put};

const CLUSTER: &str = "/apis/cluster.open-cluster-management.io";

pub(super) fn requests() -> Vec<Request> {
    let mut all = Vec::new();
    all.extend(clusters());
    all.extend(placements());
    all.extend(versions());
    all.extend(empty());
    all.extend(within());
    all
}

/// Objects within an object.
fn within() -> Vec<Request> {
    let of = |manifest: Value| {
        with(
            work("within"),
            &json!({"spec": {"workload": {"manifests": [manifest]}}}),
        )
    };
    let mut all = Vec::new();
    for manifest in [
        json!({}),
        json!({"apiVersion": "v1"}),
        json!({"kind": "ConfigMap"}),
        json!({"apiVersion": "", "kind": ""}),
        json!({"apiVersion": "a/b/c", "kind": "Config_Map"}),
        json!({"apiVersion": 1, "kind": "ConfigMap"}),
        json!({"apiVersion": "v1", "kind": {}}),
        json!({"apiVersion": "v1", "kind": null}),
        json!({"apiVersion": "v1", "kind": "A", "metadata": null}),
        json!({"apiVersion": "v1", "kind": "A", "metadata": 7}),
        json!({"apiVersion": "v1", "kind": "A", "metadata": {"creationTimestamp": null, "labels": {"a": null}, "annotations": {}}}),
        json!({"apiVersion": "v1", "kind": "A", "metadata": {"labels": {"a": 1}}}),
        json!({"apiVersion": "v1", "kind": "A", "metadata": {"name": "a/b", "namespace": "A B", "labels": {"a b": "c d"}}}),
        json!({"apiVersion": "v1", "kind": "A", "metadata": {"name": "a", "nothing": 1}, "spec": {"x": null}}),
        json!("x"),
        json!(null),
    ] {
        all.extend([
            post(format!("{WORKS}?dryRun=All"), &of(manifest.clone())),
            post(
                format!("{WORKS}?dryRun=All&fieldValidation=Strict"),
                &of(manifest.clone()),
            ),
            apply(
                format!("{WORKS}/within?dryRun=All&fieldManager=a"),
                &of(manifest),
            ),
        ]);
    }
    all.push(post(WORKS, &work("within")));
    let one = format!("{WORKS}/within");
    for value in [json!(1), json!(null), json!("")] {
        let operation =
            json!([{"op": "add", "path": "/spec/workload/manifests/0/kind", "value": value}]);
        all.push(json_patch(one.as_str(), &operation));
    }
    let metadata = json!([
        {"op": "add", "path": "/metadata/labels", "value": {"a": null}},
        {"op": "add", "path": "/spec/workload/manifests/0/metadata/creationTimestamp", "value": null},
    ]);
    all.push(json_patch(one.as_str(), &metadata));
    all.push(put(
        one.as_str(),
        &with(
            work("within"),
            &json!({"metadata": {"managedFields": [], "resourceVersion": "<rv>"}}),
        ),
    ));
    all.push(get(one));
    all
}

fn clusters() -> Vec<Request> {
    let of = |spec: Value| with(cluster("<ns>-v"), &json!({"spec": spec}));
    let mut all = Vec::new();
    for spec in [
        json!({"hubAcceptsClient": "x"}),
        json!({"hubAcceptsClient": null}),
        json!({"leaseDurationSeconds": "x"}),
        json!({"leaseDurationSeconds": 1.5}),
        json!({"leaseDurationSeconds": 3_000_000_000_u32}),
        json!({"taints": [{"key": "a", "effect": "X"}]}),
        json!({"taints": [{"effect": "NoSelect"}]}),
        json!({"taints": [{"key": "", "effect": "NoSelect"}]}),
        json!({"taints": [{"key": "a b", "effect": "NoSelect"}]}),
        json!({"taints": [{"key": "a", "effect": "NoSelect", "timeAdded": "x"}]}),
        json!({"taints": [{"key": "a", "effect": "NoSelect", "timeAdded": null}]}),
        json!({"taints": [{"key": "a", "effect": "NoSelect", "timeAdded": ["x"]}]}),
        json!({"taints": {"key": "a"}}),
        json!({"taints": [1, "x"]}),
        json!({"managedClusterClientConfigs": [{"url": 1}]}),
        json!({"managedClusterClientConfigs": [{}]}),
        json!({"managedClusterClientConfigs": [{"url": "x", "caBundle": "!"}]}),
        json!({"nothing": 1}),
        json!([]),
        json!("x"),
        json!(7),
    ] {
        all.push(post(format!("{CLUSTERS}?dryRun=All"), &of(spec)));
    }
    all.push(post(CLUSTERS, &json!({"apiVersion": "cluster.open-cluster-management.io/v1", "kind": "ManagedCluster", "metadata": {"name": "<ns>-n"}, "spec": null})));
    all.push(post(CLUSTERS, &json!({"apiVersion": "cluster.open-cluster-management.io/v1", "kind": "ManagedCluster", "metadata": {"name": "<ns>-n2", "labels": {"a": 1}}})));
    all.push(post(CLUSTERS, &json!({"apiVersion": "cluster.open-cluster-management.io/v1", "kind": "ManagedCluster", "metadata": {"name": "<ns>-n3", "nothing": 1, "creationTimestamp": null, "annotations": null}, "spec": {"taints": null}})));
    all
}

fn placements() -> Vec<Request> {
    let path = format!("{CLUSTER}/v1beta1/namespaces/<ns>/placements");
    let of = |spec: Value| json!({"metadata": {"name": "p"}, "apiVersion": "cluster.open-cluster-management.io/v1beta1", "kind": "Placement", "spec": spec});
    let mut all = Vec::new();
    for spec in [
        json!({}),
        json!({"numberOfClusters": 3, "clusterSets": ["a", "b"]}),
        json!({"numberOfClusters": "x"}),
        json!({"clusterSets": [1]}),
        json!({"predicates": [{"requiredClusterSelector": {"labelSelector": {"matchLabels": {"a": "b"}}, "claimSelector": {"matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}]}}}]}),
        json!({"predicates": [{"requiredClusterSelector": {"labelSelector": {"matchExpressions": [{"key": "k"}]}}}]}),
        json!({"prioritizerPolicy": {"mode": "Exact", "configurations": [{"scoreCoordinate": {"type": "BuiltIn", "builtIn": "Steady"}, "weight": 3}]}}),
        json!({"prioritizerPolicy": {"mode": "X"}}),
        json!({"prioritizerPolicy": {"configurations": [{"scoreCoordinate": {"type": "BuiltIn", "builtIn": "Steady"}, "weight": 30}]}}),
        json!({"prioritizerPolicy": {"configurations": [{"scoreCoordinate": {"builtIn": "Steady"}}]}}),
        json!({"prioritizerPolicy": {"configurations": [{}]}}),
        json!({"spreadPolicy": {"spreadConstraints": [{"topologyKey": "k", "topologyKeyType": "Label", "maxSkew": 0}]}}),
        json!({"spreadPolicy": {"spreadConstraints": [{"topologyKey": "k", "topologyKeyType": "Label"}]}}),
        json!({"tolerations": [{"key": "a", "operator": "X"}]}),
        json!({"tolerations": [{"key": "a"}, {"operator": "Exists", "tolerationSeconds": 5}]}),
        json!({"decisionStrategy": {"groupStrategy": {"clustersPerDecisionGroup": "150%"}}}),
        json!({"decisionStrategy": {"groupStrategy": {"clustersPerDecisionGroup": "10%"}}}),
        json!({"decisionStrategy": {"groupStrategy": {"clustersPerDecisionGroup": 5, "decisionGroups": [{"groupName": "g", "groupClusterSelector": {}}]}}}),
        json!({"sortBy": {}}),
    ] {
        all.push(post(format!("{path}?dryRun=All"), &of(spec)));
    }
    all
}

/// Of an empty map that is applied nothing is shown.
fn empty() -> Vec<Request> {
    let work = with(work("empty"), &json!({"metadata": {"labels": {}}}));
    let path = format!("{WORKS}/empty");
    vec![
        apply(format!("{path}?fieldManager=one"), &work),
        merge(path.as_str(), &json!({"metadata": {"name": "empty"}})),
        merge(path.as_str(), &json!({"metadata": {"name": "empty"}})),
    ]
}

/// A kind that is shown in a version it is not kept in.
fn versions() -> Vec<Request> {
    let version = "cluster.open-cluster-management.io/v1beta1";
    let path = format!("/apis/{version}/namespaces/<ns>/managedclustersetbindings");
    let object = json!({"apiVersion": version, "kind": "ManagedClusterSetBinding", "metadata": {"name": "<ns>-o"}, "spec": {}});
    vec![
        post(path.as_str(), &object),
        get(format!("{path}/<ns>-o")),
        delete(format!("{path}/<ns>-o")),
    ]
}
