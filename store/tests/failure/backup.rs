use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt as _;
use store::{
    BackupError, Embedded, Key, Options, Outcome, RESTORE_STEP, Range, RestoreError, Revision,
    Store, StoreError, Txn, WatchError, restore,
};
use tokio::task::JoinSet;

async fn open(folder: &Path) -> Arc<Embedded> {
    let store = Embedded::open(folder, Options::default()).await.unwrap();
    Arc::new(store)
}

/// A backup of a store with some history, whose last revision is 101.
async fn backed_up(dir: &Path) {
    let store = open(&dir.join("old")).await;
    for n in 0..100 {
        let txn = Txn::put(format!("/k/{}", n % 10), n.to_string());
        store.txn(txn).await.unwrap();
    }
    let summary = store.backup(&dir.join("backup")).await.unwrap();
    assert_eq!((summary.revision, summary.records), (Revision(101), 100));
    let bytes = std::fs::metadata(dir.join("backup")).unwrap().len();
    assert_eq!(summary.bytes, bytes);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_one_picture_while_writes_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("old")).await;
    // Keys in pairs, of which the second is never ahead of the first.
    let mut writers = JoinSet::new();
    for pair in 0..4 {
        let store = store.clone();
        writers.spawn(async move {
            for n in 0_u32.. {
                let text = format!("{n:08}{}", "x".repeat(2000));
                for half in ["a", "b"] {
                    let txn = Txn::put(format!("/{pair}/{half}"), text.clone());
                    if store.txn(txn).await.is_err() {
                        return;
                    }
                }
            }
        });
    }
    for n in 0..5 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let backup = dir.path().join(format!("backup-{n}"));
        let summary = store.backup(&backup).await.unwrap();
        let folder = dir.path().join(format!("new-{n}"));
        let restored = restore(&backup, &folder).await.unwrap();
        let again = open(&folder).await;
        let now = again.current().await.unwrap();
        assert_eq!(now, Revision(summary.revision.0 + RESTORE_STEP));
        assert_eq!(restored.revision, now);
        assert_ne!(restored.incarnation, summary.incarnation);
        for pair in 0..4 {
            let number = async |half| {
                let key = Key::from(format!("/{pair}/{half}"));
                let kv = again.get(&key, None).await.unwrap().kv;
                kv.map_or(-1, |kv| {
                    String::from_utf8(kv.value[..8].to_vec())
                        .unwrap()
                        .parse::<i64>()
                        .unwrap()
                })
            };
            let (a, b) = (number("a").await, number("b").await);
            assert!(a == b || a == b + 1, "{a} and {b}");
        }
        again.close().await;
    }
    store.close().await;
    writers.join_all().await;
}

#[tokio::test]
async fn a_restored_store_goes_on_far_beyond_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    backed_up(dir.path()).await;
    let folder = dir.path().join("new");
    let restored = restore(&dir.path().join("backup"), &folder).await.unwrap();
    let store = open(&folder).await;
    let old = open(&dir.path().join("old")).await;
    let stats = store.stats().await.unwrap();
    assert_eq!(stats.incarnation, restored.incarnation);
    assert_ne!(stats.incarnation, old.stats().await.unwrap().incarnation);
    assert_eq!(stats.revision, Revision(101 + RESTORE_STEP));
    let page = store.range(Range::prefix("")).await.unwrap();
    let before = old.range(Range::prefix("")).await.unwrap();
    assert_eq!(page.kvs, before.kvs);
    // Who goes on with what he saw of the old one is told to begin anew.
    for from in [Revision(2), Revision(102), stats.revision] {
        let mut watch = store.watch(Key::from(""), from).await.unwrap();
        let end = watch.next().await.unwrap();
        assert!(matches!(end, Err(WatchError::Compacted { .. })), "{end:?}");
    }
    let past = store.get(&Key::from("/k/0"), Some(Revision(101))).await;
    assert!(matches!(past, Err(StoreError::Compacted { .. })));
    // Who changes what has not changed since may do so.
    let txn = Txn::update("/k/9", page.kvs[9].mod_revision, "new");
    let Outcome::Done { revision, .. } = store.txn(txn).await.unwrap() else {
        panic!("it was refused");
    };
    assert_eq!(revision, stats.revision.next());
    // And the history is cleared away.
    while store.stats().await.unwrap().history > 1 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    store.close().await;
    old.close().await;
}

#[tokio::test]
async fn leases_are_restored() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("old")).await;
    let lease = store.grant_lease(Duration::from_secs(3600)).await.unwrap();
    store
        .txn(Txn::put("/k", "1").with_lease(lease.id))
        .await
        .unwrap();
    store.backup(&dir.path().join("backup")).await.unwrap();
    store.close().await;
    let folder = dir.path().join("new");
    restore(&dir.path().join("backup"), &folder).await.unwrap();
    let store = open(&folder).await;
    assert_eq!(store.keep_alive(lease.id).await.unwrap(), lease);
    let next = store.grant_lease(Duration::from_secs(60)).await.unwrap();
    assert!(next.id.0 > RESTORE_STEP);
    store.revoke_lease(lease.id).await.unwrap();
    assert!(
        store
            .get(&Key::from("/k"), None)
            .await
            .unwrap()
            .kv
            .is_none()
    );
    store.close().await;
}

#[tokio::test]
async fn a_damaged_backup_restores_nothing() {
    let dir = tempfile::tempdir().unwrap();
    backed_up(dir.path()).await;
    let whole = std::fs::read(dir.path().join("backup")).unwrap();
    let damaged = dir.path().join("damaged");
    let folder = dir.path().join("new");
    let step = whole.len() / 150;
    let flips = (0..whole.len()).step_by(step).map(|at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    });
    let cuts = (0..whole.len())
        .step_by(step)
        .map(|len| whole[..len].to_vec());
    let longer = std::iter::once([&whole[..], b"x"].concat());
    for bytes in flips.chain(cuts).chain(longer) {
        std::fs::write(&damaged, bytes).unwrap();
        let error = restore(&damaged, &folder).await.unwrap_err();
        assert!(matches!(error, RestoreError::Damaged { .. }), "{error}");
        assert!(!folder.exists());
    }
}

#[tokio::test]
async fn nothing_is_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    backed_up(dir.path()).await;
    let (backup, folder) = (dir.path().join("backup"), dir.path().join("old"));
    let error = restore(&backup, &folder).await.unwrap_err();
    assert!(matches!(error, RestoreError::Exists { .. }), "{error}");
    let store = open(&folder).await;
    let before = std::fs::read(&backup).unwrap();
    let error = store.backup(&backup).await.unwrap_err();
    assert!(matches!(error, BackupError::File { .. }), "{error}");
    assert_eq!(std::fs::read(&backup).unwrap(), before);
    assert!(!dir.path().join("backup.partial").exists());
    store.close().await;
}

/// Takes so many bytes, and then fails.
struct Short {
    taken: Arc<Mutex<Vec<u8>>>,
    room: usize,
}

impl Write for Short {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = self.taken.lock().unwrap();
        if taken.len() + bytes.len() > self.room {
            return Err(io::Error::from(io::ErrorKind::BrokenPipe));
        }
        taken.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_backup_to_a_writer_is_that_to_a_file_and_fails_with_it() {
    let dir = tempfile::tempdir().unwrap();
    backed_up(dir.path()).await;
    let file = std::fs::read(dir.path().join("backup")).unwrap();
    let store = open(&dir.path().join("old")).await;
    let taken = Arc::new(Mutex::new(Vec::new()));
    let out = |room| Short {
        taken: taken.clone(),
        room,
    };
    let summary = store.backup_to(out(usize::MAX)).await.unwrap();
    assert_eq!(summary.bytes, file.len() as u64);
    assert!(*taken.lock().unwrap() == file, "other bytes");
    let failed = store.backup_to(out(file.len() + 10)).await;
    assert!(matches!(failed, Err(BackupError::Write(_))), "{failed:?}");
    store.txn(Txn::put("/k/new", "1")).await.unwrap();
    store.close().await;
}
