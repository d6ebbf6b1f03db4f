//! The HTTP/2 carrier: one HTTP/2 connection over the agent's TLS connection.
//!
//! After the TLS handshake the hub is the HTTP/2 client and the agent the
//! server, so a stream that the hub opens is one HTTP/2 stream. HTTP/2 gives
//! a server no way to open streams; the hub therefore keeps a few requests
//! open (*spares*), and the agent opens a stream by answering one.
//!
//! The request's path tells the uses apart: `/control`, `/stream`, `/spare`, and
//! `/move` for a stream that begins on another link and goes on here.
//! Everything else is in the messages of the stream itself.

use std::time::Duration;

use h2::{client, server};
use proto::INITIAL_WINDOW;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

mod agent;
mod chunk;
mod hub;
mod liveness;
mod opener;
mod outbox;
mod raw;
mod reason;

use chunk::Chunk;
pub(crate) use liveness::Pulse;
pub(crate) use opener::Opener;
pub(crate) use raw::{RawStream, Unwritten};

use crate::{Driver, HandshakeError, Incoming, Link, LinkConfig};

/// Requests that the hub keeps open for the agent.
const SPARES: usize = 8;
/// Room beyond the streams' own limit: spares, the control stream, and streams
/// that one end has ended and the other not yet.
const EXTRA_STREAMS: usize = 256;
/// Large enough to cost little per byte, small enough that a small stream's
/// frame does not wait long behind a bulk stream's.
const MAX_FRAME_SIZE: u32 = 64 * 1024;
/// What one stream may queue for sending, in bytes.
const MAX_SEND_BUFFER: usize = 256 * 1024;
/// HTTP/2's largest window.
const MAX_WINDOW: u32 = (1 << 31) - 1;
/// How long a reset stream is remembered, so that late frames of the peer are recognised.
const RESET_STREAM_DURATION: Duration = Duration::from_secs(2);
/// How long the last frames of a drained link may take.
const LAST_FRAMES: Duration = Duration::from_secs(2);

/// Makes a link as the hub, on a connection that an agent has dialled.
pub async fn hub<IO>(io: IO, config: LinkConfig) -> Result<(Link, Incoming, Driver), HandshakeError>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let limit = config.handshake_timeout;
    let handshake = Box::pin(hub::handshake(io, config));
    timeout(limit, handshake)
        .await
        .unwrap_or(Err(HandshakeError::TimedOut(limit)))
}

/// Makes a link as an agent, on a connection that it has dialled to its hub.
pub async fn agent<IO>(
    io: IO,
    config: LinkConfig,
) -> Result<(Link, Incoming, Driver), HandshakeError>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let limit = config.handshake_timeout;
    let handshake = Box::pin(agent::handshake(io, config));
    timeout(limit, handshake)
        .await
        .unwrap_or(Err(HandshakeError::TimedOut(limit)))
}

/// Tells an agent that it is not let in, and why; takes at most 5 s.
pub async fn reject<IO>(io: IO, message: impl Into<String>)
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    // An agent that does not listen is not owed more.
    let _ = timeout(
        Duration::from_secs(5),
        Box::pin(hub::reject(io, message.into())),
    )
    .await;
}

fn client_builder(config: &LinkConfig) -> client::Builder {
    let mut builder = client::Builder::new();
    builder
        .enable_push(false)
        .initial_window_size(stream_window(config))
        .initial_connection_window_size(connection_window(config))
        .max_frame_size(MAX_FRAME_SIZE)
        .max_send_buffer_size(MAX_SEND_BUFFER)
        .max_concurrent_reset_streams(config.max_streams)
        .max_local_error_reset_streams(None)
        .reset_stream_duration(RESET_STREAM_DURATION);
    builder
}

fn server_builder(config: &LinkConfig) -> server::Builder {
    let streams = config.max_streams + EXTRA_STREAMS;
    let mut builder = server::Builder::new();
    builder
        .initial_window_size(stream_window(config))
        .initial_connection_window_size(connection_window(config))
        .max_concurrent_streams(u32::try_from(streams).unwrap_or(u32::MAX))
        .max_frame_size(MAX_FRAME_SIZE)
        .max_send_buffer_size(MAX_SEND_BUFFER)
        .max_concurrent_reset_streams(streams)
        // Dials that their callers cancel arrive as resets; by default the
        // twentieth at once, or the 1024th in all, would end the link.
        .max_pending_accept_reset_streams(streams)
        .max_local_error_reset_streams(None)
        .reset_stream_duration(RESET_STREAM_DURATION);
    builder
}

/// HTTP/2's own window for a stream is out of the way of the tunnel's, which
/// this crate's library could not grow stream by stream: the library announces
/// what was read when it has reached half a window.
fn stream_window(config: &LinkConfig) -> u32 {
    config
        .max_stream_window
        .saturating_mul(2)
        .clamp(INITIAL_WINDOW, MAX_WINDOW)
}

/// Every stream may fill its initial window, so that no unread stream stops another.
fn connection_window(config: &LinkConfig) -> u32 {
    let streams = u32::try_from(config.max_streams + EXTRA_STREAMS).unwrap_or(u32::MAX);
    INITIAL_WINDOW
        .saturating_mul(streams)
        .clamp(stream_window(config), MAX_WINDOW)
}

type ClientConnection<IO> = client::Connection<crate::meter::Metered<IO>, Chunk>;
type ServerConnection<IO> = server::Connection<crate::meter::Metered<IO>, Chunk>;
