//! Two connected sessions of one carrier.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use proto::{Hello, StreamHeader, Target};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};
use tunnel::{CloseReason, Driver, HandshakeError, Incoming, Link, OpenError, Opening};
use tunnel::{LinkConfig, Stream};

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
#[derive(Clone, Default)]
pub(crate) struct Network {
    silent: Arc<AtomicBool>,
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
        self.silent.store(true, SeqCst);
    }
}

/// A pair over HTTP/2.
pub(crate) async fn h2(settings: Settings) -> Pair {
    let network = Network::default();
    let (a, b) = duplex(64 * 1024);
    let a = Wire {
        io: a,
        network: network.clone(),
    };
    let b = Wire {
        io: b,
        network: network.clone(),
    };
    let hub = start(tunnel::h2::hub(a, settings.hub));
    let agent = start(tunnel::h2::agent(b, settings.agent));
    let (hub, agent) = tokio::join!(hub, agent);
    Pair {
        hub,
        agent,
        network,
    }
}

/// What the two ends of an HTTP/2 link that comes to nothing say of it.
pub(crate) async fn h2_failure(settings: Settings) -> [String; 2] {
    let (a, b) = duplex(64 * 1024);
    let hub = failure(tunnel::h2::hub(a, settings.hub));
    let agent = failure(tunnel::h2::agent(b, settings.agent));
    tokio::join!(hub, agent).into()
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
async fn start<F>(handshake: F) -> End
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

struct Wire {
    io: DuplexStream,
    network: Network,
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        let mut unseen = [0; 4096];
        let mut lost = ReadBuf::new(&mut unseen);
        if self.network.silent.load(SeqCst) {
            while std::pin::Pin::new(&mut self.io)
                .poll_read(cx, &mut lost)
                .is_ready()
            {
                lost.clear();
            }
            return std::task::Poll::Pending;
        }
        std::pin::Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        if self.network.silent.load(SeqCst) {
            return std::task::Poll::Ready(Ok(buf.len()));
        }
        std::pin::Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
