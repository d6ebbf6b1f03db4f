//! How many connections may be open, with some kept free for agents.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::hub::metrics::ConnectionKind;

/// The room for open connections, sessions and upgraded ones included.
#[derive(Debug)]
pub(super) struct Room {
    all: Arc<Semaphore>,
    users: Arc<Semaphore>,
}

/// A connection's place, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    _of_all: OwnedSemaphorePermit,
    _of_users: Option<OwnedSemaphorePermit>,
}

/// Connections open at once, handshakes included.
const CONNECTIONS: usize = 32_768;
/// Those of them that users may have: without agents the hub is of no use. The
/// rest is twice what handshakes may take.
const OF_USERS: usize = CONNECTIONS / 4 * 3;

impl Room {
    fn new(all: usize, users: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all)),
            users: Arc::new(Semaphore::new(users)),
        }
    }

    /// A place for a connection of which nothing is known yet.
    pub(super) fn enter(&self) -> Option<Place> {
        let of_all = Arc::clone(&self.all).try_acquire_owned().ok()?;
        Some(Place {
            _of_all: of_all,
            _of_users: None,
        })
    }

    /// The place of a connection whose kind is known now.
    pub(super) fn settle(&self, place: Place, kind: ConnectionKind) -> Option<Place> {
        let of_users = match kind {
            ConnectionKind::Quic | ConnectionKind::Session => None,
            ConnectionKind::Connect | ConnectionKind::Http1 | ConnectionKind::Http2 => {
                Some(Arc::clone(&self.users).try_acquire_owned().ok()?)
            }
        };
        Some(Place {
            _of_users: of_users,
            ..place
        })
    }
}

impl Default for Room {
    fn default() -> Self {
        Self::new(CONNECTIONS, OF_USERS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_cannot_take_the_agents_places() {
        let room = Room::new(3, 2);
        let open = |kind| room.settle(room.enter()?, kind);
        let first = open(ConnectionKind::Http1).unwrap();
        let _second = open(ConnectionKind::Http2).unwrap();
        assert!(open(ConnectionKind::Http1).is_none());
        let _agent = open(ConnectionKind::Session).unwrap();
        assert!(room.enter().is_none(), "all places are taken");
        drop(first);
        open(ConnectionKind::Http2).unwrap();
    }
}
