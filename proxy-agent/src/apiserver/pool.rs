use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioTimer;

use super::connector::Connector;
use super::owned_tasks::OwnedTasks;

/// Connections to one API server, each with one exchange at a time, so that a
/// long response keeps nobody waiting.
///
/// There are as many as there are exchanges under way.
pub(super) struct Pool {
    client: Client<Connector, Incoming>,
    _tasks: OwnedTasks,
}

/// Connections kept for the next request.
const MAX_IDLE: usize = 32;
/// How long. Shorter than kube-apiserver keeps them, so that no request runs
/// into its closing one.
const IDLE_LIMIT: Duration = Duration::from_secs(30);
/// Headers taken of a response. kube-apiserver sends a dozen; warnings add to them.
const MAX_HEADERS: usize = 512;

impl Pool {
    pub(super) fn new(config: &kube::Config) -> Result<Self, kube::Error> {
        let connector = Connector::new(config)?;
        let tasks = OwnedTasks::new();
        let client = Client::builder(tasks.spawner())
            .pool_idle_timeout(IDLE_LIMIT)
            .pool_max_idle_per_host(MAX_IDLE)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http1_max_headers(MAX_HEADERS)
            .build(connector);
        Ok(Self {
            client,
            _tasks: tasks,
        })
    }

    /// Waits for the head of the response. Dropped, it ends the connection,
    /// and so does the response's body before its end.
    pub(super) async fn request(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Incoming>, Error> {
        self.client.request(request).await
    }
}
