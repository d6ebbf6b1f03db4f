//! Clusters whose agents go by tokens instead of certificates.

use std::os::unix::fs::PermissionsExt as _;

use api::GroupResource;
use api::types::cluster::ManagedCluster;
use apiserver::Objects;
use apiserver::tokens::{Keyring, ServiceAccountTokens};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt as _};
use registration::hub::accept::{Whose, accept};
use registration::token::{AUDIENCE, CLAIMS};
use rustix::process::Signal;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::support::{Process, TestHub, TunnelAgent, arg, until};

/// Logs as much as can be of use to somebody who looks for secrets.
const LOUD: [(&str, &str); 1] = [("RUST_LOG", "debug")];

fn accounts(admin: &Client, cluster: &str) -> Api<ServiceAccount> {
    Api::namespaced(admin.clone(), cluster)
}

/// A token of a service account, which is made if it is not there.
async fn token(admin: &Client, namespace: &str, account: &str, audience: &str) -> String {
    let accounts = accounts(admin, namespace);
    let object = ServiceAccount {
        metadata: ObjectMeta {
            name: Some(account.to_owned()),
            ..ObjectMeta::default()
        },
        ..ServiceAccount::default()
    };
    // It may be there.
    let _ = accounts.create(&PostParams::default(), &object).await;
    let request = TokenRequest {
        spec: TokenRequestSpec {
            audiences: vec![audience.to_owned()],
            ..TokenRequestSpec::default()
        },
        ..TokenRequest::default()
    };
    let params = PostParams::default();
    let issued = accounts.create_token_request(account, &params, &request);
    issued.await.unwrap().status.unwrap().token
}

/// Has a cluster that is accepted, with the account of its agent `first`.
async fn accepted(admin: &Client, cluster: &str) {
    let claim = format!("first={}", "0".repeat(64));
    let object: ManagedCluster = serde_json::from_value(json!({
        "apiVersion": "cluster.open-cluster-management.io/v1",
        "kind": "ManagedCluster",
        "metadata": {"name": cluster, "annotations": {(CLAIMS): claim}},
        "spec": {"hubAcceptsClient": true},
    }))
    .unwrap();
    let clusters: Api<ManagedCluster> = Api::all(admin.clone());
    let params = PostParams::default();
    clusters.create(&params, &object).await.unwrap();
    until("the agent's account", async || {
        let account = accounts(admin, cluster).get_opt("adit-agent-first").await;
        account.unwrap().is_some()
    })
    .await;
}

async fn accepts(admin: &Client, cluster: &str, accepts: bool) {
    let clusters: Api<ManagedCluster> = Api::all(admin.clone());
    let patch = Patch::Merge(json!({"spec": {"hubAcceptsClient": accepts}}));
    let params = PatchParams::default();
    clusters.patch(cluster, &params, &patch).await.unwrap();
}

async fn first_token(admin: &Client, cluster: &str) -> String {
    token(admin, cluster, "adit-agent-first", AUDIENCE).await
}

async fn until_sessions(hub: &TestHub, cluster: &str, count: usize) {
    until("so many sessions", async || {
        hub.sessions(cluster).await.len() == count
    })
    .await;
}

/// Joins by token over a carrier, from the printed command to a request through
/// the session; looks for secrets in everything that was logged.
async fn joins(carrier: &str) {
    let hub = TestHub::start_in(&[], &LOUD).await;
    let cluster = TestHub::start().await;
    let admin = hub.kube().await;
    let made = hub
        .adit(&["token", "create", "--join", "--cluster-name", "edge-1"])
        .await;
    let flags: Vec<&str> = made.stdout.split_whitespace().skip(2).collect();
    let kubeconfig = cluster.data().join("admin.kubeconfig");
    let state = hub.beside("state");
    let own = [
        "--registration-auth",
        "token",
        "--carrier",
        carrier,
        "--kubeconfig",
        arg(&kubeconfig),
        "--state-dir",
        arg(&state),
        "--allow-impersonate",
        "system:masters",
    ];
    let args = [&["join"], &flags[..], &own].concat();
    let mut joined = Process::start_with(&args, &LOUD);
    let clusters: Api<ManagedCluster> = Api::all(admin.clone());
    until("the cluster asks to join", async || {
        clusters.get_opt("edge-1").await.unwrap().is_some()
    })
    .await;
    assert!(
        hub.sessions("edge-1").await.is_empty(),
        "it is not accepted"
    );
    assert!(!state.join("token").exists());
    let accepted = accept(&admin, "edge-1", &Whose::default()).await;
    assert!(accepted.unwrap().approved);
    until_sessions(&hub, "edge-1", 1).await;
    let session = hub.sessions("edge-1").await.remove(0);
    assert_eq!(session["links"][0]["carrier"], carrier, "{session}");
    until("it is available", async || {
        let cluster = clusters.get("edge-1").await.unwrap();
        let conditions = cluster.status.map(|of| of.conditions).unwrap_or_default();
        conditions
            .iter()
            .any(|of| of.type_ == "ManagedClusterConditionAvailable" && of.status == "True")
    })
    .await;
    let through = hub.client(hub.administrator());
    let answer = through.get("/clusters/edge-1/api/v1/namespaces").await;
    let answer = answer.unwrap();
    assert_eq!(answer.code, 200, "{}", answer.body);
    assert!(answer.body.contains("kube-system"), "{}", answer.body);

    let kept = |name: &str| std::fs::read_to_string(state.join(name)).unwrap();
    let mode = std::fs::metadata(state.join("token"))
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    assert!(!state.join("tls.key").exists());
    let at = flags.iter().position(|flag| *flag == "--token").unwrap();
    let (_, bootstrap) = flags[at + 1].split_once('.').unwrap();
    let secrets = [kept("token"), kept("token-claim"), bootstrap.to_owned()];

    // Again, with what it has: it needs neither token nor hub.
    joined.signal(Signal::TERM);
    assert_eq!(joined.end().await, Some(0), "{}", joined.stderr());
    until_sessions(&hub, "edge-1", 0).await;
    let own = [&["join"], &own[2..]].concat();
    let mut again = Process::start_with(&own, &LOUD);
    until_sessions(&hub, "edge-1", 1).await;
    again.signal(Signal::TERM);
    assert_eq!(again.end().await, Some(0), "{}", again.stderr());
    let logs = [hub.log(), joined.stderr(), again.stderr()];
    for (log, secret) in logs
        .iter()
        .flat_map(|log| secrets.iter().map(move |of| (log, of)))
    {
        // A token's signature is what nobody else can make.
        let secret = secret.trim().rsplit('.').next().unwrap();
        assert!(secret.len() >= 16 && log.len() > 100);
        assert!(!log.contains(secret), "a secret is in a log");
    }
}

#[tokio::test]
async fn a_cluster_joins_by_token_and_is_reached() {
    Box::pin(joins("h2")).await;
}

#[tokio::test]
async fn a_cluster_joins_by_token_and_is_reached_over_quic() {
    Box::pin(joins("quic")).await;
}

#[tokio::test]
async fn a_token_that_is_not_the_agents_for_sessions_gives_nobody_one() {
    let hub = TestHub::start().await;
    let admin = hub.kube().await;
    accepted(&admin, "edge-1").await;
    let users = [
        "token",
        "create",
        "--user",
        "root",
        "--group",
        "system:masters",
    ];
    let users = hub.adit(&users).await.stdout;
    let good = first_token(&admin, "edge-1").await;
    let (unsigned, _) = good.rsplit_once('.').unwrap();
    let issuer = format!("https://{}", hub.address());
    for (what, token) in [
        ("garbage", "abc".to_owned()),
        ("a forged one", format!("{unsigned}.{}", "A".repeat(86))),
        ("one without a signature", format!("{unsigned}.")),
        ("a user's", users.trim().to_owned()),
        (
            "one for the API",
            token(&admin, "edge-1", "adit-agent-first", &issuer).await,
        ),
        (
            "one for somebody else",
            token(&admin, "edge-1", "adit-agent-first", "vault").await,
        ),
        (
            "another account's",
            token(&admin, "edge-1", "work-agent", AUDIENCE).await,
        ),
        (
            "one of the hub's own",
            token(&admin, "kube-system", "adit-agent-first", AUDIENCE).await,
        ),
    ] {
        let mut agent = TunnelAgent::with_session_token(&hub, &token);
        let why = agent.refused().await;
        assert!(!why.contains(&token), "{what}: {why}");
        assert!(hub.sessions("edge-1").await.is_empty(), "{what}");
    }
    // Sessions by token are not for who shows none, or a certificate alone.
    let credentials = hub.credentials("edge-1", "agent").await;
    let _agent = TunnelAgent::with_credentials(&hub, &credentials);
    until_sessions(&hub, "edge-1", 1).await;
    // What is good for a session is good for nothing else.
    let admin = hub.client(crate::support::Identity::Token(good));
    assert_eq!(admin.get("/api/v1/namespaces").await.unwrap().code, 401);
}

#[tokio::test]
async fn another_clusters_token_is_for_that_cluster_alone() {
    let hub = TestHub::start().await;
    let admin = hub.kube().await;
    accepted(&admin, "edge-1").await;
    accepted(&admin, "edge-2").await;
    let agent = TunnelAgent::with_session_token(&hub, &first_token(&admin, "edge-2").await);
    until_sessions(&hub, "edge-2", 1).await;
    assert!(hub.sessions("edge-1").await.is_empty());
    for (path, code) in [
        (
            "/apis/work.open-cluster-management.io/v1/namespaces/edge-2/manifestworks",
            200,
        ),
        (
            "/apis/work.open-cluster-management.io/v1/namespaces/edge-1/manifestworks",
            403,
        ),
        ("/api/v1/namespaces/edge-2/secrets", 403),
    ] {
        assert_eq!(agent.asks(path, &[]).await.0, code, "{path}");
    }
    // Nor does its session take the other cluster's token.
    let other = first_token(&admin, "edge-1").await;
    let (code, body) = agent
        .posts("/adit/v1/session-token", &json!({"token": other}))
        .await;
    assert_eq!(code, 403, "{body}");
    assert!(!body.contains(&other));
    assert_eq!(hub.sessions("edge-2").await.len(), 1);
}

#[tokio::test]
async fn a_session_by_token_ends_when_its_cluster_is_not_accepted_any_more() {
    let hub = TestHub::start().await;
    let admin = hub.kube().await;
    accepted(&admin, "edge-1").await;
    let credentials = hub.credentials("edge-2", "agent").await;
    let certified = TunnelAgent::with_credentials(&hub, &credentials);
    certified.asks("/version", &[]).await;
    let token = first_token(&admin, "edge-1").await;
    let mut agent = TunnelAgent::with_session_token(&hub, &token);
    until_sessions(&hub, "edge-1", 1).await;
    accepts(&admin, "edge-1", false).await;
    until_sessions(&hub, "edge-1", 0).await;
    agent.refused().await;
    // Accepted again, it is another account: what was out stays out.
    let gone = async || {
        let account = accounts(&admin, "edge-1").get_opt("adit-agent-first").await;
        account.unwrap().is_none()
    };
    until("the account is gone", gone).await;
    accepts(&admin, "edge-1", true).await;
    until("the account is there", async || !gone().await).await;
    let why = TunnelAgent::with_session_token(&hub, &token)
        .refused()
        .await;
    assert!(why.contains("does not know the token"), "{why}");
    assert_eq!(
        hub.sessions("edge-2").await.len(),
        1,
        "certificates are not touched"
    );
}

#[tokio::test]
async fn a_session_by_token_ends_with_its_account() {
    let hub = TestHub::start().await;
    let admin = hub.kube().await;
    accepted(&admin, "edge-1").await;
    let token = first_token(&admin, "edge-1").await;
    let agent = TunnelAgent::with_session_token(&hub, &token);
    until_sessions(&hub, "edge-1", 1).await;
    assert_eq!(agent.asks("/version", &[]).await.0, 200);
    let accounts = accounts(&admin, "edge-1");
    let params = DeleteParams::default();
    accounts.delete("adit-agent-first", &params).await.unwrap();
    assert_eq!(agent.asks("/version", &[]).await.0, 401, "at once");
    until_sessions(&hub, "edge-1", 0).await;
}

/// The hub's service account of a name, for issuing tokens by the hub's own keys.
#[derive(Debug)]
struct Only(Value);

impl Objects for Only {
    fn get(&self, resource: &GroupResource, _: &str, _: &str) -> Option<Value> {
        (&*resource.resource == "serviceaccounts").then(|| self.0.clone())
    }
}

/// A token as the hub has signed it ten minutes ago, that ends in some seconds.
async fn ending(hub: &TestHub, admin: &Client, seconds: i64) -> String {
    let account = accounts(admin, "edge-1")
        .get("adit-agent-first")
        .await
        .unwrap();
    let account = Only(json!({"metadata": {"uid": account.uid().unwrap()}}));
    let keys = std::fs::read_to_string(hub.data().join("service-accounts.key")).unwrap();
    let issuer = format!("https://{}", hub.address());
    let keyring = Keyring::from_pem(&keys).unwrap();
    let tokens = ServiceAccountTokens::new(issuer, Vec::new(), keyring);
    let request = json!({"spec": {"audiences": [AUDIENCE], "expirationSeconds": 600}});
    let then = OffsetDateTime::now_utc() - time::Duration::seconds(600 - seconds);
    let issued = tokens.issue("edge-1", "adit-agent-first", request, &account, then);
    let issued = issued.unwrap().object;
    issued["status"]["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_session_ends_with_its_token_unless_it_is_told_of_another() {
    let hub = TestHub::start().await;
    let admin = hub.kube().await;
    accepted(&admin, "edge-1").await;
    let mut over = TunnelAgent::with_session_token(&hub, &ending(&hub, &admin, 0).await);
    let why = over.refused().await;
    assert!(why.contains("expired"), "{why}");
    drop(over);

    let over = OffsetDateTime::now_utc() + time::Duration::seconds(10);
    let agent = TunnelAgent::with_session_token(&hub, &ending(&hub, &admin, 10).await);
    until_sessions(&hub, "edge-1", 1).await;
    let session = hub.sessions("edge-1").await[0]["id"].clone();
    assert!(!session.is_null());
    // A watch that is open all the time.
    let path = "/apis/work.open-cluster-management.io/v1/namespaces/edge-1/manifestworks?watch=1";
    let request = http::Request::get(path).body(kube::client::Body::empty());
    let watch = agent.api.send(request.unwrap()).await.unwrap();
    assert_eq!(watch.status(), 200);
    let next = ending(&hub, &admin, 30).await;
    let (code, body) = agent
        .posts("/adit/v1/session-token", &json!({"token": next}))
        .await;
    assert_eq!(code, 200, "{body}");
    until(
        "the first token's end, and what would come of it",
        async || OffsetDateTime::now_utc() > over + time::Duration::seconds(2),
    )
    .await;
    assert_eq!(
        hub.sessions("edge-1").await[0]["id"],
        session,
        "it goes on as it was"
    );
    let mut watch = watch.into_body();
    let silent = tokio::time::timeout(
        std::time::Duration::from_millis(100),
        http_body_util::BodyExt::frame(&mut watch),
    );
    assert!(silent.await.is_err(), "the watch is open");
    until_sessions(&hub, "edge-1", 0).await;
}
