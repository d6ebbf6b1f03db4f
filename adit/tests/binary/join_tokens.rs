//! Tokens to join with: how often they may be used, and what is told of them.

use api::types::cluster::{ManagedCluster, ManagedClusterSpec};
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::api::PostParams;
use kube::{Api, Client};

use crate::support::{Identity, TestHub, TunnelAgent, until};

const RIGHTS: &str = "open-cluster-management:bootstrap:managedcluster";

/// Makes a token with which so many clusters may join, once the hub has given
/// those who join their rights.
async fn made(hub: &TestHub, uses: &str) -> String {
    let bindings: Api<ClusterRoleBinding> = Api::all(hub.kube().await);
    until("the rights of those who join", async || {
        bindings.get_opt(RIGHTS).await.unwrap().is_some()
    })
    .await;
    let args = ["token", "create", "--join", "--uses", uses, "--ttl", "2h"];
    let made = hub.adit(&args).await.stdout;
    let mut words = made.split_whitespace();
    words.find(|word| *word == "--token");
    words.next().unwrap().to_owned()
}

/// Asks to join as a cluster; the answer's code.
async fn asks(client: &Client, cluster: &str) -> u16 {
    let clusters: Api<ManagedCluster> = Api::all(client.clone());
    let object = ManagedCluster::new(cluster, ManagedClusterSpec::default());
    match clusters.create(&PostParams::default(), &object).await {
        Ok(_) => 201,
        Err(kube::Error::Api(status)) => status.code,
        Err(error) => panic!("{error}"),
    }
}

/// The line of `adit token list` about a token.
async fn listed(hub: &TestHub, token: &str) -> String {
    let (id, secret) = token.split_once('.').unwrap();
    let list = hub.adit(&["token", "list"]).await.stdout;
    assert!(!list.contains(secret), "the secret is listed");
    let line = list.lines().find(|line| line.starts_with(id));
    line.unwrap_or_default().to_owned()
}

#[tokio::test]
async fn as_many_clusters_join_with_a_token_as_may_whatever_happens_to_the_hub() {
    let mut hub = TestHub::start().await;
    let token = made(&hub, "2").await;
    assert!(listed(&hub, &token).await.contains("2 of 2"));
    let joining = TunnelAgent::with_token(&hub, &token);
    assert_eq!(asks(&joining.api, "edge-1").await, 201);
    // The same cluster again is no other use, whatever comes of it.
    assert_eq!(asks(&joining.api, "edge-1").await, 409);
    assert!(listed(&hub, &token).await.contains("1 of 2"));
    hub.restart().await;
    let joining = TunnelAgent::with_token(&hub, &token);
    assert_eq!(asks(&joining.api, "edge-2").await, 201);
    assert_eq!(asks(&joining.api, "edge-3").await, 403);
    hub.restart().await;
    let joining = TunnelAgent::with_token(&hub, &token);
    assert_eq!(asks(&joining.api, "edge-3").await, 403);
    assert_eq!(asks(&joining.api, "edge-2").await, 409);
    let line = listed(&hub, &token).await;
    assert!(
        line.contains("0 of 2") && line.contains("edge-1,edge-2"),
        "{line}"
    );
}

#[tokio::test]
async fn clusters_that_ask_at_the_same_moment_do_not_share_a_use() {
    let hub = TestHub::start().await;
    let token = made(&hub, "3").await;
    let joining = TunnelAgent::with_token(&hub, &token);
    let ask = |number: usize| {
        let api = joining.api.clone();
        async move { asks(&api, &format!("edge-{number}")).await }
    };
    let mut codes = futures_util::future::join_all((0..8).map(ask)).await;
    codes.sort_unstable();
    assert_eq!(codes, [201, 201, 201, 403, 403, 403, 403, 403]);
}

#[tokio::test]
async fn a_counted_token_is_for_joining_and_counted_however_it_is_used() {
    let hub = TestHub::start().await;
    let token = made(&hub, "1").await;
    // At the hub's port nobody would count.
    let bearer = hub.client(Identity::Token(token.clone()));
    assert_eq!(bearer.get("/api/v1/namespaces").await.unwrap().code, 401);
    let joining = TunnelAgent::with_token(&hub, &token);
    assert_eq!(asks(&joining.api, "edge-1").await, 201);
    let clusters = "/apis/cluster.open-cluster-management.io/v1/managedclusters";
    let twice = r#"{"apiVersion":"cluster.open-cluster-management.io/v1","kind":"ManagedCluster",
        "metadata":{"name":"edge-1","name":"edge-2"},"spec":{}}"#;
    let yaml = "apiVersion: cluster.open-cluster-management.io/v1\nkind: ManagedCluster\n\
                metadata: {name: edge-2}\nspec: {}\n";
    for (path, kind, body) in [
        (clusters, "application/json", twice),
        (clusters, "application/yaml", yaml),
        (
            clusters,
            "application/json",
            r#"{"metadata":{"generateName":"edge-"}}"#,
        ),
        (
            "/apis/cluster.open-cluster-management.io/v1/managedcluster%73",
            "application/json",
            r#"{"metadata":{"name":"edge-2"}}"#,
        ),
        (
            "/apis/certificates.k8s.io/v1/certificatesigningrequests",
            "application/json",
            r#"{"metadata":{"name":"edge-2","labels":{"open-cluster-management.io/cluster-name":"edge-2"}}}"#,
        ),
    ] {
        let (code, answer) = joining.posts_as(path, kind, body).await;
        assert!((400..500).contains(&code), "{body}: {code} {answer}");
        assert!(code != 409, "{body}: {answer}");
    }
    let admin = hub.client(hub.administrator());
    let there = admin.get(&format!("{clusters}/edge-2")).await.unwrap();
    assert_eq!(there.code, 404);
}

#[tokio::test]
async fn what_is_revoked_is_not_listed_and_a_token_without_limit_says_so() {
    let hub = TestHub::start().await;
    let args = ["token", "create", "--join", "--cluster-name", "edge-7"];
    let command = hub.adit(&args).await.stdout;
    let token = command
        .split_whitespace()
        .find(|word| word.contains('.') && word.len() == 23);
    let token = token.unwrap();
    let line = listed(&hub, token).await;
    assert!(line.contains("edge-7") && line.contains("any"), "{line}");
    let (id, _) = token.split_once('.').unwrap();
    hub.adit(&["token", "revoke", id]).await;
    assert_eq!(listed(&hub, token).await, "");
}
