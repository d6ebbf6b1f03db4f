use std::time::Duration;

use store::{EventKind, LeaseId, Revision, StoreError, Txn};

use super::fixture::Fixture;

const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_secs(1);

pub(crate) async fn keys_go_with_their_lease(store: Fixture) {
    let short = store.store.grant_lease(SHORT).await.unwrap();
    let long = store.store.grant_lease(LONG).await.unwrap();
    assert_eq!((short.ttl, long.ttl), (SHORT, LONG));
    let mut watch = store.watch("", Revision::ZERO).await;
    store.done(Txn::put("a", "1").with_lease(short.id)).await;
    store.done(Txn::put("b", "1").with_lease(long.id)).await;
    assert_eq!(store.get("a").await.unwrap().lease, Some(short.id));
    let gone = store.until_gone("a", &mut watch).await;
    assert_eq!(gone.prev.unwrap().lease, Some(short.id));
    assert!(store.get("a").await.is_none());
    assert!(store.get("b").await.is_some());
    let late = store.store.keep_alive(short.id).await.unwrap_err();
    assert!(matches!(late, StoreError::LeaseNotFound(id) if id == short.id));
    assert_eq!(store.store.stats().await.unwrap().leases, 1);
}

pub(crate) async fn a_lease_that_is_kept_alive_stays(store: Fixture) {
    let kept = store.store.grant_lease(SHORT).await.unwrap();
    let other = store.store.grant_lease(SHORT).await.unwrap();
    store.done(Txn::put("kept", "1").with_lease(kept.id)).await;
    let mut watch = store.watch("other", Revision::ZERO).await;
    // For two whole lives of one that is not.
    for _ in 0..2 {
        let lease = store.store.grant_lease(SHORT).await.unwrap();
        store
            .done(Txn::put("other", "1").with_lease(lease.id))
            .await;
        let mut gone = Box::pin(store.until_gone("other", &mut watch));
        while tokio::time::timeout(SHORT / 10, &mut gone).await.is_err() {
            assert_eq!(store.store.keep_alive(kept.id).await.unwrap(), kept);
        }
    }
    assert!(store.get("kept").await.is_some());
    assert!(store.store.keep_alive(other.id).await.is_err());
}

pub(crate) async fn revoking_deletes_all_keys_in_one_revision(store: Fixture) {
    let lease = store.store.grant_lease(LONG).await.unwrap();
    for n in 0..5 {
        let txn = Txn::put(format!("/k/{n}"), "1").with_lease(lease.id);
        store.done(txn).await;
    }
    let before = store.put("/other", "1").await;
    let mut watch = store.watch("/k/", Revision::ZERO).await;
    store.store.revoke_lease(lease.id).await.unwrap();
    assert_eq!(store.current().await, before.next());
    let batch = watch.batch().await;
    assert_eq!(batch.events.len(), 5);
    for event in batch.events.iter() {
        assert_eq!(event.kind, EventKind::Delete);
        assert_eq!(event.kv.mod_revision, before.next());
    }
    // The same when it is read again.
    let replayed = store.watch("/k/", before.next()).await.batch().await;
    assert_eq!(replayed, batch);
    let again = store.store.revoke_lease(lease.id).await.unwrap_err();
    assert!(matches!(again, StoreError::LeaseNotFound(_)));
    // Without keys no revision passes.
    let empty = store.store.grant_lease(LONG).await.unwrap();
    store.store.revoke_lease(empty.id).await.unwrap();
    assert_eq!(store.current().await, before.next());
    assert!(empty.id > lease.id);
}

pub(crate) async fn a_key_leaves_its_lease_when_it_is_written_without(store: Fixture) {
    let first = store.store.grant_lease(LONG).await.unwrap();
    let second = store.store.grant_lease(LONG).await.unwrap();
    for key in ["freed", "moved", "deleted", "bound"] {
        store.done(Txn::put(key, "1").with_lease(first.id)).await;
    }
    store.put("freed", "2").await;
    store
        .done(Txn::put("moved", "2").with_lease(second.id))
        .await;
    store.delete("deleted").await;
    store.put("deleted", "2").await;
    store.store.revoke_lease(first.id).await.unwrap();
    assert!(store.get("bound").await.is_none());
    for key in ["freed", "moved", "deleted"] {
        assert!(store.get(key).await.is_some(), "{key} is gone");
    }
    store.store.revoke_lease(second.id).await.unwrap();
    assert!(store.get("moved").await.is_none());
}

pub(crate) async fn a_lease_that_is_not_there_binds_nothing(store: Fixture) {
    let missing = LeaseId(4711);
    let error = store
        .store
        .txn(Txn::put("a", "1").with_lease(missing))
        .await;
    assert!(matches!(error, Err(StoreError::LeaseNotFound(id)) if id == missing));
    assert!(store.get("a").await.is_none());
    let error = store.store.keep_alive(missing).await;
    assert!(matches!(error, Err(StoreError::LeaseNotFound(_))));
    let error = store.store.revoke_lease(missing).await;
    assert!(matches!(error, Err(StoreError::LeaseNotFound(_))));
    for ttl in [Duration::ZERO, Duration::MAX] {
        let error = store.store.grant_lease(ttl).await;
        assert!(matches!(error, Err(StoreError::LeaseTtl { .. })));
    }
}
