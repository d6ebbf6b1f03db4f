//! What the crates below count, as metrics.

use std::collections::BTreeMap;
use std::fmt;

use gateway::{Gateway, RequestClass};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use proxy_server::{DialOutcome, HistogramSnapshot, ProxyServer, SessionInfo, TargetKind};

use crate::open_metrics::{Metric, limits_reached, resets};

/// Sessions that have series of their own; those of all others are summed.
///
/// Each has four series, some 400 bytes together.
pub(super) const SESSIONS: usize = 2000;
/// The cluster and agent of the sum; no cluster or agent can be called so.
const OTHERS: &str = "_others";

/// Reads everything when somebody asks for the metrics.
pub(super) struct Figures {
    pub(super) proxy: ProxyServer,
    pub(super) gateway: Gateway,
    pub(super) sessions: Vec<SessionInfo>,
    /// How often each of the hub's limits was reached.
    pub(super) limits: Vec<(&'static str, u64)>,
    pub(super) handshakes: HistogramSnapshot,
    pub(super) handshakes_in_flight: u64,
}

/// A session's labels and figures, or the sum of several.
struct Row<'a> {
    cluster: &'a str,
    agent: &'a str,
    sessions: u64,
    streams: u64,
    received: u64,
    sent: u64,
}

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.sessions(&mut encoder)?;
        self.tunnel(&mut encoder)?;
        self.dials(&mut encoder)?;
        self.requests(&mut encoder)?;
        limits_reached(&mut encoder, &self.limits)?;
        Metric(
            &mut encoder,
            "handshakes_in_flight",
            "TLS handshakes that have begun and not ended",
        )
        .gauge(self.handshakes_in_flight)?;
        Metric(
            &mut encoder,
            "handshake_seconds",
            "TLS handshakes that were completed",
        )
        .histogram(&self.handshakes)
    }
}

impl Figures {
    fn sessions(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let rows = rows(&self.sessions, SESSIONS);
        let values =
            |value: fn(&Row<'_>) -> u64| rows.iter().map(move |row| (row.labels(), value(row)));
        Metric(encoder, "session", "Sessions of an agent").gauges(values(|row| row.sessions))?;
        Metric(encoder, "session_streams", "Streams open now").gauges(values(|row| row.streams))?;
        Metric(
            encoder,
            "session_received_bytes",
            "Received from the agent on its links, framing included",
        )
        .gauges(values(|row| row.received))?;
        Metric(
            encoder,
            "session_sent_bytes",
            "Sent to the agent on its links, framing included",
        )
        .gauges(values(|row| row.sent))?;
        Metric(encoder, "sessions", "Sessions now").gauge(self.sessions.len() as u64)
    }

    fn tunnel(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut links = BTreeMap::from([("h2", 0), ("quic", 0)]);
        let mut streams = 0;
        for session in &self.sessions {
            streams += session.streams() as u64;
            for link in &session.links {
                *links.entry(link.carrier).or_insert(0) += 1;
            }
        }
        let links = links.into_iter();
        Metric(encoder, "links", "Links now, by what carries them")
            .gauges(links.map(|(carrier, count)| ([("carrier", carrier.to_owned())], count)))?;
        Metric(encoder, "streams", "Streams open now").gauge(streams)?;
        let (received, sent) = self.proxy.traffic(&self.sessions);
        Metric(
            encoder,
            "received_bytes",
            "Received from agents since the start, framing included",
        )
        .counter(received)?;
        Metric(
            encoder,
            "sent_bytes",
            "Sent to agents since the start, framing included",
        )
        .counter(sent)?;
        Metric(
            encoder,
            "unread_bytes",
            "Received from agents and not yet read by whom it is for",
        )
        .gauge(self.proxy.unread())?;
        let counters = self.proxy.link_counters();
        resets(encoder, counters)
    }

    fn dials(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let counters = self.proxy.counters();
        let of_kind = |kind: TargetKind| {
            DialOutcome::ALL.map(|outcome| {
                let labels = [("target", kind.as_str()), ("outcome", outcome.as_str())];
                (labels, counters.dials(kind, outcome))
            })
        };
        Metric(
            encoder,
            "dials",
            "Attempts to reach targets in clusters, by what became of them",
        )
        .counters(TargetKind::ALL.into_iter().flat_map(of_kind))?;
        Metric(
            encoder,
            "dial_seconds",
            "From opening a stream to the agent's word that its target was reached",
        )
        .histograms(TargetKind::ALL.map(|kind| {
            (
                [("target", kind.as_str())],
                counters.dial_latency(kind).snapshot(),
            )
        }))
    }

    fn requests(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let counters = self.gateway.counters();
        Metric(
            encoder,
            "requests",
            "Requests through the gateway that have ended, by the class of their answer",
        )
        .counters(
            RequestClass::ALL.map(|class| ([("code", class.as_str())], counters.ended(class))),
        )?;
        Metric(
            encoder,
            "requests_open",
            "Requests through the gateway that have not ended, upgraded ones included",
        )
        .gauge(counters.open())?;
        Metric(
            encoder,
            "request_received_bytes",
            "Bodies received from users, of requests that have ended",
        )
        .counter(counters.bytes_in())?;
        Metric(
            encoder,
            "request_sent_bytes",
            "Bodies sent to users, of requests that have ended",
        )
        .counter(counters.bytes_out())
    }
}

impl Row<'_> {
    fn labels(&self) -> [(&'static str, String); 2] {
        [
            ("cluster", self.cluster.to_owned()),
            ("agent", self.agent.to_owned()),
        ]
    }

    fn add(&mut self, session: &SessionInfo) {
        self.sessions += 1;
        self.streams += session.streams() as u64;
        self.received += session.bytes_in();
        self.sent += session.bytes_out();
    }
}

/// A row for each agent; of more than `most` the last ones have one together.
///
/// `sessions` are in order, those of one agent beside each other: while an old
/// one drains, an agent has two.
fn rows(sessions: &[SessionInfo], most: usize) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for session in sessions {
        let same = |row: &Row<'_>| {
            row.cluster == session.cluster.as_str() && row.agent == session.agent.as_str()
        };
        if !rows.last().is_some_and(same) {
            if rows.len() < most {
                rows.push(Row::new(session.cluster.as_str(), session.agent.as_str()));
            } else if rows.len() == most {
                rows.push(Row::new(OTHERS, OTHERS));
            }
        }
        if let Some(row) = rows.last_mut() {
            row.add(session);
        }
    }
    rows
}

impl<'a> Row<'a> {
    fn new(cluster: &'a str, agent: &'a str) -> Self {
        Self {
            cluster,
            agent,
            sessions: 0,
            streams: 0,
            received: 0,
            sent: 0,
        }
    }
}

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Figures").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use proxy_server::{LinkInfo, SessionId};

    use super::*;

    fn session(cluster: &str, agent: &str) -> SessionInfo {
        SessionInfo {
            id: SessionId(1),
            cluster: cluster.parse().unwrap(),
            agent: agent.parse().unwrap(),
            agent_version: String::new(),
            serial: String::new(),
            authority: String::new(),
            connected_since: SystemTime::now(),
            links: vec![LinkInfo {
                connected_since: SystemTime::now(),
                carrier: "h2",
                remote: "192.0.2.1:1".parse().unwrap(),
                streams: 1,
                bytes_in: 10,
                bytes_out: 20,
            }],
        }
    }

    #[test]
    fn an_agents_sessions_are_one_row_and_rows_over_the_limit_are_one_together() {
        let sessions = [
            session("a", "x"),
            session("a", "x"),
            session("b", "x"),
            session("c", "x"),
            session("d", "x"),
        ];
        let rows = rows(&sessions, 2);
        let seen: Vec<_> = rows
            .iter()
            .map(|r| (r.cluster, r.sessions, r.received))
            .collect();
        assert_eq!(seen, [("a", 2, 20), ("b", 1, 10), (OTHERS, 2, 20)]);
    }
}
