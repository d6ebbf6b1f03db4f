//! Bearer tokens for users of the gateway, of which the hub keeps a hash only.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use time::OffsetDateTime;
use time::serde::rfc3339;

use crate::ca::{SubjectError, check_user, hex};
use crate::data_dir::{self, DataDir, DataDirError, Secrecy};
use crate::lifetime::Lifetime;

/// Names a token; no secret. 16 lower-case hexadecimal digits.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct TokenId(String);

/// What the hub keeps of a token.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenRecord {
    pub(crate) id: TokenId,
    pub(crate) user: String,
    #[serde(default)]
    pub(crate) groups: Vec<String>,
    #[serde(with = "rfc3339")]
    pub(crate) created: OffsetDateTime,
    #[serde(with = "rfc3339")]
    pub(crate) expires: OffsetDateTime,
    /// SHA-256 of the whole token, lower-case hexadecimal. The token holds 256
    /// random bits, so nothing slower is needed against guessing.
    sha256: String,
}

/// Why there is no token to be had or revoked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error("{path} is no token's record", path = path.display())]
    Form {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error("{0:?} is no token's id: 16 lower-case hexadecimal digits, see `adit token list`")]
    Id(String),
    #[error("there is no token {0}; see `adit token list`")]
    Unknown(TokenId),
    #[error("cannot make a token")]
    User(#[from] SubjectError),
}

const PREFIX: &str = "adit_";
const ID_DIGITS: usize = 16;

impl TokenRecord {
    /// Makes a token `adit_<id>_<secret>`; only the caller ever has it.
    pub(crate) fn create(
        user: String,
        groups: Vec<String>,
        lifetime: Lifetime,
    ) -> Result<(Self, SecretString), TokenError> {
        check_user(&user, &groups)?;
        let id = TokenId(hex(&rand::random::<[u8; ID_DIGITS / 2]>()));
        let token =
            SecretString::from(format!("{PREFIX}{id}_{}", hex(&rand::random::<[u8; 32]>())));
        let created = OffsetDateTime::now_utc();
        let expires = created + lifetime.as_duration();
        let sha256 = hash(token.expose_secret());
        Ok((
            Self {
                id,
                user,
                groups,
                created,
                expires,
                sha256,
            },
            token,
        ))
    }

    /// Reads a record.
    pub(crate) fn parse(path: PathBuf, text: &str) -> Result<Self, TokenError> {
        serde_json::from_str(text).map_err(|source| TokenError::Form { path, source })
    }

    /// Writes the record.
    pub(crate) fn save(&self, data: &DataDir) -> Result<(), TokenError> {
        let path = path(data, &self.id);
        let text = serde_json::to_string_pretty(self).map_err(|source| TokenError::Form {
            path: path.clone(),
            source,
        })?;
        data_dir::write(&path, text.as_bytes(), Secrecy::Private)
            .map_err(|source| DataDirError::Write { path, source }.into())
    }

    /// Whether this is the token of the record, in time that does not depend
    /// on where they differ, and still good.
    pub(crate) fn accepts(&self, token: &SecretString, now: OffsetDateTime) -> bool {
        let same = hash(token.expose_secret())
            .as_bytes()
            .ct_eq(self.sha256.as_bytes());
        bool::from(same) && now < self.expires
    }
}

impl TokenId {
    /// The id in a whole token; `None` if it has no token's form.
    pub(crate) fn of_token(token: &SecretString) -> Option<Self> {
        let (id, _secret) = token
            .expose_secret()
            .strip_prefix(PREFIX)?
            .split_once('_')?;
        id.parse().ok()
    }
}

/// Forgets a token for good.
pub(crate) fn revoke(data: &DataDir, id: &TokenId) -> Result<(), TokenError> {
    let path = path(data, id);
    match data_dir::remove(&path) {
        Ok(true) => Ok(()),
        Ok(false) => Err(TokenError::Unknown(id.clone())),
        Err(source) => Err(DataDirError::Write { path, source }.into()),
    }
}

impl FromStr for TokenId {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        if text.len() == ID_DIGITS && text.bytes().all(digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(TokenError::Id(text.to_owned()))
        }
    }
}

impl TryFrom<String> for TokenId {
    type Error = TokenError;

    fn try_from(text: String) -> Result<Self, TokenError> {
        text.parse()
    }
}

impl From<TokenId> for String {
    fn from(id: TokenId) -> Self {
        id.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn path(data: &DataDir, id: &TokenId) -> PathBuf {
    data.tokens().join(format!("{id}.json"))
}

fn hash(token: &str) -> String {
    hex(digest(&SHA256, token.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> (TokenRecord, SecretString) {
        TokenRecord::create(
            "alice".to_owned(),
            vec!["dev".to_owned()],
            Lifetime::from_days(1),
        )
        .unwrap()
    }

    #[test]
    fn only_the_very_token_is_accepted() {
        let (record, token) = token();
        let now = OffsetDateTime::now_utc();
        assert!(record.accepts(&token, now));
        let mut other = token.expose_secret().to_owned();
        let last = if other.pop() == Some('0') { '1' } else { '0' };
        other.push(last);
        assert!(!record.accepts(&SecretString::from(other), now));
        assert!(!record.accepts(&SecretString::from(String::new()), now));
    }

    #[test]
    fn a_token_is_accepted_until_its_time_is_over() {
        let (record, token) = token();
        assert!(record.accepts(&token, record.expires - time::Duration::seconds(1)));
        assert!(!record.accepts(&token, record.expires));
    }

    #[test]
    fn the_secret_is_not_in_the_record() {
        let (record, token) = token();
        let secret = token.expose_secret().rsplit_once('_').unwrap().1.to_owned();
        assert_eq!(secret.len(), 64);
        assert!(!serde_json::to_string(&record).unwrap().contains(&secret));
    }

    #[test]
    fn a_token_tells_its_id() {
        let (record, token) = token();
        assert_eq!(TokenId::of_token(&token), Some(record.id));
        for other in [
            "",
            "adit_",
            "adit_../../etc/passwd_",
            "Bearer",
            "adit_0123_secret",
        ] {
            assert_eq!(
                TokenId::of_token(&SecretString::from(other)),
                None,
                "{other}"
            );
        }
    }

    #[test]
    fn a_revoked_token_is_gone_and_cannot_be_revoked_twice() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::create(folder.path()).unwrap();
        let (record, _) = token();
        record.save(&data).unwrap();
        revoke(&data, &record.id).unwrap();
        assert!(matches!(
            revoke(&data, &record.id),
            Err(TokenError::Unknown(_))
        ));
    }
}
