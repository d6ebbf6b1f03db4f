//! What an agent counts, as metrics.

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use proto::TargetKind;
use proxy_agent::{AgentView, StreamOutcome};
use tunnel::{Carrier, ResetReason, Session};

use crate::open_metrics::{Metric, limits_reached, resets};

/// Reads everything when somebody asks for the metrics.
#[derive(Debug)]
pub(super) struct Figures {
    view: AgentView,
    sessions: Vec<Session>,
}

impl Figures {
    pub(super) fn of(view: AgentView) -> Self {
        Self {
            sessions: view.sessions(),
            view,
        }
    }

    fn tunnel(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        Metric(
            encoder,
            "sessions",
            "Sessions with the hub now, those included that drain",
        )
        .gauge(self.sessions.len() as u64)?;
        Metric(encoder, "sessions_made", "Sessions that have come about")
            .counter(self.view.counters().sessions())?;
        let mut links = BTreeMap::from([("h2", 0), ("quic", 0)]);
        for link in self.sessions.iter().flat_map(Session::links) {
            *links.entry(carrier(link.carrier())).or_insert(0) += 1;
        }
        let links = links.into_iter();
        Metric(encoder, "links", "Links now, by what carries them")
            .gauges(links.map(|(carrier, count)| ([("carrier", carrier.to_owned())], count)))?;
        let open = self.sessions.iter().map(Session::open_streams);
        Metric(encoder, "streams", "Streams open now").gauge(open.sum::<usize>() as u64)?;
        let (received, sent) = self.view.traffic(&self.sessions);
        Metric(
            encoder,
            "received_bytes",
            "Received from the hub since the start, framing included",
        )
        .counter(received)?;
        Metric(
            encoder,
            "sent_bytes",
            "Sent to the hub since the start, framing included",
        )
        .counter(sent)?;
        Metric(
            encoder,
            "unread_bytes",
            "Received from the hub and not yet taken by targets",
        )
        .gauge(self.view.unread())?;
        resets(encoder, self.view.link_counters())
    }

    fn streams_ended(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let counters = self.view.counters();
        let of_kind = |kind: TargetKind| {
            StreamOutcome::ALL.map(|outcome| {
                let labels = [("target", kind.as_str()), ("outcome", outcome.as_str())];
                (labels, counters.streams(kind, outcome))
            })
        };
        Metric(
            encoder,
            "streams_ended",
            "Streams that the hub has opened and that have ended, by how",
        )
        .counters(TargetKind::ALL.into_iter().flat_map(of_kind))
    }

    fn limits(&self) -> [(&'static str, u64); 4] {
        let (counters, links) = (self.view.counters(), self.view.link_counters());
        [
            ("dials", counters.too_often()),
            ("streams", links.stream_limits()),
            ("streams-served", counters.too_many_streams()),
            ("unread", links.resets(ResetReason::Budget)),
        ]
    }
}

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.tunnel(&mut encoder)?;
        self.streams_ended(&mut encoder)?;
        limits_reached(&mut encoder, &self.limits())
    }
}

fn carrier(carrier: Carrier) -> &'static str {
    match carrier {
        Carrier::H2 => "h2",
        Carrier::Quic | _ => "quic",
    }
}
