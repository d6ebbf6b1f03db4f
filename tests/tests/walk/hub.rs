//! A hub of these tests, and what is done on it.

use anyhow::{Context as _, Result, ensure};
use tests::process::Process;
use tests::wait::{self, GENEROUS, once};

use crate::machine::Machine;
use crate::place::{HUB, Place};

/// A hub that runs, and the machine that it is on.
pub(crate) struct Hub {
    pub(crate) machine: Machine,
    _process: Process,
}

const DATA: &str = "/var/lib/adit";

impl Hub {
    pub(crate) async fn start(place: &Place) -> Result<Self> {
        let mut machine = place.hub()?;
        let command = format!("adit hub --data-dir {DATA} --advertise {HUB}:8443");
        let process = machine.start("hub", &command)?;
        machine.export(&format!(
            "export ADIT_DATA_DIR={DATA} KUBECONFIG={DATA}/admin.kubeconfig"
        ));
        let ready = async || {
            let ready = machine.run("kubectl get --raw /readyz").await.ok()?;
            once(ready.code == 0)
        };
        process.until("a ready hub", GENEROUS, ready).await?;
        Ok(Self {
            machine,
            _process: process,
        })
    }

    /// The command that joins as this cluster.
    pub(crate) async fn join_command(&self, cluster: &str) -> Result<String> {
        let command = format!("adit token create --join --cluster-name {cluster}");
        let printed = self.run(&command).await?;
        Ok(printed.trim().to_owned())
    }

    /// Runs a line that has to succeed; what it printed.
    pub(crate) async fn run(&self, line: &str) -> Result<String> {
        let ran = self.machine.run(line).await?;
        ensure!(ran.code == 0, "$ {line}\n{ran:#?}");
        Ok(ran.stdout)
    }

    /// Runs a line until what it prints has this in it.
    pub(crate) async fn until(&self, line: &str, wanted: &str) -> Result<String> {
        let mut last = None;
        let says = async || {
            let ran = self.machine.run(line).await.ok()?;
            let found = ran.code == 0 && ran.stdout.contains(wanted);
            let printed = ran.stdout.clone();
            last = Some(ran);
            found.then_some(printed)
        };
        let waited = wait::until(wanted, GENEROUS, says).await;
        waited.with_context(|| format!("$ {line}\n{last:#?}"))
    }

    /// Waits until the cluster is there and well.
    pub(crate) async fn until_available(&self, cluster: &str) -> Result<()> {
        let wait = format!(
            "kubectl wait --for=condition=ManagedClusterConditionAvailable \
             managedcluster/{cluster} --timeout=60s"
        );
        self.run(&wait).await.map(drop)
    }
}
