use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use store::{
    Change, Compare, Event, EventKind, Key, Outcome, Range, Revision, Store, Txn, WatchError,
};
use tokio::task::JoinSet;

/// Those who write; each has keys of its own.
const WRITERS: u64 = 4;
const KEYS: u64 = 3;

/// What was promised over the lives of a store, which it must have kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Witness(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    /// Of each revision that was acknowledged or seen in a watch: what it did.
    revisions: BTreeMap<u64, (String, Option<String>)>,
    /// What each key is at last by what was acknowledged.
    keys: BTreeMap<String, Option<String>>,
    /// What was asked for and not answered, by key.
    asked: BTreeMap<String, Option<String>>,
    count: u64,
}

impl Witness {
    /// How many changes were acknowledged.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.0.lock().unwrap().count
    }

    /// Changes things until the store fails; watches and compacts it meanwhile.
    pub(crate) async fn work(&self, store: Arc<dyn Store>, seed: u64) {
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let (witness, store) = (self.clone(), store.clone());
            let rng = StdRng::seed_from_u64(seed.wrapping_mul(31) + writer);
            writers.spawn(async move { witness.write(&*store, writer, rng).await });
        }
        let mut others = JoinSet::new();
        let (witness, watched) = (self.clone(), store.clone());
        others.spawn(async move { witness.watch(&*watched, Revision::ZERO).await });
        others.spawn(async move { compact(&*store).await });
        writers.join_all().await;
        others.shutdown().await;
    }

    async fn write(&self, store: &dyn Store, writer: u64, mut rng: StdRng) {
        loop {
            let key = format!("/w/{writer}/{}", rng.random_range(0..KEYS));
            let value = (!rng.random_bool(0.2)).then(|| {
                let n = rng.random::<u32>();
                value(&key, n, rng.random_range(0..3000))
            });
            if self.step(store, &key, value).await.is_err() {
                return;
            }
        }
    }

    /// Makes one change, and remembers what came of it.
    async fn step(&self, store: &dyn Store, key: &str, value: Option<String>) -> Result<(), ()> {
        let change = match &value {
            Some(value) => Change::Put {
                value: value.clone().into(),
                lease: None,
            },
            None => Change::Delete,
        };
        let txn = Txn {
            key: Key::from(key),
            compare: Compare::Any,
            change,
        };
        let asked = self
            .0
            .lock()
            .unwrap()
            .asked
            .insert(key.to_owned(), value.clone());
        assert!(asked.is_none(), "a writer asks for one thing at a time");
        match store.txn(txn).await {
            Ok(Outcome::Done { revision, kv, prev }) => {
                let mut seen = self.0.lock().unwrap();
                seen.asked.remove(key);
                seen.keys.insert(key.to_owned(), value.clone());
                seen.count += 1;
                if kv.is_some() || prev.is_some() {
                    seen.see(revision, key, value);
                }
                Ok(())
            }
            Ok(conflict @ Outcome::Conflict { .. }) => panic!("{conflict:?}"),
            Err(_) => Err(()),
        }
    }

    async fn watch(&self, store: &dyn Store, from: Revision) {
        let Ok(mut watch) = store.watch(Key::from("/w/"), from).await else {
            return;
        };
        while let Some(Ok(batch)) = watch.next().await {
            for event in batch.events.iter() {
                self.see(event);
            }
        }
    }

    fn see(&self, event: &Event) {
        let value = match event.kind {
            EventKind::Put => Some(String::from_utf8(event.kv.value.to_vec()).unwrap()),
            EventKind::Delete => None,
        };
        let key = event.kv.key.to_string();
        self.0
            .lock()
            .unwrap()
            .see(event.kv.mod_revision, &key, value);
    }

    /// Looks whether a store that was opened again has kept all of it.
    pub(crate) async fn verify(&self, store: &dyn Store) {
        let stats = store.stats().await.unwrap();
        let page = store.range(Range::prefix("/w/")).await.unwrap();
        let there: BTreeMap<String, String> = page
            .kvs
            .iter()
            .map(|kv| {
                (
                    kv.key.to_string(),
                    String::from_utf8(kv.value.to_vec()).unwrap(),
                )
            })
            .collect();
        for (key, value) in &there {
            assert!(is_whole(key, value), "half of a value at {key}");
        }
        {
            let mut seen = self.0.lock().unwrap();
            let last = seen.revisions.keys().next_back().map_or(1, |last| *last);
            assert!(stats.revision.0 >= last, "revisions went back");
            let asked = std::mem::take(&mut seen.asked);
            let keys: Vec<_> = seen.keys.keys().chain(asked.keys()).cloned().collect();
            for key in keys {
                let now = there.get(&key).cloned();
                let promised = seen.keys.get(&key).cloned().flatten();
                if now != promised {
                    // What was not answered may have happened or not.
                    let asked = asked.get(&key);
                    assert_eq!(Some(&now), asked, "{key} is not what was acknowledged");
                    seen.keys.insert(key, now);
                }
            }
        }
        self.replay(store, stats.compacted, stats.revision).await;
    }

    /// Reads the history; what is in it must be what was seen of it.
    async fn replay(&self, store: &dyn Store, compacted: Revision, to: Revision) {
        if compacted > Revision(1) {
            let mut gone = store.watch(Key::from("/w/"), Revision(2)).await.unwrap();
            let first = gone.next().await.unwrap();
            assert!(
                matches!(first, Err(WatchError::Compacted { .. })),
                "{first:?}"
            );
        }
        // An empty store is at 1, which is no change.
        let from = compacted.next().max(Revision(2));
        let mut watch = store.watch(Key::from("/w/"), from).await.unwrap();
        let mut found = BTreeSet::new();
        let mut at = Revision(from.0 - 1);
        while at < to {
            let next = tokio::time::timeout(Duration::from_secs(30), watch.next());
            let batch = next.await.expect("the history has no end").unwrap();
            let batch = batch.unwrap();
            for event in batch.events.iter() {
                self.see(event);
                found.insert(event.kv.mod_revision.0);
            }
            at = batch.revision;
        }
        let seen = self.0.lock().unwrap();
        for revision in seen.revisions.range(from.0..).map(|(revision, _)| revision) {
            assert!(found.contains(revision), "revision {revision} is gone");
        }
    }
}

impl Seen {
    fn see(&mut self, revision: Revision, key: &str, value: Option<String>) {
        let what = (key.to_owned(), value);
        let known = self
            .revisions
            .entry(revision.0)
            .or_insert_with(|| what.clone());
        assert_eq!(*known, what, "revision {revision} was used twice");
    }
}

async fn compact(store: &dyn Store) {
    loop {
        tokio::time::sleep(Duration::from_millis(3)).await;
        let Ok(now) = store.current().await else {
            return;
        };
        let to = Revision(now.0.saturating_sub(20));
        if store.compact(to).await.is_err() {
            return;
        }
    }
}

/// A value that tells whether it is whole.
pub(crate) fn value(key: &str, n: u32, len: usize) -> String {
    format!("{key} {n} {len} {}", "x".repeat(len))
}

pub(crate) fn is_whole(key: &str, value: &str) -> bool {
    let parts: Vec<_> = value.split(' ').collect();
    let [of, _, len, rest] = parts[..] else {
        return false;
    };
    of == key && len.parse() == Ok(rest.len()) && rest.bytes().all(|b| b == b'x')
}
