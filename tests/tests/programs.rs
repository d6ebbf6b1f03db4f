//! Programs on Kubernetes' client libraries at the hub's API server, while it
//! is killed and started again and while it forgets its history: what was
//! acknowledged is there, and nothing is missed or told twice.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::large_futures, reason = "there is one of each")]

use tests::fixture::{Fixture, Home};
use tests::namespace::Namespace;
use tests::needs::Needs;

#[path = "programs/go.rs"]
mod go;
#[path = "programs/python.rs"]
mod python;
#[path = "programs/rust.rs"]
mod rust;
#[path = "programs/server.rs"]
mod server;

struct Place {
    network: Namespace,
    needs: &'static Needs,
}

impl Home for Place {
    fn home(&self) -> &Namespace {
        &self.network
    }
}

static PLACE: Fixture<Place> = Fixture::new(|needs| {
    Box::pin(async move {
        let network = Namespace::create("programs")?;
        Ok(Place { network, needs })
    })
});
