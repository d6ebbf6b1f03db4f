//! Works made on the hub, timed until the managed cluster has their objects and
//! until the hub shows what is told back.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::api::client::{Access, Connection};
use crate::api::server::Server;
use crate::figures::{Round, latencies};

/// How many works are made, and how fast.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) each_second: u32,
    pub(crate) works: u32,
}

/// Connections that they come by.
const WRITERS: u32 = 8;
/// How long the last of them may take, and how long until all are gone again.
const LIMIT: Duration = Duration::from_secs(60);

const OBJECTS: &str = "/api/v1/namespaces/default/configmaps?labelSelector=bench%3Dworks";

const WORKS: &str = "/apis/work.open-cluster-management.io/v1/manifestworks";

/// When something was seen for the first time, by name.
type Seen = BTreeMap<String, Instant>;

impl Pace {
    fn time(self) -> Duration {
        self.due(self.works)
    }

    /// How long after the beginning a work is due.
    fn due(self, number: u32) -> Duration {
        Duration::from_secs(1) * number / self.each_second
    }
}

/// Makes works at that pace, for each of the clusters in turn, and takes them
/// away again. All clusters have one API server.
///
/// # Errors
/// One of them does not arrive in time.
pub(crate) async fn deliver(
    hub: &Server,
    managed: &Server,
    clusters: &[String],
    pace: Pace,
) -> Result<Round> {
    let count = pace.works as usize;
    let (tell, mut applied) = mpsc::channel(count);
    let objects = format!("{OBJECTS}&watch=1");
    let _managed = follow(&managed.access, &objects, |_| true, tell).await?;
    let (tell, mut reported) = mpsc::channel(count);
    let works = format!("{WORKS}?watch=1");
    let _hub = follow(&hub.access, &works, has_feedback, tell).await?;

    let begun = Instant::now();
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (access, clusters) = (hub.access.clone(), clusters.to_vec());
        writers.spawn(async move { make(&access, &clusters, begun, pace, writer).await });
    }
    let all = async {
        while let Some(made) = writers.join_next().await {
            made??;
        }
        anyhow::Ok((
            take(&mut applied, count).await?,
            take(&mut reported, count).await?,
        ))
    };
    let (applied, reported) = timeout(pace.time() + LIMIT, all)
        .await
        .with_context(|| format!("not all of {count} works have arrived after {LIMIT:?}"))??;
    clear(hub, managed, clusters).await?;

    let times = |seen: &Seen| -> Vec<Duration> {
        (0..pace.works)
            .filter_map(|number| {
                let at = seen.get(&name(number))?;
                Some(at.duration_since(begun + pace.due(number)))
            })
            .collect()
    };
    let mut round = latencies(&mut times(&applied))?;
    let back = latencies(&mut times(&reported))?;
    round.extend(
        back.into_iter()
            .map(|(metric, value)| (format!("back_{metric}"), value)),
    );
    Ok(round)
}

/// Takes so many of what is seen.
async fn take(seen: &mut mpsc::Receiver<(String, Instant)>, count: usize) -> Result<Seen> {
    let mut all = Seen::new();
    while all.len() < count {
        let (name, at) = seen.recv().await.context("a watch has ended")?;
        all.entry(name).or_insert(at);
    }
    Ok(all)
}

/// Makes one of so many works, each when it is due.
async fn make(
    access: &Access,
    clusters: &[String],
    begun: Instant,
    pace: Pace,
    first: u32,
) -> Result<()> {
    let mut connection = access.connect().await?;
    for number in (first..pace.works).step_by(WRITERS as usize) {
        sleep_until(begun + pace.due(number)).await;
        let path = works_of(&clusters[number as usize % clusters.len()]);
        connection.write(Method::POST, &path, work(number)).await?;
    }
    Ok(())
}

/// Takes all works away, and waits until nothing of them is left.
async fn clear(hub: &Server, managed: &Server, clusters: &[String]) -> Result<()> {
    let mut hub = hub.access.connect().await?;
    for cluster in clusters {
        let none = Bytes::new();
        hub.send(Method::DELETE, &works_of(cluster), "application/json", none)
            .await?;
    }
    let mut managed = managed.access.connect().await?;
    let gone = async {
        while !is_empty(&mut hub, WORKS).await? || !is_empty(&mut managed, OBJECTS).await? {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::Ok(())
    };
    timeout(LIMIT, gone)
        .await
        .with_context(|| format!("the works are not gone after {LIMIT:?}"))?
}

async fn is_empty(connection: &mut Connection, path: &str) -> Result<bool> {
    let list = connection.get(path).await?;
    Ok(list["items"].as_array().is_none_or(Vec::is_empty))
}

/// Watches, and tells the name of each object for which it is so.
async fn follow(
    access: &Access,
    path: &str,
    is_so: fn(&Value) -> bool,
    tell: mpsc::Sender<(String, Instant)>,
) -> Result<JoinSet<()>> {
    let mut connection = access.connect().await?;
    let response = connection
        .begin(Method::GET, path, "application/json", Bytes::new())
        .await?;
    ensure!(response.status() == StatusCode::OK, "a watch is refused");
    let mut watch = JoinSet::new();
    watch.spawn(async move {
        let _open = connection;
        events(response.into_body(), is_so, tell).await;
    });
    Ok(watch)
}

async fn events(
    mut body: Incoming,
    is_so: fn(&Value) -> bool,
    tell: mpsc::Sender<(String, Instant)>,
) {
    let mut rest = BytesMut::new();
    while let Some(Ok(frame)) = body.frame().await {
        let now = Instant::now();
        rest.extend_from_slice(&frame.into_data().unwrap_or_default());
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line = rest.split_to(end + 1);
            let event: Value = serde_json::from_slice(&line).unwrap_or_default();
            let object = &event["object"];
            let Some(name) = object["metadata"]["name"].as_str() else {
                continue;
            };
            if event["type"] != "DELETED"
                && is_so(object)
                && tell.send((name.to_owned(), now)).await.is_err()
            {
                return;
            }
        }
    }
}

/// Whether a work shows the value that it asks for.
fn has_feedback(work: &Value) -> bool {
    let values = &work["status"]["resourceStatus"]["manifests"][0]["statusFeedback"]["values"];
    values.as_array().is_some_and(|values| !values.is_empty())
}

fn works_of(cluster: &str) -> String {
    format!("/apis/work.open-cluster-management.io/v1/namespaces/{cluster}/manifestworks")
}

fn name(number: u32) -> String {
    format!("work-{number:05}")
}

/// A work of one ConfigMap, of which a value is to be told back.
fn work(number: u32) -> Bytes {
    let name = name(number);
    let object = json!({
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "metadata": {"name": name},
        "spec": {
            "workload": {"manifests": [{
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {
                    "name": name,
                    "namespace": "default",
                    "labels": {"bench": "works"},
                },
                "data": {"number": number.to_string()},
            }]},
            "manifestConfigs": [{
                "resourceIdentifier": {
                    "group": "",
                    "resource": "configmaps",
                    "name": name,
                    "namespace": "default",
                },
                "feedbackRules": [{
                    "type": "JSONPaths",
                    "jsonPaths": [{"name": "number", "path": ".data.number"}],
                }],
            }],
        },
    });
    object.to_string().into()
}
