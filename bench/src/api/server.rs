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
use crate::{programs, usage};

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Kind {
    AditHub,
    KubeApiserver,
}

/// A server that is ready, with a store of its own that was empty.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) access: Access,
    /// From the start of its processes until it was ready.
    pub(crate) started: Duration,
    /// The revisions of the leases that are renewed, by number.
    pub(crate) leases: Vec<String>,
    processes: Vec<Process>,
    folder: PathBuf,
    /// The folder of what it keeps.
    pub(crate) store: PathBuf,
    /// An administrator's way to it, for programs.
    pub(crate) kubeconfig: PathBuf,
}

/// The namespaces that are used.
pub(crate) const NAMESPACES: [&str; 4] = ["creates", "leases", "objects", "watched"];

/// How long a start may take, on a machine that does other things too.
const STARTING: Duration = Duration::from_secs(120);
const BETWEEN_PROBES: Duration = Duration::from_millis(5);

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::KubeApiserver, Self::AditHub];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AditHub => "adit_hub",
            Self::KubeApiserver => "kube_apiserver",
        }
    }
}

impl Server {
    /// Starts one, with a folder of its own below `data`.
    pub(crate) async fn start(kind: Kind, data: &Path) -> Result<Self> {
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
        let first = start_hub(&data, address)?;
        let made = async || once(data.join("admin.kubeconfig").exists());
        first.until("the hub's authority", STARTING, made).await?;
        let access = Access::new(address, Keys::of_hub(&data)?.folder())?;
        ready(&access, &first).await?;
        drop(first);
        let store = data.join("store");
        fs::remove_dir_all(&store)?;
        let begun = Instant::now();
        let processes = vec![start_hub(&data, address)?];
        ready(&access, &processes[0]).await?;
        Ok(Self {
            kind: Kind::AditHub,
            access,
            started: begun.elapsed(),
            leases: Vec::new(),
            processes,
            folder,
            store,
            kubeconfig: data.join("admin.kubeconfig"),
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
            kubeconfig: kubeconfig(&folder, address, keys)?,
            folder,
        })
    }

    /// Makes the namespaces.
    pub(crate) async fn prepare(&self) -> Result<()> {
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

    /// The data folder of a hub.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Kills a hub (-9) and starts it again; how long until it was ready.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) async fn restart(&mut self) -> Result<Duration> {
        self.processes.clear();
        let begun = Instant::now();
        let hub = start_hub(&self.data(), self.access.address())?;
        ready(&self.access, &hub).await?;
        self.processes.push(hub);
        Ok(begun.elapsed())
    }

    /// Processor time of all its processes so far.
    pub(crate) fn processor_time(&self) -> Duration {
        let seconds = self
            .processes
            .iter()
            .map(|process| usage::cpu_seconds(process.pid()).unwrap_or_default());
        Duration::from_secs_f64(seconds.sum())
    }

    /// Resident memory of all its processes, in bytes.
    pub(crate) fn resident(&self) -> f64 {
        let all = self.processes.iter().map(Process::resident);
        float(all.sum())
    }

    /// What its store takes on disk, in bytes.
    pub(crate) fn disk(&self) -> f64 {
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

/// Starts `adit hub`.
fn start_hub(data: &Path, address: SocketAddr) -> Result<Process> {
    let mut command = Command::new(programs::adit()?);
    command.args(["hub", "--log", "warn", "--data-dir"]);
    command.arg(data);
    for flag in ["--listen", "--advertise"] {
        command.args([flag, &address.to_string()]);
    }
    Process::start("adit-hub", command)
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

/// Writes the administrator's kubeconfig.
fn kubeconfig(folder: &Path, address: SocketAddr, keys: &Path) -> Result<PathBuf> {
    let file = |name: &str| keys.join(name);
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "bench", "cluster": {
            "server": format!("https://{address}"),
            "certificate-authority": file("ca.crt"),
        }}],
        "users": [{"name": "bench", "user": {
            "client-certificate": file("client.crt"),
            "client-key": file("client.key"),
        }}],
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
        "current-context": "bench",
    });
    let path = folder.join("kubeconfig");
    // Its reader takes YAML, which JSON is.
    fs::write(&path, kubeconfig.to_string())?;
    Ok(path)
}

/// One that nobody listens on now.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// What the files of a folder take on disk, in bytes.
pub(crate) fn allocated(folder: &Path) -> f64 {
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
