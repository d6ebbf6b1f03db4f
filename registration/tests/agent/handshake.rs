//! Rules 1.3 and 1.13: how a cluster joins, and joins again.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams, PostParams};
use registration::agent::{
    AgentConfig, CredentialFolder, CredentialStore as _, HubEndpoint, Missing, State,
};
use serde_json::json;

use super::setup::{Running, Setup, until};

/// Rule 1.3: acceptance first, the certificate second.
#[tokio::test]
async fn a_cluster_joins_when_it_is_accepted_and_then_its_request_approved() {
    let setup = Setup::start().await;
    let mut config = setup.config();
    config.agent = "a1".parse().ok();
    let mut agent = Running::start(config);
    let line = agent
        .until(|state| matches!(state, State::Waiting { .. }))
        .await;
    assert_eq!(
        line,
        "Waiting for c1 to be accepted: run `adit accept c1` on the hub"
    );
    setup.admin.accept("c1").await;
    let missing = |state: &State| {
        matches!(
            state,
            State::Waiting {
                missing: Missing::Certificate { .. },
                ..
            }
        )
    };
    let line = agent.until(missing).await;
    let request = setup.admin.pending("c1").await.remove(0);
    assert!(line.contains(&request), "{line}");
    setup.admin.decide(&request, "Approved").await;
    let line = agent.until(State::is_joined).await;
    assert_eq!(line, "The cluster c1 has joined the hub");
    let entered = setup.way.entered.lock().unwrap();
    assert_eq!(entered.len(), 1);
    assert_eq!(
        entered[0].identity.common_name(),
        "system:open-cluster-management:c1:a1"
    );
}

/// Rule 1.3: the other way round; and step 7: what is stored then.
#[tokio::test]
async fn a_cluster_joins_when_its_request_is_approved_and_then_it_is_accepted() {
    let setup = Setup::start().await;
    let mut agent = Running::start(setup.config());
    until(async || !setup.admin.pending("c1").await.is_empty()).await;
    let request = setup.admin.pending("c1").await.remove(0);
    setup.admin.decide(&request, "Approved").await;
    let missing = |state: &State| {
        matches!(
            state,
            State::Waiting {
                missing: Missing::Acceptance,
                ..
            }
        )
    };
    agent.until(missing).await;
    setup.admin.accept("c1").await;
    agent.until(State::is_joined).await;
    let folder = setup.folder.path().join("credential");
    for file in [
        "tls.crt",
        "tls.key",
        "kubeconfig",
        "cluster-name",
        "agent-name",
    ] {
        assert!(folder.join(file).is_file(), "{file}");
    }
    let kubeconfig = std::fs::read_to_string(folder.join("kubeconfig")).unwrap();
    let endpoint = HubEndpoint::from_kubeconfig(&kubeconfig).unwrap();
    assert_eq!(endpoint.server, "https://hub.example:8443");
    until(async || {
        let told = setup.admin.told("c1", "ManagedClusterJoined").await;
        told.is_some_and(|(status, ..)| status == "True")
    })
    .await;
    agent.stop.cancel();
    agent.ended().await.unwrap();
}

/// Rule 1.3, step 3: what is said of the cluster, and that it is kept so.
#[tokio::test]
async fn the_hub_is_told_what_the_agent_may_tell_and_hears_it_again() {
    let setup = Setup::start().await;
    let mut config = setup.config();
    config.pace.resync = std::time::Duration::from_millis(50);
    let own = "agent.open-cluster-management.io/zone";
    let foreign = "open-cluster-management.io/automatically-accepted-on";
    for key in [own, foreign] {
        config
            .description
            .annotations
            .insert(key.into(), "a".into());
    }
    config
        .description
        .labels
        .insert("env".into(), "prod".into());
    let _agent = setup.joined(config).await;
    let cluster = setup.admin.clusters().get("c1").await.unwrap();
    assert_eq!(cluster.annotations()[own], "a");
    assert!(!cluster.annotations().contains_key(foreign));
    assert_eq!(cluster.labels()["env"], "prod");
    let changed = json!({"metadata": {"labels": {"env": "test", "team": "x"}}});
    setup.admin.patch("c1", &changed).await;
    until(async || {
        let cluster = setup.admin.clusters().get("c1").await.unwrap();
        cluster.labels()["env"] == "prod" && cluster.labels()["team"] == "x"
    })
    .await;
}

/// Rule 1.4: denied is a failure, and asked again later.
#[tokio::test]
async fn a_denied_request_is_told_and_another_made_later() {
    let setup = Setup::start().await;
    let mut agent = Running::start(setup.config());
    until(async || !setup.admin.pending("c1").await.is_empty()).await;
    let request = setup.admin.pending("c1").await.remove(0);
    setup.admin.decide(&request, "Denied").await;
    let line = agent
        .until(|state| matches!(state, State::Failing { .. }))
        .await;
    assert!(line.contains(&request), "{line}");
    assert!(
        line.contains("was denied on the hub (AdminSays: so it is)"),
        "{line}"
    );
    until(async || !setup.admin.pending("c1").await.is_empty()).await;
    let second = setup.admin.pending("c1").await.remove(0);
    assert_ne!(second, request);
    setup.admin.decide(&second, "Approved").await;
    setup.admin.accept("c1").await;
    agent.until(State::is_joined).await;
}

/// Rule 1.3, step 4: ten that wait are enough.
#[tokio::test]
async fn no_request_is_added_to_ten_that_wait() {
    let setup = Setup::start().await;
    // Agents that were killed while they waited.
    for number in 0..10 {
        drop_after_request(&setup, number).await;
    }
    let mut agent = Running::start(setup.config());
    let line = agent
        .until(|state| matches!(state, State::Failing { .. }))
        .await;
    assert!(line.contains("10 certificate requests"), "{line}");
    assert_eq!(setup.admin.requests_of("c1").await.len(), 10);
    let one = setup.admin.pending("c1").await.remove(0);
    let requests = setup.admin.requests();
    requests
        .delete(&one, &DeleteParams::default())
        .await
        .unwrap();
    let waits = |state: &State| matches!(state, State::Waiting { .. });
    agent.until(waits).await;
    assert_eq!(setup.admin.requests_of("c1").await.len(), 10);
}

async fn drop_after_request(setup: &Setup, before: usize) {
    let agent = Running::start(setup.config());
    until(async || setup.admin.requests_of("c1").await.len() > before).await;
    drop(agent);
}

/// A certificate that is for another key does not become the agent's.
#[tokio::test]
async fn a_certificate_that_is_not_for_the_agents_key_is_thrown_away() {
    let setup = Setup::start().await;
    let mut agent = Running::start(setup.config());
    until(async || !setup.admin.pending("c1").await.is_empty()).await;
    let first = setup.admin.pending("c1").await.remove(0);
    // A certificate for a request of somebody else's with the same subject.
    let other = setup.admin.requests().get(&first).await.unwrap();
    let mut other: CertificateSigningRequest = other;
    let key = rcgen::KeyPair::generate().unwrap();
    let pem = rcgen::CertificateParams::default();
    let pem = pem.serialize_request(&key).unwrap().pem().unwrap();
    other.metadata = kube::api::ObjectMeta {
        name: Some("other".to_owned()),
        ..Default::default()
    };
    other.spec.request.0 = pem.into_bytes();
    other.status = None;
    let requests = setup.admin.requests();
    requests
        .create(&PostParams::default(), &other)
        .await
        .unwrap();
    setup.admin.decide("other", "Approved").await;
    until(async || certificate(&setup, "other").await.is_some()).await;
    let mut swapped = requests.get(&first).await.unwrap();
    let status = swapped.status.get_or_insert_default();
    status.certificate = certificate(&setup, "other").await;
    let params = PostParams::default();
    requests
        .replace_status(&first, &params, &swapped)
        .await
        .unwrap();
    let line = agent
        .until(|state| matches!(state, State::Failing { .. }))
        .await;
    assert!(line.contains("its private key is not that of"), "{line}");
    let again = async || {
        let pending = setup.admin.pending("c1").await;
        pending.into_iter().find(|name| *name != first)
    };
    until(async || again().await.is_some()).await;
    setup
        .admin
        .decide(&again().await.unwrap(), "Approved")
        .await;
    setup.admin.accept("c1").await;
    agent.until(State::is_joined).await;
}

async fn certificate(setup: &Setup, name: &str) -> Option<k8s_openapi::ByteString> {
    let request = setup.admin.requests().get(name).await.unwrap();
    request.status?.certificate
}

/// Rule 1.13: "switch to the new hub", and 6.4: a change of where it is.
#[tokio::test]
async fn an_agent_whose_hub_moves_joins_anew_and_keeps_its_names() {
    let setup = Setup::start().await;
    let mut agent = setup.joined(setup.config()).await;
    let name = setup.way.entered.lock().unwrap()[0].identity.clone();
    setup.way.move_to("https://elsewhere.example:8443");
    until(async || !setup.admin.pending("c1").await.is_empty()).await;
    let request = setup.admin.pending("c1").await.remove(0);
    setup.admin.decide(&request, "Approved").await;
    until(async || setup.way.entered.lock().unwrap().len() == 2).await;
    agent.until(State::is_joined).await;
    let entered = setup.way.entered.lock().unwrap();
    assert_eq!(entered[1].identity, name);
    assert_eq!(entered[1].endpoint.server, "https://elsewhere.example:8443");
}

/// Rule 1.13: "restart agent" and "restart with a different cluster name".
#[tokio::test]
async fn a_restarted_agent_goes_on_and_one_with_another_name_joins_anew() {
    let setup = Setup::start().await;
    let agent = setup.joined(setup.config()).await;
    drop(agent);
    let mut agent = Running::start(setup.config());
    agent.until(State::is_joined).await;
    assert_eq!(setup.way.bootstraps.load(Ordering::SeqCst), 1);
    assert_eq!(setup.admin.requests_of("c1").await.len(), 1);
    drop(agent);
    let mut config = setup.config();
    config.cluster = "c2".parse().ok();
    let mut agent = Running::start(config);
    until(async || !setup.admin.pending("c2").await.is_empty()).await;
    let request = setup.admin.pending("c2").await.remove(0);
    setup.admin.decide(&request, "Approved").await;
    setup.admin.accept("c2").await;
    agent.until(State::is_joined).await;
    let clusters = setup
        .admin
        .clusters()
        .list(&ListParams::default())
        .await
        .unwrap();
    assert_eq!(clusters.items.len(), 2);
}

/// A name with a dot could not name a namespace on the hub.
#[tokio::test]
async fn an_agent_of_a_cluster_that_cannot_be_ends_with_the_reason() {
    let setup = Setup::start().await;
    let mut config = setup.config();
    config.cluster = "a.b".parse().ok();
    let mut agent = Running::start(config);
    let error = agent.ended().await.unwrap_err().to_string();
    assert!(error.contains("has a dot"), "{error}");
}

/// A store that cannot be written is told before the hub hears anything.
#[tokio::test]
async fn an_agent_that_cannot_keep_its_name_does_not_ask_to_join() {
    let setup = Setup::start().await;
    let file = setup.folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let store = CredentialFolder::new(file.join("credential"));
    assert!(store.load().await.is_err());
    let config = AgentConfig {
        store: Arc::new(store),
        ..setup.config()
    };
    let mut agent = Running::start(config);
    let error = agent.ended().await.unwrap_err().to_string();
    assert!(error.contains("cannot be kept or read"), "{error}");
    assert!(setup.way.requests.lock().unwrap().is_empty());
}
