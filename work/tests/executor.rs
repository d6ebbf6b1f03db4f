//! Executors of works, over an API server with a store on disk.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails where something is not as it has to be"
)]

use std::sync::Arc;
use std::time::Duration;

use api::types::work::{Executor, ExecutorSubject, ResourceMeta, ServiceAccountReference};
use apiserver::tokens::{Keyring, ServiceAccountTokens};
use apiserver::{Answers, ApiServer, Config, InFlightLimits, Registry, User};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::rbac::v1::{ClusterRole, Role, RoleBinding};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use store::{Embedded, Options};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::timeout;
use work::agent::executor::{ExecutorError, Executors, RETRY, Wanted};

/// A managed cluster with a service account `default/worker` that may do nothing.
struct Cluster {
    client: Client,
    executors: Arc<Executors>,
    tasks: JoinSet<()>,
    _dir: TempDir,
}

impl Cluster {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Embedded::open(dir.path(), Options::default()).await;
        let keyring = Keyring::from_pem(&Keyring::generate_pem().unwrap()).unwrap();
        let issuer = "https://cluster.example";
        let tokens = ServiceAccountTokens::new(issuer, vec![issuer.to_owned()], keyring);
        let (server, driver) = ApiServer::start(Config {
            store: Arc::new(store.unwrap()),
            registry: Arc::new(Registry::new(Arc::new(api::core().clone()))),
            service_accounts: Arc::new(tokens),
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
        let client = server.client(User::new("agent", [User::MASTERS.to_owned()]));
        Self {
            executors: Arc::new(Executors::new(client.clone())),
            client,
            tasks,
            _dir: dir,
        }
    }

    async fn create<K>(&self, object: Value)
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + DeserializeOwned
            + Serialize
            + std::fmt::Debug,
    {
        let objects: Api<K> = Api::namespaced(self.client.clone(), "default");
        let object = serde_json::from_value(object).unwrap();
        objects
            .create(&PostParams::default(), &object)
            .await
            .unwrap();
    }

    /// Lets the account do this with ConfigMaps and Roles.
    async fn allow(&self, verbs: &[&str]) {
        let rules = json!([
            {"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs},
            {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": verbs},
        ]);
        self.create::<Role>(json!({"metadata": {"name": "worker"}, "rules": rules}))
            .await;
        self.create::<RoleBinding>(json!({
            "metadata": {"name": "worker"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "worker"},
            "subjects": [{"kind": "ServiceAccount", "name": "worker", "namespace": "default"}],
        }))
        .await;
    }

    async fn check(
        &self,
        meta: &ResourceMeta,
        object: &Value,
        owned: bool,
    ) -> Result<(), ExecutorError> {
        let wanted = Wanted {
            meta,
            object,
            owned,
        };
        self.executors.check(&worker(), wanted).await
    }

    /// Whether a ConfigMap may be applied.
    async fn may_apply(&self, owned: bool) -> Result<(), ExecutorError> {
        self.check(&config_map(), &json!({}), owned).await
    }

    /// Whether a Role may be applied that lets one do this with Secrets.
    async fn may_hand_on(&self, name: &str, verbs: &[&str]) -> Result<(), ExecutorError> {
        let meta = ResourceMeta {
            group: "rbac.authorization.k8s.io".to_owned(),
            version: "v1".to_owned(),
            kind: "Role".to_owned(),
            resource: "roles".to_owned(),
            name: name.to_owned(),
            namespace: "default".to_owned(),
            ..ResourceMeta::default()
        };
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {"name": name, "namespace": "default"},
            "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs}],
        });
        self.check(&meta, &role, false).await
    }
}

fn worker() -> Executor {
    Executor {
        subject: ExecutorSubject {
            type_: "ServiceAccount".to_owned(),
            service_account: Some(ServiceAccountReference {
                namespace: "default".to_owned(),
                name: "worker".to_owned(),
            }),
        },
    }
}

fn config_map() -> ResourceMeta {
    ResourceMeta {
        version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        resource: "configmaps".to_owned(),
        name: "a".to_owned(),
        namespace: "default".to_owned(),
        ..ResourceMeta::default()
    }
}

const ALL: [&str; 5] = ["create", "update", "patch", "get", "delete"];

const REFUSED: &str =
    "not allowed to apply the resource  configmaps, default a, will try again in 1m0s";

#[track_caller]
fn refused(result: Result<(), ExecutorError>, message: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.to_string(), message);
    assert_eq!(error.retry_after(), Some(RETRY));
}

#[tokio::test]
async fn an_account_without_rights_may_not_apply() {
    let cluster = Cluster::start().await;
    refused(cluster.may_apply(false).await, REFUSED);
    assert_eq!(RETRY, Duration::from_secs(60));
}

#[tokio::test]
async fn an_account_needs_all_rights_and_to_delete_what_the_work_owns() {
    let cluster = Cluster::start().await;
    cluster.allow(&ALL[..3]).await;
    refused(cluster.may_apply(false).await, REFUSED);
    let cluster = Cluster::start().await;
    cluster.allow(&ALL[..4]).await;
    cluster.may_apply(false).await.unwrap();
    refused(cluster.may_apply(true).await, REFUSED);
    let cluster = Cluster::start().await;
    cluster.allow(&ALL).await;
    cluster.may_apply(true).await.unwrap();
}

#[tokio::test]
async fn an_account_hands_on_no_rights_that_it_does_not_have() {
    let cluster = Cluster::start().await;
    cluster.allow(&ALL).await;
    cluster.may_hand_on("new", &["get"]).await.unwrap();
    let message = "not allowed to apply the resource rbac.authorization.k8s.io roles, default \
                   new, error: permission escalation, will try again in 1m0s";
    refused(cluster.may_hand_on("new", &["list"]).await, message);
    // Of what is there already it is asked the same.
    cluster.may_hand_on("worker", &["get"]).await.unwrap();
    let message = message.replace("new", "worker");
    refused(cluster.may_hand_on("worker", &["list"]).await, &message);
    // It was only tried.
    let roles: Api<Role> = Api::namespaced(cluster.client.clone(), "default");
    assert!(roles.get_opt("new").await.unwrap().is_none());
}

#[tokio::test]
async fn an_executor_is_a_service_account() {
    let cluster = Cluster::start().await;
    let meta = config_map();
    let wanted = Wanted {
        meta: &meta,
        object: &Value::Null,
        owned: false,
    };
    let check = async |executor: Executor| {
        let error = cluster
            .executors
            .check(&executor, wanted)
            .await
            .unwrap_err();
        assert_eq!(error.retry_after(), None);
        error.to_string()
    };
    let mut executor = worker();
    executor.subject.service_account = None;
    let message = "the executor service account is nil";
    assert_eq!(check(executor.clone()).await, message);
    executor.subject.type_ = "User".to_owned();
    let message = "only support ServiceAccount type for the executor";
    assert_eq!(check(executor).await, message);
}

#[tokio::test]
async fn what_is_applied_for_an_account_is_applied_as_it() {
    let cluster = Cluster::start().await;
    let client = cluster.executors.client(&worker()).unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(client, "default");
    let map = || serde_json::from_value(json!({"metadata": {"name": "a"}})).unwrap();
    let Err(kube::Error::Api(status)) = maps.create(&PostParams::default(), &map()).await else {
        panic!("it has no rights");
    };
    assert!(status.is_forbidden());
    let user = "system:serviceaccount:default:worker";
    assert!(status.message.contains(user), "{}", status.message);
    cluster.allow(&ALL).await;
    maps.create(&PostParams::default(), &map()).await.unwrap();
}

#[tokio::test]
async fn an_account_has_the_groups_of_service_accounts() {
    let cluster = Cluster::start().await;
    cluster
        .create::<Role>(json!({
            "metadata": {"name": "all"},
            "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ALL}],
        }))
        .await;
    cluster
        .create::<RoleBinding>(json!({
            "metadata": {"name": "all"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "all"},
            "subjects": [{
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "Group",
                "name": "system:serviceaccounts:default",
            }],
        }))
        .await;
    cluster.may_apply(true).await.unwrap();
}

#[tokio::test]
async fn an_answer_is_remembered_until_rights_change() {
    let mut cluster = Cluster::start().await;
    let mut changes = cluster.executors.changes();
    let executors = cluster.executors.clone();
    cluster.tasks.spawn(async move { executors.follow().await });
    // Of each of the four kinds it is told what there is.
    let within = Duration::from_secs(60);
    let follows = changes.wait_for(|epoch| *epoch >= 4);
    timeout(within, follows).await.unwrap().unwrap();
    refused(cluster.may_apply(false).await, REFUSED);
    cluster.allow(&ALL).await;
    let allowed = async {
        while cluster.may_apply(false).await.is_err() {
            changes.changed().await.unwrap();
        }
    };
    timeout(within, allowed).await.unwrap();
    let bindings: Api<RoleBinding> = Api::namespaced(cluster.client.clone(), "default");
    bindings
        .delete("worker", &DeleteParams::default())
        .await
        .unwrap();
    let refused = async {
        while cluster.may_apply(false).await.is_ok() {
            changes.changed().await.unwrap();
        }
    };
    timeout(within, refused).await.unwrap();
    // A change of a ClusterRole is one too.
    let before = *changes.borrow_and_update();
    let roles: Api<ClusterRole> = Api::all(cluster.client.clone());
    let patch = Patch::Merge(json!({"metadata": {"labels": {"a": "b"}}}));
    roles
        .patch("view", &PatchParams::default(), &patch)
        .await
        .unwrap();
    timeout(within, changes.wait_for(|epoch| *epoch > before))
        .await
        .unwrap()
        .unwrap();
}
