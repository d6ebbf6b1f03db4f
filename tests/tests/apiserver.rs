//! kubectl beside the hub's own API server and beside a real kube-apiserver:
//! it prints the same.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use apiserver::tokens::{Keyring, ServiceAccountTokens};
use apiserver::{Answers, ApiServer, Config, InFlightLimits, Registry, User};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use store::{Embedded, Options};
use tests::cluster::{Cluster, User as KubeUser};
use tests::fixture::{Fixture, Home};
use tests::kubectl::{Call, Kubectl};
use tests::namespace::Namespace;
use tests::needs::Needs;
use tests::network::{CLUSTER, Memory, Network};
use tests::normal::normal;
use tests::scratch;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

#[path = "apiserver/matrix.rs"]
mod matrix;

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
        let store = Embedded::open(&folder, Options::default()).await?;
        let issuer = "https://kubernetes.default.svc";
        let keyring = Keyring::from_pem(&Keyring::generate_pem()?)?;
        let (server, driver) = ApiServer::start(Config {
            store: Arc::new(store),
            registry: Arc::new(Registry::new(Arc::new(api::core().clone()))),
            service_accounts: Arc::new(ServiceAccountTokens::new(
                issuer,
                vec![issuer.to_owned()],
                keyring,
            )),
            tokens: Vec::new(),
            answers: Answers::default(),
            in_flight: InFlightLimits::default(),
            signer: None,
            audit: None,
            root_ca: None,
        })
        .await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let mut tasks = JoinSet::new();
        tasks.spawn(driver.run());
        tasks.spawn(accept(listener, server));
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

async fn accept(listener: TcpListener, server: ApiServer) {
    let mut connections = JoinSet::new();
    while let Ok((connection, _)) = listener.accept().await {
        let server = server.clone();
        connections.spawn(async move {
            let service = service_fn(|mut request: hyper::Request<hyper::body::Incoming>| {
                let masters = [User::MASTERS.to_owned()];
                request.extensions_mut().insert(User::new("admin", masters));
                let server = server.clone();
                async move { Ok::<_, Infallible>(server.handle(request).await) }
            });
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(connection), service)
                .await;
        });
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

/// Goes through a script beside both, and tells all that differs.
async fn compare(place: &'static Place, namespace: &str, script: &[matrix::Step]) {
    let server = Ours::start().await.unwrap();
    let (ours, real) = beside(place, &server);
    let mut differences = String::new();
    for kubectl in [&ours, &real] {
        kubectl
            .run(&["create", "namespace", namespace])
            .await
            .unwrap()
            .ok();
    }
    for step in script {
        let args: Vec<&str> = step.command.split_whitespace().collect();
        let call = Call::new(&args).stdin(step.stdin);
        let told = async |kubectl: &Kubectl| {
            let output = kubectl.in_namespace(namespace).call(&call).await.unwrap();
            let stdout: String = output.stdout.lines().map(ordered).collect();
            let text = format!("{}\n{stdout}\n{}", output.code, output.stderr);
            normal(&text)
        };
        let (ours, real) = (told(&ours).await, told(&real).await);
        if ours != real {
            let _ = writeln!(
                differences,
                "$ kubectl {}\n--- ours\n{ours}\n--- real\n{real}\n",
                step.command
            );
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn objects_are_made_shown_changed_and_deleted_as_by_the_real_server() {
    PLACE.test(async |place| compare(place, "objects", matrix::OBJECTS).await);
}

#[test]
fn configurations_are_applied_as_by_the_real_server() {
    PLACE.test(async |place| compare(place, "applied", matrix::APPLIED).await);
}

#[test]
fn rights_are_asked_for_as_of_the_real_server() {
    PLACE.test(async |place| compare(place, "rights", matrix::RIGHTS).await);
}

#[test]
fn certificates_and_accounts_are_asked_for_as_of_the_real_server() {
    PLACE.test(async |place| compare(place, "certificates", matrix::CERTIFICATES).await);
}

#[test]
fn what_a_server_says_of_itself_is_said_as_by_the_real_one() {
    PLACE.test(async |place| compare(place, "observed", matrix::OBSERVED).await);
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
