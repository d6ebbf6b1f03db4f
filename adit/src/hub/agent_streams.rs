//! The hub's own API on streams that agents open.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use apiserver::ApiServer;
use apiserver::audit::SourceAddress;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use gateway::{GatewayBody, Reason, Status};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use proto::{AgentIdentity, Credential, Refusal, RefusalReason, Target};
use proxy_server::{Caller, CallerIdentity, HubTargets, NotAdmitted, ReviewError, ReviewedToken};
use tunnel::{IncomingStream, Stream, StreamError};

use super::agent_tokens::AgentTokens;
use super::api;
use super::bootstrap_tokens::BootstrapTokens;

mod bounds;
mod by_token;
mod joining;
mod pace;

use bounds::{PromptBody, PromptIo};
use pace::{AGAIN, MakingPace};

/// Serves agents' streams to `hub-api`: one HTTP/1.1 exchange each.
pub(super) struct AgentStreams(Arc<Answering>);

/// What requests are answered with.
struct Answering {
    api: ApiServer,
    bootstrap: BootstrapTokens,
    agents: AgentTokens,
    making: MakingPace,
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
    pub(super) fn new(api: ApiServer, bootstrap: BootstrapTokens, agents: AgentTokens) -> Self {
        Self(Arc::new(Answering {
            api,
            bootstrap,
            agents,
            making: MakingPace::default(),
        }))
    }
}

impl HubTargets for AgentStreams {
    fn admit<'a>(&'a self, token: &'a Credential) -> BoxFuture<'a, Result<String, NotAdmitted>> {
        Box::pin(async move {
            let admitted = self.0.bootstrap.admit(token).await;
            let id = admitted.map(|admitted| admitted.id().to_owned());
            id.map_err(|refused| NotAdmitted(refused.to_string()))
        })
    }

    fn review<'a>(
        &'a self,
        token: &'a Credential,
    ) -> BoxFuture<'a, Result<ReviewedToken, ReviewError>> {
        Box::pin(async move { Ok(self.0.agents.review(token).await?.token) })
    }

    fn serve(&self, stream: IncomingStream, caller: Caller) -> BoxFuture<'static, ()> {
        let answering = self.0.clone();
        Box::pin(async move {
            let target = stream.header().target.clone();
            if target != Target::HubApi {
                let message = format!("this hub does not serve {target}");
                stream.refuse(Refusal::new(RefusalReason::Unsupported, message));
                return;
            }
            let remote = caller.remote;
            if let Err(error) = exchange(stream, &answering, &Arc::new(caller)).await {
                tracing::debug!(%remote, %error, "a stream to the hub's API broke");
            }
        })
    }
}

/// Serves the one exchange of a stream. One that its far end resets ends at
/// once, whatever it was waiting for.
async fn exchange(
    stream: IncomingStream,
    answering: &Answering,
    caller: &Arc<Caller>,
) -> Result<(), Broken> {
    let stream: Stream = stream.accept()?;
    let watch = stream.watch();
    let service =
        service_fn(async |request| Ok::<_, Infallible>(answering.answer(request, caller).await));
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

impl Answering {
    async fn answer(&self, request: Request<Incoming>, caller: &Caller) -> Response<GatewayBody> {
        let mut request = request.map(|body| PromptBody::new(body, PATIENCE));
        let source = SourceAddress(caller.remote.ip());
        request.extensions_mut().insert(source);
        let handled = match &caller.identity {
            CallerIdentity::Agent(identity) => {
                let user = apiserver::User::new(identity.common_name(), identity.organizations());
                match self.check_pace(&request, identity) {
                    Ok(()) => self.ask(request, user).await,
                    Err(status) => Err(status),
                }
            }
            CallerIdentity::Bootstrap(token) => Box::pin(self.joining(request, token)).await,
            CallerIdentity::Token(token) => Box::pin(self.by_token(request, token)).await,
        };
        handled.unwrap_or_else(Status::into_response)
    }

    /// Refuses whoever makes more objects than anything honest needs.
    fn check_pace<B>(&self, request: &Request<B>, identity: &AgentIdentity) -> Result<(), Status> {
        if *request.method() != Method::POST || self.making.take(&identity.cluster) {
            return Ok(());
        }
        let message = "hub: this cluster's agents make too many objects; try again later";
        let code = StatusCode::TOO_MANY_REQUESTS;
        Err(Status::new(code, Reason::TooManyRequests, message).retry_after(AGAIN))
    }

    /// Asks the API as a user.
    async fn ask<B>(
        &self,
        mut request: Request<B>,
        user: apiserver::User,
    ) -> Result<Response<GatewayBody>, Status>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: fmt::Display,
    {
        check(&request)?;
        request.extensions_mut().insert(user);
        Ok(self.api.handle(request).await.map(GatewayBody::from))
    }
}

/// Refuses what is not for the API, and whoever would be somebody else.
fn check<B>(request: &Request<B>) -> Result<(), Status> {
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
mod tests;
