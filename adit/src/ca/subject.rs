//! Whom a client's certificate speaks for.

use proto::{AgentIdentity, claims_agent};
use rcgen::{DistinguishedName, DnType};

/// The subject of a client's certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Subject {
    Agent(AgentIdentity),
    /// A user of the gateway: CN is the name, O the one group.
    User {
        name: String,
        group: String,
    },
}

/// Why no certificate or token may speak for a user.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum SubjectError {
    #[error("the user's name is empty")]
    NoName,
    #[error("the name or a group of the user {0:?} belongs to clusters' agents")]
    Agent(String),
    #[error("the name or a group of the user {0:?} holds a control character or is empty")]
    Characters(String),
}

/// The object identifier of `organizationName` (X.520).
///
/// The builder holds one value a type; the second organization of an agent
/// stands under the same identifier spelt out, and is the same on the wire.
const ORGANIZATION_NAME: [u64; 4] = [2, 5, 4, 10];

impl Subject {
    /// The hub's own administrator, who may do everything.
    pub(crate) fn administrator() -> Self {
        Self::User {
            name: "adit:admin".to_owned(),
            group: "system:masters".to_owned(),
        }
    }

    pub(super) fn distinguished_name(&self) -> DistinguishedName {
        let mut subject = DistinguishedName::new();
        match self {
            Self::Agent(identity) => {
                let [first, second] = identity.organizations();
                subject.push(DnType::OrganizationName, first);
                subject.push(DnType::CustomDnType(ORGANIZATION_NAME.to_vec()), second);
                subject.push(DnType::CommonName, identity.common_name());
            }
            Self::User { name, group } => {
                subject.push(DnType::OrganizationName, group.as_str());
                subject.push(DnType::CommonName, name.as_str());
            }
        }
        subject
    }
}

/// Refuses users that could be taken for something else.
pub(crate) fn check_user(name: &str, groups: &[String]) -> Result<(), SubjectError> {
    if name.is_empty() {
        return Err(SubjectError::NoName);
    }
    let organizations: Vec<&str> = groups.iter().map(String::as_str).collect();
    if claims_agent(name, &organizations) {
        return Err(SubjectError::Agent(name.to_owned()));
    }
    let unfit = |text: &str| text.is_empty() || text.chars().any(char::is_control);
    if unfit(name) || organizations.iter().any(|group| unfit(group)) {
        return Err(SubjectError::Characters(name.to_owned()));
    }
    Ok(())
}
