use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use proto::{Backoff, Pace};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tunnel::{CloseReason, Link, Session};

use crate::connect::{ConnectError, HubDialer};
use crate::join::Connected;
use crate::links::Links;
use crate::serve::Services;
use crate::{AgentError, AgentStatus, AgentView};

/// Keeps an agent connected.
#[derive(Debug)]
pub(crate) struct Runner {
    dialer: HubDialer,
    services: Arc<Services>,
    told: Told,
    backoff: Backoff,
    /// The moment that the backoff's times count from.
    start: Instant,
    /// The tasks of all sessions, draining ones included; they end with this.
    tasks: JoinSet<()>,
}

/// What others see of a runner.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: watch::Sender<AgentStatus>,
    /// The session that takes streams, or did last.
    pub(crate) session: watch::Sender<Option<Session>>,
    /// Which life of its data a hub has told of last.
    pub(crate) incarnation: watch::Sender<Option<Arc<str>>>,
    /// Holds the sessions that may still have streams.
    pub(crate) view: AgentView,
}

/// Why a session is no longer the one that takes streams.
enum Stay {
    Over {
        why: String,
        /// Whether the hub has turned it away.
        refused: bool,
    },
    /// Another is to take its place at once.
    Renewed,
}

/// A session that held for so long was a success. One that ends sooner (two
/// agents with one certificate take turns) counts as a failed attempt.
const SETTLED: Duration = Duration::from_secs(1);
/// Sessions that drain at once; with one more, the oldest is ended before the
/// agent connects again.
const MAX_DRAINING: usize = 8;
/// How long streams of a session may go on that one with other credentials has
/// taken the place of.
const RENEWED_LIMIT: Duration = Duration::from_secs(3600);
/// How long streams may go on after this agent is asked to stop.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);
/// How much longer the sessions' own last steps may take.
const DRAIN_GRACE: Duration = Duration::from_secs(5);

impl Runner {
    pub(crate) fn new(dialer: HubDialer, services: Arc<Services>, told: Told) -> Self {
        Self {
            dialer,
            services,
            told,
            backoff: Backoff::new(Pace::UNKNOWN),
            start: Instant::now(),
            tasks: JoinSet::new(),
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
        self.told.status.send_replace(AgentStatus::Stopped);
        Ok(())
    }

    /// Never ends. Dropped, it leaves the sessions as they are.
    async fn stay_connected(&mut self) {
        loop {
            self.told.status.send_replace(AgentStatus::Connecting);
            self.dialer.begin_session();
            let (error, refused) = match Box::pin(self.dialer.connect()).await {
                Ok(connected) => match self.stay_with(connected).await {
                    Stay::Over { why, refused } => {
                        tracing::info!(why, "no session any more");
                        (why, refused)
                    }
                    Stay::Renewed => {
                        self.make_room();
                        continue;
                    }
                },
                Err(error) => (self.note_failure(&error), error.is_rejection()),
            };
            let retry_in = self
                .backoff
                .next_wait(self.start.elapsed(), &mut rand::rng());
            tracing::info!("trying again in {retry_in:.1?}");
            let status = AgentStatus::Waiting {
                error,
                refused,
                retry_in,
            };
            self.told.status.send_replace(status);
            tokio::select! {
                () = sleep(retry_in) => {}
                // Other credentials may be what was missing.
                () = self.dialer.renewed() => {}
            }
            self.reap().await;
        }
    }

    /// Has a session served until it takes no more streams; tells why.
    async fn stay_with(&mut self, connected: Connected) -> Stay {
        let Connected {
            link, hub, remote, ..
        } = &connected;
        tracing::info!(
            %hub,
            %remote,
            carrier = %link.carrier(),
            hub_version = link.peer().software_version,
            "connected to the hub"
        );
        let since = Instant::now();
        let (address, hub, first) = (remote.address, hub.clone(), link.clone());
        let further = self.dialer.further(&hub);
        let (links, session) = Links::new(connected, further, Arc::clone(&self.services));
        self.tasks.spawn(links.run());
        self.told.view.counters().note_session();
        self.told.view.sessions_mut().push(session.clone());
        // Before anything is asked of it by this session.
        if let Some(incarnation) = &first.peer().incarnation {
            self.told.incarnation.send_if_modified(|told| {
                let is_new = told.as_ref() != Some(incarnation);
                *told = Some(incarnation.clone());
                is_new
            });
        }
        self.told.session.send_replace(Some(session.clone()));
        self.told.status.send_replace(AgentStatus::Connected {
            hub,
            remote: address,
        });
        tokio::select! {
            () = session.draining() => {}
            () = self.dialer.renewed() => {
                tracing::info!("new credentials: making a new session");
                // It has drained before the hub sees the new one, which would
                // end it at once.
                session.drain(RENEWED_LIMIT);
                self.backoff.reset();
                return Stay::Renewed;
            }
        }
        self.learn(session.links().last().unwrap_or(&first));
        if since.elapsed() >= SETTLED {
            self.backoff.reset();
        }
        match session.closed().now_or_never() {
            Some(reason) => Stay::Over {
                why: reason.to_string(),
                refused: matches!(reason, CloseReason::Rejected(_)),
            },
            None => Stay::Over {
                why: "the hub drains this session".to_owned(),
                refused: false,
            },
        }
    }

    /// Ends the oldest of the sessions that drain if they are too many.
    fn make_room(&mut self) {
        self.forget_ended();
        let sessions = self.told.view.sessions_mut();
        let too_many = sessions.len().saturating_sub(MAX_DRAINING);
        for session in &sessions[..too_many] {
            session.drain(Duration::ZERO);
        }
    }

    /// Takes to heart how the hub said to come back.
    fn learn(&mut self, link: &Link) {
        if let Some(reconnect) = &*link.reconnect().borrow() {
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
        self.make_room();
        while self.tasks.len() > MAX_DRAINING {
            self.tasks.join_next().await;
        }
        self.forget_ended();
    }

    fn forget_ended(&mut self) {
        while self.tasks.try_join_next().is_some() {}
        self.told
            .view
            .sessions_mut()
            .retain(|session| session.closed().now_or_never().is_none());
    }

    async fn drain(&mut self) {
        for session in self.told.view.sessions_mut().iter() {
            session.drain(DRAIN_LIMIT);
        }
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(DRAIN_LIMIT + DRAIN_GRACE, ended).await.is_err() {
            tracing::warn!("sessions did not end in time and are cut off");
        }
        self.tasks.shutdown().await;
        self.dialer.settle().await;
    }
}
