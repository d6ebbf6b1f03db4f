//! Two connected sessions of one carrier.

use proto::{Hello, StreamHeader, Target};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};
use tunnel::{CloseReason, Driver, HandshakeError, Incoming, Link, OpenError, Opening};
use tunnel::{LinkConfig, Stream};

mod h2;
mod quic;

pub(crate) use h2::{h2, h2_failure};
pub(crate) use quic::{Air, quic, quic_failure, quic_over};

/// How the two ends differ from the defaults.
pub(crate) struct Settings {
    pub(crate) hub: LinkConfig,
    pub(crate) agent: LinkConfig,
}

pub(crate) struct Pair {
    pub(crate) hub: End,
    pub(crate) agent: End,
    pub(crate) network: Network,
}

/// One end; dropping it drops its driver.
pub(crate) struct End {
    pub(crate) session: Link,
    pub(crate) incoming: Incoming,
    driver: AbortHandle,
    _task: JoinSet<CloseReason>,
}

/// The link between the ends, which a test can silence.
pub(crate) struct Network {
    silence: Box<dyn Fn() + Send + Sync>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hub: LinkConfig::new(Hello::new("hub")),
            agent: LinkConfig::new(Hello::new("agent")),
        }
    }
}

impl End {
    pub(crate) async fn open(&self) -> Result<Opening, OpenError> {
        self.session
            .open(StreamHeader::new(Target::KubeApiserver))
            .await
    }

    /// Opens a stream and takes it at the other end.
    pub(crate) async fn connect(&mut self, other: &mut Self) -> (Stream, Stream) {
        let opening = self.open().await.unwrap();
        let taken = other.incoming.next().await.unwrap().accept().unwrap();
        (opening.opened().await.unwrap(), taken)
    }

    /// Ends the driver as a killed process would.
    pub(crate) fn kill(&self) {
        self.driver.abort();
    }
}

impl Network {
    /// From now on nothing arrives, and nobody is told.
    pub(crate) fn fall_silent(&self) {
        (self.silence)();
    }
}

async fn failure(
    handshake: impl Future<Output = Result<(Link, Incoming, Driver), HandshakeError>>,
) -> String {
    match handshake.await {
        Ok((_session, _incoming, driver)) => driver.await.to_string(),
        Err(error) => error.to_string(),
    }
}

/// Runs one end in a task of its own, as every user of a session does.
pub(crate) async fn start<F>(handshake: F) -> End
where
    F: Future<Output = Result<(Link, Incoming, Driver), HandshakeError>> + Send + 'static,
{
    let (made, end) = oneshot::channel();
    let mut task = JoinSet::new();
    let driver = task.spawn(async {
        let (session, incoming, driver) = handshake.await.unwrap();
        made.send((session, incoming)).unwrap();
        driver.await
    });
    let (session, incoming) = end.await.unwrap();
    End {
        session,
        incoming,
        driver,
        _task: task,
    }
}
