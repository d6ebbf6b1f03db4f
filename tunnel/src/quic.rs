//! The QUIC carrier: one QUIC connection over UDP.
//!
//! A stream is one bidirectional QUIC stream, which either end opens. The
//! first is the control stream; the hub opens it, although the agent has
//! dialled. Loss delays only the stream that it hits, and the connection goes
//! on when the agent's address changes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use proto::INITIAL_WINDOW;
use quinn::congestion::BbrConfig;
use quinn::crypto::rustls::{NoInitialCipherSuite, QuicClientConfig, QuicServerConfig};
use quinn::{
    Connection, Endpoint, EndpointConfig, IdleTimeout, TokioRuntime, TransportConfig, VarInt,
};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::time::timeout;

mod code;
mod drive;
mod handshake;
mod opener;
mod raw;
mod receiving;
mod reset_key;
mod sending;
mod wakers;

pub(crate) use opener::Opener;
pub(crate) use raw::{RawStream, Unwritten};
pub use reset_key::ResetKey;

use crate::{CloseReason, Driver, HandshakeError, Incoming, Link, LinkConfig};

/// Streams that the peer may open at first. The library keeps some 100 bytes
/// for each that it may, so the limit grows with use.
const FIRST_STREAMS: u64 = 128;
/// Room beyond the streams' own limit: the control stream, and streams that
/// one end has ended and the other not yet.
const EXTRA_STREAMS: usize = 256;
/// Streams whose initial windows can be on their way at once; beyond them, and
/// what windows may grow by, writers wait for acknowledgements.
const SENDERS: u64 = 256;
/// How long the last bytes of a drained link may take.
const LAST_BYTES: Duration = Duration::from_secs(2);
/// Connection attempts that wait to be looked at; one more is dropped.
const MAX_INCOMING: usize = 1024;
/// What one such attempt, and all of them, may have sent meanwhile, in bytes.
const INCOMING_BUFFER: (u64, u64) = (16 * 1024, 4 * 1024 * 1024);

/// What the system is asked to hold of datagrams in each direction, in bytes.
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;

/// Makes a link as the hub, on a connection that an agent has dialled.
pub async fn hub(
    connection: Connection,
    config: LinkConfig,
) -> Result<(Link, Incoming, Driver), HandshakeError> {
    let limit = config.handshake_timeout;
    let handshake = Box::pin(handshake::hub(connection, config));
    timeout(limit, handshake)
        .await
        .unwrap_or(Err(HandshakeError::TimedOut(limit)))
}

/// Makes a link as an agent, on a connection that it has dialled to its hub.
pub async fn agent(
    connection: Connection,
    config: LinkConfig,
) -> Result<(Link, Incoming, Driver), HandshakeError> {
    let limit = config.handshake_timeout;
    let handshake = Box::pin(handshake::agent(connection, config));
    timeout(limit, handshake)
        .await
        .unwrap_or(Err(HandshakeError::TimedOut(limit)))
}

/// Whether whoever made a connection asked for a session by token.
pub fn is_by_token(connection: &Connection) -> bool {
    let data = connection.handshake_data();
    let data = data.and_then(|data| data.downcast::<quinn::crypto::rustls::HandshakeData>().ok());
    data.and_then(|data| data.protocol)
        .is_some_and(|protocol| protocol == crate::TOKEN_ALPN)
}

/// Tells an agent that it is not let in, and why; the first 1000 bytes arrive.
pub fn reject(connection: &Connection, message: impl Into<String>) {
    code::close(connection, &CloseReason::Rejected(message.into().into()));
}

/// What a hub's endpoint serves with.
///
/// TLS 1.3 and AES-128-GCM have to be among what `tls` offers.
pub fn server_config(
    tls: rustls::ServerConfig,
    config: &LinkConfig,
) -> Result<quinn::ServerConfig, NoInitialCipherSuite> {
    let mut tls = tls;
    tls.alpn_protocols = [crate::ALPN, crate::TOKEN_ALPN]
        .map(<[u8]>::to_vec)
        .to_vec();
    // What comes before the handshake is done could come twice.
    tls.max_early_data_size = 0;
    let crypto = QuicServerConfig::try_from(tls)?;
    let mut server = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    server
        .transport_config(Arc::new(transport(config)))
        .max_incoming(MAX_INCOMING)
        .incoming_buffer_size(INCOMING_BUFFER.0)
        .incoming_buffer_size_total(INCOMING_BUFFER.1);
    Ok(server)
}

/// What an agent dials with; see [`server_config`]. The ALPN protocol is the
/// caller's: sessions by certificate and by token have their own.
pub fn client_config(
    tls: rustls::ClientConfig,
    config: &LinkConfig,
) -> Result<quinn::ClientConfig, NoInitialCipherSuite> {
    let mut tls = tls;
    if tls.alpn_protocols.is_empty() {
        tls.alpn_protocols = vec![crate::ALPN.to_vec()];
    }
    tls.enable_early_data = false;
    let crypto = QuicClientConfig::try_from(tls)?;
    let mut client = quinn::ClientConfig::new(Arc::new(crypto));
    client.transport_config(Arc::new(transport(config)));
    Ok(client)
}

/// An endpoint with a socket of its own, bound to `address`; a hub's serves with `server`,
/// and tells agents of the process before it by its key that they have lost it.
///
/// Bound to an unspecified address, it sends from whichever address leads to
/// the peer, so that the machine may move to another network.
pub fn endpoint(
    address: SocketAddr,
    server: Option<(quinn::ServerConfig, &ResetKey)>,
) -> io::Result<Endpoint> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    // Smaller buffers lose more in bursts, which is all.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
    socket.bind(&address.into())?;
    let runtime = Arc::new(TokioRuntime);
    let (config, server) = match server {
        Some((server, key)) => (key.endpoint_config(), Some(server)),
        None => (EndpointConfig::default(), None),
    };
    Endpoint::new(config, server, socket.into(), runtime)
}

fn transport(config: &LinkConfig) -> TransportConfig {
    let (ping_after, give_up_after) = silence(config);
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(varint(FIRST_STREAMS.min(streams(config))))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .keep_alive_interval(Some(ping_after))
        .max_idle_timeout(IdleTimeout::try_from(give_up_after).ok())
        .stream_receive_window(varint(stream_window(config)))
        .receive_window(varint(connection_window(config)))
        .send_window(send_window(config))
        // QUIC is for paths that lose packets, which BBR does not take for a
        // queue. Sixteen streams in bulk over 40 ms and 100 Mbit/s move 11 MiB/s
        // where 1 % is lost, and where 5 % is; with Cubic 0.4 and 0.2.
        .congestion_controller_factory(Arc::new(BbrConfig::default()));
    transport
}

/// QUIC counts a peer's silence anew from the first ping into it, so that the
/// ping has to go out early for the whole to take as long as is configured.
/// Both ends ping only when they have heard nothing, which is when one's ping
/// has not been the other's sign of life.
fn silence(config: &LinkConfig) -> (Duration, Duration) {
    let total = config.ping_after + config.ping_timeout;
    let ping_after = (config.ping_after * 3 / 5).min(total / 3);
    (ping_after, total - ping_after)
}

fn streams(config: &LinkConfig) -> u64 {
    (config.max_streams + EXTRA_STREAMS) as u64
}

/// QUIC's own window for a stream is out of the way of the tunnel's. A peer
/// that keeps to neither fills this, twice at most.
fn stream_window(config: &LinkConfig) -> u64 {
    u64::from(config.max_stream_window.max(INITIAL_WINDOW)) * 2
}

/// Every stream may fill its window, so that no unread stream stops another.
fn connection_window(config: &LinkConfig) -> u64 {
    (u64::from(INITIAL_WINDOW) * streams(config) + config.window_growth).max(stream_window(config))
}

/// What all streams may have sent that the peer has not acknowledged.
fn send_window(config: &LinkConfig) -> u64 {
    u64::from(INITIAL_WINDOW) * streams(config).min(SENDERS) + config.window_growth
}

fn varint(value: u64) -> VarInt {
    VarInt::from_u64(value).unwrap_or(VarInt::MAX)
}
