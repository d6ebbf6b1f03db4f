//! The hub's own few paths, beside the gateway's.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use apiserver::ApiServer;
use bytes::Bytes;
use gateway::{Fallback, Gateway, GatewayBody, Peer, Status};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response};
use hyper::body::Incoming;
use proto::ClusterName;
use proxy_server::{Clusters as _, ProxyServer};

use super::api;
use super::backup::{BACKUP_PATH, StoreBackup};
use super::known::Known;
use super::kubernetes::Aggregated;
use super::listing::{AGGREGATED_SESSIONS, Listing, StreamsListing};
use super::membership::Membership;
use super::metrics::Metrics;
use super::watch::DataHealth;
use crate::open_metrics;

/// Answers what is not for the gateway; errors are `Status` objects.
pub(super) struct Endpoints(EndpointParts);

/// What the answers are made of.
pub(super) struct EndpointParts {
    pub(super) gateway: Gateway,
    pub(super) proxy: ProxyServer,
    pub(super) known: Arc<Known>,
    pub(super) membership: Arc<Membership>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) health: DataHealth,
    pub(super) api: ApiFace,
    /// If the hub keeps its objects itself.
    pub(super) backup: Option<StoreBackup>,
}

/// What answers for the hub's API.
#[derive(Clone)]
pub(super) enum ApiFace {
    /// The API server of the hub, for all kinds.
    Own(ApiServer),
    /// A Kubernetes cluster's, which asks the hub about the few of its own.
    Aggregated(Arc<Aggregated>),
}

impl ApiFace {
    async fn handle(
        &self,
        gateway: &Gateway,
        request: Request<Incoming>,
        peer: &Peer,
    ) -> Response<GatewayBody> {
        match self {
            Self::Own(server) => api::handle(server, request, peer).await,
            Self::Aggregated(aggregated) => aggregated.handle(gateway, request, peer).await,
        }
    }

    async fn open_metrics(&self) -> String {
        match self {
            Self::Own(server) => server.open_metrics().await,
            Self::Aggregated(aggregated) => aggregated.open_metrics().await,
        }
    }
}

/// A session is given up after half of that: something is wrong with the hub itself.
const SILENCE: Duration = Duration::from_secs(20);
/// Streams listed of one cluster.
const MAX_STREAMS: usize = 1000;
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

impl Endpoints {
    pub(super) fn new(parts: EndpointParts) -> Self {
        Self(parts)
    }

    async fn answer(
        &self,
        request: &Request<Incoming>,
        peer: &Peer,
    ) -> Result<Response<GatewayBody>, Status> {
        let path = request.uri().path();
        let streams_of = streams_of(path);
        let own = matches!(
            path,
            "/healthz" | "/readyz" | "/metrics" | "/sessions" | BACKUP_PATH
        );
        if !own && streams_of.is_none() {
            return Err(Status::not_found(format!(
                "hub: nothing is served at {path:?}; a cluster's API is at /clusters/NAME"
            )));
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Err(Status::method_not_allowed(format!(
                "hub: {path} can only be read"
            )));
        }
        if let Some(cluster) = streams_of {
            self.administrators_only(request, peer).await?;
            return self.streams(cluster);
        }
        match path {
            "/healthz" => Ok(respond(TEXT, "ok\n")),
            "/readyz" => self.ready(),
            "/metrics" => {
                self.administrators_only(request, peer).await?;
                self.metrics().await
            }
            BACKUP_PATH => {
                self.administrators_only(request, peer).await?;
                let backup = self.0.backup.as_ref();
                let kept = backup.ok_or_else(|| {
                    Status::not_found(
                        "hub: a Kubernetes cluster keeps this hub's objects; save its etcd, and \
                         the data directory",
                    )
                });
                kept?.answer()
            }
            _ => {
                self.administrators_only(request, peer).await?;
                self.sessions()
            }
        }
    }

    async fn administrators_only(
        &self,
        request: &Request<Incoming>,
        peer: &Peer,
    ) -> Result<(), Status> {
        let user = self.0.gateway.authenticate(request.headers(), peer).await?;
        if user.is_master() {
            return Ok(());
        }
        Err(Status::forbidden(format!(
            "hub: the user {:?} may not read {}; members of system:masters may",
            user.name,
            request.uri().path()
        )))
    }

    fn ready(&self) -> Result<Response<GatewayBody>, Status> {
        if !self.0.health.is_good() {
            let message = "hub: the data directory cannot be read";
            return Err(Status::unavailable(message));
        }
        if self.0.proxy.is_silent(SILENCE) {
            let message = "hub: nothing has been heard from any session for too long";
            return Err(Status::unavailable(message));
        }
        Ok(respond(TEXT, "ok\n"))
    }

    async fn metrics(&self) -> Result<Response<GatewayBody>, Status> {
        let text = self.0.metrics.render(&self.0.proxy, &self.0.gateway);
        let text = text.map_err(|_| Status::internal("hub: the metrics cannot be rendered"))?;
        let own = text.strip_suffix(open_metrics::END).unwrap_or(&text);
        let api = self.0.api.open_metrics().await;
        let text = [own, &api, open_metrics::END].concat();
        Ok(respond(open_metrics::CONTENT_TYPE, text))
    }

    fn streams(&self, cluster: &str) -> Result<Response<GatewayBody>, Status> {
        let name: Option<ClusterName> = cluster.parse().ok();
        let known = name.filter(|name| self.0.membership.contains(name));
        let name = known.ok_or_else(|| {
            Status::not_found(format!("hub: the cluster {cluster:?} is not known here"))
        })?;
        let streams = self.0.proxy.streams(&name, MAX_STREAMS + 1);
        let listing = StreamsListing::new(&name, streams, MAX_STREAMS);
        let json = serde_json::to_vec(&listing)
            .map_err(|_| Status::internal("hub: the streams cannot be rendered"))?;
        Ok(respond(JSON, json))
    }

    /// The sessions, for those whom the cluster lets list them.
    async fn aggregated_sessions(
        &self,
        aggregated: &Aggregated,
        request: Request<Incoming>,
        peer: &Peer,
    ) -> Result<Response<GatewayBody>, Status> {
        if request.method() != Method::GET {
            return Err(Status::method_not_allowed("hub: sessions can only be read"));
        }
        Box::pin(aggregated.admit(&self.0.gateway, request, peer)).await?;
        self.sessions()
    }

    fn sessions(&self) -> Result<Response<GatewayBody>, Status> {
        let sessions = self.0.proxy.sessions();
        let mut names = self.0.known.names();
        // Those that have joined are on no record.
        names.extend(sessions.iter().map(|session| session.cluster.clone()));
        let listing = Listing::new(names, sessions);
        let json = serde_json::to_vec(&listing)
            .map_err(|_| Status::internal("hub: the sessions cannot be rendered"))?;
        Ok(respond(JSON, json))
    }
}

/// The cluster in `/sessions/CLUSTER/streams`.
fn streams_of(path: &str) -> Option<&str> {
    let cluster = path.strip_prefix("/sessions/")?.strip_suffix("/streams")?;
    (!cluster.is_empty() && !cluster.contains('/')).then_some(cluster)
}

impl Fallback for Endpoints {
    fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: Arc<Peer>,
    ) -> Pin<Box<dyn Future<Output = Response<GatewayBody>> + Send>> {
        Box::pin(async move {
            if request.uri().path() == AGGREGATED_SESSIONS
                && let ApiFace::Aggregated(aggregated) = &self.0.api
            {
                let told = self.aggregated_sessions(aggregated, request, &peer).await;
                return told.unwrap_or_else(Status::into_response);
            }
            if api::serves(request.uri().path()) {
                return self.0.api.handle(&self.0.gateway, request, &peer).await;
            }
            self.answer(&request, &peer)
                .await
                .unwrap_or_else(Status::into_response)
        })
    }
}

fn respond(content_type: HeaderValue, body: impl Into<Bytes>) -> Response<GatewayBody> {
    let mut response = Response::new(GatewayBody::from(body.into()));
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
