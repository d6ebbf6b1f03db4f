use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use registration::hub::Options;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::place::{AVAILABLE, CLUSTERS, Place, cluster, condition, says, work, works};

const CLOCK: &str = "ManagedClusterConditionClockSynced";
const STOPPED: &str = "ManagedClusterLeaseUpdateStopped";
const STOPPED_MESSAGE: &str = "Registration agent stopped updating its lease.";

fn lease(cluster: &str) -> String {
    let group = "/apis/coordination.k8s.io/v1";
    format!("{group}/namespaces/{cluster}/leases/managed-cluster-lease")
}

/// Renews a lease as an agent does whose clock differs by so much.
async fn renew(place: &Place, cluster: &str, seconds: i64) {
    place.until_there(&lease(cluster)).await;
    let now = Timestamp::now();
    let time = Timestamp::from_microsecond(now.as_microsecond() + seconds * 1_000_000).unwrap();
    let patch = json!({"spec": {"renewTime": MicroTime(time)}});
    place.patch(&lease(cluster), &patch).await;
}

/// A cluster whose lease is short.
async fn impatient(place: &Place, name: &str) {
    let mut cluster = cluster(name);
    cluster["spec"] = json!({"leaseDurationSeconds": 2, "hubAcceptsClient": true});
    place.post(CLUSTERS, &cluster).await;
    place
        .until_condition(name, "HubAcceptedManagedCluster", "True")
        .await;
}

#[tokio::test]
async fn the_hub_makes_the_lease_of_an_accepted_cluster_and_makes_it_again() {
    let place = Place::start().await;
    place.accepted("c1").await;
    let made = place.until_there(&lease("c1")).await;
    assert_eq!(made["spec"]["holderIdentity"], "managed-cluster-lease");
    let label = &made["metadata"]["labels"]["open-cluster-management.io/cluster-name"];
    assert_eq!(label, "c1");
    place.delete(&lease("c1")).await;
    let again = place.until_there(&lease("c1")).await;
    assert_ne!(made["metadata"]["uid"], again["metadata"]["uid"]);
}

#[tokio::test]
async fn a_cluster_whose_lease_ends_is_unknown_and_well_again_when_its_agent_says_so() {
    let place = Place::start().await;
    impatient(&place, "c1").await;
    renew(&place, "c1", 0).await;
    place.tell_available("c1", "True").await;
    let unknown = place.until_condition("c1", AVAILABLE, "Unknown").await;
    says(&unknown, "Unknown", STOPPED, STOPPED_MESSAGE);
    let event = place.until_event("c1", "AvailableUnknown").await;
    let note = "The c1 is successfully imported. However, the connection check from the managed \
                cluster to the hub cluster has failed";
    assert_eq!(event["note"], note);
    assert_eq!(event["type"], "Warning");
    renew(&place, "c1", 0).await;
    place.tell_available("c1", "True").await;
    place
        .until("the taint is gone", async || {
            let cluster = place.get(&format!("{CLUSTERS}/c1")).await;
            let taints = cluster["spec"]["taints"].as_array();
            taints.is_none_or(Vec::is_empty).then_some(())
        })
        .await;
}

#[tokio::test]
async fn a_cluster_that_is_deleted_and_has_no_lease_is_unknown_at_once() {
    let place = Place::start().await;
    place.accepted("c1").await;
    place.until_there(&lease("c1")).await;
    place.tell_available("c1", "True").await;
    let mut held = work("w");
    held["metadata"]["finalizers"] = json!(["example.org/held"]);
    place.post(&works("c1"), &held).await;
    place.delete(&format!("{CLUSTERS}/c1")).await;
    place.delete(&lease("c1")).await;
    let unknown = place.until_condition("c1", AVAILABLE, "Unknown").await;
    says(&unknown, "Unknown", STOPPED, STOPPED_MESSAGE);
    assert!(place.find(&lease("c1")).await.is_none());
}

#[tokio::test]
async fn a_clock_that_is_off_is_told_and_so_is_one_that_goes_right() {
    let place = Place::start().await;
    place.accepted("c1").await;
    renew(&place, "c1", 1).await;
    let synced = place.until_condition("c1", CLOCK, "True").await;
    let message = "The clock of the managed cluster is synced with the hub.";
    says(&synced, "True", "ManagedClusterClockSynced", message);
    renew(&place, "c1", 3600).await;
    let off = place.until_condition("c1", CLOCK, "False").await;
    let message = "The clock of hub and agent is out of sync. This may cause the Unknown status \
                   and affect agent functionalities.";
    says(&off, "False", "ManagedClusterClockOutOfSync", message);
}

#[tokio::test]
async fn a_clock_that_nobody_is_to_look_at_goes_right() {
    let place = Place::start().await;
    place.accepted("c1").await;
    renew(&place, "c1", 3600).await;
    place.until_condition("c1", CLOCK, "False").await;
    let skip = json!({"registration.open-cluster-management.io/skip-clock-sync-check": "true"});
    let patch = json!({"metadata": {"annotations": skip}});
    place.patch(&format!("{CLUSTERS}/c1"), &patch).await;
    renew(&place, "c1", 7200).await;
    place.until_condition("c1", CLOCK, "True").await;
}

fn set(names: &[&str]) -> Arc<BTreeSet<String>> {
    Arc::new(names.iter().map(|name| (*name).to_owned()).collect())
}

/// A hub that gives up clusters soon, and who is connected to it.
async fn tunnelled(after: Duration) -> (Place, watch::Sender<Arc<BTreeSet<String>>>) {
    let (sender, connected) = watch::channel(set(&[]));
    let options = Options {
        connected: Some(connected),
        disconnected_after: after,
        ..Options::default()
    };
    (Place::with(options).await, sender)
}

/// Waits until it is noted that a cluster comes through the tunnel.
async fn until_noted(place: &Place, name: &str) {
    place
        .until("the session is noted", async || {
            let cluster = place.get(&format!("{CLUSTERS}/{name}")).await;
            (cluster["metadata"]["annotations"]["adit/tunnelled"] == "true").then_some(())
        })
        .await;
}

fn available(cluster: &Value) -> Value {
    condition(cluster, AVAILABLE).unwrap()["status"].clone()
}

#[tokio::test]
async fn a_cluster_that_has_lost_its_sessions_is_unknown_long_before_its_lease_ends() {
    let (place, sessions) = tunnelled(Duration::from_millis(500)).await;
    place.accepted("c1").await;
    place.accepted("direct").await;
    sessions.send_replace(set(&["c1"]));
    until_noted(&place, "c1").await;
    for name in ["c1", "direct"] {
        place.tell_available(name, "True").await;
    }
    sessions.send_replace(set(&[]));
    let unknown = place.until_condition("c1", AVAILABLE, "Unknown").await;
    let message = "No agent of the managed cluster has been connected to the hub for 0.5 s.";
    says(&unknown, "Unknown", "TunnelDisconnected", message);
    place.until_event("c1", "AvailableUnknown").await;
    // What does not come through the tunnel is not missed there.
    let direct = place.get(&format!("{CLUSTERS}/direct")).await;
    assert_eq!(available(&direct), "True");
}

#[tokio::test]
async fn a_session_that_ends_for_a_moment_changes_nothing() {
    let (place, sessions) = tunnelled(Duration::from_secs(3600)).await;
    place.accepted("c1").await;
    sessions.send_replace(set(&["c1"]));
    until_noted(&place, "c1").await;
    place.tell_available("c1", "True").await;
    sessions.send_replace(set(&[]));
    // A lease that is renewed has the cluster looked at.
    renew(&place, "c1", 0).await;
    place.until_condition("c1", CLOCK, "True").await;
    let cluster = place.get(&format!("{CLUSTERS}/c1")).await;
    assert_eq!(available(&cluster), "True");
}

/// A cluster whose agents are the tunnel alone, as the hub makes it for
/// credentials that were made by hand.
async fn alone(place: &Place, name: &str) {
    let mut cluster = cluster(name);
    cluster["metadata"]["annotations"] = json!({"adit/tunnel": "alone"});
    cluster["spec"]["hubAcceptsClient"] = json!(true);
    place.post(CLUSTERS, &cluster).await;
}

#[tokio::test]
async fn a_cluster_of_which_nobody_renews_a_lease_is_there_while_it_has_a_session() {
    let (place, sessions) = tunnelled(Duration::from_millis(500)).await;
    alone(&place, "c1").await;
    sessions.send_replace(set(&["c1"]));
    let there = place.until_condition("c1", AVAILABLE, "True").await;
    let message = "An agent of the managed cluster is connected to the hub.";
    says(&there, "True", "TunnelConnected", message);
    assert!(place.find(&lease("c1")).await.is_none(), "nobody renews it");
    sessions.send_replace(set(&[]));
    let gone = place.until_condition("c1", AVAILABLE, "Unknown").await;
    let message = "No agent of the managed cluster has been connected to the hub for 0.5 s.";
    says(&gone, "Unknown", "TunnelDisconnected", message);
    // Nobody but the hub could say that it is well again.
    sessions.send_replace(set(&["c1"]));
    place.until_condition("c1", AVAILABLE, "True").await;
    place
        .until("the taint is gone", async || {
            let cluster = place.get(&format!("{CLUSTERS}/c1")).await;
            let taints = cluster["spec"]["taints"].as_array();
            taints.is_none_or(Vec::is_empty).then_some(())
        })
        .await;
}

#[tokio::test]
async fn a_cluster_whose_agent_registers_after_all_has_a_lease_like_any_other() {
    let (place, sessions) = tunnelled(Duration::from_secs(3600)).await;
    alone(&place, "c1").await;
    sessions.send_replace(set(&["c1"]));
    place.until_condition("c1", AVAILABLE, "True").await;
    let joined = json!({
        "type": "ManagedClusterJoined",
        "status": "True",
        "reason": "ManagedClusterJoined",
        "message": "Managed cluster joined",
        "lastTransitionTime": Timestamp::now().to_string(),
    });
    let path = format!("{CLUSTERS}/c1");
    let mut conditions = place.get(&path).await["status"]["conditions"].clone();
    conditions.as_array_mut().unwrap().push(joined);
    let patch = json!({"status": {"conditions": conditions}});
    place.patch(&format!("{path}/status"), &patch).await;
    place.until_there(&lease("c1")).await;
}
