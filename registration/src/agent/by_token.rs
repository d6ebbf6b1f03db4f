//! Registration by token: the first one, and the next.

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::{Api, Client};
use proto::AgentIdentity;
use secrecy::{ExposeSecret as _, SecretString};

use super::credential::{Credential, Proof, Stored};
use super::hub::{FirstToken, HubAccess};
use super::joining::{JoinError, Joining};
use super::state::{Missing, State};
use super::validity::{Invalid, check_token};
use super::{ClusterDescription, HubEndpoint};
use crate::token::{AUDIENCE, CLAIMS, account, hash};

/// How long a token is good for unless somebody says, in seconds.
const SECONDS: i64 = 24 * 3600;
/// Nobody issues shorter ones.
const SECONDS_MIN: i64 = 600;

/// Why there is no other token. It is tried again.
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenError {
    #[error("the hub does not issue a token")]
    Refused(#[from] kube::Error),
    #[error("the hub's token is of no use")]
    Useless(#[from] Invalid),
}

/// The secret by which the agent gets its first token: the one it has, or one
/// that nobody can guess.
pub(super) fn claim(stored: &Stored) -> SecretString {
    stored.claim.clone().unwrap_or_else(|| {
        let random: [u8; 32] = rand::random();
        let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        SecretString::from(hex)
    })
}

/// Has the ManagedCluster say with whom it is accepted.
pub(super) fn describe(
    description: &mut ClusterDescription,
    identity: &AgentIdentity,
    claim: &SecretString,
) {
    let claim = crate::token::claim(&identity.agent, &hash(claim.expose_secret()));
    description.annotations.insert(CLAIMS.to_owned(), claim);
}

/// For how long a token is asked for.
pub(super) fn seconds(wanted: Option<i32>) -> i64 {
    wanted.map_or(SECONDS, i64::from).max(SECONDS_MIN)
}

/// Another token for an agent, asked for as the agent itself.
pub(super) async fn another(
    hub: &Client,
    credential: &Credential,
    claim: &SecretString,
    expiration_seconds: Option<i32>,
) -> Result<Credential, TokenError> {
    let identity = &credential.identity;
    let request = TokenRequest {
        spec: TokenRequestSpec {
            audiences: vec![AUDIENCE.to_owned()],
            expiration_seconds: Some(seconds(expiration_seconds)),
            bound_object_ref: None,
        },
        ..TokenRequest::default()
    };
    let accounts: Api<ServiceAccount> = Api::namespaced(hub.clone(), identity.cluster.as_str());
    let name = account(&identity.agent);
    let params = PostParams::default();
    let issued = accounts
        .create_token_request(&name, &params, &request)
        .await?;
    let token = issued.status.map(|status| status.token);
    let token = SecretString::from(token.unwrap_or_default());
    Ok(holding(identity, &credential.endpoint, token, claim)?)
}

fn holding(
    identity: &AgentIdentity,
    endpoint: &HubEndpoint,
    token: SecretString,
    claim: &SecretString,
) -> Result<Credential, Invalid> {
    let (not_before, not_after) = check_token(token.expose_secret(), identity)?;
    Ok(Credential {
        identity: identity.clone(),
        endpoint: endpoint.clone(),
        proof: Proof::Token {
            token,
            claim: claim.clone(),
        },
        not_before,
        not_after,
    })
}

impl Joining<'_> {
    /// Tells the hub of the cluster, and with whom it is to be accepted; waits
    /// for that, and gets the first token, which is stored as soon as it is there.
    pub(super) async fn run_by_token(
        &self,
        access: &dyn HubAccess,
        claim: &SecretString,
    ) -> Result<Credential, JoinError> {
        self.tell(State::Registering {
            identity: self.identity.clone(),
        });
        self.sync().await?;
        self.wait_for(Missing::Acceptance);
        self.accepted().await;
        let asked = FirstToken {
            identity: self.identity,
            claim,
            expiration_seconds: seconds(self.expiration_seconds),
        };
        let token = access.first_token(&asked).await?;
        let credential = holding(self.identity, self.endpoint, token, claim)?;
        self.store.save(&credential.to_stored()).await?;
        Ok(credential)
    }
}
