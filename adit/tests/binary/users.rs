//! Tokens, the policy file and kubeconfigs.

use std::fs;

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
async fn the_policy_file_is_followed_as_it_changes() {
    let hub = TestHub::start().await;
    hub.credentials("edge-1", "agent").await;
    let token = token(&hub, &["--user", "alice", "--group", "dev"]).await;
    let asked = async || code(&hub, &token, "/clusters/edge-1/version").await;
    until("nobody may without a policy", async || {
        asked().await == FORBIDDEN
    })
    .await;
    let policy = hub.data().join("policy.yaml");
    fs::write(&policy, "rules:\n- groups: [dev]\n  clusters: [edge-1]\n").unwrap();
    until("the policy lets alice in", async || {
        asked().await == ALLOWED
    })
    .await;
    fs::write(&policy, "rules: [oh no").unwrap();
    let complained = async |hub: &mut TestHub| {
        hub.process()
            .stderr()
            .matches("policy file cannot be used")
            .count()
    };
    let mut hub = hub;
    until("the hub complains", async || {
        complained(&mut hub).await == 1
    })
    .await;
    let asked = async |hub: &TestHub| code(hub, &token, "/clusters/edge-1/version").await;
    assert_eq!(asked(&hub).await, ALLOWED, "the last good policy stays");
    fs::write(&policy, "rules:\n- groups: [ops]\n  clusters: [edge-1]\n").unwrap();
    until("the new policy shuts alice out", async || {
        asked(&hub).await == FORBIDDEN
    })
    .await;
    assert_eq!(complained(&mut hub).await, 1, "it complained once");
}

#[tokio::test]
async fn a_hub_does_not_start_with_a_policy_it_cannot_read() {
    let folder = tempfile::tempdir().unwrap();
    let (data, policy) = (
        folder.path().join("data"),
        folder.path().join("policy.yaml"),
    );
    fs::write(&policy, "rules: [oh no").unwrap();
    let args = [
        "hub",
        "--data-dir",
        arg(&data),
        "--listen",
        "127.0.0.1:0",
        "--policy",
    ];
    let finished = run(&[&args[..], &[arg(&policy)]].concat()).await;
    assert_eq!(finished.code, 1);
    assert!(
        finished.stderr.contains("the policy file cannot be used"),
        "{}",
        finished.stderr
    );
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
