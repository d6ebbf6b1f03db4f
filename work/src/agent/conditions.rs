//! The conditions of a work and of its manifests.
//!
//! Nothing here asks anybody: the caller says what it found and what time it is.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use api::types::work::{ManifestCondition, ManifestWorkStatus, ResourceMeta};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

/// Of a work and of a manifest: whether it was applied.
pub const APPLIED: &str = "Applied";
/// Of a work and of a manifest: whether it is there, which is not to say that it works.
pub const AVAILABLE: &str = "Available";
/// Of a work: it goes.
pub const DELETING: &str = "Deleting";
/// Of a work and of a manifest, made by rules: it is finished, and applied no more.
pub const COMPLETE: &str = "Complete";
/// Of a work and of a manifest, made by rules: it is under way.
pub const PROGRESSING: &str = "Progressing";
/// Of a manifest: whether what is asked for of its status could be read.
pub const FEEDBACK_SYNCED: &str = "StatusFeedbackSynced";

/// With what the reasons of conditions that rules make begin.
const RULE_REASON: &str = "ConditionRule";

/// What was found where a manifest's object should be.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// It is there.
    Object(Arc<Value>),
    /// It is not.
    Nothing,
    /// Nobody knows, with the reason.
    Unknown(String),
    /// It is not known what to look for.
    Incomplete,
}

/// This moment, as precise as conditions tell it.
#[must_use]
pub fn now() -> Time {
    let now = Timestamp::now();
    Time(Timestamp::from_second(now.as_second()).unwrap_or(now))
}

/// Puts a condition in place of the one of its type. When that had the same
/// status, it is since then; else since the new one's time.
pub fn set(conditions: &mut Vec<Condition>, new: Condition) {
    let Some(old) = conditions.iter_mut().find(|old| old.type_ == new.type_) else {
        conditions.push(new);
        return;
    };
    let since = if old.status == new.status {
        old.last_transition_time.clone()
    } else {
        new.last_transition_time.clone()
    };
    *old = Condition {
        last_transition_time: since,
        ..new
    };
}

/// The condition of that type.
#[must_use]
pub fn find<'a>(conditions: &'a [Condition], of_type: &str) -> Option<&'a Condition> {
    conditions.iter().find(|one| one.type_ == of_type)
}

/// Whether there is a condition of that type, and true.
#[must_use]
pub fn is_true(conditions: &[Condition], of_type: &str) -> bool {
    find(conditions, of_type).is_some_and(|one| one.status == "True")
}

/// Whether a manifest was applied, and if not why.
#[must_use]
pub fn manifest_applied(error: Option<&dyn Display>, generation: i64, now: &Time) -> Condition {
    match error {
        None => condition(
            (APPLIED, "True", "AppliedManifestComplete"),
            "Apply manifest complete".to_owned(),
            generation,
            now,
        ),
        Some(error) => condition(
            (APPLIED, "False", "AppliedManifestFailed"),
            format!("Failed to apply manifest: {error}"),
            generation,
            now,
        ),
    }
}

/// What is told of manifests after applying them: what is new, with what was
/// known of the same object before, wherever among the manifests it was then.
/// What is gone from the work is told of no more.
#[must_use]
pub fn merge_manifests(
    old: &[ManifestCondition],
    new: Vec<(ResourceMeta, Condition)>,
) -> Vec<ManifestCondition> {
    let known = |meta: &ResourceMeta| {
        let exact = old.iter().find(|old| old.resource_meta == *meta);
        exact.or_else(|| {
            let mut moved = old.iter().filter(|old| is_same(&old.resource_meta, meta));
            // Of two with one name it is not known which has moved.
            let first = moved.next();
            first.filter(|_| moved.next().is_none())
        })
    };
    let merged = new.into_iter().map(|(meta, applied)| {
        let mut merged = known(&meta).cloned().unwrap_or_default();
        merged.resource_meta = meta;
        set(&mut merged.conditions, applied);
        merged
    });
    merged.collect()
}

/// Whether both are of one object, and of one that is known.
fn is_same(one: &ResourceMeta, other: &ResourceMeta) -> bool {
    let name = |of: &ResourceMeta| ResourceMeta {
        ordinal: 0,
        ..of.clone()
    };
    let one = name(one);
    one != ResourceMeta::default() && one == name(other)
}

/// Whether all manifests were applied; `None` if nothing is known of any.
#[must_use]
pub fn work_applied(
    manifests: &[ManifestCondition],
    generation: i64,
    now: &Time,
) -> Option<Condition> {
    let mut applied = manifests
        .iter()
        .filter_map(|manifest| find(&manifest.conditions, APPLIED))
        .peekable();
    applied.peek()?;
    let (status, reason, message) = if applied.all(|one| one.status != "False") {
        (
            "True",
            "AppliedManifestWorkComplete",
            "Apply manifest work complete",
        )
    } else {
        (
            "False",
            "AppliedManifestWorkFailed",
            "Failed to apply manifest work",
        )
    };
    let of = (APPLIED, status, reason);
    Some(condition(of, message.to_owned(), generation, now))
}

/// The work goes.
#[must_use]
pub fn work_deleting(generation: i64, now: &Time) -> Condition {
    let message = "ManifestWork is being deleted".to_owned();
    condition((DELETING, "True", "WorkDeleting"), message, generation, now)
}

/// Whether a manifest's object is there.
#[must_use]
pub fn manifest_available(found: &Found, generation: i64, now: &Time) -> Condition {
    let (status, reason, message) = match found {
        Found::Object(_) => (
            "True",
            "ResourceAvailable",
            "Resource is available".to_owned(),
        ),
        Found::Nothing => (
            "False",
            "ResourceNotAvailable",
            "Resource is not available".to_owned(),
        ),
        Found::Unknown(why) => (
            "Unknown",
            "FetchingResourceFailed",
            format!("Failed to fetch resource: {why}"),
        ),
        Found::Incomplete => (
            "Unknown",
            "IncompletedResourceMeta",
            "Resource meta is incompleted".to_owned(),
        ),
    };
    condition((AVAILABLE, status, reason), message, generation, now)
}

/// Whether what is asked for of an object's status could be read: `None` if
/// nothing is asked for, else what went wrong.
#[must_use]
pub fn feedback_synced(errors: Option<&[String]>, generation: i64, now: &Time) -> Condition {
    let (status, reason, message) = match errors {
        None => ("True", "NoStatusFeedbackSynced", String::new()),
        Some([]) => ("True", "StatusFeedbackSynced", String::new()),
        Some(errors) => (
            "False",
            "StatusFeedbackSyncFailed",
            format!(
                "Sync status feedback failed with error {}",
                aggregate_error(errors)
            ),
        ),
    };
    condition((FEEDBACK_SYNCED, status, reason), message, generation, now)
}

/// Errors in one text, as Kubernetes' own aggregate has them: each once.
fn aggregate_error(errors: &[String]) -> String {
    let mut once: Vec<&str> = Vec::new();
    for error in errors {
        if !once.contains(&error.as_str()) {
            once.push(error);
        }
    }
    match once.as_slice() {
        [one] => (*one).to_owned(),
        several => format!("[{}]", several.join(", ")),
    }
}

/// Takes off the conditions made by rules that the work had before this
/// generation: whoever takes a rule away makes a new one.
pub fn prune_rules(conditions: &mut Vec<Condition>, generation: i64) {
    conditions.retain(|one| !is_by_rule(one) || one.observed_generation == Some(generation));
}

fn is_by_rule(condition: &Condition) -> bool {
    condition.reason.starts_with(RULE_REASON)
}

/// Makes the work's own conditions of its manifests': `Available`, and one for
/// each type that rules make. Only what was found of this generation counts.
pub fn aggregate(status: &mut ManifestWorkStatus, generation: i64, now: &Time) {
    let manifests = &status.resource_status.manifests;
    let mut counted: BTreeMap<&str, Count<'_>> = BTreeMap::new();
    counted.insert(AVAILABLE, Count::default());
    let conditions = manifests.iter().flat_map(|one| &one.conditions);
    for one in conditions.filter(|one| one.observed_generation == Some(generation)) {
        if one.type_ == AVAILABLE || is_by_rule(one) {
            counted.entry(&one.type_).or_default().add(one);
        }
    }
    let total = manifests.len();
    let made: Vec<Condition> = counted
        .into_iter()
        .map(|(of_type, count)| match of_type {
            AVAILABLE => count.available(total, generation, now),
            _ => count.by_rules(of_type, generation, now),
        })
        .collect();
    for one in made {
        set(&mut status.conditions, one);
    }
    prune_rules(&mut status.conditions, generation);
}

/// Manifests' conditions of one type.
#[derive(Clone, Copy, Debug, Default)]
struct Count<'a> {
    yes: usize,
    no: usize,
    unknown: usize,
    message: &'a str,
}

impl<'a> Count<'a> {
    fn add(&mut self, one: &'a Condition) {
        match one.status.as_str() {
            "True" => self.yes += 1,
            "False" => self.no += 1,
            _ => self.unknown += 1,
        }
        if !one.message.is_empty() {
            self.message = &one.message;
        }
    }

    fn available(self, total: usize, generation: i64, now: &Time) -> Condition {
        let (status, reason, message) = match self {
            Self { no: 1.., .. } => (
                "False",
                "ResourcesNotAvailable",
                format!("{} of {total} resources are not available", self.no),
            ),
            Self { unknown: 1.., .. } => (
                "Unknown",
                "ResourcesStatusUnknown",
                format!("{} of {total} resources have unknown status", self.unknown),
            ),
            // The space at the end is upstream's.
            Self { yes: 0, .. } => (
                "Unknown",
                "ResourcesStatusUnknown",
                "cannot get any available resource ".to_owned(),
            ),
            Self { .. } => (
                "True",
                "ResourcesAvailable",
                "All resources are available".to_owned(),
            ),
        };
        condition((AVAILABLE, status, reason), message, generation, now)
    }

    fn by_rules(self, of_type: &str, generation: i64, now: &Time) -> Condition {
        let Self {
            yes, no, unknown, ..
        } = self;
        let order = if of_type == PROGRESSING {
            [(yes, "True"), (unknown, "Unknown"), (no, "False")]
        } else {
            [(no, "False"), (unknown, "Unknown"), (yes, "True")]
        };
        let first = order.into_iter().find(|(count, _)| *count > 0);
        let status = first.map_or("Unknown", |(_, status)| status);
        let total = yes + no + unknown;
        let message = if total == 1 && !self.message.is_empty() {
            self.message.to_owned()
        } else {
            format!("Aggregated from {total} manifest conditions")
        };
        let of = (of_type, status, "ConditionRulesAggregated");
        condition(of, message, generation, now)
    }
}

/// A condition of a type, status and reason.
pub(super) fn condition(
    (type_, status, reason): (&str, &str, &str),
    message: String,
    generation: i64,
    now: &Time,
) -> Condition {
    Condition {
        last_transition_time: now.clone(),
        message: cut(message),
        observed_generation: Some(generation),
        reason: reason.to_owned(),
        status: status.to_owned(),
        type_: type_.to_owned(),
    }
}

/// The longest message that a condition's schema allows, in bytes.
const MESSAGE_MAX: usize = 32_768;

fn cut(mut message: String) -> String {
    message.truncate(message.floor_char_boundary(MESSAGE_MAX));
    message
}

#[cfg(test)]
mod tests;
