use std::time::Duration;

use store::{Key, Revision, Txn};
use tokio::task::JoinSet;

use super::fixture::{Fixture, short, text};

pub(crate) async fn a_watch_sees_its_prefix_alone(store: Fixture) {
    let mut watch = store.watch("/a/", Revision::ZERO).await;
    store.put("/b/1", "no").await;
    store.put("/a/1", "1").await;
    store.put("/a", "no").await;
    store.put("/a/2", "2").await;
    store.delete("/a/1").await;
    let events: Vec<_> = watch.events(3).await.iter().map(short).collect();
    assert_eq!(events, ["+/a/1=1", "+/a/2=2", "-/a/1"]);
}

pub(crate) async fn a_watch_gives_what_was_there_before(store: Fixture) {
    let mut live = store.watch("", Revision::ZERO).await;
    let made = store.put("a", "1").await;
    store.put("a", "2").await;
    let deleted = store.delete("a").await;
    store.put("a", "3").await;
    let mut replayed = store.watch("", made).await;
    let events = live.events(4).await;
    assert_eq!(replayed.events(4).await, events);
    let before: Vec<_> = events
        .iter()
        .map(|event| event.prev.as_ref().map(|prev| text(prev)))
        .collect();
    assert_eq!(before, [None, Some("1".into()), Some("2".into()), None]);
    let gone = &events[2].kv;
    assert_eq!(gone.mod_revision, deleted);
    assert_eq!((gone.create_revision, gone.version), (Revision::ZERO, 0));
    assert!(gone.value.is_empty());
}

pub(crate) async fn a_watch_begins_where_it_is_told(store: Fixture) {
    store.put("a", "1").await;
    let second = store.put("a", "2").await;
    store.put("a", "3").await;
    let mut now = store.watch("", Revision::ZERO).await;
    let mut from = store.watch("", second).await;
    let mut after = store.watch("", second.next()).await;
    store.put("a", "4").await;
    assert_eq!(short(&now.event().await), "+a=4");
    assert_eq!(short(&from.event().await), "+a=2");
    assert_eq!(short(&after.event().await), "+a=3");
}

pub(crate) async fn a_watch_of_the_future_waits_for_it(store: Fixture) {
    let mut watch = store.watch("", Revision(4)).await;
    for n in 2..6 {
        assert_eq!(store.put("a", &n.to_string()).await, Revision(n));
    }
    let events: Vec<_> = watch.events(2).await.iter().map(short).collect();
    assert_eq!(events, ["+a=4", "+a=5"]);
}

pub(crate) async fn a_watch_from_the_past_has_no_gap_to_the_present(store: Fixture) {
    const WRITERS: usize = 8;
    const EACH: usize = 150;
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = store.store.clone();
        writers.spawn(async move {
            for n in 0..EACH {
                let key = format!("/{}/{writer}", n % 2);
                store.txn(Txn::put(key, n.to_string())).await.unwrap();
            }
        });
    }
    // Watches that begin while all that happens, some of them anew in between.
    let mut watchers = JoinSet::new();
    for reader in 0..6 {
        let mut watch = store.watch("", Revision(2)).await;
        let store = store.store.clone();
        watchers.spawn(async move {
            let mut next = Revision(2);
            while next.0 < 2 + (WRITERS * EACH) as u64 {
                let event = watch.event().await;
                assert_eq!(event.kv.mod_revision, next);
                next = next.next();
                if reader % 2 == 1 && next.0.is_multiple_of(97) {
                    watch.replace(store.watch(Key::from(""), next).await.unwrap());
                }
            }
        });
    }
    writers.join_all().await;
    watchers.join_all().await;
}

pub(crate) async fn two_watches_see_the_same_order(store: Fixture) {
    let mut all = store.watch("", Revision::ZERO).await;
    let mut same = store.watch("/", Revision::ZERO).await;
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let store = store.store.clone();
        writers.spawn(async move {
            for n in 0..20 {
                let txn = Txn::put(format!("/{writer}"), n.to_string());
                store.txn(txn).await.unwrap();
            }
        });
    }
    assert_eq!(all.events(160).await, same.events(160).await);
}

pub(crate) async fn a_watch_is_told_how_far_it_is(store: Fixture) {
    let mut watch = store.watch("/a/", Revision::ZERO).await;
    let mut future = store.watch("/a/", Revision(100)).await;
    let now = store.put("/b/1", "1").await;
    store.store.request_progress().await.unwrap();
    let batch = watch.batch().await;
    assert_eq!((batch.revision, batch.events.len()), (now, 0));
    let then = store.put("/a/1", "1").await;
    store.store.request_progress().await.unwrap();
    assert_eq!(watch.event().await.kv.mod_revision, then);
    assert_eq!(watch.batch().await.revision, then);
    // Not of what it was not asked to tell.
    let quiet = tokio::time::timeout(Duration::from_millis(20), future.batch());
    assert!(quiet.await.is_err());
}

pub(crate) async fn watches_without_a_reader_hold_nobody_up(store: Fixture) {
    let stalled = store.watch("/a/", Revision::ZERO).await;
    let mut other = store.watch("/b/", Revision::ZERO).await;
    let value = "x".repeat(1 << 20);
    let mut last = Revision::ZERO;
    for _ in 0..64 {
        last = store.put("/a/1", &value).await;
    }
    store.put("/b/1", "1").await;
    assert_eq!(short(&other.event().await), "+/b/1=1");
    // It has its beginning, and from where to go on; together they are all.
    let (seen, resume) = stalled.until_lagged().await;
    assert!(resume <= last, "it held 64 MiB");
    let mut again = store.watch("/a/", resume).await;
    let rest = last.0 - resume.0 + 1;
    for n in 0..rest {
        assert_eq!(again.event().await.kv.mod_revision.0, resume.0 + n);
    }
    assert_eq!(seen + rest, 64);
}
