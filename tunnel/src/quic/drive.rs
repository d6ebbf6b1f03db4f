use quinn::Connection;
use tokio::time::timeout;

use super::raw::RawStream;
use super::{FIRST_STREAMS, LAST_BYTES, code, varint};
use crate::CloseReason;
use crate::carrier::{self, Duties, End};

pub(super) async fn drive(
    connection: Connection,
    mut duties: Duties,
    max_held: usize,
    max_streams: u64,
) -> CloseReason {
    let mut room = FIRST_STREAMS.min(max_streams);
    loop {
        tokio::select! {
            // It knows best how the connection has ended.
            biased;
            accepted = connection.accept_bi() => match accepted {
                Ok(stream) => {
                    let raw = Box::new(RawStream::new(stream, max_held));
                    duties.take_stream(carrier::RawStream::Quic(raw));
                    let open = duties.core.open_streams() as u64;
                    if open * 2 > room && room < max_streams {
                        room = (room * 4).min(max_streams);
                        connection.set_max_concurrent_bi_streams(varint(room));
                    }
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
