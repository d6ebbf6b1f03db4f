use std::convert::Infallible;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tunnel::{ResetReason, Stream, StreamWatch};

use super::ApiServer;
use super::forward::{Forwarder, Upstream};
use crate::ImpersonationPolicy;
use crate::splice::{Broken, splice};
use crate::trace::Trace;

/// How long the head of a request may take.
const HEAD_LIMIT: Duration = Duration::from_secs(30);
/// Headers taken of a request; each of a user's groups is one.
const MAX_HEADERS: usize = 1024;
/// Bytes taken of a request's head, and of an answer that waits to be sent on:
/// hyper has one limit for both, and a far end that does not read fills it.
const MAX_HEAD: usize = 128 * 1024;

/// Serves the one HTTP/1.1 exchange of a stream.
///
/// A response that the API server breaks off resets the stream, so that it
/// cannot be taken for a whole one. A stream that its far end resets ends the
/// API server's connection at once, whatever either was waiting for.
pub(crate) async fn serve(
    stream: Stream,
    api: &ApiServer,
    policy: &ImpersonationPolicy,
    trace: &Trace,
) -> Result<(), Broken> {
    let watch = stream.watch();
    let upstream = Mutex::new(None);
    let forwarder = Forwarder {
        api,
        policy,
        trace,
        upstream: &upstream,
    };
    let service = service_fn(async |request| Ok::<_, Infallible>(forwarder.respond(request).await));
    let mut connection = server().serve_connection(TokioIo::new(stream), service);
    run(&mut connection, &watch).await?;
    let upstream = upstream
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    if let Some(Upstream {
        lease: _lease,
        switched: Some(switched),
    }) = upstream
    {
        let io = switched
            .await
            .map_err(|error| Broken::Target(io::Error::other(error)))?;
        let parts = connection.into_parts();
        let target = tokio::io::split(TokioIo::new(io));
        return splice(parts.io.into_inner(), parts.read_buf, target).await;
    }
    // A request for another protocol leaves the stream open even where it was
    // declined; asked again, hyper sends what is left and finishes the stream.
    run(&mut connection, &watch).await?;
    if let Some(Upstream { lease, .. }) = upstream {
        api.shared.pool.put_back(lease).await;
    }
    Ok(())
}

/// Runs an exchange until it is over, be it only for its far end.
async fn run(
    connection: impl Future<Output = hyper::Result<()>> + Unpin,
    watch: &StreamWatch,
) -> Result<(), Broken> {
    tokio::select! {
        result = connection => result.map_err(|error| {
            // Other errors are of the stream, or have been answered on it.
            if error.is_user() {
                watch.reset(ResetReason::TargetFailed);
            }
            Broken::Target(io::Error::other(error))
        }),
        error = watch.broken() => Err(error.into()),
    }
}

fn server() -> http1::Builder {
    let mut server = http1::Builder::new();
    server
        // The far end may close its direction behind the request.
        .half_close(true)
        .keep_alive(false)
        .auto_date_header(false)
        .header_read_timeout(HEAD_LIMIT)
        .max_header_size(MAX_HEAD)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .timer(TokioTimer::new());
    server
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bytes::Bytes;
    use futures_util::{FutureExt as _, stream};
    use http::Response;
    use http_body_util::StreamBody;
    use hyper::body::Frame;
    use tokio::io::AsyncWriteExt as _;
    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn little_is_taken_of_a_response_that_nobody_reads() {
        const PIECE: usize = 16 * 1024;
        let taken = Arc::new(AtomicUsize::new(0));
        let watch = async |_| {
            let taken = Arc::clone(&taken);
            let pieces = stream::repeat_with(move || {
                taken.fetch_add(PIECE, Ordering::Relaxed);
                Ok::<_, Infallible>(Frame::data(Bytes::from_static(&[0; PIECE])))
            });
            Ok::<_, Infallible>(Response::new(StreamBody::new(pieces)))
        };
        let (near, mut far) = tokio::io::duplex(1024);
        let mut connection = server().serve_connection(TokioIo::new(near), service_fn(watch));
        far.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        for _ in 0..1000 {
            assert!((&mut connection).now_or_never().is_none());
            yield_now().await;
        }
        let taken = taken.load(Ordering::Relaxed);
        assert!((PIECE..=MAX_HEAD + PIECE).contains(&taken), "{taken}");
    }
}
