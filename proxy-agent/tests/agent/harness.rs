//! What the tests stand on.

use std::time::Duration;

use tokio::time::timeout;

mod certificates;
mod cluster;
mod exchange;
mod hub;
mod target;

pub(crate) use certificates::Authority;
pub(crate) use cluster::{Cluster, RunningAgent, access, api, config};
pub(crate) use exchange::{Exchange, object, request};
pub(crate) use hub::{Hub, HubSession};
pub(crate) use target::{Connection, Target};

/// Waits for something that has to happen; how long it takes says nothing.
pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), Box::pin(work))
        .await
        .expect("it takes too long")
}
