use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use proto::{Answer, Decoder, Message as _, Refusal, RefusalReason, StreamHeader};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::carrier::RawStream;
use crate::link::Core;
use crate::stream::Shared;
use crate::{OpenError, ResetReason, Stream, StreamError, StreamWatch};

/// The streams that the peer opens.
#[derive(Debug)]
pub struct Incoming {
    /// Boxed, because a queue makes room for dozens even if it stays empty.
    queue: mpsc::Receiver<Box<IncomingStream>>,
}

/// A stream that the peer has opened and that waits for this end's answer.
///
/// Dropped, it is reset.
#[derive(Debug)]
pub struct IncomingStream {
    header: StreamHeader,
    /// Taken when the stream is answered.
    unanswered: Option<Unanswered>,
}

#[derive(Debug)]
struct Unanswered {
    shared: Arc<Shared>,
    front: Bytes,
}

/// Longest stream header taken, in bytes. A Service target needs about 200.
const MAX_HEADER_LEN: usize = 16 * 1024;

impl Incoming {
    pub(crate) fn new(backlog: usize) -> (mpsc::Sender<Box<IncomingStream>>, Self) {
        let (sender, queue) = mpsc::channel(backlog);
        (sender, Self { queue })
    }

    /// The next stream; `None` when the link is over. Cancel-safe.
    pub async fn next(&mut self) -> Option<IncomingStream> {
        self.queue.recv().await.map(|stream| *stream)
    }
}

impl IncomingStream {
    /// What the peer wants.
    pub fn header(&self) -> &StreamHeader {
        &self.header
    }

    /// An eye on the stream for whoever decides about it.
    pub fn watch(&self) -> Option<StreamWatch> {
        let unanswered = self.unanswered.as_ref()?;
        Some(StreamWatch::new(&unanswered.shared))
    }

    /// Tells the peer that the target is reached.
    pub fn accept(mut self) -> Result<Stream, StreamError> {
        let Some(Unanswered { shared, front }) = self.unanswered.take() else {
            return Err(StreamError::Finished);
        };
        shared.send(Answer::Opened.encode())?;
        Ok(Stream::with_front(shared, front))
    }

    /// Tells the peer why the target is not reached.
    pub fn refuse(mut self, refusal: Refusal) {
        if let Some(unanswered) = self.unanswered.take() {
            refuse(&unanswered.shared, refusal);
        }
    }
}

impl Drop for IncomingStream {
    fn drop(&mut self) {
        if let Some(unanswered) = self.unanswered.take() {
            unanswered.shared.reset(ResetReason::Cancelled);
        }
    }
}

/// Reads the header of a stream that the peer has opened; a stream that
/// cannot be taken is refused here and gives `None`.
pub(crate) async fn read_header(core: Arc<Core>, raw: RawStream) -> Option<IncomingStream> {
    let place = match core.place() {
        Ok(place) => place,
        Err(error) => {
            raw.refuse(Answer::Refused(no_place(&error)).encode());
            return None;
        }
    };
    let limit = core.config.handshake_timeout;
    let shared = Shared::new(place, raw, 0);
    let mut decoder = Decoder::new(MAX_HEADER_LEN);
    let header = timeout(limit, poll_fn(|cx| poll_header(&shared, &mut decoder, cx))).await;
    match header {
        Ok(Ok(header)) => {
            shared.set_target(header.target.clone());
            let front = decoder.into_rest();
            Some(IncomingStream {
                header,
                unanswered: Some(Unanswered { shared, front }),
            })
        }
        Ok(Err(Some(refusal))) => {
            refuse(&shared, refusal);
            None
        }
        // The peer has reset the stream; nobody is left to be told.
        Ok(Err(None)) => None,
        Err(_) => {
            let message = format!("no stream header within {limit:?}");
            refuse(&shared, Refusal::new(RefusalReason::Malformed, message));
            None
        }
    }
}

fn poll_header(
    shared: &Shared,
    decoder: &mut Decoder,
    cx: &mut Context<'_>,
) -> Poll<Result<StreamHeader, Option<Refusal>>> {
    let malformed = |message: String| Some(Refusal::new(RefusalReason::Malformed, message));
    loop {
        match decoder.next_message() {
            Ok(Some(header)) => return Poll::Ready(Ok(header)),
            Ok(None) => {}
            Err(error) => return Poll::Ready(Err(malformed(error.to_string()))),
        }
        match ready!(shared.poll_chunk(cx)) {
            Ok(Some(chunk)) => decoder.push(&chunk),
            Ok(None) => {
                return Poll::Ready(Err(malformed("the stream ended inside its header".into())));
            }
            Err(_) => return Poll::Ready(Err(None)),
        }
    }
}

fn refuse(shared: &Shared, refusal: Refusal) {
    shared.set_refused(refusal.reason);
    // A peer that has gone away needs no answer.
    let _ = shared
        .send(Answer::Refused(refusal).encode())
        .and_then(|()| shared.finish());
    shared.drop_read();
}

fn no_place(error: &OpenError) -> Refusal {
    let reason = match error {
        OpenError::StreamLimit { .. } => RefusalReason::Busy,
        OpenError::Draining | OpenError::Stream(_) => RefusalReason::Draining,
    };
    Refusal::new(reason, error.to_string())
}

/// Hands a stream to whoever takes them; with a full backlog it is refused.
pub(crate) fn enqueue(queue: &mpsc::Sender<Box<IncomingStream>>, stream: IncomingStream) {
    match queue.try_send(Box::new(stream)) {
        Ok(()) => {}
        Err(mpsc::error::TrySendError::Full(stream)) => {
            let message = "too many streams wait to be taken";
            stream.refuse(Refusal::new(RefusalReason::Busy, message));
        }
        Err(mpsc::error::TrySendError::Closed(stream)) => {
            let message = "this end takes no streams";
            stream.refuse(Refusal::new(RefusalReason::Unsupported, message));
        }
    }
}
