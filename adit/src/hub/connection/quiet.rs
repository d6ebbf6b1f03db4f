//! Notices that a client no longer has any use for its connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// What a client has sent so far, in bytes.
pub(super) type Received = Arc<AtomicU64>;

/// How long a client may send less than [`FEW`].
const LONG: Duration = Duration::from_secs(300);
/// More than the answers to all pings in that time; a new client's first
/// request with its token or headers is more.
const FEW: u64 = 1024;

/// Serves a connection; as soon as its client has been quiet for 5 to 10
/// minutes, `stop` tells it to take no more requests.
///
/// One with nothing under way then ends. Where a client only listens, such as
/// to a watch, it goes on to the end of that.
pub(super) async fn serve<T>(
    served: impl Future<Output = T>,
    received: Received,
    stop: CancellationToken,
) -> T {
    let mut served = std::pin::pin!(served);
    tokio::select! {
        biased;
        ended = &mut served => return ended,
        () = quiet(&received) => {}
    }
    stop.cancel();
    served.await
}

async fn quiet(received: &AtomicU64) {
    let mut before = received.load(Relaxed);
    loop {
        tokio::time::sleep(LONG).await;
        let now = received.load(Relaxed);
        if now - before < FEW {
            return;
        }
        before = now;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep, timeout};

    use super::*;

    /// A connection that ends when it is told to.
    async fn told_after(received: Received, client: impl Future<Output = ()>) -> Duration {
        let begun = Instant::now();
        let stop = CancellationToken::new();
        let served = serve(stop.cancelled(), received, stop.clone());
        tokio::select! {
            () = served => begun.elapsed(),
            () = client => panic!("the client is never done"),
        }
    }

    /// Sends so much every half minute, for a day.
    async fn sends(received: Received, bytes: u64) {
        for _ in 0..2880 {
            sleep(Duration::from_secs(30)).await;
            received.fetch_add(bytes, Relaxed);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_only_answers_pings_is_told_to_go() {
        let received = Received::default();
        let client = sends(received.clone(), 17);
        let after = told_after(received, client).await;
        assert!(after <= 2 * LONG, "{after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_asks_now_and_then_is_left_alone() {
        let received = Received::default();
        let client = sends(received.clone(), 150);
        let stop = CancellationToken::new();
        let hour = Duration::from_secs(3600);
        let served = serve(stop.cancelled(), received, stop.clone());
        tokio::select! {
            ended = timeout(hour, served) => assert!(ended.is_err(), "it was told to go"),
            () = client => panic!("it is not done in an hour"),
        }
    }
}
