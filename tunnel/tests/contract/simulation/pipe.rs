//! What TCP makes of a bad network: bytes that come late, in order, or never.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::io::{
    AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf, duplex, split,
};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// How the pipe is; clones are handles to the same one.
#[derive(Clone, Debug)]
pub(crate) struct Weather(Arc<watch::Sender<State>>);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Cut,
    Fine,
    Silent,
}

impl Weather {
    pub(crate) fn set_silent(&self, silent: bool) {
        self.0.send_if_modified(|state| {
            let next = if silent { State::Silent } else { State::Fine };
            let changes = *state != State::Cut && *state != next;
            if changes {
                *state = next;
            }
            changes
        });
    }

    pub(crate) fn cut(&self) {
        self.0.send_replace(State::Cut);
    }
}

/// Two ends of a connection, and the tasks that carry its bytes.
pub(crate) fn pipe(rng: &mut SmallRng) -> (DuplexStream, DuplexStream, Weather, JoinSet<()>) {
    let weather = Weather(Arc::new(watch::Sender::new(State::Fine)));
    let (hub, hub_side) = duplex(64 * 1024);
    let (agent, agent_side) = duplex(64 * 1024);
    let (hub_out, hub_in) = split(hub_side);
    let (agent_out, agent_in) = split(agent_side);
    let delay = Duration::from_secs_f64(rng.random_range(0.0..0.3));
    let mut tasks = JoinSet::new();
    for (from, to) in [(hub_out, agent_in), (agent_out, hub_in)] {
        let rng = SmallRng::seed_from_u64(rng.random());
        tasks.spawn(carry(from, to, delay, weather.0.subscribe(), rng));
    }
    (hub, agent, weather, tasks)
}

async fn carry(
    mut from: ReadHalf<DuplexStream>,
    mut to: WriteHalf<DuplexStream>,
    delay: Duration,
    mut state: watch::Receiver<State>,
    mut rng: SmallRng,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let most = rng.random_range(1..=buffer.len());
        let count = tokio::select! {
            read = from.read(&mut buffer[..most]) => match read {
                Ok(0) | Err(_) => break,
                Ok(count) => count,
            },
            _ = state.wait_for(|state| *state == State::Cut) => return,
        };
        sleep(delay.mul_f64(rng.random())).await;
        match state.wait_for(|state| *state != State::Silent).await {
            Ok(state) if *state == State::Fine => {}
            Ok(_) | Err(_) => return,
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
    // The other end may be gone already.
    let _ = to.shutdown().await;
}
