//! Requests that switch to WebSocket or SPDY.

use tunnel::{ResetReason, StreamError};

use crate::harness::{Cluster, Connection, Exchange, Target, object, request};

const UPGRADE: [&str; 3] = [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Protocol: v5.channel.k8s.io",
];
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
                        Upgrade: websocket\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n";

/// Both ends of a connection that has switched.
async fn switched() -> (Cluster, Exchange, Connection) {
    let api = Target::new().await;
    let cluster = Cluster::with_api(&api).await;
    let mut exchange = cluster.exchange().await;
    exchange.send(&request("GET /exec", &UPGRADE)).await;
    let mut upstream = api.accept().await;
    let head = upstream.read_head().await;
    assert!(
        head.contains("\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"),
        "{head}"
    );
    assert!(
        head.contains("\r\nsec-websocket-protocol: v5.channel.k8s.io\r\n"),
        "{head}"
    );
    // The new protocol's first bytes may come with the head.
    upstream.send(&format!("{SWITCHED}hello")).await;
    let head = exchange.read_until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.contains("\r\nupgrade: websocket\r\n"), "{head}");
    assert_eq!(exchange.read_until("hello").await, "hello");
    (cluster, exchange, upstream)
}

#[tokio::test]
async fn bytes_pass_in_both_directions_and_each_ends_on_its_own() {
    let (_cluster, mut exchange, mut upstream) = switched().await;
    exchange.send("ping").await;
    assert_eq!(upstream.read_exact(4).await, b"ping");
    exchange.finish().await;
    assert_eq!(upstream.rest().await, Ok(vec![]));
    upstream.send("late words").await;
    drop(upstream);
    assert_eq!(exchange.read().await, "late words");
}

#[tokio::test]
async fn a_server_that_ends_first_still_hears_the_rest() {
    let (_cluster, mut exchange, mut upstream) = switched().await;
    tokio::io::AsyncWriteExt::shutdown(&mut upstream.io)
        .await
        .unwrap();
    assert_eq!(exchange.read().await, "");
    exchange.send("late words").await;
    exchange.finish().await;
    assert_eq!(upstream.rest().await, Ok(b"late words".to_vec()));
}

#[tokio::test]
async fn bytes_that_follow_the_request_at_once_are_not_lost() {
    let api = Target::new().await;
    let cluster = Cluster::with_api(&api).await;
    let mut exchange = cluster.exchange().await;
    exchange
        .send(&(request("GET /exec", &UPGRADE) + "eager"))
        .await;
    let mut upstream = api.accept().await;
    upstream.read_head().await;
    upstream.send(SWITCHED).await;
    assert_eq!(upstream.read_exact(5).await, b"eager");
}

#[tokio::test]
async fn a_server_that_breaks_resets_the_stream() {
    let (_cluster, mut exchange, upstream) = switched().await;
    upstream.abort();
    let broken = StreamError::Reset(ResetReason::TargetFailed);
    assert_eq!(exchange.rest().await.1, Some(broken));
}

#[tokio::test]
async fn a_far_end_that_leaves_frees_the_server() {
    let (_cluster, exchange, mut upstream) = switched().await;
    drop(exchange);
    assert_eq!(upstream.rest().await, Ok(vec![]));
}

#[tokio::test]
async fn a_refusal_to_switch_is_passed_on() {
    let api = Target::new().await;
    let cluster = Cluster::with_api(&api).await;
    let mut exchange = cluster.exchange().await;
    exchange
        .send(&request(
            "POST /exec",
            &[
                "Connection: Upgrade",
                "Upgrade: SPDY/3.1",
                "Content-Length: 0",
            ],
        ))
        .await;
    let mut upstream = api.accept().await;
    let head = upstream.read_head().await;
    assert!(head.contains("\r\nupgrade: SPDY/3.1\r\n"), "{head}");
    upstream
        .send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        .await;
    let response = exchange.read().await;
    assert!(
        response.starts_with("HTTP/1.1 403 Forbidden\r\n"),
        "{response}"
    );
    assert!(response.ends_with("\r\n\r\nno"), "{response}");
}

#[tokio::test]
async fn a_switch_that_was_not_asked_for_is_a_502() {
    for headers in [
        &[][..],
        &["Connection: Upgrade", "Upgrade: SPDY/3.1"],
        &["Connection: Upgrade", "Upgrade: h2c"],
    ] {
        let api = Target::new().await;
        let cluster = Cluster::with_api(&api).await;
        let mut exchange = cluster.exchange().await;
        exchange.send(&request("GET /", headers)).await;
        let mut upstream = api.accept().await;
        upstream.read_head().await;
        upstream.send(SWITCHED).await;
        let response = exchange.read().await;
        let (head, status) = object(&response);
        assert!(head.starts_with("HTTP/1.1 502 "), "{head}");
        let message = status["message"].as_str().unwrap();
        assert!(message.contains("not asked for"), "{message}");
    }
}
