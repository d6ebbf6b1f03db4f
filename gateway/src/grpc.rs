//! One gRPC call over one stream of the tunnel: HTTP/2 without TLS.

use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{Request, Response, Version};
use hyper::client::conn::http2;
use hyper::rt::Executor;
use hyper_util::rt::{TokioIo, TokioTimer};
use proxy_server::Answer;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tunnel::Stream;

use crate::GatewayConfig;
use crate::body::RequestBody;
use crate::forward::{ANSWER_GRACE, ExchangeError, ForwardedBody};
use crate::patience::Patience;
use crate::unread::cut_off_by;
use crate::uplink::{Stage, Uplink};

/// Bytes of a response that may wait to be read, in the stream's own window.
const WINDOW: u32 = 256 * 1024;
/// Bytes of a request that may wait to be sent on.
const SEND_BUFFER: usize = 128 * 1024;
/// How long a call that is over may take to tell the Service so.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Where the work of calls is done that nobody polls: both directions of a
/// call move by themselves, whatever the other is waiting for.
#[derive(Clone, Debug)]
pub(crate) struct Background {
    pub(crate) tasks: TaskTracker,
    /// Ends all of it.
    pub(crate) stop: CancellationToken,
}

/// Whether a request is a gRPC call, which no HTTP/1.1 can carry.
pub(crate) fn is_call(head: &Parts) -> bool {
    let kind = head
        .headers
        .get(CONTENT_TYPE)
        .map(http::HeaderValue::as_bytes);
    let rest = kind.and_then(|kind| kind.strip_prefix(b"application/grpc"));
    head.version == Version::HTTP_2
        && rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

/// Sends a call on a stream that has just been opened, and waits for the head
/// of the response. The call does not wait for the agent's answer.
///
/// Dropped, it is cancelled at the Service, and so it is when the response's
/// body is dropped before its end.
pub(crate) async fn exchange(
    (stream, answer): (Stream, Answer),
    request: Request<RequestBody>,
    uplink: &Uplink,
    patience: Patience,
    config: &GatewayConfig,
    background: Background,
) -> Result<Response<ForwardedBody>, ExchangeError> {
    let watch = Arc::new(stream.watch());
    let explain = |error| {
        if uplink.stage() == Stage::Failed {
            return ExchangeError::Client(error);
        }
        match cut_off_by(&watch) {
            Some(error) => ExchangeError::Stream(error),
            None => ExchangeError::NoHttp2(error),
        }
    };
    let (mut sender, connection) = http2::Builder::new(background.clone())
        .timer(TokioTimer::new())
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_header_list_size(config.max_head)
        .max_send_buf_size(SEND_BUFFER)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(explain)?;
    let over = CancellationToken::new();
    let guard = over.clone().drop_guard();
    background.execute(async move {
        let mut connection = std::pin::pin!(connection);
        // Its errors come with the response.
        if over
            .run_until_cancelled(connection.as_mut())
            .await
            .is_none()
        {
            let _ = timeout(LAST_WORDS, connection).await;
        }
    });
    let mut response = std::pin::pin!(sender.send_request(request));
    let mut answer = std::pin::pin!(timeout(patience.dial + ANSWER_GRACE, answer));
    let mut answered = false;
    let response = loop {
        tokio::select! {
            biased;
            result = &mut answer, if !answered => {
                result.map_err(|_| ExchangeError::NoAnswer(patience.dial))??;
                answered = true;
            }
            result = &mut response => break result.map_err(explain)?,
        }
    };
    Ok(response.map(|incoming| ForwardedBody::of_call(incoming, guard, watch)))
}

impl<F> Executor<F> for Background
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, future: F) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            stop.run_until_cancelled(future).await;
        });
    }
}
