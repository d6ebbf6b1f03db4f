//! What a set says of its works.

use std::collections::BTreeSet;
use std::sync::Arc;

use api::types::work::{
    ManifestWorkReplicaSet, ManifestWorkReplicaSetStatus, PlacementSummary, WorkSummary,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

use super::super::children::Child;
use super::progress::{APPLIED, AVAILABLE, DEGRADED, PROGRESSING, Template};

/// What is seen of one placement.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub(super) name: String,
    /// Whether there is any decision.
    pub(super) decided: bool,
    pub(super) groups: usize,
    pub(super) clusters: BTreeSet<String>,
    /// The works there are for it.
    pub(super) works: Vec<Arc<Child>>,
    pub(super) template: Option<Template>,
    /// Clusters that have succeeded with the template.
    pub(super) succeeded: usize,
    pub(super) timed_out: BTreeSet<String>,
    /// Whether more have failed than may.
    pub(super) breach: bool,
    /// What is wrong with the strategy.
    pub(super) wrong: Option<String>,
}

/// What a condition says, but for its type.
struct Says {
    reason: &'static str,
    message: String,
}

const AS_EXPECTED: &str = "AsExpected";
const NOT_AS_EXPECTED: &str = "NotAsExpected";
const EMPTY: &str = "PlacementDecisionEmpty";
const NOT_FOUND: &str = "PlacementDecisionNotFound";
const COMPLETE: &str = "Complete";
const PROCESSING: &str = "Processing";
const ROLLING_OUT: &str = "Progressing";
/// Clusters that a message names.
const NAMED: usize = 5;

pub(super) const MANIFESTWORK_APPLIED: &str = "ManifestworkApplied";
const PLACEMENT_ROLLED_OUT: &str = "PlacementRolledOut";
const PLACEMENT_VERIFIED: &str = "PlacementVerified";

/// The status of a set.
pub(super) fn status(
    set: &ManifestWorkReplicaSet,
    looks: &[Look],
    now: Timestamp,
) -> ManifestWorkReplicaSetStatus {
    let before = set.status.as_ref();
    let mut status = ManifestWorkReplicaSetStatus {
        conditions: before.map_or_else(Vec::new, |status| status.conditions.clone()),
        ..ManifestWorkReplicaSetStatus::default()
    };
    for look in looks {
        let summary = look.summary();
        add(&mut status.summary, &summary);
        let chosen = look.clusters.len();
        let there = look.wanted().count();
        status.placement_summary.push(PlacementSummary {
            name: look.name.clone(),
            available_decision_groups: format!(
                "{} ({there} / {chosen} clusters applied)",
                look.groups
            ),
            summary,
        });
    }
    let says = [
        (PLACEMENT_VERIFIED, verified(looks), AS_EXPECTED),
        (PLACEMENT_ROLLED_OUT, rolled_out(looks), COMPLETE),
        (
            MANIFESTWORK_APPLIED,
            applied(looks, &status.summary),
            AS_EXPECTED,
        ),
    ];
    let generation = set.metadata.generation;
    for (type_, says, good) in says {
        let good = says.reason == good;
        say(&mut status.conditions, type_, good, says, generation, now);
    }
    status
}

/// Says that works could not be written, in the place of what was said of them.
pub(super) fn say_failed(
    status: &mut ManifestWorkReplicaSetStatus,
    message: String,
    generation: Option<i64>,
    now: Timestamp,
) {
    let says = Says {
        reason: NOT_AS_EXPECTED,
        message,
    };
    let conditions = &mut status.conditions;
    say(
        conditions,
        MANIFESTWORK_APPLIED,
        false,
        says,
        generation,
        now,
    );
}

impl Look {
    /// Works of clusters that are chosen, and are to stay; while nothing is
    /// decided, all that there are.
    fn wanted(&self) -> impl Iterator<Item = &Child> {
        let works = self.works.iter().map(Arc::as_ref);
        works.filter(|child| {
            !child.deleting && (!self.decided || self.clusters.contains(&child.cluster))
        })
    }

    fn summary(&self) -> WorkSummary {
        let count = |type_| {
            self.wanted()
                .filter(|child| child.is(type_, "True"))
                .count()
        };
        let updated = self.wanted();
        let updated = updated.filter(|child| self.template.is_some_and(|of| of.spec == child.spec));
        WorkSummary {
            total: number(self.wanted().count()),
            available: number(count(AVAILABLE)),
            progressing: number(count(PROGRESSING)),
            degraded: number(count(DEGRADED)),
            applied: number(count(APPLIED)),
            desired_total: number(self.clusters.len()),
            updated: number(updated.count()),
        }
    }
}

fn verified(looks: &[Look]) -> Says {
    let wrong = looks.iter().find_map(|look| {
        let wrong = look.wrong.as_ref()?;
        Some(format!("placement {}: {wrong}", look.name))
    });
    if let Some(message) = wrong {
        return says(NOT_AS_EXPECTED, message);
    }
    if let Some(look) = looks.iter().find(|look| !look.decided) {
        let message = format!("there is no PlacementDecision of placement {}", look.name);
        return says(NOT_FOUND, message);
    }
    if looks.iter().all(|look| look.clusters.is_empty()) {
        return says(EMPTY, "no cluster is chosen");
    }
    says(AS_EXPECTED, "")
}

fn rolled_out(looks: &[Look]) -> Says {
    let chosen: usize = looks.iter().map(|look| look.clusters.len()).sum();
    let succeeded: usize = looks.iter().map(|look| look.succeeded).sum();
    if chosen > 0 && succeeded == chosen && looks.iter().all(|look| look.decided) {
        return says(COMPLETE, "");
    }
    let mut message = format!("{succeeded} of {chosen} clusters have succeeded");
    for look in looks.iter().filter(|look| look.breach) {
        let name = &look.name;
        message.push_str(&format!(
            "; the rollout to placement {name} has stopped: more clusters have failed than maxFailures allows"
        ));
    }
    let timed_out: Vec<&str> = looks
        .iter()
        .flat_map(|look| &look.timed_out)
        .map(String::as_str)
        .collect();
    if !timed_out.is_empty() {
        let some = timed_out.iter().take(NAMED).copied().collect::<Vec<_>>();
        let more = if timed_out.len() > NAMED { ", ..." } else { "" };
        message.push_str(&format!(
            "; past the progressDeadline: {}{more}",
            some.join(", ")
        ));
    }
    says(ROLLING_OUT, message)
}

fn applied(looks: &[Look], sum: &WorkSummary) -> Says {
    if sum.desired_total == 0 {
        return says(EMPTY, "no cluster is chosen");
    }
    let failed = looks.iter().flat_map(Look::wanted);
    let failed = failed
        .filter(|child| child.is(APPLIED, "False") || child.is(DEGRADED, "True"))
        .count();
    if failed > 0 {
        return says(
            NOT_AS_EXPECTED,
            format!("{failed} of {} works failed", sum.total),
        );
    }
    if sum.applied >= sum.desired_total && sum.updated >= sum.desired_total {
        return says(AS_EXPECTED, "");
    }
    let message = format!("{} of {} works are applied", sum.applied, sum.desired_total);
    says(PROCESSING, message)
}

fn says(reason: &'static str, message: impl Into<String>) -> Says {
    Says {
        reason,
        message: message.into(),
    }
}

/// Sets a condition; the time of its last transition changes with its status.
fn say(
    conditions: &mut Vec<Condition>,
    type_: &str,
    good: bool,
    says: Says,
    generation: Option<i64>,
    now: Timestamp,
) {
    let status = if good { "True" } else { "False" };
    let place = conditions.iter().position(|of| of.type_ == type_);
    let before = place.map(|place| &conditions[place]);
    let since = before
        .filter(|before| before.status == status)
        .map_or_else(|| Time(now), |before| before.last_transition_time.clone());
    let condition = Condition {
        last_transition_time: since,
        message: says.message,
        observed_generation: generation,
        reason: says.reason.to_owned(),
        status: status.to_owned(),
        type_: type_.to_owned(),
    };
    match place {
        Some(place) => conditions[place] = condition,
        None => conditions.push(condition),
    }
}

fn add(sum: &mut WorkSummary, of: &WorkSummary) {
    sum.total += of.total;
    sum.available += of.available;
    sum.progressing += of.progressing;
    sum.degraded += of.degraded;
    sum.applied += of.applied;
    sum.desired_total += of.desired_total;
    sum.updated += of.updated;
}

fn number(count: usize) -> i32 {
    count.try_into().unwrap_or(i32::MAX)
}
