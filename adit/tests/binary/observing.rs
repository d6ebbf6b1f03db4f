//! What a hub tells of itself: metrics, sessions, streams, and its clusters as they change.

use rustix::process::Signal;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::hub::hub_with_api;
use crate::support::{Client, GENEROUS, Open, Process, TestHub, arg, until};

/// The value of one line of the hub's metrics.
async fn metric(client: &Client, line: &str) -> Option<f64> {
    let metrics = client.get("/metrics").await.unwrap().body;
    let rest = metrics.lines().find_map(|l| l.strip_prefix(line))?;
    Some(rest.trim().parse().unwrap())
}

/// A request whose answer has begun; the API server's end of it.
async fn answered(client: &Client, api: &TcpListener) -> (Open, tokio::net::TcpStream) {
    let answer = async {
        let (mut api, _) = timeout(GENEROUS, api.accept()).await.unwrap().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(timeout(GENEROUS, api.read_u8()).await.unwrap().unwrap());
        }
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n";
        api.write_all(head).await.unwrap();
        api
    };
    let (opened, api) = tokio::join!(client.open("/clusters/edge-1/api/v1/pods?watch=1"), answer);
    (opened.unwrap().1, api)
}

#[tokio::test]
async fn metrics_tell_of_sessions_dials_requests_and_limits() {
    let (hub, api, _agent) = Box::pin(hub_with_api()).await;
    let client = hub.client(hub.administrator());
    for (line, value) in [
        ("adit_sessions ", 1.0),
        ("adit_links{carrier=\"h2\"}", 1.0),
        ("adit_session{cluster=\"edge-1\",agent=\"agent\"}", 1.0),
        ("adit_limit_reached_total{limit=\"streams\"}", 0.0),
        ("adit_resets_total{reason=\"budget\"}", 0.0),
        ("adit_requests_open ", 0.0),
    ] {
        assert_eq!(metric(&client, line).await, Some(value), "{line}");
    }
    let (open, _api) = answered(&client, &api).await;
    let opened = "adit_dials_total{target=\"kube-apiserver\",outcome=\"opened\"}";
    assert_eq!(metric(&client, opened).await, Some(1.0));
    let latency = "adit_dial_seconds_count{target=\"kube-apiserver\"}";
    assert_eq!(metric(&client, latency).await, Some(1.0));
    assert_eq!(metric(&client, "adit_streams ").await, Some(1.0));
    assert_eq!(metric(&client, "adit_requests_open ").await, Some(1.0));
    // The client goes away in the middle of the answer.
    drop(open);
    until("the reset is counted", async || {
        let line = "adit_resets_total{reason=\"cancelled\"}";
        metric(&client, line).await == Some(1.0)
    })
    .await;
    until("the request is counted", async || {
        metric(&client, "adit_requests_total{code=\"2xx\"}").await == Some(1.0)
    })
    .await;
    client.get("/clusters/edge-9/version").await.unwrap();
    let unknown = "adit_dials_total{target=\"kube-apiserver\",outcome=\"unknown-cluster\"}";
    assert_eq!(metric(&client, unknown).await, Some(1.0));
    let handshakes = metric(&client, "adit_handshake_seconds_count ").await;
    assert!(handshakes > Some(2.0), "{handshakes:?}");
    assert!(metric(&client, "adit_received_bytes_total ").await > Some(100.0));
}

#[tokio::test]
async fn requests_to_the_hubs_own_api_are_counted_and_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("audit.log");
    let hub = TestHub::start_with(&["--audit-log", arg(&log)]).await;
    let client = hub.client(hub.administrator());
    let path = "/api/v1/namespaces/default/configmaps";
    assert_eq!(client.get(path).await.unwrap().code, 200);
    let listed = r#"apiserver_request_total{verb="LIST",dry_run="",group="",version="v1",resource="configmaps",subresource="",scope="namespace",component="apiserver",code="200"}"#;
    assert_eq!(metric(&client, listed).await, Some(1.0));
    let metrics = client.get("/metrics").await.unwrap().body;
    assert_eq!(metrics.matches("# EOF\n").count(), 1);
    assert!(metrics.ends_with("# EOF\n"));
    until("the request is written down", async || {
        let text = std::fs::read_to_string(&log).unwrap();
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let mut lines = lines.filter(|line: &Value| line["requestURI"] == path);
        lines.any(|line| {
            line["user"]["groups"][0] == "system:masters" && line["sourceIPs"][0] == "127.0.0.1"
        })
    })
    .await;
}

#[tokio::test]
async fn streams_are_listed_with_whom_they_are_for() {
    let (hub, api, _agent) = Box::pin(hub_with_api()).await;
    let client = hub.client(hub.administrator());
    let (_open, _api) = answered(&client, &api).await;
    let answer = client.get("/sessions/edge-1/streams").await.unwrap();
    assert_eq!(answer.code, 200, "{}", answer.body);
    let listing: Value = serde_json::from_str(&answer.body).unwrap();
    let streams = listing["streams"].as_array().unwrap();
    assert_eq!(streams.len(), 1, "{listing}");
    assert_eq!(streams[0]["target"], "kube-apiserver");
    assert_eq!(streams[0]["user"], "adit:admin");
    assert_eq!(streams[0]["agent"], "agent");
    assert!(streams[0]["bytesOut"].as_u64() > Some(100), "{listing}");
    assert_eq!(listing["more"], false);
    assert_eq!(
        client.get("/sessions/edge-9/streams").await.unwrap().code,
        404
    );
    let token = hub
        .adit(&["token", "create", "--user", "alice"])
        .await
        .stdout;
    let alice = hub.client(crate::support::Identity::Token(token.trim().to_owned()));
    assert_eq!(
        alice.get("/sessions/edge-1/streams").await.unwrap().code,
        403
    );
}

#[tokio::test]
async fn a_watch_of_the_clusters_shows_each_change_until_it_is_interrupted() {
    let hub = TestHub::start().await;
    let credentials = hub.credentials("edge-1", "agent").await;
    let data = hub.data();
    let mut watch = Process::start(&["clusters", "--watch", "--data-dir", arg(&data)]);
    watch.says("edge-1   0").await;
    let mut agent = hub.agent(&credentials);
    watch.says("edge-1   1").await;
    agent.signal(Signal::TERM);
    agent.end().await;
    until("a third line", async || {
        watch.stdout().matches("edge-1   0").count() == 2
    })
    .await;
    assert_eq!(watch.stdout().matches("NAME").count(), 1);
    watch.signal(Signal::INT);
    assert_eq!(watch.end().await, Some(0), "{}", watch.stderr());
}

#[tokio::test]
async fn an_agent_logs_a_line_for_each_stream_with_its_trace() {
    let (hub, api, agent) = Box::pin(hub_with_api()).await;
    let client = hub.client(hub.administrator());
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let answer = async {
        let (mut api, _) = timeout(GENEROUS, api.accept()).await.unwrap().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(timeout(GENEROUS, api.read_u8()).await.unwrap().unwrap());
        }
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
        api.write_all(answer).await.unwrap();
    };
    let (code, ()) = tokio::join!(client.get_traced("/clusters/edge-1/version", trace), answer);
    assert_eq!(code, 200);
    let line = async || {
        let log = agent.stderr();
        let mut lines = log
            .lines()
            .filter(|line| line.contains(r#""target":"access""#));
        let line = lines.next().map(str::to_owned);
        line.map(|line| serde_json::from_str::<Value>(&line).unwrap())
    };
    until("the agent's line", async || line().await.is_some()).await;
    let fields = &line().await.unwrap()["fields"];
    assert_eq!(fields["target"], "kube-apiserver");
    assert_eq!(fields["outcome"], "whole");
    assert_eq!(fields["trace_parent"], trace);
    assert!(fields["bytes_out"].as_u64() > Some(20), "{fields}");
}
