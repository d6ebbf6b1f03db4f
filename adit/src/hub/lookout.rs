//! Lets the next look at the data directory be asked for before its time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::timeout;

/// Counts the looks at the data directory, and wakes the one who looks.
#[derive(Debug)]
pub(super) struct Lookout {
    asked: Notify,
    begun: AtomicU64,
    ended: watch::Sender<u64>,
}

/// Longer than any look; whoever waited in vain goes on with what is known.
const LIMIT: Duration = Duration::from_secs(2);

impl Default for Lookout {
    fn default() -> Self {
        Self {
            asked: Notify::new(),
            begun: AtomicU64::new(0),
            ended: watch::Sender::new(0),
        }
    }
}

impl Lookout {
    /// Returns when a look has ended that began after this was called, or
    /// after 2 s.
    pub(super) async fn look(&self) {
        let wanted = self.begun.load(Ordering::SeqCst) + 1;
        let mut ended = self.ended.subscribe();
        self.asked.notify_one();
        let looked = ended.wait_for(|&look| look >= wanted);
        if timeout(LIMIT, looked).await.is_err() {
            tracing::warn!("the data directory is not looked at in time");
        }
    }

    /// Waits until a look is asked for. Cancel-safe.
    pub(super) async fn asked(&self) {
        self.asked.notified().await;
    }

    /// A look begins; returns its number.
    pub(super) fn begin(&self) -> u64 {
        self.begun.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// The look of this number has ended.
    pub(super) fn end(&self, look: u64) {
        self.ended.send_replace(look);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_look_that_began_before_is_not_enough() {
        let lookout = Lookout::default();
        let first = lookout.begin();
        let asked = lookout.look();
        tokio::pin!(asked);
        let soon = Duration::from_millis(1);
        assert!(timeout(soon, &mut asked).await.is_err());
        lookout.end(first);
        assert!(timeout(soon, &mut asked).await.is_err());
        lookout.end(lookout.begin());
        assert!(timeout(soon, &mut asked).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        Lookout::default().look().await;
    }
}
