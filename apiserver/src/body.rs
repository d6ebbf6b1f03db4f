use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http_body::{Frame, SizeHint};

/// The body of an answer: pieces that are all there, or a stream that goes on.
pub enum Body {
    /// Pieces, sent in order. They are shared with what they were read from.
    Pieces(VecDeque<Bytes>),
    /// A stream without a known end. Dropping the body ends it.
    Stream(Pin<Box<dyn Stream<Item = Bytes> + Send>>),
}

impl Body {
    /// No bytes.
    #[must_use]
    pub const fn empty() -> Self {
        Self::Pieces(VecDeque::new())
    }

    /// What the stream yields, until it ends.
    pub fn stream(stream: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Self::Stream(Box::pin(stream))
    }

    /// The same body, which keeps something until it has been sent or dropped.
    pub(crate) fn holding<T: Send + 'static>(self, kept: T) -> Self {
        match self {
            Self::Pieces(_) => self,
            Self::Stream(stream) => Self::stream(stream.inspect(move |_| {
                let _ = &kept;
            })),
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = match self.get_mut() {
            Self::Pieces(pieces) => Poll::Ready(next_frame(pieces)),
            Self::Stream(stream) => stream.as_mut().poll_next(context),
        };
        next.map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Pieces(pieces) if pieces.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Pieces(pieces) => {
                SizeHint::with_exact(pieces.iter().map(|piece| piece.len() as u64).sum())
            }
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

/// The next pieces as one: small ones are copied together, for a frame each
/// would cost more than the copy.
fn next_frame(pieces: &mut VecDeque<Bytes>) -> Option<Bytes> {
    let first = pieces.pop_front()?;
    if first.len() >= FRAME || pieces.is_empty() {
        return Some(first);
    }
    let mut frame = Vec::with_capacity(2 * FRAME);
    frame.extend_from_slice(&first);
    while frame.len() < FRAME
        && let Some(piece) = pieces.pop_front_if(|piece| piece.len() < FRAME)
    {
        frame.extend_from_slice(&piece);
    }
    Some(frame.into())
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Pieces(VecDeque::from([bytes]))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

/// From this size on, a piece is a frame.
const FRAME: usize = 32 * 1024;

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pieces(pieces) => f.debug_tuple("Pieces").field(&pieces.len()).finish(),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}
