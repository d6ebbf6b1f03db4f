//! The agent is killed at every step of the handshake, and started again.

use std::sync::Arc;

use kube::ResourceExt as _;
use kube::api::ListParams;
use registration::agent::{AgentConfig, CredentialFolder, CredentialStore, State};
use tokio::task::JoinSet;

use super::setup::{HURRIED, Running, Setup, until};
use super::way::{CountingStore, Points, Way};

/// Enough for the whole handshake; the walk ends where it does.
const POINTS_MAX: usize = 200;

/// Rule 1.3: whatever the step, there is one ManagedCluster in the end, a lost
/// key costs one more request, and nothing else does.
#[tokio::test]
async fn an_agent_that_is_killed_at_any_step_joins_as_one_cluster() {
    let setup = Setup::start().await;
    let mut people = JoinSet::new();
    people.spawn(setup.admin.clone().welcome_everyone());
    for point in 0..POINTS_MAX {
        if !walk(&setup, point).await {
            assert!(point > 20, "the handshake had only {point} points");
            return;
        }
    }
    panic!("the handshake has no end");
}

/// Kills an agent at that point and starts it again; whether it came so far.
async fn walk(setup: &Setup, point: usize) -> bool {
    let before = clusters(setup).await;
    let folder = tempfile::tempdir().unwrap();
    let store = || CredentialFolder::new(folder.path().join("credential"));
    let points = Points::until(point);
    let config = |points: &Arc<Points>| AgentConfig {
        pace: HURRIED,
        ..AgentConfig::new(
            Way::new(&setup.hub.service, points.clone()),
            Arc::new(CountingStore {
                store: store(),
                points: points.clone(),
            }),
            setup.managed.admin(),
        )
    };
    let first = Running::start(config(&points));
    let killed = tokio::select! {
        () = points.reached() => true,
        () = joined(setup, &before) => false,
    };
    drop(first);
    let had_certificate = store().load().await.unwrap().certificate_pem.is_some();
    let asked = match new(setup, &before).await.as_slice() {
        [] => 0,
        [cluster] => setup.admin.requests_of(cluster).await.len(),
        more => panic!("at point {point}: {more:?}"),
    };
    let mut second = Running::start(config(&Points::endless()));
    second.until(State::is_joined).await;
    joined(setup, &before).await;
    let new = new(setup, &before).await;
    let [cluster] = new.as_slice() else {
        panic!("at point {point}: {new:?}");
    };
    let needed = asked + usize::from(!had_certificate);
    let requests = setup.admin.requests_of(cluster).await.len();
    assert_eq!(requests, needed, "requests after a kill at point {point}");
    assert!(needed <= 2, "{needed} requests at point {point}");
    killed
}

/// Waits until the one new cluster is joined, available and has a lease.
async fn joined(setup: &Setup, before: &[String]) {
    until(async || {
        let [cluster] = &new(setup, before).await[..] else {
            return false;
        };
        for kind in ["ManagedClusterJoined", "ManagedClusterConditionAvailable"] {
            let told = setup.admin.told(cluster, kind).await;
            if told.is_none_or(|(status, ..)| status != "True") {
                return false;
            }
        }
        let lease = setup.admin.lease(cluster).await;
        lease.spec.is_some_and(|spec| spec.renew_time.is_some())
    })
    .await;
}

async fn clusters(setup: &Setup) -> Vec<String> {
    let all = setup.admin.clusters().list(&ListParams::default()).await;
    all.unwrap().iter().map(|of| of.name_any()).collect()
}

async fn new(setup: &Setup, before: &[String]) -> Vec<String> {
    let mut all = clusters(setup).await;
    all.retain(|cluster| !before.contains(cluster));
    all
}
