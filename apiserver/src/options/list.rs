use std::num::{IntErrorKind, ParseIntError};
use std::time::Duration;

use api::{FieldError, FieldErrorKind};

use super::invalid;
use crate::Status;
use crate::query::Query;
use crate::scope::Scope;
use crate::selector::{FieldSelector, LabelSelector};

/// The options of a list or a watch.
#[derive(Clone, Debug, Default)]
pub(crate) struct ListOptions {
    pub(crate) labels: LabelSelector,
    pub(crate) fields: FieldSelector,
    pub(crate) bookmarks: bool,
    /// The revision asked for: none if it was not said.
    pub(crate) revision: Option<u64>,
    pub(crate) revision_match: Option<RevisionMatch>,
    pub(crate) timeout: Option<Duration>,
    /// None for no limit.
    pub(crate) limit: Option<usize>,
    pub(crate) continues: Option<String>,
    pub(crate) initial_events: Option<bool>,
}

/// How `resourceVersion` is to be understood.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RevisionMatch {
    Exact,
    NotOlderThan,
}

impl ListOptions {
    /// Reads and checks them; what is wrong is told in the real server's order.
    pub(crate) fn parse(query: &str, scope: &Scope, watch: bool) -> Result<Self, Status> {
        let query = Query::parse(query);
        let text = |name: &str| query.get(name).filter(|value| !value.is_empty());
        let timeout = number(&query, "timeoutSeconds")?;
        let limit = number(&query, "limit")?;
        let labels = query.get("labelSelector").unwrap_or_default();
        let labels = LabelSelector::parse(labels).map_err(Status::bad_request)?;
        let fields = FieldSelector::parse(query.get("fieldSelector").unwrap_or_default())?;
        let mut errors = Vec::new();
        let revision_match = text("resourceVersionMatch");
        let version = text("resourceVersion");
        let mut options = Self {
            labels,
            fields,
            bookmarks: query.switch("allowWatchBookmarks").unwrap_or_default(),
            revision: None,
            revision_match: match revision_match {
                Some("Exact") if !watch => Some(RevisionMatch::Exact),
                Some("NotOlderThan") => Some(RevisionMatch::NotOlderThan),
                _ => None,
            },
            timeout: timeout.map(Duration::from_secs),
            limit: limit
                .filter(|limit| *limit > 0)
                .map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)),
            continues: text("continue").map(ToOwned::to_owned),
            initial_events: query.switch("sendInitialEvents"),
        };
        if watch {
            options.check_watch(revision_match.is_some(), &mut errors);
        } else {
            options.check_list(revision_match.is_some(), version, &mut errors);
        }
        if let (Some(other), None) = (revision_match, options.revision_match) {
            errors.push(not_supported(other, watch));
        }
        invalid("ListOptions", &errors)?;
        scope.check_fields(&options.fields)?;
        options.revision = if watch {
            wanted_revision(version)?
        } else {
            revision(version).map_err(|why| {
                let why = of_revision(version, &why);
                Status::bad_request(format!("invalid resource version: {why}"))
            })?
        };
        Ok(options)
    }

    fn check_list(&self, matched: bool, version: Option<&str>, errors: &mut Vec<FieldError>) {
        let mut forbid = |field: &str, why: &str| {
            errors.push(FieldError::new(field, FieldErrorKind::Forbidden, why));
        };
        let field = "resourceVersionMatch";
        if matched && version.is_none() {
            forbid(
                field,
                "resourceVersionMatch is forbidden unless resourceVersion is provided",
            );
        }
        if matched && self.continues.is_some() {
            forbid(
                field,
                "resourceVersionMatch is forbidden when continue is provided",
            );
        }
        if self.revision_match == Some(RevisionMatch::Exact) && version == Some("0") {
            forbid(
                field,
                "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
            );
        }
        if self.initial_events.is_some() {
            forbid(
                "sendInitialEvents",
                "sendInitialEvents is forbidden for list",
            );
        }
    }

    fn check_watch(&self, matched: bool, errors: &mut Vec<FieldError>) {
        let mut forbid = |why: &str| {
            let field = "resourceVersionMatch";
            errors.push(FieldError::new(field, FieldErrorKind::Forbidden, why));
        };
        if self.initial_events.is_some() && self.revision_match != Some(RevisionMatch::NotOlderThan)
        {
            forbid("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
        }
        if matched && self.initial_events.is_none() {
            forbid(
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            );
        }
        if matched && self.continues.is_some() {
            forbid("resourceVersionMatch is forbidden when continue is provided");
        }
    }
}

fn not_supported(revision_match: &str, watch: bool) -> FieldError {
    let allowed = if watch {
        r#"supported values: "NotOlderThan""#
    } else {
        r#"supported values: "Exact", "NotOlderThan", """#
    };
    let kind = FieldErrorKind::NotSupported(format!("{revision_match:?}"));
    FieldError::new("resourceVersionMatch", kind, allowed)
}

/// A `resourceVersion`: a number that a client has been given. The error is
/// in the words of Go's parser.
pub(crate) fn revision(text: Option<&str>) -> Result<Option<u64>, String> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|error: ParseIntError| {
        let why = unparsable(error.kind());
        format!("strconv.ParseUint: parsing {text:?}: {why}")
    })
}

/// 500, as the real server has it: what is read or watched has to be not older
/// than something that is no revision.
pub(crate) fn wanted_revision(text: Option<&str>) -> Result<Option<u64>, Status> {
    revision(text).map_err(|why| Status::unexpected(of_revision(text, &why)))
}

fn of_revision(text: Option<&str>, why: &str) -> String {
    let text = text.unwrap_or_default();
    format!("resourceVersion: Invalid value: {text:?}: {why}")
}

const fn unparsable(error: &IntErrorKind) -> &'static str {
    if matches!(error, IntErrorKind::PosOverflow | IntErrorKind::NegOverflow) {
        "value out of range"
    } else {
        "invalid syntax"
    }
}

fn number(query: &Query<'_>, name: &str) -> Result<Option<u64>, Status> {
    let Some(text) = query.get(name).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    match text.parse::<i64>() {
        Ok(number) => Ok(Some(u64::try_from(number).unwrap_or(0))),
        Err(error) => Err(Status::bad_request(format!(
            "strconv.ParseInt: parsing {text:?}: {}",
            unparsable(error.kind())
        ))),
    }
}
