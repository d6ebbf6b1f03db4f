use serde_json::json;

use super::*;

fn config_map(metadata: Value, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
}

/// 2.4 Update: live-only keys survive; a key with suffix `-` removes it.
#[test]
fn labels_and_annotations_are_merged_into_those_that_are_there() {
    let live = config_map(
        json!({"name": "a", "labels": {"mine": "old", "theirs": "x", "gone": "x"},
            "annotations": {"theirs": "x"}}),
        json!({}),
    );
    let manifest = config_map(
        json!({"name": "a", "labels": {"mine": "new", "gone-": ""}, "annotations": {"mine": "y"}}),
        json!({}),
    );
    let merged = merged(&live, &manifest, Some(&manifest));
    let labels = json!({"mine": "new", "theirs": "x"});
    assert_eq!(merged["metadata"]["labels"], labels);
    let annotations = json!({"mine": "y", "theirs": "x"});
    assert_eq!(merged["metadata"]["annotations"], annotations);
}

#[test]
fn a_label_that_was_in_the_manifest_before_goes() {
    let before = config_map(json!({"labels": {"a": "1", "b": "1"}}), json!({}));
    let live = config_map(json!({"labels": {"a": "1", "b": "1", "c": "1"}}), json!({}));
    let manifest = config_map(json!({"labels": {"a": "1"}}), json!({}));
    let merged = merged(&live, &manifest, Some(&before));
    assert_eq!(merged["metadata"]["labels"], json!({"a": "1", "c": "1"}));
}

/// 2.4 Update: keep live finalizers; scenario "keep finalizers".
#[test]
fn finalizers_status_and_owners_stay() {
    let owner = |uid: &str| json!({"uid": uid});
    let mut live = config_map(
        json!({"finalizers": ["theirs"], "ownerReferences": [owner("a")], "resourceVersion": "7"}),
        json!({}),
    );
    live["status"] = json!({"ready": true});
    let manifest = config_map(
        json!({"finalizers": ["mine"], "ownerReferences": [owner("a"), owner("b")]}),
        json!({"k": "v"}),
    );
    let merged = merged(&live, &manifest, None);
    assert_eq!(merged["metadata"]["finalizers"], json!(["theirs"]));
    assert_eq!(
        merged["metadata"]["ownerReferences"],
        json!([owner("a"), owner("b")])
    );
    assert_eq!(merged["metadata"]["resourceVersion"], "7");
    assert_eq!(merged["status"], live["status"]);
    assert_eq!(merged["data"], json!({"k": "v"}));
}

#[test]
fn data_is_what_the_manifest_says_and_nothing_else() {
    let manifest = config_map(json!({}), json!({"a": "1"}));
    let mut live = config_map(json!({}), json!({"a": "2", "b": "2"}));
    live["binaryData"] = json!({"c": "Yw=="});
    let merged = merged(&live, &manifest, Some(&manifest));
    assert_eq!(merged["data"], json!({"a": "1"}));
    assert_eq!(merged.get("binaryData"), None);
}

fn deployment(spec: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": spec})
}

#[test]
fn defaults_and_what_others_add_are_no_difference() {
    let manifest = deployment(json!({"paused": false, "nodes": {}, "none": null,
        "containers": [{"name": "a", "image": "i"}]}));
    let live = deployment(json!({"paused": false, "replicas": 3,
        "containers": [{"name": "a", "image": "i", "pullPolicy": "Always"}]}));
    assert_eq!(merged(&live, &manifest, Some(&manifest)), live);
    assert_eq!(merged(&live, &manifest, None)["spec"], manifest["spec"]);
}

#[test]
fn what_left_the_manifest_goes_and_what_others_added_stays() {
    let before = deployment(json!({"mine": 1, "old": 1, "deep": {"mine": 1, "old": 1}}));
    let live = deployment(json!({"mine": 2, "old": 1, "theirs": 1,
        "deep": {"mine": 1, "old": 1, "theirs": 1}}));
    let manifest = deployment(json!({"mine": 1, "deep": {"mine": 1}}));
    assert_eq!(
        merged(&live, &manifest, Some(&before))["spec"],
        json!({"mine": 1, "theirs": 1, "deep": {"mine": 1, "theirs": 1}})
    );
}

#[test]
fn lists_are_the_manifests_where_they_are_about_other_things() {
    let of = |list| deployment(json!({"list": list}));
    let manifest = of(json!([{"name": "a", "x": 1}, {"name": "b", "x": 1}]));
    let spec = |live| merged(&of(live), &manifest, Some(&manifest))["spec"]["list"].clone();
    let wanted = manifest["spec"]["list"].clone();
    assert_eq!(spec(json!([{"name": "a", "x": 1}])), wanted);
    let swapped = json!([{"name": "b", "x": 1, "y": 1}, {"name": "a", "x": 1, "y": 1}]);
    assert_eq!(spec(swapped), wanted);
    let filled = json!([{"name": "a", "x": 2, "y": 1}, {"name": "b", "x": 1}]);
    let kept = json!([{"name": "a", "x": 1, "y": 1}, {"name": "b", "x": 1}]);
    assert_eq!(spec(filled), kept);
}

/// 2.4: typed handling for well-known kinds, e.g. SA secrets preserved.
#[test]
fn what_the_cluster_fills_in_is_not_taken_away() {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {}});
    let mut live = account.clone();
    live["secrets"] = json!([{"name": "token"}]);
    live["automountServiceAccountToken"] = true.into();
    let kept = merged(&live, &account, None);
    assert_eq!(kept["secrets"], live["secrets"]);
    assert_eq!(kept.get("automountServiceAccountToken"), None);

    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {},
        "spec": {"parallelism": 2, "template": {"metadata": {"labels": {"a": "b"}}}}});
    let live = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {},
        "spec": {"parallelism": 1, "selector": {"x": "y"},
            "template": {"metadata": {"labels": {"a": "b", "controller-uid": "u"}}}}});
    let mut wanted = live.clone();
    wanted["spec"]["parallelism"] = 2.into();
    assert_eq!(merged(&live, &job, None), wanted);
}
