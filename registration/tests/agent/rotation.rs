//! Rule 1.4, the agent's half: rotation; and 1.13: expiry.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use registration::agent::{AgentConfig, Clock, State};

use super::setup::{Setup, until};
use super::way::{Way, certificate_pem};

const HOUR: u64 = 3600;

/// A clock that runs ahead until the agent has another certificate than its
/// first: the hub's own clock, by which it signs, does not run ahead.
fn clock(way: &Arc<Way>) -> (Clock, Arc<AtomicU64>) {
    let ahead = Arc::new(AtomicU64::new(0));
    let (hours, way) = (ahead.clone(), Arc::downgrade(way));
    let clock = Clock::new(move || {
        let way = way.upgrade();
        let first = way.is_none_or(|way| {
            way.entered.lock().unwrap().len() < 2 && way.bootstraps.load(Ordering::SeqCst) < 2
        });
        let hours = if first {
            hours.load(Ordering::SeqCst)
        } else {
            0
        };
        SystemTime::now() + Duration::from_secs(hours * HOUR)
    });
    (clock, ahead)
}

/// "Certificate should be automatically rotated when it is about to expire".
#[tokio::test]
async fn a_certificate_is_rotated_in_its_last_quarter_by_the_certificate_itself() {
    let setup = Setup::start().await;
    let (clock, ahead) = clock(&setup.way);
    let config = AgentConfig {
        clock,
        ..setup.config()
    };
    let mut agent = setup.joined(config).await;
    ahead.store(17, Ordering::SeqCst);
    until(async || {
        setup.way.count("GET", "/managedclusters/c1") > 0 || agent_is_told(&setup).await
    })
    .await;
    assert!(setup.admin.pending("c1").await.is_empty(), "too early");
    ahead.store(20, Ordering::SeqCst);
    until(async || !setup.admin.pending("c1").await.is_empty()).await;
    let request = setup.admin.pending("c1").await.remove(0);
    let asked = setup.admin.requests().get(&request).await.unwrap();
    let own = setup.way.entered.lock().unwrap()[0].identity.common_name();
    assert_eq!(asked.spec.username.as_deref(), Some(own.as_str()));
    setup.admin.decide(&request, "Approved").await;
    until(async || setup.way.entered.lock().unwrap().len() == 2).await;
    agent.until(State::is_joined).await;
    let told = setup.admin.told("c1", "ClusterCertificateRotated").await;
    let (status, reason, message) = told.unwrap();
    assert_eq!(
        (status.as_str(), reason.as_str()),
        ("True", "ClientCertificateUpdated")
    );
    let begin = "client certificate rotated starting from 20";
    assert!(
        message.starts_with(begin) && message.ends_with(" +0000 UTC"),
        "{message}"
    );
    assert_eq!(setup.way.bootstraps.load(Ordering::SeqCst), 1);
    let entered = setup.way.entered.lock().unwrap();
    let pems = entered.iter().map(|of| certificate_pem(of).to_owned());
    assert_eq!(pems.collect::<HashSet<_>>().len(), 2);
}

async fn agent_is_told(setup: &Setup) -> bool {
    let told = setup.admin.told("c1", "ManagedClusterJoined").await;
    told.is_some()
}

/// A denial is told on the hub, and rotation tried again.
#[tokio::test]
async fn a_rotation_that_is_denied_is_told_and_tried_again() {
    let setup = Setup::start().await;
    let (clock, ahead) = clock(&setup.way);
    let config = AgentConfig {
        clock,
        ..setup.config()
    };
    let _agent = setup.joined(config).await;
    ahead.store(20, Ordering::SeqCst);
    until(async || !setup.admin.pending("c1").await.is_empty()).await;
    let request = setup.admin.pending("c1").await.remove(0);
    setup.admin.decide(&request, "Denied").await;
    until(async || {
        let told = setup.admin.told("c1", "ClusterCertificateRotated").await;
        told.is_some_and(|(status, reason, message)| {
            status == "False"
                && reason == "ClientCertificateUpdateFailed"
                && message.contains(&request)
        })
    })
    .await;
    until(async || !setup.admin.pending("c1").await.is_empty()).await;
    let request = setup.admin.pending("c1").await.remove(0);
    setup.admin.decide(&request, "Approved").await;
    until(async || setup.way.entered.lock().unwrap().len() == 2).await;
}

/// "rebootstrap once the client certificate expires".
#[tokio::test]
async fn an_agent_whose_certificate_is_over_joins_anew() {
    let setup = Setup::start().await;
    let (clock, ahead) = clock(&setup.way);
    let config = AgentConfig {
        clock,
        ..setup.config()
    };
    let mut agent = setup.joined(config).await;
    ahead.store(25, Ordering::SeqCst);
    until(async || setup.way.bootstraps.load(Ordering::SeqCst) == 2).await;
    until(async || !setup.admin.pending("c1").await.is_empty()).await;
    for request in setup.admin.pending("c1").await {
        setup.admin.decide(&request, "Approved").await;
    }
    until(async || setup.way.entered.lock().unwrap().len() == 2).await;
    agent.until(State::is_joined).await;
}
