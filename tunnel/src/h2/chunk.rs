use bytes::{Buf, Bytes};
use tokio::sync::oneshot;

/// What is queued for sending on a stream.
///
/// The last chunk tells when it has been written, and with it everything
/// before it: a client's stream that is dropped earlier loses what it queued.
#[derive(Debug)]
pub(crate) struct Chunk {
    data: Bytes,
    /// Closed when the chunk is dropped, which is when it has been written.
    _written: Option<oneshot::Sender<()>>,
}

impl Chunk {
    pub(super) fn data(data: Bytes) -> Self {
        Self {
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
                _written: Some(sender),
            },
            written,
        )
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
