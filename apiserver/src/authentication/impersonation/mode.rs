use api::names;

use crate::authorization::{Attributes, Authorizer, Object, ResourceAttributes, authorize};
use crate::quoted::Quoted;
use crate::{Status, User};

/// A way in which one may be allowed to act as somebody else.
///
/// All but the last are for certain kinds of users, and one may be allowed
/// them for certain requests only: beside `impersonate:MODE` they need
/// `impersonate-on:MODE:VERB` on what the request is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mode {
    /// A service account as the node it runs on.
    AssociatedNode,
    /// As any node.
    ArbitraryNode,
    /// As a service account.
    ServiceAccount,
    /// As anybody else.
    UserInfo,
    /// As anybody, for all requests.
    Anybody,
}

pub(super) const ALL: [Mode; 5] = [
    Mode::AssociatedNode,
    Mode::ArbitraryNode,
    Mode::ServiceAccount,
    Mode::UserInfo,
    Mode::Anybody,
];

const AUTHENTICATION: &str = "authentication.k8s.io";
const NODE_NAME: &str = "authentication.kubernetes.io/node-name";
/// From so many groups or extra values on, the right to all is asked for first.
const MANY: usize = 4;

impl Mode {
    /// Whether the mode lets the request's user act as `wanted`; `None` if it
    /// is not for such users.
    pub(super) fn check(
        self,
        authorizer: &dyn Authorizer,
        request: &Attributes<'_>,
        wanted: &User,
    ) -> Option<Result<User, Status>> {
        self.fits(request.user, wanted)
            .then(|| self.allow(authorizer, request, wanted))
    }

    fn fits(self, user: &User, wanted: &User) -> bool {
        let only_name =
            wanted.uid.is_empty() && wanted.groups.is_empty() && wanted.extra.is_empty();
        let account = User::split_service_account(&wanted.name);
        let node = node(&wanted.name);
        match self {
            Self::Anybody => true,
            Self::UserInfo => account.is_none() && node.is_none(),
            Self::ServiceAccount => only_name && account.is_some(),
            Self::ArbitraryNode => only_name && node.is_some(),
            Self::AssociatedNode => {
                let own = user.extra.get(NODE_NAME).map(Vec::as_slice);
                let is_account = User::split_service_account(&user.name).is_some();
                let on_it = matches!((own, node), (Some([own]), Some(node)) if own == node);
                only_name && is_account && on_it
            }
        }
    }

    const fn name(self) -> Option<&'static str> {
        match self {
            Self::AssociatedNode => Some("associated-node"),
            Self::ArbitraryNode => Some("arbitrary-node"),
            Self::ServiceAccount => Some("serviceaccount"),
            Self::UserInfo => Some("user-info"),
            Self::Anybody => None,
        }
    }

    fn allow(
        self,
        authorizer: &dyn Authorizer,
        request: &Attributes<'_>,
        wanted: &User,
    ) -> Result<User, Status> {
        let verb = match self.name() {
            None => "impersonate".to_owned(),
            Some(name) => {
                let verb = format!("impersonate-on:{name}:{}", request.verb);
                let verb = verb.as_str();
                authorize(authorizer, &Attributes { verb, ..*request })?;
                format!("impersonate:{name}")
            }
        };
        let check = Check {
            authorizer,
            user: request.user,
            verb: &verb,
            group: self.name().map_or("", |_| AUTHENTICATION),
            constrained: self != Self::Anybody,
        };
        check.name(wanted, self == Self::AssociatedNode)?;
        if !wanted.uid.is_empty() {
            check.allows(AUTHENTICATION, "", "uids", "", &wanted.uid)?;
        }
        check.groups(&wanted.groups)?;
        check.extra(wanted)?;
        Ok(self.settled(wanted))
    }

    /// The user with the groups that go without saying.
    fn settled(self, wanted: &User) -> User {
        let mut user = wanted.clone();
        if user.groups.is_empty() {
            if let Some((namespace, _)) = User::split_service_account(&user.name) {
                user.groups = User::service_account_groups(namespace).into();
            } else if matches!(self, Self::ArbitraryNode | Self::AssociatedNode) {
                user.groups = vec!["system:nodes".to_owned()];
            }
        }
        let own = if user.name == User::ANONYMOUS {
            User::UNAUTHENTICATED
        } else {
            User::AUTHENTICATED
        };
        if !user.is_in(own) && !user.is_in(User::UNAUTHENTICATED) {
            user.groups.push(own.to_owned());
        }
        user
    }
}

/// The rights that are asked for, one for each thing that is named.
#[derive(Clone, Copy, Debug)]
struct Check<'a> {
    authorizer: &'a dyn Authorizer,
    user: &'a User,
    verb: &'a str,
    /// The API group of users and groups.
    group: &'a str,
    constrained: bool,
}

impl Check<'_> {
    fn name(self, wanted: &User, any_node: bool) -> Result<(), Status> {
        if let Some((namespace, name)) = User::split_service_account(&wanted.name) {
            return self.allows(self.group, namespace, "serviceaccounts", "", name);
        }
        match node(&wanted.name).filter(|_| self.constrained) {
            Some(_) if any_node => self.allows(self.group, "", "nodes", "", "*"),
            Some(node) => self.allows(self.group, "", "nodes", "", node),
            None => self.allows(self.group, "", "users", "", &wanted.name),
        }
    }

    fn groups(self, groups: &[String]) -> Result<(), Status> {
        let refuse = |name: &str, why: &str| {
            let attributes = self.attributes(self.group, "", "groups", "", name);
            Err(attributes.forbidden(why))
        };
        if self.constrained {
            if groups.iter().any(String::is_empty) {
                return refuse("", "impersonating the empty string group is not allowed");
            }
            if groups.iter().any(|group| group == User::MASTERS) {
                let why = "impersonating the system:masters group is not allowed";
                return refuse(User::MASTERS, why);
            }
            let all = || self.allows(self.group, "", "groups", "", "*");
            if groups.len() >= MANY && all().is_ok() {
                return Ok(());
            }
        }
        groups
            .iter()
            .try_for_each(|group| self.allows(self.group, "", "groups", "", group))
    }

    fn extra(self, wanted: &User) -> Result<(), Status> {
        if self.constrained {
            if let Some(why) = wanted.extra.iter().find_map(wrong_extra) {
                let attributes = self.attributes(AUTHENTICATION, "", "userextras", "", "");
                return Err(attributes.forbidden(&why));
            }
            let values: usize = wanted.extra.values().map(Vec::len).sum();
            let all = || self.allows(AUTHENTICATION, "", "userextras", "*", "*");
            if values >= MANY && all().is_ok() {
                return Ok(());
            }
        }
        for (key, values) in &wanted.extra {
            for value in values {
                self.allows(AUTHENTICATION, "", "userextras", key, value)?;
            }
        }
        Ok(())
    }

    fn allows(
        self,
        group: &str,
        namespace: &str,
        resource: &str,
        subresource: &str,
        name: &str,
    ) -> Result<(), Status> {
        let attributes = self.attributes(group, namespace, resource, subresource, name);
        authorize(self.authorizer, &attributes)
    }

    fn attributes<'a>(
        &'a self,
        group: &'a str,
        namespace: &'a str,
        resource: &'a str,
        subresource: &'a str,
        name: &'a str,
    ) -> Attributes<'a> {
        Attributes {
            user: self.user,
            verb: self.verb,
            on: Object::Resource(ResourceAttributes {
                group,
                namespace,
                resource,
                subresource,
                name,
            }),
        }
    }
}

/// What is wrong with an extra value's key or values.
fn wrong_extra((key, values): (&String, &Vec<String>)) -> Option<String> {
    let path = key.split_once('/');
    let formed = path
        .is_some_and(|(domain, path)| names::dns_subdomain(domain).is_empty() && !path.is_empty());
    if key.is_empty() {
        Some("impersonating the empty string key in extra is not allowed".to_owned())
    } else if !formed {
        Some(format!(
            "impersonating an invalid key in extra is not allowed: extra.key: Invalid value: {}: must be a domain-prefixed path (such as \"acme.io/foo\")",
            Quoted(key)
        ))
    } else if key.to_lowercase() != *key {
        let key = Quoted(key);
        Some(format!(
            "impersonating a non-lowercase key in extra is not allowed: {key}"
        ))
    } else if values.is_empty() {
        Some("impersonating empty values in extra is not allowed".to_owned())
    } else if values.iter().any(String::is_empty) {
        Some("impersonating the empty string value in extra is not allowed".to_owned())
    } else {
        None
    }
}

/// The node that is called so as a user.
fn node(name: &str) -> Option<&str> {
    let node = name.strip_prefix("system:node:")?;
    names::dns_subdomain(node).is_empty().then_some(node)
}
