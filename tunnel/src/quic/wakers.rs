use std::sync::Arc;
use std::task::{Wake, Waker};

use futures_util::task::AtomicWaker;

/// Who waits for a stream.
///
/// The library keeps one waker for each direction of a stream, the last one
/// that it was asked with. It is always asked with this one, so that whoever
/// looks at a stream takes no one else's place: counting what is unread reads
/// ahead, and a writer learns of a reset by reading.
#[derive(Debug, Default)]
pub(super) struct Wakers {
    /// The task that reads the stream.
    pub(super) reader: AtomicWaker,
    /// The task that writes it, or watches for its reset.
    pub(super) writer: AtomicWaker,
}

impl Wakers {
    /// Both, as the library takes them.
    pub(super) fn new() -> (Arc<Self>, Waker) {
        let wakers = Arc::new(Self::default());
        let both = Waker::from(Arc::clone(&wakers));
        (wakers, both)
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.reader.wake();
        self.writer.wake();
    }
}
