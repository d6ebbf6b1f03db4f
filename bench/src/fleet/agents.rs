//! Clusters whose agents join, and to which works are sent.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use harness::process::Process;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use crate::api::client::Connection;
use crate::api::server::{Kind, Server};
use crate::figures::Round;
use crate::programs;
use crate::works::delivery::{self, Pace};
use crate::works::place::{self, join};

/// Agents that join at once: a token lets four in.
const AT_ONCE: u32 = 32;
const EACH_TOKEN: u32 = 4;
/// How long all of them may take to join, or to come back.
const JOINING: Duration = Duration::from_secs(3600);
const BACK: Duration = Duration::from_secs(600);
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);
/// How many works are made in a second, of all clusters together.
const PACE: u32 = 50;
/// How long nothing is asked of them while their processor time is taken.
const IDLE: Duration = Duration::from_secs(60);

const CLUSTERS: &str = "/apis/cluster.open-cluster-management.io/v1/managedclusters";

struct Fleet {
    hub: Server,
    managed: Server,
    agents: Vec<Process>,
}

/// Has so many agents join, sends so many works to each, and restarts the hub.
///
/// All of them have one API server as their managed cluster, which is none of
/// the hub's business.
///
/// # Errors
/// They do not get there in time.
pub(super) async fn measure(data: &Path, count: u32, works: u32) -> Result<Round> {
    let hub = Box::pin(Server::start(Kind::AditHub, &data.join("hub"))).await?;
    let managed = Box::pin(Server::start(Kind::AditHub, &data.join("cluster"))).await?;
    let mut fleet = Fleet {
        hub,
        managed,
        agents: Vec::new(),
    };
    let begun = Instant::now();
    timeout(JOINING, Box::pin(fleet.join(data, count)))
        .await
        .with_context(|| format!("{} agents have joined", fleet.agents.len()))??;
    let joined = begun.elapsed();
    eprintln!("{count} agents have joined: {joined:.1?}");

    let (resident, before) = (fleet.hub.resident(), fleet.hub.processor_time());
    sleep(IDLE).await;
    let idle = fleet.hub.processor_time().saturating_sub(before);
    let pace = Pace {
        each_second: PACE,
        works: count * works,
    };
    let clusters: Vec<String> = (0..count).map(name).collect();
    let mut round = Box::pin(delivery::deliver(
        &fleet.hub,
        &fleet.managed,
        &clusters,
        pace,
    ))
    .await?;
    let agents = fleet.agents.iter().map(Process::resident).sum::<u64>();
    let working = fleet.hub.resident();
    let restarted = Instant::now();
    Box::pin(fleet.hub.restart()).await?;
    let mut connection = fleet.hub.access.connect().await?;
    let all = async {
        while sessions(&mut connection).await? < count {
            sleep(BETWEEN_LOOKS).await;
        }
        anyhow::Ok(())
    };
    timeout(BACK, all).await.context("not all are back")??;
    round.extend(
        [
            ("per_s", f64::from(count) / joined.as_secs_f64()),
            ("bytes_resident", resident),
            ("bytes_resident_works", working),
            ("bytes_resident_restart", fleet.hub.resident()),
            ("bytes_each_agent", float(agents) / f64::from(count)),
            ("cores", idle.as_secs_f64() / IDLE.as_secs_f64()),
            ("seconds_restart", restarted.elapsed().as_secs_f64()),
        ]
        .map(|(metric, value)| (metric.to_owned(), value)),
    );
    Ok(round)
}

impl Fleet {
    async fn join(&mut self, data: &Path, count: u32) -> Result<()> {
        let mut connection = self.hub.access.connect().await?;
        let (mut accepted, mut joined) = (BTreeSet::new(), 0);
        let mut command = Vec::new();
        while joined < count {
            while started(&self.agents) < count.min(joined + AT_ONCE) {
                let number = started(&self.agents);
                if number.is_multiple_of(EACH_TOKEN) {
                    command = place::join_command(&self.hub)?;
                }
                let state = data.join(name(number));
                fs::create_dir_all(&state)?;
                let agent = join(&command, &name(number), &state, &self.managed)?;
                self.agents.push(agent);
            }
            let list = connection.get(CLUSTERS).await?;
            let clusters = list["items"].as_array().cloned().unwrap_or_default();
            for cluster in &clusters {
                let name = cluster["metadata"]["name"].as_str().unwrap_or_default();
                if !accepted.contains(name) && self.accept(name)? {
                    accepted.insert(name.to_owned());
                }
            }
            let there = |of: &&Value| place::is_true(of, "ManagedClusterConditionAvailable");
            joined = u32::try_from(clusters.iter().filter(there).count())?;
            for agent in &self.agents {
                let ended = agent.ended();
                ensure!(ended.is_none(), "an agent has ended: {}", agent.output());
            }
            sleep(BETWEEN_LOOKS).await;
        }
        Ok(())
    }

    /// Accepts a cluster; whether it had asked for its certificate.
    fn accept(&self, name: &str) -> Result<bool> {
        let accepted = Command::new(programs::adit()?)
            .args(["accept", name, "--data-dir"])
            .arg(self.hub.data())
            .output()?;
        Ok(accepted.status.success())
    }
}

fn started(agents: &[Process]) -> u32 {
    u32::try_from(agents.len()).unwrap_or(u32::MAX)
}

/// How many clusters have a session.
async fn sessions(connection: &mut Connection) -> Result<u32> {
    let list = connection.get("/sessions").await?;
    let clusters = list["clusters"].as_array().context("no list of clusters")?;
    let connected = |of: &&Value| !of["sessions"].as_array().is_none_or(Vec::is_empty);
    Ok(u32::try_from(clusters.iter().filter(connected).count())?)
}

fn name(number: u32) -> String {
    format!("cluster-{number:05}")
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52 bytes")]
fn float(bytes: u64) -> f64 {
    bytes as f64
}
