//! A Kubernetes cluster of real programs in a namespace of its own.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::Instant;

use crate::kubectl::Kubectl;
use crate::namespace::Namespace;
use crate::needs::Needs;
use crate::process::Process;
use crate::scratch;
use crate::wait::once;

mod config;
mod flags;

pub use config::{ANONYMOUS, User};

/// etcd, kube-apiserver, kube-controller-manager and kwok with one node, whose
/// pods run what `exec` says in folders of this machine.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    server: Process,
    others: Vec<Process>,
}

/// Port of the API server.
pub const API_PORT: u16 = 6443;

/// The start of a whole control plane, while builds keep the machine busy.
const STARTING: Duration = Duration::from_secs(300);

/// The rights of [`User::ALICE`] are put together by a controller.
const MAY_CREATE: &str = "auth can-i create pods --as=someone --as-group=developers";

/// The controllers that make objects nobody asked for.
const LEFT_OUT: &str = "--controllers=-deployment-controller,-replicaset-controller,-root-ca-certificate-publisher-controller,-serviceaccount-token-controller";
/// Those of them that a cluster does without that runs no pods.
const OF_PODS: &str = "--controllers=-deployment-controller,-replicaset-controller";

/// Without nodes nobody takes a new one's taint away.
const UNTAINTED: &str = "--disable-admission-plugins=TaintNodesByCondition";

impl Cluster {
    /// Starts one, and waits until a pod can be made in the namespace
    /// `default`.
    ///
    /// # Errors
    /// A program ends or is not ready in five minutes.
    pub async fn start(needs: &Needs, namespace: &Namespace, address: Ipv4Addr) -> Result<Self> {
        let begun = Instant::now();
        let mut cluster = Self::control_plane(needs, namespace, address, &[]).await?;
        let folder = &cluster.folder;
        let launch = |program: &str, flags: &[&str]| {
            launch(needs, namespace, folder, program, flags, address)
        };
        let kubectl = Kubectl::new(needs, namespace, cluster.kubeconfig(), User::ADMIN.name)?;
        let mut others = Vec::new();

        let controllers = launch("kube-controller-manager", &[])?;
        let stages = needs.peers.join("kwok.yaml");
        let kwok = launch("kwok", &["--config", &stages.to_string_lossy()])?;
        others.push(launch("kwok-kubelet", &[])?);
        let objects = [needs.peers.join("node.yaml"), folder.join("rules.yaml")];
        populate(&kubectl, &objects).await?;
        for (process, what, question) in [
            (
                &controllers,
                "a service account for pods",
                "get serviceaccount default",
            ),
            (&controllers, "rights of plain users", MAY_CREATE),
            (
                &kwok,
                "a ready node",
                "wait --for=condition=Ready node --all --timeout=1s",
            ),
        ] {
            let question: Vec<&str> = question.split(' ').collect();
            let answer = async || succeeds(&kubectl, &question).await;
            process.until(what, STARTING, answer).await?;
        }
        others.extend([controllers, kwok]);
        cluster.others.extend(others);
        eprintln!("cluster: ready after {:?}", begun.elapsed());
        Ok(cluster)
    }

    /// Starts etcd and the API server alone, with the controllers that give
    /// namespaces their service account, empty them, gather roles and collect
    /// what is owned by nothing: those that an API server has whose cluster
    /// has no nodes. Who makes one finds no taint on it.
    ///
    /// # Errors
    /// A program ends or is not ready in five minutes.
    pub async fn without_nodes(
        needs: &Needs,
        namespace: &Namespace,
        address: Ipv4Addr,
    ) -> Result<Self> {
        Self::with_controllers(needs, namespace, address, LEFT_OUT).await
    }

    /// The same with the controllers that tell namespaces the cluster's
    /// authority, and give service accounts tokens: what a hub needs.
    ///
    /// # Errors
    /// A program ends or is not ready in five minutes.
    pub async fn for_a_hub(
        needs: &Needs,
        namespace: &Namespace,
        address: Ipv4Addr,
    ) -> Result<Self> {
        Self::with_controllers(needs, namespace, address, OF_PODS).await
    }

    async fn with_controllers(
        needs: &Needs,
        namespace: &Namespace,
        address: Ipv4Addr,
        left_out: &str,
    ) -> Result<Self> {
        let mut cluster = Self::control_plane(needs, namespace, address, &[UNTAINTED]).await?;
        let program = "kube-controller-manager";
        let folder = &cluster.folder;
        // What is left out has to stand before what is named.
        let flags = [left_out];
        let controllers = launch(needs, namespace, folder, program, &flags, address)?;
        let kubectl = Kubectl::new(needs, namespace, cluster.kubeconfig(), User::ADMIN.name)?;
        populate(&kubectl, &[cluster.folder.join("rules.yaml")]).await?;
        let question: Vec<&str> = MAY_CREATE.split(' ').collect();
        let answer = async || succeeds(&kubectl, &question).await;
        controllers
            .until("rights of plain users", STARTING, answer)
            .await?;
        cluster.others.push(controllers);
        Ok(cluster)
    }

    /// etcd, and an API server that is ready.
    async fn control_plane(
        needs: &Needs,
        namespace: &Namespace,
        address: Ipv4Addr,
        flags: &[&str],
    ) -> Result<Self> {
        let folder = scratch::fresh_folder("cluster")?;
        config::write(&folder, address)?;
        let etcd = launch(needs, namespace, &folder, "etcd", &[], address)?;
        let server = launch(needs, namespace, &folder, "kube-apiserver", flags, address)?;
        let kubeconfig = folder.join("admin.kubeconfig");
        let kubectl = Kubectl::new(needs, namespace, kubeconfig, User::ADMIN.name)?;
        let ready = async || succeeds(&kubectl, &["get", "--raw", "/readyz"]).await;
        server.until("a ready API server", STARTING, ready).await?;
        Ok(Self {
            folder,
            server,
            others: vec![etcd],
        })
    }

    /// A kubeconfig with a context for each [`User`], named after it.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("admin.kubeconfig")
    }

    /// The API server's certificate and its authority's, PEM.
    pub fn authority(&self) -> PathBuf {
        self.folder.join("apiserver-certs/apiserver.crt")
    }

    /// What the cluster's own authorities and keys are in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The API server.
    pub fn server(&self) -> &Process {
        &self.server
    }

    /// The folder that a container's commands run in.
    pub fn container(&self, namespace: &str, pod: &str, container: &str) -> PathBuf {
        [
            &self.folder,
            Path::new("containers"),
            Path::new(namespace),
            Path::new(pod),
            Path::new(container),
        ]
        .iter()
        .collect()
    }
}

fn launch(
    needs: &Needs,
    namespace: &Namespace,
    folder: &Path,
    program: &str,
    flags: &[&str],
    address: Ipv4Addr,
) -> Result<Process> {
    let mut command = namespace.command(needs.peers.join(program));
    command
        .args(flags)
        .args(flags::of(program, address))
        .current_dir(folder);
    Process::start(program, command)
}

async fn populate(kubectl: &Kubectl, files: &[PathBuf]) -> Result<()> {
    for file in files {
        let applied = kubectl
            .run(&["apply", "-f", &file.to_string_lossy()])
            .await?;
        ensure!(
            applied.code == 0,
            "cannot apply {}: {}",
            file.display(),
            applied.stderr
        );
    }
    Ok(())
}

async fn succeeds(kubectl: &Kubectl, args: &[&str]) -> Option<()> {
    once(kubectl.run(args).await.ok()?.code == 0)
}

/// Commands of one cluster share nothing with those of another.
pub(crate) fn isolate(command: &mut Command, home: &Path) {
    command.env("HOME", home).env_remove("KUBECONFIG");
}
