//! Objects: made, kept and listed.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::Method;
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::server::Server;
use crate::figures::{Round, latencies};

/// How many objects are kept and listed.
const COUNT: usize = 10_000;
/// Clients that make them.
const CLIENTS: usize = 64;
/// Lists in a round, one after another.
const LISTS: u32 = 3;

/// Where the objects are that are kept.
const KEPT: &str = "/api/v1/namespaces/objects/configmaps";

/// A `ConfigMap` of about 4 KiB of JSON with what servers add to it.
pub(super) fn config_map(name: &str) -> Bytes {
    let seed = name
        .bytes()
        .fold(0_u64, |sum, byte| sum * 31 + u64::from(byte));
    let data: Map<String, Value> = (0..16_u64)
        .map(|at| {
            let mut number = seed ^ (at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut text = String::new();
            while text.len() < 190 {
                number = number.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                text += &format!("address-{number:016x} ");
            }
            (format!("key-{at}"), text.into())
        })
        .collect();
    let object = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": {"watched": "yes", "app": "bench"}},
        "data": data,
    });
    object.to_string().into()
}

/// Makes the objects that are kept.
pub(super) async fn fill(server: &Server) -> Result<()> {
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let access = server.access.clone();
        clients.spawn(async move {
            let mut connection = access.connect().await?;
            for number in (client..COUNT).step_by(CLIENTS) {
                let object = config_map(&format!("object-{number:05}"));
                connection
                    .send(Method::POST, KEPT, "application/json", object)
                    .await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = clients.join_next().await {
        done??;
    }
    Ok(())
}

/// What a list of them is long, in bytes.
pub(super) async fn json_size(server: &Server) -> Result<f64> {
    let length = server.access.connect().await?.length(KEPT).await?;
    ensure!(
        length > COUNT * 1024,
        "a list of them has only {length} bytes"
    );
    Ok(u32::try_from(length)?.into())
}

/// Lists of all objects, each read to its end.
pub(super) async fn list(server: &Server) -> Result<Round> {
    let mut connection = server.access.connect().await?;
    let mut seconds = Vec::new();
    for _ in 0..LISTS {
        let begun = Instant::now();
        connection.length(KEPT).await?;
        seconds.push(begun.elapsed().as_secs_f64());
    }
    seconds.sort_unstable_by(f64::total_cmp);
    let middle = seconds.get(seconds.len() / 2);
    let middle = middle.context("nothing was listed")?;
    Ok(Round::from([("seconds".to_owned(), *middle)]))
}

/// Creates by clients with a connection each, for a time.
pub(super) async fn creates(server: &Server, clients: usize, time: Duration) -> Result<Round> {
    const PATH: &str = "/api/v1/namespaces/creates/configmaps";

    let mut connections = Vec::new();
    for _ in 0..clients {
        connections.push(server.access.connect().await?);
    }
    let begun = Instant::now();
    let salt = rand_salt();
    let mut tasks = JoinSet::new();
    for (client, mut connection) in connections.into_iter().enumerate() {
        let salt = salt.clone();
        tasks.spawn(async move {
            let mut times = Vec::new();
            while begun.elapsed() < time {
                let name = format!("c{salt}-{client}-{}", times.len());
                let object = config_map(&name);
                let at = Instant::now();
                connection
                    .send(Method::POST, PATH, "application/json", object)
                    .await?;
                times.push(at.elapsed());
            }
            anyhow::Ok(times)
        });
    }
    let mut times = Vec::new();
    while let Some(done) = tasks.join_next().await {
        times.extend(done??);
    }
    let mut round = latencies(&mut times)?;
    let count = u32::try_from(times.len())?;
    round.insert(
        "per_s".to_owned(),
        f64::from(count) / begun.elapsed().as_secs_f64(),
    );
    Ok(round)
}

/// Names of one round are none of another's.
fn rand_salt() -> String {
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::SystemTime::UNIX_EPOCH);
    format!("{:x}", since.unwrap_or_default().as_millis())
}
