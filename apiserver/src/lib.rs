//! A Kubernetes-style API server as one `tower::Service` over a store.
//!
//! It knows no kind by name: what it serves is given to it as data
//! ([`api::Resource`]), so that core kinds, Open Cluster Management's kinds and
//! custom resources go through one engine.

pub mod apply;
pub mod authorization;
mod body;
pub mod negotiation;
mod query;
mod quoted;
mod registry;
mod request_info;
pub mod selector;
mod status;
mod user;

pub use body::Body;
pub use registry::{Registry, Version};
pub use request_info::{RequestInfo, ResourceInfo};
pub use status::{Cause, Details, Reason, Status};
pub use user::User;
