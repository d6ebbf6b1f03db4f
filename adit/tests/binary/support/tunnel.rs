//! Agents of the tunnel within the test, of which it asks what no command does.

use std::path::Path;
use std::sync::Arc;

use proto::Credential;
use proxy_agent::{
    Agent, AgentConfig, AgentLimits, AgentStatus, AgentView, CarrierChoice, CurrentToken, HubLogin,
    ImpersonationPolicy, LiveTargets, ProxyConfig,
};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{GENEROUS, Identity, TestHub};

/// One that runs until it is dropped.
pub(crate) struct TunnelAgent {
    pub(crate) api: kube::Client,
    pub(crate) view: AgentView,
    status: watch::Receiver<AgentStatus>,
    _running: JoinSet<()>,
}

impl TunnelAgent {
    /// With a file that `adit credentials` wrote.
    pub(crate) fn with_credentials(hub: &TestHub, credentials: &Path) -> Self {
        let Identity::Certificate { certificate, key } = Identity::of_credentials(credentials)
        else {
            panic!("they are a certificate");
        };
        Self::with_certificate(hub, &certificate, &key)
    }

    /// With a certificate and its key, PEM.
    pub(crate) fn with_certificate(hub: &TestHub, certificate: &str, key: &str) -> Self {
        let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let tls = trusting(hub).with_client_auth_cert(chain, key).unwrap();
        Self::start(hub, tls, HubLogin::Certificate)
    }

    /// With a token to join with.
    pub(crate) fn with_token(hub: &TestHub, token: &str) -> Self {
        let login = HubLogin::Bootstrap(Credential::new(token).unwrap());
        Self::start(hub, trusting(hub).with_no_client_auth(), login)
    }

    /// With a token of its own, as agents have it that registered by token.
    pub(crate) fn with_session_token(hub: &TestHub, token: &str) -> Self {
        let token = CurrentToken::new(Credential::new(token).unwrap());
        let tls = trusting(hub).with_no_client_auth();
        Self::start(hub, tls, HubLogin::Token(token))
    }

    fn start(hub: &TestHub, tls: ClientConfig, login: HubLogin) -> Self {
        let agent = Agent::new(AgentConfig {
            hubs: vec![hub.address().to_string().parse().unwrap()],
            tls: Arc::new(tls),
            carrier: CarrierChoice::H2,
            proxy: ProxyConfig::Direct,
            server_name: ServerName::try_from("adit-hub").unwrap(),
            login,
            agent_version: "test".to_owned(),
            api: None,
            targets: LiveTargets::default(),
            impersonation: ImpersonationPolicy::default(),
            limits: AgentLimits::default(),
        });
        let (api, view, status) = (agent.hub_api().client(), agent.view(), agent.status());
        let mut running = JoinSet::new();
        running.spawn(async move {
            Box::pin(agent.run(CancellationToken::new())).await.unwrap();
        });
        Self {
            api,
            view,
            status,
            _running: running,
        }
    }

    /// Waits until the hub refuses it; why.
    pub(crate) async fn refused(&mut self) -> String {
        let refused =
            |status: &AgentStatus| matches!(status, AgentStatus::Waiting { refused: true, .. });
        let status = timeout(GENEROUS, self.status.wait_for(refused)).await;
        let status = status.expect("the hub refuses it").unwrap();
        let AgentStatus::Waiting { error, .. } = &*status else {
            panic!("{:?}", *status);
        };
        error.clone()
    }

    /// Asks with further headers; the answer's code and body.
    pub(crate) async fn asks(&self, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let mut request = http::Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.sends(request.body(kube::client::Body::empty()).unwrap())
            .await
    }

    /// Posts an object; the answer's code and body.
    pub(crate) async fn posts(&self, path: &str, object: &serde_json::Value) -> (u16, String) {
        self.posts_as(path, "application/json", &object.to_string())
            .await
    }

    /// Posts a text of some content type; the answer's code and body.
    pub(crate) async fn posts_as(&self, path: &str, kind: &str, body: &str) -> (u16, String) {
        let request = http::Request::post(path).header("content-type", kind);
        let body = kube::client::Body::from(body.as_bytes().to_vec());
        self.sends(request.body(body).unwrap()).await
    }

    /// Sends a request; the answer's code and body.
    pub(crate) async fn sends(&self, request: http::Request<kube::client::Body>) -> (u16, String) {
        let response = self.api.send(request).await.unwrap();
        let code = response.status().as_u16();
        let body = response.into_body().collect_bytes().await.unwrap();
        (code, String::from_utf8(body.to_vec()).unwrap())
    }
}

fn trusting(hub: &TestHub) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    let pem = std::fs::read(hub.data().join("ca.crt")).unwrap();
    for authority in CertificateDer::pem_slice_iter(&pem) {
        roots.add(authority.unwrap()).unwrap();
    }
    ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
}
