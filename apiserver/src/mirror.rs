use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use api::{GroupResource, Resource, Storage as Kept};
use futures_util::StreamExt as _;
use serde_json::Value;
use store::{Event, EventKind, Key, KeyValue, Range, WatchError};
use tokio::sync::watch;

use crate::authorization::Rbac;
use crate::object::Stored;
use crate::objects::Objects;
use crate::storage::{RangeError, Storage};
use crate::{Registry, Status};

/// All objects in memory, as new as the store is: what decides about requests
/// reads it. It shares the objects' bytes with the store.
///
/// Whoever writes, reads or watches waits until it shows what they are told
/// ([`Mirror::reach`]), so that their next request is decided by it.
#[derive(Debug)]
pub(crate) struct Mirror {
    registry: RwLock<Arc<Registry>>,
    objects: RwLock<BTreeMap<Key, Arc<KeyValue>>>,
    rbac: Arc<Rbac>,
    /// The revision that it shows.
    seen: watch::Sender<u64>,
    following: AtomicBool,
}

impl Mirror {
    /// One that has read the store once.
    pub(crate) async fn read(
        storage: &Storage,
        registry: Arc<Registry>,
        rbac: Arc<Rbac>,
    ) -> Result<Self, Status> {
        let mirror = Self {
            registry: RwLock::new(registry),
            objects: RwLock::default(),
            rbac,
            seen: watch::Sender::new(0),
            following: AtomicBool::new(false),
        };
        mirror.refresh(storage).await?;
        Ok(mirror)
    }

    /// Whether it is as new as the store, or about to be.
    pub(crate) fn is_following(&self) -> bool {
        self.following.load(Ordering::Relaxed)
    }

    /// How many objects there are of each resource.
    pub(crate) fn counts(&self) -> Vec<(Arc<Resource>, usize)> {
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        let resources = registry.groups().flat_map(|(group, versions)| {
            let mut names: Vec<&str> = versions
                .iter()
                .flat_map(|version| version.resources.keys().map(|name| &**name))
                .collect();
            names.sort_unstable();
            names.dedup();
            let kept = names.into_iter();
            kept.filter_map(|name| stored_resource(&registry, group, name))
                .collect::<Vec<_>>()
        });
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        let counts = resources.map(|resource| {
            let prefix = crate::key::prefix(&resource, "");
            let from = objects.range(prefix.clone()..);
            let count = from
                .take_while(|(key, _)| key.as_bytes().starts_with(prefix.as_bytes()))
                .count();
            (resource, count)
        });
        counts.collect()
    }

    /// Follows the store until it is closed.
    pub(crate) async fn follow(&self, storage: &Storage) {
        let _stops = Following(&self.following);
        loop {
            self.following.store(false, Ordering::Relaxed);
            let from = *self.seen.borrow() + 1;
            let mut changes = match storage.watch(Key::from(ROOT), Some(from)).await {
                Ok(changes) => changes,
                Err(error) => {
                    tracing::error!(%error, "the store cannot be followed");
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
            };
            self.following.store(true, Ordering::Relaxed);
            loop {
                match changes.next().await {
                    Some(Ok(batch)) => {
                        batch.events.iter().for_each(|event| self.take(event));
                        self.seen.send_replace(batch.revision.0);
                    }
                    Some(Err(WatchError::Lagged { .. } | WatchError::Compacted { .. })) => {
                        while let Err(error) = self.refresh(storage).await {
                            tracing::error!(%error, "the store cannot be read");
                            tokio::time::sleep(RETRY).await;
                        }
                        break;
                    }
                    Some(Err(WatchError::Store(error))) => {
                        tracing::error!(%error, "the store cannot be followed");
                        return;
                    }
                    Some(Err(_)) | None => return,
                }
            }
        }
    }

    /// Waits until it shows that revision, for a second at most.
    pub(crate) async fn reach(&self, revision: u64) {
        if *self.seen.borrow() >= revision {
            return;
        }
        let mut seen = self.seen.subscribe();
        let reached = seen.wait_for(|seen| *seen >= revision);
        if tokio::time::timeout(REACH, reached).await.is_err() {
            tracing::warn!(revision, "the mirror of the store is behind");
        }
    }

    /// Serves other kinds from now on.
    pub(crate) fn replace_registry(&self, registry: Arc<Registry>) {
        *self
            .registry
            .write()
            .unwrap_or_else(PoisonError::into_inner) = registry;
    }

    /// Reads all of the store anew.
    async fn refresh(&self, storage: &Storage) -> Result<(), Status> {
        let page = storage
            .range(Range::prefix(ROOT))
            .await
            .map_err(|error| match error {
                RangeError::Failed(status) => status,
                RangeError::Gone => Status::internal("the store's latest revision is gone"),
            })?;
        let new: BTreeMap<Key, Arc<KeyValue>> = page
            .kvs
            .into_iter()
            .map(|kv| (kv.key.clone(), kv))
            .collect();
        let old = std::mem::replace(
            &mut *self.objects.write().unwrap_or_else(PoisonError::into_inner),
            new.clone(),
        );
        for gone in old.keys().filter(|key| !new.contains_key(*key)) {
            self.tell_gone(gone);
        }
        for kv in new.values() {
            self.tell(kv);
        }
        self.seen.send_replace(page.revision.0);
        Ok(())
    }

    fn take(&self, event: &Event) {
        let key = &event.kv.key;
        let mut objects = self.objects.write().unwrap_or_else(PoisonError::into_inner);
        match event.kind {
            EventKind::Put => {
                objects.insert(key.clone(), event.kv.clone());
                drop(objects);
                self.tell(&event.kv);
            }
            EventKind::Delete => {
                objects.remove(key);
                drop(objects);
                self.tell_gone(key);
            }
        }
    }

    /// Tells those that hold a part of the objects in their own form.
    fn tell(&self, kv: &KeyValue) {
        let Some(resource) = self.resource_of(&kv.key) else {
            return;
        };
        let of = resource.group_resource();
        if Rbac::wants(&of)
            && let Ok(object) = Stored::new(kv).and_then(|stored| stored.value(&resource))
        {
            self.rbac.put(&of, &object);
        }
    }

    fn tell_gone(&self, key: &Key) {
        let Some(resource) = self.resource_of(key) else {
            return;
        };
        let of = resource.group_resource();
        if Rbac::wants(&of)
            && let Some(behind) = crate::key::behind(&resource, "", key)
        {
            let (namespace, name) = behind.rsplit_once('/').unwrap_or(("", behind));
            self.rbac.remove(&of, namespace, name);
        }
    }

    /// The resource whose object is under a key.
    fn resource_of(&self, key: &Key) -> Option<Arc<Resource>> {
        let text = std::str::from_utf8(key.as_bytes()).ok()?;
        let mut segments = text.strip_prefix(ROOT)?.split('/');
        let (first, second) = (segments.next()?, segments.next()?);
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        let found = stored_resource(&registry, "", first);
        found.or_else(|| stored_resource(&registry, first, second))
    }
}

/// Says, when it is dropped, that the store is followed no longer.
struct Following<'a>(&'a AtomicBool);

impl Drop for Following<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Objects for Mirror {
    fn get(&self, resource: &GroupResource, namespace: &str, name: &str) -> Option<Value> {
        let resource = {
            let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
            stored_resource(&registry, &resource.group, &resource.resource)?
        };
        let key = crate::key::object(&resource, namespace, name);
        let kv = {
            let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
            objects.get(&key)?.clone()
        };
        Stored::new(&kv).ok()?.value(&resource).ok()
    }
}

/// A resource in the version in which it is kept.
fn stored_resource(registry: &Registry, group: &str, plural: &str) -> Option<Arc<Resource>> {
    let mut versions = registry.versions(group).iter();
    versions.find_map(|version| {
        let resource = version.resources.get(plural)?;
        (resource.storage == Kept::Own).then(|| resource.clone())
    })
}

const ROOT: &str = "/registry/";
const RETRY: Duration = Duration::from_secs(1);
const REACH: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use futures_util::poll;
    use serde_json::json;
    use store::{Embedded, Options, Store as _, Txn};

    use super::*;

    #[tokio::test]
    async fn what_is_heard_and_read_is_shown_already() {
        let dir = tempfile::tempdir().unwrap();
        let store = Embedded::open(dir.path(), Options::default());
        let store = Arc::new(store.await.unwrap());
        let registry = Arc::new(Registry::new(Arc::new(api::core().clone())));
        let unmirrored = Storage::new(store.clone());
        let mirror = Mirror::read(&unmirrored, registry, Arc::default());
        let mirror = Arc::new(mirror.await.unwrap());
        let storage = unmirrored.clone().mirrored_by(mirror.clone());
        let from = Some(store.current().await.unwrap().next().0);
        let mut told = unmirrored.watch(Key::from(ROOT), from).await.unwrap();
        let mut heard = storage.watch(Key::from(ROOT), from).await.unwrap();

        let key = Key::from("/registry/namespaces/edge");
        let object = json!({"metadata": {"name": "edge"}}).to_string();
        let written = Txn::create(key.clone(), object);
        store.txn(written).await.unwrap();
        told.next().await.unwrap().unwrap();
        assert!(poll!(heard.next()).is_pending());
        let namespaces = crate::objects::core("namespaces");
        assert_eq!(mirror.get(&namespaces, "", "edge"), None);

        let reads = async {
            let (told, got) = tokio::join!(heard.next(), storage.get(&key));
            assert!(told.is_some() && got.unwrap().is_some());
            assert!(mirror.get(&namespaces, "", "edge").is_some());
        };
        tokio::select! {
            () = mirror.follow(&unmirrored) => panic!("the store is open"),
            () = reads => {}
        }
    }
}
