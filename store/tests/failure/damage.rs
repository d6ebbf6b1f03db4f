//! Files that are not what was written.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use store::{Embedded, Key, OpenError, Options, Range, Revision, Store, StoreError, Txn};

use super::medium::Disk;

/// Bytes that are changed, one in each try.
const TRIES: u64 = 300;

type Contents = BTreeMap<String, Vec<u8>>;

/// A closed store of some keys, and what is in it at its end and in its past.
async fn closed() -> (Vec<u8>, Revision, Contents, Contents) {
    let disk = Disk::new(Vec::new());
    let store = Embedded::open_on(Arc::new(disk.clone()), Options::default());
    let store = store.await.unwrap();
    for n in 0..120 {
        let txn = Txn::put(format!("/k/{:02}", n % 60), vec![b'a' + n as u8 % 26; 700]);
        store.txn(txn).await.unwrap();
    }
    let past = Revision(61);
    let (now, then) = (
        contents(&store, None).await,
        contents(&store, Some(past)).await,
    );
    store.close().await;
    (disk.image(), past, now.unwrap(), then.unwrap())
}

async fn contents(store: &Embedded, at: Option<Revision>) -> Result<Contents, StoreError> {
    let mut range = Range::prefix("");
    range.at = at;
    let page = store.range(range).await?;
    let pair = |kv: &Arc<store::KeyValue>| (kv.key.to_string(), kv.value.to_vec());
    Ok(page.kvs.iter().map(pair).collect())
}

#[tokio::test]
async fn a_damaged_file_is_reported_and_never_served() {
    let (image, past, now, then) = closed().await;
    let mut rng = StdRng::seed_from_u64(1);
    let mut noticed = 0;
    for _ in 0..TRIES {
        let at = rng.random_range(0..image.len());
        let disk = Disk::new(image.clone());
        disk.flip(at, 1 << rng.random_range(0..8));
        match Embedded::open_on(Arc::new(disk), Options::default()).await {
            // The byte was of no account.
            Ok(store) => {
                assert_eq!(contents(&store, None).await.unwrap(), now, "byte {at}");
                assert_eq!(contents(&store, Some(past)).await.unwrap(), then);
                store.close().await;
            }
            Err(OpenError::Store(_) | OpenError::Format { .. }) => noticed += 1,
            Err(error) => panic!("byte {at}: {error}"),
        }
    }
    assert!(noticed > 0, "all of them were of no account");
}

#[tokio::test]
async fn a_value_that_goes_bad_under_an_open_store_is_reported_and_never_served() {
    let (image, past, now, then) = closed().await;
    let mut rng = StdRng::seed_from_u64(2);
    let values = values(&image);
    let mut noticed = 0;
    for _ in 0..TRIES {
        let disk = Disk::new(image.clone());
        let options = Options {
            cache: 0,
            recent: 0,
            ..Options::default()
        };
        let store = Embedded::open_on(Arc::new(disk.clone()), options);
        let store = store.await.unwrap();
        for _ in 0..4 {
            let at = values[rng.random_range(0..values.len())];
            disk.flip(at, 1 << rng.random_range(0..8));
        }
        assert_eq!(contents(&store, None).await.unwrap(), now);
        match contents(&store, Some(past)).await {
            Ok(read) => assert_eq!(read, then),
            Err(StoreError::Corrupt { .. }) => noticed += 1,
            Err(error) => panic!("{error}"),
        }
        store.close().await;
    }
    assert!(noticed > 0, "all of them were of no account");
}

/// The bytes of a file that are in the middle of values: what redb makes of
/// others, which it verifies when it opens the file, is not in our hands.
fn values(image: &[u8]) -> Vec<usize> {
    let inside = |at: &usize| {
        let around = &image[at - 50..at + 50];
        around[0].is_ascii_lowercase() && around.iter().all(|byte| *byte == around[0])
    };
    (50..image.len() - 50).filter(inside).collect()
}

#[tokio::test]
async fn a_file_that_is_no_store_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("store.redb");
    let text = b"something else entirely\n".repeat(1000);
    std::fs::write(&file, &text).unwrap();
    let error = Embedded::open(dir.path(), Options::default()).await;
    assert!(matches!(error, Err(OpenError::Store(_))), "{error:?}");
    assert_eq!(std::fs::read(&file).unwrap(), text);
}

#[tokio::test]
async fn a_file_that_was_cut_off_is_reported() {
    let (image, ..) = closed().await;
    for len in [1, 511, 4096, 5000, image.len() / 2, image.len() - 1] {
        let disk = Disk::new(image[..len].to_vec());
        let opened = Embedded::open_on(Arc::new(disk), Options::default()).await;
        match opened {
            Ok(store) => {
                let key = Key::from("/k/59");
                assert!(store.get(&key, None).await.unwrap().kv.is_some(), "{len}");
            }
            Err(error) => assert!(matches!(error, OpenError::Store(_)), "{len}: {error}"),
        }
    }
}
