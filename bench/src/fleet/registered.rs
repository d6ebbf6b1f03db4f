//! Clusters that are registered and whose leases are renewed.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::Method;
use serde_json::json;
use time::OffsetDateTime;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::api::client::{Access, Connection};
use crate::api::server::{Kind, Server};
use crate::figures::{Round, latencies};

/// Connections that the requests come by.
const CLIENTS: u32 = 16;
/// Each lease is renewed once a minute, for so long.
const EVERY: Duration = Duration::from_secs(60);
const RENEWING: Duration = Duration::from_secs(120);
/// How long it may take until the hub has made everything.
const REGISTERING: Duration = Duration::from_secs(1800);
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

const CLUSTERS: &str = "/apis/cluster.open-cluster-management.io/v1/managedclusters";
const LEASES: &str = "/apis/coordination.k8s.io/v1/leases?limit=1";

/// Registers so many clusters, renews their leases, and restarts the hub.
///
/// # Errors
/// The hub does not get there in time.
pub(super) async fn measure(data: &Path, count: u32) -> Result<Round> {
    let mut hub = Box::pin(Server::start(Kind::AditHub, data)).await?;
    let empty = hub.resident();
    let begun = Instant::now();
    each(&hub.access, count, async |connection, number| {
        let cluster = json!({
            "apiVersion": "cluster.open-cluster-management.io/v1",
            "kind": "ManagedCluster",
            "metadata": {"name": name(number)},
            "spec": {"hubAcceptsClient": true},
        });
        let cluster = Bytes::from(cluster.to_string());
        connection.write(Method::POST, CLUSTERS, cluster).await?;
        Ok(())
    })
    .await?;
    let mut connection = hub.access.connect().await?;
    let all = async {
        while leases(&mut connection).await? < u64::from(count) {
            sleep(BETWEEN_LOOKS).await;
        }
        anyhow::Ok(())
    };
    timeout(REGISTERING, all)
        .await
        .context("not every cluster has its lease")??;
    let registered = begun.elapsed();
    eprintln!("{count} clusters are registered: {registered:.1?}");

    let spent = hub.processor_time();
    let begun = Instant::now();
    let mut times = renew(&hub.access, count).await?;
    let spent = hub.processor_time().saturating_sub(spent);
    let share = spent.as_secs_f64() / begun.elapsed().as_secs_f64();
    let mut round = latencies(&mut times)?;
    let (resident, disk) = (hub.resident(), hub.disk());
    let back = Box::pin(hub.restart()).await?;
    round.extend(
        [
            ("per_s", f64::from(count) / registered.as_secs_f64()),
            ("bytes_each", (resident - empty) / f64::from(count)),
            ("bytes_resident", resident),
            ("bytes_disk", disk),
            ("cores", share),
            ("seconds_restart", back.as_secs_f64()),
            ("bytes_resident_restart", hub.resident()),
        ]
        .map(|(metric, value)| (metric.to_owned(), value)),
    );
    Ok(round)
}

/// How many leases there are.
async fn leases(connection: &mut Connection) -> Result<u64> {
    let list = connection.get(LEASES).await?;
    let shown = list["items"].as_array().map_or(0, Vec::len);
    let more = list["metadata"]["remainingItemCount"].as_u64();
    Ok(u64::try_from(shown)? + more.unwrap_or(0))
}

/// Does something for each cluster, by so many clients.
async fn each<F>(access: &Access, count: u32, work: F) -> Result<()>
where
    F: AsyncFn(&mut Connection, u32) -> Result<()>,
{
    let clients = (0..CLIENTS).map(async |client| {
        let mut connection = access.connect().await?;
        for number in (client..count).step_by(CLIENTS as usize) {
            work(&mut connection, number).await?;
        }
        anyhow::Ok(())
    });
    futures_util::future::try_join_all(clients).await?;
    Ok(())
}

/// Renews each lease once a minute, and says how long each renewal took from
/// when it was due.
async fn renew(access: &Access, count: u32) -> Result<Vec<Duration>> {
    let begun = Instant::now();
    let access = Arc::new(access.clone());
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let access = access.clone();
        clients.spawn(async move {
            let mut connection = access.connect().await?;
            let mut times = Vec::new();
            for turn in (client..).step_by(CLIENTS as usize) {
                let due = EVERY * turn / count;
                if due >= RENEWING {
                    break;
                }
                sleep_until(begun + due).await;
                let path = format!(
                    "/apis/coordination.k8s.io/v1/namespaces/{}/leases/managed-cluster-lease",
                    name(turn % count)
                );
                let patch = "application/merge-patch+json";
                connection
                    .send(Method::PATCH, &path, patch, renewal()?)
                    .await?;
                times.push((begun + due).elapsed());
            }
            anyhow::Ok(times)
        });
    }
    let mut all = Vec::new();
    while let Some(times) = clients.join_next().await {
        all.extend(times??);
    }
    Ok(all)
}

fn renewal() -> Result<Bytes> {
    let form = time::format_description::parse_borrowed::<2>(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z",
    )?;
    let now = OffsetDateTime::from(SystemTime::now()).format(&form)?;
    Ok(json!({"spec": {"renewTime": now}}).to_string().into())
}

fn name(number: u32) -> String {
    format!("cluster-{number:05}")
}
