//! An API server in the process: a hub, or a managed cluster.

use std::sync::Arc;

use api::{Behaviour, Catalogue};
use apiserver::certificates::CertificateSigner;
use apiserver::tokens::{Keyring, ServiceAccountTokens};
use apiserver::{Answers, ApiServer, Config, InFlightLimits, Registry, User};
use kube::Client;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use serde_json::json;
use store::{Embedded, Options};
use tempfile::TempDir;
use tokio::task::JoinSet;

#[derive(Debug)]
pub(super) struct Server {
    pub(super) service: ApiServer,
    _dir: TempDir,
    _tasks: JoinSet<()>,
}

impl Server {
    pub(super) async fn start() -> Self {
        Self::of(kinds()).await
    }

    /// One that serves these kinds.
    pub(super) async fn of(kinds: Catalogue) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Embedded::open(dir.path(), Options::default()).await;
        let keyring = Keyring::from_pem(&Keyring::generate_pem().unwrap()).unwrap();
        let issuer = "https://hub.example";
        let tokens = ServiceAccountTokens::new(issuer, vec![issuer.to_owned()], keyring);
        let (service, driver) = ApiServer::start(Config {
            store: Arc::new(store.unwrap()),
            registry: Arc::new(Registry::new(Arc::new(kinds))),
            service_accounts: Arc::new(tokens),
            tokens: Vec::new(),
            answers: Answers::default(),
            in_flight: InFlightLimits::default(),
            signer: Some(Arc::new(signer())),
            audit: None,
            root_ca: None,
        })
        .await
        .unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(driver.run());
        Self {
            service,
            _dir: dir,
            _tasks: tasks,
        }
    }

    /// One who may do everything.
    pub(super) fn admin(&self) -> Client {
        let masters = [User::MASTERS.to_owned()];
        self.service.client(User::new("admin", masters))
    }
}

/// All of the hub's kinds, and nodes, which a managed cluster has.
pub(super) fn kinds() -> Catalogue {
    let nodes = json!({
        "resources": [{
            "version": "v1",
            "names": {
                "kind": "Node",
                "listKind": "NodeList",
                "plural": "nodes",
                "singular": "node",
            },
            "scope": "Cluster",
            "custom": true,
            "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
            "schema": "test.Node",
        }],
        "definitions": {
            "test.Node": {
                "type": "object",
                "properties": {
                    "apiVersion": {"type": "string"},
                    "kind": {"type": "string"},
                    "metadata": {"$ref": "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"},
                    "spec": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": true,
                    },
                    "status": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": true,
                    },
                },
                "x-kubernetes-group-version-kind": [
                    {"group": "", "kind": "Node", "version": "v1"},
                ],
            },
        },
    });
    let mut nodes: Catalogue = serde_json::from_value(nodes).unwrap();
    for resource in &mut nodes.resources {
        resource.behaviour = Behaviour::CUSTOM;
    }
    let mut all = api::all();
    all.resources.extend(nodes.resources);
    all.definitions.extend(nodes.definitions);
    all
}

/// Signs clients' certificates for a day at most.
pub(super) fn signer() -> CertificateSigner {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap().pem();
    CertificateSigner::new(&certificate, &key.serialize_pem(), time::Duration::DAY).unwrap()
}
