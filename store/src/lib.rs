//! Keys and values with etcd's semantics, behind one trait.
//!
//! [`Store`] has one revision, which every change raises by one and which is
//! never used twice; compare-and-swap on the revision of a key; ranges at a
//! revision of the past; watches from a revision, without gaps; compaction and
//! leases. [`Embedded`] is the store in this process, in one file that redb
//! keeps. What a change acknowledges is on disk, and nobody sees it before.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use store::{Embedded, Key, Options, Outcome, Range, Store, Txn};
//!
//! # let dir = tempfile::tempdir()?;
//! let store = Embedded::open(dir.path(), Options::default()).await?;
//! let Outcome::Done { revision, .. } = store.txn(Txn::create("/fruit/apple", "red")).await?
//! else {
//!     panic!("somebody was faster");
//! };
//! store.txn(Txn::update("/fruit/apple", revision, "green")).await?;
//! let page = store.range(Range::prefix("/fruit/")).await?;
//! assert_eq!(page.kvs[0].value, "green");
//! let past = store.get(&Key::from("/fruit/apple"), Some(revision)).await?;
//! assert_eq!(past.kv.expect("it was there then").value, "red");
//! store.close().await;
//! # Ok(())
//! # }
//! ```

mod embedded;
mod error;
mod key;
mod kv;
mod request;
mod store;
mod watch;

pub use embedded::{
    BackupError, BackupSummary, Embedded, Medium, OpenError, Options, Place, RESTORE_STEP, Record,
    RecordError, RestoreError, restore,
};
pub use error::StoreError;
pub use key::Key;
pub use kv::{Event, EventKind, Incarnation, KeyValue, Lease, LeaseId, Revision};
pub use request::{Change, Compare, Got, Outcome, Page, Range, Stats, Txn};
pub use store::{Store, StoreFuture};
pub use watch::{Batch, WatchError, WatchStream};
