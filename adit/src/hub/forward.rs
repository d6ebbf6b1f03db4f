//! Listeners that are bound to one cluster and target.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use gateway::{DialTarget, DialTargetError, Forward, ForwardEnd, Gateway};
use proto::{ClusterName, NameError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::local::{LocalAddress, LocalAddressError, LocalListener, LocalStream};
use crate::tcp::{self, ResetOnDrop};

/// Where to listen, and what for: `LOCAL=CLUSTER/HOST:PORT`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ForwardListen {
    pub(crate) local: LocalAddress,
    pub(crate) cluster: ClusterName,
    pub(crate) target: DialTarget,
}

/// Why a text names no forwarding listener.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum ForwardListenError {
    #[error("{0:?} is not of the form ADDR:PORT=CLUSTER/HOST:PORT")]
    Form(String),
    #[error(transparent)]
    Local(#[from] LocalAddressError),
    #[error("{0:?} names no cluster: {1}")]
    Cluster(String, NameError),
    #[error(transparent)]
    Target(#[from] DialTargetError),
}

/// Serves connections until told to stop, then until they have ended.
///
/// Dropping the future cuts off every connection. How many there may be is
/// the gateway's to say; one too many is reset at once.
pub(super) async fn accept(
    listener: LocalListener,
    forward: Forward,
    gateway: Gateway,
    stop: CancellationToken,
) {
    let forward = Arc::new(forward);
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_ended) = tasks.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok(stream) => {
                    tasks.spawn(serve(stream, Arc::clone(&forward), gateway.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, listener = forward.name, "cannot accept a connection");
                    tokio::time::sleep(tcp::PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    while tasks.join_next().await.is_some() {}
}

async fn serve(stream: LocalStream, forward: Arc<Forward>, gateway: Gateway) {
    match stream {
        LocalStream::Tcp(socket) => {
            let mut client = ResetOnDrop::new(socket);
            if gateway.forward(client.socket().split(), &forward).await == ForwardEnd::Clean {
                client.keep();
            }
        }
        // It knows no reset: its client sees an end of either kind as one.
        LocalStream::Unix(mut socket) => {
            let _ = gateway.forward(socket.split(), &forward).await;
        }
    }
}

impl ForwardListen {
    /// What connections of a listener on `bound` are for.
    pub(super) fn forward(&self, bound: &LocalAddress) -> Forward {
        Forward {
            name: format!("forward-listen:{bound}"),
            cluster: self.cluster.clone(),
            target: self.target.clone(),
        }
    }
}

impl FromStr for ForwardListen {
    type Err = ForwardListenError;

    fn from_str(text: &str) -> Result<Self, ForwardListenError> {
        let form = || ForwardListenError::Form(text.to_owned());
        let (local, remote) = text.rsplit_once('=').ok_or_else(form)?;
        let (cluster, target) = remote.split_once('/').ok_or_else(form)?;
        let named = cluster.parse();
        Ok(Self {
            local: local.parse()?,
            cluster: named.map_err(|e| ForwardListenError::Cluster(cluster.to_owned(), e))?,
            target: target.parse()?,
        })
    }
}

impl fmt::Display for ForwardListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            local,
            cluster,
            target,
        } = self;
        write!(f, "{local}={cluster}/{target}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_written_as_it_is_read() {
        for text in [
            "127.0.0.1:9000=edge-7/db.example.org:5432",
            "[::1]:0=edge-7/[2001:db8::7]:80",
            "unix:/run/a=b=edge-7/web.shop.svc:80",
        ] {
            assert_eq!(text.parse::<ForwardListen>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_mistake_is_told_by_its_part() {
        for (text, told) in [
            ("127.0.0.1:9000", "ADDR:PORT=CLUSTER/HOST:PORT"),
            ("127.0.0.1:9000=edge-7", "ADDR:PORT=CLUSTER/HOST:PORT"),
            ("0.0.0.0:9000=edge-7/db:1", "no loopback address"),
            ("127.0.0.1:9000=Edge/db:1", "\"Edge\" names no cluster"),
            ("127.0.0.1:9000=edge-7/db", "\"db\" has no port"),
        ] {
            let error = text.parse::<ForwardListen>().unwrap_err().to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
