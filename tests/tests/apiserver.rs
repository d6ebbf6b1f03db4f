//! kubectl beside the hub's own API server and beside a real kube-apiserver:
//! it prints the same.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::large_futures, reason = "there is one of each")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use futures_util::future::join_all;
use tests::api_server;
use tests::cluster::{Cluster, User as KubeUser};
use tests::fixture::{Fixture, Home};
use tests::kubectl::{Call, Kubectl, NAMESPACE};
use tests::namespace::Namespace;
use tests::needs::{self, Needs};
use tests::network::{CLUSTER, Memory, Network};
use tests::normal::normal;
use tests::scratch;
use tests::wait::{GENEROUS, once, until};
use tokio::task::JoinSet;

#[path = "apiserver/matrix.rs"]
mod matrix;
#[path = "apiserver/programs.rs"]
mod programs;

use matrix::{APPLIED, CERTIFICATES, CHANGES, OBJECTS, OBSERVED, READING, RIGHTS, Step, WORKLOADS};

struct Place {
    network: Network,
    cluster: Cluster,
    needs: &'static Needs,
}

impl Home for Place {
    fn home(&self) -> &Namespace {
        self.network.cluster()
    }
}

static PLACE: Fixture<Place> = Fixture::new(|needs| {
    Box::pin(async move {
        let network = Network::create(1, Memory::Default)?;
        let cluster = Cluster::start(needs, network.cluster(), CLUSTER).await?;
        Ok(Place {
            network,
            cluster,
            needs,
        })
    })
});

/// The hub's API server, on a port that kubectl reaches without TLS.
struct Ours {
    kubeconfig: PathBuf,
    _tasks: JoinSet<()>,
}

impl Ours {
    async fn start() -> Result<Self> {
        let folder = scratch::fresh_folder("apiserver")?;
        let (address, tasks) = api_server::listen(&folder, api::core().clone()).await?;
        let kubeconfig = folder.join("kubeconfig");
        std::fs::write(
            &kubeconfig,
            format!(
                "apiVersion: v1\nkind: Config\nclusters:\n- name: ours\n  cluster: {{server: \"http://{address}\"}}\ncontexts:\n- name: {admin}\n  context: {{cluster: ours, user: {admin}}}\nusers:\n- name: {admin}\n  user: {{}}\n",
                admin = KubeUser::ADMIN.name
            ),
        )?;
        Ok(Self {
            kubeconfig,
            _tasks: tasks,
        })
    }
}

/// kubectl for a server of ours and for the real one.
fn beside(place: &'static Place, ours: &Ours) -> (Kubectl, Kubectl) {
    let network = place.network.cluster();
    let kubectl =
        |kubeconfig| Kubectl::new(place.needs, network, kubeconfig, KubeUser::ADMIN.name).unwrap();
    let real = place.cluster.kubeconfig();
    (kubectl(ours.kubeconfig.clone()), kubectl(real))
}

/// A line with the fields in alphabetical order, if it is JSON.
fn ordered(line: &str) -> String {
    match serde_json::from_str::<serde_json::Value>(line) {
        Ok(value) => format!("{value}\n"),
        Err(_) => format!("{line}\n"),
    }
}

/// kubectl of the servers' own version and of others, older and newer.
fn versions(place: &Place) -> Vec<PathBuf> {
    let mut programs = vec![place.needs.peers.join("kubectl")];
    if let Some(others) = needs::clients() {
        let entries = std::fs::read_dir(others).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let is_kubectl = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with("kubectl-"))
        };
        programs.extend(paths.filter(is_kubectl));
    }
    programs
}

/// Goes through a script with each kubectl beside both, and tells all that
/// differs.
async fn compare(place: &'static Place, script: &str, steps: &[Step]) {
    let ours = Ours::start().await.unwrap();
    let versions = versions(place);
    let each = versions.iter().map(|program| {
        let version = program.file_name().unwrap().to_string_lossy();
        // A point is none of a namespace's name.
        let namespace = format!("{script}-{}", version.replace('.', "-"));
        let both = Both::new(place, &ours, program, &namespace);
        async move { (version, both.differences(steps).await) }
    });
    let mut told = String::new();
    for (version, differences) in join_all(each).await {
        if !differences.is_empty() {
            let _ = writeln!(told, "=== {version}\n{differences}");
        }
    }
    assert!(told.is_empty(), "{told}");
}

/// One kubectl beside both servers.
struct Both {
    ours: Kubectl,
    real: Kubectl,
}

impl Both {
    fn new(place: &Place, ours: &Ours, program: &Path, namespace: &str) -> Self {
        let network = place.network.cluster();
        let beside = |kubeconfig| {
            let admin = KubeUser::ADMIN.name;
            let kubectl = Kubectl::new(place.needs, network, kubeconfig, admin).unwrap();
            let kubectl = kubectl.by(program.to_path_buf()).unwrap();
            kubectl.in_namespace(namespace)
        };
        Self {
            ours: beside(ours.kubeconfig.clone()),
            real: beside(place.cluster.kubeconfig()),
        }
    }

    async fn differences(&self, steps: &[Step]) -> String {
        let mut differences = String::new();
        for kubectl in [&self.ours, &self.real] {
            let make = ["create", "namespace", NAMESPACE];
            kubectl.run(&make).await.unwrap().ok();
            let account = async || {
                let account = ["get", "serviceaccount", "default"];
                once(kubectl.run(&account).await.ok()?.code == 0)
            };
            until("the namespace's service account", GENEROUS, account)
                .await
                .unwrap();
        }
        for step in steps {
            let (ours, mut real) =
                futures_util::join!(tell(&self.ours, step), tell(&self.real, step));
            if ours != real && step.command.starts_with("auth can-i") {
                // The real server heeds a new role by and by.
                let heeded = async || {
                    real = tell(&self.real, step).await;
                    once(ours == real)
                };
                // What differs for good is told below.
                let _ = until("heed", GENEROUS, heeded).await;
            }
            if ours != real {
                let _ = writeln!(
                    differences,
                    "$ kubectl {}\n--- ours\n{ours}\n--- real\n{real}\n",
                    step.command
                );
            }
        }
        differences
    }
}

/// What kubectl tells at a step, and how it ends.
async fn tell(kubectl: &Kubectl, step: &Step) -> String {
    let args: Vec<&str> = step.command.split_whitespace().collect();
    let namespace = kubectl.namespace().unwrap_or_default();
    let stdin = step.stdin.replace(NAMESPACE, namespace);
    let call = Call::new(&args)
        .stdin(&stdin)
        .env("KUBE_EDITOR", "sed -i s/one/two/");
    let output = kubectl.call(&call).await.unwrap();
    let stdout: String = output.stdout.lines().map(ordered).collect();
    normal(&format!("{}\n{stdout}\n{}", output.code, output.stderr))
}

#[test]
fn objects_are_made_shown_changed_and_deleted_as_by_the_real_server() {
    PLACE.test(async |place| compare(place, "objects", OBJECTS).await);
}

#[test]
fn configurations_are_applied_as_by_the_real_server() {
    PLACE.test(async |place| compare(place, "applied", APPLIED).await);
}

#[test]
fn rights_are_asked_for_as_of_the_real_server() {
    PLACE.test(async |place| compare(place, "rights", RIGHTS).await);
}

#[test]
fn certificates_and_accounts_are_asked_for_as_of_the_real_server() {
    PLACE.test(async |place| compare(place, "certificates", CERTIFICATES).await);
}

#[test]
fn objects_are_changed_in_each_way_as_by_the_real_server() {
    PLACE.test(async |place| compare(place, "changes", CHANGES).await);
}

#[test]
fn objects_and_what_is_served_are_told_as_by_the_real_server() {
    PLACE.test(async |place| compare(place, "reading", READING).await);
}

#[test]
fn workloads_are_kept_as_by_the_real_server() {
    PLACE.test(async |place| compare(place, "workloads", WORKLOADS).await);
}

#[test]
fn all_that_is_served_is_served_by_the_real_server_too() {
    PLACE.test(async |place| {
        let ours = Ours::start().await.unwrap();
        for program in versions(place) {
            let both = Both::new(place, &ours, &program, "default");
            for command in ["api-versions", "api-resources --no-headers"] {
                let args: Vec<&str> = command.split(' ').collect();
                let real = both.real.run(&args).await.unwrap().ok();
                let real: BTreeSet<String> = normal(&real).lines().map(str::to_owned).collect();
                let ours = both.ours.run(&args).await.unwrap().ok();
                for line in normal(&ours).lines() {
                    assert!(real.contains(line), "{}: {line}", program.display());
                }
            }
        }
    });
}

#[test]
fn each_event_of_a_watch_is_shown_as_of_the_real_server() {
    PLACE.test(async |place| {
        let ours = Ours::start().await.unwrap();
        for program in versions(place) {
            let both = Both::new(place, &ours, &program, "default");
            let (ours, real) = (watched(&both.ours).await, watched(&both.real).await);
            assert_eq!(ours, real, "{}", program.display());
        }
    });
}

/// What `get --watch` shows of a ConfigMap's life.
async fn watched(kubectl: &Kubectl) -> String {
    kubectl
        .run(&["create", "configmap", "early"])
        .await
        .unwrap()
        .ok();
    let watch = "get configmaps --watch --output-watch-events --show-labels --field-selector metadata.name!=kube-root-ca.crt";
    let watch: Vec<&str> = watch.split(' ').collect();
    let watch = kubectl.start(&Call::new(&watch)).unwrap();
    for (command, sign) in [
        ("", "early"),
        ("create configmap late", "late"),
        ("label configmap late of=x", "of=x"),
        ("delete configmap late early", "DELETED    early"),
    ] {
        let args: Vec<&str> = command.split_whitespace().collect();
        if !args.is_empty() {
            kubectl.run(&args).await.unwrap().ok();
        }
        let shown = async || once(normal(&watch.output()).contains(&normal(sign)));
        watch.until(sign, GENEROUS, shown).await.unwrap();
    }
    normal(&watch.output())
}

#[test]
fn what_a_server_says_of_itself_is_said_as_by_the_real_one() {
    PLACE.test(async |place| compare(place, "observed", OBSERVED).await);
}

/// The series of the counted requests about ConfigMaps, without their values.
async fn counted(kubectl: &Kubectl) -> BTreeSet<String> {
    let metrics = kubectl.run(&["get", "--raw", "/metrics"]).await.unwrap();
    let metrics = metrics.ok();
    let lines = metrics.lines().filter(|line| {
        [
            "request_total",
            "request_duration_seconds",
            "longrunning_requests",
        ]
        .iter()
        .any(|name| line.starts_with(&format!("apiserver_{name}")))
            && line.contains("resource=\"configmaps\"")
    });
    let series = lines.filter_map(|line| line.rsplit_once(' '));
    series.map(|(series, _)| in_order(series)).collect()
}

/// A series with its labels in alphabetical order, as no order is said.
fn in_order(series: &str) -> String {
    let (name, labels) = series.split_once('{').unwrap();
    let mut labels: Vec<&str> = labels.trim_end_matches('}').split(',').collect();
    labels.sort_unstable();
    format!("{name}{{{}}}", labels.join(","))
}

#[test]
fn requests_are_counted_under_the_real_servers_names_and_labels() {
    PLACE.test(async |place| {
        let server = Ours::start().await.unwrap();
        let (ours, real) = beside(place, &server);
        for kubectl in [&ours, &real] {
            let create = ["create", "namespace", "counted"];
            kubectl.run(&create).await.unwrap().ok();
            let kubectl = kubectl.in_namespace("counted");
            for command in [
                "create configmap a --from-literal=x=1",
                "create configmap b --from-literal=x=1 --dry-run=server",
                "get configmap a",
                "get configmap b",
                "get configmaps",
                "get configmaps --all-namespaces",
                "label configmap a of=x",
                "apply --server-side -f -",
                "get --raw /api/v1/namespaces/counted/configmaps?watch=1&timeoutSeconds=1",
                "delete configmap a",
                "delete configmaps --all",
                "delete --raw /api/v1/namespaces/counted/configmaps",
            ] {
                let args: Vec<&str> = command.split_whitespace().collect();
                let applied = r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c"}}"#;
                let call = Call::new(&args).stdin(applied);
                kubectl.call(&call).await.unwrap();
            }
        }
        let (ours, real) = (counted(&ours).await, counted(&real).await);
        let other: Vec<&String> = ours.difference(&real).collect();
        assert!(other.is_empty(), "{other:#?}");
        for verb in ["APPLY", "DELETE", "GET", "LIST", "PATCH", "POST", "WATCH"] {
            let verb = format!("verb=\"{verb}\"");
            assert!(ours.iter().any(|of| of.contains(&verb)), "{verb} {ours:#?}");
        }
    });
}
