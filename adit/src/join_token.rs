//! Bootstrap tokens, by which clusters join, in Kubernetes' own form.

use std::fmt;
use std::str::FromStr;

use k8s_openapi::api::core::v1::Secret;
use proto::ClusterName;
use rand::Rng as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

mod uses;

pub(crate) use uses::{UsedUp, Uses};

/// A bootstrap token `ID.SECRET`: 6 and 16 lower-case letters and digits.
#[derive(Clone)]
pub(crate) struct JoinToken {
    id: String,
    secret: SecretString,
}

/// What a token is made for.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// Until when it is good.
    pub(crate) expires: OffsetDateTime,
    /// How many clusters may join with it; any number unless said.
    pub(crate) uses: Option<u32>,
    /// The cluster that it was made for, for people.
    pub(crate) cluster: Option<ClusterName>,
}

/// The text is no bootstrap token; it is not shown, because it may be secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("it is no bootstrap token: 6 lower-case letters and digits, a dot, and 16 more")]
pub(crate) struct NoJoinToken;

/// Where bootstrap tokens are kept.
pub(crate) const NAMESPACE: &str = "kube-system";
/// The group of those who join.
pub(crate) const GROUP: &str = "system:bootstrappers:managedcluster";

/// How many clusters may join with it.
pub(crate) const USES: &str = "adit-uses";
/// Those that have, separated by commas.
pub(crate) const USED_BY: &str = "adit-used-by";
/// The cluster that it was made for.
pub(crate) const MADE_FOR: &str = "adit-cluster";
/// As many may be said.
pub(crate) const USES_MAX: u32 = 1000;

const ID: usize = 6;
const SECRET: usize = 16;
const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

impl JoinToken {
    /// A token that nobody can guess.
    pub(crate) fn random() -> Self {
        Self {
            id: random(ID),
            secret: random(SECRET).into(),
        }
    }

    /// Names the token; no secret.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The part behind the dot.
    pub(crate) fn expose_secret(&self) -> &str {
        self.secret.expose_secret()
    }

    /// The whole token.
    pub(crate) fn expose(&self) -> String {
        format!("{}.{}", self.id, self.expose_secret())
    }

    /// The Secret by which a hub knows it.
    ///
    /// One with a limited number of uses is no token for the API's own
    /// authentication, which counts nothing: it is good for joining alone.
    pub(crate) fn to_secret(&self, terms: &Terms, description: &str) -> anyhow::Result<Secret> {
        let expires = terms.expires.replace_nanosecond(0)?.format(&Rfc3339)?;
        let mut secret = json!({
            "metadata": {"name": secret_name(&self.id), "namespace": NAMESPACE},
            "type": "bootstrap.kubernetes.io/token",
            "stringData": {
                "auth-extra-groups": GROUP,
                "description": description,
                "expiration": expires,
                "token-id": self.id,
                "token-secret": self.expose_secret(),
                "usage-bootstrap-authentication": terms.uses.is_none().to_string(),
            },
        });
        let data = &mut secret["stringData"];
        if let Some(uses) = terms.uses {
            data[USES] = uses.to_string().into();
        }
        if let Some(cluster) = &terms.cluster {
            data[MADE_FOR] = cluster.as_str().into();
        }
        Ok(serde_json::from_value(secret)?)
    }
}

/// The Secret's name of the token with this id.
pub(crate) fn secret_name(id: &str) -> String {
    format!("bootstrap-token-{id}")
}

/// The id of the token that a Secret of this name is.
pub(crate) fn id_of_secret(name: &str) -> Option<&str> {
    let id = name.strip_prefix("bootstrap-token-")?;
    is_id(id).then_some(id)
}

impl FromStr for JoinToken {
    type Err = NoJoinToken;

    fn from_str(text: &str) -> Result<Self, NoJoinToken> {
        let (id, secret) = text.split_once('.').ok_or(NoJoinToken)?;
        if is_id(id) && is_formed(secret, SECRET) {
            Ok(Self {
                id: id.to_owned(),
                secret: SecretString::from(secret),
            })
        } else {
            Err(NoJoinToken)
        }
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinToken")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Whether those who show the token may join.
pub(crate) fn is_to_join_with(secret: &Secret) -> bool {
    let groups = text(secret, "auth-extra-groups").unwrap_or_default();
    groups.split(',').any(|group| group == GROUP)
}

/// A text of a token's Secret.
pub(crate) fn text<'a>(secret: &'a Secret, key: &str) -> Option<&'a str> {
    std::str::from_utf8(&secret.data.as_ref()?.get(key)?.0).ok()
}

/// Whether a text can be the id of such a token.
pub(crate) fn is_id(text: &str) -> bool {
    is_formed(text, ID)
}

fn is_formed(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| ALPHABET.contains(&b))
}

fn random(length: usize) -> String {
    let mut rng = rand::rng();
    let one = |_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())]);
    (0..length).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_read_again() {
        let token = JoinToken::random();
        let read: JoinToken = token.expose().parse().unwrap();
        assert_eq!(read.expose(), token.expose());
        assert!(!format!("{token:?}").contains(token.expose_secret()));
    }

    #[test]
    fn other_texts_are_no_tokens() {
        for text in [
            "",
            "abcdef",
            "abcdef.0123456789abcde",
            "abcdef.0123456789abcdefg",
            "Abcdef.0123456789abcdef",
            "../../.0123456789abcdef",
            "adit_0123456789abcdef_x",
        ] {
            assert_eq!(
                text.parse::<JoinToken>().unwrap_err(),
                NoJoinToken,
                "{text}"
            );
        }
    }
}
