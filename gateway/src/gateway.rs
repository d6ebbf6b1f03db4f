//! The one handler: from a client's request to the cluster's response.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::{PathAndQuery, Scheme};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use proto::{StreamHeader, Target, is_trace_parent};
use proxy_server::{Dialled, ProxyServer};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::access_log::{Completeness, EndedBy, Record};
use crate::authenticate::{authenticate, not_reviewed};
use crate::body::{BodyEnds, RequestBody};
use crate::connect::Places;
use crate::failure::Failures;
use crate::forward::{Exchange, ForwardedBody, exchange};
use crate::forwarded::Origin;
use crate::grpc::{self, Background};
use crate::impersonation::Identity;
use crate::path::{self, RequestPath};
use crate::patience::{Patience, ResponsePatience};
use crate::redirect::LeadsElsewhere;
use crate::service::ServiceTarget;
use crate::splice::SpliceLimits;
use crate::status::Status;
use crate::upgrade::Switched;
use crate::{
    Access, Counters, Decision, FrontProxies, GatewayBody, GatewayConfig, Peer, Permission, Tokens,
    User, headers, impersonation, redirect, wellformed,
};

/// Kubernetes' header for the id of a request in audit logs.
const AUDIT_ID: HeaderName = HeaderName::from_static("audit-id");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
const CHUNKED: HeaderValue = HeaderValue::from_static("chunked");

/// The HTTP front door of the hub. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Gateway {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: GatewayConfig,
    counters: Arc<Counters>,
    proxy_server: ProxyServer,
    tokens: Arc<dyn Tokens>,
    access: Arc<dyn Access>,
    front_proxies: watch::Receiver<Option<Arc<FrontProxies>>>,
    /// For the TCP streams that are open.
    places: Arc<Places>,
    /// Connections that have switched protocols; hyper no longer knows of them.
    upgraded: TaskTracker,
    stop: CancellationToken,
    /// Ends them with the last handle.
    _stop_at_drop: DropGuard,
}

/// What a request turned into.
enum Answer {
    Response(Response<GatewayBody>),
    Switched(Response<()>, Box<Switched>),
}

/// A request that may go on, and where to.
struct Admitted {
    path: RequestPath,
    /// The protocol to switch to, and the client's connection once it has.
    upgrade: Option<(HeaderValue, OnUpgrade)>,
}

impl Gateway {
    /// A gateway to the clusters of `proxy_server`, for the users that
    /// `tokens` and client certificates name, as far as `access` allows.
    pub fn new(
        config: GatewayConfig,
        proxy_server: ProxyServer,
        tokens: Arc<dyn Tokens>,
        access: Arc<dyn Access>,
    ) -> Self {
        let (_, nobody) = watch::channel(None);
        Self::behind(config, proxy_server, tokens, access, nobody)
    }

    /// The same, which also believes `front_proxies`, as they are at the moment,
    /// who asks. While there are any, what they alone may tell is refused of
    /// everybody else.
    pub fn behind(
        config: GatewayConfig,
        proxy_server: ProxyServer,
        tokens: Arc<dyn Tokens>,
        access: Arc<dyn Access>,
        front_proxies: watch::Receiver<Option<Arc<FrontProxies>>>,
    ) -> Self {
        let stop = CancellationToken::new();
        let places = Places::new(config.max_tcp_streams, config.max_tcp_streams_per_user);
        Self {
            inner: Arc::new(Inner {
                config,
                places,
                proxy_server,
                counters: Arc::default(),
                tokens,
                access,
                front_proxies,
                upgraded: TaskTracker::new(),
                _stop_at_drop: stop.clone().drop_guard(),
                stop,
            }),
        }
    }

    /// What has been counted so far.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.inner.counters
    }

    /// Whether a path is in one of the gateway's two forms, sound or not.
    pub fn serves(path: &str) -> bool {
        path::serves(path)
    }

    /// What this gateway was made with.
    pub fn config(&self) -> &GatewayConfig {
        &self.inner.config
    }

    pub(crate) fn proxy_server(&self) -> &ProxyServer {
        &self.inner.proxy_server
    }

    pub(crate) fn tokens(&self) -> &dyn Tokens {
        &*self.inner.tokens
    }

    pub(crate) fn access(&self) -> &dyn Access {
        &*self.inner.access
    }

    pub(crate) fn front_proxies(&self) -> Option<Arc<FrontProxies>> {
        self.inner.front_proxies.borrow().clone()
    }

    /// Runs what has left its HTTP connection, until [`Self::stop`].
    pub(crate) fn upgraded(&self) -> &TaskTracker {
        &self.inner.upgraded
    }

    pub(crate) fn places(&self) -> &Arc<Places> {
        &self.inner.places
    }

    /// Cancelled when everything that has left its HTTP connection is to end.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.inner.stop
    }

    /// Finds out who asks: by what a front proxy tells, by the peer's certificate
    /// or by a bearer token.
    ///
    /// A certificate that names a user counts before a token, as in
    /// kube-apiserver; an agent's is refused with 403 whatever comes with it.
    ///
    /// # Errors
    ///
    /// The `Status` to answer with: 401, or 400 and 403 as above, or 503 where it
    /// cannot be found out.
    pub async fn authenticate(&self, headers: &HeaderMap, peer: &Peer) -> Result<User, Status> {
        let front_proxies = self.front_proxies();
        authenticate(headers, peer, self.tokens(), front_proxies.as_deref()).await
    }

    /// Answers one request to one of the paths that [`Gateway::serves`].
    ///
    /// It never fails: what goes wrong is a `Status` in the response. The
    /// request is logged when the response's body is dropped, and if this
    /// future is dropped before.
    pub async fn handle(&self, request: Request<Incoming>, peer: &Peer) -> Response<GatewayBody> {
        let (method, path) = (request.method(), request.uri().path());
        let trace_parent = trace_parent(request.headers());
        let mut record = Record::begin(self.counters(), method, path, trace_parent);
        let accept = request.headers().get(ACCEPT).cloned();
        match Box::pin(self.answer(request, peer, &mut record)).await {
            Ok(Answer::Response(response)) => {
                record.set_status(response.status());
                response.map(|body| body.recorded(record))
            }
            Ok(Answer::Switched(response, switched)) => {
                record.set_status(response.status());
                self.splice(*switched, record);
                response.map(|()| GatewayBody::from(bytes::Bytes::new()))
            }
            Err(status) => {
                tracing::debug!(id = %record.id(), %status, "a request failed");
                Self::refuse(status.for_reader(accept.as_ref()), record)
            }
        }
    }

    /// The answer to a request that failed.
    pub(crate) fn refuse(status: Status, mut record: Record) -> Response<GatewayBody> {
        record.set_status(status.code());
        record.set_end(EndedBy::from(status.place()), Completeness::Whole);
        let mut response = status.into_response();
        response
            .headers_mut()
            .insert(AUDIT_ID, record.id().header());
        response.map(|body| body.recorded(record))
    }

    /// Ends the upgraded connections: waits for them until the deadline, then cuts them.
    pub async fn drain(&self, deadline: Duration) {
        let inner = &self.inner;
        inner.upgraded.close();
        if timeout(deadline, inner.upgraded.wait()).await.is_err() {
            inner.stop.cancel();
            inner.upgraded.wait().await;
        }
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        peer: &Peer,
        record: &mut Record,
    ) -> Result<Answer, Status> {
        let (mut head, body) = request.into_parts();
        let admitted = self.admit(&mut head, peer, record).await?;
        // A caller's own would name the request in the cluster's log and nowhere here.
        head.headers.insert(AUDIT_ID, record.id().header());
        let path = &admitted.path;
        let target = stream_target(path);
        let failures = Failures {
            cluster: &path.cluster,
            config: &self.inner.config,
            target: &target,
        };
        let patience = self.patience(path);
        let dialled = self.dial(failures, record).await?;
        let stream = (dialled.stream, dialled.answer);
        let uplink = Arc::clone(record.uplink());
        let config = self.config();
        let response = match &path.service {
            Some(service) if grpc::is_call(&head) => {
                let call = call(head, service, path.upstream.clone(), body, record);
                let background = self.background();
                let call = grpc::exchange(stream, call, &uplink, patience, config, background);
                Box::pin(call).await.map_err(|e| failures.exchange(&e))?
            }
            Some(_) | None => {
                let upstream = upstream_request(head, path.upstream.clone(), body, record);
                let exchanged = Box::pin(exchange(stream, upstream, &uplink, patience, config));
                let exchanged = exchanged.await.map_err(|e| failures.exchange(&e))?;
                if exchanged.response().status() == StatusCode::SWITCHING_PROTOCOLS {
                    return switched(exchanged, admitted.upgrade, failures).await;
                }
                exchanged.into_response()
            }
        };
        finished(response, path).map_err(|e| failures.redirect(e))
    }

    /// Lets a request in, and makes its head what the cluster may see.
    async fn admit(
        &self,
        head: &mut Parts,
        peer: &Peer,
        record: &mut Record,
    ) -> Result<Admitted, Status> {
        wellformed::check(head)?;
        let path = RequestPath::parse(&head.uri)
            .map_err(|error| Status::bad_request(format!("hub: {error}")))?;
        record.set_cluster(&path.cluster);
        let user = self.authenticate(&head.headers, peer).await?;
        record.set_user(&user.name);
        if let Some(front_proxies) = self.front_proxies() {
            front_proxies.remove_from(&mut head.headers);
        }
        self.authorize(&user, &head.method, &path).await?;
        let identity = impersonation::requested(&head.headers, &user)?;
        let origin = Origin::of(head, peer.remote.ip());
        let protocol = headers::requested_upgrade(head.version, &head.headers);
        let host = match &path.service {
            Some(service) => service.host_header(),
            None => headers::API_SERVER_HOST,
        };
        headers::prepare_request(&mut head.headers, host, protocol.as_ref())
            .map_err(|error| Status::bad_request(format!("hub: {error}")))?;
        match (identity, &path.service) {
            (Identity::Own, None) => impersonation::set_own(&mut head.headers, &user),
            (Identity::Own, Some(_)) => origin.tell(&mut head.headers, &path.prefix),
            (Identity::Assumed(name), None) => record.set_acting_as(name),
            (Identity::Assumed(_), Some(_)) => {
                return Err(Status::bad_request(
                    "hub: a Service knows no impersonation; send no Impersonate-* to it",
                ));
            }
        }
        let client = head.extensions.remove::<OnUpgrade>();
        Ok(Admitted {
            path,
            upgrade: protocol.zip(client),
        })
    }

    async fn authorize(
        &self,
        user: &User,
        method: &Method,
        path: &RequestPath,
    ) -> Result<(), Status> {
        let permission = match &path.service {
            Some(service) => Permission::proxy_service(&path.cluster, service, method),
            None => Permission::proxy(&path.cluster, method),
        };
        match self.inner.access.allows(user, &permission).await {
            Ok(Decision::Allow) => Ok(()),
            Ok(Decision::Deny) => Err(Failures {
                cluster: &path.cluster,
                config: &self.inner.config,
                target: &stream_target(path),
            }
            .denied(&user.name, &permission)),
            Err(error) => Err(not_reviewed(&error)),
        }
    }

    fn patience(&self, path: &RequestPath) -> Patience {
        let long_running = path
            .resource()
            .is_some_and(|resource| resource.is_long_running(path.upstream.query()));
        let config = &self.inner.config;
        Patience {
            dial: config.dial_timeout,
            response: (!long_running).then_some(ResponsePatience {
                head: config.response_timeout,
                upload_idle: config.upload_idle,
            }),
        }
    }

    async fn dial(&self, failures: Failures<'_>, record: &mut Record) -> Result<Dialled, Status> {
        let target = failures.target;
        record.set_reached(target.to_string(), None);
        let mut header = StreamHeader::new(target.clone());
        header.deadline = Some(self.inner.config.dial_timeout);
        header.trace_parent = record.trace_parent();
        let dialled = self.inner.proxy_server.open(failures.cluster, header).await;
        let dialled = dialled.map_err(|error| failures.dial(&error))?;
        record.set_reached(target.to_string(), Some(dialled.agent.clone()));
        dialled.stream.set_user(record.user());
        Ok(dialled)
    }

    fn background(&self) -> Background {
        Background {
            tasks: self.inner.upgraded.clone(),
            stop: self.inner.stop.clone(),
        }
    }

    fn splice(&self, switched: Switched, record: Record) {
        let config = self.config();
        let limits = SpliceLimits {
            idle: config.upgrade_idle,
            half_closed_idle: Some(config.half_closed_idle),
            unread: config.half_closed_idle,
            lifetime: config.upgrade_lifetime,
        };
        let stop = self.inner.stop.clone();
        self.inner
            .upgraded
            .spawn(switched.run(limits, stop, record));
    }
}

/// What the stream for a request is opened to.
fn stream_target(path: &RequestPath) -> Target {
    match &path.service {
        Some(service) => service.to_stream_target(),
        None => Target::KubeApiserver,
    }
}

/// A response as the client gets it, unless it would lead him elsewhere.
fn finished(
    response: Response<ForwardedBody>,
    path: &RequestPath,
) -> Result<Answer, LeadsElsewhere> {
    let mut response = response;
    let status = response.status();
    let own = path.service.as_ref().map(ServiceTarget::authority);
    headers::prepare_response(response.headers_mut());
    redirect::rewrite(status, response.headers_mut(), &path.prefix, own.as_deref())?;
    *response.version_mut() = Version::default();
    Ok(Answer::Response(response.map(GatewayBody::forwarded)))
}

/// A gRPC call as it goes on to the Service.
fn call(
    mut head: Parts,
    service: &ServiceTarget,
    target: PathAndQuery,
    body: Incoming,
    record: &Record,
) -> Request<RequestBody> {
    let body_ends = BodyEnds::of(head.version);
    head.uri = Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(service.authority())
        .path_and_query(target)
        .build()
        .expect("labels, digits and a path are a URL");
    head.version = Version::HTTP_2;
    head.extensions = http::Extensions::new();
    headers::prepare_for_http2(&mut head.headers);
    let body = RequestBody::new(body, body_ends, Arc::clone(record.uplink()));
    Request::from_parts(head, body)
}

/// The request as it goes on to the agent.
fn upstream_request(
    mut head: Parts,
    target: PathAndQuery,
    body: Incoming,
    record: &Record,
) -> Request<RequestBody> {
    let body_ends = BodyEnds::of(head.version);
    head.uri = Uri::from(target);
    head.version = Version::HTTP_11;
    // What the server side of hyper has left there means nothing to its client side.
    head.extensions = http::Extensions::new();
    let unsized_body = !body.is_end_stream() && body.size_hint().exact().is_none();
    if unsized_body {
        // hyper takes a GET without a length for one without a body.
        head.headers.insert(TRANSFER_ENCODING, CHUNKED);
    }
    let body = RequestBody::new(body, body_ends, Arc::clone(record.uplink()));
    Request::from_parts(head, body)
}

/// A 101, if it is the one that was asked for.
async fn switched(
    exchanged: Exchange,
    upgrade: Option<(HeaderValue, OnUpgrade)>,
    failures: Failures<'_>,
) -> Result<Answer, Status> {
    let Some((protocol, client)) = upgrade else {
        return Err(failures.unasked_switch());
    };
    if !headers::switches_to(&protocol, exchanged.response().headers()) {
        return Err(failures.unasked_switch());
    }
    let (mut response, stream, front) = exchanged
        .into_switched(failures.config.dial_timeout)
        .await
        .map_err(|error| failures.exchange(&error))?;
    headers::prepare_switch(response.headers_mut(), protocol);
    let switched = Switched {
        stream,
        front,
        client,
    };
    Ok(Answer::Switched(response, Box::new(switched)))
}

/// The caller's trace, if it says exactly one, and one that means something.
pub(crate) fn trace_parent(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(TRACE_PARENT).iter();
    let (value, None) = (values.next()?.to_str().ok()?, values.next()) else {
        return None;
    };
    is_trace_parent(value).then(|| value.to_owned())
}
