//! The tokens of service accounts: JSON Web Tokens that the hub signs.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use time::OffsetDateTime;

use crate::objects::Objects;

mod claims;
mod discovery;
mod jwt;
mod keyring;
mod request;
mod verify;

pub use keyring::{Keyring, KeyringError};
pub use request::IssuedToken;

use self::verify::Verified;
use crate::User;

/// Issues the tokens of service accounts, and knows them again.
#[derive(Debug)]
pub struct ServiceAccountTokens {
    issuer: String,
    audiences: Vec<String>,
    most_seconds: Option<i64>,
    verifier: RwLock<Arc<Verifier>>,
}

/// The keys, and what they have verified.
#[derive(Debug)]
struct Verifier {
    keyring: Keyring,
    verified: Verified,
}

/// Whose token it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TokenUser {
    /// The user.
    pub user: User,
    /// Those of the audiences asked for that the token is meant for.
    pub audiences: Vec<String>,
}

/// Why a token that was meant for this server is not taken. It may be told to
/// those who may review tokens, and never holds the token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TokenError(pub(crate) String);

impl ServiceAccountTokens {
    /// Issues as `issuer`, an `https://` URL by OpenID Connect; a token that is
    /// asked for without audiences is for `audiences`, which are this server's.
    #[must_use]
    pub fn new(issuer: impl Into<String>, audiences: Vec<String>, keyring: Keyring) -> Self {
        Self {
            issuer: issuer.into(),
            audiences,
            most_seconds: None,
            verifier: RwLock::new(Arc::new(Verifier::new(keyring))),
        }
    }

    /// Shortens what is asked for longer to that many seconds.
    #[must_use]
    pub fn at_most(self, seconds: i64) -> Self {
        Self {
            most_seconds: Some(seconds),
            ..self
        }
    }

    /// Signs and verifies with these keys from now on.
    pub fn replace_keyring(&self, keyring: Keyring) {
        *self
            .verifier
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(Verifier::new(keyring));
    }

    /// What this server is called as an audience.
    #[must_use]
    pub fn audiences(&self) -> &[String] {
        &self.audiences
    }

    /// The user of a token that is meant for one of the audiences and still
    /// good; `Ok(None)` for what is no token of this issuer.
    ///
    /// # Errors
    /// What is wrong with a token of this issuer.
    pub fn user(
        &self,
        token: &str,
        audiences: &[String],
        objects: &dyn Objects,
        now: OffsetDateTime,
    ) -> Result<Option<TokenUser>, TokenError> {
        if !jwt::is_issued_by(token, &self.issuer) {
            return Ok(None);
        }
        let verifier = self.verifier();
        let claims = verifier.verified.claims(token, &verifier.keyring)?;
        verify::check(&claims, audiences, objects, now).map(Some)
    }

    fn verifier(&self) -> Arc<Verifier> {
        Arc::clone(&self.verifier.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Verifier {
    fn new(keyring: Keyring) -> Self {
        Self {
            keyring,
            verified: Verified::default(),
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TokenError {}

#[cfg(test)]
pub(crate) mod tests;
