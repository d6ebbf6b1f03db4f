//! Sends the spans of distributed traces to a collector, by OTLP over HTTP.

use std::env;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind as OtelKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks};
use proto::TraceContext;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tunnel::{EndedSpan, SpanKind, collect_spans};

/// The spans of this process on their way to a collector.
pub(crate) struct Traces {
    exporter: SpanExporter,
    ended: mpsc::Receiver<EndedSpan>,
    scope: InstrumentationScope,
}

/// Spans that wait to be sent, a few hundred bytes each; one more is dropped.
const QUEUE: usize = 4096;
/// Spans sent together.
const BATCH: usize = 512;
/// How long a span waits for others to be sent with.
const GATHERING: Duration = Duration::from_secs(1);
/// How long the last spans may take at the end.
const LAST: Duration = Duration::from_secs(5);
/// Where to send spans; without either none is collected.
const ENDPOINTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
];

static SENT: AtomicU64 = AtomicU64::new(0);
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Spans that the collector has taken, and those that were dropped because it
/// did not, or not fast enough.
pub(crate) fn sent_and_dropped() -> (u64, u64) {
    (SENT.load(Relaxed), DROPPED.load(Relaxed))
}

impl Traces {
    /// Begins to collect spans if the environment says where to send them.
    ///
    /// `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` and OTLP's other
    /// variables count as everywhere.
    pub(crate) fn start() -> Result<Option<Self>, ExporterBuildError> {
        let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        if !ENDPOINTS.into_iter().any(is_set) {
            return Ok(None);
        }
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .build()?;
        let mut resource = Resource::builder();
        if !is_set("OTEL_SERVICE_NAME") {
            resource = resource.with_service_name("adit");
        }
        exporter.set_resource(&resource.build());
        let (sender, ended) = mpsc::channel(QUEUE);
        collect_spans(move |span| {
            if sender.try_send(span).is_err() {
                DROPPED.fetch_add(1, Relaxed);
            }
        });
        let scope = InstrumentationScope::builder("adit")
            .with_version(env!("CARGO_PKG_VERSION"))
            .build();
        Ok(Some(Self {
            exporter,
            ended,
            scope,
        }))
    }

    /// Sends spans while `work` goes on, and then those that are left.
    pub(crate) async fn beside<T>(mut self, work: impl Future<Output = T>) -> T {
        let over = CancellationToken::new();
        let work = async {
            let done = work.await;
            over.cancel();
            done
        };
        let sent = async {
            let mut sending = std::pin::pin!(self.send_until(&over));
            tokio::select! {
                () = &mut sending => return,
                () = over.cancelled() => {}
            }
            if timeout(LAST, sending).await.is_err() {
                tracing::warn!(limit = ?LAST, "the last spans were not sent in time");
            }
        };
        tokio::join!(work, sent).0
    }

    /// Sends what is collected until it is `over`, and then what is left.
    async fn send_until(&mut self, over: &CancellationToken) {
        while !(over.is_cancelled() && self.ended.is_empty()) {
            let first = over.run_until_cancelled(self.ended.recv()).await;
            over.run_until_cancelled(sleep(GATHERING)).await;
            self.send(first.flatten().into_iter().collect()).await;
        }
    }

    /// Sends these spans and more that wait.
    async fn send(&mut self, mut batch: Vec<EndedSpan>) {
        while batch.len() < BATCH
            && let Ok(span) = self.ended.try_recv()
        {
            batch.push(span);
        }
        if batch.is_empty() {
            return;
        }
        let count = batch.len() as u64;
        let spans = batch.into_iter().map(|span| self.span_data(span)).collect();
        match self.exporter.export(spans).await {
            Ok(()) => SENT.fetch_add(count, Relaxed),
            Err(error) => {
                tracing::warn!(%error, spans = count, "spans were not taken by the collector");
                DROPPED.fetch_add(count, Relaxed)
            }
        };
    }

    fn span_data(&self, span: EndedSpan) -> SpanData {
        let attributes = span.attributes.into_iter();
        SpanData {
            span_context: context(span.context, false),
            parent_span_id: span
                .parent
                .map_or(SpanId::INVALID, |parent| id(parent.span_id())),
            parent_span_is_remote: span.kind == SpanKind::Server,
            span_kind: match span.kind {
                SpanKind::Client => OtelKind::Client,
                SpanKind::Server => OtelKind::Server,
            },
            name: span.name.into(),
            start_time: span.begun,
            end_time: span.ended,
            attributes: attributes
                .map(|(name, value)| KeyValue::new(name, value))
                .collect(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: span.failure.map_or(Status::Unset, Status::error),
            instrumentation_scope: self.scope.clone(),
        }
    }
}

fn context(context: TraceContext, remote: bool) -> SpanContext {
    SpanContext::new(
        TraceId::from_bytes(context.trace_id().to_be_bytes()),
        id(context.span_id()),
        TraceFlags::SAMPLED,
        remote,
        TraceState::NONE,
    )
}

fn id(span_id: u64) -> SpanId {
    SpanId::from_bytes(span_id.to_be_bytes())
}
