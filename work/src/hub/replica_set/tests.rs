//! What a plan has, from works and decisions as they are read, at given times.

use std::sync::Arc;

use api::types::work::{ManifestWork, ManifestWorkReplicaSet};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::runtime::watcher::Event;
use serde_json::{Value, json};

use super::super::children::{Child, Children};
use super::super::names;
use super::super::rollout::Group;
use super::plan::{Plan, plan};

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn ago(seconds: i64) -> String {
    (now() - SignedDuration::from_secs(seconds)).to_string()
}

fn template(value: &str) -> Value {
    json!({"workload": {"manifests": [{"kind": "ConfigMap", "data": {"key": value}}]}})
}

/// A set with the template `new`.
fn set(strategy: Value) -> ManifestWorkReplicaSet {
    let set = json!({
        "apiVersion": "work.open-cluster-management.io/v1alpha1",
        "kind": "ManifestWorkReplicaSet",
        "metadata": {"name": "web", "namespace": "apps", "generation": 2},
        "spec": {
            "manifestWorkTemplate": template("new"),
            "placementRefs": [{"name": "eu", "rolloutStrategy": strategy}],
        },
    });
    serde_json::from_value(set).unwrap()
}

fn progressive(limits: Value) -> ManifestWorkReplicaSet {
    set(json!({"type": "Progressive", "progressive": limits}))
}

/// A cluster's work of the set, with conditions that are as old as they say.
fn work(cluster: &str, value: &str, annotations: Value, conditions: Value) -> Value {
    json!({
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "metadata": {
            "name": "web", "namespace": cluster, "generation": 3, "resourceVersion": "1",
            "creationTimestamp": ago(90_000),
            "labels": {(names::SET): "apps.web", (names::PLACEMENT): "eu"},
            "annotations": annotations,
        },
        "spec": template(value),
        "status": {"conditions": conditions},
    })
}

fn condition(type_: &str, status: &str, generation: i64, seconds: i64) -> Value {
    json!({
        "type": type_, "status": status, "reason": "Test", "message": "",
        "observedGeneration": generation, "lastTransitionTime": ago(seconds),
    })
}

/// Conditions of a work that is well and always was.
fn well() -> Value {
    let of = |type_| condition(type_, "True", 3, 86_000);
    json!([of("Applied"), of("Available")])
}

fn children<const N: usize>(works: [Value; N]) -> Vec<Arc<Child>> {
    let children = Children::default();
    for work in works {
        let work: ManifestWork = serde_json::from_value(work).unwrap();
        children.note(&Event::Apply(work));
    }
    children.of("apps.web")
}

fn plan_for(set: &ManifestWorkReplicaSet, clusters: &[&str], works: &[Arc<Child>]) -> Plan {
    let group = Group {
        clusters: clusters.iter().map(|of| (*of).to_owned()).collect(),
        ..Group::default()
    };
    plan(set, &[Some(vec![group])], works, now())
}

fn clusters(works: &[Arc<Child>]) -> Vec<&str> {
    works.iter().map(|work| work.cluster.as_str()).collect()
}

#[test]
fn a_template_that_changes_is_rolled_out_by_the_strategy() {
    let set = progressive(json!({"maxConcurrency": 1}));
    let works = children([
        work("c1", "old", json!({}), well()),
        work("c2", "old", json!({}), well()),
    ]);
    let plan = plan_for(&set, &["c1", "c2"], &works);
    assert_eq!(clusters(&plan.rewrite), ["c1"]);
    assert_eq!(plan.status.summary.updated, 0);
}

/// The conditions of a work outlive its template, so that their times say
/// nothing of it.
#[test]
fn a_soak_counts_from_the_success_with_this_template() {
    let set = progressive(json!({"maxConcurrency": 1, "minSuccessTime": "5m"}));
    let rolled_out = json!({(names::ROLLED_OUT_AT): ago(600), (names::SUCCEEDED_AT): ""});
    let works = children([
        work("c1", "new", rolled_out, well()),
        work("c2", "old", json!({}), well()),
    ]);
    let plan = plan_for(&set, &["c1", "c2"], &works);
    assert_eq!(clusters(&plan.mark), ["c1"]);
    assert_eq!(clusters(&plan.rewrite), [""; 0]);

    let soaking = json!({(names::ROLLED_OUT_AT): ago(600), (names::SUCCEEDED_AT): ago(299)});
    let works = children([
        work("c1", "new", soaking, well()),
        work("c2", "old", json!({}), well()),
    ]);
    let plan = plan_for(&set, &["c1", "c2"], &works);
    assert_eq!(clusters(&plan.mark), [""; 0]);
    assert_eq!(clusters(&plan.rewrite), [""; 0]);
    assert_eq!(plan.recheck_after, Some(std::time::Duration::from_secs(1)));

    let soaked = json!({(names::ROLLED_OUT_AT): ago(600), (names::SUCCEEDED_AT): ago(300)});
    let works = children([
        work("c1", "new", soaked, well()),
        work("c2", "old", json!({}), well()),
    ]);
    assert_eq!(
        clusters(&plan_for(&set, &["c1", "c2"], &works).rewrite),
        ["c2"]
    );
}

#[test]
fn an_agent_that_says_nothing_of_the_template_has_until_the_deadline() {
    let set = progressive(json!({"maxConcurrency": 1, "progressDeadline": "10m"}));
    let old_report = json!([condition("Applied", "True", 2, 86_000)]);
    let work = |seconds| {
        let rolled_out = json!({(names::ROLLED_OUT_AT): ago(seconds)});
        work("c1", "new", rolled_out, old_report.clone())
    };
    let plan = plan_for(&set, &["c1", "c2"], &children([work(599)]));
    assert!(plan.make.is_empty());
    assert_eq!(plan.recheck_after, Some(std::time::Duration::from_secs(1)));
    let plan = plan_for(&set, &["c1", "c2"], &children([work(600)]));
    let rolled_out = plan
        .status
        .conditions
        .iter()
        .find(|of| of.type_ == "PlacementRolledOut");
    assert!(rolled_out.unwrap().message.contains("maxFailures"));
    assert!(plan.make.is_empty());
}

#[test]
fn a_work_of_before_counts_as_rolled_out_when_it_was_made() {
    let set = progressive(json!({"maxConcurrency": 1, "progressDeadline": "10m"}));
    let works = children([work("c1", "new", Value::Null, well())]);
    let plan = plan_for(&set, &["c1", "c2"], &works);
    assert_eq!(plan.make, [("c2".to_owned(), "eu".to_owned())]);
}

#[test]
fn progressing_and_degraded_count_only_when_they_are_about_the_work_as_it_is() {
    let set = progressive(json!({"maxConcurrency": 1, "maxFailures": 1}));
    let old = json!([
        condition("Applied", "True", 3, 60),
        condition("Available", "True", 3, 60),
        condition("Progressing", "True", 2, 60),
        condition("Degraded", "True", 2, 60),
    ]);
    let works = children([work("c1", "new", json!({}), old)]);
    // No rule of this template makes them, so that they are leftovers.
    let plan = plan_for(&set, &["c1", "c2"], &works);
    assert_eq!(plan.make, [("c2".to_owned(), "eu".to_owned())]);
    let new = json!([
        condition("Applied", "True", 3, 60),
        condition("Available", "True", 3, 60),
        condition("Progressing", "True", 3, 60),
    ]);
    let works = children([work("c1", "new", json!({}), new)]);
    assert!(plan_for(&set, &["c1", "c2"], &works).make.is_empty());
}

#[test]
fn what_is_too_much_is_removed_and_what_goes_is_left_alone() {
    let set = progressive(json!({}));
    let mut second = work("c1", "new", json!({}), well());
    second["metadata"]["name"] = json!("web2");
    let mut going = work("c4", "new", json!({}), well());
    going["metadata"]["deletionTimestamp"] = json!(ago(1));
    let mut elsewhere = work("c5", "new", json!({}), well());
    elsewhere["metadata"]["labels"][names::PLACEMENT] = json!("us");
    let works = children([
        work("c1", "new", json!({}), well()),
        second,
        work("c3", "new", json!({}), well()),
        going,
        elsewhere,
    ]);
    let plan = plan_for(&set, &["c1", "c4"], &works);
    let removed: Vec<_> = plan
        .remove
        .iter()
        .map(|work| work.cluster.as_str())
        .collect();
    assert_eq!(removed, ["c1", "c3", "c5"]);
    assert_eq!(plan.remove[0].name, "web2");
    assert!(plan.make.is_empty());
}

#[test]
fn a_late_event_does_not_undo_what_is_known() {
    let children = Children::default();
    let at = |version: &str, value| {
        let mut work = work("c1", value, json!({}), well());
        work["metadata"]["resourceVersion"] = json!(version);
        serde_json::from_value::<ManifestWork>(work).unwrap()
    };
    children.wrote(&at("12", "new"));
    children.note(&Event::Apply(at("9", "old")));
    assert_eq!(children.of("apps.web")[0].resource_version, "12");
    let mut other = at("3", "old");
    other.metadata.uid = Some("another".to_owned());
    children.note(&Event::Delete(other));
    assert_eq!(children.of("apps.web").len(), 1);
    let mut unlabelled = at("13", "new");
    unlabelled.metadata.labels = None;
    children.note(&Event::Apply(unlabelled));
    assert!(children.of("apps.web").is_empty());
}
