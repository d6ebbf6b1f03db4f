//! Open Cluster Management's programs, started as `tests/peers/README.md` says.

use std::path::{Path, PathBuf};

use tests::kubectl::Kubectl;
use tests::namespace::Namespace;
use tests::needs::Needs;
use tests::process::Process;
use tests::scratch;

use super::asking::run;

/// Where they run: beside which API server, by which kubeconfig.
pub(crate) struct Place<'a> {
    pub(crate) needs: &'a Needs,
    pub(crate) network: &'a Namespace,
    pub(crate) kubeconfig: PathBuf,
}

/// Open Cluster Management's definitions for a managed cluster.
pub(crate) const MANAGED: [&str; 2] = ["appliedmanifestworks", "clusterclaims"];
/// Those for a hub.
pub(crate) const HUB: [&str; 8] = [
    "managedclusteraddons",
    "managedclusters",
    "managedclustersetbindings",
    "managedclustersets",
    "manifestworkreplicasets",
    "manifestworks",
    "placementdecisions",
    "placements",
];

impl Place<'_> {
    /// Starts one of the programs that serve health at a port of loopback.
    pub(crate) fn start(&self, program: &str, port: u16, more: &[&str]) -> Process {
        let mut command = self.network.command(self.needs.peers.join(program));
        command
            .args(more)
            .arg(format!("--listen=127.0.0.1:{port}"))
            .arg("--disable-leader-election")
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            // It leaves its certificate for health behind.
            .env("TMPDIR", scratch::folder())
            // It takes what the file names to be beside itself.
            .current_dir(self.kubeconfig.parent().unwrap());
        Process::start(program, command).unwrap()
    }

    /// The registration agent, which joins by this kubeconfig, and keeps what
    /// it gets in the folder.
    pub(crate) fn registration_agent(
        &self,
        cluster: &str,
        bootstrap: &Path,
        kept: &Path,
    ) -> Process {
        let (bootstrap, kept) = (bootstrap.display(), kept.display());
        let flags = [
            "agent",
            "--namespace=open-cluster-management-agent",
            &format!("--spoke-cluster-name={cluster}"),
            &format!("--bootstrap-kubeconfig={bootstrap}"),
            &format!("--hub-kubeconfig-dir={kept}"),
        ];
        self.start("ocm-registration", 9443, &flags)
    }

    /// The work agent, by what the other one has kept.
    pub(crate) fn work_agent(&self, cluster: &str, kept: &Path) -> Process {
        let kept = kept.display();
        let flags = [
            "agent",
            "--namespace=open-cluster-management-agent",
            "--status-sync-interval=1s",
            &format!("--spoke-cluster-name={cluster}"),
            &format!("--hub-kubeconfig-dir={kept}"),
            &format!("--workload-source-config={kept}/kubeconfig"),
        ];
        self.start("ocm-work", 9444, &flags)
    }
}

/// Applies the definitions of these kinds, and waits until they are served.
pub(crate) async fn define(needs: &Needs, kubectl: &Kubectl, kinds: &[&str]) {
    let folder = std::fs::read_dir(needs.peers.join("ocm-crds")).unwrap();
    let files: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    let mut args = vec!["apply", "--server-side"];
    for kind in kinds {
        let end = format!("_{kind}.crd.yaml");
        let file = files.iter().filter_map(|file| file.to_str());
        let file = file.clone().find(|file| file.ends_with(&end));
        args.extend(["-f", file.expect(kind)]);
    }
    run(kubectl, &args).await;
    let all = [
        "wait",
        "crd",
        "--all",
        "--for=condition=Established",
        "--timeout=60s",
    ];
    run(kubectl, &all).await;
}
