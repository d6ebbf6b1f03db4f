//! Finding out who asks.

use std::fmt::Debug;
use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use time::OffsetDateTime;

use crate::objects::Objects;
use crate::status::aggregate;
use crate::tokens::{ServiceAccountTokens, TokenUser};
use crate::{Status, User};

mod bearer;
mod bootstrap_token;
mod certificate;
mod impersonation;

pub use certificate::ClientCertificate;
pub use impersonation::impersonate;

/// Finds out who asks, in the order of the real server: by client certificate,
/// by bearer token, and by a bearer token among a WebSocket's subprotocols.
/// Who shows nothing is `system:anonymous`; who shows something that is not
/// good is nobody.
#[derive(Clone, Debug)]
pub struct Authenticator {
    objects: Arc<dyn Objects>,
    service_accounts: Arc<ServiceAccountTokens>,
    others: Vec<Arc<dyn Tokens>>,
    anonymous: bool,
}

/// Knows bearer tokens that are neither service accounts' nor bootstrap tokens.
///
/// It is asked for every request with a token, so it answers from memory.
pub trait Tokens: Debug + Send + Sync {
    /// The user whose token this is; `None` for one that is unknown, expired or
    /// revoked. Compares in constant time.
    fn user(&self, token: &str, now: OffsetDateTime) -> Option<User>;
}

impl Authenticator {
    /// Knows service accounts' tokens, and bootstrap tokens among `objects`.
    #[must_use]
    pub fn new(objects: Arc<dyn Objects>, service_accounts: Arc<ServiceAccountTokens>) -> Self {
        Self {
            objects,
            service_accounts,
            others: Vec::new(),
            anonymous: true,
        }
    }

    /// Knows these tokens too; they are asked before the others.
    #[must_use]
    pub fn with_tokens(mut self, tokens: Arc<dyn Tokens>) -> Self {
        self.others.push(tokens);
        self
    }

    /// Takes nobody who shows nothing.
    #[must_use]
    pub fn without_anonymous(self) -> Self {
        Self {
            anonymous: false,
            ..self
        }
    }

    /// Who makes the request, and takes from its head what showed it, so that
    /// no credential goes further.
    ///
    /// A request with a [`User`] among its extensions is that user's: whoever
    /// put it there has authenticated it. A [`ClientCertificate`] there is one
    /// that TLS has verified.
    ///
    /// # Errors
    /// 401.
    pub fn authenticate(&self, request: &mut Parts, now: OffsetDateTime) -> Result<User, Status> {
        if let Some(user) = request.extensions.get::<User>() {
            let user = user.clone();
            clear(&mut request.headers);
            return Ok(user);
        }
        let mut failed = false;
        if let Some(certificate) = request.extensions.get::<ClientCertificate>() {
            match certificate.user(now) {
                Ok(Some(user)) => {
                    clear(&mut request.headers);
                    return Ok(user);
                }
                Ok(None) => {}
                Err(_) => failed = true,
            }
        }
        let audiences = self.audiences();
        for found in [
            Ok(bearer::of_header(&request.headers)),
            bearer::of_websocket(&request.headers),
        ] {
            let token = match found {
                Ok(None) => continue,
                Ok(Some(token)) => token,
                Err(_) => {
                    failed = true;
                    continue;
                }
            };
            if let Ok(found) = self.token_user(&token, audiences, now) {
                clear(&mut request.headers);
                bearer::remove_from_websocket(&mut request.headers);
                return Ok(found.user);
            }
            failed = true;
        }
        clear(&mut request.headers);
        if self.anonymous && !failed {
            Ok(User::anonymous())
        } else {
            Err(Status::unauthorized())
        }
    }

    /// What this server is called as an audience of tokens.
    #[must_use]
    pub fn audiences(&self) -> &[String] {
        self.service_accounts.audiences()
    }

    /// The user of a bearer token that is meant for one of the audiences.
    ///
    /// # Errors
    /// What is wrong with the token, for those who may review tokens.
    pub fn token_user(
        &self,
        token: &str,
        audiences: &[String],
        now: OffsetDateTime,
    ) -> Result<TokenUser, String> {
        let invalid = "invalid bearer token".to_owned();
        let objects = &*self.objects;
        let others = self
            .others
            .iter()
            .find_map(|others| others.user(token, now));
        if let Some(user) = others {
            return self.for_this_server(user, audiences);
        }
        match self.service_accounts.user(token, audiences, objects, now) {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => {}
            Err(error) => return Err(aggregate([invalid, error.to_string()].into_iter())),
        }
        match bootstrap_token::user(token, objects, now) {
            Some(user) => self.for_this_server(user, audiences),
            None => Err(invalid),
        }
    }

    /// Tokens without audiences are for this server.
    fn for_this_server(&self, user: User, wanted: &[String]) -> Result<TokenUser, String> {
        let own = self.audiences();
        let audiences: Vec<String> = own
            .iter()
            .filter(|of| wanted.contains(of))
            .cloned()
            .collect();
        if audiences.is_empty() {
            return Err("invalid bearer token".to_owned());
        }
        Ok(TokenUser { user, audiences })
    }
}

/// Takes off what says who asks, and what only a front proxy may say.
fn clear(headers: &mut HeaderMap) {
    headers.remove(AUTHORIZATION);
    let stale: Vec<_> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("x-remote-"))
        .cloned()
        .collect();
    for name in stale {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests;
