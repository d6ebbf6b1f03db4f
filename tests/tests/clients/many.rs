//! Many requests at once on one session.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tests::cluster::User;
use tests::https::{Client, Connection};
use tests::site::{Route, Site, path};
use tests::wait::{GENEROUS, once, until};
use tokio::time::Instant;

use crate::SITE;

const WATCHES: usize = 500;
const REQUESTS: usize = 200;

#[test]
fn five_hundred_watches_and_two_hundred_requests_share_a_session() {
    SITE.test(async |site| {
        let kubectl = site.kubectl(User::ADMIN, Route::Direct).await.unwrap();
        kubectl
            .run(&["create", "namespace", "many"])
            .await
            .unwrap()
            .ok();
        let tunnel = &site.tunnels[0];
        let admin = tunnel.client(User::ADMIN).await.unwrap();
        let begun = Instant::now();
        let mut watches = open(&admin).await;
        eprintln!("many: {WATCHES} watches open after {:?}", begun.elapsed());

        let count = async || {
            let streams =
                async || once(tunnel.streams(&admin).await.ok()? >= (WATCHES + REQUESTS) as u64);
            until("all streams at once on the session", GENEROUS, streams)
                .await
                .unwrap();
        };
        let connections = join_all((0..REQUESTS).map(|_| admin.connect())).await;
        let begun = Instant::now();
        let held = join_all(
            connections
                .into_iter()
                .map(|made| held(&admin, made.unwrap())),
        );
        tokio::join!(held, count());
        eprintln!(
            "many: {REQUESTS} requests answered after {:?}",
            begun.elapsed()
        );
        assert_eq!(tunnel.sessions(&admin, "edge").await.unwrap().len(), 1);

        let begun = Instant::now();
        kubectl
            .in_namespace("many")
            .run(&["create", "configmap", "news"])
            .await
            .unwrap()
            .ok();
        for seen in join_all(watches.iter_mut().map(|watch| watch.until("news"))).await {
            seen.unwrap();
        }
        eprintln!(
            "many: all watches have the event after {:?}",
            begun.elapsed()
        );
        drop(watches);
        none_left(site, &admin).await;
    });
}

async fn open(admin: &Client) -> Vec<Connection> {
    let target = path("/api/v1/namespaces/many/configmaps?watch=true");
    join_all((0..WATCHES).map(|_| watch(admin, &target))).await
}

async fn watch(admin: &Client, target: &str) -> Connection {
    let (mut connection, answer) = admin.begin("GET", target).await.unwrap();
    if answer.status != 200 {
        let body = connection.part().await.unwrap().unwrap_or_default();
        panic!("{}: {}", answer.status, String::from_utf8_lossy(&body));
    }
    connection
}

/// A request that the API server holds for 3 s and then refuses: it waits for
/// a version that is far away. The connection is open already: on a busy
/// machine the first would be answered before the last had its handshake.
async fn held(admin: &Client, mut connection: Connection) {
    let target = path("/api/v1/namespaces/many/configmaps?resourceVersion=999999999");
    let request = admin.request("GET", &target, &[], "");
    let answer = connection.exchange(&request).await.unwrap();
    assert_eq!(answer.status, 504, "{}", answer.text());
    let status: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        status["details"]["causes"][0]["reason"],
        json!("ResourceVersionTooLarge"),
        "{status}"
    );
}

async fn none_left(site: &Site, admin: &Client) {
    let tunnel = &site.tunnels[0];
    // Other tests of this binary use the session too.
    let gone = async || once(tunnel.streams(admin).await.ok()? < 50);
    until("the end of the streams", GENEROUS, gone)
        .await
        .unwrap();
}
