//! Services of clusters, reached from the hub's side by Prometheus and by gRPC.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::large_futures, reason = "there is one of each")]

use tests::fixture::Fixture;

#[path = "services/backend.rs"]
mod backend;
#[path = "services/calls.rs"]
mod calls;
#[path = "services/scraping.rs"]
mod scraping;
#[path = "services/spokes.rs"]
mod spokes;

use spokes::Spokes;

static SPOKES: Fixture<Spokes> = Fixture::new(|needs| Box::pin(Spokes::start(needs)));
