use std::sync::Arc;

use http::Request;
use http::header::AUTHORIZATION;
use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;
use kube::client::Body;
use tower::BoxError;
use tower::util::service_fn;

use super::ApiServer;

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
            .pool_max_idle_per_host(1)
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
