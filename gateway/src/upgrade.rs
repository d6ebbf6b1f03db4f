//! Connections that have switched to SPDY or WebSocket.

use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;
use tunnel::Stream;

use crate::access_log::{Completeness, Record};
use crate::splice::{SpliceError, SpliceLimits, splice};

/// A client's connection and a stream that have both switched.
pub(crate) struct Switched {
    pub(crate) client: OnUpgrade,
    pub(crate) stream: Stream,
    /// What has been read from the stream of the new protocol.
    pub(crate) front: Bytes,
}

impl Switched {
    /// Moves bytes until both directions have ended, one breaks, or `stop` is
    /// cancelled. What is not ended cleanly is reset, at both ends.
    pub(crate) async fn run(
        self,
        limits: SpliceLimits,
        stop: CancellationToken,
        mut record: Record,
    ) {
        if let Err(error) = Box::pin(self.move_bytes(limits, &stop, &mut record)).await {
            record.set_end(error.ended_by(), Completeness::Cut);
            tracing::debug!(id = %record.id(), %error, "an upgraded connection was cut");
        }
    }

    async fn move_bytes(
        self,
        limits: SpliceLimits,
        stop: &CancellationToken,
        record: &mut Record,
    ) -> Result<(), SpliceError> {
        let client = tokio::select! {
            biased;
            client = self.client => TokioIo::new(client?),
            () = stop.cancelled() => return Err(SpliceError::Stopped),
        };
        let client = tokio::io::split(client);
        splice(client, self.stream, self.front, limits, stop, record).await
    }
}
