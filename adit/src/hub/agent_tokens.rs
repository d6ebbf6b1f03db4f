//! The tokens of agents that register by token: whose they are, and the first one.

use std::time::Duration;

use api::types::cluster::ManagedCluster;
use apiserver::User;
use gateway::Status;
use k8s_openapi::api::authentication::v1::{
    TokenRequest, TokenRequestSpec, TokenReview, TokenReviewSpec, UserInfo,
};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::{Api, Client, ResourceExt as _};
use proto::{AgentIdentity, AgentName, ClusterName, Credential};
use proxy_server::{ReviewError, ReviewedToken};
use registration::hub::is_the_hubs;
use registration::token::{AUDIENCE, CLAIMS, TokenClaims, account, claims, hash, identity_of};
use subtle::ConstantTimeEq as _;

use crate::token_exchange::AskFirst;

/// Reviews and issues them.
pub(super) struct AgentTokens {
    client: Client,
}

/// A token that is good now.
pub(super) struct Reviewed {
    pub(super) token: ReviewedToken,
    /// Whom the hub's API knows its holder for.
    pub(super) user: User,
}

/// The shortest time that the API issues tokens for, in seconds.
const SHORTEST: i64 = 600;
/// The longest that a first one is good for, in seconds.
const LONGEST: i64 = 30 * 24 * 3600;
/// How soon whoever comes too soon may try again.
const SOON: Duration = Duration::from_secs(1);

impl AgentTokens {
    /// `client` may create TokenReviews and tokens of service accounts, and read
    /// ManagedClusters.
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Whose agent a token names: that of a service account of the cluster's
    /// own, for sessions.
    pub(super) async fn review(&self, token: &Credential) -> Result<Reviewed, ReviewError> {
        let user = self.user(token).await?;
        let identity = identity_of(user.username.as_deref().unwrap_or_default());
        let identity = identity.filter(|of| !is_the_hubs(of.cluster.as_str()));
        let identity = identity.ok_or_else(|| refused("the token is no agent's"))?;
        // Its signature has been verified.
        let claims = TokenClaims::of(token.expose());
        let claims = claims.filter(|of| of.identity().as_ref() == Some(&identity));
        let claims = claims.ok_or_else(|| refused("the token does not say when it ends"))?;
        Ok(Reviewed {
            token: ReviewedToken {
                identity,
                not_after: claims.not_after(),
            },
            user: as_user(user),
        })
    }

    async fn user(&self, token: &Credential) -> Result<UserInfo, ReviewError> {
        let review = TokenReview {
            spec: TokenReviewSpec {
                token: Some(token.expose().to_owned()),
                audiences: Some(vec![AUDIENCE.to_owned()]),
            },
            ..TokenReview::default()
        };
        let reviews: Api<TokenReview> = Api::all(self.client.clone());
        let reviewed = reviews.create(&PostParams::default(), &review).await;
        let reviewed = reviewed.map_err(|error| {
            tracing::error!(%error, "an agent's token cannot be reviewed");
            ReviewError::Unavailable("the hub cannot review the token now; try again later".into())
        })?;
        let status = reviewed.status.unwrap_or_default();
        let meant = status.audiences.unwrap_or_default();
        let good = status.authenticated == Some(true) && meant.iter().any(|of| of == AUDIENCE);
        status.user.filter(|_| good).ok_or_else(|| {
            refused(
                "the hub does not know the token, or it is over, or not for sessions; join again \
                 with a token of `adit token create --join`",
            )
        })
    }

    /// The first token of an agent, for whoever has the secret with which its
    /// cluster was accepted.
    pub(super) async fn first(&self, asked: &AskFirst) -> Result<String, Status> {
        let identity = identity(asked)?;
        let clusters: Api<ManagedCluster> = Api::all(self.client.clone());
        let cluster = clusters.get_opt(identity.cluster.as_str()).await;
        let cluster = cluster.map_err(|error| failed(&error))?;
        check(cluster.as_ref(), &identity, &asked.claim)?;
        let request = TokenRequest {
            spec: TokenRequestSpec {
                audiences: vec![AUDIENCE.to_owned()],
                expiration_seconds: Some(asked.expiration_seconds.clamp(SHORTEST, LONGEST)),
                bound_object_ref: None,
            },
            ..TokenRequest::default()
        };
        let accounts: Api<ServiceAccount> =
            Api::namespaced(self.client.clone(), identity.cluster.as_str());
        let name = account(&identity.agent);
        let params = PostParams::default();
        match accounts
            .create_token_request(&name, &params, &request)
            .await
        {
            Ok(issued) => {
                tracing::info!(
                    cluster = %identity.cluster,
                    agent = %identity.agent,
                    "an agent has got its first token"
                );
                let token = issued.status.map(|status| status.token);
                token.ok_or_else(|| Status::internal("hub: no token was issued"))
            }
            // The controllers make it once the cluster is accepted.
            Err(kube::Error::Api(status)) if status.code == 404 => {
                let message = format!("hub: the account {name} is not made yet; try again");
                Err(Status::unavailable(message).retry_after(SOON))
            }
            Err(error) => Err(failed(&error)),
        }
    }
}

fn identity(asked: &AskFirst) -> Result<AgentIdentity, Status> {
    let bad = |what: &str| Status::bad_request(format!("hub: the {what} has no such name"));
    let cluster: ClusterName = asked.cluster.parse().map_err(|_| bad("cluster"))?;
    let agent: AgentName = asked.agent.parse().map_err(|_| bad("agent"))?;
    Ok(AgentIdentity { cluster, agent })
}

/// Whether the cluster is accepted, and with whom. Whoever has not the secret
/// learns nothing of a cluster but that.
fn check(
    cluster: Option<&ManagedCluster>,
    identity: &AgentIdentity,
    secret: &str,
) -> Result<(), Status> {
    let forbidden = |message: &str| Err(Status::forbidden(format!("hub: {message}")));
    let annotation = cluster.and_then(|cluster| cluster.annotations().get(CLAIMS));
    let claims = annotation.map(|text| claims(text)).unwrap_or_default();
    let kept = claims.get(&identity.agent).cloned().unwrap_or_default();
    let (Some(cluster), true) = (
        cluster,
        bool::from(kept.as_bytes().ct_eq(hash(secret).as_bytes())),
    ) else {
        return forbidden(
            "the cluster was not told of with this agent's secret: if its state is lost, detach \
             the cluster and join again",
        );
    };
    if is_the_hubs(identity.cluster.as_str()) {
        return forbidden("the namespace of that name is the hub's own");
    }
    if !cluster.spec.hub_accepts_client || cluster.metadata.deletion_timestamp.is_some() {
        return forbidden("the cluster is not accepted; run `adit accept` on the hub");
    }
    Ok(())
}

fn as_user(of: UserInfo) -> User {
    User {
        name: of.username.unwrap_or_default(),
        uid: of.uid.unwrap_or_default(),
        groups: of.groups.unwrap_or_default(),
        extra: of.extra.unwrap_or_default(),
    }
}

fn refused(why: &str) -> ReviewError {
    ReviewError::Refused(why.to_owned())
}

fn failed(error: &kube::Error) -> Status {
    tracing::error!(%error, "an agent's first token cannot be issued");
    Status::unavailable("hub: the token cannot be issued now; try again later").retry_after(SOON)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cluster(accepted: bool, claims: &str) -> ManagedCluster {
        serde_json::from_value(json!({
            "apiVersion": "cluster.open-cluster-management.io/v1",
            "kind": "ManagedCluster",
            "metadata": {"name": "c1", "annotations": {(CLAIMS): claims}},
            "spec": {"hubAcceptsClient": accepted},
        }))
        .unwrap()
    }

    fn judged(cluster: Option<&ManagedCluster>, agent: &str, secret: &str) -> bool {
        let identity = AgentIdentity {
            cluster: "c1".parse().unwrap(),
            agent: agent.parse().unwrap(),
        };
        check(cluster, &identity, secret).is_ok()
    }

    #[test]
    fn only_who_was_accepted_gets_the_first_token() {
        let claim = format!("first={}", hash("secret"));
        let accepted = cluster(true, &claim);
        assert!(judged(Some(&accepted), "first", "secret"));
        assert!(!judged(Some(&accepted), "first", "guess"));
        assert!(!judged(Some(&accepted), "first", ""));
        assert!(!judged(Some(&accepted), "second", "secret"));
        assert!(!judged(Some(&cluster(false, &claim)), "first", "secret"));
        assert!(!judged(Some(&cluster(true, "")), "first", "secret"));
        assert!(!judged(None, "first", "secret"));
    }
}
