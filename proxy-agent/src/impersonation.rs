//! As whom the hub may have this agent act.

use std::collections::BTreeSet;

use http::{HeaderMap, HeaderName};

/// As whom the hub may have this agent act towards its API server.
///
/// A request has to name exactly one user to impersonate: without one it would
/// run with the agent's own rights. By default the users and groups that hold
/// a whole cluster are refused: `system:masters`, `system:nodes`, and whatever
/// begins with `system:kube-` or `system:node:`.
#[derive(Clone, Debug, Default)]
pub struct ImpersonationPolicy {
    allowed: BTreeSet<String>,
}

/// Why a request's identity is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum IdentityRefusal {
    #[error("the header {0} is not text that can be compared with this agent's policy")]
    NotText(HeaderName),
    #[error("it names no user to act as: exactly one {IMPERSONATE_USER} is needed")]
    NoUser,
    #[error("it has {count} headers {name}, where there may be only one")]
    Several { name: HeaderName, count: usize },
    #[error(
        "this agent does not act as {name:?} for the hub; \
         --allow-impersonate={name} on the agent would let it"
    )]
    Privileged { name: String },
}

const IMPERSONATE_GROUP: HeaderName = HeaderName::from_static("impersonate-group");
const IMPERSONATE_UID: HeaderName = HeaderName::from_static("impersonate-uid");
const IMPERSONATE_USER: HeaderName = HeaderName::from_static("impersonate-user");
const PRIVILEGED: [&str; 2] = ["system:masters", "system:nodes"];
const PRIVILEGED_PREFIXES: [&str; 2] = ["system:kube-", "system:node:"];

impl ImpersonationPolicy {
    /// Lets the hub act as this user, or as a member of this group, although
    /// it is privileged. The name is taken to the letter; there are no patterns.
    #[must_use]
    pub fn allow(mut self, name: &str) -> Self {
        self.allowed.insert(name.to_owned());
        self
    }

    /// Checks the identity that a request's headers ask for.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), IdentityRefusal> {
        match headers.get_all(&IMPERSONATE_USER).iter().count() {
            0 => return Err(IdentityRefusal::NoUser),
            1 => {}
            count => {
                let name = IMPERSONATE_USER;
                return Err(IdentityRefusal::Several { name, count });
            }
        }
        let count = headers.get_all(&IMPERSONATE_UID).iter().count();
        if count > 1 {
            let name = IMPERSONATE_UID;
            return Err(IdentityRefusal::Several { name, count });
        }
        for name in [IMPERSONATE_USER, IMPERSONATE_GROUP] {
            for value in headers.get_all(&name) {
                let value = std::str::from_utf8(value.as_bytes())
                    .map_err(|_| IdentityRefusal::NotText(name.clone()))?;
                self.check_name(&name, value.trim())?;
            }
        }
        Ok(())
    }

    fn check_name(&self, header: &HeaderName, name: &str) -> Result<(), IdentityRefusal> {
        if name.is_empty() && *header == IMPERSONATE_USER {
            return Err(IdentityRefusal::NoUser);
        }
        let privileged = PRIVILEGED.contains(&name)
            || PRIVILEGED_PREFIXES
                .iter()
                .any(|prefix| name.starts_with(prefix));
        if privileged && !self.allowed.contains(name) {
            return Err(IdentityRefusal::Privileged {
                name: name.to_owned(),
            });
        }
        Ok(())
    }
}

/// Whether a header says as whom a request is made.
pub(crate) fn is_identity(name: &str) -> bool {
    name.get(..12)
        .is_some_and(|start| start.eq_ignore_ascii_case("impersonate-"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.append(*name, value);
        }
        headers
    }

    fn check(pairs: &[(&'static str, &str)]) -> Result<(), IdentityRefusal> {
        ImpersonationPolicy::default().check(&headers(pairs))
    }

    fn privileged(name: &str) -> Result<(), IdentityRefusal> {
        Err(IdentityRefusal::Privileged {
            name: name.to_owned(),
        })
    }

    #[test]
    fn exactly_one_user_is_needed() {
        assert_eq!(check(&[]), Err(IdentityRefusal::NoUser));
        assert_eq!(
            check(&[("impersonate-group", "devs")]),
            Err(IdentityRefusal::NoUser)
        );
        assert_eq!(
            check(&[("impersonate-user", "")]),
            Err(IdentityRefusal::NoUser)
        );
        assert_eq!(check(&[("impersonate-user", "jane")]), Ok(()));
        let twice = [("impersonate-user", "jane"), ("Impersonate-User", "jane")];
        let several = IdentityRefusal::Several {
            name: IMPERSONATE_USER,
            count: 2,
        };
        assert_eq!(check(&twice), Err(several));
    }

    #[test]
    fn whoever_holds_a_whole_cluster_is_refused_as_user_and_as_group() {
        for name in [
            "system:masters",
            "system:nodes",
            "system:node:worker-1",
            "system:kube-controller-manager",
            "system:kube-",
        ] {
            assert_eq!(check(&[("impersonate-user", name)]), privileged(name));
            let group = [
                ("impersonate-user", "jane"),
                ("impersonate-group", "devs"),
                ("impersonate-group", name),
            ];
            assert_eq!(check(&group), privileged(name));
        }
        for name in [
            "system:serviceaccount:kube-system:x",
            "system:authenticated",
            "masters",
        ] {
            assert_eq!(check(&[("impersonate-user", name)]), Ok(()), "{name}");
        }
    }

    #[test]
    fn blanks_around_a_name_do_not_hide_it() {
        let headers = [
            ("impersonate-user", "jane"),
            ("impersonate-group", "\tsystem:masters "),
        ];
        assert_eq!(check(&headers), privileged("system:masters"));
    }

    #[test]
    fn an_allowed_name_is_allowed_to_the_letter() {
        let policy = ImpersonationPolicy::default()
            .allow("system:masters")
            .allow("system:kube-scheduler");
        let ask = |group| {
            policy.check(&headers(&[
                ("impersonate-user", "a"),
                ("impersonate-group", group),
            ]))
        };
        assert_eq!(ask("system:masters"), Ok(()));
        assert_eq!(ask("system:kube-scheduler"), Ok(()));
        assert_eq!(
            ask("system:kube-scheduler2"),
            privileged("system:kube-scheduler2")
        );
        assert_eq!(ask("system:nodes"), privileged("system:nodes"));
    }

    #[test]
    fn a_name_that_is_not_text_is_refused() {
        let mut headers = headers(&[("impersonate-user", "jane")]);
        headers.append(IMPERSONATE_GROUP, HeaderValue::from_bytes(b"\xff").unwrap());
        let refusal = ImpersonationPolicy::default().check(&headers);
        assert_eq!(refusal, Err(IdentityRefusal::NotText(IMPERSONATE_GROUP)));
    }

    #[test]
    fn identity_headers_are_recognised_in_any_spelling() {
        assert!(is_identity("Impersonate-Extra-Scopes"));
        assert!(is_identity("impersonate-uid"));
        assert!(!is_identity("impersonate"));
        assert!(!is_identity("x-impersonate-user"));
    }
}
