use std::time::Duration;

use crate::storage::Storage;

/// Forgets the store's history but for the last five to ten minutes, which is
/// what Kubernetes' clients count on to go on with a watch or a list.
pub(crate) async fn run(storage: &Storage) {
    let mut before = None;
    loop {
        tokio::time::sleep(INTERVAL).await;
        let current = match storage.current().await {
            Ok(current) => current,
            Err(error) => {
                tracing::warn!(%error, "the store's revision cannot be read");
                continue;
            }
        };
        if let Some(before) = before.replace(current)
            && let Err(error) = storage.compact(before).await
        {
            tracing::warn!(%error, "the store's history cannot be compacted");
        }
    }
}

const INTERVAL: Duration = Duration::from_secs(300);
