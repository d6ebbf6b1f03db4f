//! The first command that anybody runs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use http_body_util::BodyExt as _;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{Client, GENEROUS, Identity, Process, arg, run, until, yaml};

const AGGREGATED: &str = "/apis/cluster.core.oam.dev/v1alpha1/clustergateways/edge-2/proxy";

fn client(dir: &Path) -> Client {
    let kubeconfig = dir.join("kubeconfig");
    let server = yaml(&kubeconfig)["clusters"][0]["cluster"]["server"]
        .as_str()
        .unwrap()
        .to_owned();
    let address = server
        .strip_prefix("https://")
        .unwrap()
        .split('/')
        .next()
        .unwrap()
        .to_owned();
    let authority = fs::read_to_string(dir.join("hub/ca.crt")).unwrap();
    Client::new(
        address.parse().unwrap(),
        &authority,
        Identity::of_kubeconfig(&kubeconfig),
    )
}

fn names(list: &str) -> Vec<String> {
    let list: Value = serde_json::from_str(list).unwrap();
    let items = list["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn ready_means_that_both_clusters_answer_at_both_paths() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("demo");
    let mut demo = Process::start(&["demo", "--dir", arg(&dir)]);
    demo.says("\nready\n").await;
    let client = client(&dir);
    for prefix in ["/clusters/edge-1", "/clusters/edge-2", AGGREGATED] {
        let answer = client
            .get(&format!("{prefix}/api/v1/namespaces"))
            .await
            .unwrap();
        assert_eq!(answer.code, 200, "{prefix}: {}", answer.body);
        assert!(
            names(&answer.body).contains(&"kube-system".to_owned()),
            "{}",
            answer.body
        );
        let version = client.get(&format!("{prefix}/version")).await.unwrap();
        assert_eq!(version.code, 200, "{}", version.body);
    }
    let guide = demo.stdout();
    assert!(guide.contains("runs no pods"), "{guide}");
    let contexts = yaml(&dir.join("kubeconfig"))["contexts"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(contexts, 2);
    demo.signal(Signal::INT);
    assert_eq!(demo.end().await, Some(0), "{}", demo.stderr());
}

#[tokio::test]
async fn a_watch_tells_of_a_namespace_as_it_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("demo");
    let mut demo = Process::start(&["demo", "--dir", arg(&dir)]);
    demo.says("\nready\n").await;
    let client = client(&dir);
    let path = "/clusters/edge-1/api/v1/namespaces";
    let list: Value = serde_json::from_str(&client.get(path).await.unwrap().body).unwrap();
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    let watch = format!("{path}?watch=true&resourceVersion={version}");
    let (head, mut watch) = client.open(&watch).await.unwrap();
    assert_eq!(head.status, 200);
    let hello = json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "hello"}});
    assert_eq!(client.post(path, &hello).await, 201);
    let frame = timeout(GENEROUS, watch.body.frame())
        .await
        .expect("an event comes in time");
    let event: Value =
        serde_json::from_slice(&frame.unwrap().unwrap().into_data().unwrap()).unwrap();
    assert_eq!(event["type"], "ADDED");
    assert_eq!(event["object"]["metadata"]["name"], "hello");
}

#[tokio::test]
async fn nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Process::start_with(&["demo"], &[("TMPDIR", arg(folder.path()))]);
    demo.says("\nready\n").await;
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    demo.signal(Signal::INT);
    assert_eq!(demo.end().await, Some(0), "{}", demo.stderr());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_folder_that_was_kept_serves_again_what_was_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = "/clusters/edge-2/api/v1/namespaces/default/configmaps";
    let object = json!({"metadata": {"name": "kept"}, "data": {"a": "b"}});
    for created in [201, 409] {
        let mut demo = Process::start(&["demo", "--dir", arg(folder.path())]);
        demo.says("\nready\n").await;
        let client = client(folder.path());
        assert_eq!(client.get("/readyz").await.unwrap().code, 200);
        assert_eq!(client.post(path, &object).await, created);
        let kept = client.get(&format!("{path}/kept")).await.unwrap();
        assert!(kept.body.contains(r#""a":"b""#), "{}", kept.body);
        let other = "/clusters/edge-1/api/v1/namespaces/default/configmaps/kept";
        assert_eq!(client.get(other).await.unwrap().code, 404);
        demo.signal(Signal::TERM);
        assert_eq!(demo.end().await, Some(0), "{}", demo.stderr());
    }
}

#[tokio::test]
async fn a_cluster_of_the_users_own_is_used_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own");
    let mut first = Process::start(&["demo", "--dir", arg(&own)]);
    first.says("\nready\n").await;
    let kubeconfig = own.join("edge-1/admin.kubeconfig");
    let dir = folder.path().join("demo");
    let cluster = format!("mine={}#hub", arg(&kubeconfig));
    let mut demo = Process::start(&["demo", "--dir", arg(&dir), "--cluster", &cluster]);
    demo.says("\nready\n").await;
    let guide = demo.stdout();
    assert!(guide.contains("acts as an administrator"), "{guide}");
    assert!(!first.stdout().contains("CAUTION"), "{}", first.stdout());
    let answer = client(&dir)
        .get("/clusters/mine/api/v1/namespaces")
        .await
        .unwrap();
    assert_eq!(answer.code, 200, "{}", answer.body);
    assert_eq!(yaml(&dir.join("kubeconfig"))["current-context"], "mine");
    first.signal(Signal::TERM);
    until("the cluster is gone", async || {
        client(&dir)
            .get("/clusters/mine/version")
            .await
            .unwrap()
            .code
            >= 500
    })
    .await;
}

#[tokio::test]
async fn programs_that_are_not_there_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let finished = run(&["demo", "--peers", arg(folder.path())]).await;
    assert_eq!(finished.code, 1);
    assert!(
        finished.stderr.contains("there is no etcd in"),
        "{}",
        finished.stderr
    );
    assert!(!finished.stdout.contains("ready"));
}

/// A program that writes its process id where it is started and goes on.
fn endless(path: &Path) {
    fs::write(
        path,
        "#!/bin/sh\necho $$ > \"$(basename \"$0\").pid\"\nexec sleep 600\n",
    )
    .unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn has_ended(pid: &str) -> bool {
    // Nobody may have waited for it yet.
    fs::read_to_string(format!("/proc/{}/stat", pid.trim())).map_or(true, |stat| {
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('Z'))
    })
}

#[tokio::test]
async fn a_demo_that_is_killed_takes_its_programs_along() {
    if !Path::new("/usr/bin/setpriv").is_file() {
        assert!(std::env::var_os("CI").is_none(), "setpriv is needed");
        eprintln!("skipped: there is no setpriv");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (peers, dir) = (folder.path().join("peers"), folder.path().join("demo"));
    fs::create_dir(&peers).unwrap();
    let programs = ["etcd", "kube-apiserver"];
    for name in programs {
        endless(&peers.join(name));
    }
    let mut demo = Process::start(&["demo", "--dir", arg(&dir), "--peers", arg(&peers)]);
    let pid = |name: &str| fs::read_to_string(dir.join(format!("edge-1/{name}.pid")));
    until("both run", async || {
        programs
            .iter()
            .all(|name| pid(name).is_ok_and(|pid| pid.ends_with('\n')))
    })
    .await;
    demo.signal(Signal::KILL);
    assert_eq!(demo.end().await, None);
    let pids = programs.map(|name| pid(name).unwrap());
    until("both have ended", async || {
        pids.iter().all(|pid| has_ended(pid))
    })
    .await;
}
