//! One client connection, after its TLS handshake, until it ends.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Method, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::time::timeout;
use tokio_util::io::InspectWriter;
use tokio_util::sync::CancellationToken;
use tunnel::StreamError;

mod gathered;
mod owned_tasks;

use self::gathered::Gathered;
use self::owned_tasks::OwnedTasks;
use crate::connect::Caller;
use crate::unread::Source;
use crate::{ConnectClient, Gateway, GatewayBody, GatewayConfig, Peer, wellformed};

/// Bytes of HTTP/2's connection preface (RFC 9113 section 3.4).
const PREFACE_LEN: usize = 24;
/// How a CONNECT over HTTP/1.1 begins. Go's `net/http` offers HTTP/2 to its
/// proxy, and says this to one that has taken it.
const CONNECT: &[u8] = b"CONNECT ";
/// Bytes of one HTTP/2 response that may wait for the client.
const HTTP2_SEND_BUFFER: usize = 128 * 1024;
/// Silence after which an HTTP/2 client is pinged, and how long it may take to answer.
const HTTP2_PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(15));

/// The HTTP version of a connection, as ALPN settled it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HttpVersion {
    /// HTTP/1.0 and 1.1: `http/1.1`, or no ALPN.
    One,
    /// HTTP/2: `h2`.
    Two,
}

/// Answers what is not for the gateway: health, metrics, the hub's own paths.
pub trait Fallback: Send + Sync + 'static {
    /// Answers one request whose path [`Gateway::serves`] does not take.
    /// Its head has been found unambiguous.
    fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: Arc<Peer>,
    ) -> BoxFuture<'static, Response<GatewayBody>>;
}

/// Why a connection ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The client broke HTTP or the connection.
    #[error("HTTP with the client failed: {0}")]
    Http(#[from] hyper::Error),
    /// The client's connection broke before HTTP/2 began, or under what was to
    /// be written.
    #[error("the client's connection broke: {0}")]
    Io(#[from] std::io::Error),
    /// The client said nothing.
    #[error("the client has not begun to speak HTTP/2 within {0:?}")]
    Silent(Duration),
    /// A response broke off that the client was not reading.
    #[error("the response broke off while the client did not read it: {0}")]
    Unread(#[from] StreamError),
}

#[derive(Clone)]
struct Handler {
    gateway: Gateway,
    fallback: Arc<dyn Fallback>,
    peer: Arc<Peer>,
    /// What is being answered; of use only if it is one thing at a time.
    answers_from: Source,
}

impl Gateway {
    /// Serves one connection until the client or an error ends it.
    ///
    /// After `shutdown` no new request is taken on it, and it ends with those
    /// in flight; the caller sets them a deadline by dropping this future,
    /// which cuts them. Connections that have switched protocols have left it
    /// before and are ended by [`Gateway::drain`].
    pub async fn serve_connection<IO>(
        &self,
        io: IO,
        version: HttpVersion,
        peer: Peer,
        fallback: Arc<dyn Fallback>,
        shutdown: CancellationToken,
    ) -> Result<(), ConnectionError>
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let handler = Handler {
            gateway: self.clone(),
            fallback,
            peer: Arc::new(peer),
            answers_from: Source::default(),
        };
        match version {
            HttpVersion::One => Box::pin(serve_http1(io, handler, self.config(), shutdown)).await,
            HttpVersion::Two => Box::pin(serve_http2(io, handler, self.config(), shutdown)).await,
        }
    }
}

async fn serve_http1<IO>(
    io: IO,
    handler: Handler,
    config: &GatewayConfig,
    shutdown: CancellationToken,
) -> Result<(), ConnectionError>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let answers_from = handler.answers_from.clone();
    let taken = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&taken);
    let io = InspectWriter::new(io, move |bytes: &[u8]| {
        counter.fetch_add(bytes.len() as u64, Relaxed);
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(config.head_timeout)
        .max_headers(config.max_headers)
        .max_header_size(config.max_head as usize)
        .max_buf_size(config.buffer_size())
        .serve_connection(TokioIo::new(io), handler)
        .with_upgrades();
    let mut connection = pin!(connection);
    let mut lost = pin!(answers_from.lost(config.half_closed_idle, || taken.load(Relaxed)));
    let mut shutdown = pin!(shutdown.cancelled_owned().fuse());
    loop {
        tokio::select! {
            biased;
            ended = &mut connection => return Ok(ended?),
            // hyper asks a body for more only when the client has taken the last.
            error = &mut lost => return Err(error.into()),
            () = &mut shutdown => connection.as_mut().graceful_shutdown(),
        }
    }
}

async fn serve_http2<IO>(
    mut io: IO,
    handler: Handler,
    config: &GatewayConfig,
    shutdown: CancellationToken,
) -> Result<(), ConnectionError>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    // hyper waits for the preface without a limit, and pings only after it.
    let mut preface = [0; PREFACE_LEN];
    timeout(config.head_timeout, io.read_exact(&mut preface))
        .await
        .map_err(|_| ConnectionError::Silent(config.head_timeout))??;
    let (read, write) = tokio::io::split(io);
    let read = std::io::Cursor::new(preface).chain(read);
    if preface.starts_with(CONNECT) {
        let io = tokio::io::join(read, write);
        let client = ConnectClient::Remote(Peer::clone(&handler.peer));
        let gateway = &handler.gateway;
        return Box::pin(gateway.serve_connect(io, client, shutdown)).await;
    }
    let written = Gathered::new(write);
    let io = tokio::io::join(read, written.clone());
    let tasks = OwnedTasks::new();
    let (ping_after, ping_timeout) = HTTP2_PING;
    let connection = http2::Builder::new(tasks.spawner())
        .timer(TokioTimer::new())
        .max_concurrent_streams(config.max_http2_streams)
        .max_pending_accept_reset_streams(config.max_http2_streams as usize)
        .initial_stream_window_size(config.http2_stream_window)
        .initial_connection_window_size(connection_window(config))
        .max_send_buf_size(HTTP2_SEND_BUFFER)
        .max_header_list_size(config.max_head)
        .keep_alive_interval(ping_after)
        .keep_alive_timeout(ping_timeout)
        .serve_connection(TokioIo::new(io), handler);
    let mut connection = pin!(connection);
    let mut shutdown = pin!(shutdown.cancelled_owned().fuse());
    loop {
        let turns = poll_fn(|cx| {
            let ended = connection.as_mut().poll(cx);
            // Behind each turn, or a part of it would wait for the next.
            match written.poll_out(cx) {
                Poll::Ready(Err(lost)) if ended.is_pending() => Poll::Ready(Err(lost.into())),
                Poll::Ready(_) | Poll::Pending => ended.map_err(ConnectionError::from),
            }
        });
        tokio::select! {
            biased;
            ended = turns => return ended,
            () = &mut shutdown => connection.as_mut().graceful_shutdown(),
        }
    }
}

/// Every request may fill its own window, so that an unread one stops no other.
fn connection_window(config: &GatewayConfig) -> u32 {
    const MAX: u32 = (1 << 31) - 1;
    let streams = config.http2_stream_window;
    streams.saturating_mul(config.max_http2_streams).min(MAX)
}

impl Service<Request<Incoming>> for Handler {
    type Response = Response<GatewayBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<GatewayBody>, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let handler = self.clone();
        Box::pin(async move { Ok(handler.answer(request).await) })
    }
}

impl Handler {
    async fn answer(self, request: Request<Incoming>) -> Response<GatewayBody> {
        if request.method() == Method::CONNECT {
            return self
                .gateway
                .connect(request, Caller::Remote(&self.peer))
                .await;
        }
        if Gateway::serves(request.uri().path()) {
            let response = self.gateway.handle(request, &self.peer).await;
            if let Some(watch) = response.body().watch() {
                self.answers_from.set(watch);
            }
            return response;
        }
        let (head, body) = request.into_parts();
        match wellformed::check(&head) {
            Ok(()) => {
                let request = Request::from_parts(head, body);
                self.fallback.handle(request, self.peer).await
            }
            Err(status) => status.into_response(),
        }
    }
}
