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

impl Room {
    /// Room for so many connections, handshakes included. Users may have three
    /// quarters of it: without agents the hub is of no use.
    pub(super) fn new(all: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all)),
            users: Arc::new(Semaphore::new(all / 4 * 3)),
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
            // Anybody may come to join, or with a token that is none.
            ConnectionKind::Connect
            | ConnectionKind::Http1
            | ConnectionKind::Http2
            | ConnectionKind::Join
            | ConnectionKind::Token => Some(Arc::clone(&self.users).try_acquire_owned().ok()?),
        };
        Some(Place {
            _of_users: of_users,
            ..place
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_cannot_take_the_agents_places() {
        let room = Room::new(4);
        let open = |kind| room.settle(room.enter()?, kind);
        let first = open(ConnectionKind::Http1).unwrap();
        let _second = open(ConnectionKind::Http2).unwrap();
        let _third = open(ConnectionKind::Connect).unwrap();
        assert!(open(ConnectionKind::Http1).is_none());
        let _agent = open(ConnectionKind::Session).unwrap();
        assert!(room.enter().is_none(), "all places are taken");
        drop(first);
        open(ConnectionKind::Http2).unwrap();
    }
}
