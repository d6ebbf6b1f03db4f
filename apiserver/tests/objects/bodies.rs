//! Bodies that come slowly, many at once.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use apiserver::{Body as Answered, InFlightLimits, User};
use bytes::Bytes;
use http::header::EXPECT;
use http::{Request, Response, Version};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::server::Server;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const BODY: usize = 3 << 20;
const PIECE: usize = 64 << 10;
/// Bodies of [`BODY`] that there is room for.
const ROOM: usize = 8;
const CLIENTS: usize = 60;
/// Of all bodies that have not been told to end.
const UNENDED: usize = BODY - PIECE;

/// A body of [`BODY`] spaces, or one that does not say so, whose last piece
/// comes when it is told to.
struct Slow {
    says: bool,
    left: usize,
    taken: Arc<AtomicUsize>,
    ends: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Slow {
    fn new(says: bool, taken: &Arc<AtomicUsize>, mut end: watch::Receiver<bool>) -> Self {
        Self {
            says,
            left: BODY,
            taken: taken.clone(),
            ends: Box::pin(async move {
                let _ = end.wait_for(|end| *end).await;
            }),
        }
    }
}

impl Body for Slow {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 || self.left == PIECE && self.ends.as_mut().poll(cx).is_pending() {
            return if self.left == 0 {
                Poll::Ready(None)
            } else {
                Poll::Pending
            };
        }
        self.left -= PIECE;
        self.taken.fetch_add(PIECE, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b' '; PIECE])))))
    }

    fn size_hint(&self) -> SizeHint {
        if self.says {
            SizeHint::with_exact(self.left as u64)
        } else {
            SizeHint::new()
        }
    }
}

/// A request over HTTP/2, of whose body nothing is read that is not wanted.
fn post<B>(user: &str, body: B) -> Request<B> {
    let mut request = Request::post(MAPS).body(body).unwrap();
    *request.version_mut() = Version::HTTP_2;
    let json = "application/json".parse().unwrap();
    request.headers_mut().insert("content-type", json);
    let masters = [User::MASTERS.to_owned()];
    request.extensions_mut().insert(User::new(user, masters));
    request
}

async fn code(response: Response<Answered>) -> (u16, Value) {
    let code = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (code, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn many_slow_bodies_take_no_more_than_there_is_room_for() {
    let server = Server::bounded(InFlightLimits {
        body_bytes: ROOM * BODY,
        body_wait: Duration::from_millis(500),
        ..InFlightLimits::default()
    })
    .await;
    let taken = Arc::new(AtomicUsize::new(0));
    let (end, ends) = watch::channel(false);
    let mut requests = JoinSet::new();
    for client in 0..CLIENTS {
        let body = Slow::new(client % 2 == 0, &taken, ends.clone());
        let request = post(&format!("client-{client}"), body);
        let service = server.service.clone();
        requests.spawn(async move {
            let response = service.handle(request).await;
            let again = response.headers().get("retry-after").cloned();
            (code(response).await, again)
        });
    }
    for _ in 0..CLIENTS - ROOM {
        let ((code, status), again) = requests.join_next().await.unwrap().unwrap();
        assert_eq!(code, 429, "{status}");
        assert_eq!(status["reason"], "TooManyRequests", "{status}");
        assert_eq!(again.unwrap(), "1");
    }
    assert_eq!(taken.load(Ordering::Relaxed), ROOM * UNENDED);
    let metrics = server.service.open_metrics().await;
    for line in [
        format!("adit_api_body_bytes {}", ROOM * BODY),
        format!("adit_api_bodies_refused_total {}", CLIENTS - ROOM),
    ] {
        assert!(metrics.lines().any(|of| of == line), "{line}: {metrics}");
    }
    // What is small is not held up by them.
    let small = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "small"}});
    let small = post("modest", Full::new(Bytes::from(small.to_string())));
    let (made, object) = code(server.service.handle(small).await).await;
    assert_eq!(made, 201, "{object}");

    end.send(true).unwrap();
    while let Some(answered) = requests.join_next().await {
        // It was read to its end, and is nothing.
        let ((code, status), _) = answered.unwrap();
        assert_eq!(code, 400, "{status}");
    }
    let metrics = server.service.open_metrics().await;
    assert!(metrics.lines().any(|of| of == "adit_api_body_bytes 0"));
}

#[tokio::test]
async fn whoever_sends_many_slow_bodies_makes_nobody_else_wait() {
    let server = Server::bounded(InFlightLimits {
        body_bytes: ROOM * BODY,
        body_wait: Duration::from_millis(500),
        ..InFlightLimits::default()
    })
    .await;
    let taken = Arc::new(AtomicUsize::new(0));
    let (end, ends) = watch::channel(false);
    let mut requests = JoinSet::new();
    for _ in 0..CLIENTS {
        let request = post("greedy", Slow::new(true, &taken, ends.clone()));
        let service = server.service.clone();
        requests.spawn(async move { code(service.handle(request).await).await.0 });
    }
    for _ in 0..CLIENTS - ROOM / 4 {
        assert_eq!(requests.join_next().await.unwrap().unwrap(), 429);
    }
    let whole = Full::new(Bytes::from(vec![b' '; BODY]));
    let (refused, status) = code(server.service.handle(post("other", whole)).await).await;
    assert_eq!(refused, 400, "{status}");
    drop(end);
    while let Some(answered) = requests.join_next().await {
        assert_eq!(answered.unwrap(), 400);
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_whether_it_says_so_or_not() {
    let server = Server::start().await;
    for body in [
        Full::new(Bytes::from(vec![b' '; BODY + 1])).boxed(),
        http_body_util::StreamBody::new(futures_util::stream::iter(
            (0..=BODY / PIECE).map(|_| Ok(Frame::data(Bytes::from_static(&[b' '; PIECE])))),
        ))
        .boxed(),
    ] {
        let (code, status) = code(server.service.handle(post("a", body)).await).await;
        assert_eq!(code, 413, "{status}");
        assert_eq!(status["reason"], "RequestEntityTooLarge", "{status}");
    }
}

#[tokio::test]
async fn a_body_that_is_refused_is_read_on_where_the_answer_would_be_lost() {
    let server = Server::start().await;
    tokio::time::pause();
    for (version, expects, ends, read) in [
        (Version::HTTP_11, false, true, BODY),
        // Its last piece never comes.
        (Version::HTTP_11, false, false, UNENDED),
        (Version::HTTP_11, true, true, 0),
        (Version::HTTP_2, false, true, 0),
    ] {
        let taken = Arc::new(AtomicUsize::new(0));
        let (_end, ends) = watch::channel(ends);
        let mut request = post("nobody", Slow::new(true, &taken, ends));
        *request.version_mut() = version;
        let nobody = User::new("nobody", []);
        request.extensions_mut().insert(nobody);
        if expects {
            let go_on = "100-continue".parse().unwrap();
            request.headers_mut().insert(EXPECT, go_on);
        }
        let (refused, status) = code(server.service.handle(request).await).await;
        assert_eq!(refused, 403, "{status}");
        assert_eq!(taken.load(Ordering::Relaxed), read, "{version:?}");
    }
}
