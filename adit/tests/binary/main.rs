//! Starts the built binary and looks at what a user sees of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod agent_api;
mod backup;
mod bad_input;
mod by_token;
mod command_line;
mod connect_listen;
mod demo;
mod forward;
mod forward_listen;
mod hostile_agent;
mod hub;
mod hub_api;
mod join_tokens;
mod joining;
mod limits;
mod observing;
mod quic;
mod rotation;
mod sessions;
mod storage;
mod support;
mod targets;
#[cfg(feature = "otel")]
mod traces;
mod users;
