use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::Response;
use tokio::sync::oneshot;

use super::chunk::Chunk;
use super::outbox::Outbox;
use super::reason;
use crate::carrier::RawError;
use crate::{CloseReason, ResetReason};

/// Both directions of one HTTP/2 stream.
#[derive(Debug)]
pub(crate) struct RawStream {
    send: RawSend,
    recv: RawRecv,
    phase: Phase,
    outbox: Arc<Outbox>,
    /// Resolves when everything up to the finish has been written.
    written: Option<oneshot::Receiver<()>>,
}

#[derive(Debug)]
enum RawSend {
    /// Somebody else sees to its end.
    Gone,
    Started(SendStream<Chunk>),
    /// A request whose response head has not been sent: it goes out together with the first data.
    Unstarted(SendResponse<Chunk>),
}

#[derive(Debug)]
enum RawRecv {
    Body(RecvStream),
    /// A request whose response head has not come.
    Response(ResponseFuture, Waker),
    /// Nobody reads any more.
    Stopped,
}

/// How far this end's direction is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    Finished,
    Reset(ResetReason),
    Sends,
}

impl RawStream {
    pub(super) fn request(
        send: SendStream<Chunk>,
        response: ResponseFuture,
        outbox: Arc<Outbox>,
    ) -> Self {
        let recv = RawRecv::Response(response, Waker::noop().clone());
        Self {
            send: RawSend::Started(send),
            recv,
            phase: Phase::Sends,
            outbox,
            written: None,
        }
    }

    pub(super) fn answered_request(
        send: SendStream<Chunk>,
        body: RecvStream,
        outbox: Arc<Outbox>,
    ) -> Self {
        let recv = RawRecv::Body(body);
        Self {
            send: RawSend::Started(send),
            recv,
            phase: Phase::Sends,
            outbox,
            written: None,
        }
    }

    pub(super) fn response(
        send: SendResponse<Chunk>,
        body: RecvStream,
        outbox: Arc<Outbox>,
    ) -> Self {
        let recv = RawRecv::Body(body);
        Self {
            send: RawSend::Unstarted(send),
            recv,
            phase: Phase::Sends,
            outbox,
            written: None,
        }
    }

    /// The stream's number on its connection.
    pub(crate) fn id(&self) -> u64 {
        u64::from(match &self.send {
            RawSend::Started(send) => send.stream_id().as_u32(),
            RawSend::Unstarted(send) => send.stream_id().as_u32(),
            RawSend::Gone => 0,
        })
    }

    /// Whether this end has neither finished nor reset.
    pub(crate) fn sends(&self) -> bool {
        self.phase == Phase::Sends
    }

    pub(crate) fn poll_chunk(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, RawError>> {
        if let Phase::Reset(reason) = self.phase {
            return Poll::Ready(Err(RawError::Reset(reason)));
        }
        if let RawRecv::Response(response, waker) = &mut self.recv {
            waker.clone_from(cx.waker());
            let response = ready!(Pin::new(response).poll(cx)).map_err(raw_error)?;
            self.recv = RawRecv::Body(response.into_body());
        }
        let RawRecv::Body(body) = &mut self.recv else {
            return Poll::Ready(Err(RawError::Reset(ResetReason::Cancelled)));
        };
        match ready!(body.poll_data(cx)) {
            Some(Ok(chunk)) => {
                // Taken is read: the caller holds at most this one chunk.
                body.flow_control()
                    .release_capacity(chunk.len())
                    .map_err(raw_error)?;
                Poll::Ready(Ok(Some(chunk)))
            }
            Some(Err(error)) => Poll::Ready(Err(raw_error(error))),
            None => Poll::Ready(Ok(None)),
        }
    }

    pub(crate) fn poll_capacity(
        &mut self,
        cx: &mut Context<'_>,
        wanted: usize,
    ) -> Poll<Result<usize, RawError>> {
        let outbox = Arc::clone(&self.outbox);
        let send = self.sender()?;
        if outbox.poll_room(cx).is_pending() {
            return match ready!(send.poll_reset(cx)) {
                Ok(reason) => Poll::Ready(Err(RawError::Reset(reason::from_h2(reason)))),
                Err(error) => Poll::Ready(Err(raw_error(error))),
            };
        }
        loop {
            match send.capacity() {
                0 => send.reserve_capacity(wanted),
                granted => return Poll::Ready(Ok(granted)),
            }
            match ready!(send.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(raw_error(error))),
                None => return Poll::Ready(Err(closed_by_peer(send, cx))),
            }
        }
    }

    /// Waits until one end has reset the stream or the connection is gone.
    ///
    /// Of the tasks that poll this and [`Self::poll_capacity`] the last is woken.
    pub(crate) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<RawError> {
        if let Phase::Reset(reason) = self.phase {
            return Poll::Ready(RawError::Reset(reason));
        }
        let polled = match &mut self.send {
            RawSend::Started(send) => send.poll_reset(cx),
            RawSend::Unstarted(send) => send.poll_reset(cx),
            RawSend::Gone => return Poll::Ready(RawError::Finished),
        };
        polled.map(|result| match result {
            Ok(reason) => RawError::Reset(reason::from_h2(reason)),
            Err(error) => raw_error(error),
        })
    }

    /// Queues `data`, which [`Self::poll_capacity`] has granted or which is a small message.
    pub(crate) fn send(&mut self, data: Bytes) -> Result<(), RawError> {
        let chunk = Chunk::data(data, &self.outbox);
        self.sender()?.send_data(chunk, false).map_err(raw_error)
    }

    /// Ends this direction behind everything that was sent.
    pub(crate) fn finish(&mut self) -> Result<(), RawError> {
        let (last, written) = Chunk::last();
        self.sender()?.send_data(last, true).map_err(raw_error)?;
        self.written = Some(written);
        self.phase = Phase::Finished;
        Ok(())
    }

    /// Ends both directions now; what has arrived and was not read is freed.
    pub(crate) fn reset(&mut self, reason: ResetReason) {
        if let Phase::Reset(_) = self.phase {
            return;
        }
        match &mut self.send {
            RawSend::Started(send) => send.send_reset(reason::to_h2(reason)),
            RawSend::Unstarted(send) => send.send_reset(reason::to_h2(reason)),
            RawSend::Gone => {}
        }
        self.phase = Phase::Reset(reason);
        self.recv = RawRecv::Stopped;
    }

    /// Frees what has arrived and refuses the rest; what this end has sent still goes out.
    pub(crate) fn stop_receiving(&mut self) {
        self.recv = RawRecv::Stopped;
    }

    /// Bytes that have arrived and were not read.
    pub(crate) fn unread(&mut self) -> usize {
        if let RawRecv::Response(response, waker) = &mut self.recv {
            // Data may wait behind a head that the reader has never asked for.
            let mut cx = Context::from_waker(waker);
            if let Poll::Ready(Ok(response)) = Pin::new(response).poll(&mut cx) {
                self.recv = RawRecv::Body(response.into_body());
            }
        }
        match &mut self.recv {
            RawRecv::Body(body) => body.flow_control().used_capacity(),
            RawRecv::Response(..) | RawRecv::Stopped => 0,
        }
    }

    /// The sending half of a finished stream that nobody holds any more, if
    /// some of what it sent has not been written yet.
    pub(crate) fn take_unwritten(&mut self) -> Option<Unwritten> {
        let mut written = self.written.take()?;
        match written.try_recv() {
            Err(oneshot::error::TryRecvError::Empty) => {}
            Ok(()) | Err(oneshot::error::TryRecvError::Closed) => return None,
        }
        let send = std::mem::replace(&mut self.send, RawSend::Gone);
        Some(Unwritten {
            written,
            _send: send,
        })
    }

    fn sender(&mut self) -> Result<&mut SendStream<Chunk>, RawError> {
        match self.phase {
            Phase::Finished => return Err(RawError::Finished),
            Phase::Reset(reason) => return Err(RawError::Reset(reason)),
            Phase::Sends => {}
        }
        if let RawSend::Unstarted(response) = &mut self.send {
            let send = response
                .send_response(Response::new(()), false)
                .map_err(raw_error)?;
            self.send = RawSend::Started(send);
        }
        match &mut self.send {
            RawSend::Started(send) => Ok(send),
            RawSend::Gone | RawSend::Unstarted(_) => Err(RawError::Reset(ResetReason::Unknown)),
        }
    }
}

/// The sending half of a finished stream. It resolves when all was written;
/// dropped earlier, the rest is lost.
#[derive(Debug)]
pub(crate) struct Unwritten {
    written: oneshot::Receiver<()>,
    _send: RawSend,
}

impl Future for Unwritten {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.written).poll(cx).map(drop)
    }
}

/// Why a stream takes no more data although this end has not ended it.
fn closed_by_peer(send: &mut SendStream<Chunk>, cx: &mut Context<'_>) -> RawError {
    match send.poll_reset(cx) {
        Poll::Ready(Ok(reason)) => RawError::Reset(reason::from_h2(reason)),
        Poll::Ready(Err(error)) => raw_error(error),
        Poll::Pending => RawError::Reset(ResetReason::Cancelled),
    }
}

pub(super) fn raw_error(error: h2::Error) -> RawError {
    match error.reason() {
        Some(reason) if error.is_reset() => RawError::Reset(reason::from_h2(reason)),
        Some(_) | None => RawError::Link(CloseReason::LinkLost(error.to_string().into())),
    }
}
