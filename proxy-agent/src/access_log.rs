use std::fmt;
use std::sync::Arc;

use proto::{StreamHeader, TargetKind, is_trace_parent};
use tokio::time::Instant;
use tunnel::StreamWatch;

use crate::splice::Broken;
use crate::{Counters, StreamOutcome};

/// What the log will say of one stream when it is over.
///
/// One event of target `access` and level INFO. Queries, paths and identities
/// of a request are the hub's to log, and are not in it.
pub(crate) struct Record {
    target: String,
    trace_parent: Option<String>,
    begun: Instant,
    /// `None` for a stream that has been answered already.
    watch: Option<StreamWatch>,
    outcome: Outcome,
    kind: TargetKind,
    counters: Arc<Counters>,
}

/// How a stream ended.
enum Outcome {
    /// In both directions, cleanly.
    Whole,
    /// The target or the tunnel broke.
    Broken(String),
    /// Its task was ended with the session.
    Cut,
}

impl Record {
    /// Begins the record of a stream; its time runs from here.
    pub(crate) fn begin(
        header: &StreamHeader,
        watch: Option<StreamWatch>,
        counters: Arc<Counters>,
    ) -> Self {
        let trace_parent = header.trace_parent.clone();
        Self {
            target: header.target.to_string(),
            trace_parent: trace_parent.filter(|text| is_trace_parent(text)),
            begun: Instant::now(),
            watch,
            outcome: Outcome::Cut,
            kind: (&header.target).into(),
            counters,
        }
    }

    /// The stream has ended by itself.
    pub(crate) fn ended(mut self, how: &Result<(), Broken>) {
        self.outcome = match how {
            Ok(()) => Outcome::Whole,
            Err(error) => Outcome::Broken(error.to_string()),
        };
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let info = self.watch.as_ref().map(StreamWatch::info);
        let refused = info.as_ref().and_then(|info| info.refused);
        let counted = match (&self.outcome, refused) {
            (_, Some(_)) => StreamOutcome::Refused,
            (Outcome::Whole, None) => StreamOutcome::Whole,
            (Outcome::Broken(_), None) => StreamOutcome::Broken,
            (Outcome::Cut, None) => StreamOutcome::Cut,
        };
        self.counters.note_stream(self.kind, counted);
        let outcome = match (&self.outcome, refused) {
            (_, Some(reason)) => format!("refused: {reason}"),
            (outcome, None) => outcome.to_string(),
        };
        tracing::info!(
            target: "access",
            target = self.target,
            outcome,
            bytes_in = info.as_ref().map_or(0, |info| info.received),
            bytes_out = info.as_ref().map_or(0, |info| info.sent),
            duration_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            trace_parent = self.trace_parent,
        );
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("whole"),
            Self::Broken(error) => write!(f, "broken: {error}"),
            Self::Cut => f.write_str("cut with its session"),
        }
    }
}
