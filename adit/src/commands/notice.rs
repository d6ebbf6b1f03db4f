//! Waits until a running hub knows what was just made: a token, an authority.

use std::io::ErrorKind;
use std::time::Duration;

use http::StatusCode;

use crate::https_client::{HttpsClient, HttpsError};
use crate::kubeconfig::HubAccess;

/// A hub looks once a second; one that takes longer is not waited for.
const LIMIT: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(50);
/// Asks for a login, so a token that is not known gets a 401.
const QUESTION: &str = "/sessions";

/// Returns when the hub accepts the login, when no hub answers at its first
/// address, or after 3 s: the login is good sooner or later in any case.
pub(super) async fn taken(access: &HubAccess) {
    if tokio::time::timeout(LIMIT, accepted(access)).await.is_err() {
        tracing::warn!("the hub has not taken notice of the token yet; it will");
    }
}

/// Returns when the hub and the login trust each other's certificates, when no
/// hub answers at its first address, or after 3 s: they will sooner or later in
/// any case.
pub(super) async fn trusted(access: &HubAccess) {
    let trusted = async {
        let Ok(client) = HttpsClient::new(access) else {
            return;
        };
        while let Err(error) = client.get(QUESTION).await
            && is_distrust(&error)
        {
            tokio::time::sleep(PAUSE).await;
        }
    };
    if tokio::time::timeout(LIMIT, trusted).await.is_err() {
        tracing::warn!("the hub has not taken notice of the authority yet; it will");
    }
}

/// Whether a connection was made, and ended by one of its ends.
fn is_distrust(error: &HttpsError) -> bool {
    match error {
        HttpsError::Http { .. } => true,
        HttpsError::Connect { source, .. } => source.kind() == ErrorKind::InvalidData,
        HttpsError::Address(_)
        | HttpsError::Pem { .. }
        | HttpsError::Body { .. }
        | HttpsError::Slow { .. }
        | HttpsError::Tls(_)
        | HttpsError::Name(_)
        | HttpsError::Request(_) => false,
    }
}

async fn accepted(access: &HubAccess) {
    let Ok(client) = HttpsClient::new(access) else {
        return;
    };
    while let Ok(answer) = client.get(QUESTION).await
        && answer.status == StatusCode::UNAUTHORIZED
    {
        tokio::time::sleep(PAUSE).await;
    }
}
