use std::sync::Arc;
use std::time::Duration;

use api::Catalogue;
use apiserver::certificates::CertificateSigner;
use apiserver::tokens::{Keyring, ServiceAccountTokens};
use apiserver::{Answers, ApiServer, Config, InFlightLimits, Registry, User};
use http::{Method, Request};
use k8s_openapi::ByteString;
use kube::Client;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair};
use registration::hub::{Controllers, Options};
use serde_json::{Value, json};
use store::Embedded;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// A hub with its controllers, asked by one who may do everything.
pub(super) struct Place {
    pub(super) client: Client,
    server: ApiServer,
    _tasks: JoinSet<()>,
    _folder: TempDir,
}

pub(super) const CLUSTERS: &str = "/apis/cluster.open-cluster-management.io/v1/managedclusters";
pub(super) const SETS: &str = "/apis/cluster.open-cluster-management.io/v1beta2/managedclustersets";
pub(super) const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
pub(super) const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

pub(super) const ACCEPTED: &str = "HubAcceptedManagedCluster";
pub(super) const AVAILABLE: &str = "ManagedClusterConditionAvailable";

/// How long something may take that takes moments on an idle machine.
const LIMIT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

impl Place {
    pub(super) async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub(super) async fn with(options: Options) -> Self {
        Self::of(api::all().clone(), options).await
    }

    /// One that serves these kinds.
    pub(super) async fn of(catalogue: Catalogue, options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Embedded::open(folder.path(), store::Options::default());
        let keyring = Keyring::from_pem(&Keyring::generate_pem().unwrap()).unwrap();
        let issuer = "https://hub.example";
        let tokens = ServiceAccountTokens::new(issuer, vec![issuer.to_owned()], keyring);
        let (server, driver) = ApiServer::start(Config {
            store: Arc::new(store.await.unwrap()),
            registry: Arc::new(Registry::new(Arc::new(catalogue))),
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
        let masters = || User::new("admin", [User::MASTERS.to_owned()]);
        let mut tasks = JoinSet::new();
        tasks.spawn(driver.run());
        let controllers = Controllers::new(server.client(masters()), options);
        tasks.spawn(controllers.run(CancellationToken::new()));
        Self {
            client: server.client(masters()),
            server,
            _tasks: tasks,
            _folder: folder,
        }
    }

    /// The hub as somebody else sees it.
    pub(super) fn as_user(&self, name: &str, groups: &[&str]) -> Client {
        let groups = groups.iter().map(|group| (*group).to_owned());
        self.server.client(User::new(name, groups))
    }

    /// The hub as an agent of a cluster sees it.
    pub(super) fn as_agent(&self, cluster: &str) -> Client {
        let group = format!("system:open-cluster-management:{cluster}");
        let agents = "system:open-cluster-management:managed-clusters";
        self.as_user(&agent(cluster), &[&group, agents])
    }

    /// The hub as one sees it who came with a bootstrap token.
    pub(super) fn as_newcomer(&self) -> Client {
        self.as_user(NEWCOMER, &["system:bootstrappers:managedcluster"])
    }

    /// An object, if it is there.
    pub(super) async fn find(&self, path: &str) -> Option<Value> {
        match send(&self.client, Method::GET, path, &Value::Null).await {
            Ok(object) => Some(object),
            Err(404) => None,
            Err(code) => panic!("GET {path}: {code}"),
        }
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        self.find(path).await.unwrap()
    }

    pub(super) async fn post(&self, path: &str, object: &Value) -> Value {
        send(&self.client, Method::POST, path, object)
            .await
            .unwrap()
    }

    pub(super) async fn patch(&self, path: &str, patch: &Value) -> Value {
        send(&self.client, Method::PATCH, path, patch)
            .await
            .unwrap()
    }

    pub(super) async fn delete(&self, path: &str) {
        send(&self.client, Method::DELETE, path, &Value::Null)
            .await
            .unwrap();
    }

    /// A cluster as its agent makes it.
    pub(super) async fn join(&self, name: &str) {
        self.post(CLUSTERS, &cluster(name)).await;
    }

    /// Says whether the hub takes a cluster, as a person does.
    pub(super) async fn decide(&self, name: &str, accepts: bool) {
        let patch = json!({"spec": {"hubAcceptsClient": accepts}});
        self.patch(&format!("{CLUSTERS}/{name}"), &patch).await;
    }

    /// A cluster that has been accepted.
    pub(super) async fn accepted(&self, name: &str) {
        self.join(name).await;
        self.decide(name, true).await;
        self.until_condition(name, ACCEPTED, "True").await;
    }

    /// Says for a cluster's agent how it is.
    pub(super) async fn tell_available(&self, name: &str, status: &str) {
        let path = format!("{CLUSTERS}/{name}");
        let mut conditions = self.get(&path).await["status"]["conditions"].clone();
        let others = conditions.as_array_mut().unwrap();
        others.retain(|of| of["type"] != AVAILABLE);
        others.push(json!({
            "type": AVAILABLE,
            "status": status,
            "reason": "ManagedClusterAvailable",
            "message": "Managed cluster is available",
            "lastTransitionTime": "2026-01-02T03:04:05Z",
        }));
        let patch = json!({"status": {"conditions": others}});
        self.patch(&format!("{path}/status"), &patch).await;
    }

    /// Waits until a cluster has a condition of this status, and returns it.
    pub(super) async fn until_condition(&self, name: &str, kind: &str, status: &str) -> Value {
        let what = format!("{kind}={status} of {name}");
        self.until(&what, async || {
            let cluster = self.find(&format!("{CLUSTERS}/{name}")).await?;
            condition(&cluster, kind).filter(|condition| condition["status"] == status)
        })
        .await
    }

    /// Waits until something is there.
    pub(super) async fn until_there(&self, path: &str) -> Value {
        self.until(path, async || self.find(path).await).await
    }

    /// Waits until something is gone.
    pub(super) async fn until_gone(&self, path: &str) {
        let what = format!("{path} is gone");
        self.until(&what, async || {
            self.find(path).await.is_none().then_some(())
        })
        .await;
    }

    /// Waits until something is so.
    pub(super) async fn until<T>(&self, what: &str, look: impl AsyncFn() -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(begun.elapsed() < LIMIT, "not within a minute: {what}");
            sleep(PAUSE).await;
        }
    }

    /// Waits for an Event of this reason in a cluster's namespace.
    pub(super) async fn until_event(&self, cluster: &str, reason: &str) -> Value {
        let path = format!("/apis/events.k8s.io/v1/namespaces/{cluster}/events");
        self.until(&format!("Event {reason}"), async || {
            let events = self.get(&path).await;
            let mut events = events["items"].as_array().unwrap().iter();
            events.find(|event| event["reason"] == reason).cloned()
        })
        .await
    }

    /// A request for a certificate, by `client`, once it may ask for one.
    pub(super) async fn ask(&self, client: &Client, cluster: &str, request: &Value) -> String {
        let mut request = request.clone();
        let label = json!({"open-cluster-management.io/cluster-name": cluster});
        request["metadata"] = json!({"generateName": format!("{cluster}-"), "labels": label});
        let made = self.until("a certificate may be asked for", async || {
            match send(client, Method::POST, REQUESTS, &request).await {
                Err(403) => None,
                made => Some(made.unwrap()),
            }
        });
        made.await["metadata"]["name"].as_str().unwrap().to_owned()
    }

    /// Whether a request for a certificate is approved.
    pub(super) async fn approval(&self, request: &str) -> Option<Value> {
        let request = self.get(&format!("{REQUESTS}/{request}")).await;
        condition(&request, "Approved")
    }
}

pub(super) const NEWCOMER: &str = "system:bootstrap:abcdef";

/// The name of a cluster's agent.
pub(super) fn agent(cluster: &str) -> String {
    format!("system:open-cluster-management:{cluster}:agent")
}

pub(super) fn cluster(name: &str) -> Value {
    json!({
        "apiVersion": "cluster.open-cluster-management.io/v1",
        "kind": "ManagedCluster",
        "metadata": {"name": name},
        "spec": {},
    })
}

pub(super) fn work(name: &str) -> Value {
    let map = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "default"},
    });
    json!({
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "metadata": {"name": name},
        "spec": {"workload": {"manifests": [map]}},
    })
}

pub(super) fn works(cluster: &str) -> String {
    format!("/apis/work.open-cluster-management.io/v1/namespaces/{cluster}/manifestworks")
}

/// A request for the certificate of an agent of this organization and name.
pub(super) fn certificate_request(organization: &str, name: &str) -> Value {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let agents = "system:open-cluster-management:managed-clusters";
    // A second organization only goes in under a number of its own.
    let another = DnType::CustomDnType(vec![2, 5, 4, 10]);
    for (kind, value) in [
        (DnType::OrganizationName, organization),
        (another, agents),
        (DnType::CommonName, name),
    ] {
        params.distinguished_name.push(kind, value);
    }
    let key = KeyPair::generate().unwrap();
    let pem = params.serialize_request(&key).unwrap().pem().unwrap();
    json!({
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "spec": {
            "request": ByteString(pem.into_bytes()),
            "signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["digital signature", "key encipherment", "client auth"],
        },
    })
}

/// The request that an agent of a cluster makes.
pub(super) fn agents_request(cluster: &str) -> Value {
    let organization = format!("system:open-cluster-management:{cluster}");
    certificate_request(&organization, &agent(cluster))
}

pub(super) fn condition(object: &Value, kind: &str) -> Option<Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().find(|of| of["type"] == kind).cloned()
}

/// Asserts a condition's status, reason and message.
#[track_caller]
pub(super) fn says(condition: &Value, status: &str, reason: &str, message: &str) {
    let found = ["status", "reason", "message"].map(|field| condition[field].as_str().unwrap());
    assert_eq!(found, [status, reason, message]);
}

/// Sends a request; the code of an answer that is none.
pub(super) async fn send(
    client: &Client,
    method: Method,
    path: &str,
    body: &Value,
) -> Result<Value, u16> {
    let mut request = Request::new(if body.is_null() {
        Vec::new()
    } else {
        body.to_string().into_bytes()
    });
    let media = if method == Method::PATCH {
        "application/merge-patch+json"
    } else {
        "application/json"
    };
    let headers = request.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, media.parse().unwrap());
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().unwrap();
    match client.request(request).await {
        Ok(answer) => Ok(answer),
        Err(kube::Error::Api(status)) => Err(status.code),
        Err(error) => panic!("{path}: {error}"),
    }
}

fn signer() -> CertificateSigner {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap().pem();
    CertificateSigner::new(&certificate, &key.serialize_pem(), time::Duration::DAY).unwrap()
}
