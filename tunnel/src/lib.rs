//! Adit's tunnel: one outbound connection from a managed cluster's agent, and
//! over it any number of flow-controlled byte streams, opened from either end.
//!
//! A [`Session`] is one agent process's attachment to one hub, and the links it
//! has. A [`Link`] is made over an established TLS connection by [`h2::hub`]
//! or [`h2::agent`], or over a QUIC connection by [`quic::hub`] or
//! [`quic::agent`], and lives while its [`Driver`] is polled. A [`Stream`] is
//! a byte pipe to a [`Target`](proto::Target). It ends cleanly in a direction
//! only by [`WriteHalf::finish`]; everything else (a reset, a dropped half, a
//! lost link) is an error that the reader at the other end sees. A reset ends
//! both directions of a stream.

mod budget;
mod carrier;
mod config;
mod counters;
mod diagnosis;
mod driver;
mod error;
pub mod h2;
mod incoming;
mod link;
mod meter;
mod opening;
pub mod quic;
mod read_ahead;
mod session;
mod span;
mod stream;
mod traffic;

pub use budget::ProcessBudget;
pub use carrier::Carrier;
pub use config::LinkConfig;
pub use counters::Counters;
pub use driver::Driver;
pub use error::{CloseReason, HandshakeError, OpenError, ResetReason, StreamError};
pub use incoming::{Incoming, IncomingStream};
pub use link::{Link, LinkStats, Packets, Siblings};
pub use opening::{Answer, Opening};
pub use read_ahead::ReadAhead;
pub use session::{AttachError, Session};
pub use span::{EndedSpan, Span, SpanKind, collect_spans};
pub use stream::{Chunks, ReadHalf, Stream, StreamInfo, StreamWatch, WriteHalf};
pub use traffic::Traffic;

/// The ALPN protocol name of sessions.
pub const ALPN: &[u8] = b"adit/1";

/// The ALPN protocol name of agents that come with a bootstrap token, to get a
/// certificate: they open streams to the hub's own API, and nothing is opened to them.
pub const JOIN_ALPN: &[u8] = b"adit-join/1";

/// The ALPN protocol name of sessions of agents without a certificate: what they
/// go by is the token in their hello.
pub const TOKEN_ALPN: &[u8] = b"adit-token/1";
