use std::convert::Infallible;

use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::*;

/// What a request's body came to: its bytes, or how far its uplink was.
type Outcome = Result<Bytes, Stage>;

/// Reads the bodies of the requests of one connection to their ends.
async fn read_bodies(io: DuplexStream, outcomes: mpsc::Sender<Outcome>) {
    let service = service_fn(|request: Request<Incoming>| {
        let outcomes = outcomes.clone();
        async move {
            let uplink = Arc::<Uplink>::default();
            let ends = BodyEnds::of(request.version());
            let body = RequestBody::new(request.into_body(), ends, Arc::clone(&uplink));
            let collected = body.collect().await;
            let outcome = collected
                .map(|body| body.to_bytes())
                .map_err(|_| uplink.stage());
            // Without an await: the request may be over by then.
            outcomes.try_send(outcome).expect("room for it");
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    // What the client does to the connection is not looked at here.
    let _ = http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(io), service)
        .await;
}

/// Uploads `hello` without a length over HTTP/2, and ends it in its own way.
async fn upload(end: impl FnOnce(&mut h2::SendStream<Bytes>)) -> Outcome {
    let (near, far) = duplex(64 * 1024);
    let (outcomes, mut outcome) = mpsc::channel(1);
    let mut tasks = JoinSet::new();
    tasks.spawn(read_bodies(far, outcomes));
    let (client, mut connection) = h2::client::handshake(near).await.expect("HTTP/2");
    let mut ping_pong = connection.ping_pong().expect("nobody has taken it");
    tasks.spawn(async move {
        // Nor what the server does to it.
        let _ = connection.await;
    });
    let mut client = client.ready().await.expect("room for a request");
    let request = Request::post("https://hub/").body(()).expect("a request");
    let (_response, mut body) = client.send_request(request, false).expect("a stream");
    body.send_data(Bytes::from("hello"), false).expect("room");
    // A reset takes back what has not been sent before.
    let pong = ping_pong.ping(h2::Ping::opaque());
    pong.await.expect("an answer");
    end(&mut body);
    outcome.recv().await.expect("an outcome")
}

#[tokio::test]
async fn an_http2_upload_is_whole_when_its_last_frame_says_so() {
    let outcome = upload(|body| body.send_data(Bytes::new(), true).expect("room")).await;
    assert_eq!(outcome, Ok(Bytes::from("hello")));
    let trailers = http::HeaderMap::new();
    let outcome = upload(|body| body.send_trailers(trailers).expect("room")).await;
    assert_eq!(outcome, Ok(Bytes::from("hello")));
}

#[tokio::test]
async fn an_http2_upload_that_is_given_up_never_looks_whole() {
    for reason in [h2::Reason::NO_ERROR, h2::Reason::CANCEL] {
        let outcome = upload(|body| body.send_reset(reason)).await;
        assert_eq!(outcome, Err(Stage::Failed), "{reason:?}");
    }
}
