use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::Catalogue;
use apiserver::audit::AuditLog;
use apiserver::certificates::CertificateSigner;
use apiserver::tokens::{Keyring, ServiceAccountTokens};
use apiserver::{Answers, ApiServer, Body, Config, InFlightLimits, Registry, User};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use serde_json::{Value, json};
use store::{Embedded, Options};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A server of the core kinds, asked by one who
/// may do everything.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) service: ApiServer,
    pub(super) store: Arc<Embedded>,
    pub(super) audit: Arc<Lines>,
    _dir: TempDir,
    _tasks: JoinSet<()>,
}

impl Server {
    pub(super) async fn start() -> Self {
        Self::of(api::core().clone()).await
    }

    /// One of these kinds.
    pub(super) async fn of(catalogue: Catalogue) -> Self {
        Self::with(catalogue, None, InFlightLimits::default()).await
    }

    /// One whose certificates are published.
    pub(super) async fn publishing(root_ca: watch::Receiver<Arc<str>>) -> Self {
        Self::with(
            api::core().clone(),
            Some(root_ca),
            InFlightLimits::default(),
        )
        .await
    }

    /// One that lets so much happen at once.
    pub(super) async fn bounded(in_flight: InFlightLimits) -> Self {
        Self::with(api::core().clone(), None, in_flight).await
    }

    async fn with(
        catalogue: Catalogue,
        root_ca: Option<watch::Receiver<Arc<str>>>,
        in_flight: InFlightLimits,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Embedded::open(dir.path(), Options::default())
            .await
            .unwrap();
        let store = Arc::new(store);
        let keyring = Keyring::from_pem(&Keyring::generate_pem().unwrap()).unwrap();
        let issuer = "https://hub.example";
        let audit = Arc::new(Lines::default());
        let (service, driver) = ApiServer::start(Config {
            store: store.clone(),
            registry: Arc::new(Registry::new(Arc::new(catalogue))),
            service_accounts: Arc::new(ServiceAccountTokens::new(
                issuer,
                vec![issuer.to_owned()],
                keyring,
            )),
            tokens: Vec::new(),
            answers: Answers::default(),
            in_flight,
            signer: Some(Arc::new(signer())),
            audit: Some(audit.clone()),
            root_ca,
        })
        .await
        .unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(driver.run());
        Self {
            service,
            store,
            audit,
            _dir: dir,
            _tasks: tasks,
        }
    }

    pub(super) async fn send(&self, method: Method, path: &str, body: Vec<u8>) -> Answer {
        self.send_as(method, path, "application/json", body).await
    }

    /// Sends a body of a certain media type.
    pub(super) async fn send_as(
        &self,
        method: Method,
        path: &str,
        media: &str,
        body: Vec<u8>,
    ) -> Answer {
        let response = self.open(method, path, media, body).await;
        let code = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Answer {
            code,
            body: serde_json::from_slice(&bytes).unwrap(),
        }
    }

    /// Sends a request and leaves the answer's body to the caller.
    pub(super) async fn open(
        &self,
        method: Method,
        path: &str,
        media: &str,
        body: Vec<u8>,
    ) -> Response<Body> {
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        let media = media.parse().unwrap();
        request.headers_mut().insert(CONTENT_TYPE, media);
        let masters = [User::MASTERS.to_owned()];
        request.extensions_mut().insert(User::new("admin", masters));
        self.service.handle(request).await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, Vec::new()).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Answer {
        let body = with_kind(path, body).to_string();
        self.send(Method::POST, path, body.into()).await
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> Answer {
        let body = with_kind(path, body).to_string();
        self.send(Method::PUT, path, body.into()).await
    }

    pub(super) async fn delete(&self, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.send(Method::DELETE, path, body.into()).await
    }

    /// Waits for what a controller brings about.
    pub(super) async fn until(&self, done: impl AsyncFn() -> bool) {
        let waits = async {
            while !done().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waits)
            .await
            .unwrap();
    }

    /// Makes a ConfigMap in `default`.
    pub(super) async fn config_map(&self, name: &str, labels: &Value) -> Value {
        let object = json!({"metadata": {"name": name, "labels": labels}, "data": {"a": "1"}});
        self.post(CONFIG_MAPS, &object).await.ok(201)
    }
}

/// An audit log in memory.
#[derive(Debug, Default)]
pub(super) struct Lines(Mutex<Vec<Value>>);

impl Lines {
    /// The line of a request.
    pub(super) fn of(&self, id: &str) -> Option<Value> {
        let lines = self.0.lock().unwrap();
        lines.iter().find(|line| line["auditID"] == id).cloned()
    }
}

impl AuditLog for Lines {
    fn take(&self, line: Bytes) -> bool {
        let line = serde_json::from_slice(&line).unwrap();
        self.0.lock().unwrap().push(line);
        true
    }
}

/// Signs clients' certificates for a day at most.
fn signer() -> CertificateSigner {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap().pem();
    CertificateSigner::new(&certificate, &key.serialize_pem(), time::Duration::DAY).unwrap()
}

/// An answer that was read whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) code: u16,
    pub(super) body: Value,
}

impl Answer {
    /// The body of an answer with that code.
    #[track_caller]
    pub(super) fn ok(self, code: u16) -> Value {
        assert_eq!(self.code, code, "{}", self.body);
        self.body
    }

    /// The message of a failure with that code and reason.
    #[track_caller]
    pub(super) fn failed(self, code: u16, reason: &str) -> String {
        assert_eq!(self.code, code, "{}", self.body);
        // Some of the real server's errors have no reason.
        let told = self.body["reason"].as_str().unwrap_or_default();
        assert_eq!(told, reason, "{}", self.body);
        assert_eq!(self.body["code"], code, "{}", self.body);
        self.body["message"].as_str().unwrap().to_owned()
    }
}

/// The body, which says of what kind it is if its resource is a custom one:
/// of those the server does not guess it.
pub(super) fn with_kind(path: &str, body: &Value) -> Value {
    let mut body = body.clone();
    let custom = api::ocm().resources.iter().find(|of| {
        let collection = format!("/{}", of.names.plural);
        path.contains(&format!("/{}/", of.api_version()))
            && (path.ends_with(&collection) || path.contains(&format!("{collection}/")))
    });
    if let (Some(resource), Some(fields)) = (custom, body.as_object_mut()) {
        fields
            .entry("kind")
            .or_insert((&*resource.names.kind).into());
        fields
            .entry("apiVersion")
            .or_insert(resource.api_version().into());
    }
    body
}

pub(super) const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
