//! A Kubernetes-style API server as one `tower::Service` over a store.
//!
//! It knows no kind by name: what it serves is given to it as data
//! ([`api::Resource`]), so that core kinds, Open Cluster Management's kinds and
//! custom resources go through one engine.

pub mod apply;
pub mod authorization;
mod body;
mod human_duration;
pub mod json_path;
pub mod negotiation;
mod query;
mod quoted;
mod registry;
mod request_info;
pub mod selector;
mod status;
pub mod table;
mod user;

pub use body::Body;
pub use human_duration::human_duration;
pub use registry::{Registry, Version};
pub use request_info::{RequestInfo, ResourceInfo};
pub use status::{Cause, Details, Reason, Status};
pub use user::User;
