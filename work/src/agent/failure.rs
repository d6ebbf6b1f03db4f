use std::time::Duration;

use super::executor::ExecutorError;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum Failure {
    /// The API server says no, or is not reached.
    #[error("{}", of_api(.0))]
    Api(#[from] kube::Error),
    /// Another work has the object.
    #[error(
        "{place} belongs to the ManifestWork {owner}, which is the older one and has {field} \
         otherwise; take the object out of one of the two works, or have both say the same"
    )]
    Claimed {
        place: String,
        /// Namespace and name of the work.
        owner: String,
        /// What of the object they differ in.
        field: String,
    },
    /// The object is on its way out, and comes after that.
    #[error("{0} is being deleted, and is made anew when it is gone")]
    Deleting(String),
    /// Another manager has fields of the object.
    #[error("{0}")]
    FieldConflict(String),
    /// What is to be ignored cannot be told.
    #[error("Failed to process ignoreFields: {0}")]
    IgnoreFields(String),
    /// What a work has among its manifests is no object.
    #[error("{0}")]
    Manifest(&'static str),
    /// No path leads to it.
    #[error("{0} is not a name that an object can have")]
    Name(String),
    /// The work's executor may not do that.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    /// As it was told before.
    #[error("{0}")]
    Refused(String),
    /// The kind is not served.
    #[error("no matches for kind \"{kind}\" in version \"{api_version}\"")]
    UnknownKind { api_version: String, kind: String },
}

impl Failure {
    pub(super) fn is_not_found(&self) -> bool {
        self.code() == Some(404)
    }

    /// Whether somebody else was faster, so that it is to be looked at anew.
    pub(super) fn is_conflict(&self) -> bool {
        self.code() == Some(409)
    }

    /// Whether fields are another manager's.
    pub(super) fn is_field_conflict(&self) -> bool {
        let Self::Api(kube::Error::Api(status)) = self else {
            return false;
        };
        let causes = status.details.iter().flat_map(|of| &of.causes);
        status.code == 409
            && causes
                .into_iter()
                .any(|of| of.reason == "FieldManagerConflict")
    }

    /// Whether the API server has refused, so that nothing was done for sure.
    pub(super) fn is_refusal(&self) -> bool {
        let code = self.code();
        !matches!(self, Self::Api(_)) || code.is_some_and(|code| (400..500).contains(&code))
    }

    fn code(&self) -> Option<u16> {
        if let Self::Api(kube::Error::Api(status)) = self {
            Some(status.code)
        } else {
            None
        }
    }

    /// When to try again, if it is to be tried on its own account.
    pub(super) fn retry(&self) -> Retry {
        match self {
            Self::Executor(error) => error.retry_after().map_or(Retry::Backoff, Retry::After),
            // Nothing but a change brings another end, and changes are watched.
            Self::Claimed { .. }
            | Self::FieldConflict(_)
            | Self::IgnoreFields(_)
            | Self::Manifest(_)
            | Self::Name(_)
            | Self::Refused(_) => Retry::WithChange,
            Self::Api(_) | Self::Deleting(_) | Self::UnknownKind { .. } => Retry::Backoff,
        }
    }
}

/// When something that failed is tried again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Retry {
    /// After so long.
    After(Duration),
    /// Soon, and then later and later.
    Backoff,
    /// When something has changed.
    WithChange,
}

/// What the API server has said, without what is put around it.
fn of_api(error: &kube::Error) -> String {
    if let kube::Error::Api(status) = error
        && !status.message.is_empty()
    {
        return status.message.clone();
    }
    error.to_string()
}
