//! What the hub counts, and how it is read.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeLabelValue, EncodeMetric as _, text,
};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use proxy_server::ProxyServer;
use tokio::runtime::Handle;

/// The hub's counters.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    connections: Family<KindLabel, Counter>,
    open: Family<KindLabel, Gauge>,
    refused: Family<EndLabel, Counter>,
}

/// What a connection turned out to be.
#[derive(Clone, Copy, Debug, EncodeLabelValue, Eq, Hash, PartialEq)]
pub(super) enum ConnectionKind {
    /// From a listener that takes CONNECT and nothing else.
    Connect,
    Http1,
    Http2,
    /// A session's over QUIC.
    Quic,
    /// A session's over TCP.
    Session,
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

/// Reads the sessions when somebody asks for the metrics.
struct Sessions(ProxyServer);

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

    /// Everything in the OpenMetrics text format.
    pub(super) fn render(&self, proxy: &ProxyServer) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix("adit");
        registry.register(
            "build",
            "The version of this hub",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
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
        registry.register_collector(Box::new(Sessions(proxy.clone())));
        if let Ok(runtime) = Handle::try_current() {
            let tasks = i64::try_from(runtime.metrics().num_alive_tasks()).unwrap_or(i64::MAX);
            let gauge: Gauge = Gauge::default();
            gauge.set(tasks);
            registry.register("tasks", "Asynchronous tasks alive in this process", gauge);
        }
        let mut rendered = String::new();
        text::encode(&mut rendered, &registry)?;
        Ok(rendered)
    }
}

impl ConnectionKind {
    /// What the client asked for by ALPN; HTTP/1.1 if it asked for nothing.
    pub(super) fn of(alpn: Option<&[u8]>) -> Self {
        match alpn {
            Some(alpn) if alpn == tunnel::ALPN => Self::Session,
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

impl Collector for Sessions {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let sessions = self.0.sessions();
        let mut family = |name: &str, help: &str, value: &dyn Fn(usize) -> u64| {
            let gauge = ConstGauge::new(0_i64);
            let mut descriptor =
                encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            for (index, session) in sessions.iter().enumerate() {
                let labels = [
                    ("cluster", session.cluster.to_string()),
                    ("agent", session.agent.to_string()),
                ];
                let value = i64::try_from(value(index)).unwrap_or(i64::MAX);
                ConstGauge::new(value).encode(descriptor.encode_family(&labels)?)?;
            }
            Ok(())
        };
        family("adit_session", "An agent's session", &|_| 1)?;
        family("adit_session_streams", "Streams open now", &|index| {
            sessions[index].streams() as u64
        })?;
        family(
            "adit_session_received_bytes",
            "Received from the agent, framing included",
            &|index| sessions[index].bytes_in(),
        )?;
        family(
            "adit_session_sent_bytes",
            "Sent to the agent, framing included",
            &|index| sessions[index].bytes_out(),
        )
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}
