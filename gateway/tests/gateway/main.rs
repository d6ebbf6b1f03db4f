//! The gateway against a real proxy-server and a real agent's end of the
//! tunnel; behind it stands a script that writes HTTP byte by byte.

mod access_log;
mod bad_input;
mod bodies;
mod connect;
mod failures;
mod forward;
mod front_proxies;
mod grpc;
mod harness;
mod http2;
mod identity;
mod reviews;
mod services;
mod shutdown;
mod unread;
mod upgrades;
mod uploads;
