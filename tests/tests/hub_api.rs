//! The API of a running `adit hub`: many slow bodies cost it bounded memory,
//! and what it has acknowledged outlives it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::large_futures, reason = "there is one of each")]

use tests::fixture::runtime;
use tests::hub::Hub;
use tests::namespace::Namespace;
use tests::needs::{self, Needs};

#[path = "hub_api/dear.rs"]
mod dear;
#[path = "hub_api/killed.rs"]
mod killed;
#[path = "hub_api/slow.rs"]
mod slow;
#[path = "hub_api/witness.rs"]
mod witness;

/// Runs a test with a hub that is alone on a loopback.
fn with_hub(role: &str, test: impl AsyncFnOnce(&'static Needs, Hub) + Send) {
    let Some(needs) = needs::find() else { return };
    let namespace = Namespace::create(role).unwrap();
    namespace.enter(|| {
        runtime().block_on(async {
            let hub = Hub::start(needs, &namespace, [127, 0, 0, 1].into());
            test(needs, hub.await.unwrap()).await;
        });
    });
}
