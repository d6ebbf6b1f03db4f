use std::sync::Arc;

use h2::RecvStream;
use h2::server::SendResponse;
use http::Request;
use proto::Control;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::chunk::Chunk;
use super::liveness::Pulse;
use super::opener::{Opener, Spares};
use super::outbox::{Backlog, Outbox};
use super::raw::RawStream;
use super::{LAST_FRAMES, ServerConnection, server_builder};
use crate::carrier::{self, ControlStream, Duties, End, ended};
use crate::link::Core;
use crate::meter::{Meter, Metered};
use crate::{CloseReason, Driver, HandshakeError, Incoming, Link, LinkConfig, ResetReason};

type Accepted = Option<Result<(Request<RecvStream>, SendResponse<Chunk>), h2::Error>>;

pub(super) async fn handshake<IO>(
    io: IO,
    config: LinkConfig,
) -> Result<(Link, Incoming, Driver), HandshakeError>
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut config = config;
    config.hello.link = config.siblings.number();
    let meter = Meter::new();
    let io = Metered::new(io, Arc::clone(&meter));
    let mut connection: ServerConnection<IO> = server_builder(&config)
        .handshake(io)
        .await
        .map_err(closed)?;
    let ping = connection.ping_pong();
    let backlog = Arc::<Backlog>::default();
    let mut control = accept_control(&mut connection, &backlog).await?;
    let peer = tokio::select! {
        hello = control.hello(&config.hello) => hello,
        early = connection.accept() => {
            let end = match early {
                Some(Ok(_)) => HandshakeError::Protocol("it opened a stream before its hello"),
                Some(Err(error)) => closed(error),
                None => ended(),
            };
            control.last_hello(&config.hello, end)
        }
    };
    let peer = match peer {
        Ok(peer) => peer,
        Err(error) => {
            if let HandshakeError::Hello(_) = error {
                // What was queued for the hub tells it why.
                drop(control);
                connection.graceful_shutdown();
                let _ = timeout(LAST_FRAMES, last_frames(&mut connection)).await;
            }
            return Err(error);
        }
    };
    // Only now: a hub that this end rejects is told so first of all.
    control
        .send(&Control::Hello(config.hello.clone()))
        .map_err(|_| ended())?;
    let (queue, incoming) = Incoming::new(config.accept_backlog);
    let pulse = Pulse::new(&config, Arc::clone(&meter), ping);
    let opener = carrier::Opener::H2(Opener::Agent(Spares::new()));
    let core = Core::new(config, meter, opener, peer);
    let duties = Duties::new(Arc::clone(&core), control, Some(pulse), queue);
    let link = Link::new(Arc::clone(&core));
    Ok((
        link,
        incoming,
        Driver::new(core, drive(connection, duties, backlog)),
    ))
}

async fn accept_control<IO>(
    connection: &mut ServerConnection<IO>,
    backlog: &Arc<Backlog>,
) -> Result<ControlStream, HandshakeError>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    match connection.accept().await {
        Some(Ok((request, respond))) if request.uri().path() == "/control" => {
            let raw = RawStream::response(respond, request.into_body(), Outbox::new(backlog));
            Ok(ControlStream::new(carrier::RawStream::H2(raw)))
        }
        Some(Ok(_)) => Err(HandshakeError::Protocol(
            "its first stream is not for control",
        )),
        Some(Err(error)) => Err(closed(error)),
        None => Err(ended()),
    }
}

async fn drive<IO>(
    mut connection: ServerConnection<IO>,
    mut duties: Duties,
    backlog: Arc<Backlog>,
) -> CloseReason
where
    IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    loop {
        tokio::select! {
            accepted = connection.accept() => {
                if let Some(reason) = take(accepted, &mut duties, &backlog) {
                    return duties.last_word(reason);
                }
            }
            end = duties.run() => match end {
                End::Abrupt(reason) => return reason,
                End::Drained => break,
            },
        }
    }
    duties.core.set_closed(CloseReason::Drained);
    drop(duties);
    connection.graceful_shutdown();
    let _ = timeout(LAST_FRAMES, last_frames(&mut connection)).await;
    CloseReason::Drained
}

/// Lets what is queued go out; streams of the hub's are not taken any more.
async fn last_frames<IO>(connection: &mut ServerConnection<IO>)
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(Ok(_)) = connection.accept().await {}
}

/// Takes a stream of the hub's, or tells why no more will come.
fn take(accepted: Accepted, duties: &mut Duties, backlog: &Arc<Backlog>) -> Option<CloseReason> {
    let (request, respond) = match accepted {
        Some(Ok(accepted)) => accepted,
        Some(Err(error)) => return Some(CloseReason::LinkLost(error.to_string().into())),
        None => return Some(CloseReason::PeerClosed),
    };
    let (head, body) = request.into_parts();
    let mut raw = RawStream::response(respond, body, Outbox::new(backlog));
    match (head.uri.path(), duties.core.opener()) {
        ("/move", _) => duties.take_move(carrier::RawStream::H2(raw)),
        ("/stream", _) => duties.take_stream(carrier::RawStream::H2(raw)),
        ("/spare", carrier::Opener::H2(Opener::Agent(spares))) => spares.put(raw),
        // A newer hub's use of a stream.
        _ => raw.reset(ResetReason::Protocol),
    }
    None
}

fn closed(error: h2::Error) -> HandshakeError {
    HandshakeError::Closed(error.to_string())
}
