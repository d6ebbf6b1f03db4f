use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use proto::{Control, Hello, Message};
use quinn::{Connection, Endpoint, EndpointConfig, RecvStream, SendStream, TokioRuntime, VarInt};
use rcgen::{CertifiedKey, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::time::{sleep, timeout};
use tunnel::LinkConfig;

use crate::input::Input;
use crate::script::{Act, Step};

/// The two ends of a QUIC connection over a network in memory.
#[derive(Debug)]
pub(crate) struct QuicPair {
    pub(crate) hub: Connection,
    pub(crate) agent: Connection,
    pub(crate) network: simnet::Network,
    /// A connection lives no longer than its endpoint.
    _endpoints: [Endpoint; 2],
}

/// A peer that speaks QUIC, says hello, and then does what its script says.
#[derive(Debug)]
pub(crate) struct QuicPeer {
    connection: Connection,
    streams: Vec<PeerStream>,
    /// What it says when it goes.
    farewell: (VarInt, Bytes),
}

#[derive(Debug)]
struct PeerStream {
    send: Option<SendStream>,
    recv: Option<RecvStream>,
}

const HUB: &str = "192.0.2.1:8443";
const AGENT: &str = "198.51.100.7:40000";
/// Streams that a peer keeps; it lets go of more at once.
const MAX_STREAMS: usize = 64;
/// Long enough for all that can happen without a timer: the clock is paused.
const MOMENT: Duration = Duration::from_millis(1);
/// The most that is read of a stream at once.
const MAX_READ: usize = 64 * 1024;

impl QuicPair {
    /// Connects two ends that allow so much.
    pub(crate) async fn connect(config: &LinkConfig) -> Self {
        let network = simnet::Network::new(7);
        let (server, client) = tls();
        let server = tunnel::quic::server_config(server, config);
        let client = tunnel::quic::client_config(client, config);
        let server = server.expect("the provider has QUIC's cipher suite");
        let hub = endpoint(&network, HUB, Some(server));
        let mut agent = endpoint(&network, AGENT, None);
        agent.set_default_client_config(client.expect("as above"));
        let address: SocketAddr = HUB.parse().expect("an address");
        let dialling = agent.connect(address, "hub").expect("a name");
        let accepting = async { hub.accept().await.expect("the endpoint is open").await };
        let (dialled, accepted) = tokio::join!(dialling, accepting);
        Self {
            hub: accepted.expect("a perfect network"),
            agent: dialled.expect("a perfect network"),
            network,
            _endpoints: [hub, agent],
        }
    }
}

impl QuicPeer {
    /// Plays a hub, or an agent, that takes leave as the input says.
    pub(crate) fn new(connection: Connection, input: &mut Input<'_>) -> Self {
        let code = VarInt::from_u32(input.u32());
        Self {
            connection,
            streams: Vec::new(),
            farewell: (code, Bytes::copy_from_slice(input.short())),
        }
    }

    /// As a hub, which opens the control stream; plays a script.
    pub(crate) async fn play_hub(mut self, steps: Vec<Step>) -> Self {
        self.open().await;
        self.play(steps).await;
        self
    }

    /// As an agent; plays a script.
    pub(crate) async fn play_agent(mut self, steps: Vec<Step>) -> Self {
        self.play(steps).await;
        self
    }

    /// Closes the connection in its own words.
    pub(crate) fn leave(&self) {
        self.connection.close(self.farewell.0, &self.farewell.1);
    }

    async fn play(&mut self, steps: Vec<Step>) {
        self.take_for(MOMENT).await;
        let hello = Control::Hello(Hello::new("peer")).encode();
        if let Some(control) = self.streams.first_mut() {
            control.say(&hello, false).await;
        }
        for step in steps {
            match step {
                Step::Open { .. } => self.open().await,
                Step::GoAway => self.leave(),
                Step::Wait(time) => self.take_for(time).await,
                Step::Act(number, act) => {
                    let count = self.streams.len().max(1);
                    if let Some(stream) = self.streams.get_mut(number % count) {
                        stream.act(act).await;
                    }
                }
            }
            self.take_for(MOMENT).await;
        }
    }

    async fn open(&mut self) {
        if let Ok(Ok(opened)) = timeout(MOMENT, self.connection.open_bi()).await {
            self.keep(opened);
        }
    }

    /// Takes what the other end opens while time passes.
    async fn take_for(&mut self, time: Duration) {
        let passing = sleep(time);
        tokio::pin!(passing);
        loop {
            tokio::select! {
                taken = self.connection.accept_bi() => match taken {
                    Ok(taken) => self.keep(taken),
                    Err(_) => return passing.await,
                },
                () = &mut passing => return,
            }
        }
    }

    fn keep(&mut self, (send, recv): (SendStream, RecvStream)) {
        if self.streams.len() < MAX_STREAMS {
            self.streams.push(PeerStream {
                send: Some(send),
                recv: Some(recv),
            });
        }
    }
}

/// Errors are the other end's right: it may have ended the stream.
impl PeerStream {
    async fn act(&mut self, act: Act) {
        match act {
            Act::Drop => {
                self.send = None;
                self.recv = None;
            }
            Act::Read => {
                if let Some(recv) = &mut self.recv {
                    let _ = timeout(MOMENT, recv.read_chunk(MAX_READ, true)).await;
                }
            }
            Act::Reset(code) => {
                if let Some(send) = &mut self.send {
                    let _ = send.reset(VarInt::from_u32(code));
                }
            }
            Act::Say { bytes, last } => self.say(&bytes, last).await,
            // What HTTP/2 has no word for: the reader wants no more.
            Act::Trailers => {
                if let Some(recv) = &mut self.recv {
                    let _ = recv.stop(VarInt::from_u32(0));
                }
            }
        }
    }

    async fn say(&mut self, bytes: &[u8], last: bool) {
        if let Some(send) = &mut self.send {
            let _ = timeout(MOMENT, send.write_all(bytes)).await;
            if last {
                let _ = send.finish();
            }
        }
    }
}

fn endpoint(
    network: &simnet::Network,
    address: &str,
    server: Option<quinn::ServerConfig>,
) -> Endpoint {
    let socket = network.socket(address.parse().expect("an address"));
    let config = EndpointConfig::default();
    Endpoint::new_with_abstract_socket(config, server, socket, Arc::new(TokioRuntime))
        .expect("a socket in memory")
}

/// A hub's certificate, and an agent that trusts it.
fn tls() -> (rustls::ServerConfig, rustls::ClientConfig) {
    static HUB: OnceLock<CertifiedKey<KeyPair>> = OnceLock::new();
    let hub = HUB.get_or_init(|| {
        rcgen::generate_simple_self_signed(["hub".to_owned()]).expect("a plain name")
    });
    let certificate = hub.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(hub.signing_key.serialize_der());
    let server = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())
        .expect("the key is the certificate's");
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("a certificate");
    let client = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (server, client)
}
