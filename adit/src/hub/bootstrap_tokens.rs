//! The bootstrap tokens by which clusters join: Secrets of the hub's API.

use k8s_openapi::api::core::v1::Secret;
use kube::api::PostParams;
use kube::{Api, Client};
use proto::Credential;
use subtle::ConstantTimeEq as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::join_token::{
    GROUP, JoinToken, NAMESPACE, UsedUp, Uses, is_to_join_with, secret_name, text,
};

/// Reads them.
pub(super) struct BootstrapTokens {
    secrets: Api<Secret>,
}

/// Why a token lets nobody join. Only whoever has the whole token learns more
/// than that it is none.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum TokenRefused {
    #[error(
        "the token's time was over at {0}; make another on the hub with `adit token create --join`"
    )]
    Expired(String),
    #[error("the token is not made for joining: its group {GROUP} is missing")]
    NotForJoining,
    #[error("the hub does not know the token; make one there with `adit token create --join`")]
    Unknown,
    #[error("the hub cannot read its tokens now; try again later")]
    Unreadable,
    #[error(transparent)]
    UsedUp(#[from] UsedUp),
}

/// A token that is good now.
#[derive(Clone, Debug)]
pub(super) struct Admitted {
    id: String,
    secret: Secret,
}

/// How often somebody else may count a cluster at the same moment.
const CONFLICTS_MAX: usize = 16;

impl Admitted {
    /// Names the token; no secret.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Whether the clusters that join with it are counted. The API's own
    /// authentication does not know it then.
    pub(super) fn is_counted(&self) -> bool {
        Uses::of(&self.secret).is_some()
    }

    /// Whom the API knows its holder for.
    pub(super) fn user(&self) -> apiserver::User {
        let groups = ["system:bootstrappers", GROUP].map(str::to_owned);
        apiserver::User::new(format!("system:bootstrap:{}", self.id), groups)
    }
}

impl BootstrapTokens {
    /// `client` may read Secrets in kube-system.
    pub(super) fn new(client: Client) -> Self {
        Self {
            secrets: Api::namespaced(client, NAMESPACE),
        }
    }

    /// A token that is good for joining now.
    pub(super) async fn admit(&self, token: &Credential) -> Result<Admitted, TokenRefused> {
        let token: JoinToken = token.expose().parse().map_err(|_| TokenRefused::Unknown)?;
        let secret = self.secrets.get_opt(&secret_name(token.id())).await;
        let secret = secret.map_err(|error| unreadable(&error))?;
        judge(secret.as_ref(), &token, OffsetDateTime::now_utc())?;
        Ok(Admitted {
            id: token.id().to_owned(),
            secret: secret.ok_or(TokenRefused::Unknown)?,
        })
    }

    /// Counts that a cluster joins with a token, unless it was counted before,
    /// or as many have as may. It is in the store when this returns.
    pub(super) async fn count(
        &self,
        token: &Credential,
        cluster: &str,
    ) -> Result<(), TokenRefused> {
        for _ in 0..CONFLICTS_MAX {
            let Admitted { id, mut secret } = self.admit(token).await?;
            let Some(mut uses) = Uses::of(&secret) else {
                return Ok(());
            };
            if !uses.count(cluster)? {
                return Ok(());
            }
            uses.write_to(&mut secret);
            // Written under the version that was read, so that no two take one place.
            let params = PostParams::default();
            match self
                .secrets
                .replace(&secret_name(&id), &params, &secret)
                .await
            {
                Ok(_) => {
                    tracing::info!(token = id, cluster, left = uses.left(), "a token was used");
                    return Ok(());
                }
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                Err(error) => return Err(unreadable(&error)),
            }
        }
        Err(TokenRefused::Unreadable)
    }
}

fn unreadable(error: &kube::Error) -> TokenRefused {
    tracing::error!(%error, "a bootstrap token cannot be read or counted");
    TokenRefused::Unreadable
}

/// What the API server's own authentication will find, with its reason.
fn judge(
    secret: Option<&Secret>,
    token: &JoinToken,
    now: OffsetDateTime,
) -> Result<(), TokenRefused> {
    let secret = secret.ok_or(TokenRefused::Unknown)?;
    let kept = text(secret, "token-secret").unwrap_or_default();
    let same = kept.as_bytes().ct_eq(token.expose_secret().as_bytes());
    let usable = Uses::of(secret).is_some()
        || text(secret, "usage-bootstrap-authentication") == Some("true");
    if !bool::from(same) || !usable || secret.metadata.deletion_timestamp.is_some() {
        return Err(TokenRefused::Unknown);
    }
    if let Some(expiration) = text(secret, "expiration").filter(|at| !at.is_empty()) {
        let over = OffsetDateTime::parse(expiration, &Rfc3339).is_ok_and(|at| now < at);
        if !over {
            return Err(TokenRefused::Expired(expiration.to_owned()));
        }
    }
    if is_to_join_with(secret) {
        Ok(())
    } else {
        Err(TokenRefused::NotForJoining)
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;
    use crate::join_token::Terms;

    fn made() -> (JoinToken, Secret, OffsetDateTime) {
        let now = OffsetDateTime::now_utc();
        let token = JoinToken::random();
        // What is stringData becomes data when the API server keeps it.
        let terms = Terms {
            expires: now + Duration::hours(1),
            uses: None,
            cluster: None,
        };
        let mut secret = token.to_secret(&terms, "test").unwrap();
        let text = secret.string_data.take().unwrap();
        let data = text
            .into_iter()
            .map(|(key, value)| (key, k8s_openapi::ByteString(value.into_bytes())));
        secret.data = Some(data.collect());
        (token, secret, now)
    }

    #[test]
    fn a_token_is_good_until_its_time_is_over() {
        let (token, secret, now) = made();
        assert_eq!(judge(Some(&secret), &token, now), Ok(()));
        let late = judge(Some(&secret), &token, now + Duration::hours(1));
        assert!(matches!(late, Err(TokenRefused::Expired(_))), "{late:?}");
    }

    #[test]
    fn whoever_has_not_the_whole_token_learns_nothing() {
        let (token, secret, now) = made();
        let late = now + Duration::hours(2);
        let (id, own) = (token.id(), token.expose_secret());
        let other: String = own
            .chars()
            .map(|c| if c == 'a' { 'b' } else { 'a' })
            .collect();
        let guess: JoinToken = format!("{id}.{other}").parse().unwrap();
        for at in [now, late] {
            assert_eq!(judge(Some(&secret), &guess, at), Err(TokenRefused::Unknown));
        }
        assert_eq!(judge(None, &token, now), Err(TokenRefused::Unknown));
    }

    #[test]
    fn a_token_for_something_else_lets_nobody_join() {
        let (token, mut secret, now) = made();
        let data = secret.data.as_mut().unwrap();
        data.remove("auth-extra-groups");
        let refused = judge(Some(&secret), &token, now);
        assert_eq!(refused, Err(TokenRefused::NotForJoining));
    }
}
