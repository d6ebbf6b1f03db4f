//! What the hub counts, and how it is read.

use std::fmt;
use std::time::Duration;

use gateway::Gateway;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use proxy_server::{Histogram, ProxyServer};
use tunnel::ResetReason;

mod figures;

use figures::Figures;

use crate::open_metrics;

/// The hub's counters.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    connections: Family<KindLabel, Counter>,
    open: Family<KindLabel, Gauge>,
    refused: Family<EndLabel, Counter>,
    handshakes: Histogram,
    handshakes_in_flight: Gauge,
}

/// What a connection turned out to be.
#[derive(Clone, Copy, Debug, EncodeLabelValue, Eq, Hash, PartialEq)]
pub(super) enum ConnectionKind {
    /// From a listener that takes CONNECT and nothing else.
    Connect,
    Http1,
    Http2,
    /// Of an agent that joins with a token.
    Join,
    /// A session's over QUIC.
    Quic,
    /// A session's over TCP.
    Session,
    /// One's over TCP that goes by a token.
    Token,
}

/// Why a connection ended before it was one.
#[derive(Clone, Copy, Debug, EncodeLabelValue, Eq, Hash, PartialEq)]
pub(super) enum ConnectionEnd {
    Busy,
    Handshake,
    Slow,
    TooMany,
}

/// Counts a connection as open until it is dropped.
#[derive(Debug)]
pub(super) struct OpenConnection(Gauge);

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct KindLabel {
    kind: ConnectionKind,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct EndLabel {
    reason: ConnectionEnd,
}

impl Metrics {
    pub(super) fn opened(&self, kind: ConnectionKind) -> OpenConnection {
        self.connections.get_or_create(&KindLabel { kind }).inc();
        let open = self.open.get_or_create(&KindLabel { kind }).clone();
        open.inc();
        OpenConnection(open)
    }

    pub(super) fn refused(&self, reason: ConnectionEnd) {
        self.refused.get_or_create(&EndLabel { reason }).inc();
    }

    /// A handshake has begun; it is in flight until what is returned is dropped.
    pub(super) fn handshaking(&self) -> OpenConnection {
        self.handshakes_in_flight.inc();
        OpenConnection(self.handshakes_in_flight.clone())
    }

    /// A handshake was completed after so long.
    pub(super) fn shaken(&self, took: Duration) {
        self.handshakes.note(took);
    }

    /// How often each limit was reached.
    fn limits(&self, proxy: &ProxyServer, gateway: &Gateway) -> Vec<(&'static str, u64)> {
        let refused = |reason| self.refused.get_or_create(&EndLabel { reason }).get();
        vec![
            ("connections", refused(ConnectionEnd::TooMany)),
            ("handshakes", refused(ConnectionEnd::Busy)),
            ("handshake-time", refused(ConnectionEnd::Slow)),
            ("sessions", proxy.counters().sessions_full()),
            ("links", proxy.counters().links_full()),
            ("streams", proxy.link_counters().stream_limits()),
            ("unread", proxy.link_counters().resets(ResetReason::Budget)),
            ("hub-streams", proxy.counters().opened_full()),
            ("dials", proxy.counters().dials_too_often()),
            ("tcp-streams", gateway.counters().tcp_streams_full()),
        ]
    }

    /// Everything in the OpenMetrics text format.
    pub(super) fn render(
        &self,
        proxy: &ProxyServer,
        gateway: &Gateway,
    ) -> Result<String, fmt::Error> {
        let mut registry = open_metrics::registry();
        registry.register(
            "connections",
            "Connections whose TLS handshake was completed",
            self.connections.clone(),
        );
        registry.register(
            "connections_open",
            "Connections open now",
            self.open.clone(),
        );
        registry.register(
            "connections_refused",
            "Connections ended before they were served",
            self.refused.clone(),
        );
        let figures = Figures {
            sessions: proxy.sessions(),
            limits: self.limits(proxy, gateway),
            handshakes: self.handshakes.snapshot(),
            handshakes_in_flight: self.handshakes_in_flight.get().unsigned_abs(),
            proxy: proxy.clone(),
            gateway: gateway.clone(),
        };
        open_metrics::render(registry, figures)
    }
}

impl ConnectionKind {
    /// What the client asked for by ALPN; HTTP/1.1 if it asked for nothing.
    pub(super) fn of(alpn: Option<&[u8]>) -> Self {
        match alpn {
            Some(alpn) if alpn == tunnel::ALPN => Self::Session,
            Some(alpn) if alpn == tunnel::JOIN_ALPN => Self::Join,
            Some(alpn) if alpn == tunnel::TOKEN_ALPN => Self::Token,
            Some(b"h2") => Self::Http2,
            Some(_) | None => Self::Http1,
        }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}
