use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, timeout};
use tower::{BoxError, ServiceExt as _};

use super::connector::Connector;

/// Connections to one API server, each with one exchange at a time, so that a
/// long response keeps nobody waiting.
///
/// There are as many as there are exchanges under way, and a few idle ones.
pub(super) struct Pool {
    connector: Connector,
    state: Mutex<State>,
    server: Uri,
}

#[derive(Default)]
struct State {
    /// The longest idle first.
    idle: VecDeque<(Lease, Instant)>,
    /// The work of all connections; it ends with the pool.
    tasks: JoinSet<()>,
}

/// A connection that belongs to one exchange. Dropped, it is cut at once,
/// whatever still waits to be written: an API server that reads no more must
/// not hold it open.
pub(super) struct Lease {
    sender: SendRequest<Incoming>,
    task: AbortHandle,
}

/// Why an API server's response has not come.
#[derive(Debug, thiserror::Error)]
pub(super) enum PoolError {
    /// The request was not made.
    #[error(transparent)]
    Connect(BoxError),
    /// What has become of the request is not known.
    #[error(transparent)]
    Exchange(hyper::Error),
}

/// Connections kept for the next request; one more cuts the longest idle one.
const MAX_IDLE: usize = 32;
/// How long. Shorter than kube-apiserver keeps them, so that no request runs
/// into its closing one.
const IDLE_LIMIT: Duration = Duration::from_secs(30);
/// The longest head of a response, and what its buffer is to hold; hyper's
/// takes up to twice as much, which waits in here if nobody reads a watch.
const MAX_BUFFER: usize = 64 * 1024;
/// How long a connection may take to get ready after an exchange that is over.
const SETTLE_LIMIT: Duration = Duration::from_secs(1);
/// Headers taken of a response. kube-apiserver sends a dozen; warnings add to them.
const MAX_HEADERS: usize = 512;

impl Pool {
    pub(super) fn new(connector: Connector, server: Uri) -> Self {
        Self {
            connector,
            state: Mutex::default(),
            server,
        }
    }

    /// How connections are made.
    pub(super) fn connector(&self) -> Connector {
        self.connector.clone()
    }

    /// Sends a request on an idle connection or a new one, and waits for the
    /// head of its response. The body comes as long as the lease is held.
    pub(super) async fn request(
        &self,
        mut request: Request<Incoming>,
    ) -> Result<(Response<Incoming>, Lease), PoolError> {
        loop {
            let idle = self.take_idle();
            let fresh = idle.is_none();
            let mut lease = match idle {
                Some(lease) => lease,
                None => self.connect().await?,
            };
            match lease.sender.try_send_request(request).await {
                Ok(response) => return Ok((response, lease)),
                Err(mut error) => match error.take_message() {
                    // An idle connection was closed before it took the request.
                    Some(unsent) if !fresh => request = unsent,
                    Some(_) | None => return Err(PoolError::Exchange(error.into_error())),
                },
            }
        }
    }

    /// Takes a connection back whose exchange is over; one that is not ready
    /// for another is cut.
    pub(super) async fn put_back(&self, mut lease: Lease) {
        if let Ok(Ok(())) = timeout(SETTLE_LIMIT, lease.sender.ready()).await {
            let mut state = self.state();
            if state.idle.len() == MAX_IDLE {
                state.idle.pop_front();
            }
            state.idle.push_back((lease, Instant::now()));
        }
    }

    fn take_idle(&self) -> Option<Lease> {
        let mut state = self.state();
        state
            .idle
            .retain(|(lease, since)| lease.sender.is_ready() && since.elapsed() < IDLE_LIMIT);
        state.idle.pop_back().map(|(lease, _)| lease)
    }

    async fn connect(&self) -> Result<Lease, PoolError> {
        let connector = self.connector.clone();
        let io = connector
            .oneshot(self.server.clone())
            .await
            .map_err(PoolError::Connect)?;
        let (sender, connection) = client().handshake(io).await.map_err(PoolError::Exchange)?;
        let mut state = self.state();
        while state.tasks.try_join_next().is_some() {}
        let task = state.tasks.spawn(async move {
            // What goes wrong on it, its exchange is told.
            let _ = connection.with_upgrades().await;
        });
        Ok(Lease { sender, task })
    }

    /// No code panics while it holds this lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn client() -> http1::Builder {
    let mut client = http1::Builder::new();
    client.max_buf_size(MAX_BUFFER).max_headers(MAX_HEADERS);
    client
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::{BodyExt as _, Empty};
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn however_fast_a_response_comes_little_of_it_is_read_at_once() {
        const SIZE: usize = 8 * 1024 * 1024;
        let (near, mut far) = tokio::io::duplex(SIZE);
        let (mut sender, connection) = client().handshake(TokioIo::new(near)).await.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(connection);
        let asking = sender.send_request(Request::new(Empty::<Bytes>::new()));
        let answering = async {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(far.read_u8().await.unwrap());
            }
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
            far.write_all(head.as_bytes()).await.unwrap();
            far.write_all(&vec![0; SIZE - 1024]).await.unwrap();
        };
        let (response, ()) = tokio::join!(asking, answering);
        let mut body = response.unwrap().into_body();
        let (mut total, mut longest) = (0, 0);
        while total < SIZE - 1024 {
            let piece = body.frame().await.unwrap().unwrap().into_data().unwrap();
            total += piece.len();
            longest = longest.max(piece.len());
        }
        assert!(longest <= 2 * MAX_BUFFER, "{longest}");
    }
}
