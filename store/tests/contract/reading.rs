use store::{Key, Range, Revision, StoreError};

use super::fixture::Fixture;

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    all.iter().map(owned).collect()
}

pub(crate) async fn a_page_tells_what_is_behind_it(store: Fixture) {
    for key in ["/a/3", "/a/1", "/b/1", "/a/2", "/a"] {
        store.put(key, "x").await;
    }
    let page = store
        .store
        .range(Range::prefix("/a/").limit(2))
        .await
        .unwrap();
    assert_eq!((page.kvs.len(), page.more, page.count), (2, true, 3));
    assert_eq!(page.revision, Revision(6));
    let start = page.kvs[1].key.successor();
    assert_eq!(page.kvs[1].key, Key::from("/a/2"));
    let rest = Range::prefix("/a/").limit(2).start(start).at(page.revision);
    let page = store.store.range(rest).await.unwrap();
    assert_eq!((page.kvs.len(), page.more, page.count), (1, false, 1));
    assert_eq!(page.kvs[0].key, Key::from("/a/3"));
    let none = store.store.range(Range::prefix("/c/")).await.unwrap();
    assert_eq!((none.kvs.len(), none.more, none.count), (0, false, 0));
    let counted = store
        .store
        .range(Range::prefix("/a/").limit(0))
        .await
        .unwrap();
    assert_eq!(
        (counted.kvs.len(), counted.more, counted.count),
        (0, true, 3)
    );
}

pub(crate) async fn a_prefix_is_bytes_and_no_path(store: Fixture) {
    for key in ["ab", "a", "b", "abc", "ac"] {
        store.put(key, "x").await;
    }
    let keys = |list: Vec<(String, String)>| list.into_iter().map(|(k, _)| k).collect::<Vec<_>>();
    assert_eq!(keys(store.list(Range::prefix("ab")).await), ["ab", "abc"]);
    assert_eq!(
        keys(store.list(Range::prefix("")).await),
        ["a", "ab", "abc", "ac", "b"]
    );
    // A start before the prefix does not widen it.
    let from = Range::prefix("ab").start(Key::from("a"));
    assert_eq!(keys(store.list(from).await), ["ab", "abc"]);
}

pub(crate) async fn the_past_can_be_read(store: Fixture) {
    let made = store.put("a", "1").await;
    let other = store.put("b", "1").await;
    let updated = store.put("a", "2").await;
    let deleted = store.delete("a").await;
    let again = store.put("a", "3").await;
    assert_eq!(store.value_at("a", Revision(1)).await, None);
    assert_eq!(store.value_at("a", made).await.unwrap(), "1");
    assert_eq!(store.value_at("a", other).await.unwrap(), "1");
    assert_eq!(store.value_at("a", updated).await.unwrap(), "2");
    assert_eq!(store.value_at("a", deleted).await, None);
    assert_eq!(store.value_at("a", again).await.unwrap(), "3");
    let list = async |at| store.list(Range::prefix("").at(at)).await;
    assert_eq!(list(made).await, pairs(&[("a", "1")]));
    assert_eq!(list(updated).await, pairs(&[("a", "2"), ("b", "1")]));
    assert_eq!(list(deleted).await, pairs(&[("b", "1")]));
}

pub(crate) async fn pages_at_one_revision_are_one_picture(store: Fixture) {
    for n in 0..100 {
        store.put(&format!("/k/{n:03}"), "old").await;
    }
    let mut range = Range::prefix("/k/").limit(7);
    let mut seen = Vec::new();
    loop {
        let page = store.store.range(range.clone()).await.unwrap();
        assert_eq!(page.count, 100 - seen.len() as u64);
        seen.extend(page.kvs.iter().map(|kv| (kv.key.clone(), kv.value.clone())));
        let Some(last) = page.kvs.last() else {
            panic!("an empty page");
        };
        range = range.start(last.key.successor()).at(page.revision);
        if !page.more {
            break;
        }
        // What happens between the pages is in none of them.
        let n = seen.len();
        store.put(&format!("/k/{n:03}"), "new").await;
        store.put(&format!("/k/{n:03}x"), "new").await;
        store.delete(&format!("/k/{:03}", 99 - n / 7)).await;
    }
    assert_eq!(seen.len(), 100);
    assert!(seen.iter().all(|(_, value)| value == "old"));
    assert!(seen.is_sorted());
}

pub(crate) async fn the_future_cannot_be_read(store: Fixture) {
    let now = store.put("a", "1").await;
    let key = Key::from("a");
    let errors = [
        store.store.get(&key, Some(now.next())).await.unwrap_err(),
        store
            .store
            .range(Range::prefix("a").at(now.next()))
            .await
            .unwrap_err(),
    ];
    for error in errors {
        let StoreError::Future { requested, current } = error else {
            panic!("{error}");
        };
        assert_eq!((requested, current), (now.next(), now));
    }
}
