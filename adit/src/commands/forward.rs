//! `adit forward`: a local port for a target in a cluster.

use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use gateway::DialTarget;
use proto::ClusterName;
use proxy_agent::HubAddress;
use secrecy::SecretString;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, copy_bidirectional_with_sizes};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::connect_client::ConnectClient;
use crate::data_dir::{self, DataDir};
use crate::https_client::HttpsClient;
use crate::kubeconfig::{HubAccess, Login};
use crate::local::{LocalAddress, LocalListener, LocalStream};
use crate::tcp::{self, ResetOnDrop};
use crate::{output, shutdown};

/// Reach a host and port in a cluster by a local port
///
/// Listens on a local address; each connection to it is taken to HOST:PORT as
/// the cluster's agent sees it, with your rights at the hub: a role there and
/// the agent's own list of targets both have to allow it. Ctrl-C ends it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The cluster's name
    cluster: ClusterName,

    /// The host and port in the cluster; NAME.NAMESPACE.svc is a Service
    #[arg(value_name = "HOST:PORT")]
    target: DialTarget,

    /// Where to listen: PORT, ADDR:PORT or unix:/PATH, on this machine alone
    ///
    /// Default: the same port of 127.0.0.1, or a free one if that is taken.
    #[arg(value_name = "LOCAL", value_parser = local)]
    local: Option<LocalAddress>,

    /// A kubeconfig for the hub or a cluster behind it
    ///
    /// Default: the hub's in --data-dir, else $KUBECONFIG, else ~/.kube/config.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// The kubeconfig's context whose server and login are used; default: the current one
    #[arg(long, value_name = "NAME")]
    context: Option<String>,

    /// The hub's data directory, on the hub's machine
    #[arg(long, env = "ADIT_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// Reach the hub at this address instead of the kubeconfig's
    #[arg(long, value_name = "HOST:PORT")]
    server: Option<HubAddress>,

    /// Use the token in this file instead of the kubeconfig's login
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// Trust the authority in this file instead of the kubeconfig's
    ///
    /// With --server and --token-file no kubeconfig is needed.
    #[arg(long, value_name = "FILE")]
    certificate_authority: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  adit forward edge-7 db.example.org:5432
  adit forward edge-7 web.shop.svc:80 8080 --kubeconfig alice.kubeconfig
  adit forward edge-7 10.0.0.7:22 unix:/run/user/1000/edge-7-ssh --data-dir /var/lib/adit";

/// Connections at once; one too many is closed.
const MAX_CONNECTIONS: usize = 1024;
/// Bytes that may wait in each direction of a connection.
const BUFFER: usize = 64 * 1024;

/// Where `kubectl` looks if nobody says.
const DEFAULT_KUBECONFIG: &str = ".kube/config";

pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let https = HttpsClient::new(&access(&args)?)?;
    let listener = listen(args.local, args.target.port()).await?;
    let Args {
        cluster, target, ..
    } = args;
    let local = listener.address()?;
    output::write(&format!("{local} leads to {target} in {cluster}\n"))?;
    let client = Arc::new(ConnectClient {
        https,
        cluster,
        target,
    });
    shutdown::run(async |stop| serve(listener, client, stop).await).await?;
    Ok(())
}

/// The way to the hub: a kubeconfig's, changed by what else was said.
fn access(args: &Args) -> anyhow::Result<HubAccess> {
    let server = args
        .server
        .as_ref()
        .map(|address| format!("https://{address}"));
    let authority = args.certificate_authority.as_deref().map(data_dir::read);
    let authority = authority.transpose()?;
    let token = args.token_file.as_deref().map(data_dir::read).transpose()?;
    let login = token.map(|token| Login::Token(SecretString::from(token.trim())));
    match (&args.kubeconfig, server, authority, login) {
        (None, Some(server), Some(authority_pem), Some(login)) => Ok(HubAccess {
            server,
            authority_pem,
            user: String::new(),
            login,
        }),
        (_, server, authority, login) => {
            let access = kubeconfig(args)?;
            Ok(HubAccess {
                server: server.unwrap_or(access.server),
                authority_pem: authority.unwrap_or(access.authority_pem),
                user: access.user,
                login: login.unwrap_or(access.login),
            })
        }
    }
}

fn kubeconfig(args: &Args) -> anyhow::Result<HubAccess> {
    let path = match (&args.kubeconfig, &args.data_dir) {
        (Some(path), _) => path.clone(),
        (None, Some(root)) => DataDir::open(root)?.admin_kubeconfig(),
        (None, None) => default_kubeconfig()?,
    };
    let text = data_dir::read(&path)?;
    HubAccess::parse_context(&text, args.context.as_deref())
        .with_context(|| format!("cannot use {}", path.display()))
}

/// What kubectl would use; of several files it would merge, none is chosen.
fn default_kubeconfig() -> anyhow::Result<PathBuf> {
    let named = std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty());
    if let Some(named) = named {
        let paths: Vec<PathBuf> = std::env::split_paths(&named).collect();
        return match <[PathBuf; 1]>::try_from(paths) {
            Ok([path]) => Ok(path),
            Err(_) => anyhow::bail!("$KUBECONFIG names several files; name one by --kubeconfig"),
        };
    }
    let home = std::env::home_dir().context("--kubeconfig or --data-dir is needed")?;
    Ok(home.join(DEFAULT_KUBECONFIG))
}

/// Binds what was asked for, or else the target's port, or else a free one.
async fn listen(local: Option<LocalAddress>, port: u16) -> anyhow::Result<LocalListener> {
    if let Some(local) = local {
        let bound = LocalListener::bind(&local).await;
        return bound.with_context(|| format!("cannot listen on {local}; is it taken?"));
    }
    match LocalListener::bind(&loopback(port)).await {
        Ok(listener) => Ok(listener),
        Err(error) => {
            tracing::debug!(%error, port, "the target's port is not to be had here");
            let bound = LocalListener::bind(&loopback(0)).await;
            bound.context("cannot listen on any port")
        }
    }
}

fn loopback(port: u16) -> LocalAddress {
    LocalAddress::Tcp((Ipv4Addr::LOCALHOST, port).into())
}

fn local(text: &str) -> Result<LocalAddress, crate::local::LocalAddressError> {
    match text.parse() {
        Ok(port) => Ok(loopback(port)),
        Err(_) => text.parse(),
    }
}

/// Serves connections until told to stop, which cuts them off.
async fn serve(listener: LocalListener, client: Arc<ConnectClient>, stop: CancellationToken) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Some(_ended) = tasks.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok(stream) if tasks.len() < MAX_CONNECTIONS => {
                    tasks.spawn(connection(stream, Arc::clone(&client)));
                }
                Ok(_) => eprintln!("{MAX_CONNECTIONS} connections are open; one more was closed"),
                Err(error) => {
                    eprintln!("cannot accept a connection: {error}");
                    tokio::time::sleep(tcp::PAUSE).await;
                }
            },
        }
    }
}

async fn connection(stream: LocalStream, client: Arc<ConnectClient>) {
    let ended = match stream {
        LocalStream::Tcp(socket) => {
            let mut local = ResetOnDrop::new(socket);
            let ended = Box::pin(forward(local.socket(), &client)).await;
            if ended.is_ok() {
                local.keep();
            }
            ended
        }
        LocalStream::Unix(mut socket) => Box::pin(forward(&mut socket, &client)).await,
    };
    if let Err(error) = ended {
        let ConnectClient {
            cluster, target, ..
        } = &*client;
        eprintln!("{target} in {cluster}: {error:#}");
    }
}

async fn forward(
    local: &mut (impl AsyncRead + AsyncWrite + Unpin),
    client: &ConnectClient,
) -> anyhow::Result<()> {
    let mut connected = client.open().await?;
    local.write_all(&connected.front).await.context(HERE)?;
    let copied = copy_bidirectional_with_sizes(local, &mut connected.stream, BUFFER, BUFFER).await;
    copied.map(drop).map_err(cut)
}

const HERE: &str = "the local connection broke";

/// Which side broke is not to be told from the error alone, but for one.
fn cut(error: io::Error) -> anyhow::Error {
    let why = if error.kind() == io::ErrorKind::UnexpectedEof {
        "the target, or the way to it, broke the connection off"
    } else {
        "the connection broke"
    };
    anyhow::Error::new(error).context(why)
}
