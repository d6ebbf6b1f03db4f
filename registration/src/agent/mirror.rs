//! A collection of the managed cluster, reduced to what is needed of it.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, ResourceExt as _};
use serde::de::DeserializeOwned;
use std::convert::Infallible;
use std::fmt::Debug;
use tokio::sync::watch;

/// Follows all objects of a kind, keeps `of` each, and tells what `gather`
/// makes of them, whenever that changes. Nothing is told before all are known.
pub(super) async fn follow<K, V, T>(
    objects: Api<K>,
    of: impl Fn(&K) -> Option<V>,
    gather: impl Fn(&BTreeMap<String, V>) -> T,
    told: watch::Sender<Option<T>>,
) -> Infallible
where
    K: kube::Resource + Clone + Debug + DeserializeOwned + Send + 'static,
    T: PartialEq,
{
    let changes = watcher(objects, watcher::Config::default())
        .default_backoff()
        .ready_chunks(CHANGES_AT_ONCE);
    let mut changes = std::pin::pin!(changes);
    let mut known = BTreeMap::new();
    let mut whole = false;
    while let Some(chunk) = changes.next().await {
        for change in chunk {
            match change {
                Ok(watcher::Event::Init) => {
                    known.clear();
                    whole = false;
                }
                Ok(watcher::Event::InitApply(object) | watcher::Event::Apply(object)) => {
                    match of(&object) {
                        Some(value) => known.insert(object.name_any(), value),
                        None => known.remove(&object.name_any()),
                    };
                }
                Ok(watcher::Event::Delete(object)) => {
                    known.remove(&object.name_any());
                }
                Ok(watcher::Event::InitDone) => whole = true,
                Err(error) => {
                    tracing::debug!(%error, "cannot follow the managed cluster; trying again");
                }
            }
        }
        if whole {
            let now = Some(gather(&known));
            told.send_if_modified(|before| {
                let news = *before != now;
                if news {
                    *before = now;
                }
                news
            });
        }
    }
    std::future::pending().await
}

/// How many changes are taken together.
const CHANGES_AT_ONCE: usize = 1024;
