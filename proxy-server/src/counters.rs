use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use proto::{RefusalReason, TargetKind};
use tunnel::{OpenError, StreamError, Traffic};

use crate::{DialError, Histogram};

/// What a hub's end has counted since it was made.
#[derive(Debug, Default)]
pub struct Counters {
    dials: [[AtomicU64; DialOutcome::ALL.len()]; TargetKind::ALL.len()],
    latency: [Histogram; TargetKind::ALL.len()],
    full: AtomicU64,
    links_full: AtomicU64,
    opened_full: AtomicU64,
    too_often: AtomicU64,
    pub(crate) traffic: Traffic,
}

/// What became of an attempt to reach a target.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum DialOutcome {
    /// Whoever wanted it gave up before there was an answer.
    Abandoned,
    /// The agent, or the hub, has as many as it may have.
    Busy,
    /// The target did not take the connection.
    Failed,
    /// The agent's policy does not allow it.
    Forbidden,
    /// The tunnel broke, or the agent broke its protocol.
    Lost,
    /// No agent of the cluster is connected.
    NotConnected,
    /// The agent knows no such target.
    NotFound,
    /// The agent has reached it.
    Opened,
    /// Nobody, or not the target, answered in time.
    TimedOut,
    /// The cluster is not known.
    UnknownCluster,
}

impl Counters {
    /// Attempts to reach targets of this kind that ended so.
    pub fn dials(&self, kind: TargetKind, outcome: DialOutcome) -> u64 {
        self.dials[kind as usize][outcome as usize].load(Relaxed)
    }

    /// From the opening of a stream to the agent's answer that it has reached
    /// its target.
    pub fn dial_latency(&self, kind: TargetKind) -> &Histogram {
        &self.latency[kind as usize]
    }

    /// Agents that were turned away because there were as many sessions as allowed.
    pub fn sessions_full(&self) -> u64 {
        self.full.load(Relaxed)
    }

    /// Links that were turned away because their session had as many as allowed.
    pub fn links_full(&self) -> u64 {
        self.links_full.load(Relaxed)
    }

    /// Streams that agents wanted to open to the hub, and had too many of.
    pub fn opened_full(&self) -> u64 {
        self.opened_full.load(Relaxed)
    }

    /// Streams that were not opened because too many were asked for in a second.
    pub fn dials_too_often(&self) -> u64 {
        self.too_often.load(Relaxed)
    }

    pub(crate) fn note_dial(&self, kind: TargetKind, outcome: DialOutcome, took: Duration) {
        self.dials[kind as usize][outcome as usize].fetch_add(1, Relaxed);
        if outcome == DialOutcome::Opened {
            self.latency[kind as usize].note(took);
        }
    }

    pub(crate) fn note_sessions_full(&self) {
        self.full.fetch_add(1, Relaxed);
    }

    pub(crate) fn note_too_often(&self) {
        self.too_often.fetch_add(1, Relaxed);
    }

    pub(crate) fn note_opened_full(&self) {
        self.opened_full.fetch_add(1, Relaxed);
    }

    pub(crate) fn note_links_full(&self) {
        self.links_full.fetch_add(1, Relaxed);
    }
}

impl DialOutcome {
    /// Every outcome.
    pub const ALL: [Self; 10] = [
        Self::Abandoned,
        Self::Busy,
        Self::Failed,
        Self::Forbidden,
        Self::Lost,
        Self::NotConnected,
        Self::NotFound,
        Self::Opened,
        Self::TimedOut,
        Self::UnknownCluster,
    ];

    /// As metrics label it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Abandoned => "abandoned",
            Self::Busy => "busy",
            Self::Failed => "failed",
            Self::Forbidden => "forbidden",
            Self::Lost => "lost",
            Self::NotConnected => "not-connected",
            Self::NotFound => "not-found",
            Self::Opened => "opened",
            Self::TimedOut => "timed-out",
            Self::UnknownCluster => "unknown-cluster",
        }
    }
}

impl From<&OpenError> for DialOutcome {
    fn from(error: &OpenError) -> Self {
        match error {
            OpenError::StreamLimit { .. } => Self::Busy,
            OpenError::Stream(StreamError::Refused(refusal)) => match refusal.reason {
                RefusalReason::Busy => Self::Busy,
                RefusalReason::DialFailed => Self::Failed,
                RefusalReason::DialTimeout => Self::TimedOut,
                RefusalReason::Forbidden => Self::Forbidden,
                RefusalReason::NotFound => Self::NotFound,
                RefusalReason::Draining
                | RefusalReason::Malformed
                | RefusalReason::Unsupported
                | _ => Self::Lost,
            },
            OpenError::Draining | OpenError::Stream(_) | _ => Self::Lost,
        }
    }
}

impl From<&DialError> for DialOutcome {
    fn from(error: &DialError) -> Self {
        match error {
            DialError::NotConnected { .. } => Self::NotConnected,
            DialError::Open { source, .. } => source.into(),
            DialError::TimedOut { .. } => Self::TimedOut,
            DialError::TooOften(_) => Self::Busy,
            DialError::UnknownCluster { .. } => Self::UnknownCluster,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_a_place_of_its_own() {
        for (index, outcome) in DialOutcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, index);
        }
    }
}
