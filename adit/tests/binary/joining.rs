//! A cluster joins a hub, is accepted, serves it and leaves it again. The
//! cluster is another hub: its API server is one like any other.

use std::time::Duration;

use api::types::cluster::ManagedCluster;
use api::types::work::ManifestWork;
use http_body_util::BodyExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::events::v1::Event;
use kube::api::PostParams;
use kube::config::{AuthInfo, Kubeconfig};
use kube::{Api, Client};
use registration::hub::accept::{Whose, accept};
use rustix::process::Signal;
use tokio::time::{sleep, timeout};

use crate::support::{GENEROUS, Open, Process, TestHub, arg, run, until};

const STATE: &str = "state";
/// Between two looks at what commands say.
const POLL: Duration = Duration::from_millis(500);

/// The flags of the command that the hub prints for joining as edge-1.
async fn printed(hub: &TestHub) -> Vec<String> {
    let made = hub
        .adit(&["token", "create", "--join", "--cluster-name", "edge-1"])
        .await;
    let words = made.stdout.split_whitespace().map(str::to_owned);
    words.skip(2).collect()
}

/// Starts `adit join` for a cluster, with its state beside the hub's data.
fn join(hub: &TestHub, cluster: &TestHub, flags: &[String]) -> Process {
    let (kubeconfig, state) = (cluster.data().join("admin.kubeconfig"), hub.beside(STATE));
    let mut args = vec!["join"];
    args.extend(flags.iter().map(String::as_str));
    args.extend(["--kubeconfig", arg(&kubeconfig), "--state-dir", arg(&state)]);
    args.extend(["--allow-impersonate", "system:masters"]);
    Process::start(&args)
}

async fn condition(clusters: &Api<ManagedCluster>, kind: &str) -> Option<String> {
    let cluster = clusters.get_opt("edge-1").await.unwrap()?;
    let conditions = cluster.status?.conditions;
    let found = conditions.into_iter().find(|of| of.type_ == kind)?;
    Some(found.status)
}

async fn accepted(admin: &Client) {
    let clusters: Api<ManagedCluster> = Api::all(admin.clone());
    until("the cluster asks to join", async || {
        let there = clusters.get_opt("edge-1").await.unwrap().is_some();
        there && {
            let accepted = accept(admin, "edge-1", &Whose::default()).await;
            accepted.unwrap().approved
        }
    })
    .await;
}

async fn available(admin: &Client) {
    let clusters: Api<ManagedCluster> = Api::all(admin.clone());
    for kind in ["ManagedClusterJoined", "ManagedClusterConditionAvailable"] {
        until(kind, async || {
            condition(&clusters, kind).await.as_deref() == Some("True")
        })
        .await;
    }
}

/// Has a cluster join, and be accepted. With a client of the hub's administrator.
async fn joined(hub: &TestHub, cluster: &TestHub) -> (Client, Process) {
    let admin = hub.kube().await;
    let flags = printed(hub).await;
    let process = join(hub, cluster, &flags);
    accepted(&admin).await;
    available(&admin).await;
    (admin, process)
}

#[tokio::test]
async fn a_cluster_joins_is_accepted_and_is_reached() {
    let (hub, cluster) = (TestHub::start().await, TestHub::start().await);
    let (_, mut joined) = joined(&hub, &cluster).await;
    assert_eq!(hub.sessions("edge-1").await.len(), 1);
    let through = hub.client(hub.administrator());
    let answer = through.get("/clusters/edge-1/api/v1/namespaces").await;
    let answer = answer.unwrap();
    assert_eq!(answer.code, 200, "{}", answer.body);
    assert!(answer.body.contains("kube-system"), "{}", answer.body);

    // Started again, it needs no token, and no word of where its hub is.
    joined.signal(Signal::TERM);
    assert_eq!(joined.end().await, Some(0), "{}", joined.stderr());
    until("its session is over", async || {
        hub.sessions("edge-1").await.is_empty()
    })
    .await;
    let mut again = join(&hub, &cluster, &[]);
    until("its session again", async || {
        hub.sessions("edge-1").await.len() == 1
    })
    .await;
    again.signal(Signal::TERM);
    assert_eq!(again.end().await, Some(0), "{}", again.stderr());

    let (kubeconfig, state) = (cluster.data().join("admin.kubeconfig"), hub.beside(STATE));
    let args = [
        "unjoin",
        "--kubeconfig",
        arg(&kubeconfig),
        "--state-dir",
        arg(&state),
    ];
    let left = run(&args).await;
    assert_eq!(left.code, 0, "{}", left.stderr);
    assert!(left.stdout.contains("edge-1 has left"), "{}", left.stdout);
    assert!(!state.join("tls.key").exists());
}

/// Makes a work of one ConfigMap of its name.
async fn work(admin: &Client, name: &str) {
    let work = serde_json::json!({
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "metadata": {"name": name},
        "spec": {"workload": {"manifests": [{
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "default"},
        }]}},
    });
    let works: Api<ManifestWork> = Api::namespaced(admin.clone(), "edge-1");
    let work = serde_json::from_value(work).unwrap();
    works.create(&PostParams::default(), &work).await.unwrap();
}

#[tokio::test]
async fn a_hub_restored_from_a_backup_takes_nothing_away_from_its_clusters() {
    let (mut hub, cluster) = (TestHub::start().await, TestHub::start().await);
    let (admin, _joined) = joined(&hub, &cluster).await;
    let maps: Api<ConfigMap> = Api::namespaced(cluster.kube().await, "default");
    let applied = async |name: &str| {
        until(name, async || maps.get_opt(name).await.unwrap().is_some()).await;
    };
    work(&admin, "before").await;
    applied("before").await;
    let file = hub.beside("backup");
    hub.adit(&["backup", arg(&file)]).await;
    work(&admin, "after").await;
    applied("after").await;

    hub.stop().await;
    std::fs::remove_dir_all(hub.data()).unwrap();
    let restored = run(&["restore", arg(&file), "--data-dir", arg(&hub.data())]).await;
    assert_eq!(restored.code, 0, "{}", restored.stderr);
    hub.start_again().await;
    let admin = hub.kube().await;
    let events: Api<Event> = Api::namespaced(admin.clone(), "edge-1");
    until("the hub's people are told what it has not", async || {
        let events = events.list(&kube::api::ListParams::default()).await;
        let mut events = events.unwrap().items.into_iter();
        events.any(|of| {
            let note = of.note.unwrap_or_default();
            of.reason.as_deref() == Some("AbsentAfterRestore") && note.contains("work after")
        })
    })
    .await;
    work(&admin, "later").await;
    applied("later").await;
    for name in ["before", "after"] {
        assert!(maps.get_opt(name).await.unwrap().is_some(), "{name}");
    }
}

/// Waits until a watch tells this.
async fn tells(open: &mut Open, what: &str) {
    let mut told = String::new();
    while !told.contains(what) {
        let frame = timeout(GENEROUS, open.body.frame()).await;
        let frame = frame.unwrap_or_else(|_| panic!("no {what}: {told}"));
        let data = frame.unwrap().unwrap().into_data().unwrap();
        told.push_str(std::str::from_utf8(&data).unwrap());
    }
}

#[tokio::test]
async fn a_cluster_that_has_joined_goes_over_to_another_authority_by_itself() {
    let (hub, cluster) = (TestHub::start().await, TestHub::start().await);
    let (_, mut joined) = joined(&hub, &cluster).await;
    // As long as somebody uses it, the session of the old certificate goes on.
    let namespaces = "/clusters/edge-1/api/v1/namespaces";
    let through = hub.client(hub.administrator());
    let (_, mut watch) = through
        .open(&format!("{namespaces}?watch=1"))
        .await
        .unwrap();
    tells(&mut watch, "kube-system").await;

    hub.adit(&["ca", "rotate"]).await;
    let over = async {
        loop {
            let shown = hub.adit(&["ca", "show"]).await;
            let named = shown.stdout.contains("only of the old authority: edge-1:");
            if !named && !shown.stderr.contains("the hub does not say") {
                break;
            }
            sleep(POLL).await;
        }
    };
    // Agents take their time for it, up to half a minute.
    let over = timeout(3 * GENEROUS, Box::pin(over)).await;
    over.unwrap_or_else(|_| panic!("it is named still: {}", joined.stderr()));
    let made = serde_json::json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": "made-meanwhile"}});
    assert_eq!(through.post(namespaces, &made).await, 201);
    tells(&mut watch, "made-meanwhile").await;

    hub.adit(&["ca", "retire"]).await;
    until(
        "the end of the session of the old certificate",
        async || hub.sessions("edge-1").await.len() == 1,
    )
    .await;
    let shown = hub.adit(&["ca", "show"]).await.stdout;
    assert!(shown.contains("everything"), "{shown}");
    let answer = hub.client(hub.administrator()).get(namespaces).await;
    assert_eq!(answer.unwrap().code, 200);

    // What it has kept is enough to come again.
    joined.signal(Signal::TERM);
    assert_eq!(joined.end().await, Some(0), "{}", joined.stderr());
    let _again = join(&hub, &cluster, &[]);
    until("its session again", async || {
        let sessions = hub.sessions("edge-1").await;
        sessions.len() == 1 && sessions[0]["authority"] == shown_name(&shown)
    })
    .await;
}

/// The name of the authority in the first line of a table of them.
fn shown_name(table: &str) -> &str {
    let line = table.lines().nth(1).unwrap();
    line.split("  ").next().unwrap().trim()
}

/// The hub's API is one like any other too.
#[tokio::test]
async fn a_cluster_joins_a_hub_by_a_kubeconfig_and_applies_its_works_without_a_tunnel() {
    let (hub, cluster) = (TestHub::start().await, TestHub::start().await);
    let admin = hub.kube().await;
    let flags = printed(&hub).await;
    let token = flags.iter().position(|flag| flag == "--token").unwrap() + 1;
    let mut bootstrap = Kubeconfig::read_from(hub.data().join("admin.kubeconfig")).unwrap();
    for user in &mut bootstrap.auth_infos {
        user.auth_info = Some(AuthInfo {
            token: Some(flags[token].clone().into()),
            ..AuthInfo::default()
        });
    }
    let kubeconfig = hub.beside("bootstrap.kubeconfig");
    std::fs::write(&kubeconfig, serde_saphyr::to_string(&bootstrap).unwrap()).unwrap();
    let (managed, state) = (cluster.data().join("admin.kubeconfig"), hub.beside(STATE));
    let mut args = vec![
        "join",
        "--kubeconfig",
        arg(&managed),
        "--state-dir",
        arg(&state),
    ];
    let again = args.clone();
    args.extend([
        "--hub-kubeconfig",
        arg(&kubeconfig),
        "--cluster-name",
        "edge-1",
    ]);
    let mut joined = Process::start(&args);
    accepted(&admin).await;
    available(&admin).await;
    assert!(hub.sessions("edge-1").await.is_empty());

    work(&admin, "settings").await;
    let maps: Api<ConfigMap> = Api::namespaced(cluster.kube().await, "default");
    until("its work is applied", async || {
        maps.get_opt("settings").await.unwrap().is_some()
    })
    .await;
    joined.signal(Signal::TERM);
    assert_eq!(joined.end().await, Some(0), "{}", joined.stderr());

    let mut lost = Process::start(&again);
    assert_eq!(lost.end().await, Some(1));
    let said = lost.stderr();
    assert!(said.contains("pass --hub-kubeconfig again"), "{said}");
}

#[tokio::test]
async fn a_kubeconfig_for_the_hub_that_is_of_no_use_is_told_at_once() {
    let cluster = TestHub::start().await;
    let kubeconfig = cluster.data().join("admin.kubeconfig");
    let (state, given) = (cluster.beside(STATE), cluster.beside("hub.kubeconfig"));
    let args = [
        "join",
        "--kubeconfig",
        arg(&kubeconfig),
        "--state-dir",
        arg(&state),
        "--hub-kubeconfig",
        arg(&given),
    ];
    let missing = run(&args).await;
    assert_eq!(missing.code, 1, "{}", missing.stderr);
    assert!(missing.stderr.contains(arg(&given)), "{}", missing.stderr);

    let mut proxied = Kubeconfig::read_from(&kubeconfig).unwrap();
    for named in &mut proxied.clusters {
        let cluster = named.cluster.as_mut().unwrap();
        cluster.proxy_url = Some("http://proxy.example.org:3128".to_owned());
    }
    std::fs::write(&given, serde_saphyr::to_string(&proxied).unwrap()).unwrap();
    let proxied = run(&args).await;
    assert_eq!(proxied.code, 1, "{}", proxied.stderr);
    assert!(proxied.stderr.contains("proxy"), "{}", proxied.stderr);

    for other in [
        ["--hub", "hub.example.org:8443"],
        ["--token", "abcdef.0123456789abcdef"],
        ["--registration-auth", "token"],
        ["--expose", "*/*:*"],
    ] {
        let both = run(&[&args[..], &other[..]].concat()).await;
        assert_eq!(both.code, 2, "{other:?}: {}", both.stderr);
    }
}

#[tokio::test]
async fn a_hub_of_another_authority_is_not_talked_to() {
    let (hub, cluster) = (TestHub::start().await, TestHub::start().await);
    let mut flags = printed(&hub).await;
    let pin = flags.iter().position(|flag| flag == "--ca-pin").unwrap() + 1;
    let other = printed(&cluster).await;
    let of_other = other.iter().position(|flag| flag == "--ca-pin").unwrap() + 1;
    flags[pin].clone_from(&other[of_other]);
    let mut joined = join(&hub, &cluster, &flags);
    until("it says so", async || {
        joined
            .stderr()
            .contains("the hub shows no authority of --ca-pin")
    })
    .await;
    joined.signal(Signal::KILL);
    joined.end().await;
}

#[tokio::test]
async fn a_token_that_is_none_is_told_at_once() {
    let (hub, cluster) = (TestHub::start().await, TestHub::start().await);
    let mut flags = printed(&hub).await;
    let token = flags.iter().position(|flag| flag == "--token").unwrap() + 1;
    "abcdef.0123456789abcdef".clone_into(&mut flags[token]);
    let mut joined = join(&hub, &cluster, &flags);
    assert_eq!(joined.end().await, Some(1));
    let said = joined.stderr();
    assert!(said.contains("the hub does not know the token"), "{said}");
}

#[tokio::test]
async fn without_state_and_token_nobody_joins() {
    let cluster = TestHub::start().await;
    let mut joined = join(&cluster, &cluster, &[]);
    assert_eq!(joined.end().await, Some(1));
    let said = joined.stderr();
    assert!(said.contains("adit token create --join"), "{said}");
}
