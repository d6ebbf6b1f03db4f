//! The first contact with a hub: whether it is the right one, and lets the
//! cluster join.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use proto::Credential as Token;
use proxy_agent::{Agent, AgentStatus, HubAccess, HubAddress, HubApi, HubLogin};
use registration::agent::{Driver, HubEndpoint};
use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::ca::HUB_NAME;
use crate::ca_pin::{CaPin, PinnedAuthority};
use crate::commands::serve::Serving;
use crate::published;

/// By what a hub is known that has not been seen yet.
#[derive(Clone, Debug)]
pub(crate) enum Trust {
    /// The certificates of its authorities, PEM.
    Authorities(String),
    /// The hashes of its authorities' certificates.
    Pins(Vec<CaPin>),
}

/// How a hub is contacted.
#[derive(Clone, Debug)]
pub(crate) struct Contact {
    pub(crate) hub: HubAddress,
    pub(crate) trust: Trust,
    pub(crate) token: Token,
    /// How the agent is to register.
    pub(crate) driver: Driver,
}

/// How long a hub is tried.
const LIMIT: Duration = Duration::from_secs(60);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(200);
/// What the endpoint's cluster is called in kubeconfigs.
const CLUSTER: &str = "hub";

/// Finds the hub, trusts it, and has it accept the token; tells how it is
/// reached from now on, with all authorities that it has.
pub(crate) async fn first_contact(
    contact: &Contact,
    serving: &Serving,
) -> anyhow::Result<HubEndpoint> {
    let provider = CryptoProvider::get_default().context("no cryptography provider")?;
    let pins = match &contact.trust {
        Trust::Pins(pins) => pins.clone(),
        Trust::Authorities(pem) => {
            let authorities = CertificateDer::pem_slice_iter(pem.as_bytes());
            let authorities = authorities.map(|of| of.map(|of| CaPin::of(&of)));
            let pins: Result<Vec<_>, _> = authorities.collect();
            pins.context("--ca-file is no PEM file of certificates")?
        }
    };
    let pinned = Arc::new(PinnedAuthority::new(pins, provider.clone()));
    let tls = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .dangerous()
        .with_custom_certificate_verifier(pinned.clone())
        .with_no_client_auth();
    let agent = Agent::new(serving.towards_hub().for_hub(HubAccess {
        hubs: vec![contact.hub.clone()],
        tls: Arc::new(tls),
        server_name: ServerName::try_from(HUB_NAME)?,
        login: HubLogin::Bootstrap(contact.token.clone()),
    }));
    let (status, hub_api) = (agent.status(), agent.hub_api());
    let asked = tokio::select! {
        asked = timeout(LIMIT, Box::pin(ask(&hub_api, status.clone(), contact.driver))) => asked,
        ended = Box::pin(agent.run(CancellationToken::new())) => {
            ended?;
            anyhow::bail!("the connection to the hub has ended")
        }
    };
    let authorities = match asked {
        Ok(authorities) => authorities?,
        Err(_) => anyhow::bail!(
            "the hub {} is not reached within {} s: {}",
            contact.hub,
            LIMIT.as_secs(),
            told(&status)
        ),
    };
    // Behind a connection that was trusted by its pin.
    anyhow::ensure!(pinned.found().is_some(), "the hub was not trusted");
    Ok(HubEndpoint {
        cluster: CLUSTER.to_owned(),
        server: format!("https://{}", contact.hub),
        certificate_authority: Some(authorities),
        proxy_url: None,
        tls_server_name: Some(HUB_NAME.to_owned()),
    })
}

/// The hub's authorities, as it tells everybody that it lets in.
async fn ask(
    hub_api: &HubApi,
    mut status: watch::Receiver<AgentStatus>,
    driver: Driver,
) -> anyhow::Result<String> {
    tokio::select! {
        () = hub_api.connected() => {}
        why = refused(&mut status) => anyhow::bail!("the hub lets nobody join with this: {why}"),
    }
    // In a Kubernetes cluster the usual map tells that cluster's own.
    let name = match hub_api.server() {
        None => "kube-root-ca.crt",
        // The agent speaks to its kube-apiserver as whom that knows.
        Some(_) if driver == Driver::Token => anyhow::bail!(
            "the hub is a Kubernetes cluster, which takes no token that is for sessions alone: \
             join without --registration-auth token"
        ),
        Some(_) => published::NAME,
    };
    let maps: Api<ConfigMap> = Api::namespaced(hub_api.client(), published::NAMESPACE);
    loop {
        let got = tokio::select! {
            got = maps.get(name) => got,
            why = refused(&mut status) => anyhow::bail!("the hub lets nobody join with this: {why}"),
        };
        match got {
            Ok(map) => {
                let authorities = map.data.and_then(|mut data| data.remove("ca.crt"));
                return authorities.context("the hub does not tell its authorities");
            }
            Err(kube::Error::Api(status)) => {
                return Err(kube::Error::Api(status))
                    .context("the hub does not tell its authorities");
            }
            // Refused or lost; the agent tries again, and the status says which.
            Err(error) => {
                tracing::debug!(%error, "no answer from the hub yet");
                sleep(PAUSE).await;
            }
        }
    }
}

/// Waits until the hub says that it does not want this agent.
async fn refused(status: &mut watch::Receiver<AgentStatus>) -> String {
    let refused =
        |status: &AgentStatus| matches!(status, AgentStatus::Waiting { refused: true, .. });
    let now = status.wait_for(refused).await.map(|now| now.clone());
    match now {
        Ok(AgentStatus::Waiting { error, .. }) => error,
        Ok(_) | Err(_) => std::future::pending().await,
    }
}

fn told(status: &watch::Receiver<AgentStatus>) -> String {
    match &*status.borrow() {
        AgentStatus::Waiting { error, .. } => error.clone(),
        AgentStatus::Connected { .. } | AgentStatus::Connecting | AgentStatus::Stopped | _ => {
            "it does not answer".to_owned()
        }
    }
}
