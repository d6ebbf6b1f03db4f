//! Requests that the agent refuses, whatever the hub says.

use proxy_agent::{ImpersonationPolicy, TargetPolicy};

use crate::harness::{Cluster, Target, api, object, request};

/// What the agent answers to a request that must not reach the API server.
async fn refused(text: &str) -> (String, serde_json::Value) {
    let api = Target::new().await;
    let cluster = Cluster::with_api(&api).await;
    let mut exchange = cluster.exchange().await;
    exchange.send(text).await;
    let response = exchange.read().await;
    api.assert_untouched();
    let (head, status) = object(&response);
    assert_eq!(status["kind"], "Status");
    assert_eq!(status["status"], "Failure");
    (head.to_owned(), status)
}

async fn assert_forbidden(headers: &str) {
    let (head, status) = refused(&format!("GET / HTTP/1.1\r\n{headers}\r\n")).await;
    assert!(head.starts_with("HTTP/1.1 403 "), "{headers}: {head}");
    assert_eq!(status["reason"], "Forbidden", "{headers}");
    assert_eq!(status["code"], 403, "{headers}");
    let message = status["message"].as_str().unwrap();
    assert!(message.starts_with("agent: "), "{message}");
}

#[tokio::test]
async fn a_request_needs_exactly_one_user() {
    assert_forbidden("Host: a\r\n").await;
    assert_forbidden("Impersonate-Group: devs\r\n").await;
    assert_forbidden("Impersonate-User: \r\n").await;
    assert_forbidden("Impersonate-User: jane\r\nimpersonate-user: jane\r\n").await;
}

#[tokio::test]
async fn nobody_becomes_the_clusters_master() {
    assert_forbidden("Impersonate-User: system:masters\r\n").await;
    assert_forbidden("Impersonate-User: system:kube-controller-manager\r\n").await;
    assert_forbidden("Impersonate-User: jane\r\nImpersonate-Group: devs\r\nIMPERSONATE-GROUP: \t system:masters \r\n").await;
    assert_forbidden("Impersonate-User: jane\r\nImpersonate-Group: system:nodes\r\n").await;
}

#[tokio::test]
async fn who_is_allowed_by_name_passes() {
    let target = Target::new().await;
    let policy = ImpersonationPolicy::default().allow("system:masters");
    let cluster = Cluster::new(Some(api(&target)), TargetPolicy::default(), policy).await;
    let mut exchange = cluster.exchange().await;
    exchange
        .send(&request("GET /", &["Impersonate-Group: system:masters"]))
        .await;
    let head = target.accept().await.read_head().await;
    assert!(
        head.contains("\r\nimpersonate-group: system:masters\r\n"),
        "{head}"
    );
}

#[tokio::test]
async fn an_identity_cannot_be_named_away_by_connection() {
    let (head, status) = refused(&request("GET /", &["Connection: close, Impersonate-User"])).await;
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    let message = status["message"].as_str().unwrap();
    assert!(message.contains("impersonate-user"), "{message}");
}

#[tokio::test]
async fn a_credential_that_crossed_the_tunnel_is_refused() {
    let (head, status) = refused(&request("GET /", &["Authorization: Bearer s3cret"])).await;
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    assert!(!status.to_string().contains("s3cret"), "{status}");
}

#[tokio::test]
async fn a_request_names_a_path_and_no_server() {
    for line in [
        "GET http://169.254.169.254/",
        "CONNECT 10.0.0.1:443",
        "OPTIONS *",
    ] {
        let (head, _) = refused(&request(line, &[])).await;
        assert!(head.starts_with("HTTP/1.1 400 "), "{line}: {head}");
    }
}

#[tokio::test]
async fn what_is_no_http_is_answered_and_reaches_nobody() {
    for garbage in [
        "\x16\x03\x01 \r\n\r\n",
        "GET / HTTP/1.1\r\nbad header\r\n\r\n",
    ] {
        let api = Target::new().await;
        let cluster = Cluster::with_api(&api).await;
        let mut exchange = cluster.exchange().await;
        exchange.send(garbage).await;
        let response = exchange.read().await;
        assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
        api.assert_untouched();
    }
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let api = Target::new().await;
    let cluster = Cluster::with_api(&api).await;
    let mut exchange = cluster.exchange().await;
    let long = format!("X: {}", "a".repeat(160 * 1024));
    exchange.send(&request("GET /", &[&long])).await;
    let (response, _) = exchange.rest().await;
    assert!(response.starts_with("HTTP/1.1 431 "), "{response}");
    api.assert_untouched();
}
