//! Where an agent tells how it is: its health and its metrics.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use gateway::{GatewayBody, Status};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use proxy_agent::AgentView;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::{open_metrics, tcp};

mod figures;

use figures::Figures;

/// A listener for whoever watches over an agent: plain HTTP, and nobody is
/// asked who he is.
pub(crate) struct AgentPort {
    listener: TcpListener,
    view: AgentView,
}

/// Scrapers and probes at once; one more is closed.
const CONNECTIONS: usize = 64;
/// How long a client may take for a request's head, and how long it may stay.
const HEAD: Duration = Duration::from_secs(10);
const STAY: Duration = Duration::from_secs(300);
/// A link is given up after half of that: something is wrong with the agent itself.
const SILENCE: Duration = Duration::from_secs(20);
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

impl AgentPort {
    pub(crate) fn bind(address: SocketAddr, view: AgentView) -> anyhow::Result<Self> {
        let listener = tcp::bind(address)
            .with_context(|| format!("cannot listen on {address}; is the port taken?"))?;
        if let Ok(address) = listener.local_addr() {
            tracing::info!(listener = %format_args!("metrics-listen:{address}"), "agent tells its metrics");
        }
        Ok(Self { listener, view })
    }

    /// Serves for ever. Dropped, it cuts its connections off.
    pub(crate) async fn serve(self) -> Infallible {
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                Some(_ended) = tasks.join_next() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok(_) if tasks.len() >= CONNECTIONS => {
                        tracing::debug!("a connection to the metrics is closed: too many are open");
                    }
                    Ok((stream, _)) => {
                        tasks.spawn(timeout(STAY, connection(stream, self.view.clone())));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection to the metrics");
                        tokio::time::sleep(tcp::PAUSE).await;
                    }
                },
            }
        }
    }
}

async fn connection(stream: TcpStream, view: AgentView) {
    let answer = service_fn(|request| {
        let answered = answer(&request, &view).unwrap_or_else(Status::into_response);
        async { Ok::<_, Infallible>(answered) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), answer);
    if let Err(error) = served.await {
        tracing::debug!(%error, "a connection to the metrics ended with an error");
    }
}

fn answer(request: &Request<Incoming>, view: &AgentView) -> Result<Response<GatewayBody>, Status> {
    let path = request.uri().path();
    if !matches!(path, "/healthz" | "/readyz" | "/metrics") {
        return Err(Status::not_found(format!(
            "agent: nothing is served at {path:?}; there are /healthz, /readyz and /metrics"
        )));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Status::method_not_allowed(format!(
            "agent: {path} can only be read"
        )));
    }
    match path {
        "/metrics" => {
            let figures = Figures::of(view.clone());
            let text = open_metrics::render(open_metrics::registry(), figures)
                .map_err(|_| Status::internal("agent: the metrics cannot be rendered"))?;
            Ok(respond(open_metrics::CONTENT_TYPE, text))
        }
        "/readyz" if !view.is_connected(SILENCE) => Err(Status::unavailable(
            "agent: it has no session with its hub that takes streams",
        )),
        _ => Ok(respond(TEXT, "ok\n")),
    }
}

fn respond(content_type: HeaderValue, body: impl Into<Bytes>) -> Response<GatewayBody> {
    let mut response = Response::new(GatewayBody::from(body.into()));
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
