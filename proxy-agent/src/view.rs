use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tunnel::{LinkConfig, ProcessBudget, Session};

use crate::Counters;

/// What an agent does, for whoever watches over it; clones see the same.
#[derive(Clone, Debug)]
pub struct AgentView {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    counters: Arc<Counters>,
    link_counters: Arc<tunnel::Counters>,
    budget: Arc<ProcessBudget>,
    /// Those that may still have streams, oldest first.
    sessions: Mutex<Vec<Session>>,
}

impl AgentView {
    pub(crate) fn new(counters: Arc<Counters>, link: &LinkConfig) -> Self {
        Self {
            inner: Arc::new(Inner {
                counters,
                link_counters: Arc::clone(&link.counters),
                budget: Arc::clone(&link.process_budget),
                sessions: Mutex::default(),
            }),
        }
    }

    /// The sessions that have not ended, draining ones included, oldest first.
    pub fn sessions(&self) -> Vec<Session> {
        let mut sessions = self.sessions_mut().clone();
        sessions.retain(|session| session.closed().now_or_never().is_none());
        sessions
    }

    /// Whether a session takes streams from whose hub something was heard in
    /// so long: it is asked after 5 s of silence, and given up after 10.
    pub fn is_connected(&self, silence: Duration) -> bool {
        let heard = |session: &Session| {
            let links = session.links();
            links.iter().any(|link| link.silent_for() <= silence)
        };
        let sessions = self.sessions();
        sessions.iter().any(|s| s.takes_streams() && heard(s))
    }

    /// What has been counted so far.
    pub fn counters(&self) -> &Counters {
        &self.inner.counters
    }

    /// What has been counted on all links so far.
    pub fn link_counters(&self) -> &tunnel::Counters {
        &self.inner.link_counters
    }

    /// Bytes received from the hub and not yet taken by targets.
    pub fn unread(&self) -> u64 {
        self.inner.budget.used()
    }

    /// Bytes received and sent on all links since the start, framing included.
    pub fn traffic(&self, sessions: &[Session]) -> (u64, u64) {
        let links = sessions.iter().flat_map(Session::links);
        let (received, sent) = links
            .map(|link| link.stats())
            .fold((0, 0), |(received, sent), stats| {
                (received + stats.bytes_in, sent + stats.bytes_out)
            });
        self.inner.counters.traffic.total(received, sent)
    }

    /// No code panics while it holds this lock.
    pub(crate) fn sessions_mut(&self) -> MutexGuard<'_, Vec<Session>> {
        let sessions = self.inner.sessions.lock();
        sessions.unwrap_or_else(PoisonError::into_inner)
    }
}
