use api::{FieldError, FieldErrorKind};
use serde::Deserialize;
use serde_json::Value;

use super::{invalid, write};
use crate::Status;
use crate::query::Query;

/// The options of a delete, from its body or, without one, its query.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct DeleteOptions {
    pub(crate) dry_run: bool,
    pub(crate) grace_seconds: Option<i64>,
    pub(crate) uid: Option<String>,
    pub(crate) revision: Option<String>,
    pub(crate) propagation: Option<Propagation>,
    /// Whether `orphanDependents` was given as false: the answer to a delete
    /// that is not done at once is then 202.
    pub(crate) waits: bool,
}

/// What becomes of what an object owns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Propagation {
    Background,
    Foreground,
    Orphan,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Wire {
    dry_run: Option<Vec<String>>,
    grace_period_seconds: Option<i64>,
    orphan_dependents: Option<bool>,
    preconditions: Option<Preconditions>,
    propagation_policy: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Preconditions {
    uid: Option<String>,
    resource_version: Option<String>,
}

impl DeleteOptions {
    /// Reads and checks them from a decoded body, whose kind need not be said.
    pub(crate) fn from_body(body: Value) -> Result<Self, Status> {
        let wire: Wire =
            serde_json::from_value(body).map_err(|error| Status::bad_request(error.to_string()))?;
        Self::check(wire)
    }

    /// Reads and checks them from a query.
    pub(crate) fn from_query(query: &str) -> Result<Self, Status> {
        let query = Query::parse(query);
        let text = |name: &str| query.get(name).filter(|value| !value.is_empty());
        let dry_run: Vec<String> = query.all("dryRun").map(ToOwned::to_owned).collect();
        let grace = text("gracePeriodSeconds").map(|text| {
            text.parse().map_err(|_| {
                Status::bad_request(format!(
                    "strconv.ParseInt: parsing {text:?}: invalid syntax"
                ))
            })
        });
        Self::check(Wire {
            dry_run: Some(dry_run),
            grace_period_seconds: grace.transpose()?,
            orphan_dependents: query.switch("orphanDependents"),
            preconditions: Some(Preconditions {
                uid: text("uid").map(ToOwned::to_owned),
                resource_version: text("resourceVersion").map(ToOwned::to_owned),
            }),
            propagation_policy: text("propagationPolicy").map(ToOwned::to_owned),
        })
    }

    fn check(wire: Wire) -> Result<Self, Status> {
        let mut errors = Vec::new();
        let field = "propagationPolicy";
        let quoted = wire
            .propagation_policy
            .as_ref()
            .map(|policy| format!("{policy:?}"));
        if let (Some(policy), Some(_)) = (&quoted, wire.orphan_dependents) {
            errors.push(FieldError::new(
                field,
                FieldErrorKind::Invalid(policy.clone()),
                "orphanDependents and deletionPropagation cannot be both set",
            ));
        }
        let mut propagation = match wire.propagation_policy.as_deref() {
            None => None,
            Some("Background") => Some(Propagation::Background),
            Some("Foreground") => Some(Propagation::Foreground),
            Some("Orphan") => Some(Propagation::Orphan),
            Some(_) => {
                errors.push(FieldError::new(
                    field,
                    FieldErrorKind::NotSupported(quoted.unwrap_or_default()),
                    r#"supported values: "Foreground", "Background", "Orphan", "nil""#,
                ));
                None
            }
        };
        let dry_run = wire.dry_run.unwrap_or_default();
        let dry_run = write::dry_run(dry_run.iter().map(String::as_str), &mut errors);
        invalid("DeleteOptions", &errors)?;
        if let Some(orphan) = wire.orphan_dependents {
            propagation = Some(if orphan {
                Propagation::Orphan
            } else {
                Propagation::Background
            });
        }
        let preconditions = wire.preconditions.unwrap_or_default();
        Ok(Self {
            dry_run,
            grace_seconds: wire.grace_period_seconds,
            uid: preconditions.uid,
            revision: preconditions.resource_version,
            propagation,
            waits: wire.orphan_dependents == Some(false),
        })
    }
}
