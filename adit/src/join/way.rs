//! A registration agent's way to its hub: through the tunnel.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::header::CONTENT_TYPE;
use kube::Client;
use proto::{AgentIdentity, ClusterName, Credential as Token};
use proxy_agent::{
    Agent, CurrentToken, HubAccess as TunnelAccess, HubAddress, HubAddressError, HubApi, HubLogin,
    Renewal,
};
use registration::agent::{
    Credential, FirstToken, HubAccess, HubAccessError, HubEndpoint, Proof, ToldAuthorities,
};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::{self, PemObject as _};
use rustls_pki_types::{CertificateDer, InvalidDnsNameError, PrivateKeyDer, ServerName};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{WorkWay, Works};
use crate::ca::HUB_NAME;
use crate::commands::serve::Serving;
use crate::published;
use crate::token_exchange::{self, AskFirst, FIRST, RENEWED};

/// Joins by a bootstrap token, and then goes by the certificate or token that it
/// got: the session of the tunnel is the agent's identity.
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
    session: Option<Entered>,
}

/// A session that was begun, which may be down at the moment.
#[derive(Clone)]
struct Entered {
    hub: HubApi,
    identity: AgentIdentity,
    renewal: Renewal,
    /// Where it is, if it goes by a token, and the token.
    token: Option<(HubEndpoint, CurrentToken)>,
}

/// How long a hub has to take another token; then a new session is made with it.
const RENEWAL: Duration = Duration::from_secs(10);

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
    #[error("the hub does not give the agent its first token")]
    FirstToken(#[source] kube::Error),
    #[error("the token is none")]
    NoToken,
    #[error("nobody runs the tunnel any more")]
    Stopped,
    #[error("the certificates cannot be used")]
    Tls(#[source] rustls::Error),
    #[error(
        "the agent has nothing to show that is good, and no token to join with: make one on the \
         hub with `adit token create --join`, and run what it prints"
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
        let entered = self.now().session.clone();
        let client = match entered {
            Some(entered) => {
                let client = entered.hub.client();
                if !Box::pin(entered.takes(credential)).await {
                    let (access, token) = session_access(credential)?;
                    entered.renewal.renew(access);
                    if let Some(session) = &mut self.now().session {
                        session.token = token.map(|token| (credential.endpoint.clone(), token));
                    }
                }
                client
            }
            None => {
                let (access, token) = session_access(credential)?;
                let agent = Agent::new(self.serving.for_hub(access));
                let (hub, renewal) = (agent.hub_api(), agent.renewal());
                self.now().session = Some(Entered {
                    hub: hub.clone(),
                    identity: credential.identity.clone(),
                    renewal,
                    token: token.map(|token| (credential.endpoint.clone(), token)),
                });
                self.start(Ways::Session(Box::new(agent))).await?;
                hub.client()
            }
        };
        if let Some((_, stop)) = self.now().joining.take() {
            stop.cancel();
        }
        Ok(client)
    }

    /// Asks for the first token, as whoever joins.
    async fn first(&self, asked: &FirstToken<'_>) -> Result<SecretString, WayError> {
        let hub = self.join().await?;
        let body = AskFirst {
            cluster: asked.identity.cluster.to_string(),
            agent: asked.identity.agent.to_string(),
            claim: asked.claim.expose_secret().to_owned(),
            expiration_seconds: asked.expiration_seconds,
        };
        let answer: token_exchange::Token = post(&hub, FIRST, &body)
            .await
            .map_err(WayError::FirstToken)?;
        Ok(answer.token.into())
    }

    async fn start(&self, agent: Ways) -> Result<(), WayError> {
        let sent = self.agents.send(agent).await;
        sent.map_err(|_| WayError::Stopped)
    }
}

impl WorkWay for Way {
    fn works(&self) -> Option<Works> {
        let now = self.now();
        let entered = now.session.as_ref()?;
        Some(Works {
            hub: entered.hub.client(),
            identity: entered.identity.clone(),
            incarnation: Some(entered.hub.incarnation()),
        })
    }
}

impl HubAccess for Way {
    fn endpoint(&self) -> watch::Receiver<HubEndpoint> {
        self.endpoint.subscribe()
    }

    fn trust(&self, endpoint: HubEndpoint) {
        self.endpoint.send_replace(endpoint);
    }

    /// A Kubernetes cluster that is the hub tells its own authorities where the
    /// hub itself would, and the hub's elsewhere.
    fn told_authorities<'a>(&'a self, cluster: &'a ClusterName) -> BoxFuture<'a, ToldAuthorities> {
        Box::pin(async {
            let session = self.now().session.clone();
            let leads_elsewhere = match session {
                Some(session) => session.hub.server_when_connected().await.is_some(),
                None => false,
            };
            if leads_elsewhere {
                ToldAuthorities {
                    namespace: published::NAMESPACE.to_owned(),
                    name: published::NAME.to_owned(),
                }
            } else {
                ToldAuthorities::of_api_server(cluster)
            }
        })
    }

    fn bootstrap(&self) -> BoxFuture<'_, Result<Client, HubAccessError>> {
        Box::pin(async { self.join().await.map_err(failed) })
    }

    fn first_token<'a>(
        &'a self,
        asked: &'a FirstToken<'a>,
    ) -> BoxFuture<'a, Result<SecretString, HubAccessError>> {
        Box::pin(async { self.first(asked).await.map_err(failed) })
    }

    fn enter<'a>(
        &'a self,
        credential: &'a Credential,
    ) -> BoxFuture<'a, Result<Client, HubAccessError>> {
        Box::pin(async { self.go(credential).await.map_err(failed) })
    }
}

impl Entered {
    /// Has the session go on as it is, by another token; whether it does.
    ///
    /// The hub is told within the session, so that no stream ends for it, as
    /// streams of a session that another takes the place of do after an hour.
    async fn takes(&self, credential: &Credential) -> bool {
        let (Proof::Token { token, .. }, Some((endpoint, current))) =
            (&credential.proof, &self.token)
        else {
            return false;
        };
        let shown = Token::new(token.expose_secret());
        let (Some(shown), true) = (shown, *endpoint == credential.endpoint) else {
            return false;
        };
        // Links that are made meanwhile are to show it too.
        current.replace(shown);
        let token = token_exchange::Token {
            token: token.expose_secret().to_owned(),
        };
        let hub = self.hub.client();
        let told = post::<serde_json::Value>(&hub, RENEWED, &token);
        match timeout(RENEWAL, told).await {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => {
                tracing::info!(%error, "the session does not take the new token");
                false
            }
            Err(_) => false,
        }
    }
}

async fn post<T: DeserializeOwned>(
    hub: &Client,
    path: &str,
    body: &impl Serialize,
) -> kube::Result<T> {
    let body = serde_json::to_vec(body).map_err(kube::Error::SerdeError)?;
    let request = http::Request::post(path).header(CONTENT_TYPE, "application/json");
    let request = request.body(body).map_err(kube::Error::HttpError)?;
    hub.request(request).await
}

fn failed(error: WayError) -> HubAccessError {
    HubAccessError(Box::new(error))
}

/// The way to the hub of an endpoint, with a bootstrap token.
fn bootstrap_access(endpoint: &HubEndpoint, token: Token) -> Result<TunnelAccess, WayError> {
    let tls = trusting(endpoint)?.with_no_client_auth();
    access(endpoint, tls, HubLogin::Bootstrap(token))
}

/// The way to the hub of a credential, and the token that it goes by, if any.
fn session_access(
    credential: &Credential,
) -> Result<(TunnelAccess, Option<CurrentToken>), WayError> {
    let endpoint = &credential.endpoint;
    match &credential.proof {
        Proof::Certificate {
            certificate_pem,
            key_pem,
        } => {
            let pem = |what| move |source| WayError::Pem { what, source };
            let chain = CertificateDer::pem_slice_iter(certificate_pem.as_bytes());
            let chain = chain.collect::<Result<_, _>>();
            let chain: Vec<_> = chain.map_err(pem("certificate"))?;
            let key = PrivateKeyDer::from_pem_slice(key_pem.expose_secret().as_bytes());
            let key = key.map_err(pem("private key"))?;
            let tls = trusting(endpoint)?
                .with_client_auth_cert(chain, key)
                .map_err(WayError::Tls)?;
            Ok((access(endpoint, tls, HubLogin::Certificate)?, None))
        }
        Proof::Token { token, .. } => {
            let token = Token::new(token.expose_secret()).ok_or(WayError::NoToken)?;
            let token = CurrentToken::new(token);
            let tls = trusting(endpoint)?.with_no_client_auth();
            let access = access(endpoint, tls, HubLogin::Token(token.clone()))?;
            Ok((access, Some(token)))
        }
    }
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
