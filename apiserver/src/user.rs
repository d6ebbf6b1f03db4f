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

    /// Who shows nothing.
    #[must_use]
    pub fn anonymous() -> Self {
        Self {
            name: "system:anonymous".to_owned(),
            groups: vec!["system:unauthenticated".to_owned()],
            ..Self::default()
        }
    }

    /// Whether it is in that group.
    #[must_use]
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|of| of == group)
    }

    /// The group of all that are known.
    pub const AUTHENTICATED: &'static str = "system:authenticated";
    /// The group that may do everything.
    pub const MASTERS: &'static str = "system:masters";
}
