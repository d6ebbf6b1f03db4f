//! Open Cluster Management's kinds as Rust types, for controllers.
//!
//! A type has the fields that Adit reads or writes, which is not all that a kind
//! has: who writes back what was read would lose the others. So controllers
//! patch, and create only what is theirs.

pub mod addon;
pub mod cluster;
pub mod work;
