//! Leases that are renewed, as every agent and node does it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::Method;
use serde_json::json;
use time::OffsetDateTime;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep_until};

use super::server::{self, Server};
use crate::figures::{Round, latencies, quantile};

/// How many there are, each renewed once a minute.
const COUNT: usize = 10_000;
const EVERY: Duration = Duration::from_secs(60);
/// Connections that the renewals come by.
const CLIENTS: usize = 16;
/// How often the size of the store is looked at in the long form.
const LOOKS: Duration = Duration::from_secs(20);

const PATH: &str = "/apis/coordination.k8s.io/v1/namespaces/leases/leases";

/// Makes all leases, and returns their revisions.
pub(super) async fn make(server: &Server) -> Result<Vec<String>> {
    const MAKERS: usize = 64;

    let mut makers = JoinSet::new();
    for maker in 0..MAKERS {
        let access = server.access.clone();
        makers.spawn(async move {
            let mut connection = access.connect().await?;
            let mut made = Vec::new();
            for number in (maker..COUNT).step_by(MAKERS) {
                let revision = connection
                    .write(Method::POST, PATH, lease(number, "")?)
                    .await?;
                made.push((number, revision));
            }
            anyhow::Ok(made)
        });
    }
    let mut revisions = vec![String::new(); COUNT];
    while let Some(made) = makers.join_next().await {
        for (number, revision) in made?? {
            revisions[number] = revision;
        }
    }
    Ok(revisions)
}

/// Renews for a time, at the pace of once a minute each.
pub(super) async fn renew(server: &mut Server, time: Duration) -> Result<Round> {
    let mut times = renewals(server, time).await?;
    let mut times: Vec<Duration> = times.drain(..).map(|(_, time)| time).collect();
    let mut round = latencies(&mut times)?;
    round.insert("bytes_disk".to_owned(), server.disk());
    Ok(round)
}

/// Renews for a long time, and says what the last quarter is by the second: of
/// the 99th hundredth of the times, and of the store's largest size.
pub(super) async fn renew_long(server: &mut Server, time: Duration) -> Result<Round> {
    let begun = Instant::now();
    let mut sizes = Vec::new();
    let store = server.store.clone();
    let times = {
        let renewing = renewals(server, time);
        let mut renewing = std::pin::pin!(renewing);
        let mut looks = interval(LOOKS);
        loop {
            tokio::select! {
                times = &mut renewing => break times?,
                _ = looks.tick() => {
                    sizes.push((begun.elapsed(), server::allocated(&store)));
                }
            }
        }
    };
    let quarter = |number: u32| time / 4 * number..time / 4 * (number + 1);
    let p99 = |number| {
        let part = times.iter().filter(|(at, _)| quarter(number).contains(at));
        let mut part: Vec<Duration> = part.map(|(_, time)| *time).collect();
        quantile(&mut part, 99)
    };
    let largest = |number| {
        let part = sizes.iter().filter(|(at, _)| quarter(number).contains(at));
        part.map(|(_, size)| *size).fold(0.0, f64::max)
    };
    let mut all: Vec<Duration> = times.iter().map(|(_, time)| *time).collect();
    let mut round = latencies(&mut all)?;
    round.insert("bytes_disk".to_owned(), largest(3));
    round.insert("change_bytes_disk".to_owned(), largest(3) / largest(1));
    round.insert("change_p99_us".to_owned(), p99(3)? / p99(1)?);
    Ok(round)
}

/// When each renewal was due since the beginning, and how long it took from then.
async fn renewals(server: &mut Server, time: Duration) -> Result<Vec<(Duration, Duration)>> {
    let revisions = Arc::new(std::mem::take(&mut server.leases));
    let begun = Instant::now();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let access = server.access.clone();
        let revisions = revisions.clone();
        clients.spawn(async move {
            let mut connection = access.connect().await?;
            let mut known: Vec<String> = revisions
                .iter()
                .skip(client)
                .step_by(CLIENTS)
                .cloned()
                .collect();
            let mut times = Vec::new();
            for turn in 0_usize.. {
                let at = turn % known.len();
                let number = at * CLIENTS + client;
                let due = EVERY * u32::try_from(turn * CLIENTS + client)? / COUNT_U32;
                if due >= time {
                    break;
                }
                sleep_until(begun + due).await;
                let path = format!("{PATH}/{}", name(number));
                known[at] = connection
                    .write(Method::PUT, &path, lease(number, &known[at])?)
                    .await?;
                times.push((due, (begun + due).elapsed()));
            }
            anyhow::Ok((client, known, times))
        });
    }
    server.leases = Arc::unwrap_or_clone(revisions);
    let mut all = Vec::new();
    while let Some(done) = clients.join_next().await {
        let (client, known, times) = done??;
        for (at, revision) in known.into_iter().enumerate() {
            server.leases[at * CLIENTS + client] = revision;
        }
        all.extend(times);
    }
    Ok(all)
}

#[expect(clippy::cast_possible_truncation, reason = "10,000")]
const COUNT_U32: u32 = COUNT as u32;

fn name(number: usize) -> String {
    format!("lease-{number:05}")
}

fn lease(number: usize, revision: &str) -> Result<Bytes> {
    let form = time::format_description::parse_borrowed::<2>(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z",
    )?;
    let now = OffsetDateTime::from(SystemTime::now());
    let now = now.format(&form).context("the time cannot be written")?;
    let object = json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name(number), "resourceVersion": revision},
        "spec": {
            "holderIdentity": format!("cluster-{number:05}"),
            "leaseDurationSeconds": 60,
            "renewTime": now,
        },
    });
    Ok(object.to_string().into())
}
