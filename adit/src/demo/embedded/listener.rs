//! The loopback port of a cluster's API server.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use apiserver::ApiServer;
use apiserver::authentication::ClientCertificate;
use bytes::Bytes;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::ca::{Authority, ServerNames};
use crate::lifetime::Lifetime;

/// Connections at once; one more waits until another has ended.
const MAX_CONNECTIONS: usize = 1024;
const HANDSHAKE: Duration = Duration::from_secs(10);
const REQUEST_HEAD: Duration = Duration::from_secs(60);
/// Before the next try to accept, when a try has failed.
const PAUSE: Duration = Duration::from_millis(100);

/// TLS with a certificate of the authority; clients may show theirs, or not.
pub(super) fn tls(authority: &Authority, lifetime: Lifetime) -> anyhow::Result<TlsAcceptor> {
    let issued = authority.issue_server(&ServerNames::of_this_machine(None), lifetime)?;
    let certificate = CertificateDer::from_pem_slice(issued.certificate_pem.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(issued.expose_key().as_bytes())?;
    let mut clients = RootCertStore::empty();
    clients.add(authority.certificate().clone())?;
    let verifier = WebPkiClientVerifier::builder(Arc::new(clients))
        .allow_unauthenticated()
        .build()?;
    let mut config = ServerConfig::builder()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate], key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Serves every connection until it is dropped, and they with it.
pub(super) async fn accept(listener: TcpListener, tls: TlsAcceptor, server: ApiServer) {
    let mut connections = JoinSet::new();
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        while connections.try_join_next().is_some() {}
        let place = Arc::clone(&places).acquire_owned().await;
        match listener.accept().await {
            Ok((tcp, _)) => {
                let (tls, server) = (tls.clone(), server.clone());
                connections.spawn(async move {
                    let _place = place;
                    Box::pin(serve(tcp, tls, server)).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a cluster of the demo cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn serve(tcp: TcpStream, tls: TlsAcceptor, server: ApiServer) {
    let Ok(Ok(io)) = tokio::time::timeout(HANDSHAKE, tls.accept(tcp)).await else {
        return;
    };
    let chain = io.get_ref().1.peer_certificates();
    let certificate = chain.and_then(|chain| chain.first());
    let certificate = certificate.map(|leaf| ClientCertificate(Bytes::copy_from_slice(leaf)));
    let service = service_fn(move |mut request: Request<Incoming>| {
        if let Some(certificate) = &certificate {
            request.extensions_mut().insert(certificate.clone());
        }
        let server = server.clone();
        async move { Ok::<_, Infallible>(server.handle(request).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_HEAD);
    let connection = builder.serve_connection(TokioIo::new(io), service);
    if let Err(error) = connection.await {
        tracing::debug!(error, "a connection to a cluster of the demo has failed");
    }
}
