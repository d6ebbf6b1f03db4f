use std::time::Duration;

use futures_util::StreamExt as _;
use store::{Embedded, Event, EventKind, Key, Options, Range, Revision, Store, Txn, WatchError};

#[tokio::test]
async fn watches_go_on_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = Embedded::open(dir.path(), Options::default())
        .await
        .unwrap();
    let mut watch = store.watch(Key::from("/k/"), Revision::ZERO).await.unwrap();
    let mut last = Revision::ZERO;
    for n in 0..20 {
        let txn = Txn::put(format!("/k/{}", n % 3), n.to_string());
        last = store.txn(txn).await.unwrap().revision();
    }
    let compacted = Revision(6);
    store.compact(compacted).await.unwrap();
    let mut seen: Vec<Event> = Vec::new();
    while seen.len() < 20 {
        seen.extend(watch.next().await.unwrap().unwrap().events.iter().cloned());
    }
    let before = store.range(Range::prefix("")).await.unwrap();
    let incarnation = store.stats().await.unwrap().incarnation;
    store.close().await;
    // The watch knows that it is over.
    let end = watch.next().await.unwrap();
    assert!(matches!(end, Err(WatchError::Store(_))), "{end:?}");
    let store = Embedded::open(dir.path(), Options::default())
        .await
        .unwrap();
    let stats = store.stats().await.unwrap();
    assert_eq!((stats.incarnation, stats.revision), (incarnation, last));
    assert_eq!(store.range(Range::prefix("")).await.unwrap(), before);
    let mut again = store
        .watch(Key::from("/k/"), compacted.next())
        .await
        .unwrap();
    let batch = again.next().await.unwrap().unwrap();
    assert_eq!(batch.events[..], seen[5..]);
    let mut gone = store.watch(Key::from("/k/"), compacted).await.unwrap();
    let end = gone.next().await.unwrap();
    assert!(matches!(end, Err(WatchError::Compacted { .. })), "{end:?}");
    let next = store.txn(Txn::put("/k/0", "x")).await.unwrap().revision();
    assert_eq!(next, last.next());
    store.close().await;
}

#[tokio::test]
async fn leases_outlive_a_restart_and_then_end() {
    let dir = tempfile::tempdir().unwrap();
    let store = Embedded::open(dir.path(), Options::default())
        .await
        .unwrap();
    let ttl = Duration::from_secs(1);
    let short = store.grant_lease(ttl).await.unwrap();
    let gone = store.grant_lease(ttl).await.unwrap();
    store
        .txn(Txn::put("/short", "1").with_lease(short.id))
        .await
        .unwrap();
    store
        .txn(Txn::put("/gone", "1").with_lease(gone.id))
        .await
        .unwrap();
    store.revoke_lease(gone.id).await.unwrap();
    store.close().await;
    let store = Embedded::open(dir.path(), Options::default())
        .await
        .unwrap();
    assert_eq!(store.stats().await.unwrap().leases, 1);
    assert_eq!(store.keep_alive(short.id).await.unwrap(), short);
    assert!(store.keep_alive(gone.id).await.is_err());
    let mut watch = store
        .watch(Key::from("/short"), Revision::ZERO)
        .await
        .unwrap();
    let next = tokio::time::timeout(Duration::from_secs(30), watch.next());
    let batch = next.await.expect("it never ends").unwrap().unwrap();
    assert_eq!(batch.events[0].kind, EventKind::Delete);
    assert_eq!(store.stats().await.unwrap().leases, 0);
    // A number is not used again.
    let next = store.grant_lease(ttl).await.unwrap();
    assert!(next.id > gone.id);
    store.close().await;
}

#[tokio::test]
async fn room_is_made_after_a_restart_too() {
    let dir = tempfile::tempdir().unwrap();
    let store = Embedded::open(dir.path(), Options::default())
        .await
        .unwrap();
    for n in 0..3000 {
        drop(store.txn(Txn::put("/k", n.to_string())).await.unwrap());
    }
    let now = store.current().await.unwrap();
    store.compact(now).await.unwrap();
    store.close().await;
    let store = Embedded::open(dir.path(), Options::default())
        .await
        .unwrap();
    while store.stats().await.unwrap().history > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let there = store.get(&Key::from("/k"), None).await.unwrap().kv.unwrap();
    assert_eq!((there.value.as_ref(), there.version), (&b"2999"[..], 3000));
    store.close().await;
}
