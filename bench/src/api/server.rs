//! The servers that are compared.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use harness::process::Process;
use harness::wait::once;
use http::Method;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use super::client::{Access, Connection};
use crate::keys::Keys;
use crate::programs;

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum Kind {
    AditHub,
    KubeApiserver,
}

/// A server that is ready, with a store of its own that was empty.
pub(super) struct Server {
    pub(super) kind: Kind,
    pub(super) access: Access,
    /// From the start of its processes until it was ready.
    pub(super) started: Duration,
    /// The revisions of the leases that are renewed, by number.
    pub(super) leases: Vec<String>,
    processes: Vec<Process>,
    folder: PathBuf,
    /// The folder of what it keeps.
    pub(super) store: PathBuf,
}

/// The namespaces that are used.
pub(super) const NAMESPACES: [&str; 4] = ["creates", "leases", "objects", "watched"];

/// How long a start may take, on a machine that does other things too.
const STARTING: Duration = Duration::from_secs(120);
const BETWEEN_PROBES: Duration = Duration::from_millis(5);

impl Kind {
    pub(super) const ALL: [Self; 2] = [Self::KubeApiserver, Self::AditHub];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::AditHub => "adit_hub",
            Self::KubeApiserver => "kube_apiserver",
        }
    }
}

impl Server {
    /// Starts one, with a folder of its own below `data`.
    pub(super) async fn start(kind: Kind, data: &Path) -> Result<Self> {
        let folder = data.join(kind.name());
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let address = free_address()?;
        match kind {
            Kind::AditHub => Box::pin(Self::hub(folder, address)).await,
            Kind::KubeApiserver => Box::pin(Self::kubernetes(folder, address)).await,
        }
    }

    /// A hub makes its authority at its first start, which is not what is
    /// timed; its store is empty again at the second.
    async fn hub(folder: PathBuf, address: SocketAddr) -> Result<Self> {
        let data = folder.join("data");
        let command = || -> Result<Command> {
            let mut command = Command::new(programs::adit()?);
            command.args(["hub", "--log", "warn", "--data-dir"]);
            command.arg(&data);
            for flag in ["--listen", "--advertise"] {
                command.args([flag, &address.to_string()]);
            }
            Ok(command)
        };
        let first = Process::start("adit-hub", command()?)?;
        let made = async || once(data.join("admin.kubeconfig").exists());
        first.until("the hub's authority", STARTING, made).await?;
        let access = Access::new(address, Keys::of_hub(&data)?.folder())?;
        ready(&access, &first).await?;
        drop(first);
        let store = data.join("store");
        fs::remove_dir_all(&store)?;
        let begun = Instant::now();
        let processes = vec![Process::start("adit-hub", command()?)?];
        ready(&access, &processes[0]).await?;
        Ok(Self {
            kind: Kind::AditHub,
            access,
            started: begun.elapsed(),
            leases: Vec::new(),
            processes,
            folder,
            store,
        })
    }

    async fn kubernetes(folder: PathBuf, address: SocketAddr) -> Result<Self> {
        let peers = programs::peers()?;
        let keys = Keys::of_api_server()?;
        let keys = keys.folder();
        let access = Access::new(address, keys)?;
        let file = |name: &str| keys.join(name).display().to_string();
        let mut etcd = Command::new(peers.join("etcd"));
        etcd.args(ETCD).current_dir(&folder);
        let mut server = Command::new(peers.join("kube-apiserver"));
        server
            .args(API_SERVER)
            .args(["--client-ca-file", &file("ca.crt")])
            .args(["--tls-cert-file", &file("server.crt")])
            .args(["--tls-private-key-file", &file("server.key")])
            .args(["--service-account-key-file", &file("accounts.key")])
            .args(["--service-account-signing-key-file", &file("accounts.key")])
            .args(["--bind-address", &address.ip().to_string()])
            .args(["--advertise-address", &address.ip().to_string()])
            .args(["--secure-port", &address.port().to_string()])
            .current_dir(&folder);
        let begun = Instant::now();
        let processes = vec![
            Process::start("etcd", etcd)?,
            Process::start("kube-apiserver", server)?,
        ];
        ready(&access, &processes[1]).await?;
        Ok(Self {
            kind: Kind::KubeApiserver,
            access,
            started: begun.elapsed(),
            leases: Vec::new(),
            processes,
            store: folder.join("etcd"),
            folder,
        })
    }

    /// Makes the namespaces.
    pub(super) async fn prepare(&self) -> Result<()> {
        let mut connection = self.access.connect().await?;
        for name in NAMESPACES {
            let object = json!({
                "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name},
            });
            connection
                .write(
                    Method::POST,
                    "/api/v1/namespaces",
                    object.to_string().into(),
                )
                .await?;
        }
        Ok(())
    }

    /// Resident memory of all its processes, in bytes.
    pub(super) fn resident(&self) -> f64 {
        let all = self.processes.iter().map(Process::resident);
        float(all.sum())
    }

    /// What its store takes on disk, in bytes.
    pub(super) fn disk(&self) -> f64 {
        allocated(&self.store)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // First those who write there.
        self.processes.clear();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Waits until an administrator is served.
async fn ready(access: &Access, process: &Process) -> Result<()> {
    let probing = async {
        let mut connection: Option<Connection> = None;
        loop {
            if let Some(status) = process.ended() {
                anyhow::bail!("it has ended ({status}):\n{}", process.output());
            }
            match &mut connection {
                None => connection = access.connect().await.ok(),
                Some(open) => match serves(open).await {
                    Ok(true) => return Ok(()),
                    Ok(false) => {}
                    Err(_) => connection = None,
                },
            }
            sleep(BETWEEN_PROBES).await;
        }
    };
    timeout(STARTING, probing)
        .await
        .with_context(|| format!("it was not ready in {STARTING:?}:\n{}", process.output()))?
}

async fn serves(connection: &mut Connection) -> Result<bool> {
    for path in ["/readyz", "/api/v1/namespaces/default"] {
        if !connection.serves(path).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// One that nobody listens on now.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// What the files of a folder take on disk, in bytes.
pub(super) fn allocated(folder: &Path) -> f64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(of) if of.is_dir() => allocated(&entry.path()),
            Ok(of) => float(of.blocks() * 512),
            Err(_) => 0.0,
        })
        .sum()
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52 bytes")]
fn float(bytes: u64) -> f64 {
    bytes as f64
}

/// Without TLS between them, which is to etcd's advantage; its own defaults
/// otherwise, so that every write is synced.
const ETCD: [&str; 8] = [
    "--data-dir=etcd",
    "--log-level=warn",
    "--quota-backend-bytes=4294967296",
    "--listen-client-urls=unix://etcd-client.sock",
    "--advertise-client-urls=unix://etcd-client.sock",
    "--listen-peer-urls=unix://etcd-peer.sock",
    "--initial-advertise-peer-urls=unix://etcd-peer.sock",
    "--initial-cluster=default=unix://etcd-peer.sock",
];

const API_SERVER: [&str; 5] = [
    "--etcd-servers=unix://etcd-client.sock",
    "--endpoint-reconciler-type=none",
    "--service-cluster-ip-range=10.96.0.0/16",
    "--service-account-issuer=https://kubernetes.default.svc",
    "--authorization-mode=RBAC",
];
