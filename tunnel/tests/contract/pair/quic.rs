//! A pair over QUIC, on a network in memory.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use quinn::{Connection, Endpoint, EndpointConfig, TokioRuntime};
use rcgen::{CertifiedKey, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tunnel::quic::ResetKey;
use tunnel::{HandshakeError, LinkConfig};

use super::{Network, Pair, Settings, failure, start};

/// What the ends of a pair are connected by.
pub(crate) struct Air {
    pub(crate) network: simnet::Network,
    pub(crate) hub: Endpoint,
    pub(crate) agent: Endpoint,
}

/// Where the ends are.
const HUB: &str = "192.0.2.1:8443";
const AGENT: &str = "198.51.100.7:40000";

/// A pair over a perfect network.
pub(crate) async fn quic(settings: Settings) -> Pair {
    quic_over(&Air::new(&settings), settings).await
}

/// A pair over the network of `air`.
pub(crate) async fn quic_over(air: &Air, settings: Settings) -> Pair {
    let hub = air.hub.clone();
    let hub = start(async move { tunnel::quic::hub(accept(&hub).await, settings.hub).await });
    let agent = air.agent.clone();
    let agent = start(async move { dial(&agent, settings.agent).await });
    let (hub, agent) = tokio::join!(hub, agent);
    let network = air.network.clone();
    Pair {
        hub,
        agent,
        network: Network {
            silence: Box::new(move || network.fall_silent()),
        },
    }
}

/// What the two ends of a QUIC link that comes to nothing say of it.
pub(crate) async fn quic_failure(settings: Settings) -> [String; 2] {
    let air = Air::new(&settings);
    let hub = async { tunnel::quic::hub(accept(&air.hub).await, settings.hub).await };
    let agent = dial(&air.agent, settings.agent);
    tokio::join!(failure(hub), failure(agent)).into()
}

impl Air {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self::seeded(settings, 7)
    }

    /// What becomes of its packets follows from `seed`.
    pub(crate) fn seeded(settings: &Settings, seed: u64) -> Self {
        let network = simnet::Network::new(seed);
        let (_, mut client) = tls();
        client.enable_early_data = false;
        let client = tunnel::quic::client_config(client, &settings.agent).unwrap();
        let mut agent = endpoint(&network, AGENT, EndpointConfig::default(), None);
        agent.set_default_client_config(client);
        Self {
            hub: hub(&network, settings),
            network,
            agent,
        }
    }

    /// Another process of the hub has its address; of the one before nothing more is heard.
    pub(crate) fn restart_hub(&mut self, settings: &Settings) {
        self.hub = hub(&self.network, settings);
    }

    /// Where the agent's socket is.
    pub(crate) fn agent_address() -> SocketAddr {
        AGENT.parse().unwrap()
    }
}

fn hub(network: &simnet::Network, settings: &Settings) -> Endpoint {
    let (server, _) = tls();
    let server = tunnel::quic::server_config(server, &settings.hub).unwrap();
    let config = ResetKey::new([7; 32]).endpoint_config();
    endpoint(network, HUB, config, Some(server))
}

fn endpoint(
    network: &simnet::Network,
    address: &str,
    config: EndpointConfig,
    server: Option<quinn::ServerConfig>,
) -> Endpoint {
    let socket = network.socket(address.parse().unwrap());
    let runtime = Arc::new(TokioRuntime);
    Endpoint::new_with_abstract_socket(config, server, socket, runtime).unwrap()
}

async fn accept(endpoint: &Endpoint) -> Connection {
    endpoint.accept().await.unwrap().await.unwrap()
}

async fn dial(
    endpoint: &Endpoint,
    config: LinkConfig,
) -> Result<(tunnel::Link, tunnel::Incoming, tunnel::Driver), HandshakeError> {
    let connecting = endpoint.connect(HUB.parse().unwrap(), "hub").unwrap();
    tunnel::quic::agent(connecting.await.unwrap(), config).await
}

/// A hub's certificate, and an agent that trusts it.
fn tls() -> (rustls::ServerConfig, rustls::ClientConfig) {
    static HUB: OnceLock<CertifiedKey<KeyPair>> = OnceLock::new();
    let hub = HUB.get_or_init(|| rcgen::generate_simple_self_signed(["hub".to_owned()]).unwrap());
    let certificate = hub.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(hub.signing_key.serialize_der());
    let server = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (server, client)
}
