//! The identity that goes on to the managed cluster, as `Impersonate-*` headers.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::headers::is_impersonation;
use crate::status::{Status, StatusObject};
use crate::user::AUTHENTICATED;
use crate::{User, user};

const USER: HeaderName = HeaderName::from_static("impersonate-user");
const GROUP: HeaderName = HeaderName::from_static("impersonate-group");
const UID: HeaderName = HeaderName::from_static("impersonate-uid");
const EXTRA_PREFIX: &str = "impersonate-extra-";

/// As whom a request goes on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Identity {
    /// As the caller himself.
    Own,
    /// As this user, by the caller's own `Impersonate-*` headers.
    Assumed(String),
}

/// Finds out as whom the caller wants to act, and whether he may.
///
/// Only members of `system:masters` may act as somebody else. Anyone else's
/// `Impersonate-*` is refused in kube-apiserver's words and never dropped.
/// This looks at the headers as the caller sent them.
pub(crate) fn requested(headers: &HeaderMap, caller: &User) -> Result<Identity, Status> {
    if !headers.keys().any(is_impersonation) {
        return Ok(Identity::Own);
    }
    if !caller.is_master() {
        return Err(refusal(headers, caller));
    }
    let mut names = headers.get_all(USER).iter();
    let name = match (names.next(), names.next()) {
        (Some(name), None) => std::str::from_utf8(name.as_bytes())
            .ok()
            .filter(|name| user::check(name).is_ok()),
        _ => None,
    };
    let Some(name) = name else {
        return Err(Status::bad_request(
            "hub: to act as somebody else, send exactly one Impersonate-User with a name in it",
        ));
    };
    let known = |name: &&HeaderName| {
        [USER, GROUP, UID].contains(name) || name.as_str().starts_with(EXTRA_PREFIX)
    };
    let mut all = headers.keys().filter(|name| is_impersonation(name));
    if let Some(unknown) = all.find(|name| !known(name)) {
        return Err(Status::bad_request(format!(
            "hub: {unknown} is none of Kubernetes' impersonation headers"
        )));
    }
    Ok(Identity::Assumed(name.to_owned()))
}

/// Sets the caller's own identity; whatever stood there before is gone.
///
/// `system:authenticated` is left out: the API server gives it to every
/// impersonated user, and asking for it would take another right there.
pub(crate) fn set_own(headers: &mut HeaderMap, caller: &User) {
    let stale: Vec<HeaderName> = headers
        .keys()
        .filter(|n| is_impersonation(n))
        .cloned()
        .collect();
    for name in stale {
        headers.remove(name);
    }
    headers.insert(USER, value(&caller.name));
    for group in caller.groups.iter().filter(|g| *g != AUTHENTICATED) {
        headers.append(GROUP, value(group));
    }
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_bytes(text.as_bytes())
        .expect("authentication lets in only names that a header can carry")
}

/// What kube-apiserver says to one who may not impersonate.
fn refusal(headers: &HeaderMap, caller: &User) -> Status {
    let text = |name: &HeaderName| {
        let value = headers.get(name)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let (resource, group, name, scope) = if let Some(name) = text(&USER) {
        match service_account(&name) {
            Some((namespace, account)) => {
                let scope = format!("in the namespace {namespace:?}");
                ("serviceaccounts", "", account.to_owned(), scope)
            }
            None => ("users", "", name, cluster_scope()),
        }
    } else if let Some(name) = text(&GROUP) {
        ("groups", "", name, cluster_scope())
    } else if let Some(name) = text(&UID) {
        ("uids", "authentication.k8s.io", name, cluster_scope())
    } else {
        (
            "userextras",
            "authentication.k8s.io",
            String::new(),
            cluster_scope(),
        )
    };
    let qualified = match group {
        "" => resource.to_owned(),
        group => format!("{resource}.{group}"),
    };
    let message = format!(
        "{qualified} {name:?} is forbidden: User {:?} cannot impersonate resource {resource:?} \
         in API group {group:?} {scope}",
        caller.name
    );
    Status::forbidden(message).about(StatusObject {
        group: group.to_owned(),
        resource: resource.to_owned(),
        name,
    })
}

fn cluster_scope() -> String {
    "at the cluster scope".to_owned()
}

fn service_account(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("system:serviceaccount:")?.split_once(':')
}

#[cfg(test)]
mod tests;
