//! SPDY and WebSocket: connections that leave HTTP.

use std::time::Duration;

use gateway::GatewayConfig;
use tunnel::ResetReason;

use crate::harness::{Agent, Client, End, Hub, Upstream, pattern, within};

const EXEC: &str = "/clusters/edge-7/api/v1/namespaces/x/pods/p/exec?command=sh";
const LONG: Duration = Duration::from_secs(3600);

/// Both ends of an upgraded connection.
async fn upgraded(hub: &mut Hub, agent: &mut Agent, protocol: &str) -> (Client, Upstream) {
    let mut client = hub.client();
    let upgrade = format!("upgrade: {protocol}");
    let lines = [
        "connection: Upgrade",
        &upgrade,
        "x-stream-protocol-version: v4.channel.k8s.io",
    ];
    client.ask("POST", EXEC, "alice", &lines).await;
    let mut upstream = agent.accept().await;
    let head = upstream.head().await;
    assert!(head.contains("\r\nconnection: upgrade\r\n"), "{head}");
    assert!(head.contains(&format!(
        "\r\nupgrade: {}\r\n",
        protocol.to_ascii_lowercase()
    )));
    assert!(head.contains("\r\nimpersonate-user: alice\r\n"), "{head}");
    upstream
        .send(format!(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: {protocol}\r\n\
             x-stream-protocol-version: v4.channel.k8s.io\r\n\r\n"
        ))
        .await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.contains(&format!(
        "\r\nupgrade: {}\r\n",
        protocol.to_ascii_lowercase()
    )));
    assert!(
        head.contains("\r\nx-stream-protocol-version: v4.channel.k8s.io\r\n"),
        "{head}"
    );
    (client, upstream)
}

#[tokio::test]
async fn bytes_pass_both_ways_after_a_switch() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    for protocol in ["SPDY/3.1", "websocket"] {
        let (mut client, mut upstream) = upgraded(&mut hub, &mut agent, protocol).await;
        for _ in 0..3 {
            client.send("ping").await;
            assert_eq!(upstream.take(4).await, b"ping");
            upstream.send("pong").await;
            assert_eq!(client.take(4).await, b"pong");
        }
        let bytes = pattern(4 << 20);
        let sending = client.send(&bytes);
        let (received, ()) = tokio::join!(upstream.take(bytes.len()), sending);
        assert!(received == bytes);
        let (received, ()) = tokio::join!(client.take(bytes.len()), upstream.send(&bytes));
        assert!(received == bytes);
    }
    hub.until_no_stream_is_open().await;
}

#[tokio::test]
async fn bytes_sent_right_behind_the_switch_are_not_lost() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = hub.client();
    let lines = ["connection: upgrade", "upgrade: websocket"];
    client.ask("GET", EXEC, "alice", &lines).await;
    client.send("early from the client").await;
    let mut upstream = agent.accept().await;
    upstream.head().await;
    upstream
        .send(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n\
             early from the server",
        )
        .await;
    client.head().await;
    assert_eq!(client.take(21).await, b"early from the server");
    assert_eq!(upstream.take(21).await, b"early from the client");
}

#[tokio::test]
async fn each_direction_ends_on_its_own() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let (mut client, mut upstream) = upgraded(&mut hub, &mut agent, "SPDY/3.1").await;
    client.send("all").await;
    client.finish().await;
    assert_eq!(upstream.rest().await, (b"all".to_vec(), End::Clean));
    upstream.send("still here").await;
    assert_eq!(client.take(10).await, b"still here");
    upstream.finish().await;
    assert_eq!(client.rest().await, (Vec::new(), End::Clean));

    let (mut client, mut upstream) = upgraded(&mut hub, &mut agent, "websocket").await;
    upstream.send("bye").await;
    upstream.finish().await;
    assert_eq!(client.take(3).await, b"bye");
    client.send("last words").await;
    assert_eq!(upstream.take(10).await, b"last words");
    client.finish().await;
    assert_eq!(upstream.rest().await, (Vec::new(), End::Clean));
    hub.until_no_stream_is_open().await;
}

#[tokio::test]
async fn a_break_at_one_end_reaches_the_other() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let (mut client, upstream) = upgraded(&mut hub, &mut agent, "SPDY/3.1").await;
    upstream.reset(ResetReason::TargetFailed);
    client.rest().await;
    let (client, mut upstream) = upgraded(&mut hub, &mut agent, "SPDY/3.1").await;
    drop(client);
    upstream.rest().await;
    drop(upstream);
    hub.until_no_stream_is_open().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_vanished_does_not_hold_a_silent_stream_for_ever() {
    let mut hub = Hub::with(GatewayConfig {
        half_closed_idle: Duration::from_secs(5),
        ..GatewayConfig::default()
    });
    let mut agent = hub.agent("edge-7").await;
    let (mut client, upstream) = upgraded(&mut hub, &mut agent, "websocket").await;
    client.finish().await;
    hub.until_no_stream_is_open().await;
    drop(upstream);
}

/// The tunnel's own pings are no sign of life of the client's.
#[tokio::test(start_paused = true)]
async fn an_upgraded_connection_may_be_silent_for_a_while_and_not_for_ever() {
    let idle = Duration::from_secs(600);
    let mut hub = Hub::with(GatewayConfig {
        upgrade_idle: Some(idle),
        ..GatewayConfig::default()
    });
    let mut agent = hub.agent("edge-7").await;
    let (mut client, mut upstream) = upgraded(&mut hub, &mut agent, "websocket").await;
    for _ in 0..3 {
        tokio::time::sleep(idle - Duration::from_secs(10)).await;
        upstream.send("x").await;
        assert_eq!(client.take(1).await, b"x");
    }
    tokio::time::sleep(2 * idle).await;
    assert_eq!(upstream.rest().await.1, End::Broken);
    client.rest().await;
    hub.until_no_stream_is_open().await;
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_ends_an_upgraded_connection_that_is_busy() {
    let mut hub = Hub::with(GatewayConfig {
        upgrade_lifetime: Some(Duration::from_secs(60)),
        ..GatewayConfig::default()
    });
    let mut agent = hub.agent("edge-7").await;
    let (mut client, mut upstream) = upgraded(&mut hub, &mut agent, "SPDY/3.1").await;
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_secs(10)).await;
        client.send("x").await;
        assert_eq!(upstream.take(1).await, b"x");
    }
    let cut = tokio::time::timeout(Duration::from_secs(11), upstream.rest()).await;
    assert_eq!(cut.expect("it was cut").1, End::Broken);
}

#[tokio::test]
async fn an_upgrade_that_is_refused_is_a_plain_answer() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = hub.client();
    for _ in 0..2 {
        let lines = ["connection: upgrade", "upgrade: websocket"];
        client.ask("GET", EXEC, "alice", &lines).await;
        let mut upstream = agent.accept().await;
        upstream.head().await;
        upstream
            .send("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno")
            .await;
        let answer = client.answer().await;
        assert_eq!((answer.code, answer.body.as_slice()), (403, &b"no"[..]));
    }
}

#[tokio::test]
async fn only_what_was_asked_for_is_switched_to() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    // h2c is not offered, so that nobody can write requests unseen.
    let mut client = hub.client();
    let lines = [
        "connection: upgrade, http2-settings",
        "upgrade: h2c",
        "http2-settings: AAMAAABk",
    ];
    client
        .ask("GET", "/clusters/edge-7/api", "alice", &lines)
        .await;
    let mut upstream = agent.accept().await;
    let head = upstream.head().await;
    assert!(
        !head.contains("h2c") && !head.contains("http2-settings"),
        "{head}"
    );
    upstream
        .send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n")
        .await;
    assert_eq!(client.answer().await.failure().0, 502);

    let mut client = hub.client();
    client
        .ask(
            "GET",
            EXEC,
            "alice",
            &["connection: upgrade", "upgrade: websocket"],
        )
        .await;
    let mut upstream = agent.accept().await;
    upstream.head().await;
    upstream
        .send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n")
        .await;
    assert_eq!(client.answer().await.failure().0, 502);
}

#[tokio::test]
async fn a_drain_waits_for_upgraded_connections_and_then_cuts_them() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let (mut client, mut upstream) = upgraded(&mut hub, &mut agent, "SPDY/3.1").await;
    let gateway = hub.gateway.clone();
    let mut drain = Box::pin(gateway.drain(LONG));
    assert!(futures_util::poll!(&mut drain).is_pending());
    client.send("still").await;
    assert_eq!(upstream.take(5).await, b"still");
    client.finish().await;
    upstream.finish().await;
    within(drain).await;

    let (mut client, mut upstream) = upgraded(&mut hub, &mut agent, "SPDY/3.1").await;
    within(gateway.drain(Duration::ZERO)).await;
    assert_eq!(upstream.rest().await.1, End::Broken);
    client.rest().await;
    hub.until_no_stream_is_open().await;
}
