//! Clients that speak HTTP/2.

use std::convert::Infallible;

use bytes::Bytes;
use gateway::HttpVersion;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::mpsc;

use crate::harness::{End, Hub, pattern, user_certificate, within};

type Sent = UnsyncBoxBody<Bytes, Infallible>;

/// A request body that the test feeds.
struct Fed(mpsc::Receiver<Bytes>);

impl Body for Fed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(cx)
            .map(|chunk| chunk.map(|c| Ok(Frame::data(c))))
    }
}

async fn connect(hub: &mut Hub) -> SendRequest<Sent> {
    let certificate = user_certificate("alice", &["dev"]);
    let io = hub.connect(HttpVersion::Two, Some(certificate));
    let handshake = handshake(TokioExecutor::new(), TokioIo::new(io));
    let (sender, connection) = within(handshake).await.expect("HTTP/2");
    hub.tasks.spawn(async move {
        let _ = connection.await;
    });
    sender
}

fn request(
    method: &str,
    path: &str,
    body: impl Body<Data = Bytes, Error = Infallible> + Send + 'static,
) -> Request<Sent> {
    let uri = format!("https://hub{path}");
    let request = Request::builder().method(method).uri(uri);
    request.body(body.boxed_unsync()).expect("a request")
}

async fn text(response: Response<Incoming>) -> Bytes {
    within(response.into_body().collect())
        .await
        .expect("a body")
        .to_bytes()
}

#[tokio::test]
async fn requests_and_their_trailers_pass() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = connect(&mut hub).await;
    let asked = client.send_request(request(
        "PATCH",
        "/clusters/edge-7/api?x=%2F",
        Full::from("body"),
    ));
    let script = async {
        let mut upstream = agent.accept().await;
        let head = upstream.head().await;
        assert!(head.starts_with("PATCH /api?x=%2F HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("\r\nimpersonate-user: alice\r\n"), "{head}");
        assert!(head.contains("\r\ncontent-length: 4\r\n"), "{head}");
        assert_eq!(upstream.take(4).await, b"body");
        upstream
            .send(
                "HTTP/1.1 201 Created\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\
                 trailer: x-sum\r\n\r\n2\r\nhi\r\n0\r\nx-sum: 7\r\n\r\n",
            )
            .await;
        upstream
    };
    let (response, _upstream) = within(async { tokio::join!(asked, script) }).await;
    let response = response.expect("a response");
    assert_eq!(response.status(), 201);
    assert!(!response.headers().contains_key("connection"));
    let body = within(response.into_body().collect())
        .await
        .expect("a body");
    assert_eq!(body.trailers().expect("trailers")["x-sum"], "7");
    assert_eq!(body.to_bytes(), "hi");
}

#[tokio::test]
async fn an_answer_cut_short_is_a_reset() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = connect(&mut hub).await;
    let asked = client.send_request(request("GET", "/clusters/edge-7/a", Empty::new()));
    let script = async {
        let mut upstream = agent.accept().await;
        upstream.head().await;
        upstream
            .send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n")
            .await;
        upstream
    };
    let (response, upstream) = within(async { tokio::join!(asked, script) }).await;
    let response = response.expect("a head");
    assert_eq!(response.status(), 200);
    drop(upstream);
    let body = within(response.into_body().collect()).await;
    assert!(body.is_err(), "a body without its end is not whole");
    // The connection goes on.
    let again = client.send_request(request("GET", "/clusters/edge-9/a", Empty::new()));
    assert_eq!(within(again).await.expect("a response").status(), 403);
}

#[tokio::test]
async fn a_cancelled_request_ends_in_the_cluster() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = connect(&mut hub).await;
    let asked = client.send_request(request("GET", "/clusters/edge-7/a?watch=1", Empty::new()));
    let mut asked = Box::pin(asked);
    let mut upstream = tokio::select! {
        _ = &mut asked => panic!("nobody has answered"),
        upstream = agent.accept() => upstream,
    };
    tokio::select! {
        _ = &mut asked => panic!("nobody has answered"),
        _ = upstream.head() => {}
    }
    drop(asked);
    assert_eq!(upstream.rest().await.1, End::Broken);
    hub.until_no_stream_is_open().await;
}

#[tokio::test]
async fn uploads_that_nobody_reads_stop_no_others() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = connect(&mut hub).await;
    let mut stalled = Vec::new();
    let mut pending = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (feed, fed) = mpsc::channel(1);
        pending.spawn(client.send_request(request("POST", "/clusters/edge-7/a", Fed(fed))));
        feed.send(pattern(1 << 20)).await.expect("taken");
        stalled.push((feed, agent.accept().await));
    }
    let body = pattern(1 << 20);
    let asked = client.send_request(request(
        "POST",
        "/clusters/edge-7/b",
        Full::new(body.clone()),
    ));
    let script = async {
        let mut upstream = agent.accept().await;
        upstream.head().await;
        assert!(upstream.take(body.len()).await == body);
        upstream.respond("through").await;
        upstream
    };
    let (response, _upstream) = within(async { tokio::join!(asked, script) }).await;
    assert_eq!(text(response.expect("a response")).await, "through");
}
