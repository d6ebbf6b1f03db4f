//! A registration agent's way to its hub: through the tunnel.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use kube::Client;
use proto::Credential as Token;
use proxy_agent::{
    Agent, HubAccess as TunnelAccess, HubAddress, HubAddressError, HubApi, HubLogin, Renewal,
};
use registration::agent::{Credential, HubAccess, HubAccessError, HubEndpoint};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::{self, PemObject as _};
use rustls_pki_types::{CertificateDer, InvalidDnsNameError, PrivateKeyDer, ServerName};
use secrecy::ExposeSecret as _;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::ca::HUB_NAME;
use crate::commands::serve::Serving;

/// Joins by a bootstrap token, and then goes by the certificate that it got:
/// the session of the tunnel is the agent's identity.
pub(crate) struct Way {
    endpoint: watch::Sender<HubEndpoint>,
    token: Option<Token>,
    serving: Serving,
    /// To whoever runs the tunnel's agents.
    agents: mpsc::Sender<Ways>,
    now: Mutex<Now>,
}

/// An agent of the tunnel that is to be run until it is told to stop.
pub(crate) enum Ways {
    /// It only lets the cluster join.
    Joining(Box<Agent>, CancellationToken),
    /// It serves the hub.
    Session(Box<Agent>),
}

#[derive(Default)]
struct Now {
    joining: Option<(HubApi, CancellationToken)>,
    session: Option<(HubApi, Renewal)>,
}

/// Why there is no way to the hub.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WayError {
    #[error("the hub's address {address:?} is none")]
    Address {
        address: String,
        source: HubAddressError,
    },
    #[error("the {what} is no PEM {what}")]
    Pem {
        what: &'static str,
        source: pem::Error,
    },
    #[error("the hub's name {name:?} is no DNS name")]
    ServerName {
        name: String,
        source: InvalidDnsNameError,
    },
    #[error("nobody runs the tunnel any more")]
    Stopped,
    #[error("the certificates cannot be used")]
    Tls(#[source] rustls::Error),
    #[error(
        "there is no certificate that is good, and no token to get one with: make one on the hub \
         with `adit token create --join`, and run what it prints"
    )]
    Token,
}

impl Way {
    /// A way to the hub at this endpoint, and where the agents come from that
    /// are to be run for it; at most two at a time.
    pub(crate) fn new(
        endpoint: HubEndpoint,
        token: Option<Token>,
        serving: Serving,
    ) -> (Arc<Self>, mpsc::Receiver<Ways>) {
        let (agents, started) = mpsc::channel(2);
        let this = Self {
            endpoint: watch::Sender::new(endpoint),
            token,
            serving,
            agents,
            now: Mutex::default(),
        };
        (Arc::new(this), started)
    }

    /// A client of the hub as the agent, once it has entered.
    pub(crate) fn client(&self) -> Option<Client> {
        let now = self.now();
        now.session.as_ref().map(|(hub, _)| hub.client())
    }

    /// No code panics while it holds this lock.
    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn join(&self) -> Result<Client, WayError> {
        let token = self.token.clone().ok_or(WayError::Token)?;
        let joining = self.now().joining.clone();
        if let Some((hub, stop)) = joining
            && !stop.is_cancelled()
        {
            return Ok(hub.client());
        }
        let endpoint = self.endpoint.borrow().clone();
        let access = bootstrap_access(&endpoint, token)?;
        let agent = Agent::new(self.serving.towards_hub().for_hub(access));
        let (hub, stop) = (agent.hub_api(), CancellationToken::new());
        self.now().joining = Some((hub.clone(), stop.clone()));
        self.start(Ways::Joining(Box::new(agent), stop)).await?;
        Ok(hub.client())
    }

    async fn go(&self, credential: &Credential) -> Result<Client, WayError> {
        let access = session_access(credential)?;
        let session = self.now().session.clone();
        let client = match session {
            Some((hub, renewal)) => {
                renewal.renew(access);
                hub.client()
            }
            None => {
                let agent = Agent::new(self.serving.for_hub(access));
                let (hub, renewal) = (agent.hub_api(), agent.renewal());
                self.now().session = Some((hub.clone(), renewal));
                self.start(Ways::Session(Box::new(agent))).await?;
                hub.client()
            }
        };
        if let Some((_, stop)) = self.now().joining.take() {
            stop.cancel();
        }
        Ok(client)
    }

    async fn start(&self, agent: Ways) -> Result<(), WayError> {
        let sent = self.agents.send(agent).await;
        sent.map_err(|_| WayError::Stopped)
    }
}

impl HubAccess for Way {
    fn endpoint(&self) -> watch::Receiver<HubEndpoint> {
        self.endpoint.subscribe()
    }

    fn bootstrap(&self) -> BoxFuture<'_, Result<Client, HubAccessError>> {
        Box::pin(async { self.join().await.map_err(failed) })
    }

    fn enter<'a>(
        &'a self,
        credential: &'a Credential,
    ) -> BoxFuture<'a, Result<Client, HubAccessError>> {
        Box::pin(async { self.go(credential).await.map_err(failed) })
    }
}

fn failed(error: WayError) -> HubAccessError {
    HubAccessError(Box::new(error))
}

/// The way to the hub of an endpoint, with a bootstrap token.
fn bootstrap_access(endpoint: &HubEndpoint, token: Token) -> Result<TunnelAccess, WayError> {
    let tls = trusting(endpoint)?.with_no_client_auth();
    access(endpoint, tls, HubLogin::Bootstrap(token))
}

/// The way to the hub of a credential.
fn session_access(credential: &Credential) -> Result<TunnelAccess, WayError> {
    let pem = |what| move |source| WayError::Pem { what, source };
    let chain = CertificateDer::pem_slice_iter(credential.certificate_pem.as_bytes());
    let chain = chain.collect::<Result<_, _>>();
    let chain: Vec<_> = chain.map_err(pem("certificate"))?;
    let key = credential.key_pem.expose_secret().as_bytes();
    let key = PrivateKeyDer::from_pem_slice(key).map_err(pem("private key"))?;
    let tls = trusting(&credential.endpoint)?
        .with_client_auth_cert(chain, key)
        .map_err(WayError::Tls)?;
    access(&credential.endpoint, tls, HubLogin::Certificate)
}

fn trusting(
    endpoint: &HubEndpoint,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>, WayError> {
    let mut roots = RootCertStore::empty();
    let authorities = endpoint
        .certificate_authority
        .as_deref()
        .unwrap_or_default();
    for authority in CertificateDer::pem_slice_iter(authorities.as_bytes()) {
        let authority = authority.map_err(|source| WayError::Pem {
            what: "certificate authority",
            source,
        })?;
        roots.add(authority).map_err(WayError::Tls)?;
    }
    let versions = &[&rustls::version::TLS13];
    Ok(ClientConfig::builder_with_protocol_versions(versions).with_root_certificates(roots))
}

fn access(
    endpoint: &HubEndpoint,
    tls: ClientConfig,
    login: HubLogin,
) -> Result<TunnelAccess, WayError> {
    let address = endpoint.server.trim_start_matches("https://");
    let address: HubAddress = address.parse().map_err(|source| WayError::Address {
        address: address.to_owned(),
        source,
    })?;
    let name = endpoint.tls_server_name.as_deref().unwrap_or(HUB_NAME);
    let server_name = ServerName::try_from(name.to_owned());
    Ok(TunnelAccess {
        hubs: vec![address],
        tls: Arc::new(tls),
        server_name: server_name.map_err(|source| WayError::ServerName {
            name: name.to_owned(),
            source,
        })?,
        login,
    })
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Way").finish_non_exhaustive()
    }
}
