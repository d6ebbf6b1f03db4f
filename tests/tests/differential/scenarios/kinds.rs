//! All kinds of Open Cluster Management, each by all verbs.

use serde_json::{Value, json};

use super::{CLUSTERS, WORKS, cluster, with};
use crate::request::{Request, apply, delete, get, json_patch, merge, post, put, strategic};

pub(super) fn requests() -> Vec<Request> {
    let kinds = kinds().into_iter();
    kinds
        .flat_map(|(path, object)| of_kind(&path, object))
        .collect()
}

fn of_kind(path: &str, object: Value) -> Vec<Request> {
    let (version, kind) = (version_of(path), kind_of(path));
    let bare =
        |name: &str| json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}});
    let named = with(object, &bare("<ns>-s"));
    let one = format!("{path}/<ns>-s");
    let owned = format!("{one}?fieldManager=other");
    let labels = json!({"metadata": {"labels": {"a": "b"}}});
    let mut all = vec![
        post(path, &with(named.clone(), &json!({"kind": null}))),
        post(path, &with(named.clone(), &json!({"apiVersion": null}))),
        post(path, &with(named.clone(), &json!({"kind": "Other"}))),
        post(format!("{path}?dryRun=All"), &named),
        post(path, &named),
        post(path, &named),
        get(one.as_str()),
        merge(one.as_str(), &labels),
        strategic(one.as_str(), &labels),
        json_patch(
            one.as_str(),
            &json!([{"op": "test", "path": "/metadata/labels/a", "value": "b"}, {"op": "add", "path": "/metadata/annotations", "value": {"n": "1"}}]),
        ),
        json_patch(
            one.as_str(),
            &json!([{"op": "replace", "path": "/metadata/labels/a", "value": 7}]),
        ),
        merge(one.as_str(), &json!({"kind": "Other"})),
        merge(one.as_str(), &json!({"undeclared": 1})),
        put(
            one.as_str(),
            &with(
                named.clone(),
                &json!({"kind": "Other", "metadata": {"resourceVersion": "<rv>"}}),
            ),
        ),
        put(
            one.as_str(),
            &with(named.clone(), &json!({"kind": "Other"})),
        ),
        put(one.as_str(), &named),
        put(
            one.as_str(),
            &with(
                named.clone(),
                &json!({"metadata": {"resourceVersion": "1"}}),
            ),
        ),
        put(
            one.as_str(),
            &with(
                named.clone(),
                &json!({"metadata": {"resourceVersion": "<rv>", "annotations": {"c": "d"}, "labels": {"a": "b"}}}),
            ),
        ),
        put(
            format!("{path}/<ns>-none"),
            &with(
                bare("<ns>-none"),
                &json!({"metadata": {"resourceVersion": "1"}}),
            ),
        ),
        put(
            format!("{path}/<ns>-none"),
            &with(bare("<ns>-none"), &json!({"kind": "Other"})),
        ),
        apply(
            owned.as_str(),
            &with(named.clone(), &json!({"metadata": {"labels": {"a": "c"}}})),
        ),
        apply(
            format!("{owned}&force=true"),
            &with(named.clone(), &json!({"metadata": {"labels": {"a": "c"}}})),
        ),
        apply(owned.as_str(), &bare("<ns>-s")),
        apply(
            format!("{owned}&dryRun=All"),
            &with(named.clone(), &json!({"undeclared": 1})),
        ),
        apply(
            format!("{path}/<ns>-applied?fieldManager=other"),
            &with(named, &bare("<ns>-applied")),
        ),
        post(path, &bare("<ns>-bare")),
    ];
    all.extend(through_status(&one, &bare("<ns>-s")));
    let few = "fieldSelector=metadata.name=<ns>-s";
    all.extend([
        get(format!("{path}?labelSelector=a=c&{few}")),
        get(format!("{path}?labelSelector=a%20in%20(b)&{few}")),
        get(format!("{path}?{few}&limit=1")),
        get(format!("{path}?fieldSelector=spec.none=x")),
        get(format!("{path}?{few}")).accept(TABLE),
        get(format!("{path}?{few}")).accept(PARTIAL_LIST),
        get(one.as_str()).accept(TABLE),
        get(one.as_str()).accept(PARTIAL),
        get(format!("{path}?watch=1&{few}&resourceVersionMatch=NotOlderThan&sendInitialEvents=true&allowWatchBookmarks=true")).lines(2),
        delete(format!("{path}/<ns>-none")),
        delete(format!("{one}?dryRun=All")),
        delete(one.as_str()).json(&json!({"preconditions": {"uid": "other"}})),
        merge(one.as_str(), &json!({"metadata": {"finalizers": ["a.b/c"]}})),
        delete(one.as_str()),
        post(path, &bare("<ns>-s")),
        merge(one.as_str(), &json!({"metadata": {"finalizers": ["a.b/c", "d.e/f"]}})),
        merge(one.as_str(), &json!({"metadata": {"finalizers": null}})),
        get(one),
        delete(format!("{path}/<ns>-applied")),
        delete(format!("{path}/<ns>-bare")),
    ]);
    all
}

/// Writes of the status; those of a kind without one are refused.
fn through_status(one: &str, object: &Value) -> Vec<Request> {
    let path = format!("{one}/status");
    let conditions = json!({"status": {"conditions": [{
        "type": "A", "status": "True", "reason": "R", "message": "", "lastTransitionTime": "2026-01-02T03:04:05Z",
    }]}});
    let labels = json!({"metadata": {"labels": {"s": "t"}}});
    vec![
        get(path.as_str()),
        merge(path.as_str(), &with(conditions.clone(), &labels)),
        merge(path.as_str(), &json!({"status": {"conditions": "x"}})),
        merge(path.as_str(), &json!({"spec": {"x": 1}})),
        put(
            path.as_str(),
            &with(
                object.clone(),
                &json!({"status": {}, "metadata": {"resourceVersion": "<rv>"}}),
            ),
        ),
        apply(
            format!("{path}?fieldManager=other"),
            &with(object.clone(), &conditions),
        ),
        apply(
            format!("{path}?fieldManager=third"),
            &with(object.clone(), &conditions),
        ),
        delete(path),
    ]
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
        (CLUSTERS.into(), cluster("")),
        (WORKS.into(), super::work("")),
        (format!("{CLUSTER}/v1beta1/namespaces/<ns>/placements"), json!({"spec": {"numberOfClusters": 1}})),
        ("/apis/authentication.open-cluster-management.io/v1alpha1/namespaces/<ns>/managedserviceaccounts".into(), json!({"spec": {"rotation": {}}})),
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

const CLUSTER: &str = "/apis/cluster.open-cluster-management.io";
const ADDON: &str = "/apis/addon.open-cluster-management.io";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
const PARTIAL: &str = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
const PARTIAL_LIST: &str = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
