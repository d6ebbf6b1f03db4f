//! How long a change takes to those who watch.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::objects::config_map;
use super::server::Server;
use crate::figures::{Round, latencies};

/// Watches, and how many of them share a connection, as those of one
/// controller do.
const WATCHES: usize = 1000;
const ON_ONE: usize = 50;
/// Changes in a round, and what is between them.
const CHANGES: usize = 30;
const PAUSE: Duration = Duration::from_millis(20);
/// How long a change may take to all of them.
const LIMIT: Duration = Duration::from_secs(20);

/// A selector that the watched object fits.
pub(super) const SELECTOR: &str = "&labelSelector=watched%3Dyes,app%21%3Dother";

const WATCHED: &str = "/api/v1/namespaces/watched/configmaps";

/// Changes one object over and over, and times each change from when it was
/// sent until each watch has it. The write itself is in it.
pub(super) async fn delivery(server: &Server, selector: &str) -> Result<Round> {
    let mut writer = server.access.connect().await?;
    let object = format!("{WATCHED}/one");
    if !writer.serves(&object).await? {
        writer
            .write(Method::POST, WATCHED, config_map("one"))
            .await?;
    }
    let mut change = async |number: usize| {
        let patch = json!({"data": {"number": number.to_string()}});
        let patch = Bytes::from(patch.to_string());
        let media = "application/merge-patch+json";
        writer.send(Method::PATCH, &object, media, patch).await
    };
    let first: serde_json::Value = serde_json::from_slice(&change(0).await?)?;
    let revision = first["metadata"]["resourceVersion"].as_str();
    let revision = revision.context("the object has no resourceVersion")?;
    let path = format!("{WATCHED}?watch=1&resourceVersion={revision}{selector}");
    let (tell, mut told) = mpsc::channel(2 * WATCHES);
    let mut connections = Vec::new();
    let mut watches = JoinSet::new();
    for _ in 0..WATCHES / ON_ONE {
        let mut connection = server.access.connect().await?;
        for _ in 0..ON_ONE {
            let none = Bytes::new();
            let response = connection
                .begin(Method::GET, &path, "application/json", none)
                .await?;
            ensure!(response.status() == StatusCode::OK, "a watch is refused");
            watches.spawn(follow(response.into_body(), tell.clone()));
        }
        connections.push(connection);
    }
    let mut times = Vec::with_capacity(CHANGES * WATCHES);
    for number in 1..=CHANGES {
        sleep(PAUSE).await;
        let begun = Instant::now();
        change(number).await?;
        let all = async {
            for _ in 0..WATCHES {
                let at: Instant = told.recv().await.context("all watches have ended")?;
                times.push(at.duration_since(begun));
            }
            anyhow::Ok(())
        };
        timeout(LIMIT, all)
            .await
            .with_context(|| format!("not all watches have change {number} after {LIMIT:?}"))??;
    }
    latencies(&mut times)
}

/// Tells when each event has come, which is a line.
async fn follow(mut body: Incoming, tell: mpsc::Sender<Instant>) {
    while let Some(Ok(frame)) = body.frame().await {
        let now = Instant::now();
        let data = frame.into_data().unwrap_or_default();
        let lines = data.iter().filter(|byte| **byte == b'\n').count();
        for _ in 0..lines {
            if tell.send(now).await.is_err() {
                return;
            }
        }
    }
}
