use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::header::InvalidHeaderValue;
use http::{HeaderName, HeaderValue, Request, Response};
use kube::Client;
use kube::client::Body;
use tower::Service;

const USER: HeaderName = HeaderName::from_static("impersonate-user");
const GROUP: HeaderName = HeaderName::from_static("impersonate-group");

/// A client's service that says with each request on whose behalf it is.
#[derive(Clone)]
pub(super) struct Impersonating {
    client: Client,
    user: HeaderValue,
    groups: Vec<HeaderValue>,
}

impl Impersonating {
    pub(super) fn new(
        client: Client,
        user: &str,
        groups: &[String],
    ) -> Result<Self, InvalidHeaderValue> {
        let groups = groups.iter().map(|group| HeaderValue::from_str(group));
        Ok(Self {
            client,
            user: HeaderValue::from_str(user)?,
            groups: groups.collect::<Result<_, _>>()?,
        })
    }
}

impl Service<Request<Body>> for Impersonating {
    type Response = Response<Body>;
    type Error = kube::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, kube::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), kube::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let headers = request.headers_mut();
        headers.insert(USER, self.user.clone());
        for group in &self.groups {
            headers.append(GROUP, group.clone());
        }
        let client = self.client.clone();
        Box::pin(async move { client.send(request).await })
    }
}
