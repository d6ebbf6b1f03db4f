use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tunnel::{ResetReason, Stream, StreamWatch};

use super::forward::Forwarder;
use super::{ApiServer, upgrade};
use crate::ImpersonationPolicy;
use crate::splice::Broken;

/// How long the head of a request may take.
const HEAD_LIMIT: Duration = Duration::from_secs(30);
/// Headers taken of a request; each of a user's groups is one.
const MAX_HEADERS: usize = 1024;
/// Bytes taken of a request's head, and bytes of a body that may wait to be sent on.
const MAX_BUFFER: usize = 256 * 1024;

/// Serves the one HTTP/1.1 exchange of a stream.
///
/// A response that the API server breaks off resets the stream, so that it
/// cannot be taken for a whole one. A stream that its far end resets ends the
/// API server's connection at once, whatever either was waiting for.
pub(crate) async fn serve(
    stream: Stream,
    api: &ApiServer,
    policy: &ImpersonationPolicy,
) -> Result<(), Broken> {
    let watch = stream.watch();
    let switch = Mutex::new(None);
    let forwarder = Forwarder {
        api,
        policy,
        switch: &switch,
    };
    let exchange = Box::pin(exchange(stream, &forwarder, &watch));
    tokio::select! {
        result = exchange => result?,
        error = watch.broken() => return Err(error.into()),
    }
    let switch = switch.lock().unwrap_or_else(PoisonError::into_inner).take();
    match switch {
        Some(switch) => Box::pin(upgrade::run(switch)).await,
        None => Ok(()),
    }
}

async fn exchange(
    stream: Stream,
    forwarder: &Forwarder<'_>,
    watch: &StreamWatch,
) -> Result<(), Broken> {
    let service = service_fn(async |request| Ok::<_, Infallible>(forwarder.respond(request).await));
    let connection = http1::Builder::new()
        // The far end may close its direction behind the request.
        .half_close(true)
        .keep_alive(false)
        .auto_date_header(false)
        .header_read_timeout(HEAD_LIMIT)
        .max_buf_size(MAX_BUFFER)
        .max_headers(MAX_HEADERS)
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    connection.as_mut().await.map_err(|error| {
        // Other errors are of the stream, or have been answered on it.
        if error.is_user() {
            watch.reset(ResetReason::TargetFailed);
        }
        Broken::Target(io::Error::other(error))
    })
}
