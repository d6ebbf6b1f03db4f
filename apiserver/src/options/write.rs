use api::{FieldError, FieldErrorKind};

use super::invalid;
use crate::Status;
use crate::query::Query;
use crate::quoted::Quoted;

/// The options of a create or an update.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct WriteOptions {
    pub(crate) dry_run: bool,
    /// Who writes, for `managedFields`; from the user agent if it was not said.
    pub(crate) manager: String,
    pub(crate) validation: FieldValidation,
}

/// What becomes of fields that the schema does not have.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum FieldValidation {
    Ignore,
    Strict,
    #[default]
    Warn,
}

/// The options of a patch.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct PatchOptions {
    pub(crate) write: WriteOptions,
    /// Whether an apply takes fields from others.
    pub(crate) force: bool,
}

impl WriteOptions {
    /// Reads and checks them; `kind` is what messages call them.
    pub(crate) fn parse(query: &str, user_agent: &str, kind: &str) -> Result<Self, Status> {
        let query = Query::parse(query);
        let mut errors = Vec::new();
        let options = Self::read(&query, user_agent, &mut errors);
        invalid(kind, &errors)?;
        Ok(options)
    }

    fn read(query: &Query<'_>, user_agent: &str, errors: &mut Vec<FieldError>) -> Self {
        let named = query.get("fieldManager").unwrap_or_default();
        check_manager(named, errors);
        let dry_run = dry_run(query.all("dryRun"), errors);
        let validation = match query.get("fieldValidation").unwrap_or_default() {
            "Ignore" => FieldValidation::Ignore,
            "Strict" => FieldValidation::Strict,
            "" | "Warn" => FieldValidation::Warn,
            other => {
                errors.push(FieldError::new(
                    "fieldValidation",
                    FieldErrorKind::NotSupported(format!("{other:?}")),
                    r#"supported values: "", "Ignore", "Strict", "Warn""#,
                ));
                FieldValidation::Warn
            }
        };
        let manager = if named.is_empty() {
            prefix_of(user_agent)
        } else {
            named.to_owned()
        };
        Self {
            dry_run,
            manager,
            validation,
        }
    }
}

impl PatchOptions {
    /// Reads and checks those of a patch, which may be an apply.
    pub(crate) fn parse(query: &str, user_agent: &str, apply: bool) -> Result<Self, Status> {
        let query = Query::parse(query);
        let mut errors = Vec::new();
        if apply && query.get("fieldManager").unwrap_or_default().is_empty() {
            let why = "is required for apply patch";
            errors.push(FieldError::new(
                "fieldManager",
                FieldErrorKind::Required,
                why,
            ));
        }
        if !apply && query.get("force").is_some() {
            let why = "may not be specified for non-apply patch";
            errors.push(FieldError::new("force", FieldErrorKind::Forbidden, why));
        }
        let write = WriteOptions::read(&query, user_agent, &mut errors);
        invalid("PatchOptions", &errors)?;
        Ok(Self {
            write,
            force: query.switch("force").unwrap_or_default(),
        })
    }
}

/// Whether nothing is to be kept; `All` is the only stage there is.
pub(super) fn dry_run<'q>(
    values: impl Iterator<Item = &'q str>,
    errors: &mut Vec<FieldError>,
) -> bool {
    let values: Vec<&str> = values.collect();
    if values.iter().any(|value| *value != "All") {
        let quoted: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
        errors.push(FieldError::new(
            "dryRun",
            FieldErrorKind::NotSupported(format!("[{}]", quoted.join(","))),
            r#"supported values: "All""#,
        ));
    }
    !values.is_empty()
}

fn check_manager(manager: &str, errors: &mut Vec<FieldError>) {
    if manager.len() > MANAGER_MAX {
        errors.push(FieldError::new(
            "fieldManager",
            FieldErrorKind::TooLong,
            format!("may not be more than {MANAGER_MAX} bytes"),
        ));
    }
    for (at, c) in manager.char_indices().filter(|(_, c)| c.is_control()) {
        errors.push(FieldError::new(
            "fieldManager",
            FieldErrorKind::Invalid(Quoted(manager).to_string()),
            format!(
                "invalid character U+{:04X} (at position {at})",
                u32::from(c)
            ),
        ));
    }
}

/// The user agent up to its first slash, without what cannot be printed.
fn prefix_of(user_agent: &str) -> String {
    let name = user_agent.split('/').next().unwrap_or_default();
    name.chars()
        .filter(|c| !c.is_control())
        .take(MANAGER_MAX)
        .collect()
}

const MANAGER_MAX: usize = 128;
