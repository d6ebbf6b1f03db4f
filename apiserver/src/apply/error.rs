use std::collections::BTreeMap;
use std::fmt::Write;

use super::managed::{ManagerId, UPDATE};
use super::updater::OwnerConflict;
use crate::quoted::Quoted;

/// Why a configuration was not applied, with the real server's texts.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// The patch cannot be one for this object (400).
    #[error("{0}")]
    BadRequest(String),
    /// Others own fields that it sets (409). Applying by force takes them.
    #[error("{message}")]
    Conflict {
        /// All of it in words.
        message: String,
        /// Field by field, as the causes of a `Status`.
        conflicts: Vec<FieldConflict>,
    },
    /// An object is not of the kind's schema, or its owners cannot be read
    /// (500, as the real server has it).
    #[error("{0}")]
    Other(String),
}

/// One field that is owned by another, as a cause of a `Status` with the
/// reason `FieldManagerConflict`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FieldConflict {
    /// The field, as `.spec.replicas`.
    pub field: String,
    /// Who owns it, as `conflict with "kubectl" using apps/v1`.
    pub message: String,
}

impl FieldConflict {
    /// Tells of [`MOST_TOLD`] of them, and how many there are.
    pub(super) fn error(conflicts: Vec<OwnerConflict>) -> ApplyError {
        let told = &conflicts[..conflicts.len().min(MOST_TOLD)];
        let message = message(told, conflicts.len());
        let each = told.iter().map(|conflict| Self {
            field: conflict.path.to_string(),
            message: format!("conflict with {}", manager(&conflict.manager)),
        });
        ApplyError::Conflict {
            message,
            conflicts: each.collect(),
        }
    }
}

/// Conflicts behind that many are not told.
const MOST_TOLD: usize = 1000;

fn message(conflicts: &[OwnerConflict], count: usize) -> String {
    if let [only] = conflicts {
        let manager = manager(&only.manager);
        return format!(
            "Apply failed with 1 conflict: conflict with {manager}: {}",
            only.path
        );
    }
    let mut by_manager: BTreeMap<&ManagerId, String> = BTreeMap::new();
    for conflict in conflicts {
        let paths = by_manager.entry(&conflict.manager).or_default();
        let _ = write!(paths, "\n- {}", conflict.path);
    }
    let managers = by_manager
        .iter()
        .map(|(id, paths)| format!("conflicts with {}:{paths}", manager(id)));
    let managers: Vec<_> = managers.collect();
    format!(
        "Apply failed with {count} conflicts: {}",
        managers.join("\n")
    )
}

fn manager(id: &ManagerId) -> String {
    let parts = id.parts();
    let mut text = Quoted(&parts.manager).to_string();
    if !parts.subresource.is_empty() {
        let _ = write!(text, " with subresource {}", Quoted(&parts.subresource));
    }
    if parts.operation == UPDATE {
        let _ = write!(text, " using {}", parts.api_version);
    }
    text
}
