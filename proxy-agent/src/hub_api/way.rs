//! What an exchange with the hub's API goes over.

use std::sync::Arc;

use http::HeaderValue;
use proto::HubApiServer;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;
use tunnel::Stream;

use super::HubApiError;
use crate::{HubAccess, HubLogin};

/// A stream to the hub itself, or TLS on it, end to end with another server.
pub(super) type Way = Either<Stream, Box<TlsStream<Stream>>>;

/// Why the server at the end cannot be spoken to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The hub's word for it makes no sense.
    #[error("the hub names a server that none can be: {0}")]
    Name(#[from] InvalidDnsNameError),
    /// What the hub says verifies it is no certificate.
    #[error("the hub's API server cannot be verified: {0}")]
    Authority(#[source] rustls::Error),
    /// The handshake failed.
    #[error("no TLS with the hub's API server: {0}")]
    Handshake(#[from] std::io::Error),
}

impl TlsError {
    pub(super) fn late() -> Self {
        Self::Handshake(std::io::ErrorKind::TimedOut.into())
    }
}

/// Speaks TLS on a stream, with the certificate that the agent has.
pub(super) async fn secured(
    stream: Stream,
    server: &HubApiServer,
    access: &HubAccess,
) -> Result<Way, HubApiError> {
    let connect = async {
        let name = ServerName::try_from(server.server_name.clone())?;
        let connector = TlsConnector::from(Arc::new(config(server, access)?));
        Ok(connector.connect(name, stream).await?)
    };
    let secured = connect.await.map_err(HubApiError::Tls)?;
    Ok(Either::Right(Box::new(secured)))
}

/// What is shown of the agent in each request, beside its certificate.
pub(super) fn bearer(access: &HubAccess) -> Option<HeaderValue> {
    match &access.login {
        // Such a hub gives nobody a session by a token.
        HubLogin::Certificate | HubLogin::Token(_) => None,
        HubLogin::Bootstrap(token) => {
            let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose())).ok()?;
            value.set_sensitive(true);
            Some(value)
        }
    }
}

fn config(server: &HubApiServer, access: &HubAccess) -> Result<ClientConfig, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in &server.authorities {
        let authority = CertificateDer::from(authority.to_vec());
        roots.add(authority).map_err(TlsError::Authority)?;
    }
    let provider = access.tls.crypto_provider().clone();
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Authority)?
        .with_root_certificates(roots)
        .with_client_cert_resolver(access.tls.client_auth_cert_resolver.clone());
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
