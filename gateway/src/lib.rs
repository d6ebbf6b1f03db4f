//! Adit's HTTP front door on the hub.
//!
//! A [`Gateway`] takes requests to `/clusters/{cluster}/…` and
//! `/apis/cluster.core.oam.dev/v1alpha1/clustergateways/{cluster}/proxy/…`,
//! finds out who asks, decides by one function whether he may ([`Access`]),
//! puts his identity into `Impersonate-*` headers, and sends the request as
//! one HTTP/1.1 exchange over one stream of the tunnel. Below either path,
//! `…/api/v1/namespaces/{namespace}/services/{name}:{port}/proxy-service/…` is
//! for a Service: its stream ends at one of the Service's endpoints, carries
//! nobody's identity, and a gRPC call in HTTP/2. Bodies are streamed
//! both ways, upgrades are piped, and a body that was cut short never looks
//! whole. What goes wrong is told as a Kubernetes [`Status`].

mod access;
mod access_log;
mod authenticate;
mod body;
mod certificate;
mod config;
mod connect;
mod connection;
mod counters;
mod dial_target;
mod failure;
mod forward;
mod forwarded;
mod front_proxy;
mod gateway;
mod grpc;
mod headers;
mod impersonation;
mod path;
mod patience;
mod permission;
mod redirect;
mod resource;
mod service;
mod splice;
mod status;
mod subject_access;
mod token_review;
mod unread;
mod upgrade;
mod uplink;
mod user;
mod websocket_token;
mod wellformed;

pub use access::{Access, Decision, ReviewError};
pub use authenticate::{Issuer, Peer, PeerCertificate, Tokens};
pub use body::{GatewayBody, GatewayBodyError};
pub use config::GatewayConfig;
pub use connect::{ConnectClient, Forward, ForwardEnd};
pub use connection::{ConnectionError, Fallback, HttpVersion};
pub use counters::{Counters, RequestClass};
pub use dial_target::{DialTarget, DialTargetError};
pub use front_proxy::FrontProxies;
pub use gateway::Gateway;
pub use path::{PathError, RequestPath};
pub use permission::{Permission, Subresource};
pub use service::{ServiceTarget, ServiceTargetError};
pub use status::{Place, Reason, Status, StatusObject};
pub use subject_access::SubjectAccess;
pub use token_review::TokenReviews;
pub use user::{AUTHENTICATED, MASTERS, User, UserError};
