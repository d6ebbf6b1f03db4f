use std::future::poll_fn;

use futures_util::FutureExt;
use proto::{Control, Decoder, Hello, Message as _, MessageError};

use super::{RawError, RawStream};
use crate::HandshakeError;

/// A link's control stream.
#[derive(Debug)]
pub(crate) struct ControlStream {
    raw: RawStream,
    decoder: Decoder,
}

/// Why nothing more comes on a control stream.
#[derive(Debug)]
pub(crate) enum ControlError {
    /// The stream has ended, or its connection.
    Ended,
    /// A message that does not decode.
    Malformed(MessageError),
}

/// A hello with all its features is below 9 KiB.
const MAX_CONTROL_LEN: usize = 64 * 1024;

/// A peer that went away without a word.
pub(crate) fn ended() -> HandshakeError {
    HandshakeError::Closed("the peer closed it".to_owned())
}

impl ControlStream {
    pub(crate) fn new(raw: RawStream) -> Self {
        Self {
            raw,
            decoder: Decoder::new(MAX_CONTROL_LEN),
        }
    }

    /// Queues a message. There are few of them in a link's life, so that
    /// they need not wait for the peer's window.
    pub(crate) fn send(&mut self, message: &Control) -> Result<(), RawError> {
        self.raw.send(message.encode())
    }

    pub(crate) fn finish(&mut self) -> Result<(), RawError> {
        self.raw.finish()
    }

    /// Finishes, and waits until all that was sent has gone out.
    pub(crate) async fn last(mut self) {
        // Where the connection has ended, there is nothing to wait for.
        let _ = self.raw.finish();
        if let Some(unwritten) = self.raw.take_unwritten() {
            unwritten.await;
        }
    }

    /// The peer's next message. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Control, ControlError> {
        loop {
            match self.decoder.next_message() {
                Ok(Some(message)) => return Ok(message),
                Ok(None) => {}
                Err(error) => return Err(ControlError::Malformed(error)),
            }
            match poll_fn(|cx| self.raw.poll_chunk(cx)).await {
                Ok(Some(chunk)) => self.decoder.push(&chunk),
                Ok(None) | Err(_) => return Err(ControlError::Ended),
            }
        }
    }

    /// The verdict on a hello that came together with the connection's end, else `end`.
    pub(crate) fn last_hello(
        &mut self,
        ours: &Hello,
        end: HandshakeError,
    ) -> Result<Hello, HandshakeError> {
        match self.hello(ours).now_or_never() {
            Some(Ok(_)) | Some(Err(HandshakeError::Closed(_))) | None => Err(end),
            Some(Err(verdict)) => Err(verdict),
        }
    }

    /// Exchanges hellos: this end's has been sent, the peer's is waited for and judged.
    pub(crate) async fn hello(&mut self, ours: &Hello) -> Result<Hello, HandshakeError> {
        match self.next().await {
            Ok(Control::Hello(theirs)) => match theirs.accept(ours) {
                Ok(()) => Ok(theirs),
                Err(error) => {
                    let message = error.to_string();
                    // The connection is about to be closed: this is only a courtesy.
                    let _ = self
                        .send(&Control::Rejected { message })
                        .and_then(|()| self.finish());
                    Err(error.into())
                }
            },
            Ok(Control::Rejected { message }) => Err(HandshakeError::Rejected { message }),
            Ok(_) => Err(HandshakeError::Protocol("its first message is no hello")),
            Err(ControlError::Ended) => Err(HandshakeError::Closed(
                "the control stream ended".to_owned(),
            )),
            Err(ControlError::Malformed(error)) => Err(error.into()),
        }
    }
}
