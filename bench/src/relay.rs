//! The control: what two processes with one encrypted link cost at least.
//!
//! `client -> entry => exit -> target`, where `=>` is a TLS connection of its
//! own for each connection, both ends with certificates, and the others are
//! plain. Nothing is multiplexed, nothing is decided.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use clap::ValueEnum;
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional_with_sizes};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::keys::SERVER;

/// One end of the control: a TLS link for each connection, and nothing else
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Which end this is
    #[arg(value_enum)]
    end: End,

    /// Where connections come in: plain at the entry, TLS at the exit
    #[arg(long, value_name = "ADDR:PORT")]
    listen: SocketAddr,

    /// Where they go: TLS from the entry, plain from the exit
    #[arg(long, value_name = "ADDR:PORT")]
    to: SocketAddr,

    /// The folder with ca.crt, and the certificate and key of this end
    #[arg(long, value_name = "FOLDER")]
    keys: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum End {
    Entry,
    Exit,
}

/// An end, and what it needs for its encrypted side.
#[derive(Clone)]
enum Side {
    Entry(TlsConnector),
    Exit(TlsAcceptor),
}

/// What each direction holds at most.
const BUFFER: usize = 64 << 10;

/// Connections at once; more wait to be accepted.
const MAX_CONNECTIONS: usize = 16_384;

/// Serves until the process ends.
pub(crate) async fn run(args: Args) -> Result<()> {
    let listener = TcpListener::bind(args.listen).await?;
    let side = match args.end {
        End::Entry => Side::Entry(connector(&args.keys)?),
        End::Exit => Side::Exit(acceptor(&args.keys)?),
    };
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        while connections.try_join_next().is_some() {}
        if connections.len() == MAX_CONNECTIONS {
            connections.join_next().await;
        }
        let side = side.clone();
        connections.spawn(async move {
            // A connection that fails ends at both its ends, which is all that
            // those who measure need to know.
            let _ = carry(stream, args.to, side).await;
        });
    }
}

async fn carry(stream: TcpStream, to: SocketAddr, side: Side) -> Result<()> {
    stream.set_nodelay(true)?;
    match side {
        Side::Entry(connector) => {
            let name = ServerName::try_from(SERVER)?;
            let far = Box::pin(connector.connect(name, dial(to).await?)).await?;
            join(stream, far).await
        }
        Side::Exit(acceptor) => {
            let near = Box::pin(acceptor.accept(stream)).await?;
            join(near, dial(to).await?).await
        }
    }
}

async fn dial(to: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn join<A, B>(mut near: A, mut far: B) -> Result<()>
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    copy_bidirectional_with_sizes(&mut near, &mut far, BUFFER, BUFFER).await?;
    Ok(())
}

fn connector(keys: &Path) -> Result<TlsConnector> {
    let (roots, chain, key) = material(keys, "client")?;
    let config = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)?;
    Ok(Arc::new(config).into())
}

fn acceptor(keys: &Path) -> Result<TlsAcceptor> {
    let (roots, chain, key) = material(keys, "server")?;
    let clients = WebPkiClientVerifier::builder(Arc::new(roots)).build()?;
    let config = ServerConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)?;
    Ok(Arc::new(config).into())
}

type Material = (
    RootCertStore,
    Vec<CertificateDer<'static>>,
    PrivateKeyDer<'static>,
);

fn material(keys: &Path, name: &str) -> Result<Material> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(keys.join("ca.crt"))?)?;
    let chain = CertificateDer::pem_file_iter(keys.join(format!("{name}.crt")))?;
    Ok((
        roots,
        chain.collect::<Result<_, _>>()?,
        PrivateKeyDer::from_pem_file(keys.join(format!("{name}.key")))?,
    ))
}
