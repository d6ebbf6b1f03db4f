//! Both halves: an agent, and the hub's own controllers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use registration::agent::{AgentConfig, Clock, State};
use registration::hub::accept::{Whose, accept};
use registration::hub::detach::detach;
use registration::hub::{Controllers, Options};
use serde_json::json;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::people::Admin;
use super::server::Server;
use super::setup::{HURRIED, Running, Setup, until};
use super::way::{Points, Way};

/// A hub whose controllers run, and nothing that a test has made there.
pub(super) async fn start() -> (Setup, JoinSet<()>) {
    let hub = Server::start().await;
    let managed = Server::start().await;
    let mut controllers = JoinSet::new();
    let run = Controllers::new(hub.admin(), Options::default());
    controllers.spawn(run.run(CancellationToken::new()));
    let setup = Setup {
        admin: Admin(hub.admin()),
        way: Way::new(&hub.service, Points::endless()),
        folder: tempfile::tempdir().unwrap(),
        hub,
        managed,
    };
    (setup, controllers)
}

async fn is_true(setup: &Setup, kind: &str) -> bool {
    let told = setup.admin.told("c1", kind).await;
    told.is_some_and(|(status, ..)| status == "True")
}

/// Rules 1.3 to 1.7 and 1.13, from the first request to the last.
#[tokio::test]
async fn a_cluster_joins_renews_is_denied_taken_again_and_detached() {
    let (setup, _controllers) = start().await;
    let ahead = Arc::new(AtomicU64::new(0));
    let (hours, way) = (ahead.clone(), Arc::downgrade(&setup.way));
    let clock = Clock::new(move || {
        let first = way
            .upgrade()
            .is_none_or(|way| way.entered.lock().unwrap().len() < 2);
        let hours = if first {
            hours.load(Ordering::SeqCst)
        } else {
            0
        };
        SystemTime::now() + Duration::from_secs(3600 * hours)
    });
    let config = AgentConfig {
        clock,
        pace: HURRIED,
        ..setup.config()
    };
    let mut agent = Running::start(config);
    until(async || !setup.admin.pending("c1").await.is_empty()).await;
    let accepted = accept(&setup.hub.admin(), "c1", &Whose::default())
        .await
        .unwrap();
    assert!(accepted.approved, "{accepted:?}");
    agent.until(State::is_joined).await;
    for kind in [
        "ManagedClusterJoined",
        "ManagedClusterConditionAvailable",
        "ManagedClusterConditionClockSynced",
    ] {
        until(async || is_true(&setup, kind).await).await;
    }
    // It may have come before the hub was ready to let anyone join.
    let bootstraps = setup.way.bootstraps.load(Ordering::SeqCst);
    // By itself: nobody approves a renewal.
    ahead.store(20, Ordering::SeqCst);
    until(async || is_true(&setup, "ClusterCertificateRotated").await).await;
    until(async || setup.way.entered.lock().unwrap().len() == 2).await;
    assert_eq!(setup.way.bootstraps.load(Ordering::SeqCst), bootstraps);
    agent.until(State::is_joined).await;
    let accepts = |accepts: bool| json!({"spec": {"hubAcceptsClient": accepts}});
    setup.admin.patch("c1", &accepts(false)).await;
    let line = agent.until(|state| !state.is_joined()).await;
    assert!(line.contains("run `adit accept c1`"), "{line}");
    setup.admin.patch("c1", &accepts(true)).await;
    agent.until(State::is_joined).await;
    detach(&setup.hub.admin(), "c1").await.unwrap();
    until(async || {
        setup
            .admin
            .clusters()
            .get_opt("c1")
            .await
            .unwrap()
            .is_none()
    })
    .await;
    let line = agent
        .until(|state| matches!(state, State::Failing { .. }))
        .await;
    assert!(line.contains("ManagedCluster c1"), "{line}");
}
