//! A cluster of the demo's own: an API server in this process, with a store in
//! the cluster's folder. Nothing runs its pods.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use anyhow::Context as _;
use apiserver::certificates::CertificateSigner;
use apiserver::tokens::ServiceAccountTokens;
use apiserver::{Answers, ApiServer, Config, Driver, InFlightLimits, Registry};
use proto::ClusterName;
use secrecy::{ExposeSecret as _, SecretString};
use store::{Embedded, Options};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::ca::{Authority, Subject};
use crate::data_dir::{self, Secrecy};
use crate::keyring;
use crate::kubeconfig::{HubAccess, Login};
use crate::lifetime::Lifetime;

mod listener;

/// Of the certificates that are made at each start.
const CERTIFICATE: Lifetime = Lifetime::from_days(30);
/// Of those that are signed for CertificateSigningRequests.
const LONGEST_SIGNED: time::Duration = time::Duration::days(30);
/// What a cluster's tokens are issued by, seen from its pods.
const ISSUER: &str = "https://kubernetes.default.svc";

/// What all clusters of the process serve, held once: Kubernetes' own kinds.
static KINDS: LazyLock<Arc<Registry>> =
    LazyLock::new(|| Arc::new(Registry::new(Arc::new(api::core().clone()))));

/// Starts a cluster on a loopback port, with what its folder has from before;
/// returns an administrator's kubeconfig.
///
/// What runs for it is in `tasks` and ends with `stop`.
pub(super) async fn start(
    name: &ClusterName,
    folder: &Path,
    tasks: &mut JoinSet<anyhow::Result<()>>,
    stop: CancellationToken,
) -> anyhow::Result<PathBuf> {
    let socket = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await;
    let socket = socket.context("cannot listen on loopback")?;
    let (authority, key) = authority(name, folder)?;
    let store = Embedded::open(&folder.join("store"), Options::default()).await;
    let store = store.with_context(|| format!("cannot open the store in {}", folder.display()))?;
    let store = Arc::new(store);
    let (server, driver) = serve(folder, store.clone(), &authority, &key).await?;
    let tls = listener::tls(&authority, CERTIFICATE)?;
    let issued = authority.issue_client(&Subject::administrator(), CERTIFICATE)?;
    let access = HubAccess {
        server: format!("https://{}", socket.local_addr()?),
        authority_pem: authority.certificate_pem().to_owned(),
        user: "admin".to_owned(),
        login: Login::Certificate {
            certificate_pem: issued.certificate_pem,
            key_pem: issued.key_pem,
        },
    };
    let kubeconfig = folder.join("admin.kubeconfig");
    save(&kubeconfig, &access.for_hub()?)?;
    tasks.spawn(async move {
        let work = async {
            tokio::join!(driver.run(), listener::accept(socket, tls, server));
        };
        // Dropped when told to stop, and every connection with it.
        stop.run_until_cancelled(Box::pin(work)).await;
        store.close().await;
        Ok(())
    });
    Ok(kubeconfig)
}

async fn serve(
    folder: &Path,
    store: Arc<Embedded>,
    authority: &Authority,
    key: &SecretString,
) -> anyhow::Result<(ApiServer, Driver)> {
    let signer = CertificateSigner::new(
        authority.certificate_pem(),
        key.expose_secret(),
        LONGEST_SIGNED,
    )?;
    let keys = keyring::load_or_make(&folder.join("service-accounts.key"))?;
    let config = Config {
        store,
        registry: KINDS.clone(),
        service_accounts: Arc::new(ServiceAccountTokens::new(
            ISSUER,
            vec![ISSUER.to_owned()],
            keys,
        )),
        tokens: Vec::new(),
        answers: Answers::default(),
        in_flight: InFlightLimits::default(),
        signer: Some(Arc::new(signer)),
        audit: None,
        // It stays the same, so nobody tells of another.
        root_ca: Some(watch::channel(Arc::from(authority.certificate_pem())).1),
    };
    let started = ApiServer::start(config).await;
    started.with_context(|| format!("the API server in {} cannot start", folder.display()))
}

/// The cluster's authority and its key; made at the first start, and then kept
/// for the certificates that it has signed.
fn authority(name: &ClusterName, folder: &Path) -> anyhow::Result<(Authority, SecretString)> {
    let (certificate_file, key_file) = (folder.join("ca.crt"), folder.join("ca.key"));
    if let Some(certificate) = data_dir::read_if_present(&certificate_file)? {
        let key = SecretString::from(data_dir::read(&key_file)?);
        let authority = Authority::load(certificate, key.expose_secret());
        let authority = authority.with_context(|| format!("in {}", folder.display()))?;
        return Ok((authority, key));
    }
    let (authority, key) = Authority::create(&format!("adit demo cluster {name}"))?;
    save(&key_file, key.expose_secret())?;
    save(&certificate_file, authority.certificate_pem())?;
    Ok((authority, key))
}

fn save(path: &Path, text: &str) -> anyhow::Result<()> {
    data_dir::write(path, text.as_bytes(), Secrecy::Private)
        .with_context(|| format!("cannot write {}", path.display()))
}
