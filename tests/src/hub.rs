//! `adit hub` and `adit agent` of one tunnel.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use rustix::process::Signal;
use tokio::time::Instant;

use crate::command::{self, Output};
use crate::https::{Answer, Client};
use crate::kubectl::{Call, Kubectl};
use crate::namespace::Namespace;
use crate::needs::Needs;
use crate::process::Process;
use crate::scratch;
use crate::tls;
use crate::wait::{GENEROUS, once};

/// A hub's data folder and the process that serves it, which can be ended and
/// started again.
#[derive(Debug)]
pub struct Hub {
    adit: PathBuf,
    network: Namespace,
    address: SocketAddr,
    data: PathBuf,
    /// Further arguments of its process.
    args: Vec<String>,
    process: Option<Process>,
}

/// The name that every test's cluster has at its hub.
pub const CLUSTER_NAME: &str = "edge";

/// The context of the administrator's kubeconfig.
const ADMIN_CONTEXT: &str = "hub";

const PORT: u16 = 8443;
/// Where a hub takes CONNECT and nothing else.
const CONNECT_PORT: u16 = 3128;

/// Who may reach clusters besides administrators; what they may do there is the
/// clusters' own affair.
const ROLES: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reach-clusters}
rules:
- {apiGroups: [cluster.core.oam.dev], resources: [clustergateways/proxy], verbs: ["*"]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: reach-clusters}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reach-clusters}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: Group, name: developers}
- {apiGroup: rbac.authorization.k8s.io, kind: Group, name: guests}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: scrape}
rules:
- apiGroups: [cluster.core.oam.dev]
  resources: [clustergateways/proxy-service]
  verbs: [create, get]
  resourceNames: [spoke-a, spoke-b]
- apiGroups: [cluster.core.oam.dev]
  resources: [clustergateways/connect]
  verbs: [create]
  resourceNames: ["spoke-a:kubernetes.default.svc:443", "spoke-b:kubernetes.default.svc:443"]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: scrape}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: scrape}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: Group, name: scrapers}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: dial}
rules:
- {apiGroups: [cluster.core.oam.dev], resources: [clustergateways/connect], verbs: [create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: dial}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: dial}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: Group, name: dialers}
"#;

impl Hub {
    /// Starts one at this address of the namespace; at an IPv6 address it
    /// listens for IPv4 as well.
    ///
    /// # Errors
    /// It ends, or is not ready in time.
    pub async fn start(needs: &Needs, namespace: &Namespace, address: IpAddr) -> Result<Self> {
        let data = scratch::fresh_folder("hub")?;
        let mut this = Self {
            adit: needs.adit.clone(),
            network: namespace.clone(),
            address: SocketAddr::from((address, PORT)),
            data,
            args: Vec::new(),
            process: None,
        };
        this.restart().await?;
        let kubectl = this.kubectl(needs)?;
        let call = Call::new(&["apply", "-f", "-"]).stdin(ROLES);
        let applied = kubectl.call(&call).await?;
        ensure!(
            applied.code == 0,
            "the hub takes no roles: {}",
            applied.stderr
        );
        Ok(this)
    }

    /// Starts one whose objects are in a Kubernetes cluster, which finds it by
    /// this Service. The roles are those of the cluster.
    ///
    /// # Errors
    /// It ends, or is not ready in time.
    pub async fn on_kubernetes(
        needs: &Needs,
        namespace: &Namespace,
        address: IpAddr,
        kubeconfig: &Path,
        service: &str,
    ) -> Result<Self> {
        let kubeconfig = kubeconfig.to_string_lossy().into_owned();
        let args = ["--kubeconfig", &kubeconfig, "--service", service];
        let mut this = Self {
            adit: needs.adit.clone(),
            network: namespace.clone(),
            address: SocketAddr::from((address, PORT)),
            data: scratch::fresh_folder("hub")?,
            args: args.map(str::to_owned).to_vec(),
            process: None,
        };
        this.restart().await?;
        Ok(this)
    }

    /// kubectl for the hub's own API, as its administrator.
    ///
    /// # Errors
    /// It gets no folder of its own.
    pub fn kubectl(&self, needs: &Needs) -> Result<Kubectl> {
        let kubeconfig = self.data.join("admin.kubeconfig");
        Kubectl::new(needs, &self.network, kubeconfig, ADMIN_CONTEXT)
    }

    /// Starts it again on the same data.
    ///
    /// # Errors
    /// It ends, or is not ready in time.
    pub async fn restart(&mut self) -> Result<()> {
        self.process = None;
        let begun = Instant::now();
        let anywhere = match self.address {
            SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let listen = SocketAddr::from((anywhere, PORT)).to_string();
        let mut command = self.command(&["hub", "--listen", &listen]);
        command
            .args(["--connect-listen", &self.connect_address().to_string()])
            .args(["--advertise", &self.address.to_string()])
            .args(&self.args)
            .arg("--data-dir")
            .arg(&self.data);
        let process = Process::start("hub", command)?;
        let ready = async || once(self.health().await.ok()?.status == 200);
        process.until("a ready hub", GENEROUS, ready).await?;
        eprintln!("hub: ready after {:?}", begun.elapsed());
        self.process = Some(process);
        Ok(())
    }

    /// Its process.
    ///
    /// # Panics
    /// It was ended and not started again.
    pub fn process(&self) -> &Process {
        self.process.as_ref().expect("the hub runs")
    }

    /// Where it runs, and its clients.
    pub fn network(&self) -> &Namespace {
        &self.network
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it takes CONNECT and nothing else.
    pub fn connect_address(&self) -> SocketAddr {
        SocketAddr::from((self.address.ip(), CONNECT_PORT))
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Runs a command of the product beside the hub, with its data folder.
    ///
    /// # Errors
    /// It cannot be run.
    pub async fn adit(&self, args: &[&str]) -> Result<Output> {
        let mut command = self.command(args);
        command.arg("--data-dir").arg(&self.data);
        command::run(command, Vec::new(), GENEROUS).await
    }

    /// Issues credentials for an agent and returns their file.
    ///
    /// # Errors
    /// The command fails.
    pub async fn credentials(&self, cluster: &str, agent: &str) -> Result<PathBuf> {
        let file = self.data.join(format!("{cluster}-{agent}.credentials"));
        let path = file.to_string_lossy();
        let issued = self
            .adit(&["credentials", cluster, "--agent", agent, "--output", &path])
            .await?;
        ensure!(issued.code == 0, "no credentials: {}", issued.stderr);
        Ok(file)
    }

    /// A kubeconfig of the hub; `args` say for whom and how.
    ///
    /// # Errors
    /// The command fails.
    pub async fn kubeconfig(&self, cluster: &str, args: &[&str]) -> Result<PathBuf> {
        let file = scratch::fresh_folder("kubeconfig")?.join("config");
        let path = file.to_string_lossy();
        let made = self
            .adit(&[&["kubeconfig", cluster, "--output", &path], args].concat())
            .await?;
        ensure!(made.code == 0, "no kubeconfig: {}", made.stderr);
        Ok(file)
    }

    async fn health(&self) -> Result<Answer> {
        let authority = fs::read_to_string(self.data.join("ca.crt"))?;
        let tls = tls::client(&authority, None, b"http/1.1")?;
        Client::new(&self.network, self.address, tls, None)
            .get("/readyz")
            .await
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.network.command(&self.adit);
        command.args(args);
        command
    }
}

/// An agent: where it runs, and the process, which can be ended and started
/// again.
#[derive(Debug)]
pub struct Agent {
    adit: PathBuf,
    network: Namespace,
    args: Vec<String>,
    environment: Vec<(String, String)>,
    process: Option<Process>,
}

/// Variables that would send an agent through a proxy of the machine's own.
const PROXY_VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

impl Agent {
    /// Starts one with these credentials and this kubeconfig; it may
    /// impersonate administrators of the cluster.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(
        needs: &Needs,
        namespace: &Namespace,
        credentials: &Path,
        kubeconfig: &Path,
        more: &[&str],
    ) -> Result<Self> {
        Self::start_with(needs, namespace, credentials, kubeconfig, more, &[])
    }

    /// The same, with these environment variables.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start_with(
        needs: &Needs,
        namespace: &Namespace,
        credentials: &Path,
        kubeconfig: &Path,
        more: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Self> {
        let mut args = vec!["agent".to_owned()];
        args.extend([
            "--credentials".to_owned(),
            credentials.to_string_lossy().into_owned(),
        ]);
        args.extend([
            "--kubeconfig".to_owned(),
            kubeconfig.to_string_lossy().into_owned(),
        ]);
        args.extend([
            "--allow-impersonate".to_owned(),
            "system:masters".to_owned(),
        ]);
        args.extend(more.iter().map(|&arg| arg.to_owned()));
        let mut this = Self {
            adit: needs.adit.clone(),
            network: namespace.clone(),
            args,
            environment: environment
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            process: None,
        };
        this.restart()?;
        Ok(this)
    }

    /// Starts it again.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn restart(&mut self) -> Result<()> {
        self.process = None;
        let mut command = self.network.command(&self.adit);
        command.args(&self.args);
        for name in PROXY_VARIABLES {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        self.process = Some(Process::start("agent", command)?);
        Ok(())
    }

    /// Its process.
    ///
    /// # Panics
    /// It was ended and not started again.
    pub fn process(&self) -> &Process {
        self.process.as_ref().expect("the agent runs")
    }
}

/// Asks a process to end as Ctrl-C does and waits for it.
///
/// # Errors
/// It does not end in time.
pub async fn interrupt(process: &Process) -> Result<std::process::ExitStatus> {
    process.signal(Signal::INT);
    process.end(GENEROUS).await
}
