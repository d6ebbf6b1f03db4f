//! The managed cluster's half of registration, against a hub and a managed
//! cluster in the process, with no right but Open Cluster Management's.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agent {
    mod by_token;
    mod handshake;
    mod heartbeat;
    mod installing;
    mod people;
    mod restarts;
    mod rotation;
    mod server;
    mod setup;
    mod telling;
    mod together;
    mod way;
}
