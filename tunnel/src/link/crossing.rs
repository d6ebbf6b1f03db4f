use std::future::poll_fn;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, ready};

use proto::{Answer, Decoder, Message, MessageError, Refusal, RefusalReason, StreamMove};
use tokio::time::timeout;

use super::{Core, StreamPlace};
use crate::carrier::RawStream;
use crate::stream::Shared;

/// A stream on its way to this end's link, as the hub has it. Dropped before
/// the agent has answered, the stream is reset: it may be here or there.
#[derive(Debug)]
pub(crate) struct Crossing {
    stream: Arc<Shared>,
    /// Taken when the agent has answered.
    new: Option<(RawStream, StreamPlace)>,
}

/// Longest message that a move begins with, in bytes: two numbers, or a refusal.
const MAX_MESSAGE_LEN: usize = 4 * 1024;

/// Begins to bring a stream to the link `to`, as the hub.
pub(super) fn begin(stream: &Arc<Shared>, to: &Arc<Core>) -> bool {
    let Ok(place) = to.place() else { return false };
    let Some((from, id)) = stream.ask_passage() else {
        return false;
    };
    let link = from.peer.link.filter(|_| !Arc::ptr_eq(&from, to));
    let opened = link.and_then(|link| {
        let message = StreamMove {
            link: link.get(),
            stream: id,
        };
        to.opener.open_move(message.encode())
    });
    let Some(raw) = opened else {
        stream.stay();
        return false;
    };
    // The agent's limits for it may come as soon as its answer.
    to.unread.expect(raw.id(), Arc::downgrade(stream));
    to.expect(Crossing {
        stream: Arc::clone(stream),
        new: Some((raw, place)),
    });
    true
}

/// Takes up a stream of another link where the hub has moved it, as its agent.
pub(crate) async fn follow(core: Arc<Core>, mut raw: RawStream) {
    let Ok(place) = core.place() else { return };
    let mut decoder = Decoder::new(MAX_MESSAGE_LEN);
    let message = poll_fn(|cx| poll_message::<StreamMove>(&mut raw, &mut decoder, cx));
    // A hub that says nothing, or nonsense, is told so by a reset.
    let Ok(Some(Ok(wanted))) = timeout(core.config.handshake_timeout, message).await else {
        return;
    };
    let from = core.config.siblings.find(wanted.link);
    let stream = from.and_then(|from| from.unread.find(wanted.stream));
    let refused = match stream {
        Some(stream) => stream.follow(raw, place, decoder.into_rest()),
        None => Err(raw),
    };
    if let Err(raw) = refused {
        let refusal = Refusal::new(RefusalReason::NotFound, "there is no such stream");
        raw.refuse(Answer::Refused(refusal).encode());
    }
}

impl Core {
    /// Keeps a stream that is on its way here until it has come.
    fn expect(&self, crossing: Crossing) {
        self.crossings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(crossing);
        if self.is_over() {
            // No driver will come for it.
            drop(self.take_crossings());
        }
        self.meter.wake.notify_one();
    }

    /// The streams to bring home, for the driver.
    pub(crate) fn take_crossings(&self) -> Vec<Crossing> {
        std::mem::take(
            &mut *self
                .crossings
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

impl Crossing {
    /// Waits for the agent's answer, and has the stream go on accordingly.
    pub(crate) async fn come_home(mut self) {
        let Some((raw, place)) = &mut self.new else {
            return;
        };
        let limit = place.core().config.handshake_timeout;
        let mut decoder = Decoder::new(MAX_MESSAGE_LEN);
        let answer = timeout(
            limit,
            poll_fn(|cx| poll_message::<Answer>(raw, &mut decoder, cx)),
        );
        match answer.await {
            Ok(Some(Ok(Answer::Opened))) => {
                if let Some((raw, place)) = self.new.take() {
                    self.stream.arrive(raw, place, decoder.into_rest());
                }
            }
            Ok(Some(Ok(Answer::Refused(_)))) => {
                place.core().unread.remove(raw.id());
                self.new = None;
                self.stream.stay();
            }
            // Nobody can tell what the agent has done.
            Ok(Some(Err(_)) | None) | Err(_) => {}
        }
    }
}

impl Drop for Crossing {
    fn drop(&mut self) {
        if let Some((raw, place)) = &self.new {
            place.core().unread.remove(raw.id());
            self.stream.lose_way();
        }
    }
}

/// The first message on `raw`; `None` when it ends before that.
fn poll_message<M: Message>(
    raw: &mut RawStream,
    decoder: &mut Decoder,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<M, MessageError>>> {
    loop {
        match decoder.next_message() {
            Ok(Some(message)) => return Poll::Ready(Some(Ok(message))),
            Ok(None) => {}
            Err(error) => return Poll::Ready(Some(Err(error))),
        }
        match ready!(raw.poll_chunk(cx)) {
            Ok(Some(chunk)) => decoder.push(&chunk),
            Ok(None) | Err(_) => return Poll::Ready(None),
        }
    }
}
