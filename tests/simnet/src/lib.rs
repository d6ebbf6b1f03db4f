//! A UDP network in memory, for QUIC endpoints in tests and simulations.
//!
//! Its time is tokio's, so that on a paused clock hours pass in moments. What
//! it does to packets follows from its seed: on one thread, and with the
//! same packets, a run is repeated exactly.
//!
//! QUIC's own randomness (connection ids, keys) changes no packet's size or
//! time, and so what is lost.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quinn::udp::EcnCodepoint;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::time::Instant;

mod inbox;
mod socket;

use inbox::Inbox;
pub use socket::Socket;

/// Sockets and the paths between them; clones are handles to the same network.
#[derive(Clone, Debug)]
pub struct Network {
    state: Arc<Mutex<State>>,
}

/// What happens to packets on their way, in each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Path {
    /// How long a packet takes.
    pub delay: Duration,
    /// How much longer at most, at random: packets overtake each other.
    pub jitter: Duration,
    /// The part of the packets that is lost, from 0 to 1.
    pub loss: f64,
    /// What passes, in each direction; packets over it queue.
    pub rate: Option<Rate>,
}

/// A bottleneck.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// How much leaves it each second.
    pub bytes_per_second: u64,
    /// How long a packet may wait in its queue; the next is dropped.
    pub queue: Duration,
}

#[derive(Debug)]
struct State {
    random: StdRng,
    path: Path,
    silent: bool,
    sockets: HashMap<SocketAddr, Arc<Inbox>>,
    /// From a socket's own address to the one that others see.
    outside: HashMap<SocketAddr, SocketAddr>,
    /// When each sender's bottleneck is free again.
    free: HashMap<SocketAddr, Instant>,
}

/// A datagram on its way.
#[derive(Debug)]
struct Packet {
    from: SocketAddr,
    ecn: Option<EcnCodepoint>,
    data: Vec<u8>,
}

impl Network {
    /// A network whose paths are perfect.
    pub fn new(seed: u64) -> Self {
        let state = State {
            random: StdRng::seed_from_u64(seed),
            path: Path::default(),
            silent: false,
            sockets: HashMap::new(),
            outside: HashMap::new(),
            free: HashMap::new(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// A socket at `address`, which takes the place of an older one there.
    pub fn socket(&self, address: SocketAddr) -> Arc<Socket> {
        let inbox = Arc::new(Inbox::default());
        self.state().sockets.insert(address, Arc::clone(&inbox));
        Arc::new(Socket::new(self.clone(), address, inbox))
    }

    /// From now on all packets take this path.
    pub fn set_path(&self, path: Path) {
        self.state().path = path;
    }

    /// From now on nothing arrives, and nobody is told.
    pub fn fall_silent(&self) {
        self.state().silent = true;
    }

    /// Ends a silence.
    pub fn recover(&self) {
        self.state().silent = false;
    }

    /// Has the others see `socket` at the address `outside`, as when a NAT
    /// forgets what it knew. What is sent to the address known before is lost.
    pub fn translate(&self, socket: SocketAddr, outside: SocketAddr) {
        self.state().outside.insert(socket, outside);
    }

    fn send(&self, from: SocketAddr, to: SocketAddr, ecn: Option<EcnCodepoint>, data: &[u8]) {
        let now = Instant::now();
        let mut state = self.state();
        let Some(at) = state.arrival(from, data.len(), now) else {
            return;
        };
        let seen = state.outside.get(&from).copied().unwrap_or(from);
        let Some(inbox) = state.inbox(to) else {
            return;
        };
        drop(state);
        let data = data.to_vec();
        inbox.put(
            at,
            Packet {
                from: seen,
                ecn,
                data,
            },
        );
    }

    /// No code panics while it holds this lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// When a packet arrives, if it does.
    fn arrival(&mut self, from: SocketAddr, bytes: usize, now: Instant) -> Option<Instant> {
        if self.silent || (self.path.loss > 0.0 && self.random.random_bool(self.path.loss)) {
            return None;
        }
        let mut at = now;
        if let Some(rate) = self.path.rate {
            let free = self.free.entry(from).or_insert(now);
            let begins = now.max(*free);
            if begins - now > rate.queue {
                return None;
            }
            at = begins
                + Duration::from_secs(bytes as u64) / u32::try_from(rate.bytes_per_second).ok()?;
            *free = at;
        }
        let jitter = self.path.jitter.mul_f64(self.random.random());
        Some(at + self.path.delay + jitter)
    }

    /// Whose packets come to this address.
    fn inbox(&self, to: SocketAddr) -> Option<Arc<Inbox>> {
        let inside = self.outside.iter().find(|(_, outside)| **outside == to);
        let own = match inside {
            Some((own, _)) => *own,
            // Its own address is not known outside.
            None if self.outside.contains_key(&to) => return None,
            None => to,
        };
        self.sockets.get(&own).cloned()
    }
}
