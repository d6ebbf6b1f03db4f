//! A Kubernetes-style API server as one `tower::Service` over a store.
//!
//! It knows no kind by name: what it serves is given to it as data
//! ([`api::Resource`]), so that core kinds, Open Cluster Management's kinds and
//! custom resources go through one engine.

mod admission;
mod answer;
mod answers;
pub mod apply;
pub mod audit;
pub mod authentication;
pub mod authorization;
mod body;
mod body_budget;
mod bootstrap;
pub mod certificates;
mod changes;
mod compaction;
mod compression;
pub mod continue_token;
mod controllers;
pub mod discovery;
mod dispatch;
mod documents;
mod etag;
mod handlers;
mod health;
mod human_duration;
mod in_flight;
mod in_process;
mod key;
mod lifetimes;
mod metadata;
mod metrics;
mod mirror;
pub mod negotiation;
mod object;
mod objects;
pub mod openapi;
mod options;
pub mod patch;
mod pem;
pub mod protobuf;
mod query;
mod quoted;
mod record;
mod registry;
mod request_body;
mod request_info;
mod respond;
pub mod reviews;
pub mod schema;
mod scope;
pub mod selector;
mod server;
mod status;
mod storage;
pub mod table;
pub mod tokens;
mod unread;
mod user;
mod warnings;
mod writer;

pub use answers::{Answer, Answered, Answers, Question};
pub use body::Body;
pub use human_duration::human_duration;
pub use in_flight::{InFlight, InFlightLimits, Ticket};
pub use objects::Objects;
pub use registry::{Registry, Version};
pub use request_info::{RequestInfo, ResourceInfo};
pub use server::{ApiServer, Config, Driver};
pub use status::{Cause, Details, Reason, Status};
pub use user::User;
