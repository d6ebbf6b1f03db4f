//! The hub's own API: a Kubernetes-style API server over the store in the data
//! directory.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use apiserver::authentication::{ClientCertificate, Tokens};
use apiserver::certificates::{AuthorityError, CertificateSigner};
use apiserver::tokens::ServiceAccountTokens;
use apiserver::{Answers, ApiServer, Config, Driver, InFlightLimits, Registry, Status};
use bytes::Bytes;
use gateway::{GatewayBody, Peer};
use http::{Request, Response};
use hyper::body::Incoming;
use secrecy::SecretString;
use store::{Embedded, OpenError, Options};
use time::{Duration, OffsetDateTime};

use super::known::Known;
use crate::addresses::Addresses;
use crate::data_dir::{self, DataDir, DataDirError};
use crate::keyring::{self, KeyringFileError};

/// The API server of a hub, and what runs beside it.
pub(super) struct HubApi {
    pub(super) server: ApiServer,
    pub(super) driver: Driver,
    pub(super) store: Arc<Embedded>,
}

/// Why the hub's API cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HubApiError {
    #[error("the hub's authority cannot sign certificates of clients")]
    Authority(#[from] AuthorityError),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Keys(#[from] KeyringFileError),
    #[error(
        "the store in {folder} cannot be opened; if it is damaged, move the data directory away \
         and make another of your last backup with `adit restore`",
        folder = folder.display()
    )]
    Open { folder: PathBuf, source: OpenError },
    #[error("the API server cannot start")]
    Start(#[from] Status),
}

/// The longest that a certificate signed through the API is good for.
const LONGEST_CERTIFICATE: Duration = Duration::days(365);

impl HubApi {
    /// Opens the store, made at the first start, and what is signed with.
    pub(super) async fn start(
        data: &DataDir,
        addresses: &Addresses,
        known: Arc<Known>,
    ) -> Result<Self, HubApiError> {
        let folder = data.store();
        fs::create_dir_all(&folder).map_err(|source| DataDirError::Write {
            path: folder.clone(),
            source,
        })?;
        let store = Embedded::open(&folder, Options::default()).await;
        let store = Arc::new(store.map_err(|source| HubApiError::Open { folder, source })?);
        let certificate = data_dir::read(&data.ca_certificate())?;
        let key = SecretString::from(data_dir::read(&data.ca_key())?);
        let signer = signer(&certificate, &key)?;
        let issuer = addresses.url();
        let keys = keyring::load_or_make(&data.service_account_keys())?;
        let tokens = ServiceAccountTokens::new(issuer.clone(), vec![issuer], keys);
        let (server, driver) = ApiServer::start(Config {
            store: store.clone(),
            registry: Arc::new(Registry::new(Arc::new(api::all()))),
            service_accounts: Arc::new(tokens),
            tokens: vec![Arc::new(HubTokens(known))],
            answers: Answers::default(),
            in_flight: InFlightLimits::default(),
            signer: Some(Arc::new(signer)),
            audit: None,
            root_ca: None,
        })
        .await?;
        Ok(Self {
            server,
            driver,
            store,
        })
    }

    /// A client for a part of the hub, which may do everything there; the name
    /// is a service account's in `kube-system`.
    pub(super) fn client(&self, name: &str) -> kube::Client {
        self.server.client(part(name))
    }

    /// The same for one who keeps the objects of kinds that others only read.
    pub(super) fn keeper(&self, name: &str) -> kube::Client {
        self.server.keeper(part(name))
    }
}

fn part(name: &str) -> apiserver::User {
    let user = format!("system:serviceaccount:kube-system:{name}");
    apiserver::User::new(user, [apiserver::User::MASTERS.to_owned()])
}

/// Whether a path is one of the API's.
pub(super) fn serves(path: &str) -> bool {
    let first = path.split('/').nth(1).unwrap_or_default();
    matches!(
        first,
        "api" | "apis" | "openapi" | "openid" | "version" | ".well-known"
    )
}

/// Answers a request to one of the API's paths.
pub(super) async fn handle(
    server: &ApiServer,
    mut request: Request<Incoming>,
    peer: &Peer,
) -> Response<GatewayBody> {
    if let Some(certificate) = &peer.certificate {
        let certificate = ClientCertificate(Bytes::copy_from_slice(certificate));
        request.extensions_mut().insert(certificate);
    }
    server.handle(request).await.map(GatewayBody::from)
}

/// The tokens that the hub has issued to people.
#[derive(Debug)]
struct HubTokens(Arc<Known>);

impl Tokens for HubTokens {
    fn user(&self, token: &str, _: OffsetDateTime) -> Option<apiserver::User> {
        let user = self.0.user(&SecretString::from(token))?;
        Some(apiserver::User::new(user.name, user.groups))
    }
}

fn signer(certificate: &str, key: &SecretString) -> Result<CertificateSigner, AuthorityError> {
    use secrecy::ExposeSecret as _;

    CertificateSigner::new(certificate, key.expose_secret(), LONGEST_CERTIFICATE)
}
