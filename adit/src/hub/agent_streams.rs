//! The hub's own API on streams that agents open.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use apiserver::ApiServer;
use apiserver::audit::SourceAddress;
use futures_util::future::BoxFuture;
use gateway::{GatewayBody, Status};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use proto::{Credential, Refusal, RefusalReason, Target};
use proxy_server::{Caller, CallerIdentity, HubTargets, NotAdmitted};
use tunnel::{IncomingStream, Stream, StreamError};

use super::api;
use super::bootstrap_tokens::BootstrapTokens;

mod bounds;

use bounds::{PromptBody, PromptIo};

/// Serves agents' streams to `hub-api`: one HTTP/1.1 exchange each.
pub(super) struct AgentStreams {
    api: ApiServer,
    tokens: BootstrapTokens,
}

/// Why a stream ended before its exchange.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Http(#[from] hyper::Error),
    #[error(transparent)]
    Stream(#[from] StreamError),
}

/// How long a request's head may take.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// How long the next piece of a request's body may take, and how long an
/// answer may wait for the agent to take some of it.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes taken of a request's head, and of an answer that waits to be sent.
const MAX_HEAD: usize = 64 * 1024;
/// Headers taken of a request.
const MAX_HEADERS: usize = 100;

impl AgentStreams {
    pub(super) fn new(api: ApiServer, tokens: BootstrapTokens) -> Self {
        Self { api, tokens }
    }
}

impl HubTargets for AgentStreams {
    fn admit<'a>(&'a self, token: &'a Credential) -> BoxFuture<'a, Result<String, NotAdmitted>> {
        Box::pin(async move {
            let admitted = self.tokens.admit(token).await;
            admitted.map_err(|refused| NotAdmitted(refused.to_string()))
        })
    }

    fn serve(&self, stream: IncomingStream, caller: Caller) -> BoxFuture<'static, ()> {
        let api = self.api.clone();
        Box::pin(async move {
            let target = stream.header().target.clone();
            if target != Target::HubApi {
                let message = format!("this hub does not serve {target}");
                stream.refuse(Refusal::new(RefusalReason::Unsupported, message));
                return;
            }
            let remote = caller.remote;
            if let Err(error) = exchange(stream, &api, &Arc::new(caller)).await {
                tracing::debug!(%remote, %error, "a stream to the hub's API broke");
            }
        })
    }
}

/// Serves the one exchange of a stream. One that its far end resets ends at
/// once, whatever it was waiting for.
async fn exchange(
    stream: IncomingStream,
    api: &ApiServer,
    caller: &Arc<Caller>,
) -> Result<(), Broken> {
    let stream: Stream = stream.accept()?;
    let watch = stream.watch();
    let service =
        service_fn(async |request| Ok::<_, Infallible>(answer(request, api, caller).await));
    let connection = http1::Builder::new()
        // The far end may close its direction behind the request.
        .half_close(true)
        .keep_alive(false)
        .header_read_timeout(HEAD_LIMIT)
        .max_header_size(MAX_HEAD)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(PromptIo::new(stream, PATIENCE)), service);
    tokio::select! {
        ended = connection => Ok(ended?),
        error = watch.broken() => Err(error.into()),
    }
}

async fn answer(
    request: Request<Incoming>,
    server: &ApiServer,
    caller: &Caller,
) -> Response<GatewayBody> {
    if let Err(status) = check(&request) {
        return status.into_response();
    }
    let mut request = request.map(|body| PromptBody::new(body, PATIENCE));
    let source = SourceAddress(caller.remote.ip());
    request.extensions_mut().insert(source);
    match &caller.identity {
        CallerIdentity::Agent(identity) => {
            let user = apiserver::User::new(identity.common_name(), identity.organizations());
            request.extensions_mut().insert(user);
        }
        // Judged anew each time: it may be over, or deleted, by now.
        CallerIdentity::Bootstrap(token) => match bearer(token) {
            Some(value) => {
                request.headers_mut().insert(AUTHORIZATION, value);
            }
            None => return Status::unauthorized("hub: the token is none").into_response(),
        },
    }
    server.handle(request).await.map(GatewayBody::from)
}

fn bearer(token: &Credential) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose())).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Refuses what is not for the API, and whoever would be somebody else.
fn check(request: &Request<Incoming>) -> Result<(), Status> {
    let path = request.uri().path();
    if request.uri().authority().is_some() || !api::serves(path) {
        return Err(Status::not_found(format!(
            "hub: nothing is served to agents at {path:?}"
        )));
    }
    match carries_identity(request.headers()) {
        Some(name) => Err(Status::forbidden(format!(
            "hub: an agent is known by its session; its requests may not carry the header {name}"
        ))),
        None => Ok(()),
    }
}

/// The first header by which a request says who asks.
fn carries_identity(headers: &HeaderMap) -> Option<&str> {
    headers.iter().find_map(|(name, value)| {
        let name = name.as_str();
        let says = name == "authorization"
            || name.starts_with("impersonate-")
            || name.starts_with("x-remote-")
            // A WebSocket's client can set no header but this.
            || name == "sec-websocket-protocol"
                && String::from_utf8_lossy(value.as_bytes()).contains("bearer");
        says.then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_says_who_asks_is_found() {
        for (name, value) in [
            ("authorization", "Basic YTpi"),
            ("impersonate-user", "root"),
            ("impersonate-extra-scopes", "all"),
            ("x-remote-group", "system:masters"),
            (
                "sec-websocket-protocol",
                "a, base64url.bearer.authorization.k8s.io.YWJj",
            ),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("accept", HeaderValue::from_static("*/*"));
            assert_eq!(carries_identity(&headers), None);
            headers.insert(name, HeaderValue::from_static(value));
            assert_eq!(carries_identity(&headers), Some(name));
        }
    }
}
