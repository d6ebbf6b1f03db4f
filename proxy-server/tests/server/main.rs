//! The hub's end of the tunnel, with agents that connect to it in memory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod by_token;
mod hub;
mod hub_streams;
mod links;
mod sessions;
