//! Objects for managed clusters: Open Cluster Management's ManifestWork.
//!
//! Both halves know their API servers by `kube::Client` alone, whatever is
//! behind it.

pub mod agent;
pub mod cel;
pub mod hub;
