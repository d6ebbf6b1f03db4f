use serde::{Deserialize, Serialize};

/// In what an API server treats kinds differently, beyond their fields.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Behaviour {
    /// What its names may look like.
    pub names: NameForm,
    /// Whether `metadata.generation` counts the changes of what is asked for.
    pub generation: bool,
    /// Whether an update of what is not there makes it.
    pub created_by_update: bool,
    /// Whether an update may leave out the `resourceVersion` and then
    /// overwrites whatever is there.
    pub unconditional_update: bool,
    /// Whether a delete is answered with the object and not with a `Status`.
    pub returns_deleted: bool,
    /// Whether what it owns is kept when it is deleted and nobody says what is
    /// to become of that.
    pub orphans: bool,
    /// Whether a finalizer may have a name without a domain.
    pub any_finalizer: bool,
    /// Whether a new object may come with its status.
    pub keeps_status: bool,
    /// How long an object is kept after its last write, in seconds; for ever, without.
    pub ttl_seconds: Option<u32>,
}

impl Behaviour {
    /// What most built-in kinds do.
    pub const BUILT_IN: Self = Self {
        names: NameForm::Subdomain,
        generation: false,
        created_by_update: false,
        unconditional_update: true,
        returns_deleted: false,
        orphans: false,
        any_finalizer: false,
        keeps_status: false,
        ttl_seconds: None,
    };

    /// What custom resources do.
    pub const CUSTOM: Self = Self {
        any_finalizer: true,
        generation: true,
        unconditional_update: false,
        ..Self::BUILT_IN
    };
}

impl Default for Behaviour {
    fn default() -> Self {
        Self::BUILT_IN
    }
}

/// What an object's name may look like.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum NameForm {
    /// A DNS label of RFC 1123.
    Label,
    /// A DNS label of RFC 1035.
    Label1035,
    /// Anything that can be one segment of a path.
    PathSegment,
    /// A DNS subdomain.
    #[default]
    Subdomain,
}

impl NameForm {
    /// What is wrong with a name, in the real server's words.
    #[must_use]
    pub fn check(self, name: &str) -> Vec<String> {
        match self {
            Self::Label => crate::names::dns_label(name),
            Self::Label1035 => crate::names::dns_1035_label(name),
            Self::PathSegment => crate::names::path_segment(name),
            Self::Subdomain => crate::names::dns_subdomain(name),
        }
    }
}
