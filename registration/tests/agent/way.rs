//! The agent's way to the hub: every request counts, and may be its last.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use apiserver::{ApiServer, Body, User};
use futures_util::future::BoxFuture;
use http::{Request, Response};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::{Api, Client};
use registration::agent::{
    Credential, CredentialStore, FirstToken, HubAccess, HubAccessError, HubEndpoint, Proof,
    StoreError, Stored,
};
use registration::token::{AUDIENCE, TokenClaims, account};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::{Notify, watch};
use tower::Service;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Counts the points at which an agent may be killed, and stops it for good at
/// one of them.
#[derive(Debug)]
pub(super) struct Points {
    passed: AtomicUsize,
    last: usize,
    reached: Notify,
}

impl Points {
    pub(super) fn until(last: usize) -> Arc<Self> {
        Arc::new(Self {
            passed: AtomicUsize::new(0),
            last,
            reached: Notify::new(),
        })
    }

    /// No point is the last.
    pub(super) fn endless() -> Arc<Self> {
        Self::until(usize::MAX)
    }

    async fn pass(&self) {
        if self.passed.fetch_add(1, Ordering::SeqCst) >= self.last {
            self.reached.notify_one();
            std::future::pending().await
        }
    }

    /// Waits until the agent has come to its last point.
    pub(super) async fn reached(&self) {
        self.reached.notified().await;
    }
}

/// A way to a hub in the process. Who bootstraps is a user with OCM's rights
/// for that; a certificate is one's user as it is at a real server.
#[derive(Debug)]
pub(super) struct Way {
    service: ApiServer,
    endpoint: watch::Sender<HubEndpoint>,
    points: Arc<Points>,
    /// Every request: its verb and path.
    pub(super) requests: Arc<Mutex<Vec<String>>>,
    /// Called when who bootstraps is asked for, and with each certificate.
    pub(super) bootstraps: AtomicUsize,
    pub(super) entered: Mutex<Vec<Credential>>,
    /// The secrets that first tokens were asked for with.
    pub(super) claims: Mutex<Vec<String>>,
}

pub(super) const BOOTSTRAPPERS: &str = "system:bootstrappers:managedcluster";

impl Way {
    pub(super) fn new(service: &ApiServer, points: Arc<Points>) -> Arc<Self> {
        Arc::new(Self {
            service: service.clone(),
            endpoint: watch::Sender::new(endpoint("https://hub.example:8443")),
            points,
            requests: Arc::default(),
            bootstraps: AtomicUsize::new(0),
            entered: Mutex::default(),
            claims: Mutex::default(),
        })
    }

    /// The hub is there from now on.
    pub(super) fn move_to(&self, server: &str) {
        self.endpoint.send_replace(endpoint(server));
    }

    /// How many requests of that verb went to paths with that end.
    pub(super) fn count(&self, verb: &str, end: &str) -> usize {
        let requests = self.requests.lock().unwrap();
        let of = requests.iter().filter(|request| {
            let (asked, path) = request.split_once(' ').unwrap();
            asked == verb && path.ends_with(end)
        });
        of.count()
    }

    fn client(&self, user: User) -> Client {
        let service = Counting {
            service: self.service.clone(),
            user,
            points: self.points.clone(),
            requests: self.requests.clone(),
        };
        Client::new(service, "default")
    }
}

fn endpoint(server: &str) -> HubEndpoint {
    HubEndpoint {
        cluster: "hub".to_owned(),
        server: server.to_owned(),
        ..HubEndpoint::default()
    }
}

impl HubAccess for Way {
    fn endpoint(&self) -> watch::Receiver<HubEndpoint> {
        self.endpoint.subscribe()
    }

    fn trust(&self, endpoint: HubEndpoint) {
        self.endpoint.send_replace(endpoint);
    }

    fn bootstrap(&self) -> BoxFuture<'_, Result<Client, HubAccessError>> {
        self.bootstraps.fetch_add(1, Ordering::SeqCst);
        let groups = [BOOTSTRAPPERS.to_owned()];
        let user = User::new("system:bootstrap:abcdef", groups);
        Box::pin(async { Ok(self.client(user)) })
    }

    fn first_token<'a>(
        &'a self,
        asked: &'a FirstToken<'a>,
    ) -> BoxFuture<'a, Result<SecretString, HubAccessError>> {
        let admin = User::new("admin", [User::MASTERS.to_owned()]);
        let accounts = Api::namespaced(self.service.client(admin), asked.identity.cluster.as_str());
        self.claims
            .lock()
            .unwrap()
            .push(asked.claim.expose_secret().to_owned());
        Box::pin(async move { Ok(issued(&accounts, asked).await) })
    }

    fn enter<'a>(
        &'a self,
        credential: &'a Credential,
    ) -> BoxFuture<'a, Result<Client, HubAccessError>> {
        if let Proof::Token { token, .. } = &credential.proof {
            let user = token_user(token.expose_secret());
            self.entered.lock().unwrap().push(credential.clone());
            return Box::pin(async { Ok(self.client(user)) });
        }
        let pem = certificate_pem(credential).as_bytes();
        let der = CertificateDer::from_pem_slice(pem).unwrap();
        let (_, certificate) = X509Certificate::from_der(&der).unwrap();
        let subject = certificate.subject();
        let name = subject.iter_common_name().next().unwrap();
        let groups = subject.iter_organization().map(|of| of.as_str().unwrap());
        let user = User::new(name.as_str().unwrap(), groups.map(str::to_owned));
        self.entered.lock().unwrap().push(credential.clone());
        Box::pin(async { Ok(self.client(user)) })
    }
}

/// The certificate of an agent that has one.
pub(super) fn certificate_pem(credential: &Credential) -> &str {
    match &credential.proof {
        Proof::Certificate {
            certificate_pem, ..
        } => certificate_pem,
        Proof::Token { .. } => panic!("it goes by a token"),
    }
}

/// Whom a hub knows the holder of a service account's token for.
fn token_user(token: &str) -> User {
    let identity = TokenClaims::of(token).unwrap().identity().unwrap();
    User::service_account(identity.cluster.as_str(), &account(&identity.agent))
}

/// What a hub answers who has shown the secret.
async fn issued(accounts: &Api<ServiceAccount>, asked: &FirstToken<'_>) -> SecretString {
    let spec = TokenRequestSpec {
        audiences: vec![AUDIENCE.to_owned()],
        expiration_seconds: Some(asked.expiration_seconds),
        bound_object_ref: None,
    };
    let request = TokenRequest {
        spec,
        ..TokenRequest::default()
    };
    let name = account(&asked.identity.agent);
    let params = PostParams::default();
    let issued = accounts
        .create_token_request(&name, &params, &request)
        .await;
    issued.unwrap().status.unwrap().token.into()
}

#[derive(Clone)]
struct Counting {
    service: ApiServer,
    user: User,
    points: Arc<Points>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Service<Request<kube::client::Body>> for Counting {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<kube::client::Body>) -> Self::Future {
        request.extensions_mut().insert(self.user.clone());
        let Self {
            service,
            points,
            requests,
            ..
        } = self.clone();
        Box::pin(async move {
            points.pass().await;
            let asked = format!("{} {}", request.method(), request.uri().path());
            requests.lock().unwrap().push(asked);
            let response = service.handle(request).await;
            points.pass().await;
            Ok(response)
        })
    }
}

/// A store whose reads and writes are points too.
#[derive(Debug)]
pub(super) struct CountingStore<S> {
    pub(super) store: S,
    pub(super) points: Arc<Points>,
}

impl<S: CredentialStore> CredentialStore for CountingStore<S> {
    fn load(&self) -> BoxFuture<'_, Result<Stored, StoreError>> {
        Box::pin(async {
            self.points.pass().await;
            self.store.load().await
        })
    }

    fn save<'a>(&'a self, stored: &'a Stored) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async {
            self.points.pass().await;
            self.store.save(stored).await?;
            self.points.pass().await;
            Ok(())
        })
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.store.clear()
    }
}
