use std::time::Duration;

use store::{Key, Range, Revision, StoreError, WatchError};

use super::fixture::{Fixture, short};

pub(crate) async fn what_is_compacted_is_gone_and_the_rest_is_not(store: Fixture) {
    let first = store.put("a", "1").await;
    store.put("b", "1").await;
    let to = store.put("a", "2").await;
    store.put("a", "3").await;
    store.store.compact(to).await.unwrap();
    let key = Key::from("a");
    let gone = store.store.get(&key, Some(first)).await.unwrap_err();
    let StoreError::Compacted {
        requested,
        compacted,
    } = gone
    else {
        panic!("{gone}");
    };
    assert_eq!((requested, compacted), (first, to));
    let gone = store.store.range(Range::prefix("").at(first)).await;
    assert!(matches!(gone, Err(StoreError::Compacted { .. })));
    assert_eq!(store.value_at("a", to).await.unwrap(), "2");
    assert_eq!(store.value_at("b", to).await.unwrap(), "1");
    let gone = store.watch("", first).await.end().await;
    assert!(matches!(gone, WatchError::Compacted { compacted } if compacted == to));
    let mut watch = store.watch("", to.next()).await;
    let event = watch.event().await;
    assert_eq!(short(&event), "+a=3");
    assert_eq!(event.prev.unwrap().mod_revision, to);
    until_clean(&store).await;
    assert_eq!(store.value_at("a", to).await.unwrap(), "2");
    assert_eq!(store.store.stats().await.unwrap().history, 1);
}

pub(crate) async fn what_was_deleted_is_gone_after_compaction(store: Fixture) {
    for n in 0..50 {
        store.put(&format!("/k/{n}"), "1").await;
    }
    for n in 0..49 {
        store.delete(&format!("/k/{n}")).await;
    }
    let stats = store.store.stats().await.unwrap();
    assert_eq!((stats.keys, stats.history, stats.garbage), (1, 98, 0));
    let now = store.current().await;
    store.store.compact(now).await.unwrap();
    until_clean(&store).await;
    let stats = store.store.stats().await.unwrap();
    assert_eq!((stats.keys, stats.history), (1, 0));
    assert_eq!((stats.revision, stats.compacted), (now, now));
    assert_eq!(store.list(Range::prefix("/k/")).await.len(), 1);
}

pub(crate) async fn compacting_twice_is_no_error(store: Fixture) {
    store.put("a", "1").await;
    let to = store.put("a", "2").await;
    for to in [to, to, Revision(2)] {
        store.store.compact(to).await.unwrap();
    }
    assert_eq!(store.store.stats().await.unwrap().compacted, to);
    assert_eq!(store.current().await, to);
}

pub(crate) async fn compacting_the_future_is_refused(store: Fixture) {
    let now = store.put("a", "1").await;
    let error = store.store.compact(now.next()).await.unwrap_err();
    assert!(matches!(error, StoreError::Future { .. }), "{error}");
    assert_eq!(store.value_at("a", now).await.unwrap(), "1");
}

/// Waits until room has been made.
async fn until_clean(store: &Fixture) {
    while store.store.stats().await.unwrap().garbage > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
