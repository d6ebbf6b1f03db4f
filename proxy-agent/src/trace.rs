//! An agent's part of distributed traces.

use tunnel::{Span, SpanKind};

/// A piece of work for a trace that may be collected, or passes through.
#[derive(Debug)]
pub(crate) struct Trace {
    /// What it was done for.
    parent: Option<String>,
    span: Option<Span>,
}

impl Trace {
    /// Begins a piece of work below a `traceparent`.
    pub(crate) fn begin(name: &'static str, kind: SpanKind, parent: Option<String>) -> Self {
        Self {
            span: Span::begin(name, kind, parent.as_deref()),
            parent,
        }
    }

    /// Begins a part of this work that asks somebody else.
    pub(crate) fn ask(&self, name: &'static str) -> Self {
        Self::begin(name, SpanKind::Client, self.trace_parent())
    }

    /// What its parts have as their parent.
    pub(crate) fn trace_parent(&self) -> Option<String> {
        match &self.span {
            Some(span) => span.trace_parent(),
            None => self.parent.clone(),
        }
    }

    /// Whether somebody collects it.
    pub(crate) fn is_collected(&self) -> bool {
        self.span.is_some()
    }

    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        if let Some(span) = &mut self.span {
            span.set(name, value);
        }
    }

    pub(crate) fn fail(&mut self, why: impl Into<String>) {
        if let Some(span) = &mut self.span {
            span.fail(why);
        }
    }
}
