//! Disks that are full, or fail.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use store::{Embedded, Key, Options, Range, Store, StoreError, Txn};
use tempfile::TempDir;

use super::medium::Disk;

const VALUE: usize = 50_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_writes_until_there_is_room() {
    let disk = Disk::new(Vec::new());
    let store = Embedded::open_on(Arc::new(disk.clone()), Options::default());
    let store = store.await.unwrap();
    store.txn(Txn::put("/first", "old")).await.unwrap();
    let then = store.current().await.unwrap();
    store.txn(Txn::put("/first", "new")).await.unwrap();
    disk.leave_room(Some(200));
    let written = until_full(&store).await;
    // Reads go on, of the past too.
    let page = store.range(Range::prefix("/k/")).await.unwrap();
    assert_eq!(page.count, written);
    let past = store.get(&Key::from("/first"), Some(then)).await.unwrap();
    assert_eq!(past.kv.unwrap().value, "old");
    let lease = store.grant_lease(Duration::from_secs(9)).await;
    assert!(matches!(lease, Err(StoreError::NoSpace)), "{lease:?}");
    disk.leave_room(None);
    until_writable(&store).await;
    store.close().await;
    verify(
        Embedded::open_on(Arc::new(disk), Options::default())
            .await
            .unwrap(),
        written,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_file_system_refuses_writes_until_there_is_room() {
    let mount = Tmpfs::mount("8m");
    let store = Embedded::open(&mount.store(), Options::default())
        .await
        .unwrap();
    // Something else takes the room, too.
    std::fs::write(mount.path().join("other"), vec![1; 2 << 20]).unwrap();
    let written = until_full(&store).await;
    assert!(written > 0);
    let page = store.range(Range::prefix("/k/")).await.unwrap();
    assert_eq!(page.count, written);
    let refused = store
        .backup(&mount.path().join("backup"))
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("backup"), "{refused}");
    assert!(!mount.path().join("backup").exists());
    // It is opened on a full disk as well.
    store.close().await;
    let store = Embedded::open(&mount.store(), Options::default())
        .await
        .unwrap();
    let page = store.range(Range::prefix("/k/")).await.unwrap();
    assert_eq!(page.count, written);
    std::fs::remove_file(mount.path().join("other")).unwrap();
    until_writable(&store).await;
    store.close().await;
    let store = Embedded::open(&mount.store(), Options::default())
        .await
        .unwrap();
    verify(store, written).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_after_a_sync_that_failed() {
    let disk = Disk::new(Vec::new());
    let store = Embedded::open_on(Arc::new(disk.clone()), Options::default());
    let store = store.await.unwrap();
    store.txn(Txn::put("/k", "1")).await.unwrap();
    disk.fail_syncs(true);
    let failed = store.txn(Txn::put("/k", "2")).await;
    assert!(failed.is_err());
    // Even if it would succeed now: what the disk forgot does not come back.
    disk.fail_syncs(false);
    let failed = store.txn(Txn::put("/k", "3")).await;
    assert!(matches!(failed, Err(StoreError::Failed)), "{failed:?}");
    let key = Key::from("/k");
    let there = store.get(&key, None).await.unwrap();
    assert_eq!(there.kv.unwrap().value, "1");
    store.close().await;
    let disk = Disk::new(disk.after_power_loss(0));
    let store = Embedded::open_on(Arc::new(disk), Options::default());
    let store = store.await.unwrap();
    let there = store.get(&key, None).await.unwrap().kv.unwrap();
    assert!(["1", "2"].iter().any(|value| there.value == value));
    store.txn(Txn::put("/k", "4")).await.unwrap();
}

/// Writes until there is no room, and tells how much was acknowledged.
async fn until_full(store: &Embedded) -> u64 {
    for n in 0..1000 {
        let txn = Txn::create(format!("/k/{n:04}"), vec![b'x'; VALUE]);
        match store.txn(txn).await {
            Ok(outcome) => assert!(outcome.is_done()),
            Err(StoreError::NoSpace) => return n,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the disk is never full");
}

async fn until_writable(store: &Embedded) {
    let writing = async {
        while let Err(error) = store.txn(Txn::put("/last", "1")).await {
            assert!(matches!(error, StoreError::NoSpace), "{error}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let patience = Duration::from_secs(60);
    tokio::time::timeout(patience, writing)
        .await
        .expect("it never writes again");
}

/// What was acknowledged is there, and what was refused is not.
async fn verify(store: Embedded, written: u64) {
    let page = store.range(Range::prefix("/k/")).await.unwrap();
    assert_eq!(page.count, written);
    assert!(page.kvs.iter().all(|kv| kv.value.len() == VALUE));
    assert_eq!(store.range(Range::prefix("/last")).await.unwrap().count, 1);
    store.close().await;
}

/// A small file system of its own; root is needed for it.
struct Tmpfs {
    dir: TempDir,
}

impl Tmpfs {
    fn mount(size: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(dir.path())
            .status()
            .expect("mount is there");
        assert!(status.success(), "mounting needs root");
        Self { dir }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn store(&self) -> PathBuf {
        self.path().join("store")
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}
