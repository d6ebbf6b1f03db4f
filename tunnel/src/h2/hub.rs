use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use h2::SendStream;
use h2::client::{self, ResponseFuture, SendRequest};
use proto::Control;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::chunk::Chunk;
use super::liveness::Pulse;
use super::opener::{Opener, Requests, request};
use super::outbox::{Backlog, Outbox};
use super::raw::{RawStream, raw_error};
use super::{ClientConnection, LAST_FRAMES, SPARES, client_builder};
use crate::carrier::{self, ControlStream, Duties, End, RawError, ended};
use crate::link::Core;
use crate::meter::{Meter, Metered};
use crate::{CloseReason, Driver, HandshakeError, Incoming, Link, LinkConfig};

pub(super) async fn handshake<IO>(
    io: IO,
    config: LinkConfig,
) -> Result<(Link, Incoming, Driver), HandshakeError>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let meter = Meter::new();
    let io = Metered::new(io, Arc::clone(&meter));
    let (mut requests, mut connection) = client_builder(&config)
        .handshake::<_, Chunk>(io)
        .await
        .map_err(closed)?;
    let ping = connection.ping_pong();
    let backlog = Arc::<Backlog>::default();
    let mut control = open_control(&mut requests, &backlog)?;
    control
        .send(&Control::Hello(config.hello.clone()))
        .map_err(|_| ended())?;
    let peer = tokio::select! {
        hello = control.hello(&config.hello) => hello,
        result = &mut connection => {
            let end = result.map_or_else(closed, |()| ended());
            control.last_hello(&config.hello, end)
        }
    };
    let peer = match peer {
        Ok(peer) => peer,
        Err(error) => {
            drop(requests);
            let _ = timeout(LAST_FRAMES, last_message(connection, control)).await;
            return Err(error);
        }
    };
    let (queue, incoming) = Incoming::new(config.accept_backlog);
    let spares = Spares::new(requests.clone(), Arc::clone(&backlog));
    let pulse = Pulse::new(&config, Arc::clone(&meter), ping);
    let opener = carrier::Opener::H2(Opener::Hub(Requests::new(requests, backlog)));
    let core = Core::new(config, meter, opener, peer);
    let duties = Duties::new(Arc::clone(&core), control, Some(pulse), queue);
    let link = Link::new(Arc::clone(&core));
    Ok((
        link,
        incoming,
        Driver::new(core, drive(connection, duties, spares)),
    ))
}

pub(super) async fn reject<IO>(io: IO, message: String) -> Result<(), HandshakeError>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut requests, connection) = client::Builder::new()
        .handshake::<_, Chunk>(io)
        .await
        .map_err(closed)?;
    let mut control = open_control(&mut requests, &Arc::default())?;
    let sent = control
        .send(&Control::Rejected { message })
        .and_then(|()| control.finish());
    sent.map_err(|_| ended())?;
    drop(requests);
    last_message(connection, control).await;
    Ok(())
}

/// Lets the control stream's last message go out, and the peer read it: it
/// would be lost if this end closed the connection while the peer still sends.
async fn last_message<IO>(connection: client::Connection<IO, Chunk>, control: ControlStream)
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    // How the connection ends makes no difference any more.
    let _ = connection.await;
    drop(control);
}

fn open_control(
    requests: &mut SendRequest<Chunk>,
    backlog: &Arc<Backlog>,
) -> Result<ControlStream, HandshakeError> {
    let (response, send) = requests
        .send_request(request("/control"), false)
        .map_err(closed)?;
    let raw = RawStream::request(send, response, Outbox::new(backlog));
    Ok(ControlStream::new(carrier::RawStream::H2(raw)))
}

async fn drive<IO>(
    mut connection: ClientConnection<IO>,
    mut duties: Duties,
    mut spares: Spares,
) -> CloseReason
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    loop {
        spares.refill();
        tokio::select! {
            result = &mut connection => return duties.last_word(match result {
                Ok(()) => CloseReason::PeerClosed,
                Err(error) if error.is_go_away() && error.is_remote() => CloseReason::PeerClosed,
                Err(error) => CloseReason::LinkLost(error.to_string().into()),
            }),
            end = duties.run() => match end {
                End::Abrupt(CloseReason::Rejected(message)) => {
                    duties.reject(&message);
                    drop(spares);
                    let reason = CloseReason::Rejected(message);
                    duties.core.set_closed(reason.clone());
                    let _ = timeout(LAST_FRAMES, connection).await;
                    return reason;
                }
                End::Abrupt(reason) => return reason,
                End::Drained => break,
            },
            Some(taken) = spares.waiting.next() => match taken {
                Ok(stream) => duties.take_stream(carrier::RawStream::H2(stream)),
                // An agent that refuses spares gets none until the next link.
                Err(_) => spares.given_up += 1,
            },
        }
    }
    duties.core.set_closed(CloseReason::Drained);
    drop((duties, spares));
    let _ = timeout(LAST_FRAMES, connection).await;
    CloseReason::Drained
}

/// The requests that the hub keeps open for the agent to answer.
struct Spares {
    requests: SendRequest<Chunk>,
    backlog: Arc<Backlog>,
    waiting: FuturesUnordered<Spare>,
    given_up: usize,
}

struct Spare {
    response: ResponseFuture,
    send: Option<SendStream<Chunk>>,
    backlog: Arc<Backlog>,
}

impl Spares {
    fn new(requests: SendRequest<Chunk>, backlog: Arc<Backlog>) -> Self {
        Self {
            requests,
            backlog,
            waiting: FuturesUnordered::new(),
            given_up: 0,
        }
    }

    fn refill(&mut self) {
        while self.waiting.len() + self.given_up < SPARES {
            match self.requests.send_request(request("/spare"), false) {
                Ok((response, send)) => self.waiting.push(Spare {
                    response,
                    send: Some(send),
                    backlog: Arc::clone(&self.backlog),
                }),
                // The connection has ended, which its own future reports.
                Err(_) => return,
            }
        }
    }
}

impl Future for Spare {
    type Output = Result<RawStream, RawError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = ready!(Pin::new(&mut self.response).poll(cx)).map_err(raw_error)?;
        let Some(send) = self.send.take() else {
            return Poll::Pending;
        };
        let outbox = Outbox::new(&self.backlog);
        let raw = RawStream::answered_request(send, response.into_body(), outbox);
        Poll::Ready(Ok(raw))
    }
}

fn closed(error: h2::Error) -> HandshakeError {
    HandshakeError::Closed(error.to_string())
}
