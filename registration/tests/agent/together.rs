//! Both halves: an agent, and the hub's own controllers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use apiserver::certificates::SigningRequest;
use k8s_openapi::ByteString;
use k8s_openapi::api::certificates::v1::CertificateSigningRequestSpec;
use kube::api::{ApiResource, DynamicObject, ListParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client, ResourceExt as _};
use registration::agent::{AgentConfig, Clock, State};
use registration::hub::accept::{Whose, accept};
use registration::hub::detach::detach;
use registration::hub::{Controllers, Options};
use serde_json::json;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::people::Admin;
use super::server::{Server, kinds, signer};
use super::setup::{HURRIED, Running, Setup, until};
use super::way::{Points, Way};

/// A hub whose controllers run, and nothing that a test has made there.
pub(super) async fn start() -> (Setup, JoinSet<()>) {
    with(Server::start().await, Options::default()).await
}

async fn with(hub: Server, options: Options) -> (Setup, JoinSet<()>) {
    let managed = Server::start().await;
    let mut controllers = JoinSet::new();
    let run = Controllers::new(hub.admin(), options);
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

/// Rule 1.12, V1beta1CSRAPICompatibility: neither half needs to be told, and
/// the hub signs, as such a hub's own controllers do.
#[tokio::test]
async fn a_cluster_joins_a_hub_that_has_only_the_older_requests() {
    let mut older = kinds();
    for kind in &mut older.resources {
        if *kind.names.plural == *"certificatesigningrequests" {
            kind.version = "v1beta1".into();
        }
    }
    let options = Options {
        approvers: ["system:bootstrap:abcdef".to_owned()].into_iter().collect(),
        ..Options::default()
    };
    let (setup, mut tasks) = with(Server::of(older).await, options).await;
    tasks.spawn(sign_all(setup.hub.admin()));
    let mut agent = Running::start(setup.config());
    agent.until(State::is_joined).await;
    let requests = setup.way.requests.lock().unwrap();
    let made = "POST /apis/certificates.k8s.io/v1beta1/certificatesigningrequests";
    assert!(requests.iter().any(|of| of == made), "{requests:?}");
}

/// Signs requests of `v1beta1` that are approved.
async fn sign_all(hub: Client) {
    let signer = signer();
    let of = GroupVersionKind::gvk(
        "certificates.k8s.io",
        "v1beta1",
        "CertificateSigningRequest",
    );
    let requests: Api<DynamicObject> = Api::all_with(hub, &ApiResource::from_gvk(&of));
    loop {
        for mut request in requests.list(&ListParams::default()).await.unwrap() {
            let status = &request.data["status"];
            if status["conditions"][0]["type"] != "Approved" || status["certificate"].is_string() {
                continue;
            }
            let spec: CertificateSigningRequestSpec =
                serde_json::from_value(request.data["spec"].clone()).unwrap();
            let asked = SigningRequest {
                request: &spec.request.0,
                signer_name: &spec.signer_name,
                usages: spec.usages.as_deref().unwrap_or_default(),
                expiration_seconds: spec.expiration_seconds,
            };
            let now = SystemTime::now().into();
            let signed = ByteString(signer.sign(&asked, now).unwrap().into_bytes());
            request.data["status"]["certificate"] = json!(signed);
            let (name, params) = (request.name_any(), PostParams::default());
            // Another write may have come before it.
            let _ = requests.replace_status(&name, &params, &request).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
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
