//! Users and permissions by the reviews of an API server.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::Duration;

use apiserver::tokens::{Keyring, ServiceAccountTokens};
use apiserver::{Answers, ApiServer, Config, InFlightLimits, Registry};
use gateway::{Access as _, Decision, Permission, SubjectAccess, Subresource, TokenReviews};
use gateway::{Tokens as _, User};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::api::{DeleteParams, PostParams};
use kube::{Api, Client};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use store::{Embedded, Options};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::harness::within;

/// An API server, and a client of it that may do everything.
struct Hub {
    client: Client,
    tasks: JoinSet<()>,
    _folder: TempDir,
}

/// No test takes as long, so that only a change ends an answer.
const FOR_EVER: Duration = Duration::from_secs(24 * 3600);
const NAME: &str = "dev-edge-7";

impl Hub {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Embedded::open(folder.path(), Options::default()).await;
        let issuer = "https://hub.example".to_owned();
        let keyring = Keyring::from_pem(&Keyring::generate_pem().unwrap()).unwrap();
        let config = Config {
            store: Arc::new(store.unwrap()),
            registry: Arc::new(Registry::new(Arc::new(api::all()))),
            service_accounts: Arc::new(ServiceAccountTokens::new(
                issuer.clone(),
                vec![issuer],
                keyring,
            )),
            tokens: Vec::new(),
            answers: Answers::default(),
            in_flight: InFlightLimits::default(),
            signer: None,
            audit: None,
            root_ca: None,
        };
        let (server, driver) = ApiServer::start(config).await.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(driver.run());
        let masters = [apiserver::User::MASTERS.to_owned()];
        Self {
            client: server.client(apiserver::User::new("gateway", masters)),
            tasks,
            _folder: folder,
        }
    }

    /// Makes a role with this rule about cluster gateways, bound to a group.
    async fn bind(&self, group: &str, mut rule: Value) {
        rule["apiGroups"] = json!(["cluster.core.oam.dev"]);
        let role = json!({"metadata": {"name": NAME}, "rules": [rule]});
        let rbac = "rbac.authorization.k8s.io";
        let binding = json!({
            "metadata": {"name": NAME},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": NAME},
            "subjects": [{"apiGroup": rbac, "kind": "Group", "name": group}],
        });
        let roles = Api::<ClusterRole>::all(self.client.clone());
        roles
            .create(&PostParams::default(), &object(role))
            .await
            .unwrap();
        let bindings = Api::<ClusterRoleBinding>::all(self.client.clone());
        let binding = object(binding);
        bindings
            .create(&PostParams::default(), &binding)
            .await
            .unwrap();
    }

    async fn unbind(&self) {
        let bindings = Api::<ClusterRoleBinding>::all(self.client.clone());
        bindings
            .delete(NAME, &DeleteParams::default())
            .await
            .unwrap();
    }
}

fn object<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn alice() -> User {
    User::new("alice", ["dev".to_owned()]).unwrap()
}

fn permission(verb: &'static str, subresource: Subresource, cluster: &str) -> Permission {
    Permission {
        verb,
        subresource,
        cluster: cluster.parse().unwrap(),
        target: None,
    }
}

fn read(cluster: &str) -> Permission {
    permission("get", Subresource::Proxy, cluster)
}

async fn decide(access: &SubjectAccess, permission: &Permission) -> Decision {
    access.allows(&alice(), permission).await.unwrap()
}

#[tokio::test]
async fn a_role_is_for_its_verbs_subresources_and_clusters() {
    let hub = Hub::start().await;
    let access = SubjectAccess::new(hub.client.clone());
    assert_eq!(decide(&access, &read("edge-7")).await, Decision::Deny);
    let rule = json!({
        "verbs": ["get"],
        "resources": ["clustergateways/proxy"],
        "resourceNames": ["edge-7"],
    });
    hub.bind("dev", rule).await;
    let access = SubjectAccess::new(hub.client.clone());
    assert_eq!(decide(&access, &read("edge-7")).await, Decision::Allow);
    for other in [
        read("edge-8"),
        permission("create", Subresource::Proxy, "edge-7"),
        permission("", Subresource::Proxy, "edge-7"),
        permission("get", Subresource::ProxyService, "edge-7"),
        permission("create", Subresource::Connect, "edge-7"),
    ] {
        assert_eq!(decide(&access, &other).await, Decision::Deny, "{other:?}");
    }
    let bob = User::new("bob", []).unwrap();
    let decision = access.allows(&bob, &read("edge-7")).await.unwrap();
    assert_eq!(decision, Decision::Deny);
    let master = User::new("root", [gateway::MASTERS.to_owned()]).unwrap();
    let decision = access.allows(&master, &read("edge-8")).await.unwrap();
    assert_eq!(decision, Decision::Allow);
}

#[tokio::test]
async fn a_role_may_name_a_target_alone() {
    let hub = Hub::start().await;
    let rule = json!({
        "verbs": ["create"],
        "resources": ["clustergateways/connect"],
        "resourceNames": ["edge-7:db.example.org:5432"],
    });
    hub.bind("dev", rule).await;
    let access = SubjectAccess::new(hub.client.clone());
    for (target, decision) in [
        ("db.example.org:5432", Decision::Allow),
        ("db.example.org:5433", Decision::Deny),
    ] {
        let permission = Permission {
            target: Some(target.to_owned()),
            ..permission("create", Subresource::Connect, "edge-7")
        };
        assert_eq!(decide(&access, &permission).await, decision, "{target}");
    }
}

#[tokio::test]
async fn an_answer_is_kept_until_roles_change() {
    let mut hub = Hub::start().await;
    let rule = json!({"verbs": ["*"], "resources": ["clustergateways/proxy"]});
    hub.bind("dev", rule).await;
    let access = SubjectAccess::keeping_for(FOR_EVER, hub.client.clone());
    assert_eq!(decide(&access, &read("edge-7")).await, Decision::Allow);
    hub.unbind().await;
    let kept = decide(&access, &read("edge-7")).await;
    assert_eq!(kept, Decision::Allow, "nothing has told it of the change");

    let following = access.clone();
    hub.tasks.spawn(async move { following.follow().await });
    within(async {
        while decide(&access, &read("edge-7")).await == Decision::Allow {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_change_of_a_role_drops_answers() {
    let mut hub = Hub::start().await;
    let access = SubjectAccess::keeping_for(FOR_EVER, hub.client.clone());
    let following = access.clone();
    hub.tasks.spawn(async move { following.follow().await });
    assert_eq!(decide(&access, &read("edge-7")).await, Decision::Deny);
    let rule = json!({"verbs": ["*"], "resources": ["clustergateways/proxy"]});
    hub.bind("dev", rule).await;
    within(async {
        while decide(&access, &read("edge-7")).await == Decision::Deny {
            tokio::task::yield_now().await;
        }
    })
    .await;
    hub.unbind().await;
    within(async {
        while decide(&access, &read("edge-7")).await == Decision::Allow {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_service_accounts_token_is_good_while_the_account_is_there() {
    let hub = Hub::start().await;
    let accounts = Api::<ServiceAccount>::namespaced(hub.client.clone(), "default");
    let robot = object(json!({"metadata": {"name": "robot"}}));
    accounts
        .create(&PostParams::default(), &robot)
        .await
        .unwrap();
    let request = object(json!({"spec": {"audiences": []}}));
    let params = PostParams::default();
    let issued = accounts
        .create_token_request("robot", &params, &request)
        .await;
    let token = SecretString::from(issued.unwrap().status.unwrap().token);
    let tokens = TokenReviews::new(hub.client.clone());
    let user = tokens.user(&token).await.unwrap().unwrap();
    assert_eq!(user.name, "system:serviceaccount:default:robot");
    assert!(user.in_group("system:serviceaccounts:default"), "{user:?}");
    let other = SecretString::from("no.such.token");
    assert_eq!(tokens.user(&other).await.unwrap(), None);
    accounts
        .delete("robot", &DeleteParams::default())
        .await
        .unwrap();
    assert_eq!(tokens.user(&token).await.unwrap(), None);
}
