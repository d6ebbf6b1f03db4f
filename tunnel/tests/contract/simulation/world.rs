//! Two ends, and the network between them that a seed has chosen.

use std::time::Duration;

use rand::Rng as _;
use rand::rngs::SmallRng;
use simnet::Path;
use tokio::task::JoinSet;

use super::super::pair::{Air, End, Pair, Settings, quic_over, start};
use super::pipe::{Weather, pipe};

/// Over what a simulation runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Carrier {
    H2,
    /// Two links, between which streams move.
    H2Twice,
    Quic,
}

/// Dropped, everything in it ends.
pub(crate) struct World {
    pub(crate) hub: End,
    pub(crate) agent: End,
    pub(crate) network: Network,
    /// What carries the bytes.
    pub(crate) _tasks: JoinSet<()>,
}

pub(crate) enum Network {
    H2(Weather),
    Quic(Air),
}

impl World {
    pub(crate) async fn new(carrier: Carrier, rng: &mut SmallRng, settings: Settings) -> Self {
        match carrier {
            Carrier::H2 | Carrier::H2Twice => {
                let (a, b, weather, tasks) = pipe(rng);
                let hub = start(tunnel::h2::hub(a, settings.hub));
                let agent = start(tunnel::h2::agent(b, settings.agent));
                let (hub, agent) = tokio::join!(hub, agent);
                Self {
                    hub,
                    agent,
                    network: Network::H2(weather),
                    _tasks: tasks,
                }
            }
            Carrier::Quic => {
                let air = Air::seeded(&settings, rng.random());
                let Pair { hub, agent, .. } = quic_over(&air, settings).await;
                air.network.set_path(Path {
                    delay: Duration::from_secs_f64(rng.random_range(0.0..0.2)),
                    jitter: Duration::from_secs_f64(rng.random_range(0.0..0.05)),
                    loss: rng.random_range(0.0..0.1),
                    rate: None,
                });
                Self {
                    hub,
                    agent,
                    network: Network::Quic(air),
                    _tasks: JoinSet::new(),
                }
            }
        }
    }
}

impl Network {
    pub(crate) fn fall_silent(&self) {
        match self {
            Self::H2(weather) => weather.set_silent(true),
            Self::Quic(air) => air.network.fall_silent(),
        }
    }

    pub(crate) fn recover(&self) {
        match self {
            Self::H2(weather) => weather.set_silent(false),
            Self::Quic(air) => air.network.recover(),
        }
    }

    /// A NAT forgets the agent; TCP does not survive it.
    pub(crate) fn change_address(&self, port: u16) {
        match self {
            Self::H2(weather) => weather.cut(),
            Self::Quic(air) => {
                let outside = ([203, 0, 113, 9], port.max(1024)).into();
                air.network.translate(Air::agent_address(), outside);
            }
        }
    }

    /// The connection is no more; nobody is told over UDP.
    pub(crate) fn cut(&self) {
        match self {
            Self::H2(weather) => weather.cut(),
            Self::Quic(air) => air.agent.close(0_u32.into(), b""),
        }
    }
}
