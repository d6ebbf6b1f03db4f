use store::{Embedded, Key, OpenError, Options, Store, StoreError};

#[tokio::test]
async fn a_store_that_is_in_use_is_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    let store = Embedded::open(dir.path(), Options::default())
        .await
        .unwrap();
    let second = Embedded::open(dir.path(), Options::default()).await;
    let error = second.expect_err("it was opened twice");
    assert!(matches!(error, OpenError::InUse), "{error}");
    store.close().await;
    let again = Embedded::open(dir.path(), Options::default())
        .await
        .unwrap();
    again.close().await;
    let closed = again.get(&Key::from("a"), None).await.unwrap_err();
    assert!(matches!(closed, StoreError::Closed), "{closed}");
}

#[tokio::test]
async fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("a").join("b");
    let store = Embedded::open(&folder, Options::default()).await.unwrap();
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder.clone()), 0o700);
    assert_eq!(mode(folder.join("store.redb")), 0o600);
    store.close().await;
}
