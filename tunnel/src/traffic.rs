use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Bytes on all links of one end, framing included, those included that have ended.
#[derive(Debug, Default)]
pub struct Traffic {
    ended: Bytes,
    /// The most that was ever told.
    told: Bytes,
}

#[derive(Debug, Default)]
struct Bytes {
    received: AtomicU64,
    sent: AtomicU64,
}

impl Traffic {
    /// A link has ended that had moved so much.
    pub fn note_ended(&self, received: u64, sent: u64) {
        self.ended.received.fetch_add(received, Relaxed);
        self.ended.sent.fetch_add(sent, Relaxed);
    }

    /// What was received and sent in all, if it is so much on the links that
    /// there are; never less than before.
    pub fn total(&self, received: u64, sent: u64) -> (u64, u64) {
        let total = |ended: &AtomicU64, told: &AtomicU64, now: u64| {
            let total = ended.load(Relaxed) + now;
            told.fetch_max(total, Relaxed).max(total)
        };
        (
            total(&self.ended.received, &self.told.received, received),
            total(&self.ended.sent, &self.told.sent, sent),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_never_shrinks() {
        let traffic = Traffic::default();
        assert_eq!(traffic.total(10, 5), (10, 5));
        // The link is gone, and not counted as ended yet.
        assert_eq!(traffic.total(0, 0), (10, 5));
        traffic.note_ended(10, 5);
        assert_eq!(traffic.total(1, 1), (11, 6));
    }
}
