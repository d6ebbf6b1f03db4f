//! Many streams with scripts of their own over a network that delays, loses,
//! reorders, partitions and ends, while the clock jumps: whatever happens,
//! nothing hangs, nothing is left behind, and no byte comes out of a stream
//! that did not go into it.
//!
//! All of it follows from a seed. `ADIT_SEED=17 cargo test -p tunnel
//! simulation` repeats one, `ADIT_SOAK=1` tries 10,000 instead of 300.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::runtime::{Builder, Handle};
use tokio::task::JoinSet;
use tokio::time::{advance, sleep, timeout};
use tunnel::{Link, LinkConfig, Session, Siblings};

use super::pair::Settings;

mod ledger;
mod pipe;
mod script;
mod world;

pub(crate) use world::Carrier;

use ledger::Ledger;
use script::{open, take};
use world::{Network, World};

/// Far longer than anything may take; hours of it pass in a moment.
const LONG: Duration = Duration::from_secs(2 * 3600);
/// Within it all has begun, and all that goes wrong has gone wrong.
const ACTION: Duration = Duration::from_secs(30);

/// Runs every seed over `carrier`.
pub(crate) fn every_seed(carrier: Carrier) {
    let seeds = match std::env::var("ADIT_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) if std::env::var_os("ADIT_SOAK").is_some() => (0..10_000).collect(),
        Err(_) => (0..300).collect::<Vec<u64>>(),
    };
    let failed: Vec<_> = seeds
        .into_iter()
        .filter(|&seed| catch_unwind(AssertUnwindSafe(|| run(carrier, seed))).is_err())
        .collect();
    assert!(failed.is_empty(), "{carrier:?}: seeds {failed:?} failed");
}

fn run(carrier: Carrier, seed: u64) {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let simulation = Box::pin(simulate(carrier, SmallRng::seed_from_u64(seed)));
        let simulated = timeout(LONG, simulation).await;
        assert!(simulated.is_ok(), "something hangs");
        let all_gone = async {
            while Handle::current().metrics().num_alive_tasks() > 0 {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let left = timeout(LONG, all_gone).await;
        assert!(left.is_ok(), "a task is left behind");
    });
}

async fn simulate(carrier: Carrier, mut rng: SmallRng) {
    if carrier == Carrier::H2Twice {
        return Box::pin(simulate_moves(rng)).await;
    }
    let world = Box::pin(World::new(carrier, &mut rng, Settings::default())).await;
    let World {
        mut hub,
        mut agent,
        network,
        _tasks,
    } = world;
    let ledger = Ledger::default();
    let links = [hub.session.clone(), agent.session.clone()];
    let mut streams = JoinSet::new();
    for n in 0..rng.random_range(1..12) {
        let link = links[rng.random_range(0..2)].clone();
        streams.spawn(open(link, n, rng.random(), ledger.clone()));
    }
    let hub_takes = take(&mut hub.incoming, rng.random(), ledger.clone());
    let agent_takes = take(&mut agent.incoming, rng.random(), ledger.clone());
    let mut mishaps = Mishaps(SmallRng::seed_from_u64(rng.random()));
    let life = async {
        let opened = async { while streams.join_next().await.transpose().unwrap().is_some() {} };
        tokio::join!(mishaps.happen(&network, &links), opened);
        no_stream_is_left(&links).await;
        for link in &links {
            link.drain(Duration::from_secs(1));
        }
        for link in &links {
            link.closed().await;
        }
    };
    tokio::join!(hub_takes, agent_takes, life);
    ledger.check();
}

/// The same over two links of one session. All streams begin on the first, from
/// where the hub moves those in bulk.
async fn simulate_moves(mut rng: SmallRng) {
    let settings = Settings::default;
    let siblings = Arc::<Siblings>::default();
    let shared = || Settings {
        agent: LinkConfig {
            siblings: Arc::clone(&siblings),
            ..settings().agent
        },
        ..settings()
    };
    let mut one = Box::pin(World::new(Carrier::H2, &mut rng, shared())).await;
    let mut other = Box::pin(World::new(Carrier::H2, &mut rng, shared())).await;
    let session = Session::new(one.hub.session.clone());
    session.attach(other.hub.session.clone()).unwrap();
    let ledger = Ledger::default();
    let links = [
        one.hub.session.clone(),
        one.agent.session.clone(),
        other.hub.session.clone(),
        other.agent.session.clone(),
    ];
    let mut streams = JoinSet::new();
    for n in 0..rng.random_range(1..12) {
        let link = links[rng.random_range(0..2)].clone();
        streams.spawn(open(link, n, rng.random(), ledger.clone()));
    }
    let takes = [
        &mut one.hub,
        &mut one.agent,
        &mut other.hub,
        &mut other.agent,
    ]
    .map(|end| take(&mut end.incoming, rng.random(), ledger.clone()));
    let mut mishaps = [(); 2].map(|()| Mishaps(SmallRng::seed_from_u64(rng.random())));
    let [of_one, of_other] = &mut mishaps;
    let life = async {
        let opened = async { while streams.join_next().await.transpose().unwrap().is_some() {} };
        let mishaps = async {
            let [hub, agent, other_hub, other_agent] = links.clone();
            let (first, second) = ([hub, agent], [other_hub, other_agent]);
            tokio::join!(
                of_one.happen(&one.network, &first),
                of_other.happen(&other.network, &second),
            )
        };
        tokio::select! {
            _ = async { tokio::join!(mishaps, opened) } => {}
            never = session.balance() => match never {},
        }
        no_stream_is_left(&links).await;
        for link in &links {
            link.drain(Duration::from_secs(1));
        }
        for link in &links {
            link.closed().await;
        }
    };
    tokio::join!(join_all(takes), life);
    ledger.check();
}

/// What goes wrong besides the network's everyday losses.
struct Mishaps(SmallRng);

impl Mishaps {
    async fn happen(&mut self, network: &Network, links: &[Link; 2]) {
        for _ in 0..self.0.random_range(0..5) {
            let before = ACTION.mul_f64(self.0.random_range(0.0..0.1));
            sleep(before).await;
            match self.0.random_range(0..10) {
                0..4 => {
                    network.fall_silent();
                    sleep(Duration::from_secs_f64(self.0.random_range(0.0..8.0))).await;
                    network.recover();
                }
                4..6 => advance(Duration::from_secs_f64(self.0.random_range(0.0..20.0))).await,
                6..8 => network.change_address(self.0.random()),
                8 => links[self.0.random_range(0..2)].drain(Duration::from_secs(5)),
                _ => network.cut(),
            }
        }
    }
}

/// Streams that have ended at both ends hold nothing there.
async fn no_stream_is_left(links: &[Link]) {
    for link in links {
        let none = async {
            while link.stats().open_streams > 0 && link.takes_streams() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let gone = timeout(LONG / 4, none).await;
        assert!(
            gone.is_ok(),
            "{} streams are left",
            link.stats().open_streams
        );
    }
}
