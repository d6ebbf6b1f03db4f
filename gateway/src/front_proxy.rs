//! Front proxies: servers that have found out who asks, and tell it in headers.
//!
//! Kubernetes' aggregation layer is one. Whoever could write those headers
//! would be anybody, so they are believed only with a certificate of an
//! authority that is there for nothing else, and refused with any other.

use std::time::SystemTime;

use http::{HeaderMap, HeaderName};

use crate::certificate;
use crate::status::Status;
use crate::{Peer, User};

/// By which names front proxies are believed, and in which headers they tell
/// who asks: kube-apiserver's `--requestheader-*`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FrontProxies {
    /// Common names that their certificates may have; empty: any.
    pub names: Vec<String>,
    /// Headers with the user's name.
    pub user: Vec<HeaderName>,
    /// Headers with the user's groups, one a line.
    pub groups: Vec<HeaderName>,
    /// Further headers that say something of the user, such as his UID. They
    /// are believed of nobody else, and nothing here asks for them.
    pub others: Vec<HeaderName>,
    /// What names of headers begin with that hold the rest, in lower case.
    pub prefixes: Vec<String>,
}

/// What such headers begin with by custom. They are refused even where others
/// are in use.
const CUSTOMARY: &str = "x-remote-";

impl FrontProxies {
    /// The user of whom a front proxy tells; `None` if no header tells of one.
    ///
    /// # Errors
    ///
    /// 403 if somebody tells it who is no front proxy, or in a way that some
    /// server could read otherwise; 400 if it is not one user with a name.
    pub(crate) fn user(&self, headers: &HeaderMap, peer: &Peer) -> Result<Option<User>, Status> {
        let Some(told) = self.tells(headers) else {
            return Ok(None);
        };
        self.check(told, peer, SystemTime::now())?;
        if let Some(odd) = headers.keys().find(|name| self.resembles(name)) {
            return Err(Status::bad_request(format!(
                "hub: the header {odd} could be taken for one that says who asks"
            )));
        }
        let name = one_name(headers, &self.user)?;
        let mut groups = Vec::new();
        for header in &self.groups {
            for group in headers.get_all(header) {
                groups.push(text(header, group.as_bytes())?);
            }
        }
        let user = User::new(name, groups);
        let user = user.map_err(|error| {
            Status::bad_request(format!("hub: the user of the front proxy is none: {error}"))
        })?;
        Ok(Some(user))
    }

    /// Refuses what only a front proxy may tell, where none can come from.
    pub(crate) fn refuse(&self, headers: &HeaderMap) -> Result<(), Status> {
        self.tells(headers)
            .map_or(Ok(()), |told| Err(not_believed(told)))
    }

    /// Takes off what has been read.
    pub(crate) fn remove_from(&self, headers: &mut HeaderMap) {
        let told = headers.keys().filter(|name| self.is_one(name.as_str()));
        let told: Vec<HeaderName> = told.cloned().collect();
        for name in told {
            headers.remove(name);
        }
    }

    /// The first header that says who asks, however it is spelt.
    fn tells<'a>(&self, headers: &'a HeaderMap) -> Option<&'a HeaderName> {
        let mut names = headers.keys();
        names.find(|name| self.is_one(name.as_str()) || self.resembles(name))
    }

    fn is_one(&self, name: &str) -> bool {
        let mut named = self.user.iter().chain(&self.groups).chain(&self.others);
        named.any(|own| own == name)
            || self.prefixes.iter().any(|prefix| name.starts_with(prefix))
            || name.starts_with(CUSTOMARY)
    }

    /// Whether a header is none of them and becomes one where `_` counts as `-`,
    /// as it does in CGI.
    fn resembles(&self, name: &HeaderName) -> bool {
        let name = name.as_str();
        name.contains('_') && !self.is_one(name) && self.is_one(&name.replace('_', "-"))
    }

    /// Whether the other end is a front proxy.
    fn check(&self, told: &HeaderName, peer: &Peer, now: SystemTime) -> Result<(), Status> {
        let certificate = peer.certificate.as_ref();
        let Some(certificate) = certificate.filter(|of| of.issuer.vouches_for_front_proxies())
        else {
            return Err(not_believed(told));
        };
        let name = certificate::common_name(&certificate.der, now);
        let name = name.map_err(|error| Status::unauthorized(format!("hub: {error}")))?;
        if self.names.is_empty() || self.names.contains(&name) {
            return Ok(());
        }
        Err(Status::forbidden(format!(
            "hub: the header {told} is not believed of {name:?}, which is no front proxy's name \
             here; requestheader-allowed-names says which are"
        )))
    }
}

fn not_believed(told: &HeaderName) -> Status {
    Status::forbidden(format!(
        "hub: the header {told} says who asks; that is believed of front proxies alone, by \
         their certificate"
    ))
}

/// The one line that says the user's name.
fn one_name(headers: &HeaderMap, names: &[HeaderName]) -> Result<String, Status> {
    let mut lines = names
        .iter()
        .flat_map(|name| headers.get_all(name).iter().map(move |line| (name, line)));
    match (lines.next(), lines.next()) {
        (Some((name, line)), None) => text(name, line.as_bytes()),
        (Some((name, _)), Some(_)) => Err(Status::bad_request(format!(
            "hub: the front proxy names two users, as in {name}"
        ))),
        (None, _) => Err(Status::bad_request(
            "hub: the front proxy tells of a user whom it does not name",
        )),
    }
}

fn text(name: &HeaderName, line: &[u8]) -> Result<String, Status> {
    let text = std::str::from_utf8(line).map_err(|_| {
        Status::bad_request(format!("hub: the front proxy's header {name} is no UTF-8"))
    })?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests;
