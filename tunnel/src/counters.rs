use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::ResetReason;

/// What has happened on all links that share it, by cloning the configuration.
#[derive(Debug, Default)]
pub struct Counters {
    resets: [AtomicU64; ResetReason::ALL.len()],
    stream_limits: AtomicU64,
}

impl Counters {
    /// Streams that either end has reset for this reason, each once. Those that
    /// were lost with their link are not among them.
    pub fn resets(&self, reason: ResetReason) -> u64 {
        self.resets[reason.index()].load(Relaxed)
    }

    /// Streams that were not opened or taken because their link had as many as
    /// it may have.
    pub fn stream_limits(&self) -> u64 {
        self.stream_limits.load(Relaxed)
    }

    pub(crate) fn note_reset(&self, reason: ResetReason) {
        self.resets[reason.index()].fetch_add(1, Relaxed);
    }

    pub(crate) fn note_stream_limit(&self) {
        self.stream_limits.fetch_add(1, Relaxed);
    }
}

impl ResetReason {
    /// Every reason.
    pub const ALL: [Self; 5] = [
        Self::Budget,
        Self::Cancelled,
        Self::Protocol,
        Self::TargetFailed,
        Self::Unknown,
    ];

    fn index(self) -> usize {
        match self {
            Self::Budget => 0,
            Self::Cancelled => 1,
            Self::Protocol => 2,
            Self::TargetFailed => 3,
            Self::Unknown => 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_place_of_its_own() {
        for (index, reason) in ResetReason::ALL.into_iter().enumerate() {
            assert_eq!(reason.index(), index);
        }
    }
}
