//! Connections of listeners that take CONNECT and nothing else.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use http::header::CONNECTION;
use http::{HeaderValue, Method, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::credentials::Caller;
use crate::status::Status;
use crate::{ConnectionError, Gateway, GatewayBody, Peer, User};

/// Who is at the other end of a connection that takes CONNECT.
#[derive(Clone, Debug)]
pub enum ConnectClient {
    /// Somebody for whom the system vouches, such as the owner of a Unix socket.
    Local(User),
    /// Somebody on the network, who says who he is by his certificate or a token.
    Remote(Peer),
}

/// Largest head of a CONNECT, in bytes.
const MAX_HEAD: usize = 16 * 1024;
/// How long a client may take for its head; then the connection is closed.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

impl Gateway {
    /// Serves one connection that takes a CONNECT over HTTP/1.1 and nothing else.
    ///
    /// After `shutdown` it ends, unless it carries a target's bytes by then:
    /// such a connection has left this future before, and is ended by
    /// [`Gateway::drain`].
    pub async fn serve_connect<IO>(
        &self,
        io: IO,
        client: ConnectClient,
        shutdown: CancellationToken,
    ) -> Result<(), ConnectionError>
    where
        IO: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let client = Arc::new(client);
        let connection =
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .max_header_size(MAX_HEAD)
                .max_buf_size(2 * MAX_HEAD)
                .serve_connection(
                    TokioIo::new(io),
                    service_fn(|request| {
                        let (gateway, client) = (self.clone(), Arc::clone(&client));
                        async move {
                            Ok::<_, Infallible>(gateway.answer_connect(request, &client).await)
                        }
                    }),
                )
                .with_upgrades();
        let mut connection = pin!(connection);
        let mut shutdown = pin!(shutdown.cancelled_owned().fuse());
        loop {
            tokio::select! {
                biased;
                ended = &mut connection => return Ok(ended?),
                () = &mut shutdown => connection.as_mut().graceful_shutdown(),
            }
        }
    }

    async fn answer_connect(
        &self,
        request: Request<Incoming>,
        client: &ConnectClient,
    ) -> Response<GatewayBody> {
        if request.method() == Method::CONNECT {
            let caller = match client {
                ConnectClient::Local(user) => Caller::Local(user),
                ConnectClient::Remote(peer) => Caller::Remote(peer),
            };
            return self.connect(request, caller).await;
        }
        let status = Status::method_not_allowed(
            "hub: this listener takes CONNECT only; requests to a cluster's API go to the hub's \
             own port, and plain http:// targets need a client that asks for a tunnel",
        );
        let mut response = status.into_response();
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }
}
