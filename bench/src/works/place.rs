//! A hub and a cluster that has joined it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use harness::process::Process;
use harness::wait::once;
use serde_json::Value;

use crate::api::server::{Kind, Server};
use crate::programs;

/// What the cluster is called.
pub(crate) const CLUSTER: &str = "managed";

/// How long joining may take, with the keys and the certificate that it takes.
const JOINING: Duration = Duration::from_secs(120);

pub(crate) struct Place {
    pub(crate) hub: Server,
    pub(crate) managed: Server,
    _agent: Process,
}

impl Place {
    /// Starts them, and waits until the cluster is there.
    ///
    /// # Errors
    /// One of them does not start, or the cluster does not join.
    pub(crate) async fn start(managed: Kind, data: &Path) -> Result<Self> {
        let hub = Box::pin(Server::start(Kind::AditHub, &data.join("hub"))).await?;
        let managed = Box::pin(Server::start(managed, &data.join("cluster"))).await?;
        let command = join_command(&hub)?;
        let state = data.join("state");
        fs::create_dir_all(&state)?;
        let agent = join(&command, CLUSTER, &state, &managed)?;
        let folder = hub.data().display().to_string();
        let accepted = async || {
            let accepted = adit(&["accept", CLUSTER, "--data-dir", &folder]);
            accepted
                .ok()
                .and_then(|output| once(output.status.success()))
        };
        agent.until("its acceptance", JOINING, accepted).await?;
        let mut connection = hub.access.connect().await?;
        let path = format!("/apis/cluster.open-cluster-management.io/v1/managedclusters/{CLUSTER}");
        let mut joined = async || {
            let cluster = connection.get(&path).await.ok()?;
            once(is_true(&cluster, "ManagedClusterConditionAvailable"))
        };
        agent
            .until("the cluster on the hub", JOINING, &mut joined)
            .await?;
        Ok(Self {
            hub,
            managed,
            _agent: agent,
        })
    }
}

/// The command that `adit token create --join` prints, by its words.
///
/// # Errors
/// It prints none.
pub(crate) fn join_command(hub: &Server) -> Result<Vec<String>> {
    let data = hub.data().display().to_string();
    let printed = adit(&["token", "create", "--join", "--data-dir", &data])?;
    let printed = String::from_utf8(printed.stdout)?;
    let mut words = printed.split_whitespace();
    ensure!(words.next() == Some("adit"), "no command: {printed}");
    Ok(words.map(str::to_owned).collect())
}

/// Runs that command for a cluster of this name and API server.
///
/// # Errors
/// It cannot be run.
pub(crate) fn join(
    command: &[String],
    cluster: &str,
    state: &Path,
    managed: &Server,
) -> Result<Process> {
    // What is for a person to fill in.
    let words = command.iter().map(|word| match word.as_str() {
        "NAME" => cluster,
        word => word,
    });
    let mut join = Command::new(programs::adit()?);
    join.args(words)
        .args(["--log", "warn"])
        .args([Path::new("--state-dir"), state])
        .args([Path::new("--kubeconfig"), &managed.kubeconfig]);
    Process::start("adit-join", join)
}

/// Whether a condition of an object is `True`.
pub(crate) fn is_true(object: &Value, condition: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|of| of["type"] == condition && of["status"] == "True")
}

/// Runs a short command.
fn adit(args: &[&str]) -> Result<Output> {
    Command::new(programs::adit()?)
        .args(args)
        .output()
        .with_context(|| format!("adit {} cannot be run", args.join(" ")))
}
