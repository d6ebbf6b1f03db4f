//! The hub: one port for agents and users.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use gateway::{Forward, Gateway, GatewayConfig, SubjectAccess};
use kube::Client;
use proto::Hello;
use proxy_agent::HubAddress;
use proxy_server::{ProxyServer, ProxyServerConfig};
use quinn::Endpoint;
use quinn::crypto::rustls::NoInitialCipherSuite;
use registration::hub::Controllers;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tunnel::LinkConfig;
use tunnel::quic::ResetKey;

use crate::addresses::Addresses;
use crate::data_dir::{DataDir, DataDirError, FileLock};
use crate::local::{LocalAddress, LocalListener};
use crate::tcp;

mod agent_streams;
mod agent_tokens;
mod api;
mod authority_files;
mod backup;
mod bootstrap_tokens;
mod connect;
mod connection;
mod datagrams;
mod endpoints;
mod folder;
mod forward;
mod handshakes;
mod home;
mod inventory;
mod known;
mod kubernetes;
mod leader;
mod listener;
mod listing;
mod lookout;
mod membership;
mod metrics;
mod serving_files;
mod setup;
mod signing_files;
mod tls;
mod trust;
mod watch;

pub(crate) use backup::BACKUP_PATH;
pub(crate) use connect::ConnectListen;
pub(crate) use connection::ConnectionLimits;
pub(crate) use forward::ForwardListen;
pub(crate) use home::HomeConfig;
pub(crate) use kubernetes::{KubernetesConfig, ServiceName};
pub(crate) use listing::{AGGREGATED_SESSIONS, ClusterListing, Listing, SessionListing};
pub(crate) use setup::prepare_for;

use authority_files::{AuthoritiesWatchError, AuthorityFiles};
use connect::ConnectListener;
use connection::{ConnectionParts, Connections, Port};
use home::{Home, HomeError, HomeParts, Work};
use inventory::Inventory;
use known::Known;
use membership::Membership;
use serving_files::ServingFiles;
use setup::SetupError;
use signing_files::{SigningError, SigningFiles};
use watch::{Watch, WatchParts};

/// What a hub needs to start.
#[derive(Clone, Debug)]
pub(crate) struct HubConfig {
    pub(crate) data_dir: PathBuf,
    /// At least one; port 0 takes any free port.
    pub(crate) listen: Vec<SocketAddr>,
    /// Whether it also listens for QUIC, on the same port numbers.
    pub(crate) udp: Udp,
    /// How agents and users reach it; empty: by what it listens on.
    pub(crate) advertise: Vec<HubAddress>,
    pub(crate) gateway: GatewayConfig,
    /// Without addresses: these are what is advertised.
    pub(crate) proxy: ProxyServerConfig,
    pub(crate) connections: ConnectionLimits,
    /// Listeners that take CONNECT and nothing else.
    pub(crate) connect_listen: Vec<ConnectListen>,
    /// Listeners that are bound to one target each.
    pub(crate) forward_listen: Vec<ForwardListen>,
    /// Where its objects live.
    pub(crate) home: HomeConfig,
    /// How long open requests and streams may go on after it is told to stop.
    pub(crate) drain: Duration,
}

/// Whether a hub listens on UDP.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Udp {
    /// If it can; otherwise agents come over TCP alone.
    #[default]
    Auto,
    /// No.
    Off,
    /// Yes, or the hub does not start.
    Require,
}

/// A hub that has bound its port and made its files, and accepts nobody yet.
pub(crate) struct Hub {
    data: DataDir,
    addresses: Addresses,
    listeners: Vec<TcpListener>,
    endpoints: Vec<Endpoint>,
    connects: Vec<ConnectListener>,
    forwards: Vec<(LocalListener, Forward)>,
    proxy: ProxyServer,
    gateway: Gateway,
    watch: Watch,
    connections: Arc<Connections>,
    home: Home,
    access: SubjectAccess,
    inventory: Inventory,
    registration: Controllers,
    drain: Duration,
    _lock: FileLock,
}

/// Why a hub cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HubError {
    #[error("cannot listen on {address}; is the port taken?")]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("cannot listen on {address} over UDP; is the port taken?")]
    ListenUdp {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("the TLS configuration cannot serve QUIC")]
    Quic(#[source] NoInitialCipherSuite),
    #[error("cannot listen on {address}; is it taken?")]
    ListenLocally {
        address: LocalAddress,
        source: io::Error,
    },
    #[error("cannot listen on {address} for CONNECT; is it taken?")]
    ListenForConnect {
        address: ConnectListen,
        source: io::Error,
    },
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error("cannot tell whose certificates to trust")]
    Trust(#[from] AuthoritiesWatchError),
    #[error(transparent)]
    Home(#[from] HomeError),
    #[error("the hub's own API cannot be served")]
    Signing(#[from] SigningError),
    #[error("a part of the hub has ended by itself")]
    Task(#[source] Option<tokio::task::JoinError>),
}

impl Hub {
    /// Takes the data directory and the port, and makes what is missing.
    pub(crate) async fn start(config: HubConfig) -> Result<Self, HubError> {
        let data = DataDir::create(&config.data_dir)?;
        let lock = data.lock_for_hub().await?;
        let listeners = bind(&config.listen)?;
        let connects = bind_connects(&config.connect_listen).await?;
        let forwards = bind_forwards(&config.forward_listen).await?;
        let addresses = setup::addresses(config.advertise, &listeners)?;
        let addresses = addresses.found_in_cluster_as(config.home.in_cluster());
        setup::prepare(&data, &addresses).await?;
        let authorities = AuthorityFiles::start(data.clone())?;
        let serving = ServingFiles::start(data.clone()).map_err(SetupError::from)?;
        let trust = authorities.trust();
        let tls = tls::server_config(trust.clone(), serving.serving());
        let known = Arc::new(Known::default());
        let signing = SigningFiles::start(data.clone())?;
        let parts = HomeParts {
            data: &data,
            addresses: &addresses,
            known: &known,
            trust: trust.clone(),
            signing: &signing,
        };
        let home = Box::pin(Home::start(&config.home, parts)).await?;
        let watch = Watch::start(WatchParts {
            data: data.clone(),
            addresses: addresses.clone(),
            known: known.clone(),
            authorities,
            serving,
            signing,
        });
        let mut link = config.proxy.link.clone();
        link.hello.hub_api = home.hub_api_server();
        link.hello.incarnation = home.incarnation().await?;
        let membership = Arc::new(Membership::new(known.clone(), home.acceptance()));
        let proxy = ProxyServer::with_targets(
            ProxyServerConfig {
                hubs: addresses.all().iter().map(ToString::to_string).collect(),
                link: link.clone(),
                ..config.proxy
            },
            membership.clone(),
            Some(home.agent_streams()),
        );
        let access = home.access();
        let gateway = Gateway::behind(
            config.gateway,
            proxy.clone(),
            home.tokens(),
            Arc::new(access.clone()),
            home.front_proxies(),
        );
        let inventory = Inventory::new(
            data.clone(),
            known.clone(),
            proxy.clone(),
            home.client("adit-inventory"),
            home.keeper("adit-inventory"),
            home.accepted(),
        );
        let options = registration::hub::Options {
            connected: Some(inventory.connected()),
            ..registration::hub::Options::default()
        };
        let registration = Controllers::new(home.client("adit-registration"), options);
        let reset_key = setup::quic_reset_key(&data)?;
        let endpoints = bind_udp(config.udp, &listeners, &tls, (&link, &reset_key))?;
        let connections = Arc::new(Connections::new(ConnectionParts {
            tls,
            trust,
            proxy: proxy.clone(),
            gateway: gateway.clone(),
            known,
            membership,
            lookout: watch.lookout(),
            health: watch.health(),
            limits: config.connections,
            api: home.face(),
            backup: home.backup(),
        }));
        Ok(Self {
            data,
            addresses,
            listeners,
            endpoints,
            connects,
            forwards,
            proxy,
            gateway,
            watch,
            connections,
            home,
            access,
            inventory,
            registration,
            drain: config.drain,
            _lock: lock,
        })
    }

    /// The hub's data directory.
    pub(crate) fn data(&self) -> &DataDir {
        &self.data
    }

    /// Takes notice now of what was written since the start; a running hub
    /// does so every second.
    pub(crate) fn take_notice(&mut self) {
        self.watch.refresh();
    }

    /// Serves until told to stop, then drains.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), HubError> {
        let mut tasks = JoinSet::new();
        for listener in self.listeners {
            if let Ok(address) = listener.local_addr() {
                tracing::info!(%address, reached_at = %self.addresses.url(), "hub listens");
            }
            tasks.spawn(listener::accept(
                listener,
                Port::Main,
                self.connections.clone(),
                stop.clone(),
            ));
        }
        for listener in self.connects {
            if let Ok(address) = listener.address() {
                tracing::info!(listener = %format_args!("connect-listen:{address}"), "hub listens for CONNECT");
            }
            tasks.spawn(listener.serve(self.connections.clone(), stop.clone()));
        }
        for endpoint in self.endpoints {
            if let Ok(address) = endpoint.local_addr() {
                tracing::info!(%address, "hub listens for QUIC");
            }
            let connections = self.connections.clone();
            tasks.spawn(datagrams::accept(endpoint, connections, stop.clone()));
        }
        for (listener, forward) in self.forwards {
            let Forward {
                name,
                cluster,
                target,
            } = &forward;
            tracing::info!(listener = name, %cluster, %target, "hub listens for one target");
            let gateway = self.gateway.clone();
            tasks.spawn(forward::accept(listener, forward, gateway, stop.clone()));
        }
        let store = self.home.store();
        let work = controllers(self.registration, self.home.client("adit-work"));
        tasks.spawn(self.home.run(self.access, work, stop.clone()));
        tasks.spawn(until(stop.clone(), self.inventory.run()));
        tasks.spawn(self.watch.run(self.proxy.clone(), stop.clone()));
        tokio::select! {
            // Told to stop, the parts end too, which is then no failure.
            biased;
            () = stop.cancelled() => {}
            ended = tasks.join_next() => {
                return Err(HubError::Task(ended.and_then(Result::err)));
            }
        }
        let drained = tokio::time::timeout(self.drain, async {
            tokio::join!(self.proxy.drain(self.drain), self.gateway.drain(self.drain));
            while tasks.join_next().await.is_some() {}
        });
        match drained.await {
            Ok(()) => tracing::info!("hub has stopped"),
            Err(_) => tracing::warn!("hub has stopped and cut off what was still open"),
        }
        tasks.shutdown().await;
        store.close().await;
        Ok(())
    }
}

/// What keeps objects as they ask to be, to be run by one process at a time.
fn controllers(registration: Controllers, works: Client) -> Work {
    Box::new(move |stop| {
        let registration = registration.clone().run(stop.clone());
        let options = work::hub::Options::default();
        let works = work::hub::Controllers::run(works.clone(), options, stop);
        async { tokio::join!(registration, works) }
            .map(drop)
            .boxed()
    })
}

/// Does the work until told to stop.
async fn until(stop: CancellationToken, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        () = stop.cancelled() => {}
    }
}

/// What every link of this hub allows unless told otherwise.
pub(crate) fn link_config() -> LinkConfig {
    LinkConfig::new(Hello::new(env!("CARGO_PKG_VERSION")))
}

fn bind(listen: &[SocketAddr]) -> Result<Vec<TcpListener>, HubError> {
    let bind = |&address| tcp::bind(address).map_err(|source| HubError::Listen { address, source });
    listen.iter().map(bind).collect()
}

async fn bind_connects(connects: &[ConnectListen]) -> Result<Vec<ConnectListener>, HubError> {
    let mut bound = Vec::new();
    for address in connects {
        let listener = ConnectListener::bind(address).await;
        bound.push(listener.map_err(|source| HubError::ListenForConnect {
            address: address.clone(),
            source,
        })?);
    }
    Ok(bound)
}

/// Binds over UDP what is bound over TCP.
fn bind_udp(
    udp: Udp,
    listeners: &[TcpListener],
    tls: &rustls::ServerConfig,
    (link, reset_key): (&LinkConfig, &ResetKey),
) -> Result<Vec<Endpoint>, HubError> {
    if udp == Udp::Off {
        return Ok(Vec::new());
    }
    let quic = tunnel::quic::server_config(tls.clone(), link).map_err(HubError::Quic)?;
    let mut bound = Vec::new();
    for address in listeners.iter().filter_map(|tcp| tcp.local_addr().ok()) {
        match tunnel::quic::endpoint(address, Some((quic.clone(), reset_key))) {
            Ok(endpoint) => bound.push(endpoint),
            Err(source) if udp == Udp::Require => {
                return Err(HubError::ListenUdp { address, source });
            }
            Err(error) => tracing::warn!(
                %address,
                %error,
                "cannot listen over UDP: agents can come over TCP alone"
            ),
        }
    }
    Ok(bound)
}

async fn bind_forwards(
    forwards: &[ForwardListen],
) -> Result<Vec<(LocalListener, Forward)>, HubError> {
    let mut bound = Vec::new();
    for forward in forwards {
        let failed = |source| HubError::ListenLocally {
            address: forward.local.clone(),
            source,
        };
        let listener = LocalListener::bind(&forward.local).await.map_err(failed)?;
        let address = listener.address().map_err(failed)?;
        bound.push((listener, forward.forward(&address)));
    }
    Ok(bound)
}
