use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::select_all;
use proto::StreamHeader;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

mod balance;

use balance::Load;

use crate::{Carrier, CloseReason, Link, OpenError, Opening};

/// One agent process's attachment to one hub process: the links that it has
/// now, at least one until it is over; clones are handles to the same one.
///
/// A new stream takes a link over QUIC if there is one: an agent that has come
/// by HTTP/2 makes it only where it does better. Else it takes the link with
/// the fewest streams in bulk on it, and among those the one with the fewest
/// streams.
#[derive(Clone, Debug)]
pub struct Session {
    shared: Arc<Shared>,
}

/// Why a link cannot become part of a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AttachError {
    /// The session has as many links as are allowed.
    #[error("the session has {MAX_LINKS} links, the most it may have")]
    Full,
    /// The session's last link has ended.
    #[error("the session is over")]
    Over,
}

#[derive(Debug)]
struct Shared {
    links: Mutex<Vec<Link>>,
    status: watch::Sender<Status>,
    /// When the links were last seen to.
    balanced: Mutex<Instant>,
}

#[derive(Clone, Debug)]
enum Status {
    /// Counts the changes of the set of links.
    Lives(u64),
    Over(CloseReason),
}

/// Links of one session; each is a connection with its buffers.
const MAX_LINKS: usize = 20;

/// How often streams are moved and, while there is bulk, the agent is told what
/// was sent: it takes three reports to know of loss.
const BALANCE_EVERY: Duration = Duration::from_millis(250);

impl Session {
    /// A session of one link.
    pub fn new(first: Link) -> Self {
        let shared = Shared {
            links: Mutex::new(vec![first]),
            status: watch::Sender::new(Status::Lives(0)),
            balanced: Mutex::new(Instant::now()),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Makes a further link part of the session; 20 at most.
    pub fn attach(&self, link: Link) -> Result<(), AttachError> {
        {
            let mut links = self.links_mut();
            if links.is_empty() {
                return Err(AttachError::Over);
            }
            if links.len() >= MAX_LINKS {
                return Err(AttachError::Full);
            }
            links.push(link);
        }
        self.changed();
        Ok(())
    }

    /// Takes a link that has ended out of the session; with the last one the session is over.
    pub fn detach(&self, link: &Link, reason: CloseReason) {
        let over = {
            let mut links = self.links_mut();
            links.retain(|other| !other.is(link));
            links.is_empty()
        };
        if over {
            self.shared.status.send_replace(Status::Over(reason));
        } else {
            self.changed();
        }
    }

    /// Opens a stream on the best link that takes it; see [`Link::open`]. Cancel-safe.
    pub async fn open(&self, header: StreamHeader) -> Result<Opening, OpenError> {
        let mut failure = OpenError::Draining;
        for link in self.by_preference() {
            match link.open(header.clone()).await {
                Ok(opening) => return Ok(opening),
                // It has just begun to drain or ended: as if it were not there.
                Err(OpenError::Draining | OpenError::Stream(_)) => {}
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Drains every link; see [`Link::drain`].
    pub fn drain(&self, deadline: Duration) {
        for link in self.links() {
            link.drain(deadline);
        }
    }

    /// Closes every link; see [`Link::close`].
    pub fn close(&self, reason: &CloseReason) {
        for link in self.links() {
            link.close(reason.clone());
        }
    }

    /// Moves streams in bulk from links where they are in each other's way, or in
    /// that of others, to such with less on them, as the hub. Only between
    /// links over HTTP/2, and as far as the agent knows how. Tells the agent
    /// what is lost on the way to it.
    ///
    /// Never ends. Of several that are polled for one session one is enough.
    /// Cancel-safe.
    pub async fn balance(&self) -> Infallible {
        let mut ticks = interval(BALANCE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if self.is_due() {
                self.balance_once();
                self.report();
            }
        }
    }

    /// Whether the links are to be seen to, which each of those that ask would do.
    fn is_due(&self) -> bool {
        let balanced = &self.shared.balanced;
        let mut last = balanced.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.elapsed() >= BALANCE_EVERY / 2;
        if due {
            *last = Instant::now();
        }
        due
    }

    /// Tells the agent, who decides about links, what this end has sent and lost:
    /// over TCP only the sender knows.
    fn report(&self) {
        let mut links = self.links();
        links.retain(|link| link.carrier() == Carrier::H2);
        // On a link with bulk it would come late.
        let Some(by) = links.iter().min_by_key(|link| link.bulk_streams()) else {
            return;
        };
        for link in links.iter().filter(|link| link.bulk_streams() > 0) {
            by.report_packets(link);
        }
    }

    fn balance_once(&self) {
        let mut links = self.links();
        links.retain(|link| link.takes_streams() && link.carrier() == Carrier::H2);
        let loads: Vec<Load> = links.iter().map(load).collect();
        let mut bulk: Vec<_> = links.iter().map(Link::in_bulk).collect();
        for (from, to) in balance::moves(&loads) {
            let moved = bulk[from].pop().is_some_and(|s| links[to].take_over(&s));
            if moved {
                tracing::debug!(from, to, "a stream moves to another link");
            }
        }
    }

    /// Waits until the last link has ended; why. Cancel-safe.
    pub async fn closed(&self) -> CloseReason {
        let mut status = self.shared.status.subscribe();
        loop {
            if let Status::Over(reason) = &*status.borrow_and_update() {
                return reason.clone();
            }
            if status.changed().await.is_err() {
                return CloseReason::Aborted;
            }
        }
    }

    /// Waits until no link takes new streams. Cancel-safe.
    pub async fn draining(&self) {
        let mut status = self.shared.status.subscribe();
        loop {
            status.borrow_and_update();
            let open: Vec<_> = self
                .links()
                .into_iter()
                .filter(Link::takes_streams)
                .collect();
            if open.is_empty() {
                return;
            }
            let drains = open.iter().map(|link| Box::pin(link.draining()));
            tokio::select! {
                _ = select_all(drains) => {}
                changed = status.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Whether some link takes new streams.
    pub fn takes_streams(&self) -> bool {
        self.links_mut().iter().any(Link::takes_streams)
    }

    /// Streams open on all links.
    pub fn open_streams(&self) -> usize {
        let links = self.links_mut();
        links.iter().map(|link| link.stats().open_streams).sum()
    }

    /// The links now, oldest first.
    pub fn links(&self) -> Vec<Link> {
        self.links_mut().clone()
    }

    fn by_preference(&self) -> Vec<Link> {
        let mut links = self.links();
        links.retain(Link::takes_streams);
        if links.len() > 1 {
            links.sort_by_cached_key(|link| {
                let quic = link.carrier() == Carrier::Quic;
                (!quic, link.bulk_streams(), link.stats().open_streams)
            });
        }
        links
    }

    fn changed(&self) {
        self.shared.status.send_if_modified(|status| match status {
            Status::Lives(changes) => {
                *changes += 1;
                true
            }
            Status::Over(_) => false,
        });
    }

    /// No code panics while it holds this lock.
    fn links_mut(&self) -> MutexGuard<'_, Vec<Link>> {
        self.shared
            .links
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn load(link: &Link) -> Load {
    let bulk = link.bulk_streams();
    let other = link.stats().open_streams.saturating_sub(bulk);
    Load { bulk, other }
}
