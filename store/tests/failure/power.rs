//! Losses of power, at any operation on the disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use store::{Embedded, OpenError, Options, Store};

use super::medium::Disk;
use super::witness::Witness;

/// Lives of one store, each ended by a loss of power.
const LIVES: u64 = 4;
/// Operations on the disk in one life at most; opening takes a few of them.
const OPERATIONS: u64 = 400;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_of_power_takes_nothing_that_was_acknowledged() {
    let losses = match std::env::var("ADIT_SOAK") {
        Ok(soak) if soak == "1" => 1000,
        _ => 100,
    };
    let (lost, acknowledged) = (AtomicU64::new(0), AtomicU64::new(0));
    for seed in 0..losses / LIVES {
        // Seen when the test fails.
        eprintln!("seed {seed}");
        let witness = lives(seed, &lost).await;
        acknowledged.fetch_add(witness.acknowledged(), Ordering::Relaxed);
    }
    let (lost, acknowledged) = (lost.into_inner(), acknowledged.into_inner());
    eprintln!("{lost} losses of power, {acknowledged} changes acknowledged");
    assert_eq!(lost, losses);
    assert!(acknowledged > losses, "nothing was done between the losses");
}

async fn lives(seed: u64, lost: &AtomicU64) -> Witness {
    let mut rng = StdRng::seed_from_u64(seed);
    let witness = Witness::default();
    let mut image = empty().await;
    for life in 0..LIVES {
        let disk = Disk::new(image);
        // Most of them at work, some while the store is opened.
        let within = if rng.random_bool(0.15) {
            12
        } else {
            OPERATIONS
        };
        disk.cut_after(rng.random_range(0..within));
        match Embedded::open_on(Arc::new(disk.clone()), options()).await {
            Ok(store) => {
                let store: Arc<dyn Store> = Arc::new(store);
                witness.work(store, seed * LIVES + life).await;
            }
            Err(OpenError::Store(_)) => {}
            Err(error) => panic!("{error}"),
        }
        lost.fetch_add(1, Ordering::Relaxed);
        image = disk.after_power_loss(rng.random());
        let disk = Disk::new(image);
        let store = Embedded::open_on(Arc::new(disk.clone()), options()).await;
        let store = store.unwrap_or_else(|error| panic!("life {life}: {error}"));
        witness.verify(&store).await;
        store.close().await;
        image = disk.image();
    }
    witness
}

/// An empty store. In a folder it is made under another name, so no loss of
/// power leaves less than this.
async fn empty() -> Vec<u8> {
    let disk = Disk::new(Vec::new());
    let store = Embedded::open_on(Arc::new(disk.clone()), options()).await;
    store.unwrap().close().await;
    disk.image()
}

/// Nothing of the past in memory, so that what is read is what is on disk.
fn options() -> Options {
    Options {
        cache: 64 << 10,
        recent: 0,
        ..Options::default()
    }
}
