//! Waiting for conditions.

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};

/// How long anything may take that takes a moment where all is well.
pub const GENEROUS: Duration = Duration::from_secs(60);

const BETWEEN_PROBES: Duration = Duration::from_millis(50);

/// Probes until there is an answer.
///
/// # Errors
/// There is none within the limit.
pub async fn until<T>(
    what: &str,
    limit: Duration,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = probe().await {
            return Ok(found);
        }
        if begun.elapsed() > limit {
            bail!("no sign of {what} within {limit:?}");
        }
        sleep(BETWEEN_PROBES).await;
    }
}

/// Whether a condition is there, as [`until`] wants it.
pub fn once(condition: bool) -> Option<()> {
    condition.then_some(())
}
