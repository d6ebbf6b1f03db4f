use std::convert::Infallible;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use kube::Client;
use tower::Service;

use crate::{ApiServer, Body, User};

/// A server's service for one user within the process: nothing is shown, and
/// what the user may do is decided as for anybody.
#[derive(Clone, Debug)]
struct InProcess {
    server: ApiServer,
    user: User,
    keeps: Option<Keeper>,
}

/// Among a request's extensions, says that it may also write what clients only
/// read, such as what is derived from something else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keeper;

/// Among a request's extensions, says that its body is in memory already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Within;

impl ApiServer {
    /// A client of this server, as `user`, with no socket between.
    ///
    /// What it does is authorized like anyone's requests.
    ///
    /// # Panics
    /// Outside of a tokio runtime, which the client's queue runs on.
    #[must_use]
    pub fn client(&self, user: User) -> Client {
        self.in_process(user, None)
    }

    /// A client as [`ApiServer::client`], for whoever keeps the objects of kinds
    /// that other clients only read: it writes these too.
    ///
    /// # Panics
    /// As there.
    #[must_use]
    pub fn keeper(&self, user: User) -> Client {
        self.in_process(user, Some(Keeper))
    }

    fn in_process(&self, user: User, keeps: Option<Keeper>) -> Client {
        let service = InProcess {
            server: self.clone(),
            user,
            keeps,
        };
        Client::new(service, "default")
    }
}

impl Service<Request<kube::client::Body>> for InProcess {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<kube::client::Body>) -> Self::Future {
        request.extensions_mut().insert(self.user.clone());
        request.extensions_mut().insert(Within);
        if let Some(keeper) = self.keeps {
            request.extensions_mut().insert(keeper);
        }
        let server = self.server.clone();
        Box::pin(async move { Ok(server.handle(request).await) })
    }
}
