//! The hub's API server as a process of its own, which a test can kill: on an
//! address of loopback, over TLS, HTTP/1.1 and HTTP/2, with its store in a folder.
//! Whoever comes without a token may do anything.

use std::fs::read_to_string;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use tests::pki::Identity;
use tests::{api_server, tls};
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
    let (server, driver) = api_server::start(Path::new(folder), api::core().clone()).await?;
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
            Box::pin(api_server::serve(server, connection)).await;
        });
    }
}
