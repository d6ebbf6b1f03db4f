//! What there may be only so many of.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use store::{Embedded, Key, Options, Revision, Store, StoreError, Txn};

#[tokio::test]
async fn a_watch_too_many_is_refused_until_another_ends() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        max_watches: 2,
        recent: 0,
        ..Options::default()
    };
    let store = Embedded::open(dir.path(), options).await.unwrap();
    store.txn(Txn::put("/k", "1")).await.unwrap();
    let now = store.watch(Key::from("/"), Revision::ZERO).await.unwrap();
    // One that still reads the past counts as well.
    let past = store.watch(Key::from("/"), Revision(2)).await.unwrap();
    let refused = store.watch(Key::from("/"), Revision::ZERO).await;
    assert!(matches!(refused, Err(StoreError::Limit { limit: 2, .. })));
    drop(past);
    let again = store.watch(Key::from("/"), Revision::ZERO).await;
    assert!(again.is_ok());
    drop((again, now));
    assert_eq!(store.stats().await.unwrap().watches, 0);
    store.close().await;
}

#[tokio::test]
async fn a_lease_too_many_is_refused_until_another_ends() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        max_leases: 1,
        ..Options::default()
    };
    let store = Embedded::open(dir.path(), options).await.unwrap();
    let ttl = Duration::from_secs(60);
    let lease = store.grant_lease(ttl).await.unwrap();
    let refused = store.grant_lease(ttl).await;
    assert!(matches!(refused, Err(StoreError::Limit { limit: 1, .. })));
    store.revoke_lease(lease.id).await.unwrap();
    store.grant_lease(ttl).await.unwrap();
    store.close().await;
}
