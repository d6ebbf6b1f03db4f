//! Agents that come with a bootstrap token, to get a certificate.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use proto::Credential;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::sleep;
use tunnel::{CloseReason, Link, LinkConfig};

use super::ProxyServer;
use super::opened::{Opened, Room};
use crate::{Caller, CallerIdentity, HubTargets, NotAdmitted, ServeError};

/// Those who are joining now.
#[derive(Debug, Default)]
pub(super) struct Joins(Mutex<Joining>);

#[derive(Debug, Default)]
struct Joining {
    all: usize,
    /// By their tokens' ids; one is forgotten with the last who came with it.
    by_token: HashMap<String, usize>,
}

/// A place among those who are joining, given back when dropped.
struct Place<'a> {
    joins: &'a Joins,
    token: Option<String>,
}

/// Connections of those who join, at once.
const AT_ONCE: usize = 64;
/// The same with one token.
const PER_TOKEN: usize = 4;
/// How long one lasts; whoever is not accepted by then comes again.
const LASTS: Duration = Duration::from_secs(600);
/// Streams that one has at once; the registration needs a handful.
const STREAMS: usize = 16;
/// Bytes received and not yet read of one connection.
const UNREAD: usize = 4 * 1024 * 1024;
/// How long streams may go on when the hub stops.
const DRAIN: Duration = Duration::from_secs(1);

impl ProxyServer {
    /// Serves one connection with ALPN `adit-join/1`, of somebody who shows a
    /// bootstrap token in the hello, until it has ended, for 10 minutes at most.
    ///
    /// It is in no registry: nothing is ever opened to it. At most 64 are
    /// served at once, and 4 with one token. Whoever is not let in is told
    /// why. Dropping the future ends it.
    pub async fn serve_join<IO>(&self, io: IO, remote: SocketAddr) -> Result<(), ServeError>
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (targets, place) = match self.may_join() {
            Ok(admitted) => admitted,
            Err(error) => {
                tunnel::h2::reject(io, error.to_string()).await;
                return Err(error);
            }
        };
        let (link, incoming, driver) = tunnel::h2::hub(io, self.join_config()).await?;
        let served = async {
            let credential = link.peer().credential.clone();
            let (token, _place) = match admit(&*targets, credential, place).await {
                Ok(admitted) => admitted,
                Err(error) => {
                    tracing::info!(%remote, %error, "a joining agent is refused");
                    link.close(CloseReason::Rejected(error.to_string().into()));
                    return std::future::pending().await;
                }
            };
            tracing::info!(%remote, "an agent is joining");
            let opened = Opened {
                targets: Some(targets),
                caller: Caller {
                    identity: CallerIdentity::Bootstrap(token),
                    remote,
                },
                room: Room::new(STREAMS),
                counters: &self.inner.counters,
                draining: self.inner.draining.subscribe(),
            };
            tokio::select! {
                never = opened.serve(incoming) => match never {},
                () = self.end_join(&link) => std::future::pending().await,
            }
        };
        let reason = tokio::select! {
            reason = driver => reason,
            () = served => CloseReason::Aborted,
        };
        tracing::info!(%remote, %reason, "a joining agent is gone");
        if matches!(reason, CloseReason::Drained | CloseReason::PeerClosed) {
            Ok(())
        } else {
            Err(ServeError::Session(reason))
        }
    }

    fn may_join(&self) -> Result<(Arc<dyn HubTargets>, Place<'_>), ServeError> {
        let targets = self.inner.targets.clone().ok_or(ServeError::NoJoining)?;
        if *self.inner.draining.borrow() {
            return Err(ServeError::Draining);
        }
        match self.inner.joins.enter() {
            Some(place) => Ok((targets, place)),
            None => Err(ServeError::JoinsFull { limit: AT_ONCE }),
        }
    }

    /// A link that costs little, whatever its peer does.
    fn join_config(&self) -> LinkConfig {
        let mut config = self.link_config();
        config.max_streams = STREAMS;
        config.accept_backlog = STREAMS;
        config.unread_budget = UNREAD;
        config.window_growth = UNREAD as u64;
        config
    }

    /// Ends a join whose time is over, or with the hub.
    async fn end_join(&self, link: &Link) {
        let mut draining = self.inner.draining.subscribe();
        tokio::select! {
            () = sleep(LASTS) => {
                let message = "joining takes 10 minutes at most; come again";
                link.close(CloseReason::Rejected(message.into()));
            }
            _ = draining.wait_for(|draining| *draining) => link.drain(DRAIN),
        }
    }
}

async fn admit<'a>(
    targets: &dyn HubTargets,
    credential: Option<Credential>,
    mut place: Place<'a>,
) -> Result<(Credential, Place<'a>), NotAdmitted> {
    let refused = |message: &str| Err(NotAdmitted(message.to_owned()));
    let Some(token) = credential else {
        return refused(
            "joining needs a bootstrap token; make one with `adit token create --join`",
        );
    };
    let id = targets.admit(&token).await?;
    if place.counts_for(id) {
        Ok((token, place))
    } else {
        refused("too many join with this token at once; try again later, or make another")
    }
}

impl Joins {
    fn enter(&self) -> Option<Place<'_>> {
        let mut joining = self.lock();
        if joining.all >= AT_ONCE {
            return None;
        }
        joining.all += 1;
        drop(joining);
        Some(Place {
            joins: self,
            token: None,
        })
    }

    /// No code panics while it holds this lock.
    fn lock(&self) -> MutexGuard<'_, Joining> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place<'_> {
    /// Counts for a token from now on; not if there are as many as may be.
    fn counts_for(&mut self, id: String) -> bool {
        let mut joining = self.joins.lock();
        let count = joining.by_token.entry(id.clone()).or_insert(0);
        if *count >= PER_TOKEN {
            return false;
        }
        *count += 1;
        self.token = Some(id);
        true
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut joining = self.joins.lock();
        joining.all -= 1;
        if let Some(id) = self.token.take()
            && let Some(count) = joining.by_token.get_mut(&id)
        {
            *count -= 1;
            if *count == 0 {
                joining.by_token.remove(&id);
            }
        }
    }
}
