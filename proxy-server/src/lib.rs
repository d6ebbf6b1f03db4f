//! The hub's end of Adit's tunnel: sessions, registry, dialling.
//!
//! [`ProxyServer::serve`] takes a connection that an agent has dialled and
//! keeps its session until it ends; [`ProxyServer::dial`] opens a stream to a
//! target in a cluster through one of the cluster's sessions. Who is an agent
//! is decided by the certificate alone, or by a token that a [`HubTargets`] has
//! reviewed ([`ProxyServer::serve_token`]); which clusters are known and which
//! certificates are still good is asked of a [`Clusters`].

mod answer;
mod certificate;
mod clusters;
mod config;
mod counters;
mod dial_rate;
mod error;
mod histogram;
mod hub_targets;
mod login;
mod pace;
mod registry;
mod server;
mod token;

pub use answer::Answer;
pub use certificate::{AgentCertificate, CertificateError};
pub use clusters::{AdmissionError, Clusters};
pub use config::ProxyServerConfig;
pub use counters::{Counters, DialOutcome};
pub use dial_rate::TooOften;
pub use error::{DialError, ServeError};
pub use histogram::{Histogram, HistogramSnapshot};
pub use hub_targets::{Caller, CallerIdentity, HubTargets, NotAdmitted, ReviewError};
pub use proto::TargetKind;
pub use registry::{LinkInfo, SessionId, SessionInfo};
pub use server::{Dialled, ProxyServer, Reached, StreamOfSession};
pub use token::{AnotherAgents, ReviewedToken, SessionToken};
