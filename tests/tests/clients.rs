//! Other clients than kubectl, and many of them at once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::large_futures, reason = "there is one of each")]

use std::time::Duration;

use tests::fixture::Fixture;
use tests::network::Memory;
use tests::site::Site;

#[path = "clients/go.rs"]
mod go;
#[path = "clients/listing.rs"]
mod listing;
#[path = "clients/many.rs"]
mod many;
#[path = "clients/proxy.rs"]
mod proxy;
#[path = "clients/rust.rs"]
mod rust;
#[path = "clients/unread.rs"]
mod unread;

/// The second tunnel's processes are measured while nobody else uses them.
static SITE: Fixture<Site> = Fixture::new(|needs| {
    Box::pin(Site::start(
        needs,
        2,
        Memory::Limited(Duration::from_secs(20)),
    ))
});
