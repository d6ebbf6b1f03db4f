//! The hub's own API, as an agent reaches it: through its tunnel.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{Request, Response};
use kube::client::Body;
use proto::{HubApiServer, StreamHeader, Target};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout_at};
use tower::Service;
use tunnel::{OpenError, Opening, Session};

use crate::HubAccess;

mod exchange;
mod way;

pub use exchange::{HubBody, HubBodyError};
pub use way::TlsError;

use exchange::{Ways, exchange};

/// The hub's API over streams of whichever session an agent has; clones are
/// handles to the same one.
///
/// Each request is one HTTP/1.1 exchange on a stream of its own. A stream costs
/// no round trip, so that nothing would be gained by keeping one, and a watch
/// that nobody reads holds up nothing but itself.
///
/// Where the hub's API is another server's, as the hub tells, the agent speaks
/// TLS on the stream, end to end, with its own certificate or token.
#[derive(Clone, Debug)]
pub struct HubApi {
    sessions: watch::Receiver<Option<Session>>,
    incarnations: watch::Receiver<Option<Arc<str>>>,
    access: watch::Receiver<Arc<HubAccess>>,
    room: Arc<Semaphore>,
}

/// Why the hub's API gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubApiError {
    /// The exchange broke off.
    #[error("the exchange with the hub's API broke off: {0}")]
    Exchange(#[source] hyper::Error),
    /// The stream was not opened.
    #[error("no stream to the hub's API: {0}")]
    Open(#[source] OpenError),
    /// There was no session in all that time.
    #[error("the hub's API cannot be asked: no session with a hub for {}", humane(.0))]
    NoSession(Duration),
    /// There is no TLS with the server that the hub leads to.
    #[error(transparent)]
    Tls(TlsError),
    /// As many requests as may be were under way in all that time.
    #[error("the hub's API cannot be asked: {REQUESTS} requests are under way")]
    TooMany,
    /// The agent runs no more.
    #[error("the hub's API cannot be asked: the agent has stopped")]
    Stopped,
}

/// Requests at once, watches among them; one more waits. A hub takes 128 of a session.
const REQUESTS: usize = 96;
/// How long a request waits for a session, and for its turn.
const PATIENCE: Duration = Duration::from_secs(30);

impl HubApi {
    /// Over the sessions that it is told of, with hubs whose data is of the life
    /// that it is told of.
    pub(crate) fn new(
        sessions: watch::Receiver<Option<Session>>,
        incarnations: watch::Receiver<Option<Arc<str>>>,
        access: watch::Receiver<Arc<HubAccess>>,
    ) -> Self {
        Self {
            sessions,
            incarnations,
            access,
            room: Arc::new(Semaphore::new(REQUESTS)),
        }
    }

    /// Which life of the hub's data it is, now and later: another one after a
    /// restore from a backup. `None` until a hub has said so. It is told before
    /// the first request goes to a hub of that life.
    pub fn incarnation(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.incarnations.clone()
    }

    /// A client of the API. What it asks while there is no session waits for
    /// one, for 30 s at most; what is under way when a session is lost fails.
    ///
    /// The hub knows the agent by its session: requests may neither show a
    /// credential nor speak for somebody else.
    ///
    /// # Panics
    /// Outside of a tokio runtime, which the client's queue runs on.
    #[must_use]
    pub fn client(&self) -> kube::Client {
        kube::Client::new(self.clone(), "default")
    }

    /// Waits until there is a session that takes streams. Cancel-safe.
    pub async fn connected(&self) {
        if self.sessions.clone().wait_for(takes_streams).await.is_err() {
            std::future::pending().await
        }
    }

    /// The server that the hub's API is, if it is not the hub itself; `None`
    /// while there is no session.
    pub fn server(&self) -> Option<Arc<HubApiServer>> {
        let session = self.sessions.borrow().clone()?;
        server_of(&session)
    }

    /// The same, once there is a session. Cancel-safe.
    pub async fn server_when_connected(&self) -> Option<Arc<HubApiServer>> {
        loop {
            self.connected().await;
            let links = self.sessions.borrow().as_ref().map(Session::links);
            if let Some(link) = links.iter().flatten().next() {
                return link.peer().hub_api.clone();
            }
            // It has just lost its last one.
            tokio::task::yield_now().await;
        }
    }

    async fn open(
        mut self,
        until: Instant,
    ) -> Result<(Opening, Option<Arc<HubApiServer>>), HubApiError> {
        loop {
            let session = self.sessions.borrow_and_update().clone();
            if let Some(session) = session {
                match session.open(StreamHeader::new(Target::HubApi)).await {
                    Ok(opening) => return Ok((opening, server_of(&session))),
                    // The agent is about to have another.
                    Err(OpenError::Draining | OpenError::Stream(_)) => {}
                    Err(error) => return Err(HubApiError::Open(error)),
                }
            }
            match timeout_at(until, self.sessions.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(HubApiError::Stopped),
                Err(_) => return Err(HubApiError::NoSession(PATIENCE)),
            }
        }
    }

    async fn ask(self, request: Request<Body>) -> Result<Response<HubBody>, HubApiError> {
        let until = Instant::now() + PATIENCE;
        let turn = timeout_at(until, Arc::clone(&self.room).acquire_owned());
        let Ok(Ok(place)) = turn.await else {
            return Err(HubApiError::TooMany);
        };
        let access = self.access.borrow().clone();
        let (opening, server) = self.open(until).await?;
        let ways = Ways {
            server,
            access,
            until,
        };
        exchange(opening, ways, request, place).await
    }
}

fn takes_streams(session: &Option<Session>) -> bool {
    session.as_ref().is_some_and(Session::takes_streams)
}

fn server_of(session: &Session) -> Option<Arc<HubApiServer>> {
    let links = session.links();
    links.first()?.peer().hub_api.clone()
}

impl Service<Request<Body>> for HubApi {
    type Response = Response<HubBody>;
    type Error = HubApiError;
    type Future = BoxFuture<'static, Result<Self::Response, HubApiError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), HubApiError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.clone().ask(request))
    }
}

fn humane(time: &Duration) -> String {
    format!("{} s", time.as_secs())
}
