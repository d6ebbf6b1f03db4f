//! The hub's API server as a process of its own, which a test can kill: on an
//! address of loopback, over TLS, HTTP/1.1 and HTTP/2, with its store in a folder.
//! Whoever comes without a token may do anything.

use std::convert::Infallible;
use std::fs::read_to_string;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use apiserver::tokens::{Keyring, ServiceAccountTokens};
use apiserver::{Answers, ApiServer, Config, InFlightLimits, Registry, User};
use http::Request;
use http::header::AUTHORIZATION;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use store::{Embedded, Options};
use tests::pki::Identity;
use tests::tls;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, folder, certificate, key] = arguments.as_slice() else {
        anyhow::bail!("usage: api-server ADDRESS FOLDER CERTIFICATE-FILE KEY-FILE");
    };
    let identity = Identity::from_pem(&read_to_string(certificate)?, &read_to_string(key)?)?;
    let tls = tls::server_of(&identity, &[b"h2", b"http/1.1"])?;
    let address: SocketAddr = address.parse()?;
    ensure!(address.ip().is_loopback(), "only an address of loopback");
    let store = Embedded::open(Path::new(folder), Options::default()).await?;
    let issuer = "https://kubernetes.default.svc";
    let (server, driver) = ApiServer::start(Config {
        store: Arc::new(store),
        registry: Arc::new(Registry::new(Arc::new(api::core().clone()))),
        service_accounts: Arc::new(ServiceAccountTokens::new(
            issuer,
            vec![issuer.to_owned()],
            Keyring::from_pem(&Keyring::generate_pem()?)?,
        )),
        tokens: Vec::new(),
        answers: Answers::default(),
        in_flight: InFlightLimits::default(),
        signer: None,
        root_ca: None,
        audit: None,
    })
    .await?;
    let mut tasks = JoinSet::new();
    tasks.spawn(driver.run());
    let listener = TcpListener::bind(address).await;
    let listener = listener.with_context(|| format!("cannot listen on {address}"))?;
    loop {
        let (connection, _) = listener.accept().await?;
        connection.set_nodelay(true)?;
        let (server, tls) = (server.clone(), tls.clone());
        tasks.spawn(async move {
            let Ok(connection) = tls.accept(connection).await else {
                return;
            };
            let service = service_fn(move |request| {
                let server = server.clone();
                async move { answer(&server, request).await }
            });
            // How a client's connection ends is its own affair.
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(connection), service)
                .await;
        });
    }
}

async fn answer(
    server: &ApiServer,
    mut request: Request<Incoming>,
) -> Result<http::Response<apiserver::Body>, Infallible> {
    if !request.headers().contains_key(AUTHORIZATION) {
        let admin = User::new("admin", [User::MASTERS.to_owned()]);
        request.extensions_mut().insert(admin);
    }
    Ok(server.handle(request).await)
}
