//! Many clients that send large bodies and do not come to their end.

use std::sync::Arc;

use serde_json::json;
use tests::cluster::User;
use tests::https::{Answer, Client, Connection};
use tests::hub::Hub;
use tests::pki::{Authority, Validity};
use tests::tls;
use tests::wait::GENEROUS;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::with_hub;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const JSON: &str = "application/json";
/// What the API server reads of a body at most.
const MOST: usize = 3 << 20;
const CLIENTS: usize = 120;
/// Bodies that a hub has room for: 64 MiB.
const ROOM: usize = (64 << 20) / MOST;
/// What the hub may take beside the bodies it has room for: what it has read
/// of each connection, TLS, and their tasks.
const BESIDE: u64 = 96 << 20;

/// An administrator of this name.
fn client(hub: &Hub, name: &str) -> Client {
    let authority = Authority::of_hub(hub.data()).unwrap();
    let groups = [User::ADMIN.group];
    let identity = authority.client(name, &groups, Validity::Now).unwrap();
    let tls = tls::client(authority.pem(), Some(&identity), b"http/1.1").unwrap();
    Client::new(hub.network(), hub.address(), tls, None)
}

/// Sends all of a body but its last byte, or what is taken of it, and then
/// waits for an answer or to be told to send that one too. Who is refused while
/// he writes may find his connection closed before he can read why.
async fn send_slowly(
    client: Client,
    mut connection: Connection,
    body: Arc<[u8]>,
    mut end: watch::Receiver<bool>,
) -> Option<Answer> {
    let media = format!("Content-Type: {JSON}");
    let length = format!("Content-Length: {}", body.len());
    let head = client.request("POST", MAPS, &[&media, &length], "");
    let (last, most) = body.split_last().unwrap();
    let all = async {
        connection.write(head.as_bytes()).await?;
        connection.write(most).await
    };
    if all.await.is_ok() {
        tokio::select! {
            head = connection.head() => return head.ok(),
            _ = end.wait_for(|end| *end) => {}
        }
        connection.write(&[*last]).await.unwrap();
    }
    timeout(GENEROUS, connection.head()).await.unwrap().ok()
}

#[test]
fn many_slow_bodies_are_told_to_come_again_and_take_bounded_memory() {
    with_hub("slow", async |_, hub| {
        let body: Arc<[u8]> = vec![b' '; MOST].into();
        let (end, ends) = watch::channel(false);
        let before = hub.process().resident();
        hub.process().forget_peak().unwrap();
        let mut sending = JoinSet::new();
        for number in 0..CLIENTS {
            let client = client(&hub, &format!("slow-{number}"));
            // One after the other, for a hub gives handshakes little time.
            let connection = client.connect().await.unwrap();
            sending.spawn(send_slowly(client, connection, body.clone(), ends.clone()));
        }
        for _ in 0..CLIENTS - ROOM {
            let answer = timeout(GENEROUS, sending.join_next()).await;
            let Some(answer) = answer.unwrap().unwrap().unwrap() else {
                continue;
            };
            assert_eq!(answer.status, 429);
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
        // What is small is not held up.
        let modest = client(&hub, "modest");
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "modest"}});
        let media = format!("Content-Type: {JSON}");
        let map = map.to_string();
        let made = modest.send("POST", MAPS, &[&media], &map).await.unwrap();
        assert_eq!(made.status, 201, "{}", made.text());
        let metrics = modest.get("/metrics").await.unwrap().text();
        let refused = format!("adit_api_bodies_refused_total {}", CLIENTS - ROOM);
        assert!(metrics.lines().any(|line| line == refused), "{metrics}");

        end.send(true).unwrap();
        while let Some(answer) = sending.join_next().await {
            // It was read to its end, and is nothing.
            assert_eq!(answer.unwrap().unwrap().status, 400);
        }
        let grown = hub.process().peak().saturating_sub(before);
        eprintln!("slow: {CLIENTS} bodies took {} MiB at most", grown >> 20);
        let most = (ROOM * MOST) as u64 + BESIDE;
        assert!(grown <= most, "{} MiB", grown >> 20);
    });
}
