use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use store::{
    Batch, Embedded, Event, EventKind, Key, KeyValue, Options, Outcome, Range, Revision, Store,
    Txn, WatchStream,
};
use tempfile::TempDir;

/// How long anything may take that has to happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// An empty store, and what it needs to be one.
pub(crate) struct Fixture {
    pub(crate) store: Arc<dyn Store>,
    _dir: TempDir,
}

pub(crate) async fn embedded() -> Fixture {
    make(Options::default()).await
}

/// One that keeps nothing of the past in memory, and takes few requests at once.
pub(crate) async fn embedded_on_disk() -> Fixture {
    make(Options {
        cache: 0,
        recent: 0,
        queue: 3,
        ..Options::default()
    })
    .await
}

async fn make(options: Options) -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let store = Embedded::open(dir.path(), options).await.unwrap();
    Fixture {
        store: Arc::new(store),
        _dir: dir,
    }
}

impl Fixture {
    pub(crate) async fn put(&self, key: &str, value: &str) -> Revision {
        let value = value.to_owned();
        self.done(Txn::put(key, value)).await
    }

    pub(crate) async fn delete(&self, key: &str) -> Revision {
        let revision = self.get(key).await.unwrap().mod_revision;
        self.done(Txn::delete(key, revision)).await
    }

    /// Makes a change that must succeed.
    pub(crate) async fn done(&self, txn: Txn) -> Revision {
        match self.store.txn(txn).await.unwrap() {
            Outcome::Done { revision, .. } => revision,
            conflict @ Outcome::Conflict { .. } => panic!("{conflict:?}"),
        }
    }

    pub(crate) async fn get(&self, key: &str) -> Option<Arc<KeyValue>> {
        self.store.get(&Key::from(key), None).await.unwrap().kv
    }

    pub(crate) async fn value_at(&self, key: &str, at: Revision) -> Option<String> {
        let got = self.store.get(&Key::from(key), Some(at)).await.unwrap();
        assert_eq!(got.revision, at);
        got.kv.map(|kv| text(&kv))
    }

    pub(crate) async fn current(&self) -> Revision {
        self.store.current().await.unwrap()
    }

    /// Keys and values of a range, as text.
    pub(crate) async fn list(&self, range: Range) -> Vec<(String, String)> {
        let page = self.store.range(range).await.unwrap();
        page.kvs
            .iter()
            .map(|kv| (kv.key.to_string(), text(kv)))
            .collect()
    }

    pub(crate) async fn watch(&self, prefix: &str, from: Revision) -> Watch {
        let stream = self.store.watch(Key::from(prefix), from).await.unwrap();
        Watch {
            stream,
            events: Vec::new(),
            at: Revision::ZERO,
        }
    }

    /// Waits until the key is gone.
    pub(crate) async fn until_gone(&self, key: &str, watch: &mut Watch) -> Event {
        loop {
            let event = watch.event().await;
            if event.kind == EventKind::Delete && event.kv.key == Key::from(key) {
                return event;
            }
        }
    }
}

/// A watch, event by event.
pub(crate) struct Watch {
    pub(crate) stream: WatchStream,
    events: Vec<Event>,
    at: Revision,
}

impl Watch {
    pub(crate) async fn batch(&mut self) -> Batch {
        let next = tokio::time::timeout(PATIENCE, self.stream.next());
        let batch = next.await.expect("nothing comes").unwrap().unwrap();
        let revisions = batch.events.iter().map(|event| event.kv.mod_revision);
        assert!(revisions.clone().is_sorted());
        assert!(
            revisions
                .clone()
                .all(|r| self.at < r && r <= batch.revision)
        );
        assert!(self.at <= batch.revision);
        self.at = batch.revision;
        batch
    }

    pub(crate) async fn event(&mut self) -> Event {
        while self.events.is_empty() {
            let batch = self.batch().await;
            self.events = batch.events.iter().rev().cloned().collect();
        }
        self.events.pop().unwrap()
    }

    pub(crate) async fn events(&mut self, count: usize) -> Vec<Event> {
        let mut events = Vec::new();
        for _ in 0..count {
            events.push(self.event().await);
        }
        events
    }

    /// Forgets what it had waiting, when its stream was replaced by another.
    pub(crate) fn replace(&mut self, stream: WatchStream) {
        *self = Self {
            stream,
            events: Vec::new(),
            at: Revision::ZERO,
        };
    }

    /// How many events it gives until it lagged, and where it can go on.
    pub(crate) async fn until_lagged(mut self) -> (u64, Revision) {
        let mut seen = 0;
        loop {
            let next = tokio::time::timeout(PATIENCE, self.stream.next());
            match next.await.expect("it does not end").unwrap() {
                Ok(batch) => seen += batch.events.len() as u64,
                Err(store::WatchError::Lagged { resume }) => return (seen, resume),
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// The error it ends with, behind whatever comes before.
    pub(crate) async fn end(mut self) -> store::WatchError {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.stream.next());
            match next.await.expect("it does not end").unwrap() {
                Ok(_) => {}
                Err(error) => {
                    assert!(self.stream.next().await.is_none());
                    return error;
                }
            }
        }
    }
}

pub(crate) fn text(kv: &KeyValue) -> String {
    String::from_utf8(kv.value.to_vec()).unwrap()
}

/// `+key=value` or `-key`.
pub(crate) fn short(event: &Event) -> String {
    match event.kind {
        EventKind::Put => format!("+{}={}", event.kv.key, text(&event.kv)),
        EventKind::Delete => format!("-{}", event.kv.key),
    }
}
