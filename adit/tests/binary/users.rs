//! Tokens, roles and kubeconfigs.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Identity, TestHub, arg, run, until, yaml};

/// What a user gets who may reach the cluster, which nobody serves here.
const ALLOWED: u16 = 503;
const FORBIDDEN: u16 = 403;

async fn token(hub: &TestHub, args: &[&str]) -> String {
    hub.adit(&[&["token", "create"], args].concat())
        .await
        .stdout
        .trim()
        .to_owned()
}

async fn code(hub: &TestHub, token: &str, path: &str) -> u16 {
    hub.client(Identity::Token(token.to_owned()))
        .get(path)
        .await
        .unwrap()
        .code
}

#[tokio::test]
async fn a_token_works_as_soon_as_it_is_printed_and_not_after_it_was_revoked() {
    let hub = TestHub::start().await;
    let token = token(&hub, &["--user", "root", "--group", "system:masters"]).await;
    assert_eq!(code(&hub, &token, "/sessions").await, 200);
    let list = hub.adit(&["token", "list"]).await.stdout;
    let secret = token.rsplit_once('_').unwrap().1;
    assert!(
        list.contains("system:masters") && !list.contains(secret),
        "{list}"
    );
    let id = list
        .lines()
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap();
    hub.adit(&["token", "revoke", id]).await;
    until("the token is refused", async || {
        code(&hub, &token, "/sessions").await == 401
    })
    .await;
}

#[tokio::test]
async fn the_hub_keeps_no_token() {
    let hub = TestHub::start().await;
    let token = token(&hub, &["--user", "alice"]).await;
    let secret = token.rsplit_once('_').unwrap().1;
    let mut count = 0;
    for entry in fs::read_dir(hub.data().join("tokens")).unwrap() {
        assert!(
            !fs::read_to_string(entry.unwrap().path())
                .unwrap()
                .contains(secret)
        );
        count += 1;
    }
    assert_eq!(count, 1);
}

#[tokio::test]
async fn a_user_who_is_no_administrator_reads_no_metrics() {
    let hub = TestHub::start().await;
    let token = token(&hub, &["--user", "alice", "--group", "dev"]).await;
    until("the token is known", async || {
        code(&hub, &token, "/metrics").await == 403
    })
    .await;
    assert_eq!(code(&hub, &token, "/sessions").await, 403);
}

#[tokio::test]
async fn a_role_lets_a_user_reach_the_cluster_that_it_names_until_it_is_unbound() {
    let hub = TestHub::start().await;
    for cluster in ["edge-1", "edge-2"] {
        hub.credentials(cluster, "agent").await;
    }
    let token = token(&hub, &["--user", "alice", "--group", "dev"]).await;
    let client = hub.client(Identity::Token(token.clone()));
    let refused = client.get("/clusters/edge-1/version").await.unwrap();
    assert_eq!(refused.code, FORBIDDEN);
    let status: Value = serde_json::from_str(&refused.body).unwrap();
    let message = status["message"].as_str().unwrap();
    let words = "clustergateways.cluster.core.oam.dev \"edge-1\" is forbidden: User \"alice\" \
                 cannot get resource \"clustergateways/proxy\" in API group \
                 \"cluster.core.oam.dev\" at the cluster scope";
    assert!(message.starts_with(words), "{message}");
    assert_eq!(status["reason"], "Forbidden");

    hub.allow("alice", &["proxy"], &["edge-1"]).await;
    until("the role lets alice in", async || {
        code(&hub, &token, "/clusters/edge-1/version").await == ALLOWED
    })
    .await;
    let long = "/apis/cluster.core.oam.dev/v1alpha1/clustergateways/edge-1/proxy/version";
    assert_eq!(code(&hub, &token, long).await, ALLOWED);
    for other in ["edge-2", "unknown"] {
        let path = format!("/clusters/{other}/version");
        assert_eq!(code(&hub, &token, &path).await, FORBIDDEN);
    }
    let service = "/clusters/edge-1/api/v1/namespaces/shop/services/web:80/proxy-service/";
    assert_eq!(code(&hub, &token, service).await, FORBIDDEN);

    let admin = hub.client(hub.administrator());
    let binding = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/alice-reaches";
    assert_eq!(admin.delete(binding).await, 200);
    until("alice is shut out", async || {
        code(&hub, &token, "/clusters/edge-1/version").await == FORBIDDEN
    })
    .await;
}

#[tokio::test]
async fn a_role_may_name_one_target_in_a_cluster() {
    let hub = TestHub::start().await;
    hub.credentials("edge-1", "agent").await;
    hub.allow("alice", &["proxy-service"], &["edge-1:web.shop.svc:80"])
        .await;
    let token = token(&hub, &["--user", "alice"]).await;
    let services = "/clusters/edge-1/api/v1/namespaces/shop/services";
    for (service, expected) in [
        ("web:80", ALLOWED),
        ("web:81", FORBIDDEN),
        ("db:80", FORBIDDEN),
    ] {
        let path = format!("{services}/{service}/proxy-service/");
        assert_eq!(code(&hub, &token, &path).await, expected, "{service}");
    }
    let api = code(&hub, &token, "/clusters/edge-1/version").await;
    assert_eq!(api, FORBIDDEN, "a Service is not the API server");
}

#[tokio::test]
async fn a_service_account_of_the_hub_reaches_clusters_by_its_token() {
    let hub = TestHub::start().await;
    hub.credentials("edge-1", "agent").await;
    let admin = hub.client(hub.administrator());
    let accounts = "/api/v1/namespaces/default/serviceaccounts";
    let account = json!({"metadata": {"name": "robot"}});
    assert_eq!(admin.post(accounts, &account).await, 201);
    let request = json!({"spec": {"audiences": []}});
    let issued = admin
        .post_for(&format!("{accounts}/robot/token"), &request)
        .await;
    let token = issued["status"]["token"].as_str().unwrap().to_owned();
    let path = "/clusters/edge-1/version";
    assert_eq!(code(&hub, &token, path).await, FORBIDDEN);
    let user = "system:serviceaccount:default:robot";
    hub.allow(user, &["proxy"], &["edge-1"]).await;
    until("the role lets the account in", async || {
        code(&hub, &token, path).await == ALLOWED
    })
    .await;
    assert_eq!(admin.delete(&format!("{accounts}/robot")).await, 200);
    assert_eq!(code(&hub, &token, path).await, 401, "the account is gone");
}

#[tokio::test]
async fn a_kubeconfig_has_a_context_for_each_cluster_in_either_form() {
    let hub = TestHub::start().await;
    hub.credentials("edge-1", "agent").await;
    hub.credentials("edge-2", "agent").await;
    let file = hub.beside("kubeconfig");
    let clusters = ["kubeconfig", "edge-1", "edge-2", "--output", arg(&file)];
    hub.adit(&clusters).await;
    let config = yaml(&file);
    let server = format!("https://{}/clusters/edge-2", hub.address());
    assert_eq!(config["clusters"][1]["cluster"]["server"], server);
    assert_eq!(config["contexts"].as_array().unwrap().len(), 2);
    assert_eq!(config["current-context"], "edge-1");
    let admin = hub.data().join("admin.kubeconfig");
    let aggregated = run(&[
        "kubeconfig",
        "edge-1",
        "--kubeconfig",
        arg(&admin),
        "--path",
        "aggregated",
    ])
    .await;
    let path = "/apis/cluster.core.oam.dev/v1alpha1/clustergateways/edge-1/proxy";
    assert!(aggregated.stdout.contains(path), "{}", aggregated.stderr);
    let unknown = run(&["kubeconfig", "edge-9", "--data-dir", arg(&hub.data())]).await;
    assert_eq!(unknown.code, 1);
    assert!(
        unknown.stderr.contains("knows no cluster edge-9"),
        "{}",
        unknown.stderr
    );
}

#[tokio::test]
async fn a_kubeconfig_for_a_user_carries_that_users_token() {
    let hub = TestHub::start().await;
    hub.credentials("edge-1", "agent").await;
    let file = hub.beside("alice");
    let args = [
        "kubeconfig",
        "edge-1",
        "--user",
        "alice",
        "--group",
        "dev",
        "-o",
        arg(&file),
    ];
    hub.adit(&args).await;
    let client = hub.client(Identity::of_kubeconfig(&file));
    until("alice is known", async || {
        client.get("/sessions").await.unwrap().code == 403
    })
    .await;
    let refused = client.get("/sessions").await.unwrap().body;
    assert!(refused.contains("alice"), "{refused}");
}
