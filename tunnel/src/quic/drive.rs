use quinn::Connection;
use tokio::time::timeout;

use super::raw::RawStream;
use super::{LAST_BYTES, code};
use crate::CloseReason;
use crate::carrier::{self, Duties, End};

pub(super) async fn drive(
    connection: Connection,
    mut duties: Duties,
    max_held: usize,
) -> CloseReason {
    loop {
        tokio::select! {
            // It knows best how the connection has ended.
            biased;
            accepted = connection.accept_bi() => match accepted {
                Ok(stream) => {
                    let raw = Box::new(RawStream::new(stream, max_held));
                    duties.take_stream(carrier::RawStream::Quic(raw));
                }
                Err(error) => return duties.last_word(code::close_reason(&error)),
            },
            end = duties.run() => match end {
                End::Abrupt(reason) => return reason,
                End::Drained => break,
            },
        }
    }
    // Whoever gets the driver's result closes the connection, and with it
    // everything that has not arrived.
    let _ = timeout(LAST_BYTES, duties.last_messages()).await;
    CloseReason::Drained
}
