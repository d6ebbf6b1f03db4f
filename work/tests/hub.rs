//! The hub's controllers of works, over an API server with a store on disk: what
//! agents and placements do is played by the tests.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails where something is not as it has to be"
)]

mod hub {
    mod deletion;
    mod rollout;
    mod server;
    mod sets;
    mod ttl;
}
