use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, PoisonError, RwLock};

use futures_util::{Stream, StreamExt as _};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event};
use kube::{Resource, ResourceExt as _};
use tokio::sync::watch;

/// The objects of a kind as they are now, by name, or by `namespace/name`.
#[derive(Debug)]
pub(crate) struct Known<K> {
    objects: RwLock<BTreeMap<String, Arc<K>>>,
    /// Whether all have been read once.
    read: watch::Sender<bool>,
}

/// What became of an object.
pub(crate) struct Changed<'a, K> {
    pub(crate) key: &'a str,
    /// Unless it is new.
    pub(crate) old: Option<&'a K>,
    /// Unless it is gone.
    pub(crate) new: Option<&'a K>,
}

impl<K> Default for Known<K> {
    fn default() -> Self {
        Self {
            objects: RwLock::default(),
            read: watch::Sender::new(false),
        }
    }
}

impl<K: Clone + Debug + Resource> Known<K> {
    /// Takes up what is told of the kind, and tells of each change. Runs until
    /// it is dropped.
    pub(crate) async fn follow(
        &self,
        events: impl Stream<Item = watcher::Result<Event<K>>>,
        mut changed: impl FnMut(Changed<'_, K>),
    ) {
        let mut listed = BTreeMap::new();
        let note = |event| match event {
            Event::Init => listed.clear(),
            Event::InitApply(object) => {
                let (key, object) = entry(object);
                listed.insert(key, object);
            }
            Event::InitDone => {
                let new = std::mem::take(&mut listed);
                let old = std::mem::replace(&mut *self.write(), new.clone());
                self.read.send_replace(true);
                for (key, object) in &new {
                    let old = old.get(key).map(AsRef::as_ref);
                    let new = Some(object.as_ref());
                    changed(Changed { key, old, new });
                }
                for (key, object) in old.iter().filter(|(key, _)| !new.contains_key(*key)) {
                    let old = Some(object.as_ref());
                    changed(Changed {
                        key,
                        old,
                        new: None,
                    });
                }
            }
            Event::Apply(object) => {
                let (key, object) = entry(object);
                let old = self.write().insert(key.clone(), object.clone());
                let (old, new) = (old.as_deref(), Some(object.as_ref()));
                changed(Changed {
                    key: &key,
                    old,
                    new,
                });
            }
            Event::Delete(object) => {
                let (key, _) = entry(object);
                let old = self.write().remove(&key);
                let old = old.as_deref();
                changed(Changed {
                    key: &key,
                    old,
                    new: None,
                });
            }
        };
        follow(events, note).await;
    }

    /// The object of this key.
    pub(crate) fn find(&self, key: &str) -> Option<Arc<K>> {
        self.read().get(key).cloned()
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<K>> {
        self.read().values().cloned().collect()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.read().is_empty()
    }

    /// Returns when all have been read once.
    pub(crate) async fn are_read(&self) {
        // The sender lives as long as this.
        let _ = self.read.subscribe().wait_for(|read| *read).await;
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<String, Arc<K>>> {
        self.objects.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, BTreeMap<String, Arc<K>>> {
        self.objects.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands on what is told of a kind. Runs until it is dropped.
pub(crate) async fn follow<K: Resource>(
    events: impl Stream<Item = watcher::Result<Event<K>>>,
    mut note: impl FnMut(Event<K>),
) {
    let mut events = std::pin::pin!(events.default_backoff());
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => note(event),
            Err(error) => {
                let kind = std::any::type_name::<K>();
                tracing::warn!(kind, %error, "the hub's API cannot be followed");
            }
        }
    }
}

/// Nobody here asks who changed which field, and that is half of an object.
fn entry<K: Resource>(mut object: K) -> (String, Arc<K>) {
    object.meta_mut().managed_fields = None;
    let name = object.name_any();
    let key = match object.namespace() {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name,
    };
    (key, Arc::new(object))
}
