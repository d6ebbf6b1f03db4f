use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use proto::{Backoff, Pace};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tunnel::Link;

use crate::connect::{ConnectError, Connected, HubDialer};
use crate::serve::Services;
use crate::{AgentError, AgentStatus};

/// Keeps an agent connected.
#[derive(Debug)]
pub(crate) struct Runner {
    dialer: HubDialer,
    services: Arc<Services>,
    status: watch::Sender<AgentStatus>,
    backoff: Backoff,
    /// The moment that the backoff's times count from.
    start: Instant,
    /// The tasks of all sessions, draining ones included; they end with this.
    tasks: JoinSet<()>,
    /// The sessions that may still have streams.
    sessions: Vec<Link>,
}

/// A session that held for so long was a success. One that ends sooner (two
/// agents with one certificate take turns) counts as a failed attempt.
const SETTLED: Duration = Duration::from_secs(1);
/// Sessions that drain at once; with one more, the agent waits for one to end
/// before it connects again.
const MAX_DRAINING: usize = 8;
/// How long streams may go on after this agent is asked to stop.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);
/// How much longer the sessions' own last steps may take.
const DRAIN_GRACE: Duration = Duration::from_secs(5);

impl Runner {
    pub(crate) fn new(
        dialer: HubDialer,
        services: Arc<Services>,
        status: watch::Sender<AgentStatus>,
    ) -> Self {
        Self {
            dialer,
            services,
            status,
            backoff: Backoff::new(Pace::UNKNOWN),
            start: Instant::now(),
            tasks: JoinSet::new(),
            sessions: Vec::new(),
        }
    }

    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> Result<(), AgentError> {
        if self.dialer.is_empty() {
            return Err(AgentError::NoHub);
        }
        let forever = shutdown.run_until_cancelled(self.stay_connected());
        if forever.await.is_none() {
            self.drain().await;
        }
        self.status.send_replace(AgentStatus::Stopped);
        Ok(())
    }

    /// Never ends. Dropped, it leaves the sessions as they are.
    async fn stay_connected(&mut self) {
        loop {
            self.status.send_replace(AgentStatus::Connecting);
            self.dialer.begin_session();
            let error = match Box::pin(self.dialer.connect()).await {
                Ok(connected) => self.stay_with(connected).await,
                Err(error) => self.note_failure(&error),
            };
            let retry_in = self
                .backoff
                .next_wait(self.start.elapsed(), &mut rand::rng());
            tracing::info!(error, ?retry_in, "connecting again later");
            let status = AgentStatus::Waiting { error, retry_in };
            self.status.send_replace(status);
            sleep(retry_in).await;
            self.reap().await;
        }
    }

    /// Has a session served until it takes no more streams; tells why.
    async fn stay_with(&mut self, connected: Connected) -> String {
        let Connected {
            session,
            incoming,
            driver,
            hub,
            remote,
        } = connected;
        let version = session.peer().software_version.clone();
        tracing::info!(%hub, %remote, hub_version = version, "connected to the hub");
        let since = Instant::now();
        let address = remote.address;
        let services = Arc::clone(&self.services);
        self.tasks.spawn(async move {
            let mut work = JoinSet::new();
            work.spawn(driver);
            services.serve(incoming).await;
            if let Some(Ok(reason)) = work.join_next().await {
                tracing::info!(%remote, %reason, "session over");
            }
        });
        self.sessions.push(session.clone());
        self.status.send_replace(AgentStatus::Connected {
            hub,
            remote: address,
        });
        session.draining().await;
        self.learn(&session);
        if since.elapsed() >= SETTLED {
            self.backoff.reset();
        }
        match session.closed().now_or_never() {
            Some(reason) => reason.to_string(),
            None => "the hub drains this session".to_owned(),
        }
    }

    /// Takes to heart how the hub said to come back.
    fn learn(&mut self, session: &Link) {
        if let Some(reconnect) = &*session.reconnect().borrow() {
            self.backoff.set_pace(Pace::spread_over(reconnect.spread));
            self.dialer.learn(&reconnect.hubs);
        }
    }

    fn note_failure(&mut self, error: &ConnectError) -> String {
        if error.is_rejection() {
            tracing::error!(%error, "the hub does not let this agent in");
            self.backoff.slow_down();
        } else {
            tracing::warn!(%error, "no hub reached");
        }
        error.to_string()
    }

    /// Forgets sessions that are over, and waits while too many are not.
    async fn reap(&mut self) {
        while self.tasks.try_join_next().is_some() {}
        while self.tasks.len() > MAX_DRAINING {
            self.tasks.join_next().await;
        }
        self.sessions
            .retain(|session| session.closed().now_or_never().is_none());
    }

    async fn drain(&mut self) {
        for session in &self.sessions {
            session.drain(DRAIN_LIMIT);
        }
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(DRAIN_LIMIT + DRAIN_GRACE, ended).await.is_err() {
            tracing::warn!("sessions did not end in time and are cut off");
        }
    }
}
