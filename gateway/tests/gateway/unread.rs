//! Clients that do not read what comes for them.
//!
//! The tests' clock runs only while everybody waits: when it has, every buffer
//! on the way to the client is full.

use std::time::Duration;

use gateway::GatewayConfig;
use tokio::time::timeout;
use tunnel::{CloseReason, ResetReason};

use crate::harness::{AccessLog, Agent, Client, Hub, Upstream, pattern};

const MIB: usize = 1024 * 1024;
const PATH: &str = "/clusters/edge-7/api";

/// How a stream ends while its client does not read.
#[derive(Clone, Copy, Debug)]
enum Break {
    Reset(ResetReason),
    Link,
}

/// What a client asked for and then does not read.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Body,
    Switch,
}

impl Asked {
    /// Asks for it and has it sent until nothing more goes anywhere.
    async fn clogged(self, hub: &mut Hub, agent: &mut Agent) -> (Client, Upstream) {
        let mut client = hub.client();
        let (lines, head): (&[&str], String) = match self {
            Self::Body => (&[], format!("200 OK\r\ncontent-length: {}", 64 * MIB)),
            Self::Switch => (
                &["connection: upgrade", "upgrade: websocket"],
                "101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket".to_owned(),
            ),
        };
        client.ask("GET", PATH, "alice", lines).await;
        let mut upstream = agent.accept().await;
        upstream.head().await;
        upstream.send(format!("HTTP/1.1 {head}\r\n\r\n")).await;
        client.head().await;
        clog(&mut upstream).await;
        (client, upstream)
    }
}

async fn clog(upstream: &mut Upstream) {
    let body = pattern(64 * MIB);
    let sent = timeout(Duration::from_secs(1), upstream.send(&body)).await;
    assert!(sent.is_err(), "64 MiB went into buffers");
}

#[tokio::test(start_paused = true)]
async fn a_broken_stream_ends_its_client_although_it_does_not_read() {
    let log = AccessLog::collect();
    for asked in [Asked::Body, Asked::Switch] {
        for (broken, ended_by) in [
            (Break::Reset(ResetReason::TargetFailed), "upstream"),
            (Break::Reset(ResetReason::Budget), "tunnel"),
            (Break::Link, "tunnel"),
        ] {
            let (mut hub, mut agent) = Hub::with_agent().await;
            let (mut client, upstream) = asked.clogged(&mut hub, &mut agent).await;
            let before = tokio::time::Instant::now();
            match broken {
                Break::Reset(reason) => upstream.reset(reason),
                Break::Link => agent.session.close(CloseReason::Aborted),
            }
            let line = log.line().await;
            assert_eq!(
                (line["ended_by"].as_str(), line["complete"].as_str()),
                (ended_by, "false"),
                "{asked:?} {broken:?}"
            );
            assert!(
                before.elapsed() < Duration::from_secs(1),
                "{asked:?} {broken:?}"
            );
            hub.until_no_stream_is_open().await;
            let (rest, _) = client.rest().await;
            assert!(rest.len() < 64 * MIB);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_may_leave_unread_what_came_of_an_abandoned_stream_for_some_time_only() {
    let log = AccessLog::collect();
    for (asked, ended_by) in [(Asked::Body, "client"), (Asked::Switch, "tunnel")] {
        let mut hub = Hub::with(GatewayConfig {
            half_closed_idle: Duration::from_secs(5),
            ..GatewayConfig::default()
        });
        let mut agent = hub.agent("edge-7").await;
        let (client, upstream) = asked.clogged(&mut hub, &mut agent).await;
        upstream.reset(ResetReason::Cancelled);
        hub.until_no_stream_is_open().await;
        let line = log.line().await;
        assert_eq!(
            (line["ended_by"].as_str(), line["complete"].as_str()),
            (ended_by, "false"),
            "{asked:?}"
        );
        drop(client);
    }
}

#[tokio::test(start_paused = true)]
async fn a_whole_answer_is_read_to_its_end_however_slowly() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = hub.client();
    client.get(PATH, "alice").await;
    let mut upstream = agent.accept().await;
    upstream.head().await;
    // More than fits between the hub and the client, and less than fits before the hub.
    let body = pattern(300 * 1024);
    let length = body.len();
    upstream
        .send(format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n"
        ))
        .await;
    upstream.send(&body).await;
    upstream.finish().await;
    // As an agent does that needs no more of the request.
    drop(upstream);
    client.head().await;
    for piece in body.chunks(length / 10) {
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert!(client.take(piece.len()).await == piece);
    }
    client.get("/clusters/edge-9/api", "alice").await;
    assert_eq!(client.answer().await.code, 403, "the connection goes on");
}
