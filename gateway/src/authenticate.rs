//! Finding out who asks: by client certificate, or by bearer token.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use secrecy::SecretString;

use crate::access::ReviewError;
use crate::certificate::{self, CertificateError};
use crate::status::Status;
use crate::{FrontProxies, User, websocket_token};

/// The other end of a client's connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where the connection comes from.
    pub remote: SocketAddr,
    /// The client's certificate, if TLS verified one. Only verified
    /// certificates may be put here.
    pub certificate: Option<PeerCertificate>,
}

/// A client's certificate that TLS has verified.
#[derive(Clone, Debug)]
pub struct PeerCertificate {
    /// It, as DER.
    pub der: Vec<u8>,
    /// Whose authority has issued it.
    pub issuer: Issuer,
}

/// What an authority that has issued a certificate is trusted for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Issuer {
    /// Its certificates say who users and agents are.
    Users,
    /// Its certificates say which servers may tell who asks.
    FrontProxies,
    /// One set of authorities is trusted for both.
    Both,
}

impl Issuer {
    /// Whether its certificates say who users and agents are.
    #[must_use]
    pub const fn vouches_for_users(self) -> bool {
        matches!(self, Self::Users | Self::Both)
    }

    /// Whether its certificates say which servers may tell who asks.
    #[must_use]
    pub const fn vouches_for_front_proxies(self) -> bool {
        matches!(self, Self::FrontProxies | Self::Both)
    }
}

impl Peer {
    /// The certificate that says who the client is, as DER.
    pub(crate) fn users_certificate(&self) -> Option<&[u8]> {
        let certificate = self.certificate.as_ref()?;
        let is_users = certificate.issuer.vouches_for_users();
        is_users.then_some(certificate.der.as_slice())
    }
}

/// Knows the bearer tokens that are good on the hub.
///
/// It is asked for every request with a token.
pub trait Tokens: Debug + Send + Sync + 'static {
    /// The user whose token this is; `None` for one that is unknown, expired
    /// or revoked. Compares in constant time.
    fn user<'a>(
        &'a self,
        token: &'a SecretString,
    ) -> BoxFuture<'a, Result<Option<User>, ReviewError>>;
}

/// Finds out who asks, as kube-apiserver does: a client certificate that says
/// who somebody is counts before a token, and a token is then not looked at; a
/// certificate that says nobody (expired by now, without a name) leaves it to
/// the token. An agent's certificate is refused, whatever comes with it. What
/// only front proxies may tell counts before all else, and is refused of others.
pub(crate) async fn authenticate(
    headers: &HeaderMap,
    peer: &Peer,
    tokens: &dyn Tokens,
    front_proxies: Option<&FrontProxies>,
) -> Result<User, Status> {
    if let Some(front_proxies) = front_proxies
        && let Some(user) = front_proxies.user(headers, peer)?
    {
        return Ok(user);
    }
    let mut complaint = None;
    if let Some(der) = peer.users_certificate() {
        match certificate::user(der, SystemTime::now()) {
            Ok(user) => return Ok(user),
            Err(error @ CertificateError::Agent) => {
                return Err(Status::forbidden(format!("hub: {error}")));
            }
            Err(error) => complaint = Some(error),
        }
    }
    match (bearer(headers)?, complaint) {
        (Some(token), _) => match tokens.user(&token).await {
            Ok(Some(user)) => Ok(user),
            Ok(None) => Err(Status::unauthorized(
                "hub: the bearer token is unknown, expired or revoked",
            )),
            Err(error) => Err(not_reviewed(&error)),
        },
        (None, Some(error)) => Err(Status::unauthorized(format!("hub: {error}"))),
        (None, None) => Err(Status::unauthorized(
            "hub: the request has neither a client certificate nor a bearer token",
        )),
    }
}

/// It cannot be told who asks, or what he may do; nothing has been done yet.
pub(crate) fn not_reviewed(error: &ReviewError) -> Status {
    tracing::error!(%error, "a request is refused because it cannot be judged");
    Status::unavailable("hub: who you are and what you may do cannot be found out now; try again")
        .retry_after(RETRY_AFTER)
}

/// When to try again what could not be judged.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The bearer token of a request, if it has one.
fn bearer(headers: &HeaderMap) -> Result<Option<SecretString>, Status> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let Some(line) = lines.next() else {
        return Ok(websocket_token::find(headers));
    };
    if lines.next().is_some() {
        return Err(Status::bad_request(
            "hub: the request has two headers Authorization",
        ));
    }
    let other_scheme =
        || Status::unauthorized("hub: the header Authorization is not of the form Bearer TOKEN");
    let line = line.to_str().map_err(|_| other_scheme())?;
    let (scheme, token) = line.trim().split_once(' ').ok_or_else(other_scheme)?;
    let token = token.trim();
    if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() {
        Ok(Some(SecretString::from(token)))
    } else {
        Err(other_scheme())
    }
}

#[cfg(test)]
pub(crate) mod tests;
