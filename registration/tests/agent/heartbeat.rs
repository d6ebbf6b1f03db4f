//! Rule 1.6, the agent's half: the lease.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use serde_json::json;

use super::setup::{Setup, until};

const LEASE: &str = "/leases/managed-cluster-lease";

async fn renewed(setup: &Setup) -> Option<MicroTime> {
    let lease = setup.admin.lease("c1").await;
    lease.spec.unwrap().renew_time
}

/// "lease should be updated constantly", "use a short lease duration".
#[tokio::test]
async fn the_lease_is_renewed_by_one_request_each_and_in_the_new_rhythm_at_once() {
    let setup = Setup::start().await;
    let _agent = setup.joined(setup.config()).await;
    until(async || renewed(&setup).await.is_some()).await;
    let first = renewed(&setup).await;
    // With the 60 s that the cluster began with this test would not end.
    let short = json!({"spec": {"leaseDurationSeconds": 1}});
    setup.admin.patch("c1", &short).await;
    until(async || setup.way.count("PUT", LEASE) >= 4).await;
    assert!(renewed(&setup).await > first);
    assert_eq!(setup.way.count("GET", LEASE), 1);
    let lease = setup.admin.lease("c1").await;
    assert_eq!(
        lease.spec.unwrap().holder_identity.as_deref(),
        Some("managed-cluster-lease")
    );
}

/// "only while HubAccepted=True", and "lease loop not restarted".
#[tokio::test]
async fn the_lease_is_left_alone_while_the_cluster_is_not_accepted() {
    let setup = Setup::start().await;
    let mut agent = setup.joined(setup.config()).await;
    let short = json!({"spec": {"leaseDurationSeconds": 1}});
    setup.admin.patch("c1", &short).await;
    until(async || setup.way.count("PUT", LEASE) >= 2).await;
    setup.admin.deny("c1").await;
    let line = agent.until(|state| !state.is_joined()).await;
    assert!(line.contains("to be accepted"), "{line}");
    let at_denial = setup.way.count("PUT", LEASE);
    // Status and lease would both be told within this time.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert!(setup.way.count("PUT", LEASE) <= at_denial + 1);
    setup.admin.accept("c1").await;
    until(async || setup.way.count("PUT", LEASE) > at_denial + 1).await;
}

/// Somebody else's write costs one more look.
#[tokio::test]
async fn a_lease_that_somebody_else_has_written_is_renewed_all_the_same() {
    let setup = Setup::start().await;
    let _agent = setup.joined(setup.config()).await;
    until(async || setup.way.count("PUT", LEASE) >= 1).await;
    let leases: kube::Api<k8s_openapi::api::coordination::v1::Lease> =
        kube::Api::namespaced(setup.hub.admin(), "c1");
    let patch = json!({"metadata": {"labels": {"a": "b"}}});
    let patch = kube::api::Patch::Merge(patch);
    let params = kube::api::PatchParams::default();
    let patched = leases.patch("managed-cluster-lease", &params, &patch);
    let patched = patched.await.unwrap();
    let short = json!({"spec": {"leaseDurationSeconds": 1}});
    setup.admin.patch("c1", &short).await;
    until(async || renewed(&setup).await > patched.spec.clone().unwrap().renew_time).await;
    let lease = setup.admin.lease("c1").await;
    assert_eq!(lease.metadata.labels.unwrap()["a"], "b");
}
