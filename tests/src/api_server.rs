//! The hub's own API server, without a hub around it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use apiserver::tokens::{Keyring, ServiceAccountTokens};
use apiserver::{Answers, ApiServer, Config, Driver, InFlightLimits, Registry, User};
use http::Request;
use http::header::AUTHORIZATION;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use store::{Embedded, Options};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::cluster;

/// A server of these kinds whose store is in `folder`.
///
/// # Errors
/// If the store cannot be opened.
pub async fn start(folder: &Path, kinds: api::Catalogue) -> Result<(ApiServer, Driver)> {
    let store = Embedded::open(folder, Options::default()).await?;
    let issuer = "https://kubernetes.default.svc";
    let keyring = Keyring::from_pem(&Keyring::generate_pem()?)?;
    let started = ApiServer::start(Config {
        store: Arc::new(store),
        registry: Arc::new(Registry::new(Arc::new(kinds))),
        service_accounts: Arc::new(ServiceAccountTokens::new(
            issuer,
            vec![issuer.to_owned()],
            keyring,
        )),
        tokens: Vec::new(),
        answers: Answers::default(),
        in_flight: InFlightLimits::default(),
        signer: None,
        audit: None,
        root_ca: None,
    });
    Ok(started.await?)
}

/// The same on a port of loopback without TLS, with its tasks.
///
/// # Errors
/// If the store cannot be opened or no port is free.
pub async fn listen(folder: &Path, kinds: api::Catalogue) -> Result<(SocketAddr, JoinSet<()>)> {
    let (server, driver) = start(folder, kinds).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let mut tasks = JoinSet::new();
    tasks.spawn(driver.run());
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((connection, _)) = listener.accept().await {
            connections.spawn(serve(server.clone(), connection));
        }
    });
    Ok((address, tasks))
}

/// Serves a connection to its end; whoever comes without a token may do anything.
pub async fn serve(
    server: ApiServer,
    connection: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        if !request.headers().contains_key(AUTHORIZATION) {
            let masters = [User::MASTERS.to_owned()];
            let admin = User::new(cluster::User::ADMIN.name, masters);
            request.extensions_mut().insert(admin);
        }
        let server = server.clone();
        async move { Ok::<_, Infallible>(server.handle(request).await) }
    });
    // How a client's connection ends is its own affair.
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(connection), service)
        .await;
}
