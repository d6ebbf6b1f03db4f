use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use store::Store;
use tower::Service;

use crate::answers::Answers;
use crate::authorization::{Attributes, Authorizer, authorize};
use crate::dispatch::{Call, dispatch};
use crate::respond::failure;
use crate::storage::Storage;
use crate::{Body, Registry, RequestInfo, Status, User};

/// A Kubernetes-style API server: one service over a store. Cheap to clone.
///
/// Who asks is the [`User`] in a request's extensions, put there by whoever has
/// authenticated the connection; without one the request is anonymous.
#[derive(Clone)]
pub struct ApiServer(Arc<Inner>);

/// What an [`ApiServer`] is made of.
#[derive(Debug)]
pub struct Config {
    /// Where objects are kept.
    pub store: Arc<dyn Store>,
    /// What is served.
    pub registry: Arc<Registry>,
    /// Who may do what.
    pub authorizer: Arc<dyn Authorizer>,
    /// What answers for the kinds that are not kept.
    pub answers: Answers,
}

struct Inner {
    storage: Storage,
    registry: RwLock<Arc<Registry>>,
    authorizer: Arc<dyn Authorizer>,
    answers: Answers,
}

impl ApiServer {
    /// A server of `config`.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self(Arc::new(Inner {
            storage: Storage::new(config.store),
            registry: RwLock::new(config.registry),
            authorizer: config.authorizer,
            answers: config.answers,
        }))
    }

    /// What is served now.
    #[must_use]
    pub fn registry(&self) -> Arc<Registry> {
        let registry = self.0.registry.read();
        registry.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Serves other kinds from now on. Requests that run go on with those
    /// they began with.
    pub fn replace_registry(&self, registry: Arc<Registry>) {
        let mut current = self
            .0
            .registry
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *current = registry;
    }

    /// Answers one request. A failure is an answer too: a `Status`.
    pub async fn handle<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: fmt::Display,
    {
        match self.answer(request).await {
            Ok(response) => response,
            Err(status) => failure(&status),
        }
    }

    async fn answer<B>(&self, request: Request<B>) -> Result<Response<Body>, Status>
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: fmt::Display,
    {
        let (head, body) = request.into_parts();
        let info = RequestInfo::new(&head.method, &head.uri)?;
        let user = head.extensions.get::<User>().cloned();
        let user = user.unwrap_or_else(User::anonymous);
        authorize(&*self.0.authorizer, &Attributes::new(&user, &info))?;
        let Some(resource) = &info.resource else {
            return Err(Status::no_such_path());
        };
        let call = Call {
            storage: &self.0.storage,
            registry: self.registry(),
            answers: &self.0.answers,
            user: &user,
            verb: info.verb,
            resource,
            head: &head,
        };
        if matches!(info.verb, "watch" | "deletecollection") {
            return dispatch(call, body).await;
        }
        match tokio::time::timeout(PATIENCE, dispatch(call, body)).await {
            Ok(response) => response,
            Err(_) => Err(Status::timeout(
                "request did not complete within the allotted timeout",
            )),
        }
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
            .field("authorizer", &self.0.authorizer)
            .finish_non_exhaustive()
    }
}

/// How long a request may take that is none of those that go on.
const PATIENCE: Duration = Duration::from_secs(60);
