//! TLS connections of tests.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::pki::Identity;

/// A client that trusts these authorities and shows this certificate.
///
/// # Errors
/// The certificates cannot be used.
pub fn client(
    authorities: &str,
    identity: Option<&Identity>,
    alpn: &[u8],
) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authorities.as_bytes()) {
        roots.add(certificate?)?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let mut config = match identity {
        Some(identity) => {
            builder.with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())?
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![alpn.to_vec()];
    Ok(Arc::new(config))
}

/// A server with this certificate, which asks for none.
///
/// # Errors
/// The certificate cannot be used.
pub fn server(identity: &Identity, alpn: &[u8]) -> Result<TlsAcceptor> {
    server_of(identity, &[alpn])
}

/// The same, of several protocols.
///
/// # Errors
/// The certificate cannot be used.
pub fn server_of(identity: &Identity, alpn: &[&[u8]]) -> Result<TlsAcceptor> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(identity.chain.clone(), identity.key.clone_key())?;
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The handshake on a connection; the server's certificate must be for the
/// address.
///
/// # Errors
/// The handshake fails.
pub async fn connect(
    config: &Arc<ClientConfig>,
    tcp: TcpStream,
    address: SocketAddr,
) -> Result<TlsStream<TcpStream>> {
    tcp.set_nodelay(true)?;
    let name = ServerName::IpAddress(address.ip().into());
    Ok(TlsConnector::from(Arc::clone(config))
        .connect(name, tcp)
        .await?)
}
