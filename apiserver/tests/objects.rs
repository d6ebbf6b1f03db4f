//! Objects through the whole server: requests in, answers out, over a store on
//! disk.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails where something is not as it has to be"
)]

mod objects {
    mod bodies;
    mod clients;
    mod controllers;
    mod delete;
    mod faults;
    mod lists;
    mod observing;
    mod ocm;
    mod patches;
    mod server;
    mod watches;
    mod writes;
}
