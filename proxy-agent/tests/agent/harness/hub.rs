use std::sync::Arc;
use std::time::Duration;

use proto::{Hello, StreamHeader, Target};
use proxy_agent::HubAddress;
use rustls::version::TLS13;
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tunnel::{CloseReason, Link, LinkConfig, OpenError, Stream};

use super::{Authority, within};

/// A hub's port.
pub(crate) struct Hub {
    listener: TcpListener,
    tls: TlsAcceptor,
}

/// The hub's end of a session; dropped, it is cut.
pub(crate) struct HubSession {
    pub(crate) session: Link,
    _driver: JoinSet<CloseReason>,
}

impl Hub {
    pub(crate) async fn new(authority: &Authority) -> Self {
        Self::speaking(authority, &[&TLS13], Some(tunnel::ALPN)).await
    }

    pub(crate) async fn speaking(
        authority: &Authority,
        versions: &[&'static SupportedProtocolVersion],
        alpn: Option<&[u8]>,
    ) -> Self {
        let mut tls: ServerConfig = authority.server(versions);
        tls.alpn_protocols = alpn.map(<[u8]>::to_vec).into_iter().collect();
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            tls: TlsAcceptor::from(Arc::new(tls)),
        }
    }

    pub(crate) fn address(&self) -> HubAddress {
        let address = self.listener.local_addr().unwrap();
        address.to_string().parse().unwrap()
    }

    /// The next connection, TLS included.
    pub(crate) async fn accept_tls(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let (socket, _) = within(self.listener.accept()).await.unwrap();
        within(self.tls.accept(socket)).await
    }

    /// The next session.
    pub(crate) async fn accept(&self) -> HubSession {
        let stream = self.accept_tls().await.unwrap();
        let config = LinkConfig::new(Hello::new("hub"));
        let (session, _incoming, driver) = within(tunnel::h2::hub(stream, config)).await.unwrap();
        let mut driving = JoinSet::new();
        driving.spawn(driver);
        HubSession {
            session,
            _driver: driving,
        }
    }
}

impl HubSession {
    /// Opens a stream and waits for the agent's answer.
    pub(crate) async fn open(&self, target: Target) -> Result<Stream, OpenError> {
        self.open_within(target, Duration::from_secs(30)).await
    }

    pub(crate) async fn open_within(
        &self,
        target: Target,
        deadline: Duration,
    ) -> Result<Stream, OpenError> {
        let mut header = StreamHeader::new(target);
        header.deadline = Some(deadline);
        let opening = self.session.open(header).await?;
        within(opening.opened()).await
    }

    pub(crate) async fn open_tcp(&self, host: &str, port: u16) -> Result<Stream, OpenError> {
        let host = host.to_owned();
        self.open(Target::Tcp { host, port }).await
    }
}
