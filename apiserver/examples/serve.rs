//! A server of the core kinds and Open Cluster Management's on a loopback port,
//! in plain HTTP, to try clients on: whoever reaches it may do everything.
//!
//! ```text
//! cargo run -p apiserver --example serve -- 127.0.0.1:8001 /tmp/hub
//! kubectl --server http://127.0.0.1:8001 get namespaces
//! ```

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use apiserver::tokens::{Keyring, ServiceAccountTokens};
use apiserver::{Answers, ApiServer, Config, InFlightLimits, Registry, User};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use store::{Embedded, Options};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, folder] = arguments.as_slice() else {
        return Err("usage: serve ADDRESS FOLDER".into());
    };
    let listener = TcpListener::bind(address).await?;
    if !listener.local_addr()?.ip().is_loopback() {
        return Err("only a loopback address: whoever reaches it may do everything".into());
    }
    std::fs::create_dir_all(folder)?;
    let store = Embedded::open(Path::new(folder), Options::default()).await?;
    let issuer = "https://kubernetes.default.svc";
    let keyring = Keyring::from_pem(&Keyring::generate_pem()?)?;
    let (server, driver) = ApiServer::start(Config {
        store: Arc::new(store),
        registry: Arc::new(Registry::new(Arc::new(api::core().clone()))),
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
    })
    .await?;
    let mut tasks = JoinSet::new();
    tasks.spawn(driver.run());
    loop {
        let (connection, _) = listener.accept().await?;
        let server = server.clone();
        tasks.spawn(async move {
            let service = service_fn(|mut request: hyper::Request<hyper::body::Incoming>| {
                let masters = [User::MASTERS.to_owned()];
                request.extensions_mut().insert(User::new("admin", masters));
                let server = server.clone();
                async move { Ok::<_, std::convert::Infallible>(server.handle(request).await) }
            });
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(connection), service)
                .await;
        });
    }
}
