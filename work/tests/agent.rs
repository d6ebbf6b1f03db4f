//! The agent between two API servers: one is the hub, one the managed cluster.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails where something is not as it has to be"
)]

mod agent {
    mod basic;
    mod conflicts;
    mod crashes;
    mod deletion;
    mod eviction;
    mod faults;
    mod hostile;
    mod server;
    mod sharing;
    mod status;
    mod strategies;
    mod world;
}
