//! How a cluster joins a hub and tells how it is: Open Cluster Management's
//! registration.
//!
//! Both halves know their API servers by `kube::Client` alone, whatever is
//! behind it.

pub mod agent;
pub mod hub;
pub mod token;
