//! One line for every request, when it is over.

use crate::harness::{AccessLog, Hub};

const WATCH: &str = "/clusters/edge-7/api/v1/pods?watch=1&secret=hunter2";

#[tokio::test]
async fn a_request_that_went_well_is_one_line() {
    let log = AccessLog::collect();
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = hub.client();
    client
        .ask(
            "POST",
            "/clusters/edge-7/api?secret=hunter2",
            "alice",
            &["content-length: 4"],
        )
        .await;
    client.send("body").await;
    let mut upstream = agent.accept().await;
    let head = upstream.head().await;
    upstream.respond("hello").await;
    client.answer().await;
    let line = log.line().await;
    for (field, value) in [
        ("user", "alice"),
        ("cluster", "edge-7"),
        ("method", "POST"),
        ("path", "/clusters/edge-7/api"),
        ("target", "kube-apiserver"),
        ("agent", "agent-a"),
        ("status", "200"),
        ("bytes_in", "4"),
        ("bytes_out", "5"),
        ("ended_by", "upstream"),
        ("complete", "true"),
    ] {
        assert_eq!(
            line.get(field).map(String::as_str),
            Some(value),
            "{field}: {line:?}"
        );
    }
    assert!(line.contains_key("duration_ms"), "{line:?}");
    assert!(!format!("{line:?}").contains("hunter2"));
    // The cluster's audit log has the same id.
    assert!(
        head.contains(&format!("\r\naudit-id: {}\r\n", line["id"])),
        "{head}"
    );
}

#[tokio::test]
async fn a_caller_cannot_choose_the_id_in_the_clusters_audit_log() {
    let log = AccessLog::collect();
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = hub.client();
    let lines = ["audit-id: chosen", "audit-id: chosen-too"];
    client
        .ask("GET", "/clusters/edge-7/api", "alice", &lines)
        .await;
    let mut upstream = agent.accept().await;
    let head = upstream.head().await;
    upstream.respond("hello").await;
    client.answer().await;
    let line = log.line().await;
    assert!(!head.contains("chosen"), "{head}");
    assert!(
        head.contains(&format!("\r\naudit-id: {}\r\n", line["id"])),
        "{head}"
    );
}

#[tokio::test]
async fn a_refused_request_is_one_line_and_its_client_knows_the_id() {
    let log = AccessLog::collect();
    let mut hub = Hub::start();
    let mut client = hub.client();
    client.get("/clusters/edge-7/api", "mallory").await;
    let answer = client.answer().await;
    let line = log.line().await;
    assert_eq!(line["user"], "mallory");
    assert_eq!(
        (line["status"].as_str(), line["ended_by"].as_str()),
        ("403", "hub")
    );
    assert_eq!(line["complete"], "true");
    assert!(
        answer
            .head
            .contains(&format!("\r\naudit-id: {}\r\n", line["id"])),
        "{answer:?}"
    );

    let mut client = hub.client();
    client.get("/clusters/edge-7/api", "not-a-token").await;
    client.answer().await;
    let line = log.line().await;
    assert_eq!(line["status"], "401");
    assert!(!line.contains_key("user"), "{line:?}");
    assert!(!format!("{line:?}").contains("not-a-token"));
}

#[tokio::test]
async fn a_client_that_goes_away_is_named_as_the_one_who_ended_it() {
    let log = AccessLog::collect();
    let (mut hub, mut agent) = Hub::with_agent().await;
    for (answered, status) in [(true, "200"), (false, "499")] {
        let mut client = hub.client();
        client.get(WATCH, "alice").await;
        let mut upstream = agent.accept().await;
        upstream.head().await;
        if answered {
            upstream
                .send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
                .await;
            client.until(b"hello").await;
        }
        drop(client);
        let line = log.line().await;
        assert_eq!(line["status"], status);
        assert_eq!(
            (line["ended_by"].as_str(), line["complete"].as_str()),
            ("client", "false")
        );
    }
}

#[tokio::test]
async fn a_broken_answer_names_the_end_that_broke_it() {
    let log = AccessLog::collect();
    let (mut hub, mut agent) = Hub::with_agent().await;
    for (reset, ended_by) in [
        (tunnel::ResetReason::TargetFailed, "upstream"),
        (tunnel::ResetReason::Cancelled, "tunnel"),
    ] {
        let mut client = hub.client();
        client.get(WATCH, "alice").await;
        let mut upstream = agent.accept().await;
        upstream.head().await;
        upstream
            .send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
            .await;
        client.until(b"hello").await;
        upstream.reset(reset);
        client.rest().await;
        let line = log.line().await;
        assert_eq!(
            (line["ended_by"].as_str(), line["complete"].as_str()),
            (ended_by, "false")
        );
        assert_eq!(line["bytes_out"], "5");
    }
}

#[tokio::test]
async fn an_upgraded_connection_is_logged_when_it_ends() {
    let log = AccessLog::collect();
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = hub.client();
    let lines = ["connection: upgrade", "upgrade: websocket"];
    client
        .ask("GET", "/clusters/edge-7/exec", "alice", &lines)
        .await;
    let mut upstream = agent.accept().await;
    upstream.head().await;
    upstream
        .send(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        )
        .await;
    client.head().await;
    client.send("12345").await;
    upstream.take(5).await;
    upstream.send("123").await;
    client.take(3).await;
    client.finish().await;
    upstream.rest().await;
    upstream.finish().await;
    let line = log.line().await;
    for (field, value) in [
        ("status", "101"),
        ("bytes_in", "5"),
        ("bytes_out", "3"),
        ("ended_by", "client"),
        ("complete", "true"),
    ] {
        assert_eq!(line[field], value, "{field}: {line:?}");
    }
}
