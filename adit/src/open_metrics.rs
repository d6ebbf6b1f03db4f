//! Metrics as text, for whoever scrapes a hub or an agent.

use std::fmt;

use http::HeaderValue;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use proxy_server::HistogramSnapshot;
use tokio::runtime::Handle;
use tunnel::{Counters, ResetReason};

/// One metric that is being written: where to, its name, and its help.
pub(crate) struct Metric<'a, 'b>(
    pub(crate) &'a mut DescriptorEncoder<'b>,
    pub(crate) &'static str,
    pub(crate) &'static str,
);

/// The content type of what [`render`] makes.
pub(crate) const CONTENT_TYPE: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

impl Metric<'_, '_> {
    fn write(
        self,
        kind: MetricType,
        write: impl FnOnce(MetricEncoder<'_>) -> fmt::Result,
    ) -> fmt::Result {
        let Self(encoder, name, help) = self;
        write(encoder.encode_descriptor(name, help, None, kind)?)
    }

    pub(crate) fn gauge(self, value: u64) -> fmt::Result {
        self.write(MetricType::Gauge, |mut metric| {
            metric.encode_gauge(&gauge(value))
        })
    }

    pub(crate) fn counter(self, value: u64) -> fmt::Result {
        self.write(MetricType::Counter, |mut metric| {
            metric.encode_counter::<NoLabelSet, _, u64>(&value, None)
        })
    }

    pub(crate) fn gauges<const N: usize>(
        self,
        values: impl IntoIterator<Item = ([(&'static str, String); N], u64)>,
    ) -> fmt::Result {
        self.write(MetricType::Gauge, |mut metric| {
            for (labels, value) in values {
                metric.encode_family(&labels)?.encode_gauge(&gauge(value))?;
            }
            Ok(())
        })
    }

    pub(crate) fn counters<const N: usize>(
        self,
        values: impl IntoIterator<Item = ([(&'static str, &'static str); N], u64)>,
    ) -> fmt::Result {
        self.write(MetricType::Counter, |mut metric| {
            for (labels, value) in values {
                metric
                    .encode_family(&labels)?
                    .encode_counter::<NoLabelSet, _, u64>(&value, None)?;
            }
            Ok(())
        })
    }

    pub(crate) fn histogram(self, now: &HistogramSnapshot) -> fmt::Result {
        self.write(MetricType::Histogram, |mut metric| {
            metric.encode_histogram::<NoLabelSet>(now.sum, now.count, &now.buckets, None)
        })
    }

    pub(crate) fn histograms<const N: usize>(
        self,
        values: impl IntoIterator<Item = ([(&'static str, &'static str); N], HistogramSnapshot)>,
    ) -> fmt::Result {
        self.write(MetricType::Histogram, |mut metric| {
            for (labels, now) in values {
                metric
                    .encode_family(&labels)?
                    .encode_histogram::<NoLabelSet>(now.sum, now.count, &now.buckets, None)?;
            }
            Ok(())
        })
    }
}

/// The last line of what [`render`] makes.
pub(crate) const END: &str = "# EOF\n";

/// A registry with what every process of Adit's tells.
pub(crate) fn registry() -> Registry {
    let mut registry = Registry::with_prefix("adit");
    registry.register(
        "build",
        "The version of this program",
        Info::new([("version", env!("CARGO_PKG_VERSION"))]),
    );
    if let Ok(runtime) = Handle::try_current() {
        let tasks = i64::try_from(runtime.metrics().num_alive_tasks()).unwrap_or(i64::MAX);
        let gauge: Gauge = Gauge::default();
        gauge.set(tasks);
        registry.register("tasks", "Asynchronous tasks alive in this process", gauge);
    }
    registry
}

/// Everything in the OpenMetrics text format, `figures` last.
pub(crate) fn render(
    mut registry: Registry,
    figures: impl Collector,
) -> Result<String, fmt::Error> {
    #[cfg(feature = "otel")]
    traces(&mut registry);
    registry.register_collector(Box::new(figures));
    let mut rendered = String::new();
    text::encode(&mut rendered, &registry)?;
    Ok(rendered)
}

/// What became of the spans that were collected.
#[cfg(feature = "otel")]
fn traces(registry: &mut Registry) {
    use prometheus_client::metrics::counter::ConstCounter;

    let (sent, dropped) = crate::traces::sent_and_dropped();
    registry.register(
        "spans_sent",
        "Spans that the collector of traces has taken",
        ConstCounter::new(sent),
    );
    registry.register(
        "spans_dropped",
        "Spans that it has not taken, or not in time",
        ConstCounter::new(dropped),
    );
}

/// How often each of these limits was reached.
pub(crate) fn limits_reached(
    encoder: &mut DescriptorEncoder<'_>,
    limits: &[(&'static str, u64)],
) -> fmt::Result {
    Metric(
        encoder,
        "limit_reached",
        "How often a limit was reached; see the page on limits",
    )
    .counters(
        limits
            .iter()
            .map(|(limit, count)| ([("limit", *limit)], *count)),
    )
}

/// The streams that were reset, by reason.
pub(crate) fn resets(encoder: &mut DescriptorEncoder<'_>, counters: &Counters) -> fmt::Result {
    Metric(encoder, "resets", "Streams that were reset").counters(
        ResetReason::ALL.map(|reason| ([("reason", reset(reason))], counters.resets(reason))),
    )
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn reset(reason: ResetReason) -> &'static str {
    match reason {
        ResetReason::Budget => "budget",
        ResetReason::Cancelled => "cancelled",
        ResetReason::Protocol => "protocol",
        ResetReason::TargetFailed => "target-failed",
        ResetReason::Unknown | _ => "unknown",
    }
}
