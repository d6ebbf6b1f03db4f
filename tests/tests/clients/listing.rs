//! What the hub tells of itself.

use std::process::Command;

use tests::cluster::User;
use tests::command;
use tests::https::Client;
use tests::pki::Authority;
use tests::tls;
use tests::wait::{GENEROUS, once, until};

use crate::SITE;

#[test]
fn the_table_of_clusters_tells_who_is_connected_and_from_where() {
    SITE.test(async |site| {
        let hub = &site.tunnels[0].hub;
        hub.credentials("absent", "agent").await.unwrap();
        let mut table = String::new();
        let complete = async || {
            table = hub.adit(&["clusters"]).await.ok()?.ok();
            once(table.lines().any(|line| line.starts_with("absent")))
        };
        until("the new cluster in the table", GENEROUS, complete)
            .await
            .unwrap();
        let edge = table.lines().find(|line| line.starts_with("edge")).unwrap();
        let router = site.network.router_address(0).to_string();
        assert!(
            edge.contains(" 1 ") && edge.contains(" h2 ") && edge.contains(&router),
            "{table}"
        );
        let kubeconfig = hub.data().join("admin.kubeconfig");
        let mut remote: Command = hub.network().command(&site.needs.adit);
        remote
            .args(["clusters", "--output", "json", "--kubeconfig"])
            .arg(kubeconfig);
        let json = command::run(remote, Vec::new(), GENEROUS)
            .await
            .unwrap()
            .ok();
        let listing: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(
            listing["clusters"].as_array().unwrap().len(),
            2,
            "{listing}"
        );
    });
}

#[test]
fn health_is_open_to_all_and_the_rest_to_administrators() {
    SITE.test(async |site| {
        let tunnel = &site.tunnels[0];
        let authority = Authority::of_hub(tunnel.hub.data()).unwrap();
        let tls = tls::client(authority.pem(), None, b"http/1.1").unwrap();
        let anyone = Client::new(tunnel.hub.network(), tunnel.hub.address(), tls, None);
        let alice = tunnel.client(User::ALICE).await.unwrap();
        let admin = tunnel.client(User::ADMIN).await.unwrap();
        for (target, expected) in [
            ("/healthz", [200, 200, 200]),
            ("/readyz", [200, 200, 200]),
            ("/metrics", [401, 403, 200]),
            ("/sessions", [401, 403, 200]),
            ("/", [404, 404, 404]),
        ] {
            for (client, expected) in [&anyone, &alice, &admin].into_iter().zip(expected) {
                let answer = client.get(target).await.unwrap();
                assert_eq!(answer.status, expected, "{target}: {}", answer.text());
            }
        }
        let metrics = admin.get("/metrics").await.unwrap().text();
        assert!(
            metrics.contains("adit_session_streams{cluster=\"edge\""),
            "{metrics}"
        );
    });
}
