use std::sync::Arc;

use bytes::{Buf, Bytes};
use tokio::sync::oneshot;

use super::outbox::Outbox;

/// What is queued for sending on a stream.
///
/// The last chunk tells when it has been written, and with it everything
/// before it: a client's stream that is dropped earlier loses what it queued.
#[derive(Debug)]
pub(crate) struct Chunk {
    data: Bytes,
    /// Where it is counted, and with how many bytes.
    counted: Option<(Arc<Outbox>, usize)>,
    /// Closed when the chunk is dropped, which is when it has been written.
    _written: Option<oneshot::Sender<()>>,
}

impl Chunk {
    pub(super) fn data(data: Bytes, outbox: &Arc<Outbox>) -> Self {
        outbox.add(data.len());
        Self {
            counted: Some((Arc::clone(outbox), data.len())),
            data,
            _written: None,
        }
    }

    /// An empty last chunk, and what resolves when it has been written.
    pub(super) fn last() -> (Self, oneshot::Receiver<()>) {
        let (sender, written) = oneshot::channel();
        (
            Self {
                data: Bytes::new(),
                counted: None,
                _written: Some(sender),
            },
            written,
        )
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        if let Some((outbox, bytes)) = &self.counted {
            outbox.take(*bytes);
        }
    }
}

impl Buf for Chunk {
    fn remaining(&self) -> usize {
        self.data.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.data.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.data.advance(count);
    }
}
