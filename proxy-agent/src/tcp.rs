//! Streams to `tcp host:port`.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use proto::{Refusal, RefusalReason};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout_at};
use tunnel::{IncomingStream, StreamError};

use crate::LiveTargets;
use crate::dial::{Unreached, race};
use crate::policy::Forbidden;
use crate::resolve::{ResolveError, Resolver};
use crate::splice::{Broken, splice};
use crate::trace::Trace;

/// Dials TCP targets within a policy.
#[derive(Debug)]
pub(crate) struct TcpTargets {
    policy: LiveTargets,
    resolver: Resolver,
    /// The longest that resolving and connecting may take together.
    limit: Duration,
}

/// Why a target was not reached.
#[derive(Debug, thiserror::Error)]
enum DialError {
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    #[error("{host}:{port} has not answered within {after:?}")]
    TimedOut {
        host: String,
        port: u16,
        after: Duration,
    },
    #[error("{host}:{port}: {source}")]
    Unreached {
        host: String,
        port: u16,
        source: Unreached,
    },
}

/// A connection that is reset when it is dropped, unless it has ended well.
struct TargetSocket {
    socket: TcpStream,
    ended: bool,
}

impl TcpTargets {
    pub(crate) fn new(policy: LiveTargets, limit: Duration) -> Self {
        Self {
            policy,
            resolver: Resolver::default(),
            limit,
        }
    }

    /// Dials the target of `incoming`, answers, and moves bytes until both ends are done.
    pub(crate) async fn serve(
        &self,
        incoming: IncomingStream,
        host: &str,
        port: u16,
        trace: &Trace,
    ) -> Result<(), Broken> {
        let limit = incoming.header().deadline.unwrap_or(self.limit);
        let limit = limit.min(self.limit);
        serve_dialled(incoming, self.dial(host, port, limit), trace).await
    }

    async fn dial(&self, host: &str, port: u16, limit: Duration) -> Result<TcpStream, DialError> {
        let deadline = Instant::now() + limit;
        let timed_out = || DialError::TimedOut {
            host: host.to_owned(),
            port,
            after: limit,
        };
        let addresses = timeout_at(deadline, self.addresses(host, port))
            .await
            .map_err(|_| timed_out())??;
        let left = deadline.saturating_duration_since(Instant::now());
        match race(&addresses, left, connect).await {
            Ok((_, socket)) => Ok(socket),
            Err(unreached) if unreached.is_silence() => Err(timed_out()),
            Err(source) => Err(DialError::Unreached {
                host: host.to_owned(),
                port,
                source,
            }),
        }
    }

    /// The addresses of a host that the policy lets this agent dial, at least one.
    async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
        let policy = self.policy.current();
        policy.may_allow(host, port)?;
        let mut allowed = Vec::new();
        let mut refused = None;
        for address in self.resolver.resolve(host, port).await? {
            match policy.check(host, address) {
                Ok(address) => allowed.push(address),
                Err(forbidden) => refused = Some(forbidden),
            }
        }
        match refused {
            Some(forbidden) if allowed.is_empty() => Err(forbidden.into()),
            Some(_) | None => Ok(allowed),
        }
    }
}

/// Waits for the target's connection, answers, and moves bytes until both ends
/// are done. A target that is not reached is told why.
pub(crate) async fn serve_dialled<E>(
    incoming: IncomingStream,
    dialling: impl Future<Output = Result<TcpStream, E>>,
    trace: &Trace,
) -> Result<(), Broken>
where
    E: std::error::Error + Into<Refusal>,
{
    let mut asked = trace.ask("dial");
    let socket = match cancelled_with(&incoming, dialling).await? {
        Ok(socket) => socket,
        Err(error) => {
            asked.fail(error.to_string());
            tracing::debug!(%error, "target not reached");
            incoming.refuse(error.into());
            return Ok(());
        }
    };
    drop(asked);
    let mut target = TargetSocket {
        socket,
        ended: false,
    };
    let stream = incoming.accept()?;
    splice(stream, Bytes::new(), target.socket.split()).await?;
    target.ended = true;
    Ok(())
}

/// Does `work` unless the far end gives the stream up first.
async fn cancelled_with<T>(
    incoming: &IncomingStream,
    work: impl Future<Output = T>,
) -> Result<T, StreamError> {
    let Some(watch) = incoming.watch() else {
        return Err(StreamError::Finished);
    };
    tokio::select! {
        done = work => Ok(done),
        error = watch.broken() => Err(error),
    }
}

/// A connection to this address; waits as long as the system does.
pub(crate) async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Given up on its way, it may be a connection for the target already, which
    // would see a clean end of it.
    socket.set_zero_linger()?;
    let socket = socket.connect(address).await?;
    SockRef::from(&socket).set_linger(None)?;
    prepare(&socket)?;
    Ok(socket)
}

/// Small writes go out at once, and a peer that is gone is noticed in about a
/// minute even if nothing is to be sent.
fn prepare(socket: &TcpStream) -> io::Result<()> {
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(30))
        .with_interval(Duration::from_secs(10))
        .with_retries(3);
    socket.set_nodelay(true)?;
    SockRef::from(socket).set_tcp_keepalive(&keepalive)
}

impl Drop for TargetSocket {
    fn drop(&mut self) {
        if !self.ended {
            // Without it the target would see a clean end. A socket that is
            // already broken has no use for it.
            let _ = self.socket.set_zero_linger();
        }
    }
}

impl From<DialError> for Refusal {
    fn from(error: DialError) -> Self {
        let reason = match &error {
            DialError::Forbidden(_) => RefusalReason::Forbidden,
            DialError::Resolve(ResolveError::TooMany) => RefusalReason::Busy,
            DialError::Resolve(_) => RefusalReason::NotFound,
            DialError::TimedOut { .. } => RefusalReason::DialTimeout,
            DialError::Unreached { .. } => RefusalReason::DialFailed,
        };
        Self::new(reason, error.to_string())
    }
}

#[cfg(test)]
mod tests;
