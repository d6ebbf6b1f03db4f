//! Who asks for a CONNECT, and for which cluster.

use std::time::SystemTime;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::header::PROXY_AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use proto::ClusterName;
use secrecy::{ExposeSecret as _, SecretString};

use crate::authenticate::not_reviewed;
use crate::certificate::{self, CertificateError};
use crate::status::{Reason, Status};
use crate::{FrontProxies, Peer, Tokens, User};

/// Who stands behind a connection that takes CONNECT.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Caller<'a> {
    /// Somebody whom the system has vouched for.
    Local(&'a User),
    /// Somebody on the network, who has to say who he is.
    Remote(&'a Peer),
}

/// What the headers of a CONNECT say.
struct Credentials {
    /// The cluster, as it is written.
    cluster: Option<String>,
    token: Option<SecretString>,
}

/// Names the cluster where it is not the user name in `Proxy-Authorization`.
const CLUSTER: HeaderName = HeaderName::from_static("adit-cluster");
/// Some clients leave the padding off.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The user, by his certificate or by the token that is the password in
/// `Proxy-Authorization: Basic`, and the cluster, by the user name there or by
/// the header `Adit-Cluster`.
///
/// A certificate that says who somebody is may come with a token of the same
/// user only; one that says nobody leaves it to the token. An agent's is
/// refused, whatever comes with it. Nothing is said of a cluster before the
/// user is known.
pub(crate) async fn identify(
    headers: &HeaderMap,
    caller: Caller<'_>,
    tokens: &dyn Tokens,
    front_proxies: Option<&FrontProxies>,
) -> Result<(User, ClusterName), Status> {
    // No front proxy sends a CONNECT.
    front_proxies.map_or(Ok(()), |proxies| proxies.refuse(headers))?;
    let (certified, complaint) = match caller {
        Caller::Local(user) => (Some(user.clone()), None),
        Caller::Remote(peer) => by_certificate(peer)?,
    };
    let credentials = Credentials::read(headers)?;
    let user = match (certified, credentials.token) {
        (Some(user), None) => user,
        (certified, Some(token)) => {
            let of_token = tokens.user(&token).await;
            let of_token = of_token.map_err(|error| not_reviewed(&error))?;
            let of_token = of_token.ok_or_else(|| {
                unauthenticated("hub: the token is unknown, expired or revoked".to_owned())
            })?;
            same_user(certified, of_token)?
        }
        (None, None) => {
            let complaint = complaint.map_or_else(
                || {
                    "hub: neither a client certificate nor Proxy-Authorization: Basic with the \
                     cluster as user and a token as password came"
                        .to_owned()
                },
                |error| format!("hub: {error}"),
            );
            return Err(unauthenticated(complaint));
        }
    };
    let cluster = credentials.cluster.ok_or_else(|| {
        Status::bad_request(
            "hub: no cluster is named; it is the user name in Proxy-Authorization: Basic, or \
             the header Adit-Cluster",
        )
    })?;
    // Not repeated: it may be a token at the wrong place.
    let cluster = cluster.parse().map_err(|_| {
        Status::bad_request(
            "hub: what stands for the cluster is no cluster's name; Proxy-Authorization is \
             Basic base64(CLUSTER:TOKEN)",
        )
    })?;
    Ok((user, cluster))
}

type Complaint = Option<CertificateError>;

fn by_certificate(peer: &Peer) -> Result<(Option<User>, Complaint), Status> {
    let Some(der) = peer.users_certificate() else {
        return Ok((None, None));
    };
    match certificate::user(der, SystemTime::now()) {
        Ok(user) => Ok((Some(user), None)),
        Err(error @ CertificateError::Agent) => Err(Status::forbidden(format!("hub: {error}"))),
        Err(error) => Ok((None, Some(error))),
    }
}

/// Two credentials of one user are one; which of two users is meant is not guessed.
fn same_user(certified: Option<User>, of_token: User) -> Result<User, Status> {
    match certified {
        Some(user) if user.name != of_token.name => Err(Status::bad_request(format!(
            "hub: the connection is the user {:?}'s and the token the user {:?}'s; \
             come as one of them",
            user.name, of_token.name
        ))),
        Some(user) => Ok(user),
        None => Ok(of_token),
    }
}

impl Credentials {
    fn read(headers: &HeaderMap) -> Result<Self, Status> {
        let mut credentials = match single(headers, &PROXY_AUTHORIZATION)? {
            Some(value) => basic(value)?,
            None => Self {
                cluster: None,
                token: None,
            },
        };
        let Some(named) = single(headers, &CLUSTER)? else {
            return Ok(credentials);
        };
        let named = named.to_str().map_err(|_| {
            Status::bad_request("hub: the header Adit-Cluster holds what is in no cluster's name")
        })?;
        match &credentials.cluster {
            Some(cluster) if cluster != named => Err(Status::bad_request(
                "hub: Proxy-Authorization and Adit-Cluster name two clusters",
            )),
            Some(_) => Ok(credentials),
            None => {
                credentials.cluster = Some(named.to_owned());
                Ok(credentials)
            }
        }
    }
}

/// The header's value, if it has one.
fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a HeaderValue>, Status> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next();
    match lines.next() {
        None => Ok(first),
        Some(_) => Err(Status::bad_request(format!(
            "hub: the request has two headers {name}"
        ))),
    }
}

/// Takes `Basic base64(cluster:token)` apart (RFC 7617); either part may be empty.
fn basic(value: &HeaderValue) -> Result<Credentials, Status> {
    let other = || {
        unauthenticated(
            "hub: Proxy-Authorization is not of the form Basic base64(CLUSTER:TOKEN)".to_owned(),
        )
    };
    let text = value.to_str().map_err(|_| other())?;
    let (scheme, encoded) = text.trim().split_once(' ').ok_or_else(other)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(other());
    }
    let decoded = BASE64.decode(encoded.trim()).map_err(|_| other())?;
    let decoded = SecretString::from(String::from_utf8(decoded).map_err(|_| other())?);
    let (cluster, token) = decoded.expose_secret().split_once(':').ok_or_else(other)?;
    Ok(Credentials {
        cluster: (!cluster.is_empty()).then(|| cluster.to_owned()),
        token: (!token.is_empty()).then(|| SecretString::from(token)),
    })
}

/// 407: who asks is not known.
fn unauthenticated(message: String) -> Status {
    let code = StatusCode::PROXY_AUTHENTICATION_REQUIRED;
    Status::new(code, Reason::Unauthorized, message)
}

#[cfg(test)]
mod tests;
