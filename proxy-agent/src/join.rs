//! Makes links with a hub, over one carrier or the other.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::ProtocolVersion;
use socket2::SockRef;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tunnel::{Carrier, Driver, Incoming, Link, LinkConfig, ReadAhead};

use crate::access::HubAccess;
use crate::connect::ConnectError;
use crate::datagrams::QuicDialer;
use crate::dial::{Dialer, Dialled, Remote, Socket};
use crate::{CarrierChoice, HubAddress, ProxyConfig};

/// What links are made by.
#[derive(Debug)]
pub(crate) struct Carriers {
    dialer: Dialer,
    quic: QuicDialer,
    /// When a session last tried to go over to QUIC.
    switched: Mutex<Option<Instant>>,
}

/// A link, and what is known of its hub.
pub(crate) struct Connected {
    pub(crate) link: Link,
    pub(crate) incoming: Incoming,
    pub(crate) driver: Driver,
    pub(crate) hub: HubAddress,
    pub(crate) remote: Remote,
    /// The two ends of its TCP socket.
    pub(crate) socket: Option<(SocketAddr, SocketAddr)>,
}

/// Makes further links of one session.
#[derive(Debug)]
pub(crate) struct Further {
    pub(crate) carriers: Arc<Carriers>,
    pub(crate) link: LinkConfig,
    pub(crate) hub: HubAddress,
    pub(crate) access: Arc<HubAccess>,
    pub(crate) choice: CarrierChoice,
}

/// The longest that the TLS handshake may take.
pub(crate) const TLS_LIMIT: Duration = Duration::from_secs(10);

/// What a link's TCP socket queues unsent, in bytes: behind it a small stream
/// would wait however fairly the link serves its streams.
const UNSENT: u32 = 128 * 1024;

impl Further {
    /// How long ago a session of the agent last tried to go over to QUIC.
    pub(crate) fn since_switch(&self) -> Option<Duration> {
        let switched = *self.carriers.switched();
        switched.map(|at| at.elapsed())
    }

    /// A session tries to go over to QUIC.
    pub(crate) fn note_switch(&self) {
        *self.carriers.switched() = Some(Instant::now());
    }

    /// Makes a link over this carrier.
    pub(crate) async fn connect(&self, carrier: Carrier) -> Result<Connected, ConnectError> {
        let carriers = &self.carriers;
        if carrier == Carrier::Quic {
            Box::pin(carriers.by_quic(&self.link, &self.hub, &self.access)).await
        } else {
            Box::pin(carriers.by_h2(&self.link, &self.hub, &self.access)).await
        }
    }
}

impl Carriers {
    pub(crate) fn new(proxy: ProxyConfig) -> Self {
        Self {
            dialer: Dialer::new(proxy),
            quic: QuicDialer::default(),
            switched: Mutex::default(),
        }
    }

    /// No code panics while it holds this lock.
    fn switched(&self) -> MutexGuard<'_, Option<Instant>> {
        self.switched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the hubs know what has ended, at most 1 s.
    pub(crate) async fn settle(&self) {
        self.quic.settle().await;
    }

    /// Over QUIC, at whichever address of the hub answers first.
    pub(crate) async fn by_quic(
        &self,
        link: &LinkConfig,
        hub: &HubAddress,
        access: &HubAccess,
    ) -> Result<Connected, ConnectError> {
        let addresses = self.dialer.direct_addresses(hub).await?;
        let addresses = addresses.ok_or(ConnectError::NoQuicProxy)?;
        if !access.login.is_free() {
            return Err(ConnectError::NoQuicLogin);
        }
        let tls = rustls::ClientConfig::clone(&access.tls);
        let client =
            tunnel::quic::client_config(tls, link).map_err(|_| ConnectError::NoQuicCipher)?;
        let server_name = access.server_name.to_str();
        let connected = self.quic.connect(&client, &server_name, &addresses).await;
        let (address, connection) = connected.map_err(ConnectError::Quic)?;
        let remote = Remote::direct(address);
        let mut link = link.clone();
        access.login.write_in(&mut link.hello);
        let handshake = tunnel::quic::agent(connection, link);
        let (link, incoming, driver) = match handshake.await {
            Ok(made) => made,
            Err(source) => return Err(ConnectError::Handshake { remote, source }),
        };
        Ok(Connected {
            link,
            incoming,
            driver,
            hub: hub.clone(),
            remote,
            socket: None,
        })
    }

    /// Over HTTP/2, at whichever address of the hub comes to a link first.
    pub(crate) async fn by_h2(
        &self,
        link: &LinkConfig,
        hub: &HubAddress,
        access: &HubAccess,
    ) -> Result<Connected, ConnectError> {
        let mut ways = self.dialer.ways(hub).await?;
        let mut failed = ConnectError::NoHub;
        while let Some(dialled) = ways.next().await {
            let joined = match dialled {
                Ok(dialled) => self.join(link, hub, dialled, access).await,
                Err(error) => Err(error.into()),
            };
            match joined {
                Ok(connected) => return Ok(connected),
                Err(error) if error.is_rejection() => return Err(error),
                // What was reached says more than what was not.
                Err(ConnectError::Dial(_)) if !matches!(failed, ConnectError::NoHub) => {}
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    /// TLS and the tunnel's own handshake with the hub at the far end.
    async fn join(
        &self,
        link: &LinkConfig,
        hub: &HubAddress,
        dialled: Dialled,
        access: &HubAccess,
    ) -> Result<Connected, ConnectError> {
        let Dialled { socket, remote } = dialled;
        // What waits in the kernel's queue is beyond the tunnel's order; it works without this too.
        let tcp = match &socket {
            Socket::Left(tcp) => tcp,
            Socket::Right(tls) => tls.get_ref().0,
        };
        let _ = SockRef::from(tcp).set_tcp_notsent_lowat(UNSENT);
        let addresses = tcp.local_addr().and_then(|own| Ok((own, tcp.peer_addr()?)));
        let addresses = addresses.ok();
        let tls = TlsConnector::from(Arc::clone(&access.tls));
        let handshake = tls.connect(access.server_name.clone(), ReadAhead::new(socket));
        let stream = match timeout(TLS_LIMIT, handshake).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(source)) => return Err(ConnectError::Tls { remote, source }),
            Err(_) => return Err(ConnectError::SlowTls { remote }),
        };
        check(&stream, access.login.alpn(), &remote)?;
        let mut link = link.clone();
        access.login.write_in(&mut link.hello);
        let handshake = tunnel::h2::agent(stream, link);
        let (link, incoming, driver) = match handshake.await {
            Ok(made) => made,
            Err(source) => return Err(ConnectError::Handshake { remote, source }),
        };
        Ok(Connected {
            link,
            incoming,
            driver,
            hub: hub.clone(),
            remote,
            socket: addresses,
        })
    }
}

/// Only TLS 1.3 hides the agent's certificate, and only the protocol's own
/// name says that the server knows what follows.
fn check(
    stream: &TlsStream<ReadAhead<Socket>>,
    alpn: &[u8],
    remote: &Remote,
) -> Result<(), ConnectError> {
    let (_, tls) = stream.get_ref();
    if tls.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        let source = io::Error::other("the hub does not speak TLS 1.3");
        return Err(ConnectError::Tls {
            remote: remote.clone(),
            source,
        });
    }
    if tls.alpn_protocol() != Some(alpn) {
        return Err(ConnectError::Alpn {
            remote: remote.clone(),
        });
    }
    Ok(())
}
