//! The hub's own API: a Kubernetes-style API server over the store in the data
//! directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use api::Catalogue;
use apiserver::audit::{AuditFile, AuditLog, SourceAddress};
use apiserver::authentication::{ClientCertificate, Tokens};
use apiserver::tokens::{Keyring, KeyringError, ServiceAccountTokens};
use apiserver::{Answers, ApiServer, Config, Driver, InFlightLimits, Registry, Status};
use bytes::Bytes;
use gateway::{GatewayBody, Peer};
use http::{Request, Response};
use hyper::body::Incoming;
use secrecy::SecretString;
use store::{Embedded, OpenError, Options, Revision};
use time::OffsetDateTime;

use super::known::Known;
use super::signing_files::SigningFiles;
use crate::addresses::Addresses;
use crate::data_dir::{DataDir, DataDirError};
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
    #[error("the audit log {path} cannot be written", path = path.display())]
    Audit { path: PathBuf, source: io::Error },
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
    #[error("the keys of the API server cannot be made")]
    Keyring(#[source] KeyringError),
    #[error("the store in memory cannot be made")]
    Memory(#[source] OpenError),
    #[error("the API server cannot start")]
    Start(#[from] Status),
}

/// From this size on, the audit log is begun anew, and the one before kept.
const AUDIT_LOG_MOST: u64 = 100 << 20;

impl HubApi {
    /// Opens the store, made at the first start, and what is signed with.
    pub(super) async fn start(
        data: &DataDir,
        addresses: &Addresses,
        known: Arc<Known>,
        signing: &SigningFiles,
        audit_log: Option<&Path>,
    ) -> Result<Self, HubApiError> {
        let folder = data.store();
        fs::create_dir_all(&folder).map_err(|source| DataDirError::Write {
            path: folder.clone(),
            source,
        })?;
        let store = Embedded::open(&folder, Options::default()).await;
        let store = Arc::new(store.map_err(|source| HubApiError::Open { folder, source })?);
        let audit = audit_log.map(audit).transpose()?;
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
            signer: Some(signing.signer()),
            audit,
            root_ca: Some(signing.root_ca()),
        })
        .await?;
        Ok(Self {
            server,
            driver,
            store,
        })
    }

    /// One of these kinds whose objects are gone with the process: the hub makes
    /// them of what it knows. Its revisions are larger than those of any before,
    /// so that whoever goes on with an earlier one is told to begin anew.
    pub(super) async fn in_memory(kinds: Catalogue) -> Result<Self, HubApiError> {
        let now = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
        let first = Revision(u64::try_from(now).unwrap_or(1));
        let store = Embedded::in_memory(first, Options::default()).await;
        let store = Arc::new(store.map_err(HubApiError::Memory)?);
        // No service account is known to it, so these sign nothing.
        let keys = Keyring::generate_pem().and_then(|pem| Keyring::from_pem(&pem));
        let keys = keys.map_err(HubApiError::Keyring)?;
        let (server, driver) = ApiServer::start(Config {
            store: store.clone(),
            registry: Arc::new(Registry::new(Arc::new(kinds))),
            service_accounts: Arc::new(ServiceAccountTokens::new("", Vec::new(), keys)),
            tokens: Vec::new(),
            answers: Answers::default(),
            in_flight: InFlightLimits::default(),
            signer: None,
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
}

/// A part of the hub as a user who may do everything there; the name is a
/// service account's in `kube-system`.
pub(super) fn part(name: &str) -> apiserver::User {
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
    let source = SourceAddress(peer.remote.ip());
    request.extensions_mut().insert(source);
    if let Some(certificate) = &peer.certificate
        && certificate.issuer.vouches_for_users()
    {
        let certificate = ClientCertificate(Bytes::copy_from_slice(&certificate.der));
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

fn audit(path: &Path) -> Result<Arc<dyn AuditLog>, HubApiError> {
    let log = AuditFile::open(path, AUDIT_LOG_MOST).map_err(|source| HubApiError::Audit {
        path: path.to_owned(),
        source,
    })?;
    Ok(Arc::new(log))
}
