//! CONNECT: on the hub's own port and on listeners of its own.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway::{ConnectClient, GatewayConfig, HttpVersion, Peer, User};
use proto::{RefusalReason, Target};
use tunnel::ResetReason;

use crate::harness::{
    AccessLog, Agent, Client, End, Hub, Upstream, agent_certificate, pattern, remote,
    user_certificate, within,
};

const DATABASE: &str = "db.example.org:5432";

fn database() -> Target {
    Target::Tcp {
        host: "db.example.org".to_owned(),
        port: 5432,
    }
}

fn connect(target: &str, cluster: &str, token: &str) -> String {
    let credentials = STANDARD.encode(format!("{cluster}:{token}"));
    format!(
        "CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n\
         proxy-authorization: Basic {credentials}\r\n\r\n"
    )
}

/// A client of a listener that shows no certificate.
fn stranger(hub: &mut Hub) -> Client {
    hub.proxy(ConnectClient::Remote(Peer {
        remote: remote(),
        certificate: None,
    }))
}

/// A client whose CONNECT has been answered with 200, and its target.
async fn connected(hub: &mut Hub, agent: &mut Agent) -> (Client, Upstream) {
    let mut client = stranger(hub);
    client.send(connect(DATABASE, "edge-7", "alice")).await;
    let target = agent.accept_to(database()).await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let body = ["content-length", "transfer-encoding", "connection: close"];
    assert!(!body.iter().any(|line| head.contains(line)), "{head}");
    (client, target)
}

#[tokio::test]
async fn bytes_pass_both_ways_and_each_direction_ends_on_its_own() {
    let log = AccessLog::collect();
    let (mut hub, mut agent) = Hub::with_agent().await;
    let (mut client, mut target) = connected(&mut hub, &mut agent).await;
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
    hub.until_no_stream_is_open().await;

    let line = log.line().await;
    for (field, value) in [
        ("user", "alice"),
        ("cluster", "edge-7"),
        ("method", "CONNECT"),
        ("path", DATABASE),
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
async fn what_comes_right_behind_the_head_is_the_targets() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = stranger(&mut hub);
    let early = "GET /healthz HTTP/1.1\r\nhost: hub\r\n\r\n";
    client
        .send(connect(DATABASE, "edge-7", "alice") + early)
        .await;
    let mut target = agent.accept_to(database()).await;
    assert_eq!(target.take(early.len()).await, early.as_bytes());
    target.send("first words").await;
    client.head().await;
    assert_eq!(client.take(11).await, b"first words");
}

#[tokio::test]
async fn what_comes_behind_a_connect_that_fails_is_no_request() {
    let (mut hub, _agent) = Hub::with_agent().await;
    let early = "GET /clusters/edge-7/api HTTP/1.1\r\nhost: hub\r\n\
                 authorization: Bearer alice\r\n\r\n";
    let request = connect(DATABASE, "edge-7", "nobody's") + early;
    for mut client in [stranger(&mut hub), hub.client()] {
        client.send(&request).await;
        let answer = client.answer().await;
        assert_eq!(answer.code, 407);
        assert!(answer.head.contains("\r\nconnection: close\r\n"));
        assert_eq!(client.rest().await, (Vec::new(), End::Clean));
    }
}

#[tokio::test]
async fn the_hubs_own_port_takes_connect_too() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = hub.client_with(user_certificate("alice", &[]));
    client
        .send(
            "CONNECT web.shop.svc.cluster.local:8080 HTTP/1.1\r\nhost: web\r\n\
             adit-cluster: edge-7\r\n\r\n",
        )
        .await;
    let service = Target::Service {
        namespace: "shop".to_owned(),
        name: "web".to_owned(),
        port: "8080".to_owned(),
    };
    let mut target = agent.accept_to(service).await;
    assert!(client.head().await.starts_with("HTTP/1.1 200 "));
    client.send("ping").await;
    assert_eq!(target.take(4).await, b"ping");
}

/// As Go's `net/http` does.
#[tokio::test]
async fn a_client_that_got_http2_may_say_connect_over_http1_and_nothing_else() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let alice = || Some(user_certificate("alice", &[]));
    let mut client = Client::new(hub.connect(HttpVersion::Two, alice()));
    let request = connect(DATABASE, "edge-7", "alice");
    client.send(&request[..11]).await;
    client.send(&request[11..]).await;
    let mut target = agent.accept_to(database()).await;
    assert!(client.head().await.starts_with("HTTP/1.1 200 "));
    client.send("ping").await;
    assert_eq!(target.take(4).await, b"ping");

    let mut client = Client::new(hub.connect(HttpVersion::Two, alice()));
    client.send(connect(DATABASE, "edge-7", "unknown")).await;
    assert_eq!(client.answer().await.failure().0, 407);

    let mut client = Client::new(hub.connect(HttpVersion::Two, alice()));
    client
        .send("GET /clusters/edge-7/api HTTP/1.1\r\nhost: hub\r\n\r\n")
        .await;
    let (said, _) = client.rest().await;
    assert!(!said.starts_with(b"HTTP/1.1"), "{said:?}");
}

#[tokio::test]
async fn somebody_the_system_vouches_for_names_only_the_cluster() {
    let log = AccessLog::collect();
    let (mut hub, mut agent) = Hub::with_agent().await;
    let local = User::new("local:0", ["system:masters".to_owned()]).expect("a user");
    let mut client = hub.proxy(ConnectClient::Local(local));
    client
        .send("CONNECT 10.0.0.1:22 HTTP/1.1\r\nadit-cluster: edge-7\r\nhost: x\r\n\r\n")
        .await;
    let (host, port) = ("10.0.0.1".to_owned(), 22);
    let mut target = agent.accept_to(Target::Tcp { host, port }).await;
    client.head().await;
    client.finish().await;
    target.rest().await;
    target.finish().await;
    assert_eq!(log.line().await["user"], "local:0");
}

#[tokio::test]
async fn who_may_not_is_told_nothing_of_clusters() {
    let (mut hub, _agent) = Hub::with_agent().await;
    let mut told = Vec::new();
    // Connected, known, unknown: to mallory they are all the same, and so is
    // to alice what she may not reach.
    for (cluster, target, token) in [
        ("edge-7", DATABASE, "mallory"),
        ("edge-8", DATABASE, "mallory"),
        ("edge-0", DATABASE, "mallory"),
    ] {
        let mut client = stranger(&mut hub);
        client.send(connect(target, cluster, token)).await;
        let answer = client.answer().await;
        assert_eq!(answer.failure().0, 403);
        let same = |text: &str| {
            text.replace(cluster, "CLUSTER")
                .lines()
                .filter(|line| !line.starts_with("audit-id: ") && !line.starts_with("date: "))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let body = String::from_utf8(answer.body.clone()).expect("text");
        told.push((same(&answer.head), same(&body)));
    }
    assert!(told.iter().all(|answer| *answer == told[0]), "{told:?}");

    for (cluster, target) in [("edge-7", "db.example.org:22"), ("edge-0", DATABASE)] {
        let mut client = stranger(&mut hub);
        client.send(connect(target, cluster, "alice")).await;
        assert_eq!(client.answer().await.failure().0, 403);
    }
    let mut client = stranger(&mut hub);
    client.send(connect(DATABASE, "edge-7", "unknown")).await;
    let answer = client.answer().await;
    assert_eq!(answer.failure().0, 407);
    let challenge = "\r\nproxy-authenticate: basic realm=\"adit\"\r\n";
    assert!(answer.head.contains(challenge), "{}", answer.head);
}

#[tokio::test]
async fn an_agents_certificate_opens_nothing() {
    let (mut hub, _agent) = Hub::with_agent().await;
    let mut client = hub.client_with(agent_certificate("edge-7"));
    client.send(connect(DATABASE, "edge-7", "alice")).await;
    assert_eq!(client.answer().await.failure().0, 403);
}

#[tokio::test]
async fn who_may_is_told_what_went_wrong_and_where() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    for (cluster, token, code, place, word) in [
        ("edge-0", "root", 404, "hub", "no such cluster edge-0"),
        (
            "edge-8",
            "alice",
            503,
            "tunnel",
            "none of its agents is connected",
        ),
    ] {
        let mut client = stranger(&mut hub);
        client.send(connect(DATABASE, cluster, token)).await;
        let answer = client.answer().await;
        let (told, _, at) = answer.failure();
        assert_eq!((told, at.as_str()), (code, place));
        // Most clients show the first line alone.
        let first = answer.head.lines().next().expect("a line");
        assert!(first.contains(word), "{first}");
    }
    for (reason, code, place) in [
        (RefusalReason::Forbidden, 403, "agent"),
        (RefusalReason::DialFailed, 502, "target"),
        (RefusalReason::DialTimeout, 504, "target"),
        (RefusalReason::Unsupported, 502, "agent"),
        (RefusalReason::Busy, 503, "agent"),
    ] {
        let mut client = stranger(&mut hub);
        client.send(connect(DATABASE, "edge-7", "alice")).await;
        agent.refuse_to(database(), reason).await;
        let answer = client.answer().await;
        let (told, _, at) = answer.failure();
        assert_eq!((told, at.as_str()), (code, place), "{reason:?}");
        assert!(
            answer
                .head
                .lines()
                .next()
                .expect("a line")
                .contains("said the agent")
        );
    }
    hub.until_no_stream_is_open().await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_does_not_answer_is_504() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = stranger(&mut hub);
    client.send(connect(DATABASE, "edge-7", "alice")).await;
    let _unanswered = agent.stream_to(database()).await;
    assert_eq!(client.answer().await.failure().0, 504);
}

#[tokio::test]
async fn a_break_at_one_end_reaches_the_other() {
    let log = AccessLog::collect();
    let (mut hub, mut agent) = Hub::with_agent().await;
    let (mut client, target) = connected(&mut hub, &mut agent).await;
    target.reset(ResetReason::TargetFailed);
    client.rest().await;
    let line = log.line().await;
    assert_eq!(
        (line["ended_by"].as_str(), line["complete"].as_str()),
        ("upstream", "false")
    );

    let (mut client, target) = connected(&mut hub, &mut agent).await;
    client.send("nobody reads this").await;
    drop((client, target));
    let line = log.line().await;
    assert_eq!(line["complete"], "false");
    hub.until_no_stream_is_open().await;
}

#[tokio::test]
async fn malformed_requests_get_400() {
    let (mut hub, _agent) = Hub::with_agent().await;
    let credentials = STANDARD.encode("edge-7:alice");
    for target in [
        "db.example.org",
        "db.example.org:0",
        "db.example.org:99999",
        "u@db:1",
    ] {
        let mut client = stranger(&mut hub);
        client.send(connect(target, "edge-7", "alice")).await;
        let head = client.head().await;
        assert!(head.starts_with("HTTP/1.1 400 "), "{target}: {head}");
    }
    for line in ["content-length: 4", "transfer-encoding: chunked"] {
        let mut client = stranger(&mut hub);
        let request = format!(
            "CONNECT {DATABASE} HTTP/1.1\r\nhost: x\r\n{line}\r\n\
             proxy-authorization: Basic {credentials}\r\n\r\n"
        );
        client.send(request).await;
        let head = client.head().await;
        assert!(head.starts_with("HTTP/1.1 400 "), "{line}: {head}");
    }
}

#[tokio::test]
async fn a_listener_takes_connect_alone_and_no_head_that_is_too_large() {
    let (mut hub, _agent) = Hub::with_agent().await;
    for request in [
        "GET http://db.example.org/ HTTP/1.1\r\nhost: db.example.org\r\n\r\n",
        "GET /clusters/edge-7/api HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer root\r\n\r\n",
    ] {
        let mut client = stranger(&mut hub);
        client.send(request).await;
        assert_eq!(client.answer().await.failure().0, 405);
    }
    let mut client = stranger(&mut hub);
    let large = "x".repeat(17 * 1024);
    client
        .send(format!(
            "CONNECT {DATABASE} HTTP/1.1\r\nhost: x\r\nlarge: {large}\r\n\r\n"
        ))
        .await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 431 "), "{head}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_finish_its_head_is_closed() {
    let (mut hub, _agent) = Hub::with_agent().await;
    let mut client = stranger(&mut hub);
    client
        .send(format!("CONNECT {DATABASE} HTTP/1.1\r\n"))
        .await;
    let begun = tokio::time::Instant::now();
    client.rest().await;
    assert!(begun.elapsed() < Duration::from_secs(11));
}

#[tokio::test]
async fn one_user_cannot_take_every_place() {
    let mut hub = Hub::with(GatewayConfig {
        max_tcp_streams: 2,
        max_tcp_streams_per_user: 1,
        ..GatewayConfig::default()
    });
    let mut agent = hub.agent("edge-7").await;
    let (mut first, mut target) = connected(&mut hub, &mut agent).await;
    let mut client = stranger(&mut hub);
    client.send(connect(DATABASE, "edge-7", "alice")).await;
    let answer = client.answer().await;
    assert_eq!(
        answer.failure(),
        (429, "TooManyRequests".into(), "hub".into())
    );
    assert!(answer.head.contains("\r\nretry-after: "), "{}", answer.head);

    let mut client = stranger(&mut hub);
    client.send(connect(DATABASE, "edge-7", "root")).await;
    let _root = agent.accept_to(database()).await;
    client.head().await;
    let mut other = stranger(&mut hub);
    other.send(connect(DATABASE, "edge-7", "alice")).await;
    assert_eq!(other.answer().await.failure().0, 503);

    first.finish().await;
    target.finish().await;
    first.rest().await;
    hub.until_streams_are(1).await;
    connected(&mut hub, &mut agent).await;
}

#[tokio::test]
async fn a_drain_waits_for_connections_and_then_cuts_them() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let (mut client, mut target) = connected(&mut hub, &mut agent).await;
    let gateway = hub.gateway.clone();
    let mut drain = Box::pin(gateway.drain(Duration::from_secs(3600)));
    assert!(futures_util::poll!(&mut drain).is_pending());
    client.send("still").await;
    assert_eq!(target.take(5).await, b"still");
    client.finish().await;
    target.finish().await;
    within(drain).await;

    let (mut client, mut target) = connected(&mut hub, &mut agent).await;
    within(gateway.drain(Duration::ZERO)).await;
    assert_eq!(target.rest().await.1, End::Broken);
    client.rest().await;
}

#[tokio::test]
async fn http2_takes_no_connect() {
    let (mut hub, _agent) = Hub::with_agent().await;
    let io = hub.connect(HttpVersion::Two, None);
    let (mut sender, connection) = within(h2::client::handshake(io)).await.expect("HTTP/2");
    hub.tasks.spawn(async move {
        // It ends with the test.
        let _ = connection.await;
    });
    let request = http::Request::connect(DATABASE)
        .body(())
        .expect("a request");
    let (answer, _) = sender.send_request(request, false).expect("a stream");
    assert_eq!(within(answer).await.expect("an answer").status(), 405);
}
