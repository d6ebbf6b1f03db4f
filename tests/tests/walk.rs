//! The way a platform team takes, with a real API server behind a NAT: from a
//! token to a cluster that has left.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::large_futures, reason = "there is one of each")]

use tests::fixture::Fixture;

#[path = "walk/dead.rs"]
mod dead;
#[path = "walk/deploy.rs"]
mod deploy;
#[path = "walk/hub.rs"]
mod hub;
#[path = "walk/machine.rs"]
mod machine;
#[path = "walk/page.rs"]
mod page;
#[path = "walk/place.rs"]
mod place;
#[path = "walk/pod.rs"]
mod pod;
#[path = "walk/readme.rs"]
mod readme;

use place::Place;

static PLACE: Fixture<Place> = Fixture::new(|needs| Box::pin(Place::start(needs)));
