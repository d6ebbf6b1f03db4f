//! gRPC calls to a Service: HTTP/2 from end to end.

use bytes::Bytes;
use gateway::HttpVersion;
use h2::client::SendRequest;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use proto::RefusalReason;
use tunnel::Stream;

use crate::harness::{Agent, Hub, pattern, user_certificate, within};
use crate::services::service;

const CALL: &str = "https://hub/clusters/edge-7/api/v1/namespaces/shop/services/web:grpc/proxy-service/echo.Echo/Chat?x=1";

/// Both ends of a call whose head has arrived.
struct Call {
    send: SendStream<Bytes>,
    response: h2::client::ResponseFuture,
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
}

async fn connect(hub: &mut Hub) -> SendRequest<Bytes> {
    let certificate = user_certificate("alice", &["dev"]);
    let io = hub.connect(HttpVersion::Two, Some(certificate));
    let (sender, connection) = within(h2::client::handshake(io)).await.expect("HTTP/2");
    hub.tasks.spawn(async move {
        let _ = connection.await;
    });
    within(sender.ready()).await.expect("ready")
}

fn request() -> Request<()> {
    Request::post(CALL)
        .header("content-type", "application/grpc+proto")
        .header("te", "trailers")
        .header("authorization", "Bearer alice")
        .header("grpc-timeout", "1H")
        .body(())
        .expect("a request")
}

async fn serve(hub: &mut Hub, stream: Stream) -> (Request<RecvStream>, SendResponse<Bytes>) {
    let mut connection = within(h2::server::handshake(stream)).await.expect("HTTP/2");
    let taken = within(connection.accept())
        .await
        .expect("a call")
        .expect("a head");
    hub.tasks
        .spawn(async move { while connection.accept().await.is_some() {} });
    taken
}

async fn call(hub: &mut Hub, agent: &mut Agent) -> Call {
    let mut client = connect(hub).await;
    let (response, send) = client.send_request(request(), false).expect("a stream");
    let upstream = agent.accept_to(service("grpc")).await;
    let (request, respond) = serve(hub, upstream.into_stream()).await;
    Call {
        send,
        response,
        request,
        respond,
    }
}

async fn piece(body: &mut RecvStream) -> Bytes {
    let piece = within(body.data()).await.expect("more").expect("a piece");
    body.flow_control()
        .release_capacity(piece.len())
        .expect("it was taken");
    piece
}

#[tokio::test]
async fn both_directions_of_a_call_move_while_both_are_open() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let Call {
        mut send,
        response,
        request,
        mut respond,
    } = call(&mut hub, &mut agent).await;
    let (head, mut asked) = request.into_parts();
    assert_eq!(head.uri, "http://web.shop.svc/echo.Echo/Chat?x=1");
    assert_eq!(head.headers["te"], "trailers");
    assert_eq!(head.headers["grpc-timeout"], "1H");
    assert_eq!(head.headers["x-forwarded-for"], "192.0.2.7");
    for name in ["authorization", "host", "connection", "impersonate-user"] {
        assert!(!head.headers.contains_key(name), "{name}");
    }
    let mut answers = respond
        .send_response(Response::new(()), false)
        .expect("sent");
    let response = within(response).await.expect("a response");
    let mut answered = response.into_body();
    for word in ["one", "two", "three"] {
        send.send_data(Bytes::from(word), false).expect("sent");
        let heard = piece(&mut asked).await;
        assert_eq!(heard, word);
        answers.send_data(heard, false).expect("sent");
        assert_eq!(piece(&mut answered).await, word);
    }
    // The client has said all; the Service goes on.
    send.send_data(Bytes::new(), true).expect("sent");
    while let Some(piece) = within(asked.data()).await {
        assert!(piece.expect("a clean end").is_empty());
    }
    answers.send_data(Bytes::from("bye"), false).expect("sent");
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().expect("a value"));
    answers.send_trailers(trailers).expect("sent");
    assert_eq!(piece(&mut answered).await, "bye");
    assert!(within(answered.data()).await.is_none());
    let trailers = within(answered.trailers())
        .await
        .expect("whole")
        .expect("trailers");
    assert_eq!(trailers["grpc-status"], "0");
    hub.until_no_stream_is_open().await;
}

#[tokio::test]
async fn requests_go_on_while_the_responses_are_not_read() {
    const SIZE: usize = 1 << 20;
    let (mut hub, mut agent) = Hub::with_agent().await;
    let Call {
        mut send,
        response,
        request,
        mut respond,
    } = call(&mut hub, &mut agent).await;
    let mut asked = request.into_body();
    let mut answers = respond
        .send_response(Response::new(()), false)
        .expect("sent");
    let _unread = within(response).await.expect("a response");
    answers.send_data(pattern(8 * SIZE), false).expect("queued");
    send.send_data(pattern(SIZE), true).expect("queued");
    let mut heard = Vec::new();
    while heard.len() < SIZE {
        heard.extend(piece(&mut asked).await);
    }
    assert!(heard == pattern(SIZE));
}

#[tokio::test]
async fn a_call_that_its_client_cancels_is_cancelled_at_the_service() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let Call {
        mut send,
        response,
        request,
        mut respond,
    } = call(&mut hub, &mut agent).await;
    let mut asked = request.into_body();
    let _answers = respond
        .send_response(Response::new(()), false)
        .expect("sent");
    let answered = within(response).await.expect("a response");
    send.send_reset(h2::Reason::CANCEL);
    drop(answered);
    let error = within(asked.data())
        .await
        .expect("an end")
        .expect_err("no clean one");
    assert_eq!(error.reason(), Some(h2::Reason::CANCEL));
    hub.until_no_stream_is_open().await;
}

#[tokio::test]
async fn a_call_that_the_service_breaks_off_is_no_whole_one() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let Call {
        send: _send,
        response,
        request: _request,
        mut respond,
    } = call(&mut hub, &mut agent).await;
    let mut answers = respond
        .send_response(Response::new(()), false)
        .expect("sent");
    let mut answered = within(response).await.expect("a response").into_body();
    answers.send_reset(h2::Reason::INTERNAL_ERROR);
    within(answered.data())
        .await
        .expect("an end")
        .expect_err("no clean one");
    hub.until_no_stream_is_open().await;
}

#[tokio::test]
async fn a_refused_call_is_told_why() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = connect(&mut hub).await;
    let (response, _send) = client.send_request(request(), false).expect("a stream");
    agent
        .refuse_to(service("grpc"), RefusalReason::Forbidden)
        .await;
    assert_eq!(within(response).await.expect("a response").status(), 403);
}

#[tokio::test]
async fn a_service_that_speaks_no_http2_is_named() {
    let (mut hub, mut agent) = Hub::with_agent().await;
    let mut client = connect(&mut hub).await;
    let (response, _send) = client.send_request(request(), true).expect("a stream");
    let mut upstream = agent.accept_to(service("grpc")).await;
    upstream
        .send("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        .await;
    let response = within(response).await.expect("a response");
    assert_eq!(response.status(), 502);
    let message = piece(&mut response.into_body()).await;
    let message = String::from_utf8_lossy(&message).into_owned();
    assert!(message.contains("does not answer in HTTP/2"), "{message}");
}
