use std::sync::OnceLock;
use std::time::SystemTime;

use proto::TraceContext;

/// A piece of work in a distributed trace; told to the collector when dropped.
#[derive(Debug)]
pub struct Span {
    told: Option<EndedSpan>,
}

/// What a collector is told of a piece of work when it is over.
#[derive(Clone, Debug)]
pub struct EndedSpan {
    /// What kind of work it was.
    pub name: &'static str,
    /// Its side of a conversation.
    pub kind: SpanKind,
    /// Its trace, and its own id.
    pub context: TraceContext,
    /// What it was done for, here or elsewhere.
    pub parent: Option<TraceContext>,
    /// When it began.
    pub begun: SystemTime,
    /// When it ended.
    pub ended: SystemTime,
    /// What is known of it, by the names of OpenTelemetry's conventions where
    /// they have one.
    pub attributes: Vec<(&'static str, String)>,
    /// What went wrong, if it failed.
    pub failure: Option<String>,
}

/// The side of a conversation that some work is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SpanKind {
    /// It asks.
    Client,
    /// It answers.
    Server,
}

type Collector = Box<dyn Fn(EndedSpan) + Send + Sync>;

static COLLECTOR: OnceLock<Collector> = OnceLock::new();

/// Has every span of this process told to `collector` from now on, which must
/// not wait. The first collector stays; whether it is this one.
///
/// Until there is one no span begins, and traces pass through unchanged.
pub fn collect_spans(collector: impl Fn(EndedSpan) + Send + Sync + 'static) -> bool {
    COLLECTOR.set(Box::new(collector)).is_ok()
}

impl Span {
    /// Begins a piece of work below its parent, which is a `traceparent`, or
    /// as the beginning of a trace. `None` if nobody collects spans, or nobody
    /// wants this trace collected.
    pub fn begin(name: &'static str, kind: SpanKind, parent: Option<&str>) -> Option<Self> {
        COLLECTOR.get()?;
        let parent = parent.and_then(TraceContext::parse);
        let context = match parent {
            Some(parent) if !parent.is_sampled() => return None,
            Some(parent) => parent.child(rand::random()),
            None => TraceContext::root(rand::random(), rand::random()),
        };
        let now = SystemTime::now();
        Some(Self {
            told: Some(EndedSpan {
                name,
                kind,
                context,
                parent,
                begun: now,
                ended: now,
                attributes: Vec::new(),
                failure: None,
            }),
        })
    }

    /// What its parts, here or elsewhere, have as their parent.
    pub fn trace_parent(&self) -> Option<String> {
        self.told.as_ref().map(|told| told.context.to_string())
    }

    /// Notes something that is known of it.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        if let Some(told) = &mut self.told {
            told.attributes.push((name, value.into()));
        }
    }

    /// It has failed.
    pub fn fail(&mut self, why: impl Into<String>) {
        if let Some(told) = &mut self.told {
            told.failure = Some(why.into());
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let (Some(mut told), Some(collector)) = (self.told.take(), COLLECTOR.get()) {
            told.ended = SystemTime::now();
            collector(told);
        }
    }
}
