//! A hub, an agent and raw clients in one process, over in-memory pipes.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use gateway::{
    Access, ConnectClient, Decision, Fallback, FrontProxies, Gateway, GatewayBody, GatewayConfig,
    HttpVersion, Issuer, Peer, PeerCertificate, Permission, ReviewError, Status, Tokens, User,
};
use http::{Request, Response};
use hyper::body::Incoming as IncomingBody;
use proto::ClusterName;
use proxy_server::ProxyServer;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

mod agent;
mod certificates;
mod client;
mod log;
mod wire;

pub(crate) use self::agent::{Agent, Upstream};
pub(crate) use self::certificates::{agent_certificate, user_certificate};
pub(crate) use self::client::Client;
pub(crate) use self::log::AccessLog;
pub(crate) use self::wire::{End, Wire};

/// Generous: only a hang reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Smaller than any limit of the gateway, so that back-pressure shows.
pub(crate) const PIPE: usize = 64 * 1024;
pub(crate) const REMOTE: &str = "192.0.2.7:4711";

/// A hub that knows the clusters `edge-7` and `edge-8` and lets alice reach
/// them and two targets in them; `edge-9`, which it does not know, only masters.
pub(crate) struct Hub {
    pub(crate) gateway: Gateway,
    pub(crate) proxy_server: ProxyServer,
    pub(crate) tasks: JoinSet<()>,
    pub(crate) shutdown: CancellationToken,
}

#[derive(Debug)]
struct Known;

/// Knows the tokens of alice and of a master; a token is the user's name.
#[derive(Debug)]
struct NamesAsTokens;

/// Lets alice and masters in.
#[derive(Debug)]
struct AliceMay;

struct NotFound;

impl Hub {
    pub(crate) fn start() -> Self {
        Self::with(GatewayConfig::default())
    }

    pub(crate) fn with(config: GatewayConfig) -> Self {
        Self::behind(config, None)
    }

    /// One that believes front proxies.
    pub(crate) fn behind(config: GatewayConfig, front_proxies: Option<FrontProxies>) -> Self {
        let proxy_server = agent::proxy_server(Arc::new(Known));
        let (_, front_proxies) = watch::channel(front_proxies.map(Arc::new));
        let gateway = Gateway::behind(
            config,
            proxy_server.clone(),
            Arc::new(NamesAsTokens),
            Arc::new(AliceMay),
            front_proxies,
        );
        Self {
            gateway,
            proxy_server,
            tasks: JoinSet::new(),
            shutdown: CancellationToken::new(),
        }
    }

    /// A hub and the connected agent of `edge-7`.
    pub(crate) async fn with_agent() -> (Self, Agent) {
        let mut hub = Self::start();
        let agent = hub.agent("edge-7").await;
        (hub, agent)
    }

    pub(crate) async fn agent(&mut self, cluster: &str) -> Agent {
        Agent::connect(self, cluster).await
    }

    /// A plain connection to the gateway, without a client certificate.
    pub(crate) fn client(&mut self) -> Client {
        Client::new(self.connect(HttpVersion::One, None))
    }

    /// A connection with a client certificate.
    pub(crate) fn client_with(&mut self, certificate: Vec<u8>) -> Client {
        Client::new(self.connect(HttpVersion::One, Some(certificate)))
    }

    /// A connection with a certificate that names a server, not a user.
    pub(crate) fn front_proxy(&mut self, certificate: Vec<u8>) -> Client {
        let certificate = PeerCertificate {
            der: certificate,
            issuer: Issuer::FrontProxies,
        };
        Client::new(self.connect_as(HttpVersion::One, Some(certificate)))
    }

    /// The client's end of a connection that the gateway serves.
    pub(crate) fn connect(
        &mut self,
        version: HttpVersion,
        certificate: Option<Vec<u8>>,
    ) -> DuplexStream {
        let certificate = certificate.map(|der| PeerCertificate {
            der,
            issuer: Issuer::Users,
        });
        self.connect_as(version, certificate)
    }

    fn connect_as(
        &mut self,
        version: HttpVersion,
        certificate: Option<PeerCertificate>,
    ) -> DuplexStream {
        let (near, far) = duplex(PIPE);
        let gateway = self.gateway.clone();
        let shutdown = self.shutdown.clone();
        let peer = Peer {
            remote: remote(),
            certificate,
        };
        self.tasks.spawn(async move {
            // What a client does to its own connection is the client's to notice.
            let _ = gateway
                .serve_connection(far, version, peer, Arc::new(NotFound), shutdown)
                .await;
        });
        near
    }

    /// A connection to a listener that takes CONNECT and nothing else.
    pub(crate) fn proxy(&mut self, client: ConnectClient) -> Client {
        let (near, far) = duplex(PIPE);
        let gateway = self.gateway.clone();
        let shutdown = self.shutdown.clone();
        self.tasks.spawn(async move {
            // As above.
            let _ = gateway.serve_connect(far, client, shutdown).await;
        });
        Client::new(near)
    }

    /// Waits until nothing is left of any stream.
    pub(crate) async fn until_no_stream_is_open(&self) {
        self.until_streams_are(0).await;
    }

    /// Waits until no more streams than this are open.
    pub(crate) async fn until_streams_are(&self, count: usize) {
        let open = || {
            let sessions = self.proxy_server.sessions();
            sessions.iter().map(|s| s.streams()).sum::<usize>()
        };
        within(async {
            while open() > count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }
}

impl Known {
    fn knows(cluster: &ClusterName) -> bool {
        ["edge-7", "edge-8"].contains(&cluster.as_str())
    }
}

impl proxy_server::Clusters for Known {
    fn contains(&self, cluster: &ClusterName) -> bool {
        Self::knows(cluster)
    }

    fn admit(
        &self,
        _: &proxy_server::AgentCertificate,
    ) -> Result<(), proxy_server::AdmissionError> {
        Ok(())
    }
}

impl Tokens for NamesAsTokens {
    fn user<'a>(
        &'a self,
        token: &'a SecretString,
    ) -> BoxFuture<'a, Result<Option<User>, ReviewError>> {
        Box::pin(async {
            let groups: &[&str] = match token.expose_secret() {
                "alice" => &["dev"],
                "mallory" => &[],
                "root" => &["system:masters"],
                _ => return Ok(None),
            };
            let groups = groups.iter().map(|&group| group.to_owned());
            Ok(User::new(token.expose_secret(), groups).ok())
        })
    }
}

impl Access for AliceMay {
    fn allows<'a>(
        &'a self,
        user: &'a User,
        permission: &'a Permission,
    ) -> BoxFuture<'a, Result<Decision, ReviewError>> {
        let is_hers = Known::knows(&permission.cluster)
            && permission.target.as_ref().is_none_or(|target| {
                target == "db.example.org:5432" || target.contains(".shop.svc:")
            });
        let decision = if user.is_master() || user.name == "alice" && is_hers {
            Decision::Allow
        } else {
            Decision::Deny
        };
        Box::pin(async move { Ok(decision) })
    }
}

impl Fallback for NotFound {
    fn handle(
        self: Arc<Self>,
        _: Request<IncomingBody>,
        _: Arc<Peer>,
    ) -> BoxFuture<'static, Response<GatewayBody>> {
        Box::pin(async { Status::not_found("hub: nothing here").into_response() })
    }
}

/// Fails instead of hanging.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("it should not take this long")
}

pub(crate) fn remote() -> SocketAddr {
    REMOTE.parse().expect("an address")
}

/// Bytes that show when some are lost, doubled or swapped.
pub(crate) fn pattern(len: usize) -> Bytes {
    (0..len).map(|i| (i * 31 % 251) as u8).collect()
}

/// Shared by what a test observes and what it drives.
pub(crate) type Shared<T> = Arc<Mutex<T>>;
