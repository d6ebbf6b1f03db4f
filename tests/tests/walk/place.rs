//! A cluster behind a NAT, and machines for hubs outside.

use std::process::Command;

use anyhow::{Result, ensure};
use tests::cluster::{Cluster, User};
use tests::fixture::Home;
use tests::kubectl::Kubectl;
use tests::namespace::Namespace;
use tests::needs::Needs;
use tests::network::{CLUSTER, Memory, Network};
use tests::process::Process;
use tokio::sync::{Mutex, MutexGuard};

use crate::machine::Machine;

/// The name of every hub here.
pub(crate) const HUB: &str = "hub.example.org";

/// One test after another uses it: what a cluster has is compared.
pub(crate) struct Place {
    pub(crate) needs: &'static Needs,
    pub(crate) network: Network,
    pub(crate) cluster: Cluster,
    _scheduler: Process,
    turn: Mutex<()>,
}

impl Home for Place {
    fn home(&self) -> &Namespace {
        self.network.hub(0)
    }
}

impl Place {
    pub(crate) async fn start(needs: &'static Needs) -> Result<Self> {
        let network = Network::create(1, Memory::Default)?;
        let cluster = Box::pin(Cluster::start(needs, network.cluster(), CLUSTER)).await?;
        let address = network.hub_address(0);
        for namespace in [network.hub(0), network.cluster()] {
            namespace.hosts(&format!("127.0.0.1 localhost\n{address} {HUB}\n"))?;
        }
        let mut scheduler: Command = network
            .cluster()
            .command(needs.peers.join("kube-scheduler"));
        scheduler
            .arg("--kubeconfig")
            .arg(cluster.kubeconfig())
            .args(["--leader-elect=false", "--secure-port=0"]);
        Ok(Self {
            needs,
            _scheduler: Process::start("kube-scheduler", scheduler)?,
            network,
            cluster,
            turn: Mutex::default(),
        })
    }

    /// Waits until no other test uses the place.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// A machine for a hub.
    pub(crate) fn hub(&self) -> Result<Machine> {
        Machine::new(self.needs, self.network.hub(0))
    }

    /// A machine beside the cluster, with its administrator's kubeconfig.
    pub(crate) async fn beside(&self) -> Result<Machine> {
        let machine = Machine::new(self.needs, self.network.cluster())?;
        let whole = ["config", "view", "--flatten", "--minify"];
        let whole = self.kubectl()?.run(&whole).await?;
        machine.put(".kube/config", &whole.ok())?;
        Ok(machine)
    }

    /// kubectl of the cluster's administrator, beside it.
    pub(crate) fn kubectl(&self) -> Result<Kubectl> {
        let kubeconfig = self.cluster.kubeconfig();
        Kubectl::new(
            self.needs,
            self.network.cluster(),
            kubeconfig,
            User::ADMIN.name,
        )
    }

    /// All that the cluster has, but what comes and goes by itself.
    pub(crate) async fn inventory(&self) -> Result<Vec<String>> {
        let kubectl = self.kubectl()?;
        let kinds = [
            "api-resources",
            "--verbs=list",
            "--cached=false",
            "-o",
            "name",
        ];
        let kinds = kubectl.run(&kinds).await?.ok();
        let kinds: Vec<&str> = kinds.lines().filter(|of| !BY_ITSELF.contains(of)).collect();
        let columns = "custom-columns=K:.kind,S:.metadata.namespace,N:.metadata.name";
        let get = ["get", &kinds.join(","), "-A", "--no-headers", "-o", columns];
        let all = kubectl.run(&get).await?;
        ensure!(all.code == 0, "not all is listed: {}", all.stderr);
        let line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut lines: Vec<String> = all.stdout.lines().map(line).collect();
        lines.sort_unstable();
        lines.dedup();
        Ok(lines)
    }
}

const BY_ITSELF: [&str; 3] = [
    "events",
    "events.events.k8s.io",
    "leases.coordination.k8s.io",
];

/// What is in one list and not in the other.
pub(crate) fn without<'a>(these: &'a [String], those: &[String]) -> Vec<&'a str> {
    let left = these.iter().filter(|of| !those.contains(of));
    left.map(String::as_str).collect()
}
