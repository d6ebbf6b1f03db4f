//! Registration by token, with the hub's own controllers.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use k8s_openapi::api::core::v1::ServiceAccount;
use kube::{Api, Client, ResourceExt as _};
use registration::agent::{AgentConfig, Clock, Credential, Driver, Proof, State};
use registration::hub::accept::{Whose, accept};
use registration::token::{CLAIMS, hash};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::setup::{Running, Setup, until};
use super::together::start;

fn token(credential: &Credential) -> String {
    match &credential.proof {
        Proof::Token { token, .. } => token.expose_secret().to_owned(),
        Proof::Certificate { .. } => panic!("it goes by a certificate"),
    }
}

fn accounts(hub: &Client) -> Api<ServiceAccount> {
    Api::namespaced(hub.clone(), "c1")
}

/// An agent `a1` of c1 that registers by token.
fn config(setup: &Setup) -> AgentConfig {
    AgentConfig {
        agent: "a1".parse().ok(),
        driver: Driver::Token,
        ..setup.config()
    }
}

/// Accepts c1 once its agent has told of it.
async fn accepted(setup: &Setup) {
    until(async || {
        setup
            .admin
            .clusters()
            .get_opt("c1")
            .await
            .unwrap()
            .is_some()
    })
    .await;
    let accepted = accept(&setup.hub.admin(), "c1", &Whose::default()).await;
    assert!(accepted.unwrap().approved, "there is nothing to approve");
}

#[tokio::test]
async fn a_cluster_joins_by_token_and_renews_it_by_itself() {
    let (setup, _controllers) = start().await;
    let ahead = Arc::new(AtomicU64::new(0));
    let (hours, way) = (ahead.clone(), Arc::downgrade(&setup.way));
    let clock = Clock::new(move || {
        let way = way.upgrade();
        let first = way.is_none_or(|way| way.entered.lock().unwrap().len() < 2);
        let hours = if first {
            hours.load(Ordering::SeqCst)
        } else {
            0
        };
        SystemTime::now() + Duration::from_secs(3600 * hours)
    });
    let mut agent = Running::start(AgentConfig {
        clock,
        ..config(&setup)
    });
    accepted(&setup).await;
    agent.until(State::is_joined).await;
    assert!(
        setup.admin.requests_of("c1").await.is_empty(),
        "no certificate is asked for"
    );
    let cluster = setup.admin.clusters().get("c1").await.unwrap();
    let claim = setup.way.claims.lock().unwrap()[0].clone();
    assert_eq!(
        cluster.annotations()[CLAIMS],
        format!("a1={}", hash(&claim))
    );
    until(async || {
        setup
            .admin
            .told("c1", "ManagedClusterJoined")
            .await
            .is_some()
    })
    .await;

    // Of a day, a fifth to a quarter is left.
    ahead.store(17, Ordering::SeqCst);
    until(async || {
        let told = setup
            .admin
            .told("c1", "ManagedClusterConditionAvailable")
            .await;
        told.is_some()
    })
    .await;
    assert_eq!(setup.way.entered.lock().unwrap().len(), 1, "too early");
    ahead.store(20, Ordering::SeqCst);
    until(async || setup.way.entered.lock().unwrap().len() == 2).await;
    agent.until(State::is_joined).await;
    let tokens: HashSet<String> = {
        let entered = setup.way.entered.lock().unwrap();
        entered.iter().map(token).collect()
    };
    assert_eq!(tokens.len(), 2);
    let (status, reason, _) = setup.admin.told("c1", "TokenRefreshed").await.unwrap();
    assert_eq!(
        (status.as_str(), reason.as_str()),
        ("True", "TokenRefreshed")
    );
    assert_eq!(
        setup.way.claims.lock().unwrap().len(),
        1,
        "the first is asked for once"
    );
    let folder = setup.folder.path().join("credential");
    let kept = std::fs::read_to_string(folder.join("token")).unwrap();
    assert!(tokens.contains(kept.trim()));
    assert!(!folder.join("tls.key").exists());
}

#[tokio::test]
async fn an_agent_by_token_has_an_agents_rights_and_another_clusters_none() {
    let (setup, _controllers) = start().await;
    let mut agent = Running::start(config(&setup));
    accepted(&setup).await;
    agent.until(State::is_joined).await;
    let agents = setup
        .hub
        .service
        .client(apiserver::User::service_account("c1", "adit-agent-a1"));
    let others: [(&str, bool); 6] = [
        (
            "/apis/work.open-cluster-management.io/v1/namespaces/c1/manifestworks",
            true,
        ),
        (
            "/apis/work.open-cluster-management.io/v1/namespaces/c2/manifestworks",
            false,
        ),
        ("/apis/coordination.k8s.io/v1/namespaces/c1/leases", true),
        ("/apis/coordination.k8s.io/v1/namespaces/c2/leases", false),
        ("/api/v1/namespaces/c1/secrets", false),
        ("/api/v1/namespaces/c1/serviceaccounts", false),
    ];
    for (path, may) in others {
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        let answer = agents.request::<serde_json::Value>(request).await;
        assert_eq!(answer.is_ok(), may, "{path}: {answer:?}");
    }
    // Its own token, and nobody else's.
    for (account, may) in [("adit-agent-a1", true), ("default", false)] {
        let path = format!("/api/v1/namespaces/c1/serviceaccounts/{account}/token");
        let body = json!({"spec": {"audiences": ["adit-session"]}}).to_string();
        let request = http::Request::post(path);
        let request = request.header("content-type", "application/json");
        let request = request.body(body.into_bytes()).unwrap();
        let answer = agents.request::<serde_json::Value>(request).await;
        assert_eq!(answer.is_ok(), may, "{account}");
    }
}

#[tokio::test]
async fn an_account_goes_with_acceptance_and_comes_again_as_another() {
    let (setup, _controllers) = start().await;
    let mut agent = Running::start(config(&setup));
    accepted(&setup).await;
    agent.until(State::is_joined).await;
    let accounts = accounts(&setup.hub.admin());
    let uid = async || {
        let account = accounts.get_opt("adit-agent-a1").await.unwrap();
        account.and_then(|of| of.metadata.uid)
    };
    let first = uid().await.unwrap();
    let accepts = |accepts: bool| json!({"spec": {"hubAcceptsClient": accepts}});
    setup.admin.patch("c1", &accepts(false)).await;
    until(async || uid().await.is_none()).await;
    setup.admin.patch("c1", &accepts(true)).await;
    until(async || uid().await.is_some_and(|uid| uid != first)).await;
    let second = uid().await.unwrap();
    accounts
        .delete("adit-agent-a1", &Default::default())
        .await
        .unwrap();
    until(async || uid().await.is_some_and(|uid| uid != second)).await;
}

#[tokio::test]
async fn an_agent_that_is_started_again_keeps_its_secret_and_its_token() {
    let (setup, _controllers) = start().await;
    let mut agent = Running::start(config(&setup));
    until(async || {
        setup
            .admin
            .clusters()
            .get_opt("c1")
            .await
            .unwrap()
            .is_some()
    })
    .await;
    drop(agent);
    agent = Running::start(config(&setup));
    accepted(&setup).await;
    agent.until(State::is_joined).await;
    drop(agent);
    agent = Running::start(config(&setup));
    agent.until(State::is_joined).await;
    assert_eq!(setup.way.claims.lock().unwrap().len(), 1);
    let entered = setup.way.entered.lock().unwrap();
    let tokens = entered.iter().map(token).collect::<HashSet<_>>();
    assert_eq!((entered.len(), tokens.len()), (2, 1));
}
