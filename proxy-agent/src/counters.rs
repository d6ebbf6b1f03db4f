use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use proto::TargetKind;
use tunnel::Traffic;

/// What an agent has counted since it was made.
#[derive(Debug, Default)]
pub struct Counters {
    streams: [[AtomicU64; StreamOutcome::ALL.len()]; TargetKind::ALL.len()],
    connected: AtomicU64,
    too_many: AtomicU64,
    too_often: AtomicU64,
    pub(crate) traffic: Traffic,
}

/// How a stream that the hub opened has ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum StreamOutcome {
    /// The target or the tunnel broke.
    Broken,
    /// With its session.
    Cut,
    /// This agent did not take it, or its target was not reached.
    Refused,
    /// In both directions, cleanly.
    Whole,
}

impl Counters {
    /// Streams to targets of this kind that ended so.
    pub fn streams(&self, kind: TargetKind, outcome: StreamOutcome) -> u64 {
        self.streams[kind as usize][outcome as usize].load(Relaxed)
    }

    /// Sessions that came about.
    pub fn sessions(&self) -> u64 {
        self.connected.load(Relaxed)
    }

    /// Streams refused because as many were served as allowed.
    pub fn too_many_streams(&self) -> u64 {
        self.too_many.load(Relaxed)
    }

    /// Streams refused because too many were asked for in a second.
    pub fn too_often(&self) -> u64 {
        self.too_often.load(Relaxed)
    }

    pub(crate) fn note_stream(&self, kind: TargetKind, outcome: StreamOutcome) {
        self.streams[kind as usize][outcome as usize].fetch_add(1, Relaxed);
    }

    pub(crate) fn note_session(&self) {
        self.connected.fetch_add(1, Relaxed);
    }

    pub(crate) fn note_too_many(&self) {
        self.too_many.fetch_add(1, Relaxed);
    }

    pub(crate) fn note_too_often(&self) {
        self.too_often.fetch_add(1, Relaxed);
    }
}

impl StreamOutcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Broken, Self::Cut, Self::Refused, Self::Whole];

    /// As metrics label it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Cut => "cut",
            Self::Refused => "refused",
            Self::Whole => "whole",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_a_place_of_its_own() {
        for (index, outcome) in StreamOutcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, index);
        }
    }
}
