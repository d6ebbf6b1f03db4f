use std::convert::Infallible;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::CACHE_CONTROL;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response};
use store::Store;
use time::OffsetDateTime;
use tokio::sync::watch;
use tower::Service;

use crate::answers::Answers;
use crate::audit::AuditLog;
use crate::authentication::{Authenticator, Tokens, impersonate};
use crate::authorization::{Attributes, Authorizer as _, Rbac};
use crate::body_budget::BodyBudget;
use crate::bootstrap::bootstrap;
use crate::certificates::CertificateSigner;
use crate::compression::compress;
use crate::dispatch::{Call, dispatch};
use crate::documents::Served;
use crate::health::Health;
use crate::metrics::{Exposition, Format};
use crate::mirror::Mirror;
use crate::record::{Observers, Record};
use crate::request_body::BODY_MAX;
use crate::respond::failure;
use crate::reviews::Reviewer;
use crate::storage::Storage;
use crate::tokens::ServiceAccountTokens;
use crate::unread::read_on;
use crate::{
    Body, InFlight, InFlightLimits, Objects, Registry, RequestInfo, Status, compaction,
    controllers, documents,
};

/// A Kubernetes-style API server: one service over a store. Cheap to clone.
///
/// Who asks is found out as the real server does: by the client certificate
/// ([`ClientCertificate`](crate::authentication::ClientCertificate)) among a
/// request's extensions, or by a token in its head. Within the process, a
/// [`User`](crate::User) among the extensions is believed. What they may do is
/// decided by RBAC.
#[derive(Clone)]
pub struct ApiServer(Arc<Inner>);

/// What an [`ApiServer`] is made of.
#[derive(Debug)]
pub struct Config {
    /// Where objects are kept.
    pub store: Arc<dyn Store>,
    /// What is served.
    pub registry: Arc<Registry>,
    /// Issues and knows the tokens of service accounts.
    pub service_accounts: Arc<ServiceAccountTokens>,
    /// Other bearer tokens that are known.
    pub tokens: Vec<Arc<dyn Tokens>>,
    /// What answers for kinds that are not kept, beside those of
    /// authentication and authorization, which the server answers itself.
    pub answers: Answers,
    /// How many requests may run at once.
    pub in_flight: InFlightLimits,
    /// Signs the certificates of clients; without, requests for them wait.
    pub signer: Option<Arc<CertificateSigner>>,
    /// Takes a line for every request; without, nothing is written.
    pub audit: Option<Arc<dyn AuditLog>>,
    /// The certificates, in PEM, that verify the server to its clients: each
    /// namespace has them in the ConfigMap `kube-root-ca.crt`, as they are
    /// now. Without, there is none.
    pub root_ca: Option<watch::Receiver<Arc<str>>>,
}

/// The work that goes on beside the requests. Whoever starts a server runs it.
#[derive(Debug)]
#[must_use = "a server whose driver does not run decides by what was at its start"]
pub struct Driver {
    server: ApiServer,
    /// For the mirror itself, which cannot wait until it shows what it hears.
    unmirrored: Storage,
    signer: Option<Arc<CertificateSigner>>,
    root_ca: Option<watch::Receiver<Arc<str>>>,
}

impl Driver {
    /// Runs until the store is closed. Dropping the future ends it at once.
    pub async fn run(self) {
        let Inner {
            mirror, storage, ..
        } = &*self.server.0;
        tokio::select! {
            () = mirror.follow(&self.unmirrored) => {}
            () = compaction::run(storage) => {}
            () = controllers::run(&self.server, self.signer, self.root_ca) => {}
        }
    }
}

impl Driver {
    /// Runs as [`Driver::run`], without any controller: for a server none of
    /// whose kinds has one.
    pub async fn run_without_controllers(self) {
        let Inner {
            mirror, storage, ..
        } = &*self.server.0;
        tokio::select! {
            () = mirror.follow(storage) => {}
            () = compaction::run(storage) => {}
        }
    }
}

struct Inner {
    storage: Storage,
    mirror: Arc<Mirror>,
    served: RwLock<Arc<Served>>,
    rbac: Arc<Rbac>,
    authenticator: Authenticator,
    service_accounts: Arc<ServiceAccountTokens>,
    in_flight: InFlight,
    bodies: BodyBudget,
    answers: Answers,
    observers: Arc<Observers>,
}

impl ApiServer {
    /// A server of `config`, with the namespaces, roles and bindings that
    /// every server has.
    ///
    /// # Errors
    /// If the store cannot be read or written.
    pub async fn start(config: Config) -> Result<(Self, Driver), Status> {
        let storage = Storage::new(config.store);
        bootstrap(&storage, &config.registry).await?;
        let rbac = Arc::new(Rbac::default());
        let mirror = Mirror::read(&storage, config.registry.clone(), rbac.clone()).await?;
        let mirror = Arc::new(mirror);
        let unmirrored = storage.clone();
        let storage = storage.mirrored_by(mirror.clone());
        let mut authenticator = Authenticator::new(mirror.clone(), config.service_accounts.clone());
        for tokens in config.tokens {
            authenticator = authenticator.with_tokens(tokens);
        }
        let reviewer = Reviewer {
            authorizer: rbac.clone(),
            authenticator: authenticator.clone(),
            service_accounts: config.service_accounts.clone(),
            objects: mirror.clone(),
        };
        let server = Self(Arc::new(Inner {
            storage,
            mirror,
            served: RwLock::new(Arc::new(Served::new(config.registry))),
            rbac,
            authenticator,
            service_accounts: config.service_accounts,
            in_flight: InFlight::new(config.in_flight),
            bodies: BodyBudget::new(
                config.in_flight.body_bytes,
                BODY_MAX,
                config.in_flight.body_wait,
            ),
            answers: reviewer.answers(config.answers),
            observers: Arc::new(Observers {
                audit: config.audit,
                ..Observers::default()
            }),
        }));
        let driver = Driver {
            server: server.clone(),
            unmirrored,
            signer: config.signer,
            root_ca: config.root_ca,
        };
        Ok((server, driver))
    }

    /// What is served now.
    #[must_use]
    pub fn registry(&self) -> Arc<Registry> {
        self.served().registry.clone()
    }

    fn served(&self) -> Arc<Served> {
        let served = self.0.served.read();
        served.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The objects there are, for what decides by them within the process.
    #[must_use]
    pub fn objects(&self) -> Arc<dyn Objects> {
        self.0.mirror.clone()
    }

    /// Serves other kinds from now on. Requests that run go on with those
    /// they began with.
    pub fn replace_registry(&self, registry: Arc<Registry>) {
        let served = Arc::new(Served::new(registry.clone()));
        *self
            .0
            .served
            .write()
            .unwrap_or_else(PoisonError::into_inner) = served;
        self.0.mirror.replace_registry(registry);
    }

    /// Answers one request. A failure is an answer too: a `Status`.
    pub async fn handle<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: fmt::Display,
    {
        let (mut head, body) = request.into_parts();
        let mut body = pin!(body);
        let mut record = Record::begin(&self.0.observers, &head);
        let answer = self.answer(&mut head, body.as_mut(), &mut record).await;
        if answer.is_err() {
            read_on(&head, body).await;
        }
        let response = answer.unwrap_or_else(|status| {
            record.failed(&status);
            failure(&status)
        });
        let mut response = record.answered(response);
        let fresh = HeaderValue::from_static("no-cache, private");
        response.headers_mut().entry(CACHE_CONTROL).or_insert(fresh);
        compress(&head, response)
    }

    async fn answer<B>(
        &self,
        head: &mut Parts,
        body: B,
        record: &mut Record,
    ) -> Result<Response<Body>, Status>
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: fmt::Display,
    {
        let info = RequestInfo::new(&head.method, &head.uri)?;
        let Inner {
            rbac,
            authenticator,
            ..
        } = &*self.0;
        let registry = self.registry();
        record.asks(&registry, head, &info);
        let now = OffsetDateTime::from(SystemTime::now());
        let user = authenticator.authenticate(head, now)?;
        record.is_by(&user);
        let user = impersonate(&**rbac, user, &info, &mut head.headers)?;
        record.counts_as(&user);
        let ticket = self.0.in_flight.enter(&user, &info)?;
        let asked = Attributes::new(&user, &info);
        let decision = rbac.authorize(&asked);
        record.decided(&decision);
        if !decision.is_allowed() {
            return Err(asked.forbidden(decision.reason()));
        }
        let Some(resource) = &info.resource else {
            return self.page(&info, head, now).await;
        };
        let call = Call {
            storage: &self.0.storage,
            registry,
            rbac,
            objects: &*self.0.mirror,
            answers: &self.0.answers,
            user: &user,
            info: &info,
            resource,
            head,
            bodies: &self.0.bodies,
            record,
        };
        if matches!(info.verb, "watch" | "deletecollection") {
            let response = Box::pin(dispatch(call, body)).await?;
            return Ok(response.map(|body| body.holding(ticket)));
        }
        match tokio::time::timeout(PATIENCE, Box::pin(dispatch(call, body))).await {
            Ok(response) => response,
            Err(_) => Err(Status::timeout(
                "request did not complete within the allotted timeout",
            )),
        }
    }

    /// What is at a path that is no resource's.
    async fn page(
        &self,
        info: &RequestInfo,
        head: &Parts,
        now: OffsetDateTime,
    ) -> Result<Response<Body>, Status> {
        let Inner {
            storage, mirror, ..
        } = &*self.0;
        let query = head.uri.query().unwrap_or_default();
        if let Some(page) = (Health { storage, mirror }).answer(&info.path, query).await {
            return page;
        }
        if !matches!(head.method, Method::GET | Method::HEAD) {
            return Err(Status::method_not_allowed());
        }
        if info.path == "/metrics" {
            let text = self.exposed(Format::Prometheus).await;
            let mut response = Response::new(Body::from(text.into_bytes()));
            let plain = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, plain);
            return Ok(response);
        }
        documents::answer(&self.served(), &self.0.service_accounts, info, head, now)
    }

    /// The server's metrics in OpenMetrics' text format, without its last line
    /// (`# EOF`): for a process that adds them to its own.
    pub async fn open_metrics(&self) -> String {
        self.exposed(Format::OpenMetrics).await
    }

    async fn exposed(&self, format: Format) -> String {
        let mut to = Exposition::new(format);
        self.0.observers.metrics.write(&mut to);
        let counts = self.0.mirror.counts();
        to.gauge(
            "apiserver_resource_objects",
            "Objects there are, by resource",
            counts.iter().map(|(of, count)| {
                let labels = vec![("group", &*of.group), ("resource", &*of.names.plural)];
                (labels, *count as u64)
            }),
        );
        to.gauge(
            "apiserver_storage_objects",
            "Objects there are, by resource; the older name",
            counts.iter().map(|(of, count)| {
                let resource = of.group_resource().to_string();
                (vec![("resource", resource)], *count as u64)
            }),
        );
        let none = Vec::<(&str, &str)>::new;
        to.gauge(
            "adit_api_body_bytes",
            "Bytes of requests' bodies that have room, or claim it",
            [(none(), self.0.bodies.claimed() as u64)],
        );
        to.counter(
            "adit_api_bodies_refused",
            "Requests whose body has found no room in time",
            [(none(), self.0.bodies.refused())],
        );
        if let Ok(stats) = self.0.storage.stats().await {
            to.gauge(
                "apiserver_storage_size_bytes",
                "Bytes that the store has on disk",
                [(vec![("storage_cluster_id", "0")], stats.size)],
            );
        }
        to.into_text()
    }
}

impl<B> Service<Request<B>> for ApiServer
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: fmt::Display,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let server = self.clone();
        Box::pin(async move { Ok(server.handle(request).await) })
    }
}

impl fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiServer")
            .field("storage", &self.0.storage)
            .field("authenticator", &self.0.authenticator)
            .finish_non_exhaustive()
    }
}

/// How long a request may take that is none of those that go on.
const PATIENCE: Duration = Duration::from_secs(60);
