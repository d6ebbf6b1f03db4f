//! The harness of the tests that try the whole product against real peers:
//! a Kubernetes cluster in a network namespace of its own behind a NAT, hubs
//! in others, and clients beside each.
//!
//! ```text
//! netns hub0 ── 198.51.100.0/30 ──┐
//! netns hub1 ── 198.51.100.4/30 ──┤ netns router ── 10.77.0.0/24 ── netns cluster
//!                                 masquerade, nothing forwarded inwards
//! ```
//!
//! It needs root (for the namespaces), `ip`, `nft` and `sysctl` (and for the
//! tests with proxies `tinyproxy` and `microsocks`), the folder
//! that `tests/peers/build` prints in `ADIT_PEERS`, and the built `adit`
//! binary (`ADIT_BIN`, else `target/release/adit`). Where one of them is
//! missing a test prints why it is skipped and passes; with `CI=true` it
//! fails. `ADIT_SOAK=1` runs the long forms.

pub mod api_double;
pub mod api_server;
pub mod cluster;
pub mod command;
pub mod enclosure;
pub mod fixture;
pub mod https;
pub mod hub;
pub mod kubectl;
pub mod namespace;
pub mod needs;
pub mod network;
pub mod normal;
pub mod pki;
pub mod process;
pub mod routes;
pub mod scratch;
pub mod site;
pub mod tls;
pub mod wait;
pub mod wan;
