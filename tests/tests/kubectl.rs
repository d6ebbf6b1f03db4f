//! kubectl gives the same through the gateway as beside the API server, by both
//! forms of the gateway's paths.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::large_futures, reason = "there is one of each")]

use std::time::Duration;

use tests::fixture::Fixture;
use tests::network::Memory;
use tests::site::Site;

#[path = "kubectl/access.rs"]
mod access;
#[path = "kubectl/change.rs"]
mod change;
#[path = "kubectl/inventory.rs"]
mod inventory;
#[path = "kubectl/pods.rs"]
mod pods;
#[path = "kubectl/read.rs"]
mod read;
#[path = "kubectl/roles.rs"]
mod roles;
#[path = "kubectl/watch.rs"]
mod watch;

/// After this long a silent connection is forgotten by the router.
const FORGETFUL: Duration = Duration::from_secs(20);

/// The second tunnel is for what must not be disturbed.
static SITE: Fixture<Site> = Fixture::new(|needs| {
    let memory = if tests::needs::soak() {
        Memory::Default
    } else {
        Memory::Limited(FORGETFUL)
    };
    Box::pin(Site::start(needs, 2, memory))
});
