//! What runs beside the server and keeps objects in the state that they ask
//! for. Controllers know the server by a `kube::Client` alone, and are the one
//! part of this crate that knows kinds by name.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::watch;

use crate::certificates::CertificateSigner;
use crate::{ApiServer, User};

mod aggregation;
mod garbage;
mod namespaces;
mod old_requests;
mod root_ca;
mod service_accounts;
mod signing;

/// Runs all controllers of a server until it is dropped.
pub(crate) async fn run(
    server: &ApiServer,
    signer: Option<Arc<CertificateSigner>>,
    root_ca: Option<watch::Receiver<Arc<str>>>,
) {
    let client = |name: &str| {
        let user = format!("system:serviceaccount:kube-system:{name}");
        server.client(User::new(user, [User::MASTERS.to_owned()]))
    };
    let namespaces = namespaces::run(client("namespace-controller"), server.clone());
    let aggregation = aggregation::run(client("clusterrole-aggregation-controller"));
    let garbage = garbage::run(client("generic-garbage-collector"), server.clone());
    let signing = async {
        if let Some(signer) = signer {
            signing::run(client("certificate-controller"), signer).await;
        }
    };
    let accounts = service_accounts::run(client("service-account-controller"));
    let old_requests = old_requests::run(client("certificate-controller"));
    let root_ca = async {
        if let Some(root_ca) = root_ca {
            root_ca::run(client("root-ca-cert-publisher"), root_ca).await;
        }
    };
    tokio::join!(
        namespaces,
        aggregation,
        garbage,
        signing,
        accounts,
        old_requests,
        root_ca
    );
}

/// Drives a controller's stream of results, telling what failed.
async fn drive<T, E: std::fmt::Display>(
    name: &'static str,
    results: impl futures_util::Stream<Item = Result<T, E>>,
) {
    let mut results = std::pin::pin!(results);
    while let Some(result) = results.next().await {
        if let Err(error) = result {
            tracing::warn!(controller = name, %error, "to be tried again");
        }
    }
}

/// How long after a failure an object is looked at again.
const RETRY: Duration = Duration::from_secs(5);
