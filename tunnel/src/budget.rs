use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Bytes received and not yet read, on all links that share it.
///
/// A link counts its own whenever so much has come that it matters. Over
/// the limit, the link that has just received resets the streams whose
/// readers have stalled longest with
/// [`ResetReason::Budget`](crate::ResetReason).
#[derive(Debug)]
pub struct ProcessBudget {
    limit: u64,
    used: AtomicU64,
}

/// One link's part of what is used; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<ProcessBudget>,
    counted: u64,
}

/// The smallest step in which unread bytes are counted.
const MIN_STEP: u64 = 64 * 1024;

impl ProcessBudget {
    /// A budget of `limit` bytes; each link may exceed it by 1/256 of it.
    pub fn new(limit: u64) -> Self {
        Self {
            limit,
            used: AtomicU64::new(0),
        }
    }

    /// Bytes that wait to be read, as they were last counted.
    pub fn used(&self) -> u64 {
        self.used.load(Relaxed)
    }
}

impl Share {
    pub(crate) fn new(budget: Arc<ProcessBudget>) -> Self {
        Self { budget, counted: 0 }
    }

    /// Whether any of the budget is in use by this link.
    pub(crate) fn is_used(&self) -> bool {
        self.counted > 0
    }

    /// Bytes after which the link counts again.
    pub(crate) fn step(&self) -> u64 {
        (self.budget.limit / 256).max(MIN_STEP)
    }

    /// This link has `unread` bytes; by how much all of them exceed the limit.
    pub(crate) fn count(&mut self, unread: u64) -> u64 {
        let used = if unread >= self.counted {
            let more = unread - self.counted;
            self.budget.used.fetch_add(more, Relaxed) + more
        } else {
            let less = self.counted - unread;
            self.budget.used.fetch_sub(less, Relaxed) - less
        };
        self.counted = unread;
        used.saturating_sub(self.budget.limit)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.count(0);
    }
}
