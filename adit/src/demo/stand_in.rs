//! A stand-in for a cluster where there is none: not Kubernetes.
//!
//! It lists, gets, watches, creates and deletes namespaces and answers
//! discovery and version, enough for a first kubectl. It goes away when Adit
//! has an API server of its own.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use proto::ClusterName;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::SecretString;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::ca::{Authority, ServerNames, hex};
use crate::data_dir::{self, Secrecy};
use crate::kubeconfig::{HubAccess, Login};
use crate::lifetime::Lifetime;

mod api;
mod discovery;
mod namespaces;
mod protobuf;
mod query;
mod table;
mod watch;

use api::Api;

/// Connections at once; one more waits until another has ended.
const MAX_CONNECTIONS: usize = 1024;
const HANDSHAKE: Duration = Duration::from_secs(10);
const REQUEST_HEAD: Duration = Duration::from_secs(60);
const CERTIFICATE: Lifetime = Lifetime::from_days(30);

/// Starts a stand-in on a loopback port; returns an administrator's kubeconfig.
pub(super) async fn start(
    name: &ClusterName,
    folder: &Path,
    tasks: &mut JoinSet<anyhow::Result<()>>,
    stop: CancellationToken,
) -> anyhow::Result<PathBuf> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await;
    let listener = listener.context("cannot listen on loopback")?;
    let token = SecretString::from(hex(&rand::random::<[u8; 32]>()));
    let (authority, _) = Authority::create(&format!("adit demo stand-in {name}"))?;
    let tls = TlsAcceptor::from(Arc::new(tls_config(&authority)?));
    let access = HubAccess {
        server: format!("https://{}", listener.local_addr()?),
        authority_pem: authority.certificate_pem().to_owned(),
        user: "admin".to_owned(),
        login: Login::Token(token.clone()),
    };
    let kubeconfig = folder.join("admin.kubeconfig");
    data_dir::write(&kubeconfig, access.for_hub()?.as_bytes(), Secrecy::Private)
        .with_context(|| format!("cannot write {}", kubeconfig.display()))?;
    let api = Arc::new(Api::new(token));
    tasks.spawn(async move {
        // Dropped when told to stop, and every connection with it.
        stop.run_until_cancelled(accept(listener, tls, api)).await;
        Ok(())
    });
    Ok(kubeconfig)
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, api: Arc<Api>) {
    let mut connections = JoinSet::new();
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        while connections.try_join_next().is_some() {}
        let place = Arc::clone(&places).acquire_owned().await;
        match listener.accept().await {
            Ok((tcp, _)) => {
                let (tls, api) = (tls.clone(), api.clone());
                connections.spawn(async move {
                    let _place = place;
                    serve(tcp, tls, api).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the stand-in cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(tcp: TcpStream, tls: TlsAcceptor, api: Arc<Api>) {
    let Ok(Ok(io)) = tokio::time::timeout(HANDSHAKE, tls.accept(tcp)).await else {
        return;
    };
    let service = service_fn(move |request| {
        let api = api.clone();
        async move { Ok::<_, Infallible>(api.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_HEAD)
        .serve_connection(TokioIo::new(io), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection to the stand-in has ended with an error");
    }
}

fn tls_config(authority: &Authority) -> anyhow::Result<ServerConfig> {
    let issued = authority.issue_server(&ServerNames::of_this_machine(None), CERTIFICATE)?;
    let certificate = CertificateDer::from_pem_slice(issued.certificate_pem.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(issued.expose_key().as_bytes())?;
    Ok(ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?)
}
