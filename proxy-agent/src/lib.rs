//! The cluster's end of Adit's tunnel: dials out and serves streams.
//!
//! An [`Agent`] keeps a session with its hub and serves what the hub opens:
//! `tcp host:port` and `service namespace/name:port` within its
//! [`TargetPolicy`], and `kube-apiserver`, one HTTP/1.1 exchange a stream, to
//! which it adds the credential of its [`ApiServer`] within its
//! [`ImpersonationPolicy`]. Both policies are the agent's own: nothing the hub
//! says widens them. Where a Service is, the agent asks its API server.
//!
//! TLS towards the hub is as configured in [`AgentConfig::tls`]. TLS towards
//! the API server uses rustls' process-wide crypto provider, so a program that
//! compiles in more than one installs its choice before it makes an
//! [`ApiServer`].

mod access;
mod access_log;
mod address;
mod agent;
mod apiserver;
mod carrier;
mod connect;
mod counters;
mod datagrams;
mod dial;
mod hub_api;
mod impersonation;
mod join;
mod limits;
mod links;
mod login;
mod policy;
mod proxy;
mod resolve;
mod run;
mod serve;
mod service;
mod splice;
mod tcp;
mod trace;
mod view;

pub use access::{HubAccess, Renewal};
pub use address::{HubAddress, HubAddressError};
pub use agent::{Agent, AgentConfig, AgentError, AgentStatus};
pub use apiserver::{
    ApiServer, ApiServerError, BaseUrlError, CredentialError, KubeconfigFormError,
};
pub use carrier::CarrierChoice;
pub use counters::{Counters, StreamOutcome};
pub use hub_api::{HubApi, HubApiError, HubBody, HubBodyError, TlsError};
pub use impersonation::ImpersonationPolicy;
pub use limits::AgentLimits;
pub use login::{CurrentToken, HubLogin};
pub use policy::{
    ExposeError, LiveTargets, TargetFileError, TargetPolicy, TargetRuleError, TargetsFile,
    TargetsFileError,
};
pub use proxy::{
    NoProxy, Proxy, ProxyConfig, ProxyCredentials, ProxyCredentialsError, ProxyUrlError,
};
pub use view::AgentView;
