//! Who asks.

use http::HeaderValue;

/// The group whose members may do everything on the hub.
pub const MASTERS: &str = "system:masters";
/// The group that every user who said who he is belongs to, as in Kubernetes.
pub const AUTHENTICATED: &str = "system:authenticated";

/// An authenticated user of the hub.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct User {
    /// The name, as RBAC subjects have it.
    pub name: String,
    /// The groups, in the order the credential has them.
    pub groups: Vec<String>,
}

/// Why a name or group cannot be a user's.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UserError {
    /// An empty name or group.
    #[error("a user's name or group is empty")]
    Empty,
    /// A text that a header would change, and with it who the user is.
    #[error(
        "{0:?} holds control characters or begins or ends with a blank; \
         a header cannot carry it unchanged"
    )]
    Unfit(String),
}

impl User {
    /// A user who said who he is: `system:authenticated` is added to the groups.
    ///
    /// # Errors
    ///
    /// Names and groups that an HTTP header does not carry unchanged are
    /// refused: `system:masters ` with a blank behind it arrives without.
    pub fn new(
        name: impl Into<String>,
        groups: impl IntoIterator<Item = String>,
    ) -> Result<Self, UserError> {
        let mut user = Self {
            name: name.into(),
            groups: groups.into_iter().collect(),
        };
        for text in user.groups.iter().chain([&user.name]) {
            check(text)?;
        }
        if !user.in_group(AUTHENTICATED) {
            user.groups.push(AUTHENTICATED.to_owned());
        }
        Ok(user)
    }

    /// Whether the user is a member of the group.
    pub fn in_group(&self, group: &str) -> bool {
        self.groups.iter().any(|g| g == group)
    }

    /// Whether the user may do everything on the hub.
    pub fn is_master(&self) -> bool {
        self.in_group(MASTERS)
    }
}

/// Refuses what a header would not carry unchanged.
pub(crate) fn check(text: &str) -> Result<(), UserError> {
    if text.is_empty() {
        return Err(UserError::Empty);
    }
    let fits = text.trim() == text
        && !text.contains(char::is_control)
        && HeaderValue::from_bytes(text.as_bytes()).is_ok();
    if fits {
        Ok(())
    } else {
        Err(UserError::Unfit(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_user_is_authenticated_once() {
        let user = User::new("alice", ["dev".to_owned()]).unwrap();
        assert_eq!(user.groups, ["dev", AUTHENTICATED]);
        let again = User::new("alice", user.groups.clone()).unwrap();
        assert_eq!(again, user);
        assert!(!user.is_master());
    }

    #[test]
    fn names_that_a_header_would_change_are_no_names() {
        for name in [
            "",
            " alice",
            "alice\t",
            "a\r\nImpersonate-Group: system:masters",
            "\u{85}a",
        ] {
            assert!(User::new(name, []).is_err(), "{name:?}");
        }
        let group = "system:masters ".to_owned();
        assert!(User::new("alice", [group]).is_err());
        assert!(User::new("Zoë von Münster", []).is_ok());
    }
}
