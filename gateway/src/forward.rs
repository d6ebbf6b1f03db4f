//! One HTTP/1.1 exchange over one stream of the tunnel.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use proxy_server::Answer;
use tokio::select;
use tokio::time::timeout;
use tokio_util::sync::DropGuard;
use tunnel::{OpenError, ResetReason, Stream, StreamError, StreamWatch};

use crate::GatewayConfig;
use crate::access_log::EndedBy;
use crate::body::RequestBody;
use crate::patience::Patience;
use crate::unread::cut_off_by;
use crate::uplink::{Stage, Uplink};

type Connection = http1::Connection<TokioIo<Stream>, RequestBody>;

/// How long an agent's answer may be later than its deadline, for the way back.
pub(crate) const ANSWER_GRACE: Duration = Duration::from_secs(1);

/// A response's head has come; the rest is still on the stream.
pub(crate) struct Exchange {
    response: Response<Incoming>,
    connection: Connection,
    watch: Arc<StreamWatch>,
}

/// A response's body on its way to the client.
///
/// It drives its stream while it is read, so a client that does not read
/// holds back the cluster. Dropped early, it resets the stream.
pub(crate) struct ForwardedBody {
    incoming: Incoming,
    /// Gone when it has nothing left to do.
    carrier: Option<Carrier>,
    watch: Arc<StreamWatch>,
    progress: Progress,
}

/// What moves a body's bytes.
enum Carrier {
    /// A task of its own, which ends with this.
    Elsewhere { _guard: DropGuard },
    /// Whoever reads the body.
    Reader(Box<Connection>),
}

/// How far a response's body has been read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Progress {
    Ended,
    Failed,
    Moving,
}

/// A response body that the cluster or the tunnel broke off.
#[derive(Debug, thiserror::Error)]
#[error("the response was cut short: {0}")]
pub(crate) struct ForwardedBodyError(#[source] hyper::Error);

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExchangeError {
    /// The client broke its request off.
    #[error("the client broke its request off: {0}")]
    Client(hyper::Error),
    /// The stream ended before a response.
    #[error("the connection ended before a response: {0}")]
    Ended(hyper::Error),
    /// What came is no HTTP/1.1 response.
    #[error("the response is malformed: {0}")]
    Malformed(hyper::Error),
    /// The agent did not answer the stream in time.
    #[error("the agent has not answered within {0:?}")]
    NoAnswer(Duration),
    /// The agent answered with a refusal, or the stream failed before it did.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The API server did not answer the request in time.
    #[error("the API server has not answered within {0:?}")]
    NoResponse(Duration),
    /// What was called does not speak HTTP/2, or broke it off.
    #[error("the call has no answer in HTTP/2: {0}")]
    NoHttp2(hyper::Error),
    /// The stream failed after it was opened.
    #[error(transparent)]
    Stream(StreamError),
    /// Nothing of the request's body was taken on the way to the API server.
    #[error("nothing of the request's body has been taken for {0:?}")]
    UploadNotTaken(Duration),
    /// The client sent nothing of the rest of its request's body.
    #[error("the client has sent nothing of the request's body for {0:?}")]
    UploadStalled(Duration),
}

/// The longest head of a response, and what its buffer is to hold; hyper's takes
/// up to twice as much, which waits in here if nobody reads a watch.
const MAX_RESPONSE_BUFFER: usize = 64 * 1024;

/// Sends a request on a stream that has just been opened, and waits for the
/// head of the response. The request does not wait for the agent's answer.
///
/// Dropped, it resets the stream.
pub(crate) async fn exchange(
    (stream, answer): (Stream, Answer),
    request: Request<RequestBody>,
    uplink: &Arc<Uplink>,
    patience: Patience,
    config: &GatewayConfig,
) -> Result<Exchange, ExchangeError> {
    let explain = |error| explain(error, uplink);
    let watch = Arc::new(stream.watch());
    let (mut sender, mut connection) = http1::Builder::new()
        .max_headers(config.max_headers)
        .max_header_size(config.max_head as usize)
        .max_buf_size(MAX_RESPONSE_BUFFER)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(explain)?;
    let mut response = pin!(sender.send_request(request));
    let mut answer = pin!(timeout(patience.dial + ANSWER_GRACE, answer));
    let mut exhausted = pin!(patience.exhausted(uplink));
    let (mut answered, mut over) = (false, false);
    loop {
        select! {
            biased;
            result = &mut answer, if !answered => {
                result.map_err(|_| ExchangeError::NoAnswer(patience.dial))??;
                answered = true;
            }
            result = &mut response => {
                let response = result.map_err(explain)?;
                return Ok(Exchange { response, connection, watch });
            }
            // Its errors come with the response.
            _ = &mut connection, if !over => over = true,
            late = &mut exhausted => return Err(late),
        }
    }
}

impl Exchange {
    /// The head of the response; the body stays here.
    pub(crate) fn response(&self) -> &Response<Incoming> {
        &self.response
    }

    /// The response with its body, to be read while it comes.
    pub(crate) fn into_response(self) -> Response<ForwardedBody> {
        let (connection, watch) = (self.connection, self.watch);
        self.response.map(|incoming| ForwardedBody {
            incoming,
            carrier: Some(Carrier::Reader(Box::new(connection))),
            watch,
            progress: Progress::Moving,
        })
    }

    /// After a 101: the response's head, the stream, and what of the new
    /// protocol has been read from it. A request's body has to end first.
    pub(crate) async fn into_switched(
        mut self,
        limit: Duration,
    ) -> Result<(Response<()>, Stream, Bytes), ExchangeError> {
        let switched = poll_fn(|cx| self.connection.poll_without_shutdown(cx));
        timeout(limit, switched)
            .await
            .map_err(|_| ExchangeError::NoResponse(limit))?
            .map_err(ExchangeError::Ended)?;
        let parts = self.connection.into_parts();
        let response = self.response.map(drop);
        Ok((response, parts.io.into_inner(), parts.read_buf))
    }
}

impl ForwardedBodyError {
    /// Who broke the body off.
    pub(crate) fn ended_by(&self) -> EndedBy {
        match stream_error(&self.0) {
            Some(error) => broken_by(error),
            None => EndedBy::Upstream,
        }
    }
}

impl ForwardedBody {
    /// The body of a call whose bytes are moved until the guard is dropped.
    pub(crate) fn of_call(incoming: Incoming, guard: DropGuard, watch: Arc<StreamWatch>) -> Self {
        Self {
            incoming,
            carrier: Some(Carrier::Elsewhere { _guard: guard }),
            watch,
            progress: Progress::Moving,
        }
    }

    pub(crate) fn watch(&self) -> &Arc<StreamWatch> {
        &self.watch
    }

    /// Who broke the body off, if somebody has and no reader has been told.
    pub(crate) fn broken_unseen_by(&self) -> Option<EndedBy> {
        let unseen = self.progress == Progress::Moving && !self.incoming.is_end_stream();
        unseen
            .then(|| cut_off_by(&self.watch))
            .flatten()
            .map(|error| broken_by(&error))
    }

    /// Moves bytes between the stream and the body's next frame.
    fn drive(&mut self, cx: &mut Context<'_>) {
        if let Some(Carrier::Reader(connection)) = &mut self.carrier
            && Pin::new(connection).poll(cx).is_ready()
        {
            // An error of the connection's reaches the body by itself.
            self.carrier = None;
        }
    }
}

impl Body for ForwardedBody {
    type Data = Bytes;
    type Error = ForwardedBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ForwardedBodyError>>> {
        let mut polled = Pin::new(&mut self.incoming).poll_frame(cx);
        if polled.is_pending() {
            self.drive(cx);
            polled = Pin::new(&mut self.incoming).poll_frame(cx);
        }
        match &polled {
            Poll::Ready(Some(Err(_))) => self.progress = Progress::Failed,
            // After the last byte the stream is finished, so that the agent sees no reset.
            Poll::Ready(None) => {
                self.progress = Progress::Ended;
                self.drive(cx);
            }
            Poll::Ready(Some(Ok(_))) if self.incoming.is_end_stream() => self.drive(cx),
            Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
        }
        polled.map_err(ForwardedBodyError)
    }

    fn is_end_stream(&self) -> bool {
        self.progress != Progress::Failed && self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// Who is to blame for a stream's failure.
pub(crate) fn broken_by(error: &StreamError) -> EndedBy {
    match error {
        StreamError::Reset(ResetReason::TargetFailed) => EndedBy::Upstream,
        StreamError::Closed(_)
        | StreamError::Finished
        | StreamError::Malformed(_)
        | StreamError::Refused(_)
        | StreamError::Reset(_)
        | _ => EndedBy::Tunnel,
    }
}

fn explain(error: hyper::Error, uplink: &Uplink) -> ExchangeError {
    if uplink.stage() == Stage::Failed {
        return ExchangeError::Client(error);
    }
    if let Some(error) = stream_error(&error) {
        return ExchangeError::Stream(error.clone());
    }
    if error.is_parse() || error.is_parse_too_large() {
        ExchangeError::Malformed(error)
    } else {
        ExchangeError::Ended(error)
    }
}

/// The tunnel's own error inside an HTTP error.
fn stream_error(error: &hyper::Error) -> Option<&StreamError> {
    let mut next = std::error::Error::source(error);
    while let Some(error) = next {
        let io = error.downcast_ref::<std::io::Error>();
        let inner = io
            .or_else(|| error.downcast_ref::<h2::Error>()?.get_io())
            .and_then(|io| io.get_ref())
            .and_then(|inner| inner.downcast_ref::<StreamError>());
        if inner.is_some() {
            return inner;
        }
        next = error.source();
    }
    None
}
