use serde_json::{Value, json};

use super::{CLUSTERS, WORKS, cluster, with, work};
use crate::request::{Request, apply, delete, get, merge, post, put};

const CLUSTER: &str = "/apis/cluster.open-cluster-management.io";
const ADDON: &str = "/apis/addon.open-cluster-management.io";

pub(super) fn requests() -> Vec<Request> {
    let mut all = Vec::new();
    for (path, object) in kinds() {
        let kind = json!({"apiVersion": version_of(&path), "kind": kind_of(&path), "metadata": {"name": "<ns>-s"}});
        let named = with(object, &kind);
        let one = format!("{path}/<ns>-s");
        all.extend([
            post(path.as_str(), &with(named.clone(), &json!({"kind": null}))),
            post(
                path.as_str(),
                &with(named.clone(), &json!({"apiVersion": null})),
            ),
            post(path.as_str(), &named),
            get(one.as_str()),
            merge(one.as_str(), &json!({"metadata": {"labels": {"a": "b"}}})),
            put(
                one.as_str(),
                &with(
                    named,
                    &json!({"metadata": {"resourceVersion": "<rv>", "annotations": {"c": "d"}}}),
                ),
            ),
            post(
                path.as_str(),
                &with(kind, &json!({"metadata": {"name": "<ns>-bare"}})),
            ),
            get(format!(
                "{path}?labelSelector=a=b&fieldSelector=metadata.name=<ns>-s"
            )),
            get(one.as_str()).accept("application/json;as=Table;v=v1;g=meta.k8s.io"),
            delete(one),
            delete(format!("{path}/<ns>-bare")),
        ]);
    }
    all.extend(clusters());
    all.extend(placements());
    all.extend(versions());
    all.extend(empty());
    all
}

/// `GROUP/VERSION` of a path.
fn version_of(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').skip(2).take(2).collect();
    parts.join("/")
}

/// The kind whose collection is at the path.
fn kind_of(path: &str) -> Value {
    let plural = path.rsplit('/').next().unwrap_or_default();
    let mut resources = api::ocm().resources.iter();
    let resource = resources.find(|of| &*of.names.plural == plural);
    resource.map_or(Value::Null, |of| (&*of.names.kind).into())
}

fn kinds() -> Vec<(String, Value)> {
    let operator = "/apis/operator.open-cluster-management.io/v1";
    let proxy = "/apis/proxy.open-cluster-management.io/v1alpha1";
    let work = "/apis/work.open-cluster-management.io";
    vec![
        (format!("{ADDON}/v1alpha1/addontemplates"), json!({"spec": {"addonName": "sample", "agentSpec": {"workload": {"manifests": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "inner"}}]}}, "registration": []}})),
        (format!("{ADDON}/v1alpha1/clustermanagementaddons"), json!({"spec": {"addOnMeta": {"displayName": "Sample"}}})),
        (format!("{ADDON}/v1alpha1/namespaces/<ns>/managedclusteraddons"), json!({"spec": {}})),
        (format!("{ADDON}/v1alpha1/namespaces/<ns>/addondeploymentconfigs"), json!({"spec": {"customizedVariables": [{"name": "A", "value": "b"}]}})),
        ("/apis/authentication.open-cluster-management.io/v1beta1/namespaces/<ns>/managedserviceaccounts".into(), json!({"spec": {"rotation": {}}})),
        (format!("{CLUSTER}/v1alpha1/clusterclaims"), json!({"spec": {"value": "v"}})),
        (format!("{CLUSTER}/v1alpha1/namespaces/<ns>/addonplacementscores"), json!({})),
        (format!("{CLUSTER}/v1beta1/namespaces/<ns>/placementdecisions"), json!({})),
        (format!("{CLUSTER}/v1beta2/managedclustersets"), json!({"spec": {}})),
        (format!("{CLUSTER}/v1beta2/namespaces/<ns>/managedclustersetbindings"), json!({"spec": {"clusterSet": "<ns>-s"}})),
        (format!("{operator}/klusterlets"), json!({"spec": {"clusterName": "sample"}})),
        (format!("{operator}/clustermanagers"), json!({"spec": {}})),
        (format!("{proxy}/managedproxyconfigurations"), json!({"spec": {"authentication": {"dump": {"secrets": {}}, "signer": {"type": "SelfSigned"}}, "proxyServer": {"image": "i"}, "proxyAgent": {"image": "i"}}})),
        (format!("{proxy}/managedproxyserviceresolvers"), json!({"spec": {"managedClusterSelector": {"type": "ManagedClusterSet", "managedClusterSet": {"name": "s"}}, "serviceSelector": {"type": "ServiceRef", "serviceRef": {"namespace": "a", "name": "b"}}}})),
        (format!("{work}/v1/appliedmanifestworks"), json!({"spec": {"hubHash": "h", "agentID": "a", "manifestWorkName": "m"}})),
        (format!("{work}/v1alpha1/namespaces/<ns>/manifestworkreplicasets"), json!({"spec": {"manifestWorkTemplate": {"workload": {"manifests": []}}, "placementRefs": [{"name": "p"}]}})),
    ]
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
