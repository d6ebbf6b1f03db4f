//! How long an upload may take, and who is late if it takes too long.

use std::time::Duration;

use gateway::GatewayConfig;
use tokio::time::{advance, timeout};

use crate::harness::{Agent, Client, Hub, Upstream, pattern};

const PATIENCE: Duration = Duration::from_secs(5);
const LESS: Duration = Duration::from_secs(3);
const MIB: usize = 1024 * 1024;

/// A hub without much patience, and a request that announces a body.
async fn uploading(length: usize) -> (Hub, Agent, Client, Upstream) {
    let mut hub = Hub::with(GatewayConfig {
        response_timeout: PATIENCE,
        upload_idle: PATIENCE,
        ..GatewayConfig::default()
    });
    let mut agent = hub.agent("edge-7").await;
    let mut client = hub.client();
    let length = format!("content-length: {length}");
    client
        .ask("PATCH", "/clusters/edge-7/api", "alice", &[&length])
        .await;
    let mut upstream = agent.accept().await;
    upstream.head().await;
    (hub, agent, client, upstream)
}

#[tokio::test(start_paused = true)]
async fn a_slow_upload_takes_nothing_from_the_time_for_the_answer() {
    let (_hub, _agent, mut client, mut upstream) = uploading(4).await;
    for byte in [b"b", b"o", b"d", b"y"] {
        advance(LESS).await;
        client.send(byte).await;
        assert_eq!(upstream.take(1).await, byte);
    }
    advance(LESS).await;
    upstream.respond("applied").await;
    assert_eq!(client.answer().await.body, b"applied");
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_hangs_after_an_upload_is_a_504() {
    let (_hub, _agent, mut client, mut upstream) = uploading(4).await;
    client.send("body").await;
    assert_eq!(upstream.take(4).await, b"body");
    let answer = client.answer().await;
    assert_eq!(answer.failure(), (504, "Timeout".into(), "target".into()));
    let message = answer.status()["message"].to_string();
    assert!(message.contains("has not begun to answer"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stops_in_its_upload_is_told_that_it_was_itself() {
    let (hub, _agent, mut client, mut upstream) = uploading(10).await;
    client.send("start").await;
    assert_eq!(upstream.take(5).await, b"start");
    let answer = client.answer().await;
    assert_eq!(answer.failure(), (408, "Timeout".into(), "hub".into()));
    let message = answer.status()["message"].to_string();
    assert!(message.contains("the client has sent nothing"), "{message}");
    hub.until_no_stream_is_open().await;
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_the_cluster_does_not_take_is_blamed_on_the_cluster() {
    let (hub, _agent, mut client, _upstream) = uploading(64 * MIB).await;
    let body = pattern(64 * MIB);
    // The clock runs only while everybody waits: then every buffer is full.
    let sent = timeout(Duration::from_secs(1), client.send(&body)).await;
    assert!(sent.is_err(), "64 MiB went into buffers");
    let answer = client.answer().await;
    assert_eq!(answer.failure(), (504, "Timeout".into(), "target".into()));
    let message = answer.status()["message"].to_string();
    assert!(message.contains("has taken nothing"), "{message}");
    hub.until_no_stream_is_open().await;
}
