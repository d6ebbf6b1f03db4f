use bytes::Bytes;
use futures_util::FutureExt;
use quinn::Connection;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::code;
use super::raw::RawStream;
use crate::carrier::RawError;
use crate::link::{Core, Packets};
use crate::meter::Meter;
use crate::{CloseReason, OpenError};

/// How this end opens streams.
#[derive(Debug)]
pub(crate) struct Opener {
    connection: Connection,
    max_held: usize,
    /// For those who wait until the peer takes more streams.
    queue: Semaphore,
}

/// Opens that wait for the peer to take more streams; one more fails. It lets
/// so many come at first, and more as soon as it has noticed.
const MAX_WAITING_OPENS: usize = 1024;

impl Opener {
    pub(super) fn new(connection: Connection, max_held: usize) -> Self {
        Self {
            connection,
            max_held,
            queue: Semaphore::new(MAX_WAITING_OPENS),
        }
    }

    pub(crate) async fn open(&self, core: &Core, header: Bytes) -> Result<RawStream, OpenError> {
        let full = OpenError::StreamLimit {
            limit: MAX_WAITING_OPENS,
        };
        let opened = match self.connection.open_bi().now_or_never() {
            Some(opened) => opened,
            None => {
                let Ok(_turn) = self.queue.try_acquire() else {
                    return Err(full);
                };
                let room = timeout(core.config.handshake_timeout, self.connection.open_bi());
                room.await.map_err(|_| full)?
            }
        };
        let lost = |error| RawError::Link(code::close_reason(&error)).on(core);
        let mut raw = RawStream::new(opened.map_err(lost)?, self.max_held);
        raw.send(header).map_err(|error| error.on(core))?;
        // From the first stream on the driver reads the meter.
        core.meter.wake.notify_one();
        Ok(raw)
    }

    pub(crate) fn close(&self, reason: &CloseReason) {
        code::close(&self.connection, reason);
    }

    pub(crate) fn packets(&self) -> Packets {
        let path = self.connection.stats().path;
        Packets {
            sent: path.sent_packets,
            lost: path.lost_packets,
        }
    }

    pub(crate) fn read_meter(&self, meter: &Meter) {
        let stats = self.connection.stats();
        meter.set_bytes(stats.udp_rx.bytes, stats.udp_tx.bytes);
    }
}
