//! A registration agent's way to a hub that is any Kubernetes API server:
//! straight to it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::future::BoxFuture;
use http::Request;
use kube::client::Body;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use proto::AgentIdentity;
use registration::agent::{Credential, HubAccess, HubAccessError, HubEndpoint, Proof};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tower::service_fn;

use super::{WorkWay, Works};

/// Joins as the user of a kubeconfig, and then goes by the certificate that it
/// got.
pub(crate) struct Straight {
    endpoint: watch::Sender<HubEndpoint>,
    bootstrap: Config,
    /// As the agent, by its newest certificate.
    entered: watch::Sender<Option<(Client, AgentIdentity)>>,
}

/// How long the hub may take until it begins to answer, as long as an API server
/// itself allows: what waits on a connection that something in between has
/// forgotten would else wait for a quarter of an hour, the lease among it.
const ANSWER: Duration = Duration::from_secs(60);
/// The longest silence on a connection: a watch may last 290 s, after 90 s of
/// waiting for use.
const SILENCE: Duration = Duration::from_secs(400);

/// Why there is no way to the hub.
#[derive(Debug, thiserror::Error)]
enum StraightError {
    #[error("the client of the hub cannot be made")]
    Client(#[source] kube::Error),
    #[error("the hub has not begun to answer within {} s", ANSWER.as_secs())]
    NoAnswer,
    #[error("the hub has not been entered")]
    NotEntered,
    #[error("the agent was stopped")]
    Stopped,
    #[error("a token is of no use on this way to the hub")]
    Token,
}

impl Straight {
    /// The way to the hub of a kubeconfig's current context.
    pub(crate) async fn new(path: &Path) -> anyhow::Result<Arc<Self>> {
        let unusable = || format!("cannot use {} for the hub", path.display());
        let kubeconfig = Kubeconfig::read_from(path).with_context(unusable)?;
        let endpoint = HubEndpoint::of(&kubeconfig).with_context(unusable)?;
        let options = KubeConfigOptions::default();
        let bootstrap = Config::from_custom_kubeconfig(kubeconfig, &options).await;
        let mut bootstrap = bootstrap.with_context(unusable)?;
        anyhow::ensure!(
            bootstrap.proxy_url.is_none(),
            "{}: a hub without a tunnel is not reached through a proxy, and the kubeconfig or \
             HTTPS_PROXY names one",
            unusable()
        );
        bootstrap.read_timeout = Some(SILENCE);
        Ok(Arc::new(Self {
            endpoint: watch::Sender::new(endpoint),
            bootstrap,
            entered: watch::Sender::default(),
        }))
    }

    /// The URL of the hub's API server.
    pub(crate) fn server(&self) -> String {
        self.endpoint.borrow().server.clone()
    }

    async fn go(&self, credential: &Credential) -> Result<Client, StraightError> {
        let Proof::Certificate {
            certificate_pem,
            key_pem,
        } = &credential.proof
        else {
            return Err(StraightError::Token);
        };
        let key = BASE64.encode(key_pem.expose_secret());
        let mut config = self.bootstrap.clone();
        config.auth_info = AuthInfo {
            client_certificate_data: Some(BASE64.encode(certificate_pem)),
            client_key_data: Some(SecretString::from(key)),
            ..AuthInfo::default()
        };
        let entered = client(config).await?;
        let identity = credential.identity.clone();
        self.entered.send_replace(Some((entered.clone(), identity)));
        Ok(entered)
    }
}

impl HubAccess for Straight {
    fn endpoint(&self) -> watch::Receiver<HubEndpoint> {
        self.endpoint.subscribe()
    }

    /// Only the kubeconfig says whom to trust: such a hub tells nobody.
    fn trust(&self, endpoint: HubEndpoint) {
        self.endpoint.send_replace(endpoint);
    }

    fn bootstrap(&self) -> BoxFuture<'_, Result<Client, HubAccessError>> {
        Box::pin(async { client(self.bootstrap.clone()).await.map_err(failed) })
    }

    fn enter<'a>(
        &'a self,
        credential: &'a Credential,
    ) -> BoxFuture<'a, Result<Client, HubAccessError>> {
        Box::pin(async { self.go(credential).await.map_err(failed) })
    }
}

impl WorkWay for Straight {
    fn works(&self) -> Option<Works> {
        let (_, identity) = self.entered.borrow().clone()?;
        let entered = self.entered.subscribe();
        // A watch goes on with the certificate that it began with.
        let by_the_newest = service_fn(move |request: Request<Body>| {
            let newest = entered.borrow().clone();
            async move {
                let (newest, _) = newest.ok_or_else(|| refused(StraightError::NotEntered))?;
                newest.send(request).await
            }
        });
        let namespace = self.bootstrap.default_namespace.as_str();
        Some(Works {
            hub: Client::new(by_the_newest, namespace),
            identity,
            incarnation: None,
        })
    }
}

/// A client that does not wait for answers for ever.
async fn client(config: Config) -> Result<Client, StraightError> {
    let namespace = config.default_namespace.clone();
    // The kubeconfig may have a program that is run for a token.
    let made = spawn_blocking(|| Client::try_from(config)).await;
    let patient = made
        .map_err(|_| StraightError::Stopped)?
        .map_err(StraightError::Client)?;
    let in_time = service_fn(move |request: Request<Body>| {
        let patient = patient.clone();
        async move {
            let answer = timeout(ANSWER, patient.send(request)).await;
            answer.unwrap_or_else(|_| Err(refused(StraightError::NoAnswer)))
        }
    });
    Ok(Client::new(in_time, namespace))
}

fn refused(error: StraightError) -> kube::Error {
    kube::Error::Service(Box::new(error))
}

fn failed(error: StraightError) -> HubAccessError {
    HubAccessError(Box::new(error))
}

impl fmt::Debug for Straight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Straight").finish_non_exhaustive()
    }
}
