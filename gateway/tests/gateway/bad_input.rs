//! What clients and API servers should not send, and that nobody else notices.

use std::time::Duration;

use gateway::GatewayConfig;

use tokio::io::AsyncWriteExt as _;

use crate::harness::{Agent, Client, End, Hub, Upstream, within};

async fn refused(hub: &mut Hub, request: &str) -> (u16, String, String) {
    let mut client = hub.client();
    client.send(request).await;
    client.answer().await.failure()
}

/// The hub still serves somebody else.
async fn serves_others(hub: &mut Hub, agent: &mut Agent) {
    let mut client = hub.client();
    client.get("/clusters/edge-7/version", "alice").await;
    let mut upstream = agent.accept().await;
    upstream.head().await;
    upstream.respond("fine").await;
    assert_eq!(client.answer().await.body, b"fine");
}

/// Asks as alice; the API server answers with `response`.
async fn answered_with(hub: &mut Hub, agent: &mut Agent, response: &str) -> (Client, Upstream) {
    let mut client = hub.client();
    client.get("/clusters/edge-7/api", "alice").await;
    let mut upstream = agent.accept().await;
    upstream.head().await;
    upstream.send(response).await;
    (client, upstream)
}

#[tokio::test]
async fn paths_that_lead_elsewhere_get_400() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    for path in [
        "/clusters/edge-7/../edge-8/api",
        "/clusters/edge-7/%2e%2e/edge-8/api",
        "/clusters/edge-7/api%2f..%2fsecrets",
        "/clusters/edge-7//api",
        "/clusters/edge-7/api%5c..%5cx",
        "/clusters/edge-7/api%00",
        "/clusters/../api",
        "/clusters/edge-7/%zz",
        "/apis/cluster.core.oam.dev/v1alpha1/clustergateways/../proxy/api",
        "/apis/cluster.core.oam.dev/v1alpha1/clustergateways/edge-7/proxy/./api",
    ] {
        let mut client = hub.client();
        client.get(path, "alice").await;
        let failure = client.answer().await.failure();
        assert_eq!(failure, (400, "BadRequest".into(), "hub".into()), "{path}");
    }
    serves_others(&mut hub, &mut agent).await;
}

#[tokio::test]
async fn ambiguous_requests_get_400() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    for request in [
        "GET /clusters/edge-7/api HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        "GET /clusters/edge-7/api HTTP/1.1\r\n\r\n",
        "GET http://hub/clusters/edge-7/api HTTP/1.1\r\nhost: hub\r\n\r\n",
        "POST /clusters/edge-7/api HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
        "GET http://hub/healthz HTTP/1.1\r\nhost: hub\r\n\r\n",
    ] {
        let failure = refused(&mut hub, request).await;
        assert_eq!(
            failure,
            (400, "BadRequest".into(), "hub".into()),
            "{request}"
        );
    }
    serves_others(&mut hub, &mut agent).await;
}

#[tokio::test]
async fn garbage_and_broken_framing_end_their_own_connection_only() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    for garbage in [
        "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}garbage\r\n\r\n",
        "GET /clusters/edge-7/api HTTP/1.1\r\nhost : a\r\n\r\n",
        "GET /clusters/edge-7/api HTTP/1.1\r\nhost: a\r\n folded\r\n\r\n",
        "POST /clusters/edge-7/a HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\n",
        "POST /clusters/edge-7/a HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
        "POST /clusters/edge-7/a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: x\r\n\r\n",
    ] {
        let mut client = hub.client();
        client.send(garbage).await;
        let (answer, _) = client.rest().await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.starts_with("HTTP/1.1 400 "),
            "{garbage:?}: {answer:?}"
        );
    }
    let mut client = hub.client();
    let head = format!(
        "GET / HTTP/1.1\r\nhost: a\r\nx-long: {}",
        "x".repeat(100_000)
    );
    // The gateway stops reading before the end.
    let _ = within(client.io.write_all(head.as_bytes())).await;
    let (answer, _) = client.rest().await;
    assert!(answer.starts_with(b"HTTP/1.1 431 "));
    serves_others(&mut hub, &mut agent).await;
}

#[tokio::test]
async fn a_length_beside_chunked_smuggles_nothing() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    for lines in [
        "content-length: 4\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 4",
    ] {
        let mut client = hub.client();
        client
            .send(format!(
                "POST /clusters/edge-7/a HTTP/1.1\r\nhost: a\r\nauthorization: Bearer alice\r\n\
                 {lines}\r\n\r\n0\r\n\r\nGET /clusters/edge-7/smuggled HTTP/1.1\r\nhost: a\r\n\r\n"
            ))
            .await;
        let mut upstream = agent.accept().await;
        let head = upstream.head().await;
        assert!(!head.contains("content-length"), "{head}");
        assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}");
        assert_eq!(upstream.take(5).await, b"0\r\n\r\n");
        upstream.respond("one").await;
        // One answer, and the connection ends: what followed is nobody's request.
        let (answer, _) = client.rest().await;
        let answer = String::from_utf8_lossy(&answer);
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
        assert!(answer.ends_with("one"), "{answer}");
        let (more, _) = upstream.rest().await;
        assert_eq!(more, b"", "nothing else was sent on this stream");
    }
    serves_others(&mut hub, &mut agent).await;
}

#[tokio::test]
async fn a_response_with_two_lengths_is_passed_on_with_one() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let response = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n\
                    5\r\nhello\r\n0\r\n\r\n";
    let (mut client, _upstream) = answered_with(&mut hub, &mut agent, response).await;
    let head = client.head().await;
    assert!(!head.contains("content-length"), "{head}");
    assert_eq!(client.until(b"0\r\n\r\n").await, "5\r\nhello\r\n0\r\n\r\n");
}

#[tokio::test]
async fn a_redirect_stays_in_the_cluster_or_is_no_redirect() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let redirect = |location| {
        format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
    };
    let response = redirect("/api/v1/x?y=//z");
    let (mut client, _upstream) = answered_with(&mut hub, &mut agent, &response).await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 302 "), "{head}");
    assert!(
        head.contains("\r\nlocation: /clusters/edge-7/api/v1/x?y=//z\r\n"),
        "{head}"
    );
    for location in ["https://169.254.169.254/", "//evil/", "/../edge-8/", "x"] {
        let (mut client, _upstream) =
            answered_with(&mut hub, &mut agent, &redirect(location)).await;
        let answer = client.answer().await;
        assert_eq!(
            answer.failure(),
            (502, "InternalError".into(), "target".into()),
            "{location}"
        );
        assert!(!answer.head.contains("location"), "{answer:?}");
    }
    hub.until_no_stream_is_open().await;
}

#[tokio::test]
async fn an_unasked_101_is_a_502() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let response = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\
                    upgrade: websocket\r\n\r\nfrom the other protocol";
    let (mut client, _upstream) = answered_with(&mut hub, &mut agent, response).await;
    let failure = client.answer().await.failure();
    assert_eq!(failure, (502, "InternalError".into(), "target".into()));
    serves_others(&mut hub, &mut agent).await;
    hub.until_no_stream_is_open().await;
}

#[tokio::test]
async fn a_response_that_is_no_http_is_a_502() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    for response in [
        "\u{15}\u{3}\u{3}\u{0}\u{2}\u{2}\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        &format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(100_000)),
    ] {
        let (mut client, _upstream) = answered_with(&mut hub, &mut agent, response).await;
        let failure = client.answer().await.failure();
        assert_eq!(failure, (502, "InternalError".into(), "target".into()));
    }
    serves_others(&mut hub, &mut agent).await;
}

#[tokio::test]
async fn a_broken_chunk_cuts_the_answer_short() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let response = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
    let (mut client, mut upstream) = answered_with(&mut hub, &mut agent, response).await;
    client.until(b"hello\r\n").await;
    upstream.send("zz\r\nhello\r\n0\r\n\r\n").await;
    let (body, _) = client.rest().await;
    let body = String::from_utf8_lossy(&body);
    assert!(
        !body.contains("0\r\n\r\n"),
        "it must not look whole: {body}"
    );
    serves_others(&mut hub, &mut agent).await;
    hub.until_no_stream_is_open().await;
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_hangs_is_a_504() {
    let mut hub = Hub::with(GatewayConfig {
        response_timeout: Duration::from_secs(5),
        ..GatewayConfig::default()
    });
    let mut agent = hub.agent("edge-7").await;
    let mut client = hub.client();
    client.get("/clusters/edge-7/api", "alice").await;
    let mut upstream = agent.accept().await;
    upstream.head().await;
    let failure = client.answer().await.failure();
    assert_eq!(failure, (504, "Timeout".into(), "target".into()));
    assert_eq!(
        upstream.rest().await.1,
        End::Broken,
        "the stream is given up"
    );
    // What may be silent is waited for.
    client
        .get("/clusters/edge-7/api/v1/pods?watch=true", "alice")
        .await;
    let mut upstream = agent.accept().await;
    upstream.head().await;
    tokio::time::advance(Duration::from_secs(10)).await;
    upstream.respond("late").await;
    assert_eq!(client.answer().await.body, b"late");
}

#[tokio::test]
async fn a_trace_that_is_none_is_left_out_and_fails_nothing() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let usual = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for (trace, told) in [
        (usual.to_owned(), Some(usual)),
        (usual.to_uppercase(), None),
        (format!("{usual}\r\ntraceparent: {usual}"), None),
        ("0".repeat(20_000), None),
    ] {
        let mut client = hub.client();
        let line = format!("traceparent: {trace}");
        client
            .ask("GET", "/clusters/edge-7/api", "alice", &[&line])
            .await;
        let stream = agent.stream().await;
        assert_eq!(stream.header().trace_parent.as_deref(), told);
    }
}
