use std::collections::BTreeMap;

/// Who makes a request, once that is known.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct User {
    /// The name, as in RBAC's subjects.
    pub name: String,
    /// What tells it from another of that name at another time; may be empty.
    pub uid: String,
    /// The groups.
    pub groups: Vec<String>,
    /// What else its authenticator knows.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl User {
    /// A user of that name in those groups and in `system:authenticated`.
    #[must_use]
    pub fn new(name: impl Into<String>, groups: impl IntoIterator<Item = String>) -> Self {
        let mut groups: Vec<String> = groups.into_iter().collect();
        if !groups.iter().any(|group| group == Self::AUTHENTICATED) {
            groups.push(Self::AUTHENTICATED.to_owned());
        }
        Self {
            name: name.into(),
            groups,
            ..Self::default()
        }
    }

    /// A service account.
    #[must_use]
    pub fn service_account(namespace: &str, name: &str) -> Self {
        let groups = Self::service_account_groups(namespace);
        Self::new(format!("{SERVICE_ACCOUNT}{namespace}:{name}"), groups)
    }

    /// The groups of a namespace's service accounts.
    #[must_use]
    pub fn service_account_groups(namespace: &str) -> [String; 2] {
        let all = "system:serviceaccounts";
        [all.to_owned(), format!("{all}:{namespace}")]
    }

    /// The namespace and name of the service account that is called so as a
    /// user; `None` if it is none.
    #[must_use]
    pub fn split_service_account(name: &str) -> Option<(&str, &str)> {
        let (namespace, name) = name.strip_prefix(SERVICE_ACCOUNT)?.split_once(':')?;
        let good = api::names::dns_label(namespace).is_empty()
            && api::names::dns_subdomain(name).is_empty();
        good.then_some((namespace, name))
    }

    /// Who shows nothing.
    #[must_use]
    pub fn anonymous() -> Self {
        Self {
            name: Self::ANONYMOUS.to_owned(),
            groups: vec![Self::UNAUTHENTICATED.to_owned()],
            ..Self::default()
        }
    }

    /// Whether it is in that group.
    #[must_use]
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|of| of == group)
    }

    /// The name of who shows nothing.
    pub const ANONYMOUS: &'static str = "system:anonymous";
    /// The group of who shows nothing.
    pub const UNAUTHENTICATED: &'static str = "system:unauthenticated";
    /// The group of all that are known.
    pub const AUTHENTICATED: &'static str = "system:authenticated";
    /// The group that may do everything.
    pub const MASTERS: &'static str = "system:masters";
}

const SERVICE_ACCOUNT: &str = "system:serviceaccount:";
