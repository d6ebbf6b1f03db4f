//! A whole agent between a hub, over real TLS, and scripted targets.

#![allow(
    clippy::unwrap_used,
    reason = "in a test an error is a failure, wherever it comes up"
)]

mod apiserver;
mod breaks;
mod harness;
mod identity;
mod renewal;
mod sessions;
mod tcp;
mod upgrades;
