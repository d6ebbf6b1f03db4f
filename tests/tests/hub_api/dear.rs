//! Bodies that cost a hub much, several at once.

use std::sync::Arc;

use serde_json::json;
use tests::cluster::User;
use tests::https::{Answer, Client};
use tests::hub::Hub;
use tests::pki::{Authority, Validity};
use tests::tls;
use tests::wait::GENEROUS;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::with_hub;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";
const JSON: &str = "Content-Type: application/json";
/// Requests at once.
const AT_ONCE: usize = 4;
/// Items of each, of the 200,000 values that are read at most.
const ITEMS: usize = 100_000;
/// What the hub may take while it answers them: each is looked at as what its
/// defaults make of it, twice.
const MOST: u64 = 768 << 20;

fn client(hub: &Hub, name: &str) -> Client {
    let authority = Authority::of_hub(hub.data()).unwrap();
    let groups = [User::ADMIN.group];
    let identity = authority.client(name, &groups, Validity::Now).unwrap();
    let tls = tls::client(authority.pem(), Some(&identity), b"http/1.1").unwrap();
    Client::new(hub.network(), hub.address(), tls, None)
}

/// Lists of as many items with a fault each.
fn bodies() -> [(&'static str, String); 3] {
    let items = |item: &str| format!("{item}{}", format!(",{item}").repeat(ITEMS - 1));
    let map = |field: &str, item: &str| {
        format!(
            r#"{{"metadata":{{"name":"dear","{field}":[{}]}}}}"#,
            items(item)
        )
    };
    let containers = format!(
        r#"{{"metadata":{{"name":"dear"}},"spec":{{"template":{{"spec":{{"containers":[{}]}}}}}}}}"#,
        items("{}")
    );
    [
        (MAPS, map("finalizers", "\"a\"")),
        (MAPS, map("ownerReferences", "{}")),
        (DEPLOYMENTS, containers),
    ]
}

async fn refused(client: Client, path: &str, body: &str) -> Answer {
    let answer = client.send("POST", path, &[JSON], body);
    let answer = timeout(3 * GENEROUS, answer).await.unwrap();
    answer.unwrap()
}

#[test]
fn dear_bodies_at_once_hold_nobody_up_and_take_bounded_memory() {
    with_hub("dear", async |_, hub| {
        let admin = client(&hub, "admin");
        let map = json!({"metadata": {"name": "a"}}).to_string();
        let made = admin.send("POST", MAPS, &[JSON], &map).await.unwrap();
        assert_eq!(made.status, 201, "{}", made.text());
        let before = hub.process().resident();
        hub.process().forget_peak().unwrap();
        for (path, body) in bodies() {
            let body: Arc<str> = body.into();
            let mut sending = JoinSet::new();
            for number in 0..AT_ONCE {
                let client = client(&hub, &format!("dear-{number}"));
                let body = body.clone();
                sending.spawn(async move { refused(client, path, &body).await });
            }
            while !sending.is_empty() {
                let modest = admin.get(&format!("{MAPS}/a")).await.unwrap();
                assert_eq!(modest.status, 200, "{}", modest.text());
                while let Some(answer) = sending.try_join_next() {
                    let answer = answer.unwrap();
                    assert_eq!(answer.status, 422, "{path}");
                    // A fault is not told for each item.
                    let length = answer.body.len();
                    assert!(length < 1 << 20, "{path}: {length}");
                }
            }
        }
        let grown = hub.process().peak().saturating_sub(before);
        eprintln!("dear: {AT_ONCE} at once took {} MiB at most", grown >> 20);
        assert!(grown <= MOST, "{} MiB", grown >> 20);
    });
}
