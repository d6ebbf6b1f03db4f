use std::sync::Arc;

use proto::{Control, Hello};
use quinn::{Connection, RecvStream, SendStream};

use super::drive::drive;
use super::opener::Opener;
use super::raw::RawStream;
use super::{code, stream_window, streams};
use crate::carrier::{self, ControlStream, Duties, ended};
use crate::link::Core;
use crate::meter::Meter;
use crate::{CloseReason, Driver, HandshakeError, Incoming, Link, LinkConfig};

pub(super) async fn hub(
    connection: Connection,
    config: LinkConfig,
) -> Result<(Link, Incoming, Driver), HandshakeError> {
    let opened = connection.open_bi().await;
    let mut control = control(
        opened.map_err(|error| code::handshake_error(&error))?,
        &config,
    );
    send_hello(&mut control, &config)?;
    let peer = hear_hello(&connection, &mut control, &config).await?;
    Ok(link(connection, config, control, peer))
}

pub(super) async fn agent(
    connection: Connection,
    config: LinkConfig,
) -> Result<(Link, Incoming, Driver), HandshakeError> {
    let accepted = connection.accept_bi().await;
    let mut control = control(
        accepted.map_err(|error| code::handshake_error(&error))?,
        &config,
    );
    let peer = hear_hello(&connection, &mut control, &config).await?;
    // Only now: a hub that this end rejects is told so first of all.
    send_hello(&mut control, &config)?;
    Ok(link(connection, config, control, peer))
}

fn control(stream: (SendStream, RecvStream), config: &LinkConfig) -> ControlStream {
    // What everything waits for goes before everything.
    let _ = stream.0.set_priority(1);
    let raw = RawStream::new(stream, max_held(config));
    ControlStream::new(carrier::RawStream::Quic(Box::new(raw)))
}

fn send_hello(control: &mut ControlStream, config: &LinkConfig) -> Result<(), HandshakeError> {
    control
        .send(&Control::Hello(config.hello.clone()))
        .map_err(|_| ended())
}

async fn hear_hello(
    connection: &Connection,
    control: &mut ControlStream,
    config: &LinkConfig,
) -> Result<Hello, HandshakeError> {
    let error = match control.hello(&config.hello).await {
        Ok(peer) => return Ok(peer),
        Err(error) => error,
    };
    match (&error, connection.close_reason()) {
        (HandshakeError::Closed(_), Some(reason)) => return Err(code::handshake_error(&reason)),
        // Closing overtakes what was sent on the control stream.
        (HandshakeError::Hello(_), _) => {
            let message = error.to_string().into();
            code::close(connection, &CloseReason::Rejected(message));
        }
        _ => {}
    }
    Err(error)
}

fn link(
    connection: Connection,
    config: LinkConfig,
    control: ControlStream,
    peer: Hello,
) -> (Link, Incoming, Driver) {
    let (max_held, max_streams) = (max_held(&config), streams(&config));
    let (queue, incoming) = Incoming::new(config.accept_backlog);
    let opener = Opener::new(connection.clone(), max_held);
    let core = Core::new(config, Meter::new(), carrier::Opener::Quic(opener), peer);
    let duties = Duties::new(Arc::clone(&core), control, None, queue);
    let link = Link::new(Arc::clone(&core));
    let driver = Driver::new(core, drive(connection, duties, max_held, max_streams));
    (link, incoming, driver)
}

fn max_held(config: &LinkConfig) -> usize {
    usize::try_from(stream_window(config)).unwrap_or(usize::MAX)
}
