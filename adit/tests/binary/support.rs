//! Processes of the binary, and a client that shows the hub what a test wants.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

mod authority;
mod client;
mod hub;
mod process;
mod tunnel;

pub(crate) use authority::TestAuthority;
pub(crate) use client::{Client, Identity, Open};
pub(crate) use hub::TestHub;
pub(crate) use process::{Finished, Process, run};
pub(crate) use tunnel::TunnelAgent;

/// Far more than anything here takes.
pub(crate) const GENEROUS: Duration = Duration::from_secs(30);

/// Waits until the condition holds.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + GENEROUS;
    while !condition().await {
        assert!(Instant::now() < deadline, "not within {GENEROUS:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A path as an argument.
pub(crate) fn arg(path: &Path) -> &str {
    path.to_str().expect("test folders have plain names")
}

/// Reads a YAML document.
pub(crate) fn yaml(path: &Path) -> serde_json::Value {
    serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}
