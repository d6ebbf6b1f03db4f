//! Finding out who asks: by client certificate, or by bearer token.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::time::SystemTime;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use secrecy::SecretString;

use crate::certificate::{self, CertificateError};
use crate::status::Status;
use crate::{User, websocket_token};

/// The other end of a client's connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where the connection comes from.
    pub remote: SocketAddr,
    /// The client's certificate as DER, if TLS verified one against the hub's
    /// CA. Only verified certificates may be put here.
    pub certificate: Option<Vec<u8>>,
}

/// Knows the bearer tokens that the hub has issued.
///
/// It is asked for every request with a token, so it answers from memory.
pub trait Tokens: Debug + Send + Sync + 'static {
    /// The user whose token this is; `None` for one that is unknown, expired
    /// or revoked. Compares in constant time.
    fn user(&self, token: &SecretString) -> Option<User>;
}

/// Finds out who asks, as kube-apiserver does: a client certificate that says
/// who somebody is counts before a token, and a token is then not looked at; a
/// certificate that says nobody (expired by now, without a name) leaves it to
/// the token. An agent's certificate is refused, whatever comes with it.
pub(crate) fn authenticate(
    headers: &HeaderMap,
    peer: &Peer,
    tokens: &dyn Tokens,
) -> Result<User, Status> {
    let mut complaint = None;
    if let Some(der) = &peer.certificate {
        match certificate::user(der, SystemTime::now()) {
            Ok(user) => return Ok(user),
            Err(error @ CertificateError::Agent) => {
                return Err(Status::forbidden(format!("hub: {error}")));
            }
            Err(error) => complaint = Some(error),
        }
    }
    match (bearer(headers)?, complaint) {
        (Some(token), _) => tokens.user(&token).ok_or_else(|| {
            Status::unauthorized("hub: the bearer token is unknown, expired or revoked")
        }),
        (None, Some(error)) => Err(Status::unauthorized(format!("hub: {error}"))),
        (None, None) => Err(Status::unauthorized(
            "hub: the request has neither a client certificate nor a bearer token",
        )),
    }
}

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
