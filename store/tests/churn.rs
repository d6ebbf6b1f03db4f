//! Leases that are renewed all the time, which is most of what a hub writes.
//!
//! `ADIT_SOAK=1` renews 10,000 every minute for an hour.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use store::{Embedded, Options, Outcome, Range, Revision, Store, Txn};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How much is renewed, how often, and when history is compacted.
struct Churn {
    leases: usize,
    rounds: usize,
    /// The time from one round to the next; none, and they follow at once.
    pace: Duration,
    /// Rounds between compactions, each to where the one before was asked for.
    compact: usize,
}

const SHORT: Churn = Churn {
    leases: 500,
    rounds: 40,
    pace: Duration::ZERO,
    compact: 4,
};

const LONG: Churn = Churn {
    leases: 10_000,
    rounds: 60,
    pace: Duration::from_secs(60),
    compact: 5,
};

const CLIENTS: usize = 16;
/// The length of a Lease in JSON, about.
const LEN: usize = 500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renewals_do_not_grow_the_file() {
    let soak = std::env::var("ADIT_SOAK").is_ok_and(|soak| soak == "1");
    let churn = if soak { LONG } else { SHORT };
    let dir = tempfile::tempdir().unwrap();
    let store = Embedded::open(dir.path(), Options::default())
        .await
        .unwrap();
    let store = Arc::new(store);
    let mut sizes = Vec::new();
    let mut compact_to = None;
    let began = Instant::now();
    for round in 1..=churn.rounds {
        let due = began + churn.pace * u32::try_from(round).unwrap();
        let mut times = renew(&store, &churn, round).await;
        times.sort_unstable();
        if round % churn.compact == 0 {
            let now = store.current().await.unwrap();
            if let Some(to) = compact_to.replace(now) {
                store.compact(to).await.unwrap();
            }
            let stats = store.stats().await.unwrap();
            sizes.push(stats.size);
            eprintln!(
                "round {round}: {} KiB on disk, {} values of the past; p50 {:?}, p99 {:?}",
                stats.size >> 10,
                stats.history,
                times[times.len() / 2],
                times[times.len() * 99 / 100],
            );
        }
        tokio::time::sleep_until(due).await;
    }
    // There are as many values of the past from the third compaction on.
    let (early, late) = (sizes[3], *sizes.last().unwrap());
    assert!(
        late * 4 <= early * 5,
        "from {early} to {late} bytes: {sizes:?}"
    );
    let count = store.range(Range::prefix("/leases/")).await.unwrap().count;
    assert_eq!(count, churn.leases as u64);
    store.close().await;
    let at = Instant::now();
    let store = Embedded::open(dir.path(), Options::default())
        .await
        .unwrap();
    eprintln!("opened again in {:?}", at.elapsed());
    let page = store.range(Range::prefix("/leases/")).await.unwrap();
    assert!(page.kvs.iter().all(|kv| kv.version == churn.rounds as u64));
    store.close().await;
}

/// Renews every lease once, spread over most of the round, and tells how long
/// each renewal took.
async fn renew(store: &Arc<Embedded>, churn: &Churn, round: usize) -> Vec<Duration> {
    let mut clients = JoinSet::new();
    let gap = churn.pace * 8 / 10 / u32::try_from(churn.leases / CLIENTS).unwrap();
    for client in 0..CLIENTS {
        let store = store.clone();
        let mine = (client..churn.leases).step_by(CLIENTS);
        clients.spawn(async move {
            let mut times = Vec::new();
            let mut due = Instant::now();
            for lease in mine {
                tokio::time::sleep_until(due).await;
                due += gap;
                let key = format!("/leases/{lease:05}");
                let at = Instant::now();
                let read = store.get(&key.as_str().into(), None).await.unwrap();
                let known = read.kv.map_or(Revision::ZERO, |kv| kv.mod_revision);
                let value = format!("{round:0LEN$}");
                let txn = Txn::update(key, known, value);
                let outcome = store.txn(txn).await.unwrap();
                assert!(matches!(outcome, Outcome::Done { .. }));
                times.push(at.elapsed());
            }
            times
        });
    }
    clients.join_all().await.concat()
}
