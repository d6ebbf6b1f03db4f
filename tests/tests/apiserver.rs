//! kubectl beside the hub's own API server and beside a real kube-apiserver:
//! it prints the same.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

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

/// Goes through a script beside both, and tells all that differs.
async fn compare(place: &'static Place, namespace: &str, script: &[matrix::Step]) {
    let ours = Ours::start().await.unwrap();
    let network = place.network.cluster();
    let beside =
        |kubeconfig| Kubectl::new(place.needs, network, kubeconfig, KubeUser::ADMIN.name).unwrap();
    let (ours, real) = (
        beside(ours.kubeconfig.clone()),
        beside(place.cluster.kubeconfig()),
    );
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
            let text = format!("{}\n{}\n{}", output.code, output.stdout, output.stderr);
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
