use std::sync::Arc;

use api::{Behaviour, Catalogue, Names, Resource, Scope, Storage};
use apiserver::tokens::{Keyring, ServiceAccountTokens};
use apiserver::{Answers, ApiServer, Config, InFlightLimits, Registry, User};
use futures_util::StreamExt as _;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::runtime::watcher::{self, Event, watcher};
use serde_json::{Value, json};
use store::{Embedded, Options};
use tempfile::TempDir;
use tokio::task::JoinSet;

/// An API server in memory and a temporary folder, whose client may do everything.
/// It serves what CustomResourceDefinitions in it define.
#[derive(Debug)]
pub(super) struct Server {
    server: ApiServer,
    _dir: TempDir,
    _tasks: JoinSet<()>,
}

impl Server {
    pub(super) async fn start() -> Self {
        let mut catalogue = api::all();
        let anything = json!({
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": true,
            "properties": {
                "metadata": {"$ref": "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"},
            },
        });
        let anything = serde_json::from_value(anything).unwrap();
        catalogue.definitions.insert("anything".into(), anything);
        catalogue.resources.push(definitions());
        let dir = tempfile::tempdir().unwrap();
        let store = Embedded::open(dir.path(), Options::default())
            .await
            .unwrap();
        let keyring = Keyring::from_pem(&Keyring::generate_pem().unwrap()).unwrap();
        let issuer = "https://api.example";
        let accounts = ServiceAccountTokens::new(issuer, vec![issuer.to_owned()], keyring);
        let (server, driver) = ApiServer::start(Config {
            store: Arc::new(store),
            registry: Arc::new(Registry::new(Arc::new(catalogue.clone()))),
            service_accounts: Arc::new(accounts),
            tokens: Vec::new(),
            answers: Answers::default(),
            in_flight: InFlightLimits::default(),
            signer: None,
            audit: None,
            root_ca: None,
        })
        .await
        .unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(driver.run());
        tasks.spawn(define(server.clone(), catalogue));
        Self {
            server,
            _dir: dir,
            _tasks: tasks,
        }
    }

    pub(super) fn client(&self) -> Client {
        client(&self.server)
    }

    /// A client that may do what roles let its user do.
    pub(super) fn client_of(&self, user: &str) -> Client {
        let groups = ["system:authenticated".to_owned()];
        self.server.client(User::new(user, groups))
    }
}

fn client(server: &ApiServer) -> Client {
    server.client(User::new("admin", [User::MASTERS.to_owned()]))
}

/// Serves a kind as soon as there is a definition of it.
async fn define(server: ApiServer, mut catalogue: Catalogue) {
    let kind = ApiResource {
        group: "apiextensions.k8s.io".to_owned(),
        version: "v1".to_owned(),
        api_version: "apiextensions.k8s.io/v1".to_owned(),
        kind: "CustomResourceDefinition".to_owned(),
        plural: "customresourcedefinitions".to_owned(),
    };
    let definitions: Api<DynamicObject> = Api::all_with(client(&server), &kind);
    let mut events = watcher(definitions, watcher::Config::default()).boxed();
    while let Some(event) = events.next().await {
        if let Ok(Event::Apply(definition) | Event::InitApply(definition)) = event {
            catalogue.resources.push(defined(&definition.data["spec"]));
            let registry = Registry::new(Arc::new(catalogue.clone()));
            server.replace_registry(Arc::new(registry));
        }
    }
}

/// CustomResourceDefinitions, whatever is in them.
fn definitions() -> Resource {
    defined(&json!({
        "group": "apiextensions.k8s.io",
        "scope": "Cluster",
        "names": {
            "kind": "CustomResourceDefinition",
            "plural": "customresourcedefinitions",
        },
    }))
}

/// A kind of any content.
fn defined(spec: &Value) -> Resource {
    let text = |value: &Value| -> Box<str> { value.as_str().unwrap().into() };
    let names = &spec["names"];
    let all = api::ocm();
    let like = all
        .resources
        .iter()
        .find(|of| &*of.names.plural == "clusterclaims");
    let like = like.unwrap();
    Resource {
        group: text(&spec["group"]),
        version: "v1".into(),
        names: Names {
            kind: text(&names["kind"]),
            list_kind: format!("{}List", names["kind"].as_str().unwrap()).into(),
            plural: text(&names["plural"]),
            singular: text(&names["kind"]).to_lowercase().into(),
            short_names: [].into(),
            categories: [].into(),
        },
        scope: match spec["scope"].as_str() {
            Some("Cluster") => Scope::Cluster,
            _ => Scope::Namespaced,
        },
        storage: Storage::Own,
        schema: "anything".into(),
        behaviour: Behaviour::CUSTOM,
        ..like.clone()
    }
}
