//! A connection that is counted until its last byte, upgrades included.

use std::sync::atomic::Ordering;

use tokio::io::AsyncRead;
use tokio_util::io::InspectReader;

use super::quiet::Received;
use super::room::Place;
use crate::hub::metrics::OpenConnection;

/// The same connection, which gives its place among the open ones back when
/// it is dropped, and how much has been read from it so far.
pub(super) fn counted<Io: AsyncRead>(
    io: Io,
    open: OpenConnection,
    place: Place,
) -> (
    InspectReader<Io, impl FnMut(&[u8]) + Send + use<Io>>,
    Received,
) {
    let received = Received::default();
    let counter = received.clone();
    let io = InspectReader::new(io, move |bytes: &[u8]| {
        // Held for as long as the connection is.
        let _held = (&open, &place);
        counter.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    });
    (io, received)
}
