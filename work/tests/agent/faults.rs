use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use tower::Service;

/// How many writes there may be, over all clients of one fault; those after fail as
/// if the agent had been killed.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    left: Arc<AtomicUsize>,
    failed: Arc<AtomicUsize>,
    /// Whether the first that fails is done all the same, and only its answer lost.
    after: bool,
}

impl Fault {
    pub(super) fn after_writes(writes: usize, after: bool) -> Self {
        Self {
            left: Arc::new(AtomicUsize::new(writes)),
            failed: Arc::default(),
            after,
        }
    }

    /// A client that fails so.
    pub(super) fn client(&self, inner: Client) -> Client {
        let service = Faulty {
            inner,
            fault: self.clone(),
        };
        Client::new(service, "default")
    }

    /// Whether some write has failed.
    pub(super) fn has_struck(&self) -> bool {
        self.failed.load(Ordering::SeqCst) > 0
    }
}

#[derive(Clone)]
struct Faulty {
    inner: Client,
    fault: Fault,
}

impl Service<Request<Body>> for Faulty {
    type Response = Response<Body>;
    type Error = kube::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Self { inner, fault } = self.clone();
        Box::pin(async move {
            if request.method() == Method::GET {
                return inner.send(request).await;
            }
            let take = |left: usize| left.checked_sub(1);
            if fault
                .left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
                .is_ok()
            {
                return inner.send(request).await;
            }
            if fault.failed.fetch_add(1, Ordering::SeqCst) == 0 && fault.after {
                let _lost = inner.send(request).await;
            }
            let lost = std::io::Error::other("the agent was killed");
            Err(kube::Error::Service(lost.into()))
        })
    }
}
