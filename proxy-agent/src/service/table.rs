use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::Client;
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::ServiceName;
use super::backends::{Backends, ServicePort, Unresolved};
use super::follow::follow;
use crate::ApiServer;

/// The Services that an agent follows: those that were asked for lately.
pub(super) struct Table {
    api: ApiServer,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Made for the first Service.
    client: Option<Client>,
    entries: HashMap<ServiceName, Entry>,
    /// The following of all; it ends with the table.
    tasks: JoinSet<()>,
}

/// Dropped, it ends the following.
struct Entry {
    followed: Followed,
    last_used: Instant,
    used: Arc<Notify>,
    task: AbortHandle,
}

/// A Service, as far as it is known, now and later.
#[derive(Clone)]
pub(super) struct Followed {
    backends: watch::Receiver<Backends>,
    turn: Arc<AtomicUsize>,
}

/// Services followed at once; with one more, the one that was not asked for
/// for the longest time is given up. Each holds two watches, and so two
/// connections to the API server.
const MAX_SERVICES: usize = 128;

impl Table {
    pub(super) fn new(api: ApiServer) -> Self {
        Self {
            api,
            state: Mutex::default(),
        }
    }

    /// Follows a Service from now on, if it is not followed already.
    pub(super) fn follow(&self, service: &ServiceName) -> Followed {
        let mut state = self.state();
        if let Some(entry) = state.entries.get_mut(service)
            && !entry.followed.has_ended()
        {
            entry.last_used = Instant::now();
            entry.used.notify_one();
            return entry.followed.clone();
        }
        while state.tasks.try_join_next().is_some() {}
        state.make_room();
        let client = state
            .client
            .get_or_insert_with(|| self.api.client())
            .clone();
        let (sender, backends) = watch::channel(Backends::default());
        let followed = Followed {
            backends,
            turn: Arc::new(AtomicUsize::new(rand::random_range(0..1024))),
        };
        let used = Arc::new(Notify::new());
        let following = follow(client, service.clone(), sender, Arc::clone(&used));
        let entry = Entry {
            followed: followed.clone(),
            last_used: Instant::now(),
            used,
            task: state.tasks.spawn(following),
        };
        state.entries.insert(service.clone(), entry);
        followed
    }

    /// No code panics while it holds this lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn make_room(&mut self) {
        self.entries.retain(|_, entry| !entry.followed.has_ended());
        if self.entries.len() < MAX_SERVICES {
            return;
        }
        let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.last_used);
        if let Some(oldest) = oldest.map(|(service, _)| service.clone()) {
            self.entries.remove(&oldest);
        }
    }
}

impl Followed {
    /// The addresses that answer at a port, given by its number or name. Waits
    /// until the API server has told of the Service, or cannot. Cancel-safe.
    pub(super) async fn resolve(
        &mut self,
        port: &str,
    ) -> Result<(ServicePort, Vec<SocketAddr>), Unresolved> {
        loop {
            if let Some(resolved) = self.backends.borrow_and_update().resolve(port) {
                return resolved;
            }
            if self.backends.changed().await.is_err() {
                let given_up = "it was given up for other Services; try again";
                return Err(Unresolved::Api(given_up.to_owned()));
            }
        }
    }

    /// Counts up, from a start of its own, so that every endpoint gets its turn.
    pub(super) fn next_turn(&self) -> usize {
        self.turn.fetch_add(1, Relaxed)
    }

    fn has_ended(&self) -> bool {
        self.backends.has_changed().is_err()
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("api", &self.api)
            .finish_non_exhaustive()
    }
}
