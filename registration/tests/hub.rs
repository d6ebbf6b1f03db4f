//! The hub's controllers at an API server in the process: what Open Cluster
//! Management's rules say, one by one.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails where something is not as it has to be"
)]

mod hub {
    mod accept;
    mod acceptance;
    mod approval;
    mod availability;
    mod bootstrap;
    mod deletion;
    mod place;
    mod sets;
    mod taints;
}
