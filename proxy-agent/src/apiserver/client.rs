use std::sync::Arc;
use std::time::Duration;

use http::Request;
use http::header::AUTHORIZATION;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::Body;
use tower::BoxError;
use tower::util::service_fn;

use super::ApiServer;

/// As many as are asked at once where works are applied: a handshake for each
/// request would cost more than the request.
const MAX_IDLE: usize = 16;
const IDLE: Duration = Duration::from_secs(60);

impl ApiServer {
    /// A client for what the agent itself has to know, under its own identity.
    ///
    /// Its connections are its own, and end with it.
    ///
    /// # Panics
    /// Outside of a tokio runtime, which the client's queue runs on.
    #[must_use]
    pub fn client(&self) -> kube::Client {
        let shared = Arc::clone(&self.shared);
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(MAX_IDLE)
            .build::<_, Body>(shared.pool.connector());
        let service = service_fn(move |request: Request<Body>| {
            let (shared, http) = (Arc::clone(&shared), http.clone());
            async move {
                let (mut head, body) = request.into_parts();
                head.uri = shared.base.locate(&head.uri)?;
                if let Some(credential) = shared.credential.authorization().await? {
                    head.headers.insert(AUTHORIZATION, credential);
                }
                let response = http.request(Request::from_parts(head, body)).await?;
                Ok::<_, BoxError>(response)
            }
        });
        kube::Client::new(service, "default")
    }
}
