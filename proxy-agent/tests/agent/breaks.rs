//! What breaks on one side is seen on the other.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::task::yield_now;
use tokio::time::timeout;
use tunnel::{ResetReason, StreamError};

use crate::harness::{Cluster, Connection, Exchange, Target, object, request, within};

const BROKEN: Option<StreamError> = Some(StreamError::Reset(ResetReason::TargetFailed));

/// A cluster, an exchange that has sent a request, and the API server's end of it.
async fn begun(line: &str, headers: &[&str]) -> (Cluster, Exchange, Connection) {
    let api = Target::new().await;
    let cluster = Cluster::with_api(&api).await;
    let mut exchange = cluster.exchange().await;
    exchange.send(&request(line, headers)).await;
    let mut upstream = api.accept().await;
    upstream.read_head().await;
    (cluster, exchange, upstream)
}

#[tokio::test]
async fn a_response_that_is_cut_short_is_never_a_clean_end() {
    for (head, abort) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart", false),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\npart",
            true,
        ),
        ("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\npart", true),
    ] {
        let (_cluster, mut exchange, mut upstream) = begun("GET /", &[]).await;
        upstream.send(head).await;
        exchange.read_until("part").await;
        if abort {
            upstream.abort();
        } else {
            drop(upstream);
        }
        let (_, error) = exchange.rest().await;
        assert_eq!(error, BROKEN, "{head}");
    }
}

#[tokio::test]
async fn a_chunk_that_is_none_breaks_the_response() {
    let (_cluster, mut exchange, mut upstream) = begun("GET /", &[]).await;
    upstream
        .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n")
        .await;
    exchange.read_until("part").await;
    upstream.send("not a length\r\n").await;
    assert_eq!(exchange.rest().await.1, BROKEN);
}

#[tokio::test]
async fn a_body_that_ends_with_the_connection_ends_cleanly() {
    let (_cluster, mut exchange, mut upstream) = begun("GET /", &[]).await;
    upstream
        .send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it")
        .await;
    drop(upstream);
    let response = exchange.read().await;
    assert!(response.contains("all of it"), "{response}");
}

#[tokio::test]
async fn an_api_server_that_goes_without_an_answer_is_a_502() {
    for answer in ["", "HTTP/1.1 2", "nonsense\r\n\r\n"] {
        let (_cluster, mut exchange, mut upstream) = begun("GET /", &[]).await;
        upstream.send(answer).await;
        drop(upstream);
        let response = exchange.read().await;
        let (head, status) = object(&response);
        assert!(head.starts_with("HTTP/1.1 502 "), "{answer:?}: {head}");
        let message = status["message"].as_str().unwrap();
        assert!(
            message.starts_with("agent: kube-apiserver at http://"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_far_end_that_gives_up_waiting_frees_the_api_server() {
    let (_cluster, exchange, mut upstream) = begun("GET /hangs", &[]).await;
    drop(exchange);
    assert_eq!(upstream.rest().await, Ok(vec![]));
}

#[tokio::test]
async fn a_far_end_that_leaves_after_half_closing_frees_the_api_server() {
    let (_cluster, mut exchange, mut upstream) = begun("GET /hangs", &[]).await;
    exchange.finish().await;
    drop(exchange);
    assert_eq!(upstream.rest().await, Ok(vec![]));
}

#[tokio::test]
async fn a_far_end_that_leaves_a_watch_frees_the_api_server() {
    let (_cluster, mut exchange, mut upstream) = begun("GET /watch", &[]).await;
    upstream
        .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nevent\r\n")
        .await;
    exchange.read_until("event\r\n").await;
    drop(exchange);
    assert_eq!(upstream.rest().await, Ok(vec![]));
}

#[tokio::test]
async fn a_far_end_that_leaves_unread_requests_behind_frees_the_api_server() {
    let (_cluster, mut exchange, mut upstream) = begun("GET /watch", &[]).await;
    exchange.send(&request("GET /never-looked-at", &[])).await;
    upstream
        .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nevent\r\n")
        .await;
    exchange.read_until("event\r\n").await;
    drop(exchange);
    assert_eq!(upstream.rest().await, Ok(vec![]));
}

#[tokio::test]
async fn an_upload_that_nobody_reads_ends_with_its_caller() {
    let (_cluster, mut exchange, mut upstream) =
        begun("PUT /", &["Content-Length: 99999999"]).await;
    // More than all buffers on the way take, so that the agent has stopped reading.
    let stalled = async {
        loop {
            exchange.send(&"u".repeat(64 * 1024)).await;
        }
    };
    let patience = Duration::from_secs(2);
    assert!(timeout(patience, stalled).await.is_err());
    drop(exchange);
    // The API server does not read on, which would set the agent going again.
    let gone = async {
        let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
        while upstream.io.write_all(interim).await.is_ok() {
            yield_now().await;
        }
    };
    within(gone).await;
}

#[tokio::test]
async fn an_upload_that_breaks_off_is_not_completed() {
    let (_cluster, mut exchange, mut upstream) =
        begun("PUT /", &["Transfer-Encoding: chunked"]).await;
    exchange.send("4\r\npart\r\n").await;
    upstream.read_until("part\r\n").await;
    drop(exchange);
    assert_eq!(upstream.rest().await, Ok(vec![]));
}

#[tokio::test]
async fn a_session_that_is_lost_frees_the_api_server() {
    let (cluster, _exchange, mut upstream) = begun("GET /watch", &[]).await;
    drop(cluster.session);
    assert_eq!(upstream.rest().await, Ok(vec![]));
}
