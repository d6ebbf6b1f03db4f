//! What is done on the hub: ManifestWorkReplicaSets become works, and works
//! that are done go when they asked to.

mod children;
mod controllers;
mod decisions;
mod names;
mod replica_set;
pub mod rollout;
mod ttl;

pub use controllers::{Controllers, Options};
