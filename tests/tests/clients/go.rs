//! A program on client-go.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tests::cluster::User;
use tests::command;
use tests::hub::CLUSTER_NAME;
use tests::site::{Route, Site};
use tests::wait::GENEROUS;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::SITE;

/// What the Go program saw by this check, through the gateway.
async fn check(site: &Site, name: &str, namespace: &str) -> Value {
    let kubeconfig = site.tunnels[0]
        .hub
        .kubeconfig(CLUSTER_NAME, &[])
        .await
        .unwrap();
    let run = program(site, &kubeconfig, name, namespace);
    let output = command::run(run, Vec::new(), 4 * GENEROUS)
        .await
        .unwrap()
        .ok();
    let report: Value = serde_json::from_str(&output).unwrap();
    eprintln!("client-go {name}: {}", report["result"]);
    report["result"].clone()
}

fn program(site: &Site, kubeconfig: &Path, check: &str, namespace: &str) -> Command {
    let mut run = site
        .network
        .hub(0)
        .command(site.needs.peers.join("adit-client-go"));
    run.arg("-kubeconfig")
        .arg(kubeconfig)
        .args(["-namespace", namespace, "-check", check]);
    run
}

async fn make_namespace(site: &Site, name: &str) {
    let kubectl = site.kubectl(User::ADMIN, Route::Direct).await.unwrap();
    kubectl
        .run(&["create", "namespace", name])
        .await
        .unwrap()
        .ok();
}

#[test]
fn an_informer_sees_each_change_in_order() {
    SITE.test(async |site| {
        make_namespace(site, "informer").await;
        let seen = check(site, "informer", "informer").await;
        assert_eq!(seen["watchLists"], 0, "{seen}");
    });
}

#[test]
fn an_informer_that_begins_with_a_watch_sees_each_change_in_order() {
    SITE.test(async |site| {
        make_namespace(site, "watch-list").await;
        let seen = check(site, "informer-watchlist", "watch-list").await;
        assert_eq!(seen["lists"], 0, "{seen}");
    });
}

#[test]
fn the_dynamic_client_works() {
    SITE.test(async |site| {
        make_namespace(site, "dynamic").await;
        let seen = check(site, "dynamic", "dynamic").await;
        assert_eq!(seen["events"], json!(["MODIFIED", "DELETED"]), "{seen}");
    });
}

const LARGE: usize = 20_000;
/// Bytes of each ConfigMap's value.
const VALUE: usize = 1024;

#[test]
fn a_list_of_twenty_thousand_comes_through_whole() {
    SITE.test(async |site| {
        make_namespace(site, "large").await;
        let begun = Instant::now();
        fill(site).await;
        eprintln!("clients: {LARGE} ConfigMaps made in {:?}", begun.elapsed());
        let seen = check(site, "list", "large").await;
        assert!(seen["count"].as_u64().unwrap() >= LARGE as u64, "{seen}");
        assert!(
            seen["bytes"].as_u64().unwrap() >= (LARGE * VALUE) as u64,
            "{seen}"
        );

        let client = site.tunnels[0].client(User::ADMIN).await.unwrap();
        let target = tests::site::path("/api/v1/namespaces/large/configmaps");
        let body = client.get(&target).await.unwrap().body;
        let list: Value = serde_json::from_slice(&body).unwrap();
        let whole = |item: &&Value| {
            item["data"]["value"]
                .as_str()
                .is_some_and(|v| v.len() == VALUE)
        };
        assert_eq!(
            list["items"]
                .as_array()
                .unwrap()
                .iter()
                .filter(whole)
                .count(),
            LARGE
        );
    });
}

/// Makes them beside the API server, by several connections.
async fn fill(site: &Site) {
    const CONNECTIONS: usize = 16;
    let client = site.direct().unwrap();
    let value = "x".repeat(VALUE);
    let mut workers = JoinSet::new();
    for worker in 0..CONNECTIONS {
        let (client, value) = (client.clone(), value.clone());
        workers.spawn(async move {
            let mut connection = client.connect().await.unwrap();
            for number in (worker..LARGE).step_by(CONNECTIONS) {
                let body =
                    json!({"metadata": {"name": format!("n{number}")}, "data": {"value": value}});
                let target = "/api/v1/namespaces/large/configmaps";
                let json = ["Content-Type: application/json"];
                let request = client.request("POST", target, &json, &body.to_string());
                assert_eq!(connection.exchange(&request).await.unwrap().status, 201);
            }
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker.unwrap();
    }
}
