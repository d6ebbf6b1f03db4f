//! Connections of listeners that are bound to one target.

use std::time::Duration;

use gateway::{Forward, ForwardEnd, GatewayConfig};
use proto::{RefusalReason, Target};
use tokio::io::{DuplexStream, duplex, split};
use tokio::sync::oneshot;
use tunnel::ResetReason;

use crate::harness::{AccessLog, End, Hub, PIPE, Upstream, Wire, pattern, within};

const LISTENER: &str = "forward-listen:127.0.0.1:9000";

fn database() -> Target {
    Target::Tcp {
        host: "db.example.org".to_owned(),
        port: 5432,
    }
}

/// A connection to a listener for `db.example.org:5432` in edge-7, and how it ended.
fn connect(hub: &mut Hub) -> (Wire<DuplexStream>, oneshot::Receiver<ForwardEnd>) {
    let (near, far) = duplex(PIPE);
    let (told, end) = oneshot::channel();
    let gateway = hub.gateway.clone();
    let forward = Forward {
        name: LISTENER.to_owned(),
        cluster: "edge-7".parse().expect("a name"),
        target: "DB.example.org.:5432".parse().expect("a target"),
    };
    hub.tasks.spawn(async move {
        // Some tests have nobody listening.
        let _ = told.send(gateway.forward(split(far), &forward).await);
    });
    (Wire::new(near), end)
}

async fn ended(end: oneshot::Receiver<ForwardEnd>) -> ForwardEnd {
    within(end).await.expect("it says how it ended")
}

#[tokio::test]
async fn bytes_pass_both_ways_and_each_direction_ends_on_its_own() {
    let log = AccessLog::collect();
    let (mut hub, mut agent) = Hub::with_agent().await;
    let (mut client, end) = connect(&mut hub);
    let mut target = agent.accept_to(database()).await;
    let bytes = pattern(4 << 20);
    let (received, ()) = tokio::join!(target.take(bytes.len()), client.send(&bytes));
    assert!(received == bytes);
    let (received, ()) = tokio::join!(client.take(bytes.len()), target.send(&bytes));
    assert!(received == bytes);
    client.finish().await;
    assert_eq!(target.rest().await, (Vec::new(), End::Clean));
    target.send("still here").await;
    assert_eq!(client.take(10).await, b"still here");
    target.finish().await;
    assert_eq!(client.rest().await, (Vec::new(), End::Clean));
    assert_eq!(ended(end).await, ForwardEnd::Clean);
    hub.until_no_stream_is_open().await;

    let line = log.line().await;
    for (field, value) in [
        ("user", LISTENER),
        ("cluster", "edge-7"),
        ("method", "CONNECT"),
        ("path", "db.example.org:5432"),
        ("target", "tcp db.example.org:5432"),
        ("agent", "agent-a"),
        ("status", "200"),
        ("bytes_in", "4194304"),
        ("bytes_out", "4194314"),
        ("ended_by", "client"),
        ("complete", "true"),
    ] {
        assert_eq!(line[field], value, "{field}: {line:?}");
    }
}

#[tokio::test]
async fn what_the_client_says_at_once_is_not_lost() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let (mut client, _end) = connect(&mut hub);
    client.send("early").await;
    client.finish().await;
    let stream = agent.stream_to(database()).await;
    let mut target = Upstream::accept(stream);
    assert_eq!(target.rest().await, (b"early".to_vec(), End::Clean));
}

#[tokio::test]
async fn a_break_at_one_end_is_one_at_the_other() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let (_client, end) = connect(&mut hub);
    let target = agent.accept_to(database()).await;
    target.reset(ResetReason::TargetFailed);
    assert_eq!(ended(end).await, ForwardEnd::Cut);

    // Bytes before it make no clean end of it.
    let (mut client, end) = connect(&mut hub);
    let mut target = agent.accept_to(database()).await;
    target.send("half").await;
    assert_eq!(client.take(4).await, b"half");
    target.reset(ResetReason::Cancelled);
    drop(client);
    assert_eq!(ended(end).await, ForwardEnd::Cut);
    hub.until_no_stream_is_open().await;
}

#[tokio::test]
async fn a_target_that_is_not_reached_cuts_the_connection_and_the_log_says_why() {
    let log = AccessLog::collect();
    let (mut hub, mut agent) = Hub::with_agent().await;
    for (reason, status, ended_by) in [
        (RefusalReason::Forbidden, "403", "tunnel"),
        (RefusalReason::DialFailed, "502", "upstream"),
        (RefusalReason::DialTimeout, "504", "upstream"),
        (RefusalReason::Unsupported, "502", "tunnel"),
    ] {
        let (mut client, end) = connect(&mut hub);
        client.send("is somebody there?").await;
        agent.refuse_to(database(), reason).await;
        assert_eq!(ended(end).await, ForwardEnd::Cut);
        let line = log.line().await;
        assert_eq!(
            (line["status"].as_str(), line["ended_by"].as_str()),
            (status, ended_by),
            "{line:?}"
        );
        assert_eq!(line["complete"], "false");
    }
    hub.until_no_stream_is_open().await;
}

#[tokio::test]
async fn a_cluster_that_is_not_connected_cuts_the_connection() {
    let log = AccessLog::collect();
    let mut hub = Hub::start();
    let (_client, end) = connect(&mut hub);
    assert_eq!(ended(end).await, ForwardEnd::Cut);
    assert_eq!(log.line().await["status"], "503");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_answer_cuts_the_connection() {
    let log = AccessLog::collect();
    let (mut hub, mut agent) = Hub::with_agent().await;
    let (_client, end) = connect(&mut hub);
    let _unanswered = agent.stream_to(database()).await;
    assert_eq!(ended(end).await, ForwardEnd::Cut);
    assert_eq!(log.line().await["status"], "504");
}

#[tokio::test(start_paused = true)]
async fn silence_is_borne_up_to_its_limit_and_in_one_direction_too() {
    let mut hub = Hub::with(GatewayConfig {
        tcp_idle: Some(Duration::from_secs(600)),
        ..GatewayConfig::default()
    });
    let mut agent = hub.agent("edge-7").await;
    let (mut client, mut end) = connect(&mut hub);
    let mut target = agent.accept_to(database()).await;
    client.finish().await;
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_secs(500)).await;
        target.send("x").await;
        assert_eq!(client.take(1).await, b"x");
    }
    assert!(end.try_recv().is_err(), "it is still open");
    let end = tokio::time::timeout(Duration::from_secs(1300), end).await;
    assert_eq!(end.expect("it was cut"), Ok(ForwardEnd::Cut));
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_ends_a_connection_that_is_busy() {
    let mut hub = Hub::with(GatewayConfig {
        tcp_lifetime: Some(Duration::from_secs(60)),
        ..GatewayConfig::default()
    });
    let mut agent = hub.agent("edge-7").await;
    let (mut client, mut end) = connect(&mut hub);
    let mut target = agent.accept_to(database()).await;
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_secs(10)).await;
        client.send("x").await;
        assert_eq!(target.take(1).await, b"x");
    }
    assert!(end.try_recv().is_err(), "it is still open");
    let end = tokio::time::timeout(Duration::from_secs(11), end).await;
    assert_eq!(end.expect("it was cut"), Ok(ForwardEnd::Cut));
}

#[tokio::test]
async fn one_listener_cannot_take_every_place() {
    let log = AccessLog::collect();
    let mut hub = Hub::with(GatewayConfig {
        max_tcp_streams_per_user: 1,
        ..GatewayConfig::default()
    });
    let mut agent = hub.agent("edge-7").await;
    let (first, end) = connect(&mut hub);
    let mut target = agent.accept_to(database()).await;
    let (_second, refused) = connect(&mut hub);
    assert_eq!(ended(refused).await, ForwardEnd::Cut);
    assert_eq!(log.line().await["status"], "429");
    drop(first);
    target.finish().await;
    assert_eq!(ended(end).await, ForwardEnd::Clean);
    let (_third, _end) = connect(&mut hub);
    agent.accept_to(database()).await;
}
