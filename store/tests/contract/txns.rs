use std::sync::Arc;

use store::{Change, Compare, Key, Outcome, Revision, StoreError, Txn};
use tokio::task::JoinSet;

use super::fixture::{Fixture, text};

pub(crate) async fn every_change_is_the_next_revision(store: Fixture) {
    assert_eq!(store.current().await, Revision(1));
    let first = store.put("a", "1").await;
    assert_eq!(first, Revision(2));
    let second = store.put("a", "2").await;
    assert_eq!(second, first.next());
    assert_eq!(store.put("b", "1").await, second.next());
    let kv = store.get("a").await.unwrap();
    assert_eq!(
        (kv.create_revision, kv.mod_revision, kv.version),
        (first, second, 2)
    );
    assert_eq!(kv.lease, None);
    let deleted = store.delete("a").await;
    assert_eq!(deleted, Revision(5));
    assert_eq!(store.current().await, deleted);
}

pub(crate) async fn a_change_under_a_condition_that_fails_reads_the_key_instead(store: Fixture) {
    let first = store.done(Txn::create("a", "1")).await;
    for txn in [
        Txn::create("a", "2"),
        Txn::update("a", first.next(), "2"),
        Txn::delete("a", Revision(1)),
    ] {
        let Outcome::Conflict { current, revision } = store.store.txn(txn).await.unwrap() else {
            panic!("it was made");
        };
        assert_eq!(text(&current.unwrap()), "1");
        assert_eq!(revision, first);
    }
    let absent = store.store.txn(Txn::update("b", first, "1")).await.unwrap();
    assert_eq!(
        absent,
        Outcome::Conflict {
            current: None,
            revision: first
        }
    );
    assert_eq!(store.current().await, first);
}

pub(crate) async fn a_deleted_key_is_made_anew(store: Fixture) {
    store.put("a", "1").await;
    store.put("a", "2").await;
    let gone = store
        .store
        .txn(Txn::delete("a", Revision(3)))
        .await
        .unwrap();
    let Outcome::Done {
        kv: None,
        prev: Some(prev),
        ..
    } = gone
    else {
        panic!("{gone:?}");
    };
    assert_eq!(text(&prev), "2");
    let made = store.done(Txn::create("a", "3")).await;
    let kv = store.get("a").await.unwrap();
    assert_eq!(
        (kv.create_revision, kv.mod_revision, kv.version),
        (made, made, 1)
    );
}

pub(crate) async fn deleting_what_is_not_there_changes_nothing(store: Fixture) {
    let before = store.put("b", "1").await;
    for compare in [Compare::Any, Compare::ModRevision(Revision::ZERO)] {
        let txn = Txn {
            key: Key::from("a"),
            compare,
            change: Change::Delete,
        };
        let outcome = store.store.txn(txn).await.unwrap();
        assert_eq!(
            outcome,
            Outcome::Done {
                kv: None,
                prev: None,
                revision: before
            }
        );
    }
    assert_eq!(store.current().await, before);
}

pub(crate) async fn a_key_is_made_only_once_however_many_try(store: Fixture) {
    let mut tries = JoinSet::new();
    for n in 0..64 {
        let store = store.store.clone();
        tries.spawn(async move { (n, store.txn(Txn::create("a", n.to_string())).await.unwrap()) });
    }
    let all = tries.join_all().await;
    let done: Vec<_> = all
        .iter()
        .filter(|(_, outcome)| outcome.is_done())
        .collect();
    let [(winner, _)] = done[..] else {
        panic!("made {} times", done.len());
    };
    assert_eq!(text(&store.get("a").await.unwrap()), winner.to_string());
    for (_, outcome) in &all {
        if let Outcome::Conflict { current, .. } = outcome {
            assert_eq!(text(current.as_ref().unwrap()), winner.to_string());
        }
    }
    assert_eq!(store.current().await, Revision(2));
}

pub(crate) async fn many_writers_of_one_key_lose_no_update(store: Fixture) {
    const EACH: u64 = 25;
    const WRITERS: u64 = 16;
    store.put("n", "0").await;
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let store = store.store.clone();
        writers.spawn(async move {
            let key = Key::from("n");
            let mut kv = store.get(&key, None).await.unwrap().kv.unwrap();
            let mut made = 0;
            while made < EACH {
                let next = text(&kv).parse::<u64>().unwrap() + 1;
                let txn = Txn::update("n", kv.mod_revision, next.to_string());
                kv = match store.txn(txn).await.unwrap() {
                    Outcome::Done { kv, .. } => {
                        made += 1;
                        kv.unwrap()
                    }
                    Outcome::Conflict { current, .. } => current.unwrap(),
                };
            }
        });
    }
    writers.join_all().await;
    let kv: Arc<_> = store.get("n").await.unwrap();
    assert_eq!(text(&kv), (WRITERS * EACH).to_string());
    assert_eq!(kv.version, WRITERS * EACH + 1);
}

pub(crate) async fn a_key_or_value_of_a_wrong_size_is_refused(store: Fixture) {
    let refused = [
        Txn::put("", "1"),
        Txn::put("k".repeat(1 << 20), "1"),
        Txn::put("k", vec![b'v'; 64 << 20]),
    ];
    for txn in refused {
        let error = store.store.txn(txn).await.unwrap_err();
        assert!(matches!(error, StoreError::Size { .. }), "{error}");
    }
    assert_eq!(store.current().await, Revision(1));
    store.put("k", &"v".repeat(1 << 20)).await;
}
